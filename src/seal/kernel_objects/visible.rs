//! Whether all that setup could leave in the kernel can be listed here.
//!
//! In: `/proc/sysvipc` and `/dev/mqueue`, as they are mounted. Out: the kinds that
//! cannot be listed, so that setup may make none of them.
//!
//! **Never:** a mount taken for the namespace's own by its kind alone: one of the
//! host's shows other queues.

use std::fs::File;
use std::path::Path;

use nix::sys::statfs::{FsType, PROC_SUPER_MAGIC, fstatfs};
use nix::unistd::{mkstemp, unlink};

use super::MESSAGE_QUEUES;
use crate::seal::since::PROBE;
use crate::sys::ipc::unlink_queue;
use crate::sys::seccomp::Unlisted;

/// `MQUEUE_MAGIC` of the kernel's ipc/mqueue.c.
const QUEUES: FsType = FsType(0x1980_0202);
const LISTS: [&str; 3] = [
    "/proc/sysvipc/shm",
    "/proc/sysvipc/sem",
    "/proc/sysvipc/msg",
];

/// The kinds of objects that nobody here could find again.
#[must_use]
pub fn unlisted() -> Unlisted {
    Unlisted {
        queues: !shows_our_queues(Path::new(MESSAGE_QUEUES)),
        objects: !LISTS.iter().all(|list| is_of(list, PROC_SUPER_MAGIC)),
    }
}

/// Whether it can be opened and is the kernel's: another mount may cover it.
fn is_of(path: impl AsRef<Path>, kind: FsType) -> bool {
    let opened = File::open(path);
    opened.is_ok_and(|file| fstatfs(file).is_ok_and(|found| found.filesystem_type() == kind))
}

/// Whether it shows the queues of our own namespace: one that is made there by its
/// path is removed by its name.
fn shows_our_queues(directory: &Path) -> bool {
    if !is_of(directory, QUEUES) {
        return false;
    }
    let Ok((_, path)) = mkstemp(&directory.join(format!("{PROBE}XXXXXX"))) else {
        return false;
    };
    let is_ours = path
        .file_name()
        .is_some_and(|name| unlink_queue(name).is_ok());
    if !is_ours {
        let _ = unlink(&path);
    }
    is_ours
}
