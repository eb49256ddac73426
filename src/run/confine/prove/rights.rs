//! Rights that main must not have, and ways to get lost ones back.
//!
//! In: the process as main will have it. Out: one attempt each.
//!
//! **Never:** an attempt that changes the process if it succeeds and is then
//! forgotten: success ends the start.

use caps::Capability;
use nix::sys::prctl;
use nix::unistd::{Uid, geteuid, setuid};

use super::attempt::{Attempt, Outcome};
use crate::run::capabilities::{DANGEROUS, Kept};
use crate::sys::capability::Sets;
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
    let own = Sets::own();
    for capability in DANGEROUS {
        see(Attempt {
            channel: "raising",
            target: capability.to_string(),
            outcome: raise(capability, &accepted, own),
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

/// An ambient one would be permitted and inheritable as well.
fn raise(capability: Capability, accepted: &[Capability], own: nix::Result<Sets>) -> Outcome {
    if accepted.contains(&capability) {
        return Outcome::Accepted;
    }
    let mask = capability.bitmask();
    let is_refused = own.is_ok_and(|own| {
        let held = own.effective | own.permitted | own.inheritable;
        let effective = own.effective | mask;
        held & mask == 0 && Sets { effective, ..own }.take_effect().is_err()
    });
    if is_refused {
        Outcome::Refused
    } else {
        Outcome::Reached
    }
}
