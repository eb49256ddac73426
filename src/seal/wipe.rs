//! The removal of what setup wrote: a directory tree, by descriptors.
//!
//! In: a tree that was opened before setup, and the mark of that moment. Out:
//! how much was removed, and each thing that was left with the reason.
//!
//! As deep as the tree may be, two descriptors are open at a time: the way back
//! up is `..`, compared with what was left on the way down.
//!
//! **Never:** a link followed, another mount entered, a file touched that is
//! older than the mark: it may be the host's. No content is overwritten.

mod walk;

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, fstat};

use super::as_user::ask;
use super::scan::masked_path;
use super::since::Mark;
use super::wording;
use crate::collect::accounts::Identity;
use crate::exit::Exit;
use crate::report::{Fault, Reporter, said};
use crate::search::Searcher;
use crate::sys::statx::Mount;

const DIRECTORY: OFlag = OFlag::O_DIRECTORY
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);
/// As many things that were left are kept by name.
const NAMED: usize = 100;

/// A directory that is to be removed once setup is over. It stays open, so that
/// setup cannot put another in its place.
pub struct Tree {
    parent: OwnedFd,
    name: OsString,
    top: OwnedFd,
    path: PathBuf,
}

/// What becomes of the directory itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Top {
    /// Setup's own: it goes with what is in it.
    Goes,
    /// It was there before setup.
    Stays,
}

/// How a tree is removed.
#[derive(Clone, Copy)]
struct How {
    top: Top,
    /// Where its progress is said.
    report: Option<Reporter>,
}

/// What a removal did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wiped {
    /// Files and directories that are gone.
    pub removed: u64,
    /// What is still there.
    pub left: Vec<Left>,
    /// As many more that are not in the list.
    pub more: u64,
}

/// Something that was not removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Where it is.
    pub path: PathBuf,
    /// Why it is still there.
    pub reason: Reason,
}

/// Why something was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is older than setup.
    Older,
    /// Another mount begins there.
    OtherMount,
    /// It is not where it was.
    Moved,
    /// The kernel refused.
    Refused(Errno),
}

impl Tree {
    /// Opens a directory; the last part of the path may be no link.
    pub fn open(path: &Path) -> nix::Result<Self> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Errno::EINVAL);
        };
        let above = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let parent = open(&Path::new(".").join(parent), above, Mode::empty())?;
        Self::open_at(parent, name, path.to_path_buf())
    }

    /// Opens an entry of an open directory.
    pub(super) fn open_at(parent: OwnedFd, name: &OsStr, path: PathBuf) -> nix::Result<Self> {
        let flags = DIRECTORY | OFlag::O_PATH;
        let top = openat(parent.as_fd(), name, flags, Mode::empty())?;
        Ok(Self {
            parent,
            name: name.to_owned(),
            top,
            path,
        })
    }

    /// The directory itself, for the one that makes it setup's.
    #[must_use]
    pub fn top(&self) -> BorrowedFd<'_> {
        self.top.as_fd()
    }

    /// The same after a child of setup's user has removed what it can, for a root
    /// that may not open what others have shut.
    #[must_use]
    pub fn remove_as(&self, identity: &Identity, mark: &Mark) -> Wiped {
        let remove = || self.remove(mark).removed.to_le_bytes().to_vec();
        let count = ask(identity, &remove).ok();
        let count = count.and_then(|bytes| bytes.try_into().ok());
        let mut wiped = self.remove(mark);
        let before = count.map_or(0, u64::from_le_bytes);
        wiped.removed = wiped.removed.saturating_add(before);
        wiped
    }

    /// Removes all that changed since the mark, and the directory itself if
    /// nothing stays in it.
    #[must_use]
    pub fn remove(&self, mark: &Mark) -> Wiped {
        self.remove_and_say(mark, None)
    }

    /// The same, and says how far it is.
    #[must_use]
    pub fn remove_and_say(&self, mark: &Mark, report: Option<Reporter>) -> Wiped {
        let top = Top::Goes;
        self.wipe(mark, How { top, report })
    }

    fn wipe(&self, mark: &Mark, how: How) -> Wiped {
        let mut wiped = Wiped::default();
        let mount = match Mount::of(&self.top) {
            Ok(mount) if mark.is_for(mount) => mount,
            Ok(_) => {
                wiped.leave(self.path.clone(), Reason::OtherMount);
                return wiped;
            }
            Err(errno) => {
                wiped.leave(self.path.clone(), Reason::Refused(errno));
                return wiped;
            }
        };
        walk::empty(self, mount, mark, how, &mut wiped);
        wiped
    }
}

/// Removes what changed since the mark from a directory that is older. It stays,
/// whatever its own age seems to be: on an overlay a directory of the image is born
/// when setup changes it first.
#[must_use]
pub fn empty(directory: &Path, mark: &Mark, report: Reporter) -> Wiped {
    let how = How {
        top: Top::Stays,
        report: Some(report),
    };
    Tree::open(directory).map_or_else(|_| Wiped::default(), |tree| tree.wipe(mark, how))
}

impl Wiped {
    /// Whether nothing is left.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.left.is_empty() && self.more == 0
    }

    /// Adds what another removal did.
    pub fn add(&mut self, other: Self) {
        self.removed = self.removed.saturating_add(other.removed);
        self.more = self.more.saturating_add(other.more);
        for left in other.left {
            self.leave(left.path, left.reason);
        }
    }

    /// The same for messages: no value in a path.
    #[must_use]
    pub fn shown(mut self, searcher: &Searcher) -> Self {
        for left in &mut self.left {
            left.path = masked_path(&left.path, searcher);
        }
        self
    }

    pub(super) fn leave(&mut self, path: PathBuf, reason: Reason) {
        if self.left.len() < NAMED {
            self.left.push(Left { path, reason });
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}

/// What a directory or file is, whatever path leads to it.
type Inode = (u64, u64);

fn inode(stat: &FileStat) -> Inode {
    (stat.st_dev, stat.st_ino)
}

fn inode_of(file: impl AsFd) -> nix::Result<Inode> {
    fstat(file).map(|stat| inode(&stat))
}

/// Something of setup is left, and main may not find it.
impl Fault for Wiped {
    fn what(&self) -> String {
        let left = self.left.iter().map(|left| {
            let path = wording::shown_path(&left.path);
            format!("{path} ({})", left.reason.text())
        });
        format!(
            "what setup left could not be removed: {}",
            wording::some(left, self.more)
        )
    }

    fn place(&self) -> String {
        "the seal, after setup".into()
    }

    fn remedy(&self) -> String {
        let has = |reason: fn(&Reason) -> bool| self.left.iter().any(|left| reason(&left.reason));
        if has(|reason| matches!(reason, Reason::Refused(_))) {
            "let setup run as the user that PID 1 has, or keep the capability DAC_OVERRIDE; take immutable flags away (chattr -i)".into()
        } else if has(|reason| *reason == Reason::OtherMount) {
            "mount nothing below what setup gets for itself".into()
        } else {
            "let setup put nothing there that it did not make itself".into()
        }
    }

    fn exit(&self) -> Exit {
        Exit::Seal
    }
}

impl Reason {
    /// The reason in an operator's words.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Older => "older than setup".into(),
            Self::OtherMount => "another mount".into(),
            Self::Moved => "moved away".into(),
            Self::Refused(errno) => said(errno),
        }
    }
}

#[cfg(test)]
mod tests;
