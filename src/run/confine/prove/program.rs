//! Another program in the place of this one.
//!
//! In: the entries that lead to it. Out: one attempt.
//!
//! **Never:** a call that changes anything if it succeeds: each entry is renamed to
//! itself, which the kernel judges like any other name and then leaves as it is
//! (rename(2)), and a file that opens is not written to.

use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, renameat};

use super::attempt::{Attempt, Outcome};
use crate::run::confine::fixed::{Fixed, open_to_write};

/// Moving it away, moving another one over it, and writing to it.
pub(super) fn try_to_replace(fixed: &Fixed, see: &mut dyn FnMut(Attempt)) {
    let entries = fixed.entries.iter().map(|entry| rename_to_itself(entry));
    let answers = entries.chain([open_to_write(&fixed.program)]);
    let failed = answers.map(outcome).find(|one| *one != Outcome::Refused);
    see(Attempt {
        channel: "replacing",
        target: fixed.program.to_string_lossy().into_owned(),
        outcome: failed.unwrap_or(Outcome::Refused),
        remedy: "report this: Landlock or the kernel was to keep this program in its place",
    });
}

fn rename_to_itself(entry: &Path) -> nix::Result<()> {
    renameat(AT_FDCWD, entry, AT_FDCWD, entry)
}

/// ETXTBSY is the kernel's word for a file that is executed. A file that is gone is
/// no refusal here: main could make one of its name.
fn outcome(answer: nix::Result<()>) -> Outcome {
    match answer {
        Ok(()) => Outcome::Reached,
        Err(Errno::EACCES | Errno::EPERM | Errno::EROFS | Errno::ETXTBSY) => Outcome::Refused,
        Err(errno) => Outcome::Unclear(errno),
    }
}
