//! One open directory, with the Kubernetes snapshot in it if there is one.
//!
//! In: a descriptor. Out: the entries, each with the descriptor that it is
//! relative to.
//!
//! **Never:** a path: from the open descriptor on, a swap changes nothing.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, SFlag, fstat, fstatat};

use crate::collect::file::open_beneath;
use crate::sys::listing::{self, Kind};

/// The link that Kubernetes swaps to publish a new set of files at once.
const SNAPSHOT: &str = "..data";
pub(super) const FLAGS: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC);

/// An open directory.
pub(super) struct Folder {
    top: OwnedFd,
    snapshot: Option<OwnedFd>,
}

/// Device and inode: what a directory is, whatever path leads to it.
pub(super) type Identity = (u64, u64);

/// An entry of a directory: the descriptor that it is relative to, name, kind.
pub(super) type Listed<'a> = (BorrowedFd<'a>, OsString, Kind);

impl Folder {
    pub(super) fn of(top: OwnedFd) -> Self {
        let snapshot = open_beneath(top.as_fd(), Path::new(SNAPSHOT), FLAGS).ok();
        Self { top, snapshot }
    }

    /// Whether there is a file of that name, as far as can be told: what may
    /// not be looked at is there too.
    pub(super) fn holds(&self, name: &OsStr) -> bool {
        let is_there = |kind| kind != Err(Errno::ENOENT);
        let at_top = kind_of(self.top.as_fd(), name);
        match &self.snapshot {
            None => is_there(at_top),
            Some(snapshot) => {
                is_there(kind_of(snapshot.as_fd(), name))
                    || at_top.is_ok_and(|kind| is_beside_snapshot(name, kind))
            }
        }
    }

    /// The snapshot if it has the name, else the directory itself.
    pub(super) fn directory_of(&self, name: &OsStr) -> BorrowedFd<'_> {
        self.snapshot
            .as_ref()
            .map(AsFd::as_fd)
            .filter(|snapshot| kind_of(*snapshot, name) != Err(Errno::ENOENT))
            .unwrap_or(self.top.as_fd())
    }

    /// Everything in it, by name; with a snapshot, that and what was put beside
    /// it by others than Kubernetes.
    pub(super) fn entries(&self) -> nix::Result<Vec<Listed<'_>>> {
        let mut entries = list(self.top.as_fd())?;
        if let Some(snapshot) = &self.snapshot {
            entries.retain(|(_, name, kind)| is_beside_snapshot(name, *kind));
            entries.extend(list(snapshot.as_fd())?);
        }
        entries.sort_unstable_by(|(_, one, _), (_, other, _)| one.cmp(other));
        Ok(entries)
    }
}

/// Kubernetes' own entries are links into the snapshot, and `..` directories.
fn is_beside_snapshot(name: &OsStr, kind: Kind) -> bool {
    kind != Kind::Link && !name.as_bytes().starts_with(b"..")
}

fn list(directory: BorrowedFd<'_>) -> nix::Result<Vec<Listed<'_>>> {
    // A second descriptor, since reading the directory moves its offset.
    let copy = openat(directory, ".", FLAGS, Mode::empty())?;
    let entries = listing::list(copy.as_fd())?.into_iter();
    let told = entries.map(|(name, kind)| {
        let kind = if kind == Kind::Unknown {
            // Without a kind it is tried as a file.
            kind_of(directory, &name).unwrap_or(Kind::Other)
        } else {
            kind
        };
        (directory, name, kind)
    });
    Ok(told.collect())
}

fn kind_of(directory: BorrowedFd<'_>, name: &OsStr) -> nix::Result<Kind> {
    let stat = fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    Ok(
        match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFDIR => Kind::Directory,
            SFlag::S_IFLNK => Kind::Link,
            _ => Kind::Other,
        },
    )
}

pub(super) fn identity(directory: impl AsFd) -> nix::Result<Identity> {
    let stat = fstat(directory)?;
    Ok((stat.st_dev, stat.st_ino))
}
