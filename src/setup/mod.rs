//! The setup phase: commands that may use credentials which main never sees.
//!
//! In: the rules of `setup`, the values that they name. Out: what its commands
//! made, and nothing else.
//!
//! **Never:** a credential for a longer time than the command it is for; trust
//! in what an earlier main could have prepared.

pub mod before;
pub mod command;
pub mod fault;
pub mod git;
pub mod ground;
pub mod home;
pub mod need;
pub(crate) mod own_program;
pub mod phase;
pub mod relay;
mod remains;
pub mod watch;
pub mod work;
