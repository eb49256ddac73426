//! Landlock: a process denies itself what it may read, for good.
//!
//! In: which rights are handled, and the directories and files that keep them.
//! Out: a domain for this process and all it will start (landlock(7)).
//!
//! **Never:** an access right that this version of the kernel does not know:
//! the callers ask for the version first.

#![expect(unsafe_code, reason = "libc has no wrappers for these calls")]

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;

/// Reading a file (linux/landlock.h, LANDLOCK_ACCESS_FS_READ_FILE).
pub const READ_FILE: u64 = 1 << 2;
/// Removing a directory, or renaming it: judged at the directory above it.
pub const REMOVE_DIR: u64 = 1 << 4;
/// The same for a file, a link and whatever else is no directory.
pub const REMOVE_FILE: u64 = 1 << 5;
/// Moving or linking a file to another directory (from version 2 on). A domain
/// that handles anything of the file system denies this unless it is handled
/// and allowed.
pub const REFER: u64 = 1 << 13;
/// Everything that version 1 knows: execute, write, read, list, remove, make.
pub const ALL_OF_VERSION_1: u64 = REFER - 1;

/// Connecting to abstract sockets of processes outside the domain (version 6).
pub const SCOPE_ABSTRACT_SOCKETS: u64 = 1;
/// Signals to processes outside the domain (version 6).
pub const SCOPE_SIGNALS: u64 = 1 << 1;

/// LANDLOCK_CREATE_RULESET_VERSION.
const VERSION: libc::c_uint = 1;
/// LANDLOCK_RULE_PATH_BENEATH.
const PATH_BENEATH: libc::c_int = 1;

/// `struct landlock_ruleset_attr`. Older kernels take a longer one as long as
/// what they do not know is 0.
#[repr(C)]
struct Attributes {
    files: u64,
    network: u64,
    scopes: u64,
}

/// `struct landlock_path_beneath_attr`.
#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: RawFd,
}

/// A domain in the making.
pub struct Ruleset(OwnedFd);

/// The version of Landlock that the kernel speaks; `None` where it is absent,
/// switched off or shut away by a seccomp filter.
#[must_use]
pub fn version() -> Option<u32> {
    // SAFETY: with this flag the kernel takes a null pointer and a size of 0.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<Attributes>(),
            0_usize,
            VERSION,
        )
    };
    u32::try_from(answer).ok().filter(|version| *version > 0)
}

impl Ruleset {
    /// A domain that denies `files` rights everywhere, and `scopes`.
    pub fn handling(files: u64, scopes: u64) -> nix::Result<Self> {
        let attributes = Attributes {
            files,
            network: 0,
            scopes,
        };
        // SAFETY: `attributes` outlives the call, which reads `size_of` bytes.
        let answer = unsafe {
            libc::syscall(
                libc::SYS_landlock_create_ruleset,
                &raw const attributes,
                size_of::<Attributes>(),
                0,
            )
        };
        let number = Errno::result(answer)?;
        let number = RawFd::try_from(number).map_err(|_| Errno::EBADF)?;
        // SAFETY: the kernel made this descriptor just now; nothing else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(number) }))
    }

    /// Gives `allowed` rights back for a file, or for all below a directory.
    pub fn allow(&self, beneath: &impl AsFd, allowed: u64) -> nix::Result<()> {
        let rule = PathBeneath {
            allowed,
            parent: beneath.as_fd().as_raw_fd(),
        };
        // SAFETY: `rule` outlives the call, which only reads it.
        let answer = unsafe {
            libc::syscall(
                libc::SYS_landlock_add_rule,
                self.0.as_raw_fd(),
                PATH_BENEATH,
                &raw const rule,
                0,
            )
        };
        Errno::result(answer).map(drop)
    }

    /// Enters the domain. Needs `no_new_privs`, or CAP_SYS_ADMIN.
    pub fn enter(self) -> nix::Result<()> {
        // SAFETY: the call takes a descriptor that lives until it returns.
        let answer =
            unsafe { libc::syscall(libc::SYS_landlock_restrict_self, self.0.as_raw_fd(), 0) };
        Errno::result(answer).map(drop)
    }
}
