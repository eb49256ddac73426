//! What a crash must not make us forget: setup has begun, or the seal refused.
//!
//! In: where setup works and what is to be scanned. Out: a journal at setup's
//! directory, since a volume outlives the container, and one in the container's
//! writable layer, where only root can change it. A start that finds either seals
//! and scans first.
//!
//! Setup can take the one at its directory neither away nor forge it, as it sets no
//! attributes; where that does not hold, a start that finds none searches all the
//! same (`firm`). A main that may write there can forge one, which costs a scan.
//!
//! **Never:** a value, or the place of a finding.

mod firm;
mod kept;
mod layer;
mod memory;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::wording::shown_path;
use crate::collect::accounts::Identity;
use crate::exit::Exit;
use crate::report::Fault;

pub use firm::Doubt;
pub use memory::{Memory, Since};

use kept::{ATTRIBUTE, Kept};
use layer::LAYER;

/// The file's name in setup's directory, where that can have no attribute.
pub const FILE: &str = ".vestibule-journal";
/// The form of this version.
const FIRST: &str = "vestibule-journal 1";
const LAST: &str = "end";

/// What a file system answers to an attribute that is too long for it.
const NO_ROOM: [io::ErrorKind; 3] = [
    io::ErrorKind::StorageFull,
    io::ErrorKind::QuotaExceeded,
    io::ErrorKind::ArgumentListTooLong,
];

/// How far the last start came, in the order of what is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Setup was through; the seal found something and refused.
    Refused,
    /// The same, and what setup had is yet to be revoked.
    RefusedUnrevoked,
    /// Setup's first process was about to start; no seal has come to its end.
    SetupRunning,
}

const STATES: [State; 3] = [State::Refused, State::RefusedUnrevoked, State::SetupRunning];

/// A journal that is being kept.
#[derive(Debug)]
pub struct Journal {
    places: Vec<Kept>,
    /// Setup's user, who may do in its directory what we may not.
    user: Identity,
    /// Whether setup has to begin anew, whatever the seal says.
    is_unfinished: bool,
    memory: Memory,
}

/// What an earlier start left to be done.
#[derive(Debug)]
pub struct Owed {
    /// How far it came; `None` if the file does not say.
    pub state: Option<State>,
    /// What it had noted.
    pub memory: Memory,
    /// When it was written, in seconds since 1970.
    pub time: Option<u64>,
    /// Whether its moments are ours for certain: nobody but root can have written
    /// them, and no other journal says otherwise.
    pub is_certain: bool,
    places: Vec<Kept>,
}

/// A journal that cannot be written or removed.
#[derive(Debug)]
pub struct JournalFault {
    path: PathBuf,
    kind: io::ErrorKind,
}

impl Journal {
    /// Notes, before setup's first process, that a scan is owed. `setup` is its
    /// directory, if it has one.
    pub fn begin(
        setup: Option<&Path>,
        memory: Memory,
        user: &Identity,
    ) -> Result<Self, JournalFault> {
        Self::begin_among(setup, Path::new(LAYER), memory, user)
    }

    fn begin_among(
        setup: Option<&Path>,
        layer: &Path,
        memory: Memory,
        user: &Identity,
    ) -> Result<Self, JournalFault> {
        let mut journal = Self {
            places: Vec::new(),
            user: user.clone(),
            is_unfinished: false,
            memory,
        };
        // Where one is out of setup's reach, the next start relies on it.
        let firm = setup.and_then(|setup| firm::place(setup, user));
        let firm = firm.filter(|place| firm::can_hold(place, user));
        let in_layer =
            layer::directory(layer).map(|directory| Kept::File(directory.join("journal")));
        let mut refused = None;
        if let Some(place) = firm {
            journal.begin_at(place)?;
        } else {
            for place in beside(setup) {
                match journal.begin_at(place) {
                    Ok(()) => break,
                    // An old one in the way is a bug or an attack.
                    Err(fault) if fault.kind == io::ErrorKind::AlreadyExists => return Err(fault),
                    Err(fault) => refused = Some(fault),
                }
            }
        }
        if let Ok(place) = in_layer {
            journal.begin_at(place)?;
        }
        if journal.places.is_empty() {
            return Err(refused.unwrap_or(JournalFault {
                path: layer.into(),
                kind: io::ErrorKind::PermissionDenied,
            }));
        }
        Ok(journal)
    }

    /// Writes one. Where there is no room for all of it, the next start searches more.
    fn begin_at(&mut self, place: Kept) -> Result<(), JournalFault> {
        let mut begun = place.begin(&self.content(State::SetupRunning), &self.user);
        if let Err(error) = &begun
            && NO_ROOM.contains(&error.kind())
        {
            self.memory = std::mem::take(&mut self.memory).brief();
            begun = place.begin(&self.content(State::SetupRunning), &self.user);
        }
        begun.map_err(|error| fault(&place, &error))?;
        self.places.push(place);
        Ok(())
    }

    /// Notes that the seal refused, unless setup is to begin anew anyway.
    pub fn refuse(&self, is_revoked: bool) -> Result<(), JournalFault> {
        if self.is_unfinished {
            return Ok(());
        }
        let content = self.content(if is_revoked {
            State::Refused
        } else {
            State::RefusedUnrevoked
        });
        for place in &self.places {
            let replaced = place.replace(&content, &self.user);
            replaced.map_err(|error| fault(place, &error))?;
        }
        Ok(())
    }

    /// Removes it: the seal has passed. The one beside setup's work goes last: by
    /// its age that work can be told from what is older.
    pub fn close(self) -> Result<(), JournalFault> {
        for place in self.places.iter().rev() {
            let removed = place.remove(&self.user);
            removed.map_err(|error| fault(place, &error))?;
        }
        Ok(())
    }

    /// One word and its value a line, and a last line that nothing cut off.
    fn content(&self, state: State) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let (now, state) = (now.map_or(0, |now| now.as_secs()), state.word());
        let mut text = format!("{FIRST}\nstate {state}\ntime {now}\n");
        self.memory.write(&mut text);
        text.push_str(LAST);
        text.push('\n');
        text
    }
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::SetupRunning => "setup-running",
            Self::Refused => "refused",
            Self::RefusedUnrevoked => "refused-unrevoked",
        }
    }
}

/// What an earlier start owes, by the journals in setup's directory and in the
/// layer. Anything at their places that cannot be read owes all.
#[must_use]
pub fn find(setup: Option<&Path>, user: &Identity) -> Option<Owed> {
    find_among(setup, Path::new(LAYER), user)
}

fn find_among(setup: Option<&Path>, layer: &Path, user: &Identity) -> Option<Owed> {
    let mut owed: Option<Owed> = None;
    let in_layer = Kept::File(layer.join("journal"));
    let firm = setup.and_then(|setup| firm::place(setup, user));
    let mut places: Vec<Kept> = firm.into_iter().collect();
    for place in beside(setup).into_iter().chain([in_layer]) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    for place in places {
        let found = match place.read(user) {
            Ok(None) => continue,
            Ok(Some(text)) => parse(&text),
            Err(_) => None,
        };
        let mut found = found.unwrap_or_else(Owed::everything);
        found.is_certain = place.path().starts_with(layer) && !found.memory.marks.is_empty();
        found.places.push(place);
        owed = Some(match owed {
            Some(other) => other.with(found),
            None => found,
        });
    }
    owed
}

/// Why the absence of a journal is no word that setup was sealed, where `skip_if` is
/// there; `None`: it is one.
#[must_use]
pub fn doubt(setup: Option<&Path>, skip_if: &Path, user: &Identity) -> Option<Doubt> {
    firm::doubt(setup, Path::new(LAYER), skip_if, user)
}

/// Where one can be beside setup's work, the better way first.
fn beside(setup: Option<&Path>) -> Vec<Kept> {
    // A link that leads to the directory has no attributes of its own.
    let places = setup.map(|directory| {
        [
            Kept::Attribute(directory.join("."), ATTRIBUTE.to_owned()),
            Kept::File(directory.join(FILE)),
        ]
    });
    places.into_iter().flatten().collect()
}

impl Owed {
    /// Whether all of setup's commands had ended well.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state.is_some_and(|state| state != State::SetupRunning)
    }

    /// Goes on keeping the journals that were found: the seal of this start
    /// either closes them or refuses again.
    #[must_use]
    pub fn into_journal(self, user: &Identity) -> Journal {
        Journal {
            is_unfinished: !self.is_complete(),
            places: self.places,
            user: user.clone(),
            memory: self.memory,
        }
    }

    /// Whether the moments are known to be ours: only root could have written
    /// every file that was found.
    #[must_use]
    pub fn is_of_layer(&self) -> bool {
        let mut places = self.places.iter();
        places.all(|place| matches!(place, Kept::File(path) if !path.ends_with(FILE)))
    }

    fn everything() -> Self {
        Self {
            state: None,
            memory: Memory::default(),
            time: None,
            is_certain: false,
            places: Vec::new(),
        }
    }

    /// Both debts: the worse state, and the directories of both. The other is the
    /// one in the layer.
    fn with(mut self, other: Self) -> Self {
        self.is_certain = other.is_certain
            && self.memory.marks == other.memory.marks
            && self.memory.older == other.memory.older;
        self.memory.join(other.memory);
        self.state = self.state.zip(other.state).map(|(one, two)| one.max(two));
        self.time = self.time.or(other.time);
        self.places.extend(other.places);
        self
    }
}

fn parse(text: &str) -> Option<Owed> {
    let body = text.strip_suffix('\n')?.strip_suffix(LAST)?;
    let mut lines = body.lines();
    if lines.next() != Some(FIRST) {
        return None;
    }
    let mut owed = Owed::everything();
    for line in lines {
        let (word, value) = line.split_once(' ')?;
        match word {
            "state" => {
                owed.state = Some(STATES.into_iter().find(|state| state.word() == value)?);
            }
            "time" => owed.time = Some(value.parse().ok()?),
            word => owed.memory.take(word, value)?,
        }
    }
    owed.state.map(|_| owed)
}

fn fault(place: &Kept, error: &io::Error) -> JournalFault {
    JournalFault {
        path: place.path().to_path_buf(),
        kind: error.kind(),
    }
}

impl Fault for JournalFault {
    fn what(&self) -> String {
        format!(
            "cannot keep the journal that makes a crash during setup safe: {}",
            self.kind
        )
    }

    fn place(&self) -> String {
        shown_path(&self.path)
    }

    fn remedy(&self) -> String {
        if self.kind == io::ErrorKind::IsADirectory {
            let path = shown_path(&self.path);
            return [
                "remove it (`rm -r ",
                &path,
                "`): vestibule makes no directory there",
            ]
            .concat();
        }
        "let PID 1 or setup's user write to setup's directory, or give the container a writable layer".into()
    }

    fn exit(&self) -> Exit {
        Exit::System
    }
}

#[cfg(test)]
mod tests;
