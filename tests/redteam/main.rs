//! The red team: a hostile main tries every known way to the values that it was
//! not given, in every way a container can be set up.
//!
//! - `thief/`: the program that tries, and the accomplices that hold the value
//!   elsewhere; `loot` is what it says
//! - `rows`: the catalogue, row by row: prevented, and by which claim it is
//!   judged, or not, and why
//! - `modes`, `scenes`: containers, from privileged root to a user without
//!   anything; each also with a setup phase before main
//! - `setup`: that phase; a command of it is the thief as well, and so is a session
//!   of `vestibule exec`
//! - `protectors`: who stands in the thief's way: vestibule, and others
//! - `claims`: no prevented row succeeds in any mode
//! - `controls`: each of them does succeed where nobody prevents it
//! - `kernels`: the same where the kernel offers less
//! - `listed`: the catalogue, SECURITY.md and docs/security.md agree
//! - `compare`: the same thief behind other inits, as a table
//! - `containers`, `kinds`, `started`, `server`: the modes again, by a real engine
//! - `ordinary`: what a confined main can still do

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot do its work has to fail"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod kinds;
mod loot;
mod modes;
mod protectors;
mod robbery;
mod rows;
mod scenes;
mod server;
mod setup;
mod started;

// Of the engine's part of that suite, this one needs less than all.
#[allow(dead_code, reason = "shared with another suite")]
#[path = "../docker/engine.rs"]
mod engine;
#[allow(dead_code, reason = "shared with another suite")]
#[path = "../docker/passwords.rs"]
mod passwords;

mod claims;
mod compare;
mod containers;
mod controls;
mod kernels;
mod listed;
mod ordinary;
