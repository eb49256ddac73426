//! What main left running: asked to end, and ended if it does not.
//!
//! In: the fact that main is gone. Out: signals to every descendant.
//!
//! **Never:** `kill(-1)` when not PID 1: it would reach foreign processes.

use std::fs;

use nix::unistd::{Pid, getpid};

use super::signals::Signal;
use crate::sys::signal::send;

/// Sends `signal` to every process that descends from us.
pub fn signal_all(signal: Signal) {
    if getpid() == Pid::from_raw(1) {
        // As PID 1 this is atomic against fork (kill(2)); ESRCH: none is left.
        let _ = send(Pid::from_raw(-1), signal.number());
    } else {
        signal_descendants(getpid(), signal);
    }
}

/// As a subreaper: a walk over `/proc`, parents before children. It can miss a
/// process that forks meanwhile; the caller repeats it until none is left.
fn signal_descendants(parent: Pid, signal: Signal) {
    for child in children(parent) {
        let _ = send(child, signal.number());
        signal_descendants(child, signal);
    }
}

/// The children of a process (proc(5), `children`; needs CONFIG_PROC_CHILDREN).
fn children(parent: Pid) -> Vec<Pid> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_ascii_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .map(Pid::from_raw)
        .collect()
}
