//! A scene becomes a process: any init, as PID 1 of fresh namespaces, in a root
//! file system made for this one run, with exactly the environment, identity,
//! signals, descriptors and limits that the claim says.
//!
//! In: a `Scene`. Out: `Running` while it lives, `Outcome` once it ended. Two
//! small C programs do what needs a process without a runtime: `stage.c` sets
//! the scene by plain system calls (`unshare` and `setpriv` could do half of it,
//! and neither says which process became PID 1), `witness.c` is main. Both are
//! compiled by `cc`, which Rust needs as its linker anyway.
//!
//! Root and namespaces must be there: without them a claim fails, it is never
//! skipped. However a test ends, the closing of one socket makes the stage kill
//! the init that it started, and the kernel then ends every process of the
//! scene; nothing is ever looked for by name.
//!
//! **Never:** a sleep that stands for an event: waits look for a condition and
//! give up at `DEADLINE`.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test target uses its own part of the harness"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a harness that cannot do its work has to fail the test"
)]

mod canary;
mod capture;
mod exposure;
mod file_system;
mod layer;
mod memory;
mod outcome;
mod process;
mod programs;
mod report;
mod running;
mod scene;
mod set;
mod stage;

use std::thread;
use std::time::{Duration, Instant};

pub(crate) use canary::{Canary, Leak};
pub(crate) use exposure::at_each_exposure;
pub(crate) use layer::Layer;
pub(crate) use memory::{contains, each_region, found_in_memory, occurrences};
pub(crate) use outcome::{End, Outcome};
pub(crate) use process::Process;
pub(crate) use programs::{compile, program, unreadable_vestibule, vestibule, witness};
pub(crate) use report::{Content, Report, names};
pub(crate) use running::Running;
pub(crate) use scene::{HOLD, Scene, capability};

/// How long anything may take before its test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Looks until `condition` gives something; at the deadline the test fails with
/// `what` was waited for.
pub(crate) fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "waited in vain for {what}");
        thread::sleep(Duration::from_micros(500));
    }
}
