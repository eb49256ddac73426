//! The `main` symbol that the C runtime calls, so that signals are blocked
//! before Rust's own runtime could touch them: std would ignore SIGPIPE,
//! install handlers and unblock two real-time signals.
//!
//! In: the C argument vector. Out: the exit code, by `_exit`.
//!
//! **Never:** anything but the hand-over to `vestibule::run`.

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::slice;

/// Called once by the C runtime, on the only thread.
// SAFETY: the C runtime refers to `main` by this very name, and a program has
// exactly one; the signature is the one that C17 5.1.2.2.1 gives it.
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, vector: *const *const c_char) -> c_int {
    // Effect: signals blocked.
    let caller = vestibule::sys::signal::block_all();
    let count = usize::try_from(count).unwrap_or(0);
    let pointers = if vector.is_null() {
        &[]
    } else {
        // SAFETY: the kernel lays out `count` pointers at `vector` (execve(2)),
        // and nothing else writes to them while the program lives.
        unsafe { slice::from_raw_parts(vector, count) }
    };
    let arguments = || pointers.iter().map(|&pointer| argument(pointer)).collect();
    vestibule::sys::process::exit_now(vestibule::run(&arguments, caller))
}

fn argument(pointer: *const c_char) -> OsString {
    // SAFETY: each of the first `count` pointers is a NUL-terminated string
    // that lives as long as the program (execve(2)).
    let text = unsafe { CStr::from_ptr(pointer) };
    OsStr::from_bytes(text.to_bytes()).to_os_string()
}
