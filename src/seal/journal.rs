//! What a crash must not make us forget: setup has begun, or the seal refused.
//!
//! In: where setup works and what is to be scanned. Out: a file in setup's
//! directory, since a volume outlives the container, and one in the container's
//! writable layer, where only root can change it. A start that finds either seals
//! and scans first.
//!
//! Setup, and a main that may write to setup's directory, can remove or forge the
//! file there, and a PID 1 that is not root has only that one: the journal then
//! helps against crashes and honest programs, not against them. A forged one
//! costs a scan.
//!
//! **Never:** a value, or the place of a finding: a count says enough.

mod memory;

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkdir};

use super::as_user::ask;
use super::wording::shown_path;
use crate::collect::accounts::Identity;
use crate::exit::Exit;
use crate::report::Fault;

pub use memory::{Memory, Since};

/// The file's name in setup's directory.
pub const FILE: &str = ".vestibule-journal";
/// A directory of root alone in the writable layer.
const LAYER: &str = "/var/lib/vestibule";
/// The form of this version.
const FIRST: &str = "vestibule-journal 1";
const LAST: &str = "end";
/// More than any journal of ours.
const LIMIT: u64 = 1 << 16;

/// How far the last start came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Setup's first process was about to start; no seal has passed since.
    SetupRunning,
    /// The seal found something and refused.
    Refused,
}

/// A journal that is being kept.
#[derive(Debug)]
pub struct Journal {
    files: Vec<PathBuf>,
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
    /// As many things had been found.
    pub findings: u64,
    files: Vec<PathBuf>,
}

/// A journal that cannot be written or removed.
#[derive(Debug)]
pub struct JournalFault {
    path: PathBuf,
    kind: io::ErrorKind,
}

impl Journal {
    /// Notes, before setup's first process, that a scan is owed.
    pub fn begin(setup: &Path, memory: Memory) -> Result<Self, JournalFault> {
        Self::begin_among(setup, Path::new(LAYER), memory)
    }

    fn begin_among(setup: &Path, layer: &Path, memory: Memory) -> Result<Self, JournalFault> {
        let mut journal = Self {
            files: Vec::new(),
            memory,
        };
        let content = journal.content(State::SetupRunning, 0);
        let beside = setup.join(FILE);
        let in_layer = own_directory(layer).map(|directory| directory.join("journal"));
        let mut refused = None;
        for path in [Some(beside), in_layer.ok()].into_iter().flatten() {
            match write_new(&path, &content) {
                Ok(()) => journal.files.push(path),
                // An old one in the way is a bug or an attack.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(fault(&path, &error));
                }
                Err(error) => refused = refused.or(Some(fault(&path, &error))),
            }
        }
        if let Some(fault) = refused.filter(|_| journal.files.is_empty()) {
            return Err(fault);
        }
        Ok(journal)
    }

    /// Notes that the seal refused, and how much it had found.
    pub fn refuse(&self, findings: u64) -> Result<(), JournalFault> {
        let content = self.content(State::Refused, findings);
        for path in &self.files {
            replace(path, &content).map_err(|error| fault(path, &error))?;
        }
        Ok(())
    }

    /// Removes it: the seal has passed. The one beside setup's work goes last: by
    /// its age that work can be told from what is older.
    pub fn close(self) -> Result<(), JournalFault> {
        for path in self.files.iter().rev() {
            match fs::remove_file(path) {
                // Setup may have removed the one in its directory.
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(fault(path, &error));
                }
                Ok(()) | Err(_) => {}
            }
            synchronize_directory(path).map_err(|error| fault(path, &error))?;
        }
        Ok(())
    }

    /// One word and its value a line, and a last line that nothing cut off.
    fn content(&self, state: State, findings: u64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let (now, state) = (now.map_or(0, |now| now.as_secs()), state.word());
        let mut text = format!("{FIRST}\nstate {state}\ntime {now}\nfindings {findings}\n");
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
    let beside = setup.map(|directory| directory.join(FILE));
    let mut owed: Option<Owed> = None;
    for path in beside.into_iter().chain([layer.join("journal")]) {
        if !is_there(&path, user) {
            continue;
        }
        let mut found = read(&path).unwrap_or_else(Owed::everything);
        found.files.push(path);
        owed = Some(match owed {
            Some(other) => other.with(found),
            None => found,
        });
    }
    owed
}

/// What neither we nor setup's user may look at counts as there.
fn is_there(path: &Path, user: &Identity) -> bool {
    let absent = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
    let look = || match fs::symlink_metadata(path) {
        Ok(_) => Some(true),
        Err(error) if absent.contains(&error.kind()) => Some(false),
        Err(_) => None,
    };
    let as_user = || ask(user, &|| look().map(u8::from).into_iter().collect());
    look().unwrap_or_else(|| as_user() != Ok(vec![0]))
}

impl Owed {
    /// Goes on keeping the journals that were found: the seal of this start
    /// either closes them or refuses again.
    #[must_use]
    pub fn into_journal(self) -> Journal {
        Journal {
            files: self.files,
            memory: self.memory,
        }
    }

    /// Whether the moments are known to be ours: only root could have written
    /// every file that was found.
    #[must_use]
    pub fn is_of_layer(&self) -> bool {
        self.files.iter().all(|path| !path.ends_with(FILE))
    }

    fn everything() -> Self {
        Self {
            state: None,
            memory: Memory::default(),
            time: None,
            findings: 0,
            files: Vec::new(),
        }
    }

    /// Both debts: the worse state, and the directories of both.
    fn with(mut self, other: Self) -> Self {
        self.memory.join(other.memory);
        if self.state != other.state {
            self.state = self.state.and(other.state).and(Some(State::Refused));
        }
        self.time = self.time.or(other.time);
        self.findings = self.findings.max(other.findings);
        self.files.extend(other.files);
        self
    }
}

fn read(path: &Path) -> Option<Owed> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    file.take(LIMIT).read_to_string(&mut text).ok()?;
    parse(&text)
}

fn parse(text: &str) -> Option<Owed> {
    let body = text.strip_suffix('\n')?.strip_suffix(LAST)?;
    let mut lines = body.lines();
    if lines.next() != Some(FIRST) {
        return None;
    }
    let mut owed = Owed::everything();
    let mut findings = None;
    for line in lines {
        let (word, value) = line.split_once(' ')?;
        match word {
            "state" => {
                let states = [State::SetupRunning, State::Refused];
                owed.state = Some(states.into_iter().find(|state| state.word() == value)?);
            }
            "time" => owed.time = Some(value.parse().ok()?),
            "findings" => findings = Some(value.parse().ok()?),
            word => owed.memory.take(word, value)?,
        }
    }
    owed.findings = findings?;
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
        match path.map_or(Ok(()), |path| mkdir(path, mode)) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    let found = fs::symlink_metadata(layer)?;
    if !found.is_dir() || found.uid() != 0 || found.mode() & 0o077 != 0 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(layer)
}

/// Writes a file that is not there yet, through to the disk.
fn write_new(path: &Path, content: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    synchronize_directory(path)
}

/// Puts new content in a journal's place at once.
fn replace(path: &Path, content: &str) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(OsStr::from_bytes(b".new"));
    let fresh = PathBuf::from(name);
    let _ = fs::remove_file(&fresh);
    write_new(&fresh, content)?;
    fs::rename(&fresh, path)?;
    synchronize_directory(path)
}

fn synchronize_directory(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

fn fault(path: &Path, error: &io::Error) -> JournalFault {
    JournalFault {
        path: path.to_path_buf(),
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
        "let PID 1 write to setup's directory, or give the container a writable layer".into()
    }

    fn exit(&self) -> Exit {
        Exit::System
    }
}

#[cfg(test)]
mod tests;
