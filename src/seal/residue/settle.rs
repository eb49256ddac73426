//! What a policy's `on_hit` makes of the traces.
//!
//! In: everything that was found. Out: what was cleaned, what is still there, and
//! whether the start is refused because of it.
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
    /// Whether main may not start.
    pub is_refused: bool,
}

/// Does what the policy says. Planted code never ends a start: it can get no
/// more than main itself.
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
    let has_hit = settled
        .kept
        .iter()
        .any(|residue| residue.kind.is_credential());
    settled.is_refused = on_hit != OnHit::Report && (has_hit || found.more > 0);
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
