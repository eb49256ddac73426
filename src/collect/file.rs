//! One secret file, read by the rules of `docs/secrets.md`.
//!
//! In: an open directory and a name in it. Out: the file's bytes as a `Secret`,
//! or the exact reason why not, with owner and mode.
//!
//! **Never:** a path that leaves the directory, a wait (a FIFO would make one),
//! a change to the file: it is the host's.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

use crate::secret::{Scratch, Secret};

/// The most bytes a secret file may have: what Kubernetes allows per object.
pub const LIMIT: usize = 1 << 20;
/// Room for the usual secret, so that one read(2) and no copy is needed.
const USUAL: usize = 4096;
/// As many links as the fallback follows (the kernel itself allows 40).
const LINKS: u8 = 8;

/// Why a file is no usable secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileProblem {
    /// There is no such file.
    Absent,
    /// A link that leads nowhere.
    Dangling,
    /// The kernel refuses to open it.
    Unreadable,
    /// A link or `..` that leads out of the secret directory.
    LeavesDirectory,
    /// A directory.
    Directory,
    /// A FIFO, socket or device.
    Special,
    /// Over 1 MiB.
    TooLarge,
    /// Not one byte, or nothing but its final newline.
    Empty,
    /// Nothing but blanks and newlines.
    Blank,
    /// Starts with a UTF-8 byte order mark, which no client expects.
    ByteOrderMark,
    /// Another error of the kernel.
    System(Errno),
}

/// Owner and mode of a file, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// The owner's uid.
    pub uid: u32,
    /// The group's gid.
    pub gid: u32,
    /// The permission bits.
    pub mode: u32,
}

impl Ownership {
    fn of(stat: &FileStat) -> Self {
        Self {
            uid: stat.st_uid,
            gid: stat.st_gid,
            mode: stat.st_mode & 0o7777,
        }
    }
}

/// Opens and reads `name` below `directory`, byte for byte.
pub fn read(directory: impl AsFd, name: &OsStr) -> Result<Secret, FileProblem> {
    let file =
        open_beneath(&directory, name).map_err(|errno| open_problem(&directory, name, errno))?;
    let stat = fstat(&file).map_err(FileProblem::System)?;
    match kind(&stat) {
        SFlag::S_IFREG => read_all(&file, &stat),
        SFlag::S_IFDIR => Err(FileProblem::Directory),
        _ => Err(FileProblem::Special),
    }
}

/// Owner and mode of what `name` leads to, if that can be told.
pub fn ownership(directory: impl AsFd, name: &OsStr) -> Option<Ownership> {
    fstatat(directory, name, AtFlags::empty())
        .ok()
        .map(|stat| Ownership::of(&stat))
}

/// Whether a value read from a file is one that a program could use.
pub fn judge(value: &[u8]) -> Result<(), FileProblem> {
    if value.is_empty() {
        Err(FileProblem::Empty)
    } else if value.starts_with(b"\xef\xbb\xbf") {
        Err(FileProblem::ByteOrderMark)
    } else if value.iter().all(u8::is_ascii_whitespace) {
        Err(FileProblem::Blank)
    } else {
        Ok(())
    }
}

const FLAGS: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_CLOEXEC)
    .union(OFlag::O_NOCTTY)
    // A FIFO without a writer, or a device, must not block the open.
    .union(OFlag::O_NONBLOCK);

fn open_beneath(directory: impl AsFd, name: &OsStr) -> nix::Result<OwnedFd> {
    let how = OpenHow::new()
        .flags(FLAGS)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    match openat2(&directory, name, how) {
        // Linux before 5.6, gVisor, or a seccomp profile that knows no openat2.
        Err(Errno::ENOSYS | Errno::EPERM) => open_step_by_step(directory, Path::new(name), LINKS),
        answer => answer,
    }
}

/// The same without openat2(2): each component is opened without following
/// links, and a link is followed only if it is relative and goes downwards.
fn open_step_by_step(directory: impl AsFd, path: &Path, links: u8) -> nix::Result<OwnedFd> {
    let mut components = path.components().peekable();
    let mut current: Option<OwnedFd> = None;
    while let Some(component) = components.next() {
        let Component::Normal(name) = component else {
            return Err(Errno::EXDEV);
        };
        let at = current.as_ref().map_or(directory.as_fd(), AsFd::as_fd);
        let is_last = components.peek().is_none();
        let flags = if is_last {
            FLAGS
        } else {
            OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC
        };
        let next = match openat(at, name, flags | OFlag::O_NOFOLLOW, Mode::empty()) {
            Err(Errno::ELOOP | Errno::ENOTDIR) if links > 0 => {
                let target = readlinkat(at, name).map_err(|_| Errno::ENOTDIR)?;
                let rest: std::path::PathBuf = components.collect();
                let whole = if rest.as_os_str().is_empty() {
                    target.into()
                } else {
                    Path::new(&target).join(rest)
                };
                return open_step_by_step(at, &whole, links - 1);
            }
            answer => answer?,
        };
        current = Some(next);
    }
    current.ok_or(Errno::ENOENT)
}

fn open_problem(directory: impl AsFd, name: &OsStr, errno: Errno) -> FileProblem {
    match errno {
        Errno::ENOENT | Errno::ENOTDIR => {
            let link = fstatat(&directory, name, AtFlags::AT_SYMLINK_NOFOLLOW);
            match link {
                Ok(stat) if kind(&stat) == SFlag::S_IFLNK => FileProblem::Dangling,
                _ => FileProblem::Absent,
            }
        }
        Errno::EACCES | Errno::EPERM => FileProblem::Unreadable,
        Errno::EXDEV | Errno::ELOOP => FileProblem::LeavesDirectory,
        // open(2): ENXIO for a socket or a device without a driver.
        Errno::ENXIO | Errno::ENODEV => FileProblem::Special,
        errno => FileProblem::System(errno),
    }
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}

fn read_all(file: &OwnedFd, stat: &FileStat) -> Result<Secret, FileProblem> {
    let size = usize::try_from(stat.st_size).unwrap_or(usize::MAX);
    if size > LIMIT {
        return Err(FileProblem::TooLarge);
    }
    // One byte more than expected, so that a file that grew is noticed.
    let mut scratch = Scratch::with_capacity(size.max(USUAL) + 1);
    loop {
        if scratch.room().is_empty() {
            if scratch.as_bytes().len() > LIMIT {
                return Err(FileProblem::TooLarge);
            }
            let mut larger = Scratch::with_capacity(LIMIT + 1);
            if !larger.push(scratch.as_bytes()) || larger.room().is_empty() {
                return Err(FileProblem::TooLarge);
            }
            scratch = larger;
        }
        match nix::unistd::read(file, scratch.room()) {
            Ok(0) => return Ok(scratch.into_secret()),
            Ok(count) => scratch.advance(count),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(FileProblem::System(errno)),
        }
    }
}

/// The components of a name as the kernel sees them, for callers that hold bytes.
#[must_use]
pub fn name(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

#[cfg(test)]
mod tests;
