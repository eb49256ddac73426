//! Claims about an init: what PID 1 owes to main, to orphans and to whoever
//! stops a container. They hold for vestibule, and `make compare-inits` puts
//! the same ones to tini, dumb-init and catatonit.
//!
//! - `inits`: who is asked, and by which options
//! - `claim`: a test for us, a row of the table for all
//! - `scene`, `running`: an init on a stage that shell lines prepare, if need be
//!   under strace; `harness` where a terminal or an exact root is needed
//! - the rest: the claims, a subject each; `docs/init-cases.md` maps the cases
//!   of the peers' own suites to them

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot do its work has to fail"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod claim;
mod inits;
mod programs;
mod running;
mod scene;

mod compare;

mod ends;
mod forwarding;
mod gap;
mod group;
mod handover;
mod leftovers;
mod options;
mod quiet;
mod reaping;
mod refusals;
mod rewriting;
mod rights;
mod state;
mod stop;
mod terminal;
mod users;
