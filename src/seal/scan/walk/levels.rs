//! The directories on the way down: however deep a tree is, only so many are open.
//!
//! In: a directory that is entered, or is done. Out: the one to go on with.
//!
//! **Never:** another directory in the place of one that was left: what is opened
//! again is compared with what was closed.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{Mode, fstat};

use super::FLAGS;
use crate::sys::listing;

/// As many directories are open at a time.
const OPEN: usize = 64;

/// A directory that is being walked.
pub(super) struct Level {
    pub(super) directory: OwnedFd,
    /// Entries that were read, as the kernel laid them out, and how far we are.
    pub(super) entries: Vec<u8>,
    pub(super) next: usize,
    /// Whether these are all that are left.
    pub(super) is_read: bool,
    /// The length of its path.
    pub(super) path: usize,
    pub(super) hash: u32,
    pub(super) is_secret: bool,
}

/// Those on the way down, the last one at hand.
#[derive(Default)]
pub(super) struct Levels {
    open: VecDeque<Level>,
    /// Those above them.
    closed: Vec<Closed>,
}

/// A directory that was left for what is below, with the rest of its entries.
struct Closed {
    inode: (u64, u64),
    /// As long as its path is.
    path: usize,
    hash: u32,
    is_secret: bool,
    entries: Vec<u8>,
    next: usize,
}

impl Levels {
    pub(super) fn depth(&self) -> usize {
        self.open.len() + self.closed.len()
    }

    pub(super) fn last(&mut self) -> Option<&mut Level> {
        self.open.back_mut()
    }

    /// Enters a directory, and closes one far above. The error is about that one: its
    /// entries could not all be read. With it comes the length of its path.
    pub(super) fn push(&mut self, level: Level, room: &mut [u8]) -> Result<(), (Errno, usize)> {
        self.open.push_back(level);
        if self.open.len() <= OPEN {
            return Ok(());
        }
        let Some(mut far) = self.open.pop_front() else {
            return Ok(());
        };
        let read = read_all(&mut far, room);
        let found = inode(&far.directory);
        self.closed.push(Closed {
            inode: found.unwrap_or_default(),
            path: far.path,
            hash: far.hash,
            is_secret: far.is_secret,
            entries: far.entries,
            next: far.next,
        });
        read.and(found.map(drop)).map_err(|errno| (errno, far.path))
    }

    /// Leaves the one at hand. The error is that of the way back: what waits above is
    /// lost then, and `path` is that of the root.
    pub(super) fn pop(&mut self, root: &Path, path: &mut Vec<u8>) -> nix::Result<()> {
        let Some(done) = self.open.pop_back() else {
            return Ok(());
        };
        if !self.open.is_empty() {
            return Ok(());
        }
        let Some(above) = self.closed.pop() else {
            return Ok(());
        };
        path.truncate(above.path);
        let opened = openat(&done.directory, "..", FLAGS, Mode::empty());
        let opened = opened.and_then(|found| above.is(found));
        // Where the directory below may not be searched, from the top.
        match opened.or_else(|_| self.down_again(&above, root, path)) {
            Ok(directory) => {
                self.open.push_back(Level {
                    directory,
                    entries: above.entries,
                    next: above.next,
                    is_read: true,
                    path: above.path,
                    hash: above.hash,
                    is_secret: above.is_secret,
                });
                Ok(())
            }
            Err(errno) => {
                // Nothing leads further up, either.
                self.closed.clear();
                path.truncate(root.as_os_str().len());
                Err(errno)
            }
        }
    }

    fn down_again(&self, level: &Closed, root: &Path, path: &[u8]) -> nix::Result<OwnedFd> {
        let mut here = openat(AT_FDCWD, root, FLAGS, Mode::empty())?;
        let ends = self.closed.iter().map(|closed| closed.path);
        let mut from = ends.clone().next().unwrap_or(level.path);
        for end in ends.skip(1).chain([level.path]) {
            let name = path.get(from..end).unwrap_or_default();
            let name = name.strip_prefix(b"/").unwrap_or(name);
            if !name.is_empty() {
                let flags = FLAGS | OFlag::O_NOFOLLOW;
                here = openat(&here, OsStr::from_bytes(name), flags, Mode::empty())?;
            }
            from = end;
        }
        level.is(here)
    }
}

impl Closed {
    fn is(&self, found: OwnedFd) -> nix::Result<OwnedFd> {
        if inode(&found)? == self.inode {
            Ok(found)
        } else {
            Err(Errno::ESTALE)
        }
    }
}

fn inode(directory: &OwnedFd) -> nix::Result<(u64, u64)> {
    fstat(directory).map(|stat| (stat.st_dev, stat.st_ino))
}

/// Reads what is left of a directory's entries.
fn read_all(level: &mut Level, room: &mut [u8]) -> nix::Result<()> {
    if level.is_read {
        return Ok(());
    }
    level.entries.drain(..level.next.min(level.entries.len()));
    level.next = 0;
    loop {
        match listing::entries(level.directory.as_fd(), room)? {
            0 => return Ok(()),
            count => {
                let read = room.get(..count).unwrap_or_default();
                level.entries.extend_from_slice(read);
            }
        }
    }
}
