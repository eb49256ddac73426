//! The reaper: fetch signals, pass them on, reap, and end with main's code.
//!
//! In: main's process id and the rules of the command line. Out: the exit code.
//!
//! **Never:** a secret's value, an allocation per signal, an end while a child
//! lives that could still be waited for.

pub mod forward;
pub mod leftovers;
pub mod signals;
pub mod status;
pub mod supervise;
pub mod terminal;
