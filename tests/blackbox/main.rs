//! Claims about the real binary, as PID 1 of a scene made for each of them.
//!
//! Whatever a claim is about, the canary watches: no planted value may be in
//! any output, any argument, the environment of PID 1, or with a main that is
//! not permitted to have it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a helper of a test ends the test"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod beside;
mod canary;
mod capabilities;
mod check;
mod confinement;
mod conventions;
mod descriptors;
mod environment;
mod exits;
mod expected;
mod exposure;
mod files;
mod health;
mod identity;
mod invocation;
mod level;
mod levels;
mod logs;
mod night;
mod operations;
mod pid1;
mod pinned;
mod place;
mod plan;
mod policies;
mod process;
mod proof;
mod reaper;
mod redacted;
mod refusals;
mod scan;
mod second_mounts;
mod signals;
mod sources;
mod unusable;
