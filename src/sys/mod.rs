//! The bottom of the house: every unsafe line, behind safe functions.
//!
//! In: plain values. Out: `nix::Result`s. One system call per block, and each
//! block states the fact that makes it sound. Only what nix cannot express is
//! here: 64-bit signal masks, real-time signals and end states, fork.
//!
//! **Never:** policy, messages, or a decision that a caller should make.

pub mod arena;
pub mod arguments;
pub mod attribute;
pub mod capability;
pub mod descriptor;
pub mod handle;
pub mod ipc;
pub mod landlock;
pub mod listing;
pub mod memory;
pub mod process;
pub mod real_path;
pub mod seccomp;
pub mod signal;
pub mod socket;
pub mod statx;
