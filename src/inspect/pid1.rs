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
    let Ok(Command::Start(options, _)) = command else {
        return Err(NotRunning::Foreign);
    };
    if is(&name, AT_WORK) && has_main() {
        Ok(options)
    } else {
        Err(NotRunning::NotYet)
    }
}

/// Whether PID 1 has a child, and none that is still becoming main.
fn has_main() -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut is_any = false;
    for process in processes {
        let path = process.path().join("stat");
        let Some((name, parent)) = path.to_str().and_then(text).and_then(|line| named(&line))
        else {
            continue;
        };
        if parent == 1 {
            is_any = true;
            if is(&name, STARTING) {
                return false;
            }
        }
    }
    is_any
}

/// Name and parent of a line `PID (NAME) STATE PARENT ...`; a name may hold
/// brackets and blanks.
fn named(line: &str) -> Option<(String, i32)> {
    let (before, after) = line.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    let parent = after.split(' ').nth(2)?.parse().ok()?;
    Some((name.to_owned(), parent))
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
    use super::named;

    #[test]
    fn a_name_may_look_like_the_rest_of_the_line() {
        let line = "7 (a) S 9 (b) S 1 7 7 0";
        assert_eq!(named(line), Some(("a) S 9 (b".to_owned(), 1)));
        assert_eq!(named("7 (sh) R 1 7"), Some(("sh".to_owned(), 1)));
        assert_eq!(named("7 (sh"), None);
    }
}
