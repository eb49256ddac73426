//! What a journal keeps for the next start besides how far this one came.
//!
//! In: paths, and moments by the clocks of their file systems. Out: lines of a
//! journal, and back.
//!
//! **Never:** a guess for a path that is no line of text: it is left out, and what
//! has no moment counts as new.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::seal::kernel_objects::Older;
use crate::seal::since::Moment;

/// What the next start has to know.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// What is to be scanned; none named means all that can be written.
    pub directories: Vec<PathBuf>,
    /// Setup's private home, and the moment before it was made.
    pub homes: Vec<Since>,
    /// Mounts that setup could write to, and the moment before it began.
    pub marks: Vec<Since>,
    /// What setup's user had in the kernel before; `None`: nobody knows.
    pub older: Option<Older>,
}

/// A path and a moment.
pub type Since = (PathBuf, Moment);

impl Memory {
    /// The moment before setup began on the mount at this point, the earlier one
    /// of two.
    #[must_use]
    pub fn began(&self, point: &Path) -> Option<Moment> {
        let marks = self.marks.iter().filter(|(path, _)| path == point);
        marks.map(|(_, began)| *began).min()
    }

    /// As little as the next start can do with: it searches everything then.
    #[must_use]
    pub(super) fn brief(self) -> Self {
        Self {
            homes: self.homes,
            ..Self::default()
        }
    }

    pub(super) fn write(&self, text: &mut String) {
        // With one that is no line of text none is written, which means all.
        let names: Option<Vec<&str>> = self.directories.iter().map(|path| line_of(path)).collect();
        for name in names.unwrap_or_default() {
            let _ = writeln!(text, "scan {name}");
        }
        for (word, list) in [("home", &self.homes), ("mark", &self.marks)] {
            for (path, (seconds, nanoseconds)) in list {
                if let Some(name) = line_of(path) {
                    let _ = writeln!(text, "{word} {seconds} {nanoseconds} {name}");
                }
            }
        }
        if let Some(older) = &self.older {
            let _ = writeln!(text, "objects {}", older.text());
        }
    }

    /// Takes a line. `None`: it is none of ours.
    pub(super) fn take(&mut self, word: &str, value: &str) -> Option<()> {
        match word {
            "scan" if value.starts_with('/') => self.directories.push(value.into()),
            "home" => self.homes.push(since(value)?),
            "mark" => self.marks.push(since(value)?),
            "objects" => self.older = Some(Older::parse(value)?),
            _ => return None,
        }
        Some(())
    }

    /// Adds what another journal of the same start keeps.
    pub(super) fn join(&mut self, other: Self) {
        let is_all = self.directories.is_empty() || other.directories.is_empty();
        self.directories.extend(other.directories);
        if is_all {
            self.directories.clear();
        }
        self.homes.extend(other.homes);
        self.homes.dedup();
        self.marks.extend(other.marks);
        if self.older != other.older {
            self.older = None;
        }
    }
}

fn line_of(path: &Path) -> Option<&str> {
    path.to_str().filter(|text| !text.contains('\n'))
}

fn since(value: &str) -> Option<Since> {
    let (seconds, rest) = value.split_once(' ')?;
    let (nanoseconds, path) = rest.split_once(' ')?;
    let began = (seconds.parse().ok()?, nanoseconds.parse().ok()?);
    path.starts_with('/').then(|| (path.into(), began))
}
