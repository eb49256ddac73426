//! Down a tree and up again, by descriptors: a path is looked up part by part, on
//! some file systems by a question for each part, and has an end at 4096 bytes.
//!
//! In: a directory. Out: every entry below it on the same mount, with the directory
//! that it is in; what could not be looked at.
//!
//! **Never:** recursion; a link followed below the top; a descriptor for each level,
//! or a path for each entry that waits.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

use crate::sys::listing::{Kind, list};
use crate::sys::statx::Mount;

const DIRECTORY: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_CLOEXEC);
/// As many directories on the way down stay open.
const OPEN: usize = 64;

/// What a walk comes across.
pub(super) enum Seen<'a> {
    /// A directory is entered.
    Directory,
    /// Anything that is no directory.
    Entry(&'a FileStat),
    /// A directory, or an entry that may be one, that could not be looked at.
    Unread,
}

/// Where it is: a name in an open directory, and the path for messages.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) directory: BorrowedFd<'a>,
    pub(super) name: &'a Path,
    pub(super) path: &'a Path,
}

/// Who is told; false: it is enough.
pub(super) type Visit<'v> = dyn FnMut(&At<'_>, &Seen<'_>) -> bool + 'v;

struct Level {
    inode: (u64, u64),
    name: OsString,
    /// Closed far above; it is opened again on the way back.
    directory: Option<OwnedFd>,
    ahead: Vec<OsString>,
}

/// The directory that a walk begins in. A home may be a link.
pub(super) fn top(path: &Path) -> nix::Result<OwnedFd> {
    openat(AT_FDCWD, path, DIRECTORY, Mode::empty())
}

/// Everything below it, on its mount.
pub(super) fn walk(top: OwnedFd, path: &Path, mount: Mount, visit: &mut Visit<'_>) {
    let mut walk = Walk {
        mount,
        path: path.to_path_buf(),
        levels: Vec::new(),
        visit,
        is_over: false,
    };
    walk.enter(top, path.as_os_str().to_owned());
    while !walk.is_over && walk.step().is_some() {}
}

struct Walk<'w, 'v> {
    mount: Mount,
    /// Of the directory at hand.
    path: PathBuf,
    levels: Vec<Level>,
    visit: &'w mut Visit<'v>,
    is_over: bool,
}

impl Walk<'_, '_> {
    /// The next directory, or one up. `None`: the end.
    fn step(&mut self) -> Option<()> {
        let level = self.levels.last_mut()?;
        let Some(name) = level.ahead.pop() else {
            return self.leave();
        };
        let directory = level.directory.as_ref()?.try_clone().ok();
        let Some(directory) = directory else {
            self.tell(AT_FDCWD, OsStr::new("."), &Seen::Unread);
            return None;
        };
        self.path.push(&name);
        let flags = DIRECTORY | OFlag::O_NOFOLLOW;
        match openat(&directory, name.as_os_str(), flags, Mode::empty()) {
            Ok(below) if self.is_here(&below) => self.enter(below, name),
            Ok(_) => {
                self.path.pop();
            }
            Err(_) => {
                if !self.is_elsewhere(&directory, &name) {
                    self.tell(directory.as_fd(), &name, &Seen::Unread);
                }
                self.path.pop();
            }
        }
        Some(())
    }

    fn is_here(&self, directory: &OwnedFd) -> bool {
        Mount::of(directory).is_ok_and(|mount| mount == self.mount)
    }

    /// Whether it surely is on another mount.
    fn is_elsewhere(&self, directory: &OwnedFd, name: &OsStr) -> bool {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let opened = openat(directory, name, flags, Mode::empty());
        opened
            .and_then(Mount::of)
            .is_ok_and(|mount| mount != self.mount)
    }

    /// Tells of all that is in it, and notes its directories.
    fn enter(&mut self, directory: OwnedFd, name: OsString) {
        self.tell(directory.as_fd(), OsStr::new("."), &Seen::Directory);
        let mut ahead = Vec::new();
        match (list(directory.as_fd()), fstat(&directory)) {
            (Ok(entries), Ok(_)) => {
                for (name, kind) in entries {
                    if self.is_over {
                        return;
                    }
                    if kind == Kind::Directory || self.entry(directory.as_fd(), &name) {
                        ahead.push(name);
                    }
                }
            }
            _ => self.tell(directory.as_fd(), OsStr::new("."), &Seen::Unread),
        }
        let inode = fstat(&directory).map_or((0, 0), |stat| (stat.st_dev, stat.st_ino));
        self.levels.push(Level {
            inode,
            name,
            directory: Some(directory),
            ahead,
        });
        if let Some(far) = self.levels.len().checked_sub(OPEN + 1)
            && let Some(level) = self.levels.get_mut(far)
        {
            level.directory = None;
        }
    }

    /// Whether it is a directory after all.
    fn entry(&mut self, directory: BorrowedFd<'_>, name: &OsStr) -> bool {
        self.path.push(name);
        let stat = fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW);
        let is_directory = match &stat {
            Ok(stat) => {
                let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
                kind == SFlag::S_IFDIR
            }
            Err(_) => false,
        };
        match &stat {
            Ok(_) if is_directory => {}
            Ok(stat) => self.tell(directory, name, &Seen::Entry(stat)),
            Err(_) => self.tell(directory, name, &Seen::Unread),
        }
        self.path.pop();
        is_directory
    }

    /// Back to the directory above.
    fn leave(&mut self) -> Option<()> {
        let done = self.levels.pop()?;
        let above = self.levels.last()?;
        self.path.pop();
        if above.directory.is_none() {
            let up = done.directory.and_then(|below| self.up(&below));
            let again = up.or_else(|| self.down_again());
            if again.is_none() {
                // What waits in it and above was not looked at.
                self.tell(AT_FDCWD, OsStr::new("."), &Seen::Unread);
            }
            self.levels.last_mut()?.directory = Some(again?);
        }
        Some(())
    }

    fn up(&self, below: &OwnedFd) -> Option<OwnedFd> {
        let above = openat(below, "..", DIRECTORY, Mode::empty()).ok()?;
        self.is_level(&above, self.levels.last()?).then_some(above)
    }

    /// From the top, where the directory below may not be searched.
    fn down_again(&self) -> Option<OwnedFd> {
        let mut levels = self.levels.iter();
        let top = levels.next()?;
        let mut here = self::top(Path::new(&top.name)).ok()?;
        for level in levels {
            let flags = DIRECTORY | OFlag::O_NOFOLLOW;
            here = openat(&here, level.name.as_os_str(), flags, Mode::empty()).ok()?;
        }
        self.is_level(&here, self.levels.last()?).then_some(here)
    }

    fn is_level(&self, directory: &OwnedFd, level: &Level) -> bool {
        let found = fstat(directory).map(|stat| (stat.st_dev, stat.st_ino));
        found == Ok(level.inode) && self.is_here(directory)
    }

    fn tell(&mut self, directory: BorrowedFd<'_>, name: &OsStr, seen: &Seen<'_>) {
        let at = At {
            directory,
            name: Path::new(name),
            path: &self.path,
        };
        self.is_over |= !(self.visit)(&at, seen);
    }
}
