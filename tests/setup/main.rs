//! Claims about the setup phase and the seal: the binary as PID 1 of fresh
//! namespaces, with commands that use a secret and a main that must not have it.
//!
//! - `rules`: a policy with setup, in the words of a claim, and what a refusal says
//! - `hunt`: a search for a value in everything that a main could reach
//! - `tracer`: PID 1, stopped before a step of the claim's choice
//! - `disk`: a file system that can lose its power
//! - `mischief.c`: what a command may leave behind, and what main looks for
//! - the rest: the claims, a subject each
//!
//! What is started again after a crash stands on a `Layer`, as a container on its
//! writable layer.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot do its work has to fail"
)]

#[path = "../harness/mod.rs"]
mod harness;

#[path = "../git/room.rs"]
mod room;

mod disk;
mod hunt;
mod rules;
mod tracer;

mod advice;
mod afterwards;
mod blackouts;
mod commands;
mod crashes;
mod cuts;
mod debts;
mod ends;
mod exposure;
mod findings;
mod frozen;
mod git;
mod ground;
mod leftovers;
mod minted;
mod on_drop;
mod order;
mod output;
mod pods;
mod power;
mod reach;
mod redacted;
mod root;
mod rows;
mod skipping;
mod unseen;
