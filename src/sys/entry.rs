//! The `main` symbol that the C runtime calls, so that signals are blocked
//! before Rust's own runtime could touch them: std would ignore SIGPIPE,
//! install handlers and unblock two real-time signals.
//!
//! In: the C argument vector. Out: the exit code, by `_exit`.
//!
//! **Never:** anything but the hand-over to `vestibule::run`.

use std::ffi::{c_char, c_int};

use vestibule::sys::arguments::Arguments;

/// Called once by the C runtime, on the only thread.
// SAFETY: the C runtime refers to `main` by this very name, and a program has
// exactly one; the signature is the one that C17 5.1.2.2.1 gives it.
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, vector: *const *mut c_char) -> c_int {
    // Effect: signals blocked.
    let caller = vestibule::sys::signal::block_all();
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: this is the vector that the kernel laid out for this program
    // (execve(2)), and nothing else here refers to it.
    let arguments = unsafe { Arguments::of(count, vector) };
    vestibule::sys::process::exit_now(vestibule::run(&arguments, caller))
}
