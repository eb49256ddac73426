//! Rights that main must not have, and ways to get lost ones back.
//!
//! In: the process as main will have it. Out: one attempt each.
//!
//! **Never:** an attempt that changes the process if it succeeds and is then
//! forgotten: success ends the start.

use caps::{CapSet, Capability};
use nix::sys::prctl;
use nix::unistd::{Uid, geteuid, setuid};

use super::attempt::{Attempt, Outcome};
use crate::run::capabilities::{DANGEROUS, Kept};
use crate::sys::handle;

/// set-uid programs, uid 0, capabilities, file handles.
pub(super) fn try_rights(kept: &Kept, see: &mut dyn FnMut(Attempt)) {
    let accepted = kept.accepted();
    let has = prctl::get_no_new_privs() == Ok(true);
    see(Attempt {
        channel: "gaining rights by",
        target: "a set-uid program".into(),
        outcome: if has {
            Outcome::Refused
        } else {
            Outcome::Reached
        },
        remedy: "report this: no_new_privs is not set",
    });
    if !geteuid().is_root() {
        see(Attempt {
            channel: "becoming",
            target: "uid 0".into(),
            outcome: if kept.outlives_root() {
                Outcome::Accepted
            } else {
                Outcome::of(&setuid(Uid::from_raw(0)))
            },
            remedy: "report this: the old identity came back",
        });
    }
    for capability in DANGEROUS {
        see(Attempt {
            channel: "raising",
            target: capability.to_string(),
            outcome: raise(capability, &accepted),
            remedy: "report this: the capability was not given up",
        });
    }
    let by_handle = if accepted.contains(&Capability::CAP_DAC_READ_SEARCH) {
        Outcome::Accepted
    } else {
        Outcome::of(&handle::try_to_open())
    };
    see(Attempt {
        channel: "opening by",
        target: "file handle".into(),
        outcome: by_handle,
        remedy: "take CAP_DAC_READ_SEARCH from the container",
    });
}

fn raise(capability: Capability, accepted: &[Capability]) -> Outcome {
    if accepted.contains(&capability) {
        return Outcome::Accepted;
    }
    let sets = [
        CapSet::Effective,
        CapSet::Permitted,
        CapSet::Inheritable,
        CapSet::Ambient,
    ];
    let held = sets
        .iter()
        .any(|set| caps::has_cap(None, *set, capability).unwrap_or(true));
    if held || caps::raise(None, CapSet::Effective, capability).is_ok() {
        Outcome::Reached
    } else {
        Outcome::Refused
    }
}
