//! What the thief says of its attempts.
//!
//! In: its standard output. Out: one `Attempt` for each way that it tried.
//!
//! **Never:** a value; the thief tells only whose it was and where it lay.

use std::fmt;

use serde_json::Value;

use crate::setup::TOKEN;

/// What a main says that waits for its neighbours before it becomes the thief.
pub(crate) const MAIN: &str = "\nmain\n";

/// What came of one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// The value, or the power, was had.
    Got,
    /// The kernel refused a step without which there is nothing.
    Refused,
    /// All steps went through, and there was nothing.
    Clean,
    /// What would be robbed is not there.
    Absent,
    /// No end within the thief's patience.
    Hung,
}

/// Who tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thief {
    /// Main.
    Main,
    /// A command of setup that has no credential, after one that had it.
    Command,
    /// A session of `vestibule exec` beside main.
    Session,
}

/// One way, tried.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// Who tried.
    pub(crate) thief: Thief,
    /// The row of the catalogue.
    pub(crate) row: String,
    /// The way, in a few words.
    pub(crate) way: String,
    /// What came of it.
    pub(crate) came: Came,
    /// Whose value it was, if it was one.
    canary: String,
    /// Where it was had, or refused.
    place: String,
    /// The error number of the refusal.
    error: i64,
}

impl Attempt {
    fn parse(line: &str, thief: Thief) -> Self {
        let line: Value = serde_json::from_str(line).expect("the thief writes JSON");
        let text = |name: &str| line[name].as_str().expect(name).to_owned();
        Self {
            thief,
            row: text("row"),
            way: text("way"),
            came: match text("outcome").as_str() {
                "got" => Came::Got,
                "refused" => Came::Refused,
                "clean" => Came::Clean,
                "absent" => Came::Absent,
                "hung" => Came::Hung,
                other => panic!("the thief says `{other}`"),
            },
            canary: text("canary"),
            place: text("where"),
            error: line["errno"].as_i64().expect("an error number"),
        }
    }

    /// Whether the thief had what it wanted. A way that hangs is not refused.
    pub(crate) fn is_theft(&self) -> bool {
        matches!(self.came, Came::Got | Came::Hung)
    }

    /// Whether it had the value of this secret.
    pub(crate) fn got(&self, secret: &str) -> bool {
        self.came == Came::Got && self.canary == secret
    }

    /// Whether it had what nobody but setup ever has, when setup was over: no row
    /// and no container excuses that.
    pub(crate) fn is_of_setup(&self) -> bool {
        self.thief != Thief::Command && self.got(TOKEN)
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) of {:?}", self.row, self.way, self.thief)?;
        match self.came {
            Came::Got if self.canary.is_empty() => write!(f, " took {}", self.place),
            Came::Got => write!(f, " got `{}` by {}", self.canary, self.place),
            Came::Refused => write!(f, " was refused at {}: error {}", self.place, self.error),
            Came::Clean => write!(f, " found nothing"),
            Came::Absent => write!(f, " had nothing to try: error {}", self.error),
            Came::Hung => write!(f, " hung"),
        }
    }
}

/// Everything that a thief said, if it came to the end.
pub(crate) fn parse(said: &str, thief: Thief) -> Option<Vec<Attempt>> {
    let attempts: Vec<Attempt> = said
        .lines()
        .filter_map(|line| line.strip_prefix("attack "))
        .map(|line| Attempt::parse(line, thief))
        .collect();
    let done = said.lines().find_map(|line| line.strip_prefix("done "))?;
    (done.parse() == Ok(attempts.len())).then_some(attempts)
}

/// The same for what a container said: after a setup phase a command of it was a
/// thief too, before `MAIN`.
pub(crate) fn of_container(said: &str, has_setup: bool) -> Option<Vec<Attempt>> {
    if !has_setup {
        return parse(said, Thief::Main);
    }
    let (before, after) = said.split_once(MAIN)?;
    let mut attempts = parse(before, Thief::Command)?;
    attempts.extend(parse(after, Thief::Main)?);
    Some(attempts)
}
