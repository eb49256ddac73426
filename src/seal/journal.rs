//! What a crash must not make us forget: setup has begun, or the seal refused.
//!
//! In: where setup works and what is to be scanned. Out: a journal at setup's
//! directory, since a volume outlives the container, and one in the container's
//! writable layer, where only root can change it. A start that finds either seals
//! and scans first.
//!
//! Setup, and a main that may write to setup's directory, can remove or forge the
//! one there, and a PID 1 that is not root has only that one: the journal then
//! helps against crashes and honest programs, not against them. A forged one
//! costs a scan.
//!
//! **Never:** a value, or the place of a finding.

mod kept;
mod memory;

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkdir};

use super::wording::shown_path;
use crate::collect::accounts::Identity;
use crate::exit::Exit;
use crate::report::Fault;

pub use memory::{Memory, Since};

use kept::{Kept, above, synchronize};

/// The file's name in setup's directory, where that can have no attribute.
pub const FILE: &str = ".vestibule-journal";
/// A directory of root alone in the writable layer.
const LAYER: &str = "/var/lib/vestibule";
/// The form of this version.
const FIRST: &str = "vestibule-journal 1";
const LAST: &str = "end";

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
        let content = journal.content(State::SetupRunning);
        let in_layer = own_directory(layer).map(|directory| Kept::File(directory.join("journal")));
        let mut refused = None;
        for choice in [beside(setup), in_layer.into_iter().collect()] {
            for place in choice {
                match place.begin(&content, user) {
                    Ok(()) => {
                        journal.places.push(place);
                        break;
                    }
                    // An old one in the way is a bug or an attack.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        return Err(fault(&place, &error));
                    }
                    Err(error) => refused = Some(fault(&place, &error)),
                }
            }
        }
        if journal.places.is_empty() {
            return Err(refused.unwrap_or(JournalFault {
                path: layer.into(),
                kind: io::ErrorKind::PermissionDenied,
            }));
        }
        Ok(journal)
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
    for place in beside(setup).into_iter().chain([in_layer]) {
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

/// Where one can be beside setup's work, the better way first.
fn beside(setup: Option<&Path>) -> Vec<Kept> {
    // A link that leads to the directory has no attributes of its own.
    let places = setup.map(|directory| {
        [
            Kept::Attribute(directory.join(".")),
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
        self.is_certain = other.is_certain && self.memory.marks == other.memory.marks;
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

/// The directory in the layer, for a PID 1 that is root there.
fn own_directory(layer: &Path) -> io::Result<&Path> {
    if !geteuid().is_root() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    for (path, mode) in [
        (
            layer.parent().and_then(Path::parent),
            Mode::from_bits_truncate(0o755),
        ),
        (layer.parent(), Mode::from_bits_truncate(0o755)),
        (Some(layer), Mode::S_IRWXU),
    ] {
        let Some(path) = path else { continue };
        match mkdir(path, mode) {
            Ok(()) => synchronize(above(path))?,
            Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    let found = fs::symlink_metadata(layer)?;
    if !found.is_dir() || found.uid() != 0 || found.mode() & 0o077 != 0 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(layer)
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
