//! What becomes of the traces.
//!
//! In: everything that was found. Out: what was cleaned, and what is still there.
//!
//! **Never:** silence: what is kept is reported, whatever the policy says.

use std::mem;

use super::{Found, Kind, Residue};

/// What became of the traces.
#[derive(Debug, Default)]
pub struct Settled {
    /// These are gone.
    pub cleaned: Vec<Residue>,
    /// These are still there.
    pub kept: Vec<Residue>,
}

/// Takes out what `clean` can.
#[must_use]
pub fn settle(found: Found, clean: &dyn Fn(&Residue) -> bool) -> Settled {
    let mut settled = Settled::default();
    for residue in found.residues {
        if residue.can_clean && clean(&residue) {
            settled.cleaned.push(residue);
        } else {
            settled.kept.push(residue);
        }
    }
    settled
}

impl Found {
    /// Adds what was found with another user's eyes. Of what could not be looked at
    /// only that goes which the other did look at: below what neither could enter,
    /// each saw other places.
    pub fn join(&mut self, other: &Self) {
        let mine = mem::take(&mut self.residues);
        for (residues, by) in [(&mine, &other.residues), (&other.residues, &mine)] {
            // A file may have several lines that are not understood.
            let known = self.residues.len();
            for residue in residues {
                let is_left = !residue.is_unread() || residue.is_unread_by(by);
                let mut before = self.residues.iter().take(known);
                if is_left && !before.any(|known| known.says(residue)) {
                    self.residues.push(residue.clone());
                }
            }
        }
        self.more = self.more.max(other.more);
        self.seen = self.seen.max(other.seen);
    }
}

impl Residue {
    pub(super) fn is_unread(&self) -> bool {
        self.kind == Kind::Unreadable
    }

    /// Whether it is in what these could not look at.
    fn is_unread_by(&self, others: &[Self]) -> bool {
        let mut unread = others.iter().filter(|other| other.is_unread());
        unread.any(|other| self.path.starts_with(&other.path))
    }

    /// Whether the other one says nothing more.
    fn says(&self, other: &Self) -> bool {
        let is_place = self.is_unread() && other.is_unread() && self.path == other.path;
        is_place || self == other
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Found, Kind, Residue};

    fn unread(path: &str, line: Option<u32>) -> Residue {
        Residue::new(Path::new(path), line, Kind::Unreadable, false)
    }

    /// What is left after the looks of two users, whoever was first.
    #[track_caller]
    fn expect_joined(first: &[Residue], second: &[Residue], expected: &[Residue]) {
        for (one, other) in [(first, second), (second, first)] {
            let [mut found, other] = [one, other].map(|residues| Found {
                residues: residues.to_vec(),
                ..Found::default()
            });
            found.join(&other);
            found.residues.sort_by(|a, b| a.path.cmp(&b.path));
            assert_eq!(found.residues, expected);
        }
    }

    #[test]
    fn what_one_could_not_enter_and_the_other_not_read_was_not_looked_at() {
        let below = [unread("/w/shut/x", None), unread("/w/shut/y/z", None)];
        expect_joined(&[unread("/w/shut", None)], &below, &below);
        let alike = [unread("/w/shut-too", None)];
        expect_joined(&[unread("/w/shut", None)], &alike, &[]);
    }

    #[test]
    fn what_either_looked_at_was_looked_at_and_every_trace_stays() {
        let hook = Residue::new(Path::new("/w/b"), None, Kind::GitHook, false);
        let first = [unread("/w/a", None), hook.clone()];
        let second = [hook];
        expect_joined(&first, &second, &second);
    }

    #[test]
    fn a_file_that_one_may_not_read_and_the_other_not_understand_stays_once() {
        for (one, other) in [(None, Some(3)), (Some(3), None)] {
            let mut found = Found {
                residues: vec![unread("/w/.git/config", one)],
                ..Found::default()
            };
            found.join(&Found {
                residues: vec![unread("/w/.git/config", other)],
                ..Found::default()
            });
            assert_eq!(found.residues, [unread("/w/.git/config", one)]);
        }
    }
}
