//! What PID 1 of this container is doing, seen from beside it.
//!
//! In: its argument vector, its name and its children in `/proc`, which
//! everybody may read. Out: the options in force, and whether main runs.
//!
//! **Never:** a word of this process's own caller instead: main may have
//! prepared what `docker exec` starts.

use std::ffi::{CStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;

use crate::cli::options::main_in;
use crate::cli::{self, Command, Options};
use crate::exit::Exit;
use crate::report::Fault;
use crate::start::{AT_WORK, STARTING};

/// Why this process cannot go by PID 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRunning {
    /// There is no `/proc` to see it in.
    Unseen,
    /// PID 1 is another program.
    Foreign,
    /// Main has not been started yet.
    NotYet,
}

/// The options that PID 1 was started with, if main runs.
pub fn options() -> Result<Options, NotRunning> {
    let name = text("/proc/1/comm").ok_or(NotRunning::Unseen)?;
    if !is(&name, AT_WORK) && !is(&name, STARTING) {
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
    if is(&name, AT_WORK) && is_started(main_in(&words)) {
        Ok(options)
    } else {
        Err(NotRunning::NotYet)
    }
}

/// A process as its line in `/proc` tells.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    name: String,
    parent: i32,
    /// When it began, in clock ticks since the machine did.
    start: u64,
}

/// Whether main is there, and no longer becoming itself. Without a secret PID 1
/// does not say which process that is; then it is the oldest child: orphans come
/// later.
fn is_started(main: Option<i32>) -> bool {
    let main = if let Some(main) = main {
        stat_of(&main.to_string())
    } else {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let processes = processes.filter_map(|process| stat_of(process.file_name().to_str()?));
        let children = processes.filter(|process| process.parent == 1);
        children.min_by_key(|child| child.start)
    };
    main.is_some_and(|main| main.parent == 1 && !is(&main.name, STARTING))
}

fn stat_of(process: &str) -> Option<Stat> {
    parsed(&text(&["/proc/", process, "/stat"].concat())?)
}

/// A line `PID (NAME) STATE PARENT ... START ...` of proc(5), where START is the
/// 22nd field; a name may hold brackets and blanks.
fn parsed(line: &str) -> Option<Stat> {
    let (before, after) = line.rsplit_once(") ")?;
    let (_, name) = before.split_once('(')?;
    let mut fields = after.split(' ').skip(1);
    let parent = fields.next()?.parse().ok()?;
    let start = fields.nth(17)?.parse().ok()?;
    Some(Stat {
        name: name.to_owned(),
        parent,
        start,
    })
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
            Self::NotYet => "wait until the container is healthy; its log says what it is waiting for",
        }
        .into()
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Unseen | Self::Foreign => Exit::Policy,
            Self::NotYet => Exit::System,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Stat, parsed};

    #[test]
    fn a_name_may_look_like_the_rest_of_the_line() {
        let line = "7 (a) S 9 (b) S 1 7 7 0 -1 4194560 90 0 0 0 0 0 0 0 20 0 1 0 4711 1114112 90 18446744073709551615";
        let stat = Stat {
            name: "a) S 9 (b".to_owned(),
            parent: 1,
            start: 4711,
        };
        assert_eq!(parsed(line), Some(stat));
        assert_eq!(parsed("7 (sh) R 1 7"), None);
        assert_eq!(parsed("7 (sh"), None);
    }
}
