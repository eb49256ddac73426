//! One secret file, read by the rules of `docs/secrets.md`.
//!
//! In: an open directory and a path below it. Out: the file's bytes as a
//! `Secret`, or the exact reason why not, with owner and mode.
//!
//! **Never:** a path that leaves the directory, a wait (a FIFO would make one),
//! a change to the file: it is the host's.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

use super::source::reference_form;
use crate::secret::{Scratch, Secret};

/// The most bytes a secret file may have: what Kubernetes allows per object.
pub const LIMIT: usize = 1 << 20;
/// Room for a file whose size its file system does not tell.
const USUAL: usize = 4096;
/// As many links as the kernel follows (`path_resolution(7)`).
const LINKS: u8 = 40;

/// Why a file is no usable secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileProblem {
    /// There is no such file.
    Absent,
    /// A link that leads nowhere, or in a circle.
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
    /// A reference of this form, which only a resolver could turn into a value.
    Reference(&'static str),
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

/// A way to open a path below a directory; `open_beneath` is the one in use.
type Open = fn(BorrowedFd<'_>, &Path, OFlag) -> nix::Result<OwnedFd>;

/// Opens and reads `path` below `directory`, byte for byte.
pub fn read(directory: BorrowedFd<'_>, path: &Path) -> Result<Secret, FileProblem> {
    read_by(open_beneath, directory, path)
}

fn read_by(open: Open, directory: BorrowedFd<'_>, path: &Path) -> Result<Secret, FileProblem> {
    let file =
        open(directory, path, FLAGS).map_err(|errno| open_problem(directory, path, errno))?;
    let stat = fstat(&file).map_err(FileProblem::System)?;
    match kind(&stat) {
        SFlag::S_IFREG => read_all(&file, &stat),
        SFlag::S_IFDIR => Err(FileProblem::Directory),
        _ => Err(FileProblem::Special),
    }
}

/// Owner and mode of what `path` leads to, else of the link itself.
#[must_use]
pub fn ownership(directory: BorrowedFd<'_>, path: &Path) -> Option<Ownership> {
    let stat = fstatat(directory, path, AtFlags::empty())
        .or_else(|_| fstatat(directory, path, AtFlags::AT_SYMLINK_NOFOLLOW))
        .ok()?;
    Some(Ownership {
        uid: stat.st_uid,
        gid: stat.st_gid,
        mode: stat.st_mode & 0o7777,
    })
}

/// Whether a value is one that a program could use.
pub fn judge(value: &[u8]) -> Result<(), FileProblem> {
    judge_raw(value)?;
    if value.starts_with(b"\xef\xbb\xbf") {
        Err(FileProblem::ByteOrderMark)
    } else if value.iter().all(u8::is_ascii_whitespace) {
        Err(FileProblem::Blank)
    } else {
        Ok(())
    }
}

/// The part of it that also holds for bytes that are taken as they are.
pub fn judge_raw(value: &[u8]) -> Result<(), FileProblem> {
    if value.is_empty() {
        return Err(FileProblem::Empty);
    }
    let form = std::str::from_utf8(value).ok().and_then(reference_form);
    form.map_or(Ok(()), |form| Err(FileProblem::Reference(form)))
}

const FLAGS: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_CLOEXEC)
    .union(OFlag::O_NOCTTY)
    // A FIFO without a writer, or a device, must not block the open.
    .union(OFlag::O_NONBLOCK);

/// Opens `path`, following links only as long as they stay below `directory`.
pub(super) fn open_beneath(
    directory: BorrowedFd<'_>,
    path: &Path,
    flags: OFlag,
) -> nix::Result<OwnedFd> {
    match open_by_kernel(directory, path, flags) {
        // Linux before 5.6, gVisor, or a seccomp profile that knows no
        // openat2; EAGAIN: a rename raced with a `..` (openat2(2)).
        Err(Errno::ENOSYS | Errno::EPERM | Errno::EAGAIN) => {
            open_step_by_step(directory, path, flags)
        }
        answer => answer,
    }
}

fn open_by_kernel(directory: BorrowedFd<'_>, path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    let how = OpenHow::new()
        .flags(flags)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    openat2(directory, path, how)
}

/// The same without openat2(2): each component is opened without following
/// links; a link's target takes its place in what lies ahead.
fn open_step_by_step(directory: BorrowedFd<'_>, path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    let mut entered: Vec<OwnedFd> = Vec::new();
    let mut ahead = path.to_path_buf();
    let mut links = LINKS;
    loop {
        let mut components = ahead.components();
        let step = components.next();
        let rest = components.as_path().to_path_buf();
        let at = entered.last().map_or(directory, AsFd::as_fd);
        let name = match step {
            Some(Component::Normal(name)) => name,
            Some(Component::CurDir) => {
                ahead = rest;
                continue;
            }
            Some(Component::ParentDir) => {
                entered.pop().ok_or(Errno::EXDEV)?;
                ahead = rest;
                continue;
            }
            Some(Component::RootDir | Component::Prefix(_)) => return Err(Errno::EXDEV),
            // The path ends with a directory that was entered.
            None => return openat(at, ".", flags, Mode::empty()),
        };
        let is_last = rest.as_os_str().is_empty();
        match open_component(at, Path::new(name), flags, is_last)? {
            Step::Opened(file) if is_last => return Ok(file),
            Step::Opened(directory) => {
                entered.push(directory);
                ahead = rest;
            }
            Step::Link(target) => {
                links = links.checked_sub(1).ok_or(Errno::ELOOP)?;
                ahead = target.join(rest);
            }
        }
    }
}

enum Step {
    Opened(OwnedFd),
    Link(PathBuf),
}

fn open_component(
    at: BorrowedFd<'_>,
    name: &Path,
    flags: OFlag,
    is_last: bool,
) -> nix::Result<Step> {
    let flags = if is_last {
        flags
    } else {
        OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC
    };
    match openat(at, name, flags | OFlag::O_NOFOLLOW, Mode::empty()) {
        Ok(file) => Ok(Step::Opened(file)),
        // open(2): ELOOP for a link; ENOTDIR for one with O_DIRECTORY.
        Err(errno @ (Errno::ELOOP | Errno::ENOTDIR)) => {
            let target = readlinkat(at, name).map_err(|_| errno)?;
            Ok(Step::Link(target.into()))
        }
        Err(errno) => Err(errno),
    }
}

fn open_problem(directory: BorrowedFd<'_>, path: &Path, errno: Errno) -> FileProblem {
    let is_link = || {
        fstatat(directory, path, AtFlags::AT_SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| kind(&stat) == SFlag::S_IFLNK)
    };
    if errno == Errno::ELOOP {
        FileProblem::Dangling
    } else if matches!(errno, Errno::ENOENT | Errno::ENOTDIR) {
        if is_link() {
            FileProblem::Dangling
        } else {
            FileProblem::Absent
        }
    } else if matches!(errno, Errno::EACCES | Errno::EPERM) {
        FileProblem::Unreadable
    } else if errno == Errno::EXDEV {
        FileProblem::LeavesDirectory
    } else if matches!(errno, Errno::ENXIO | Errno::ENODEV) {
        // open(2): ENXIO for a socket or a device without a driver.
        FileProblem::Special
    } else {
        FileProblem::System(errno)
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
    let expected = if size == 0 { USUAL } else { size };
    let mut scratch = Scratch::with_capacity(expected + 1);
    loop {
        if scratch.room().is_empty() {
            let mut larger = Scratch::with_capacity(LIMIT + 1);
            if scratch.as_bytes().len() > LIMIT || !larger.push(scratch.as_bytes()) {
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

#[cfg(test)]
pub(super) mod tests;
