//! Down a tree and up again, removing on the way.
//!
//! In: the tree, its mount, the mark. Out: a filled `Wiped`.
//!
//! **Never:** recursion, or a descriptor for each level: setup decides how deep
//! its directories are.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, SFlag, fchmodat, fstatat};
use nix::unistd::{UnlinkatFlags, geteuid, unlinkat};

use super::{DIRECTORY, How, Inode, Reason, Top, Tree, Wiped, inode, inode_of};
use crate::seal::progress::Progress;
use crate::seal::since::Mark;
use crate::sys::listing;
use crate::sys::statx::{Mount, birth};

/// As long as a path is written out in a report; deeper is cut.
const SHOWN: usize = 4096;

/// A directory on the way down.
struct Level {
    name: OsString,
    inode: Inode,
    /// Directories in it that were not entered yet.
    ahead: Vec<OsString>,
    /// Whether the directory itself may go.
    is_new: bool,
}

struct Walk<'a> {
    tree: &'a Tree,
    mount: Mount,
    mark: &'a Mark,
    top: Top,
    progress: Option<Progress>,
    wiped: &'a mut Wiped,
    levels: Vec<Level>,
}

pub(super) fn empty(tree: &Tree, mount: Mount, mark: &Mark, how: How, wiped: &mut Wiped) {
    let mut walk = Walk {
        tree,
        mount,
        mark,
        top: how.top,
        progress: how.report.map(|report| Progress::of("removed", report)),
        wiped,
        levels: Vec::new(),
    };
    if let Err(errno) = walk.go() {
        let path = walk.path(None);
        walk.wiped.leave(path, Reason::Refused(errno));
    }
}

impl Walk<'_> {
    fn go(&mut self) -> nix::Result<()> {
        let top = inode_of(&self.tree.top)?;
        let mut here = self.enter(self.tree.parent.as_fd(), self.tree.name.clone(), Some(top))?;
        loop {
            let next = self.levels.last_mut().and_then(|level| level.ahead.pop());
            if let Some(name) = next {
                match self.enter(here.as_fd(), name.clone(), None) {
                    Ok(entered) => here = entered,
                    Err(Errno::EXDEV) => self.leave(&name, Reason::OtherMount),
                    Err(Errno::EACCES) if self.remove_unopened(here.as_fd(), &name) => {
                        self.count();
                    }
                    Err(errno) => self.leave(&name, Reason::Refused(errno)),
                }
                continue;
            }
            let Some(done) = self.levels.pop() else {
                return Ok(());
            };
            let Some(above) = self.levels.last() else {
                if self.top == Top::Goes {
                    self.remove_directory(self.tree.parent.as_fd(), &done);
                }
                return Ok(());
            };
            let expected = above.inode;
            here = openat(here.as_fd(), "..", DIRECTORY, Mode::empty())?;
            if inode_of(&here)? != expected {
                return Err(Errno::ESTALE);
            }
            self.remove_directory(here.as_fd(), &done);
        }
    }

    /// Opens a directory, removes the files in it and notes its directories.
    /// EXDEV: it is on another mount.
    fn enter(
        &mut self,
        parent: BorrowedFd<'_>,
        name: OsString,
        expected: Option<Inode>,
    ) -> nix::Result<OwnedFd> {
        let stat = fstatat(parent, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW);
        let is_moved = |stat: &FileStat| expected.is_some_and(|top| top != inode(stat));
        let directory = match stat {
            Ok(stat) if !is_moved(&stat) => {
                unlock(parent, &name, &stat);
                openat(parent, name.as_os_str(), DIRECTORY, Mode::empty())?
            }
            // The tree's top under another name: what is in it is still ours.
            _ if expected.is_some() => {
                self.wiped.leave(self.tree.path.clone(), Reason::Moved);
                openat(self.tree.top.as_fd(), ".", DIRECTORY, Mode::empty())?
            }
            Ok(_) => return Err(Errno::ENOENT),
            Err(errno) => return Err(errno),
        };
        if Mount::of(&directory)? != self.mount {
            return Err(Errno::EXDEV);
        }
        let entries = list(directory.as_fd())?;
        let born = birth(&directory);
        self.levels.push(Level {
            name,
            inode: inode_of(&directory)?,
            ahead: Vec::new(),
            // Without a birth it has at least changed since: something is in it.
            is_new: born.is_none_or(|born| self.mark.is_before_birth(born)),
        });
        for name in entries {
            self.remove_or_note(directory.as_fd(), name);
        }
        Ok(directory)
    }

    fn remove_or_note(&mut self, directory: BorrowedFd<'_>, name: OsString) {
        let stat = match fstatat(directory, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(errno) => return self.leave(&name, Reason::Refused(errno)),
        };
        if SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR {
            if let Some(level) = self.levels.last_mut() {
                level.ahead.push(name);
            }
        } else if self.mark.is_before(&stat) {
            // A file that is a mount point is refused with EBUSY.
            match unlinkat(directory, name.as_os_str(), UnlinkatFlags::NoRemoveDir) {
                Ok(()) => self.count(),
                Err(errno) => self.leave(&name, Reason::Refused(errno)),
            }
        } else {
            self.leave(&name, Reason::Older);
        }
    }

    /// Whether another's directory that this user may not look into could be removed:
    /// the kernel does that only if it is empty.
    fn remove_unopened(&self, parent: BorrowedFd<'_>, name: &OsStr) -> bool {
        let flags = DIRECTORY | OFlag::O_PATH;
        let Ok(directory) = openat(parent, name, flags, Mode::empty()) else {
            return false;
        };
        let is_here = Mount::of(&directory).is_ok_and(|mount| mount == self.mount);
        let is_new = birth(&directory).is_none_or(|born| self.mark.is_before_birth(born));
        is_here && is_new && unlinkat(parent, name, UnlinkatFlags::RemoveDir).is_ok()
    }

    fn remove_directory(&mut self, parent: BorrowedFd<'_>, level: &Level) {
        let name = level.name.as_os_str();
        let stat = fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW);
        if stat.map(|stat| inode(&stat)) != Ok(level.inode) {
            // It was reported as moved when it was entered.
            return;
        }
        if !level.is_new {
            return self.leave(name, Reason::Older);
        }
        match unlinkat(parent, name, UnlinkatFlags::RemoveDir) {
            Ok(()) => self.count(),
            // What is in it was reported.
            Err(Errno::ENOTEMPTY | Errno::EEXIST) => {}
            Err(errno) => self.leave(name, Reason::Refused(errno)),
        }
    }

    fn count(&mut self) {
        self.wiped.removed = self.wiped.removed.saturating_add(1);
        if let Some(progress) = &mut self.progress {
            progress.at(self.wiped.removed);
        }
    }

    fn leave(&mut self, name: &OsStr, reason: Reason) {
        let path = self.path(Some(name));
        self.wiped.leave(path, reason);
    }

    fn path(&self, name: Option<&OsStr>) -> PathBuf {
        let mut path = self.tree.path.clone();
        let below = self
            .levels
            .iter()
            .skip(1)
            .map(|level| level.name.as_os_str());
        // The top itself is named by the tree's path, whatever `name` says.
        let name = name.filter(|_| !self.levels.is_empty());
        for part in below.chain(name) {
            if path.as_os_str().len() > SHOWN {
                path.push("…");
                break;
            }
            path.push(part);
        }
        path
    }
}

/// Gives ourselves the rights that a directory of our own lacks.
fn unlock(parent: BorrowedFd<'_>, name: &OsStr, stat: &FileStat) {
    let is_directory = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR;
    if is_directory && stat.st_uid == geteuid().as_raw() && stat.st_mode & 0o700 != 0o700 {
        // It is no link, and nobody is left who could make one of it. A refusal
        // shows when it is opened.
        let _ = fchmodat(parent, name, Mode::S_IRWXU, FchmodatFlags::FollowSymlink);
    }
}

/// All names in a directory but `.` and `..`.
fn list(directory: BorrowedFd<'_>) -> nix::Result<Vec<OsString>> {
    let flags = DIRECTORY | OFlag::O_RDONLY;
    // A second descriptor, since reading the directory moves its offset.
    let copy = openat(directory, ".", flags, Mode::empty())?;
    let entries = listing::list(copy.as_fd())?.into_iter();
    Ok(entries.map(|(name, _)| name).collect())
}
