//! One file, where a walk came across it.
//!
//! In: where it is, its state, the mark of its mount. Out: whether it is setup's, and
//! what is in it.
//!
//! **Never:** a link followed; a path where a name in an open directory does.

use std::fs;
use std::io::Read;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};

use super::descend::At;
use crate::seal::since::Mark;
use crate::sys::statx::birth;

/// The largest file that is read.
const LIMIT: u64 = 16 << 20;

/// A file, and what its mount's mark says of it.
pub(super) struct File<'a> {
    pub(super) at: At<'a>,
    pub(super) stat: &'a FileStat,
    pub(super) mark: Option<&'a Mark>,
}

impl File<'_> {
    pub(super) fn is_new(&self) -> bool {
        self.mark.is_none_or(|mark| mark.may_be_before(self.stat))
    }

    /// Whether it can be changed: it has surely changed since, and has one name.
    pub(super) fn is_alone(&self) -> bool {
        self.stat.st_nlink == 1 && self.mark.is_some()
    }

    /// Whether the whole file is setup's: an older one may only have grown.
    pub(super) fn is_born_since(&self) -> bool {
        let born = || birth(self.at.open(OFlag::O_PATH).ok()?);
        self.mark
            .is_some_and(|mark| born().is_some_and(|born| mark.is_before_birth(born)))
    }

    /// An executable in the `hooks` of a repository that is no example.
    pub(super) fn is_hook(&self) -> bool {
        let path = self.at.path;
        let is_sample = path
            .extension()
            .is_some_and(|extension| extension == "sample");
        let directory = path.parent().unwrap_or(path);
        !is_sample && directory.ends_with("hooks") && self.at.has("../HEAD")
    }
}

impl<'a> At<'a> {
    /// By a path alone.
    pub(super) fn path(path: &'a Path) -> Self {
        Self {
            directory: AT_FDCWD,
            name: path,
            path,
        }
    }

    /// Whether this is beside it. What cannot be looked at may be.
    pub(super) fn has(&self, name: &str) -> bool {
        let beside = self.name.parent().unwrap_or(Path::new("")).join(name);
        let found = fstatat(self.directory, &beside, AtFlags::empty());
        !matches!(found, Err(Errno::ENOENT | Errno::ENOTDIR))
    }

    fn open(&self, flags: OFlag) -> nix::Result<std::os::fd::OwnedFd> {
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        openat(self.directory, self.name, flags, Mode::empty())
    }
}

/// A regular file whole, unless it is too large or cannot be read.
pub(super) fn read(at: &At<'_>) -> Option<Vec<u8>> {
    let opened = at.open(OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY);
    let file = fs::File::from(opened.ok()?);
    let size = file.metadata().ok().filter(fs::Metadata::is_file)?.len();
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes).ok()?;
    let length = u64::try_from(bytes.len()).ok()?;
    (size.max(length) <= LIMIT).then_some(bytes)
}

pub(super) fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}
