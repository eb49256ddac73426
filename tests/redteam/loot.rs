//! What the thief says of its attempts.
//!
//! In: its standard output. Out: one `Attempt` for each way that it tried.
//!
//! **Never:** a value; the thief tells only whose it was and where it lay.

use std::fmt;

use serde_json::Value;

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

/// One way, tried.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
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
    fn parse(line: &str) -> Self {
        let line: Value = serde_json::from_str(line).expect("the thief writes JSON");
        let text = |name: &str| line[name].as_str().expect(name).to_owned();
        Self {
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
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.row, self.way)?;
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
pub(crate) fn parse(said: &str) -> Option<Vec<Attempt>> {
    let attempts: Vec<Attempt> = said
        .lines()
        .filter_map(|line| line.strip_prefix("attack "))
        .map(Attempt::parse)
        .collect();
    let done = said.lines().find_map(|line| line.strip_prefix("done "))?;
    (done.parse() == Ok(attempts.len())).then_some(attempts)
}
