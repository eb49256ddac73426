//! What setup's user could not have written is no trace of setup.
//!
//! In: traces. Out: those that can be its own.
//!
//! **Never:** a directory that nobody could look into: what is in it may be setup's,
//! whoever owns it.

use std::path::Path;

use super::{Kind, Residue};
use crate::collect::accounts::Identity;
use crate::seal::blame::could_have_written;

/// Takes out the innocent from the one with this number on.
pub(super) fn acquit(residues: &mut Vec<Residue>, from: usize, setup: &Identity) {
    let rest = residues.split_off(from.min(residues.len()));
    let paths: Vec<&Path> = rest.iter().map(|residue| residue.path.as_path()).collect();
    let could = could_have_written(&paths, setup);
    let judged = rest.iter().zip(could);
    let kept = judged.filter(|(residue, could)| *could || residue.is_unread_directory());
    residues.extend(kept.map(|(residue, _)| residue.clone()));
}

impl Residue {
    fn is_unread_directory(&self) -> bool {
        self.kind == Kind::Unreadable && !self.path.is_file() && !self.path.is_symlink()
    }
}
