//! Lists of what is there.
//!
//! In: `/proc/sysvipc` and two directories. Out: numbers, owners, names.
//!
//! **Never:** a link followed: entries of `/dev/shm` are setup's own.

use std::ffi::OsString;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::sys::ipc;

/// A kind of System V object.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) remove: fn(i32) -> nix::Result<()>,
    list: &'static str,
    id: &'static str,
}

pub(super) const KINDS: [Kind; 3] = [
    Kind {
        name: "shared memory segment",
        remove: ipc::remove_memory,
        list: "/proc/sysvipc/shm",
        id: "shmid",
    },
    Kind {
        name: "semaphore set",
        remove: ipc::remove_semaphores,
        list: "/proc/sysvipc/sem",
        id: "semid",
    },
    Kind {
        name: "message queue",
        remove: ipc::remove_queue,
        list: "/proc/sysvipc/msg",
        id: "msqid",
    },
];

/// One object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) id: i32,
    owner: u32,
    creator: u32,
    /// How many processes have it in their memory.
    pub(super) attached: u32,
}

impl Object {
    /// Whether a user owns or made it; either may remove it.
    pub(super) fn is_of(&self, uid: u32) -> bool {
        self.owner == uid || self.creator == uid
    }
}

/// All objects of a kind; none where the kernel has no such thing.
pub(super) fn objects(kind: &Kind) -> Vec<Object> {
    let text = fs::read_to_string(kind.list).unwrap_or_default();
    parse(&text, kind.id)
}

/// A table with its names in the first line (proc(5), `sysvipc`).
fn parse(text: &str, id: &str) -> Vec<Object> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let column = |name: &str| {
        header
            .split_ascii_whitespace()
            .position(|word| word == name)
    };
    let (Some(id), Some(owner), Some(creator)) = (column(id), column("uid"), column("cuid")) else {
        return Vec::new();
    };
    // Of shared memory alone.
    let attached = column("nattch");
    let object = |line: &str| {
        let field = |at: usize| line.split_ascii_whitespace().nth(at);
        Some(Object {
            id: field(id)?.parse().ok()?,
            owner: field(owner)?.parse().ok()?,
            creator: field(creator)?.parse().ok()?,
            attached: attached.map_or(Some(0), |at| field(at)?.parse().ok())?,
        })
    };
    lines.filter_map(object).collect()
}

pub(super) fn names(directory: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).collect()
}

pub(super) fn owner(path: &Path) -> Option<u32> {
    fs::symlink_metadata(path).ok().map(|found| found.uid())
}

pub(super) fn open_directory(path: &Path) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    open(path, flags, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::{Object, parse};

    #[test]
    fn columns_are_found_by_their_names() {
        let text = "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n         0          7   666          1  1000     0     0     0          0 1\n";
        let object = Object {
            id: 7,
            owner: 1000,
            creator: 0,
            attached: 0,
        };
        assert!(object.is_of(0) && object.is_of(1000) && !object.is_of(1));
        assert_eq!(parse(text, "semid"), [object]);
        assert_eq!(parse(text, "shmid"), []);
        assert_eq!(parse("", "shmid"), []);
    }
}
