//! What a directory or a file has beside its bytes: entries and attributes.
//!
//! In: an open descriptor, and memory to fill or a small room on the stack. Out:
//! names, types and values, with one system call for many entries and without a
//! `DIR` of the C library, which costs a mapping.
//!
//! **Never:** a path: everything goes by descriptor.

#![expect(unsafe_code, reason = "getdents64, flistxattr and fgetxattr")]

use std::ffi::{CStr, OsStr, OsString};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;

/// Where the parts of `struct linux_dirent64` are (getdents64(2)).
const LENGTH: usize = 16;
const KIND: usize = 18;
const NAME: usize = 19;

/// Room for the entries of a small directory in one call.
const ROOM: usize = 2048;

/// What an entry is, as far as the file system tells without a look at the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// Anything else.
    Other,
    /// Not told (readdir(3), DT_UNKNOWN).
    Unknown,
}

/// Everything in a directory but `.` and `..`. The descriptor has to be a new
/// one, since reading moves its offset.
pub fn list(directory: BorrowedFd<'_>) -> nix::Result<Vec<(OsString, Kind)>> {
    let mut listed = Vec::new();
    let mut room = [0; ROOM];
    loop {
        let count = entries(directory, &mut room)?;
        if count == 0 {
            return Ok(listed);
        }
        let mut rest = room.get(..count).unwrap_or_default();
        while let Some((kind, name, next)) = first_entry(rest) {
            if name != b"." && name != b".." {
                listed.push((OsStr::from_bytes(name).to_owned(), Kind::of(kind)));
            }
            rest = rest.get(next..).unwrap_or_default();
        }
    }
}

impl Kind {
    fn of(kind: u8) -> Self {
        match kind {
            libc::DT_DIR => Self::Directory,
            libc::DT_LNK => Self::Link,
            libc::DT_UNKNOWN => Self::Unknown,
            _ => Self::Other,
        }
    }
}

/// Reads the next entries of a directory into `room`, as the kernel lays them
/// out. 0: that was all.
pub fn entries(directory: BorrowedFd<'_>, room: &mut [u8]) -> nix::Result<usize> {
    // SAFETY: `room` is live memory of the length that is passed, and the kernel
    // writes no more than that (getdents64(2)).
    let answer = unsafe {
        libc::syscall(
            libc::SYS_getdents64,
            directory.as_raw_fd(),
            room.as_mut_ptr(),
            room.len(),
        )
    };
    Errno::result(answer).map(|count| usize::try_from(count).unwrap_or(0))
}

/// The first entry of what `entries` read: its type (`DT_*`), its name, and
/// where the next one begins.
#[must_use]
pub fn first_entry(listing: &[u8]) -> Option<(u8, &[u8], usize)> {
    let length = usize::from(u16::from_ne_bytes(*listing.get(LENGTH..)?.first_chunk()?));
    let kind = *listing.get(KIND)?;
    let name = CStr::from_bytes_until_nul(listing.get(NAME..length)?).ok()?;
    Some((kind, name.to_bytes(), length))
}

/// The names of a file's extended attributes, each with a NUL after it.
pub fn attributes(file: BorrowedFd<'_>, room: &mut [u8]) -> nix::Result<usize> {
    // SAFETY: `room` is live memory of the length that is passed, and the kernel
    // writes no more than that (listxattr(2)).
    let answer =
        unsafe { libc::flistxattr(file.as_raw_fd(), room.as_mut_ptr().cast(), room.len()) };
    Errno::result(answer).map(|count| usize::try_from(count).unwrap_or(0))
}

/// The value of one extended attribute.
pub fn attribute(file: BorrowedFd<'_>, name: &CStr, room: &mut [u8]) -> nix::Result<usize> {
    // SAFETY: `name` ends with a NUL, `room` is live memory of the length that is
    // passed, and the kernel writes no more than that (getxattr(2)).
    let answer = unsafe {
        libc::fgetxattr(
            file.as_raw_fd(),
            name.as_ptr(),
            room.as_mut_ptr().cast(),
            room.len(),
        )
    };
    Errno::result(answer).map(|count| usize::try_from(count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::{entries, first_entry};

    #[test]
    fn a_listing_has_every_entry_once() {
        let directory = std::fs::File::open("src/sys").unwrap();
        let mut room = [0; 200];
        let mut names = Vec::new();
        loop {
            let count = entries(directory.as_fd(), &mut room).unwrap();
            let mut rest = &room[..count];
            while let Some((_, name, next)) = first_entry(rest) {
                names.push(String::from_utf8(name.to_vec()).unwrap());
                rest = &rest[next..];
            }
            if count == 0 {
                break;
            }
        }
        names.sort();
        let mut expected: Vec<String> = std::fs::read_dir("src/sys")
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .chain([".".into(), "..".into()])
            .collect();
        expected.sort();
        assert_eq!(names, expected);
        assert!(first_entry(b"").is_none() && first_entry(&[255; 24]).is_none());
    }
}
