//! Another user for good: groups, gid, uid.
//!
//! In: the identity that main is to have. Out: a process that has it in all
//! four places (real, effective, saved, file system) and cannot go back.
//!
//! **Never:** uid before gid, or trust in the calls' answers alone.

use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{
    Gid, Uid, getgroups, getresgid, getresuid, setgroups, setresgid, setresuid, setuid,
};

use super::capabilities::Kept;
use crate::collect::accounts::Identity;

/// The steps of a user drop, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityStep {
    /// setgroups(2).
    Groups,
    /// setresgid(2).
    Group,
    /// setresuid(2).
    User,
    /// Reducing the capability sets.
    Capabilities,
    /// Getting the old identity back must not work.
    Regain,
    /// One of them, in a child.
    Trial,
}

impl IdentityStep {
    /// The step in an operator's words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Groups => "setgroups",
            Self::Group => "setresgid",
            Self::User => "setresuid",
            Self::Capabilities => "reducing the capabilities",
            Self::Regain => "the look at the result",
            Self::Trial => "the change",
        }
    }
}

type Refused = (IdentityStep, Errno);

/// Takes the identity, with all capabilities: the caller reduces them next. Nothing
/// is called where nothing would change, so that a container that already runs as
/// this user needs none.
pub fn assume(identity: &Identity, kept: &Kept) -> Result<(), Refused> {
    if is_already(identity) {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    let groups: Vec<Gid> = identity.groups.iter().copied().map(Gid::from_raw).collect();
    if !identity.is_root() {
        let is_kept = prctl::set_keepcaps(true);
        if kept.outlives_root() {
            is_kept.map_err(|errno| (IdentityStep::Capabilities, errno))?;
        }
    }
    setgroups(&groups).map_err(|errno| (IdentityStep::Groups, errno))?;
    setresgid(gid, gid, gid).map_err(|errno| (IdentityStep::Group, errno))?;
    setresuid(uid, uid, uid).map_err(|errno| (IdentityStep::User, errno))?;
    // Where `fs.suid_dumpable` is 1 the change has made it dumpable; until this line
    // the capabilities that it still has keep its new user out (ptrace(2)).
    let _ = prctl::set_dumpable(false);
    // It would end at execve(2); nothing after this line needs it.
    let _ = prctl::set_keepcaps(false);
    Ok(())
}

/// Takes the identity for good, and no capability with it.
pub fn assume_bare(identity: &Identity) -> Result<(), Refused> {
    let kept = Kept::Named(Vec::new());
    kept.limit_future();
    assume(identity, &kept)?;
    kept.limit_present(identity.is_root())
        .map_err(|errno| (IdentityStep::Capabilities, errno))?;
    verify(identity, &kept)
}

/// The process has the identity and cannot go back. Tried after capabilities
/// were given up: CAP_SETUID is a way back, and only a policy can have kept it.
pub fn verify(identity: &Identity, kept: &Kept) -> Result<(), Refused> {
    let may_return = identity.is_root() || kept.outlives_root();
    let regained = !may_return && setuid(Uid::from_raw(0)).is_ok();
    if regained || !is_already(identity) {
        Err((IdentityStep::Regain, Errno::EPERM))
    } else {
        Ok(())
    }
}

fn is_already(identity: &Identity) -> bool {
    let (Ok(users), Ok(groups)) = (getresuid(), getresgid()) else {
        return false;
    };
    let uids = [users.real, users.effective, users.saved];
    let gids = [groups.real, groups.effective, groups.saved];
    uids.iter().all(|uid| uid.as_raw() == identity.uid)
        && gids.iter().all(|gid| gid.as_raw() == identity.gid)
        && has_exactly_groups(identity)
}

/// Whether the rights of groups are the same: the group itself gives its own
/// without standing in the list, where some runtimes put it and some do not.
fn has_exactly_groups(identity: &Identity) -> bool {
    let Ok(held) = getgroups() else { return false };
    let held: Vec<u32> = held.iter().map(|gid| gid.as_raw()).collect();
    let is_in = |gid: &u32, list: &[u32]| *gid == identity.gid || list.contains(gid);
    held.iter().all(|gid| is_in(gid, &identity.groups))
        && identity.groups.iter().all(|gid| is_in(gid, &held))
}

impl Identity {
    /// Whether this is uid 0.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }
}
