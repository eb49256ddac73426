//! `vestibule health`: has main been started, after its proof.
//!
//! In: PID 1 as everybody sees it. Out: 0 or 1.
//!
//! **Never:** a secret read, or a look at whether main does its work: only main
//! knows that.

use super::pid1;
use crate::cli::Options;

/// Says why not on standard error, and returns the exit code.
#[must_use]
pub fn answer(options: &Options) -> u8 {
    match pid1::in_force() {
        Ok(_) => 0,
        Err(reason) => {
            options.report.warning(&reason);
            1
        }
    }
}
