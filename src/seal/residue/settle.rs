//! What a policy's `on_hit` makes of the traces.
//!
//! In: everything that was found. Out: what was cleaned, and what is still there.
//!
//! **Never:** silence: what is kept is reported, whatever the policy says.

use super::{Found, Kind, Residue, clean};
use crate::policy::OnHit;

/// What became of the traces.
#[derive(Debug, Default)]
pub struct Settled {
    /// These are gone.
    pub cleaned: Vec<Residue>,
    /// These are still there.
    pub kept: Vec<Residue>,
}

/// Takes out what the policy lets it take out.
#[must_use]
pub fn settle(found: Found, on_hit: OnHit) -> Settled {
    let mut settled = Settled::default();
    for residue in found.residues {
        if on_hit == OnHit::Remove && residue.can_clean && clean(&residue).is_ok() {
            settled.cleaned.push(residue);
        } else {
            settled.kept.push(residue);
        }
    }
    settled
}

impl Found {
    /// Adds what was found with another user's eyes: what either could look at
    /// was looked at.
    pub fn join(&mut self, other: Self) {
        let is_unread = |residue: &Residue| residue.kind == Kind::Unreadable;
        self.residues
            .retain(|residue| !is_unread(residue) || other.residues.contains(residue));
        for residue in other.residues {
            if !is_unread(&residue) && !self.residues.contains(&residue) {
                self.residues.push(residue);
            }
        }
        self.more = self.more.max(other.more);
        self.seen = self.seen.max(other.seen);
    }
}
