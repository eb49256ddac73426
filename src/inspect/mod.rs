//! What an operator asks, answered without starting anything.
//!
//! In: the same policy, secrets and variables as a start. Out: an answer on
//! stdout, or a process beside main.
//!
//! **Never:** a rule of its own: it looks through the eyes of the other rooms.

mod changed;
pub mod check;
pub mod exec;
pub mod health;
pub mod pid1;
pub mod plan;
pub mod scan;
