//! Claims about Git's credentials: the real git, a real server behind TLS and a
//! log-in, and the binary as git's helper.
//!
//! - `room`: a directory for one test, with repositories, keys and a server
//! - `command`: a command of setup beside the end of the socket that PID 1 holds
//! - `https.py`: git's own `http-backend` behind TLS, with a token for each owner
//! - the rest: the claims, a subject each
//!
//! Root must be there, since commands run as other users: without it a claim
//! fails. Nothing leaves the loopback address.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot do its work has to fail"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod command;
mod room;

mod agent;
mod clones;
mod ends;
mod refusals;
