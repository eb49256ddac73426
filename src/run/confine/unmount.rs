//! Secret mounts that main does not even see: a mount namespace of its own.
//!
//! In: the secret directories and what stays permitted. Out: this process in a
//! new mount namespace, in which every mount that holds withheld files only is
//! gone. Needs CAP_SYS_ADMIN, which main then loses.
//!
//! **Never:** an unmount in the container's own namespace, which may be the
//! host's, and in which `vestibule exec` still has to read the secrets; a lazy
//! one, which leaves the files to whoever holds one.

use std::path::PathBuf;

use caps::{CapSet, Capability};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use super::mounts::{Mount, Mounts};
use super::ways::canonical;
use crate::collect::reach::Reach;

/// A mount that something in this process still holds (umount(2), EBUSY).
pub(super) struct Held(pub PathBuf);

/// Unmounts what it can, and says whether that was anything. What stays mounted
/// is hidden by other means.
pub(super) fn unmount(reach: &Reach, mounts: &Mounts) -> Result<bool, Held> {
    let candidates = possible(reach, mounts);
    if candidates.is_empty() || own_namespace().is_err() {
        return Ok(false);
    }
    let mut is_any = false;
    for mount in candidates {
        match umount2(&mount.point, MntFlags::UMOUNT_NOFOLLOW) {
            Ok(()) => is_any = true,
            Err(Errno::EBUSY) => return Err(Held(mount.point.clone())),
            // Locked by the namespace above (mount_namespaces(7)), or gone.
            Err(_) => {}
        }
    }
    Ok(is_any)
}

/// What there is to unmount, if this process has the capability for it.
pub(super) fn possible<'a>(reach: &Reach, mounts: &'a Mounts) -> Vec<&'a Mount> {
    let may = caps::has_cap(None, CapSet::Effective, Capability::CAP_SYS_ADMIN);
    if may.unwrap_or(false) {
        candidates(reach, mounts)
    } else {
        Vec::new()
    }
}

/// What the host mounts later still arrives; what happens here spreads nowhere.
fn own_namespace() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let flags = MsFlags::MS_SLAVE | MsFlags::MS_REC;
    mount::<str, str, str, str>(None, "/", None, flags, None)
}

/// Mounts at or below a secret directory that hold nothing permitted; those on
/// top first.
fn candidates<'a>(reach: &Reach, mounts: &'a Mounts) -> Vec<&'a Mount> {
    let mut found = Vec::new();
    for place in canonical(&reach.directories) {
        for mount in mounts.at_or_below(&place) {
            if !found.contains(&mount) {
                found.push(mount);
            }
        }
    }
    if !found.is_empty() {
        let permitted = canonical(&reach.permitted);
        let is_permitted =
            |mount: &&Mount| permitted.iter().any(|path| path.starts_with(&mount.point));
        found.retain(|mount| !is_permitted(mount));
    }
    found
}
