//! One entry: its name, link target, attributes and bytes.
//!
//! In: an entry that a walk came across. Out: hits, troubles and sums.
//!
//! **Never:** the contents of anything but a regular file.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::readlinkat;
use nix::sys::stat::{SFlag, fstat};

use super::super::Root;
use super::super::counts::Counted;
use super::super::report::{Hit, Place, Trouble};
use super::super::window::wide;
use super::{Entry, Walk, kind_of};

impl Walk<'_> {
    pub(super) fn file(&mut self, file: &OwnedFd, root: &Root, hash: u32, is_secret: bool) {
        if !self.what.share.has(hash) {
            return;
        }
        if is_secret {
            return self.counts.add(Counted::SecretFiles, 1);
        }
        let stat = match fstat(file) {
            Ok(stat) => stat,
            Err(errno) => return self.missed(Trouble::Unreadable(errno)),
        };
        // It was one when the directory was read.
        if kind_of(&stat) != SFlag::S_IFREG {
            return self.counts.add(Counted::Special, 1);
        }
        if root
            .since
            .is_some_and(|since| (stat.st_ctime, stat.st_ctime_nsec) < since)
        {
            return self.counts.add(Counted::Older, 1);
        }
        self.counts.add(Counted::Files, 1);
        self.attributes(file);
        let (path, listener) = (&self.path, &mut *self.listener);
        let found = &mut |place, pattern, offset| {
            let hit = Hit {
                place,
                pattern,
                offset,
                detail: b"",
            };
            listener.found(path, &hit);
        };
        if let Err(trouble) = self.contents.search(file, &mut self.counts, found) {
            self.missed(trouble);
        }
    }

    pub(super) fn attributes(&mut self, file: &OwnedFd) {
        let (path, listener) = (&self.path, &mut *self.listener);
        let found = &mut |pattern, offset, detail: &[u8]| {
            let hit = Hit {
                place: Place::Attribute,
                pattern,
                offset,
                detail,
            };
            listener.found(path, &hit);
        };
        let searched = self
            .attributes
            .search(file.as_fd(), self.what.searcher, found);
        if let Err(trouble) = searched {
            self.missed(trouble);
        }
    }

    /// A value may reach over several names: `dir/name` is searched from as far
    /// before the last name as a value could begin.
    pub(super) fn name(&mut self, entry: &Entry) {
        let longest = self.what.searcher.longest();
        let mut from = entry.name.saturating_sub(longest);
        while let Some(found) = self.what.searcher.find(&self.path, from) {
            if found.end > entry.name {
                self.hit(Place::Name, found.pattern, found.start);
                return;
            }
            from = found.start + 1;
        }
    }

    pub(super) fn link(&mut self, directory: impl AsFd, name: usize, entry: &Entry) {
        if !self.what.share.has(entry.hash) {
            return;
        }
        let name = self.path.get(name..).unwrap_or_default();
        match readlinkat(directory, name) {
            Ok(target) => {
                self.counts.add(Counted::Links, 1);
                let found = self.what.searcher.find(target.as_bytes(), 0);
                if let Some(found) = found {
                    self.hit(Place::LinkTarget, found.pattern, found.start);
                }
            }
            Err(Errno::ENOENT) => {}
            Err(errno) => self.missed(Trouble::Unreadable(errno)),
        }
    }

    fn hit(&mut self, place: Place, pattern: usize, start: usize) {
        let hit = Hit {
            place,
            pattern,
            offset: wide(start),
            detail: b"",
        };
        self.listener.found(&self.path, &hit);
    }

    pub(super) fn missed(&mut self, trouble: Trouble) {
        self.listener.missed(&self.path, trouble);
    }

    pub(super) fn missed_if_ours(&mut self, hash: u32, trouble: Trouble) {
        if self.what.share.has(hash) {
            self.missed(trouble);
        }
    }

    pub(super) fn count_if_ours(&mut self, hash: u32, counted: Counted) {
        if self.what.share.has(hash) {
            self.counts.add(counted, 1);
        }
    }
}
