//! The power of PID 1 over a main that runs as another user, and nothing more.
//!
//! In: main's identity and our own capabilities. Out: a PID 1 that can still
//! signal main, but holds no other privilege that is worth taking over.
//!
//! **Never:** an end of PID 1 because it may not signal: without any of these
//! means the forwarding warns.

use caps::{CapSet, Capability};
use nix::sys::prctl;
use nix::unistd::{Uid, geteuid, setresuid};

use crate::sys::capability::Sets;

/// How PID 1 stays able to signal main.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Main runs as our own user: nothing changes. A main that is root stays
    /// below PID 1 only as long as PID 1 keeps what it has.
    Unchanged,
    /// CAP_KILL is kept, every other capability is dropped.
    KillOnly,
    /// There is no CAP_KILL: the real uid becomes main's, which kill(2) accepts,
    /// while the effective one stays, so that main may not touch PID 1. No
    /// capability is kept.
    RealUid(u32),
}

impl Guard {
    /// Chooses for a main that will run as `uid`.
    #[must_use]
    pub fn choose(uid: Option<u32>) -> Self {
        match uid {
            None => Self::Unchanged,
            Some(uid) if uid == geteuid().as_raw() || uid == 0 => Self::Unchanged,
            Some(uid) => {
                let can_kill = caps::has_cap(None, CapSet::Permitted, Capability::CAP_KILL);
                if can_kill.unwrap_or(false) {
                    Self::KillOnly
                } else {
                    Self::RealUid(uid)
                }
            }
        }
    }

    /// Gives up what is not needed. A refusal leaves PID 1 as it was: it is
    /// still out of main's reach, only with more than it needs.
    pub fn apply(self) {
        match self {
            Self::Unchanged => return,
            Self::KillOnly => keep_only(Capability::CAP_KILL.bitmask()),
            Self::RealUid(uid) => {
                let own = geteuid();
                let _ = setresuid(Uid::from_raw(uid), own, own);
                keep_only(0);
            }
        }
        // A change of identity may have reset it (prctl(2), PR_SET_DUMPABLE).
        let _ = prctl::set_dumpable(false);
    }

    /// One number for the state of the hand-over.
    pub(super) fn encode(self) -> u32 {
        match self {
            // The first is nobody's uid, the second root's, which needs no guard.
            Self::Unchanged => u32::MAX,
            Self::KillOnly => 0,
            Self::RealUid(uid) => uid,
        }
    }

    pub(super) fn decode(number: u32) -> Self {
        match number {
            u32::MAX => Self::Unchanged,
            0 => Self::KillOnly,
            uid => Self::RealUid(uid),
        }
    }
}

fn keep_only(kept: u64) {
    // Nothing is executed here any more; whoever changes that gains nothing by it,
    // at the price of one call instead of one for each of the bounding set.
    let _ = prctl::set_no_new_privs();
    let only = Sets {
        effective: kept,
        permitted: kept,
        inheritable: 0,
    };
    let _ = only.take_effect();
}

#[cfg(test)]
mod tests {
    use super::Guard;

    #[test]
    fn every_guard_reads_back_as_it_was_written() {
        for guard in [
            Guard::Unchanged,
            Guard::KillOnly,
            Guard::RealUid(1),
            Guard::RealUid(65_534),
        ] {
            assert_eq!(Guard::decode(guard.encode()), guard);
        }
    }

    #[test]
    fn a_main_of_our_own_user_changes_nothing() {
        assert_eq!(Guard::choose(None), Guard::Unchanged);
        assert_eq!(
            Guard::choose(Some(nix::unistd::geteuid().as_raw())),
            Guard::Unchanged
        );
    }
}
