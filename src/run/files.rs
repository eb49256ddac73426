//! Values that main reads from a file.
//!
//! In: values with the variable that is to hold the path. Out: the secret's own
//! file where main can read it, else a copy, 0400, in a random 0700 directory
//! on a tmpfs, else a sealed memfd.
//!
//! **Never:** a file on a disk, a file that another user can read. This runs
//! with main's identity, so nothing has to be handed over by chown.

use std::env::var_os;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, SealFlag, fcntl, open, readlink};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::{Mode, fchmod};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::unistd::{mkdtemp, write};

use crate::collect::FileDelivery;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::names::VariableName;
use crate::report::{Fault, said};
use crate::secret::Secret;

/// Where a tmpfs usually is, before the list of mounts is read.
const USUAL_PLACES: [&str; 3] = [SHARED_MEMORY, "/run", "/tmp"];
/// The tmpfs that comes with a container's IPC namespace.
const SHARED_MEMORY: &str = "/dev/shm";

/// A file that cannot be made.
#[derive(Debug)]
pub struct FilesError {
    variable: VariableName,
    errno: Errno,
}

impl Fault for FilesError {
    fn what(&self) -> String {
        format!(
            "cannot make the file for {}: {}",
            self.variable,
            said(self.errno)
        )
    }

    fn place(&self) -> String {
        "a tmpfs that main's user can write to, or else a memfd".into()
    }

    fn remedy(&self) -> String {
        "give the container a tmpfs (compose: `tmpfs: [/tmp]`), or `/dev/shm` room (`shm_size:`)"
            .into()
    }

    fn exit(&self) -> Exit {
        Exit::System
    }
}

/// What was made for main.
#[derive(Default)]
pub struct Delivered {
    /// The directory with the copies.
    pub directory: Option<PathBuf>,
    /// Descriptors that must stay open in main; they start at the first free
    /// number.
    pub kept: Vec<OwnedFd>,
}

/// Where copies may lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Copies {
    /// On a tmpfs, for main's life, which is the container's.
    #[default]
    OnTmpfs,
    /// In memory only: nobody would take them away after a passing process.
    InMemory,
}

/// Makes the files and adds their paths to the environment.
pub fn deliver(
    files: &[FileDelivery],
    copies: Copies,
    environment: &mut Environment,
) -> Result<Delivered, FilesError> {
    let mut directory = (copies == Copies::InMemory).then_some(None);
    let mut kept = Vec::new();
    for file in files {
        let fault = |errno| FilesError {
            variable: file.variable.clone(),
            errno,
        };
        let original = file
            .original
            .as_ref()
            .filter(|original| is_readable(original));
        let path = if let Some(original) = original {
            original.clone()
        } else if let Some(directory) = directory.get_or_insert_with(make_directory) {
            write_copy(directory, file).map_err(fault)?
        } else {
            let memory = write_memory(&file.content).map_err(fault)?;
            let path = PathBuf::from(format!("/proc/self/fd/{}", memory.as_raw_fd()));
            // Without `/proc` it would be a path to nowhere.
            if !is_readable(&path) {
                return Err(fault(Errno::ENOENT));
            }
            kept.push(memory);
            path
        };
        environment.set(OsStr::new(file.variable.as_str()), path.as_os_str());
    }
    Ok(Delivered {
        directory: directory.flatten(),
        kept,
    })
}

/// Whether this process could read a file, as far as it can tell.
fn is_readable(path: &Path) -> bool {
    try_to_read(path).is_ok()
}

/// Whether it might: only a refusal, or no file, says that it cannot.
pub(super) fn may_be_read(path: &Path) -> bool {
    let refused = [Errno::EACCES, Errno::EPERM, Errno::ENOENT, Errno::ENOTDIR];
    try_to_read(path).map_or_else(|errno| !refused.contains(&errno), |()| true)
}

fn try_to_read(path: &Path) -> nix::Result<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    open(path, flags, Mode::empty()).map(drop)
}

/// A new 0700 directory on the first tmpfs that takes one.
fn make_directory() -> Option<PathBuf> {
    let is_shared = is_memory_shared();
    USUAL_PLACES
        .iter()
        .map(PathBuf::from)
        .chain(mounted_tmpfs())
        .filter(|place| !(is_shared && place.starts_with(SHARED_MEMORY)))
        .filter(|place| statfs(place).is_ok_and(|found| found.filesystem_type() == TMPFS_MAGIC))
        .find_map(|place| mkdtemp(&place.join("vestibule-XXXXXX")).ok())
}

/// Whether `/dev/shm` may belong to others too: to the host, whose IPC namespace
/// has a fixed number (linux/proc_ns.h), or to the other containers of a pod.
fn is_memory_shared() -> bool {
    let own = readlink("/proc/self/ns/ipc").is_ok_and(|name| name != "ipc:[4026531839]");
    // Its value is wiped by now, its name is not.
    !own || var_os("KUBERNETES_SERVICE_HOST").is_some()
}

/// Mount points of type tmpfs (proc(5), mountinfo: field 5, and the first field
/// after the hyphen). Blanks in a path are escaped there; such a place is left.
fn mounted_tmpfs() -> Vec<PathBuf> {
    tmpfs_in(&fs::read("/proc/self/mountinfo").unwrap_or_default())
}

/// A line that is no UTF-8 is left, not the whole list.
fn tmpfs_in(mounts: &[u8]) -> Vec<PathBuf> {
    let lines = mounts.split(|byte| *byte == b'\n');
    lines
        .filter_map(|line| {
            let (mount, kind) = str::from_utf8(line).ok()?.split_once(" - ")?;
            let point = mount.split(' ').nth(4)?;
            (kind.starts_with("tmpfs ") && !point.contains('\\')).then(|| PathBuf::from(point))
        })
        .collect()
}

fn write_copy(directory: &Path, file: &FileDelivery) -> nix::Result<PathBuf> {
    let path = directory.join(file.variable.as_str());
    let flags =
        OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
    let copy = open(&path, flags, Mode::S_IRUSR)?;
    // The umask may have taken the read bit.
    fchmod(&copy, Mode::S_IRUSR)?;
    write_value(&copy, &file.content)?;
    Ok(path)
}

fn write_memory(content: &Secret) -> nix::Result<OwnedFd> {
    let memory = memfd_create(
        c"vestibule",
        MFdFlags::MFD_ALLOW_SEALING | MFdFlags::MFD_CLOEXEC,
    )?;
    write_value(&memory, content)?;
    let seals = SealFlag::F_SEAL_WRITE
        | SealFlag::F_SEAL_GROW
        | SealFlag::F_SEAL_SHRINK
        | SealFlag::F_SEAL_SEAL;
    fcntl(&memory, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(memory)
}

fn write_value(file: &impl AsFd, content: &Secret) -> nix::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the value goes into the file that main was promised"
    )]
    let mut rest = content.expose();
    while !rest.is_empty() {
        match write(file, rest) {
            Ok(0) => return Err(Errno::ENOSPC),
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::tmpfs_in;

    #[test]
    fn a_mount_point_that_is_no_text_hides_no_other() {
        let mounts = b"1 0 0:1 / / rw - overlay o rw\n\
            2 1 0:2 / /mnt/\xff rw - tmpfs t rw\n\
            3 1 0:3 / /mnt/a\\040b rw - tmpfs t rw\n\
            4 1 0:4 / /mnt/own rw shared:1 - tmpfs t rw\n";
        assert_eq!(tmpfs_in(mounts), [PathBuf::from("/mnt/own")]);
    }
}
