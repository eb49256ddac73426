//! The door between setup and main: what setup started is killed, what it left
//! is removed or found, and a crash in between is remembered.
//!
//! In: the moment at which setup began, its user, its directories. Out: nothing
//! of setup alive, and every trace named.
//!
//! **Never:** the way back; a change to what is older than setup; a value in a
//! message or in the journal.

pub mod as_user;
mod blame;
pub mod close;
mod disks;
pub mod journal;
pub mod kernel_objects;
pub mod kill;
pub mod places;
pub(crate) mod progress;
pub mod residue;
pub mod scan;
pub mod since;
pub mod stop;
pub mod trace;
pub mod wipe;
pub(crate) mod wording;

#[cfg(test)]
pub(crate) mod tests;
