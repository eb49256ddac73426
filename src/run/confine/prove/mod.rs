//! The proof: main's process tries to reach what it was not given.
//!
//! In: the paths and marks of the withheld secrets, in main's exact state but
//! for the program. Out: an `OutOfReach`, without which nothing starts main; or
//! every attempt that was not refused.
//!
//! **Never:** a right computed from modes and sets instead of tried; a value,
//! which is wiped by now: what was read is compared with keyed hashes.

mod attempt;
mod files;
mod process;
mod program;
mod rights;

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use nix::sys::prctl;
use nix::unistd::{Pid, geteuid};

use super::{Hidden, HiddenFiles, Means};
use crate::collect::reach::{BY_SETUP, Reach};
use crate::collect::standing::{Prepares, Proved, Standing};
use crate::exit::Exit;
use crate::redact::fingerprint::Fingerprints;
use crate::report::{Fault, list, quote};
use crate::run::capabilities::Kept;
use crate::run::files::may_be_read;
use crate::sys::memory::clear_stack;

pub use attempt::{Attempt, Outcome};

/// What the proof has to know about main's process.
pub struct Circumstances<'a> {
    /// What is hidden from it.
    pub hidden: &'a Hidden,
    /// The secrets behind that.
    pub reach: &'a Reach,
    /// Our own PID 1 (or subreaper), which must be out of reach.
    pub reaper: Option<Pid>,
    /// The capabilities that it keeps.
    pub capabilities: &'a Kept,
    /// Descriptors that it keeps on purpose.
    pub descriptors: &'a [OwnedFd],
}

/// Nothing that is withheld is within reach. Only this room makes one.
#[must_use = "main is started by showing it"]
pub struct OutOfReach(Standing);

impl OutOfReach {
    /// What it rests on, for the start line.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.0
    }
}

/// Attempts that succeeded, or that ended in a way that is no refusal.
#[derive(Debug)]
pub struct ProofFault {
    failures: Vec<Attempt>,
}

/// Tries everything, unless there is nothing to try or the policy waives it.
pub fn prove(
    circumstances: &Circumstances<'_>,
    marks: Fingerprints,
) -> Result<OutOfReach, ProofFault> {
    let mut tried = 0;
    let mut failures = Vec::new();
    try_all(circumstances, marks, &mut |attempt| {
        tried += 1;
        if !attempt.outcome.is_refusal() {
            failures.push(attempt);
        }
    });
    if !failures.is_empty() {
        return Err(ProofFault { failures });
    }
    Ok(OutOfReach(match circumstances.hidden {
        Hidden::Nothing => Standing::Nothing,
        Hidden::EnvironmentOnly => Standing::EnvironmentOnly(readable(circumstances.reach)),
        Hidden::Files(files) => Standing::OutOfReach(Proved {
            means: files.means.iter().map(|means| means.words()).collect(),
            lasting: !files.means.contains(&Means::Permissions),
            mounts_known: files.mounts_known,
            accepted: circumstances.capabilities.accepted(),
            tried,
            prepares: prepares(circumstances.reach, files),
        }),
    }))
}

fn prepares(reach: &Reach, files: &HiddenFiles) -> Option<Prepares> {
    let program = reach.program.is_some() && files.fixed.is_none();
    (reach.this_start_only || program).then(|| Prepares {
        who: reach.prepared_by,
        by_root: geteuid().is_root() || reach.prepared_by == BY_SETUP,
        program,
    })
}

fn readable(reach: &Reach) -> Vec<PathBuf> {
    let files = reach.withheld.iter();
    files.filter(|path| may_be_read(path)).cloned().collect()
}

/// Makes every attempt and hands it to `see`. The process is dumpable meanwhile:
/// main will be, and the kernel refuses the other way round what it would allow.
pub fn try_all(
    circumstances: &Circumstances<'_>,
    marks: Fingerprints,
    see: &mut dyn FnMut(Attempt),
) {
    let Hidden::Files(files) = circumstances.hidden else {
        return;
    };
    // Whether another process shows itself is a matter of that process alone. So
    // the marks are gone before ours does: they would confirm a guess.
    if process::is_own_proc() {
        process::try_environments(&marks, see);
    }
    drop(marks);
    clear_stack();
    if let Err(errno) = prctl::set_dumpable(true) {
        // The attempts would be made in another state than main's.
        see(Attempt {
            channel: "becoming",
            target: "as open to a look as main".into(),
            outcome: Outcome::Unclear(errno),
            remedy: "let the seccomp profile allow prctl(PR_SET_DUMPABLE)",
        });
    }
    // A `/proc` of another process namespace knows PID 1 as somebody else.
    let seen = circumstances.reaper.filter(|_| process::is_own_proc());
    files::try_files(files, seen, see);
    files::try_descriptors(files, circumstances.descriptors, see);
    rights::try_rights(circumstances.capabilities, see);
    if let Some(fixed) = &files.fixed {
        program::try_to_replace(fixed, see);
    }
    let accepted = circumstances.capabilities.accepted();
    if let Some(reaper) = seen {
        process::try_doors(reaper, &accepted, see);
    }
    if let Some(reaper) = circumstances.reaper {
        process::try_calls(reaper, &accepted, see);
    }
    // What is left until execve(2) is nobody's to look at.
    let _ = prctl::set_dumpable(false);
}

impl Fault for ProofFault {
    fn what(&self) -> String {
        let failures: Vec<String> = self
            .failures
            .iter()
            .take(5)
            .map(|attempt| format!("{} {}", attempt.channel, quote(&attempt.target)))
            .collect();
        let more = self.failures.len() - failures.len();
        let more = if more == 0 {
            String::new()
        } else {
            format!(" and {more} more")
        };
        format!(
            "main could reach withheld secrets: {}{more}",
            list(&failures)
        )
    }

    fn place(&self) -> String {
        let outcome = self.failures.first().map(|attempt| attempt.outcome.words());
        format!(
            "tried as main, before the command: the first attempt {}; the command was not started",
            outcome.unwrap_or_default()
        )
    }

    fn remedy(&self) -> String {
        let remedy = self.failures.first().map(|attempt| attempt.remedy);
        remedy.unwrap_or_default().into()
    }

    fn exit(&self) -> Exit {
        Exit::Proof
    }
}
