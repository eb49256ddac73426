//! Another user for good: groups, gid, uid, and no capability left behind.
//!
//! In: the identity that main is to have. Out: a process that has it in all
//! four places (real, effective, saved, file system) and cannot go back.
//!
//! **Never:** uid before gid, or trust in the calls' answers alone.

use caps::CapSet;
use nix::errno::Errno;
use nix::unistd::{
    Gid, Uid, getgroups, getresgid, getresuid, setgroups, setresgid, setresuid, setuid,
};

use crate::collect::accounts::Identity;
use crate::sys::process;

/// The steps of a user drop, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityStep {
    /// setgroups(2).
    Groups,
    /// setresgid(2).
    Group,
    /// setresuid(2).
    User,
    /// Emptying the capability sets.
    Capabilities,
    /// Getting the old identity back must not work.
    Regain,
}

impl IdentityStep {
    /// The step in an operator's words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Groups => "setgroups",
            Self::Group => "setresgid",
            Self::User => "setresuid",
            Self::Capabilities => "dropping capabilities",
            Self::Regain => "the look at the result",
        }
    }
}

type Refused = (IdentityStep, Errno);

/// Takes the identity. Nothing is called where nothing would change, so that a
/// container that already runs as this user needs no capability.
pub fn assume(identity: &Identity) -> Result<(), Refused> {
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    if !is_already(identity) {
        if !identity.is_root() {
            // Without CAP_SETPCAP it stays; it matters only for set-uid programs,
            // which `no_new_privs` disarms.
            let _ = process::empty_bounding_set();
        }
        let groups: Vec<Gid> = identity.groups.iter().copied().map(Gid::from_raw).collect();
        setgroups(&groups).map_err(|errno| (IdentityStep::Groups, errno))?;
        setresgid(gid, gid, gid).map_err(|errno| (IdentityStep::Group, errno))?;
        setresuid(uid, uid, uid).map_err(|errno| (IdentityStep::User, errno))?;
    }
    if identity.is_root() {
        return Ok(());
    }
    drop_own_capabilities()?;
    let regained = setuid(Uid::from_raw(0)).is_ok() || !is_already(identity);
    if regained {
        Err((IdentityStep::Regain, Errno::EPERM))
    } else {
        Ok(())
    }
}

/// Leaving uid 0 empties these sets unless the caller had set securebits
/// (capabilities(7)); a container that starts as a user may have ambient ones,
/// which are among the permitted and inheritable and go with them.
fn drop_own_capabilities() -> Result<(), Refused> {
    for set in [CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        let empty = caps::read(None, set).is_ok_and(|held| held.is_empty());
        if !empty && caps::clear(None, set).is_err() {
            return Err((IdentityStep::Capabilities, Errno::EPERM));
        }
    }
    Ok(())
}

fn is_already(identity: &Identity) -> bool {
    let (Ok(users), Ok(groups)) = (getresuid(), getresgid()) else {
        return false;
    };
    let uids = [users.real, users.effective, users.saved];
    let gids = [groups.real, groups.effective, groups.saved];
    uids.iter().all(|uid| uid.as_raw() == identity.uid)
        && gids.iter().all(|gid| gid.as_raw() == identity.gid)
        && has_exactly_groups(&identity.groups)
}

fn has_exactly_groups(wanted: &[u32]) -> bool {
    let Ok(held) = getgroups() else { return false };
    let held: Vec<u32> = held.iter().map(|gid| gid.as_raw()).collect();
    held.iter().all(|gid| wanted.contains(gid)) && wanted.iter().all(|gid| held.contains(gid))
}

impl Identity {
    /// Whether this is uid 0.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }
}
