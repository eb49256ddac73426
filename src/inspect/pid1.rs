//! What PID 1 of this container is doing, seen from beside it.
//!
//! In: its argument vector and its name in `/proc`, which everybody may read and
//! nobody but PID 1 can change. Out: the options in force, what main was started
//! from, and whether it runs.
//!
//! **Never:** a word of this process's own caller instead: main may have prepared
//! what `docker exec` starts; a name or a process that main chose.

use std::ffi::{CStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;

use crate::cli::{self, Command, Options};
use crate::exit::Exit;
use crate::pin::Pin;
use crate::report::Fault;
use crate::start::{AT_WORK, ENDING, STARTING};

/// Why this process cannot go by PID 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRunning {
    /// There is no `/proc` to see it in.
    Unseen,
    /// PID 1 is another program.
    Foreign,
    /// Main has not been started yet.
    NotYet,
    /// Main has ended, and what it left is still there.
    Over,
}

/// What PID 1 was started with.
pub struct InForce {
    /// Its options.
    pub options: Options,
    /// What main was started from; `None`: there was no secret and no policy.
    pub pin: Option<Pin>,
}

/// What PID 1 was started with, if main runs.
pub fn in_force() -> Result<InForce, NotRunning> {
    let name = text("/proc/1/comm").ok_or(NotRunning::Unseen)?;
    if ![AT_WORK, STARTING, ENDING]
        .iter()
        .any(|ours| is(&name, ours))
    {
        return Err(NotRunning::Foreign);
    }
    let words = fs::read("/proc/1/cmdline").map_err(|_| NotRunning::Unseen)?;
    let words = words.strip_suffix(b"\0").unwrap_or(&words);
    let words = words.split(|byte| *byte == 0).skip(1);
    let words = words.map(|word| OsString::from_vec(word.to_vec()));
    // What came by variable is among the words by now.
    let (_, command) = cli::parse(words.collect(), &|_| None);
    let Ok(Command::Start(options, words)) = command else {
        return Err(NotRunning::Foreign);
    };
    if is(&name, STARTING) {
        return Err(NotRunning::NotYet);
    }
    if is(&name, ENDING) {
        return Err(NotRunning::Over);
    }
    // The command's name, and nothing else, stands before it.
    let pin = match words.as_slice() {
        [_, word] => word.to_str().and_then(Pin::parse),
        _ => None,
    };
    Ok(InForce { options, pin })
}

fn is(name: &str, ours: &CStr) -> bool {
    name.as_bytes() == ours.to_bytes()
}

fn text(path: &str) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).trim_ascii_end().to_owned())
}

impl Fault for NotRunning {
    fn what(&self) -> String {
        match self {
            Self::Unseen => "cannot see PID 1",
            Self::Foreign => "PID 1 of this container is not vestibule",
            Self::NotYet => "main has not been started yet",
            Self::Over => "main has ended",
        }
        .into()
    }

    fn place(&self) -> String {
        "/proc/1".into()
    }

    fn remedy(&self) -> String {
        match self {
            Self::Unseen => "mount `/proc` in the container",
            Self::Foreign => "make vestibule the container's entrypoint, without `--init` and without a process namespace that it shares",
            Self::Over => "wait until the container has ended, and start it again",
            Self::NotYet => "wait until the container is healthy; its log says what it is waiting for",
        }
        .into()
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Unseen | Self::Foreign => Exit::Policy,
            Self::NotYet | Self::Over => Exit::System,
        }
    }
}
