//! The first instructions: what the caller gave us is noted, then hardened.
//!
//! In: the process as the kernel started it. Out: a `Caller`, and a process
//! that dumps no core, shows its memory to nobody and holds no foreign file.
//!
//! **Never:** a change that main would not get back exactly.

use std::ffi::CStr;

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

use crate::init::signals::Signal;
use crate::sys::descriptor;
use crate::sys::signal::{self, SignalSet};

/// The name of a process of ours until it is what it is to become: PID 1 until main
/// has been executed, its child until then. `vestibule health` goes by that of PID 1,
/// which no other process can change.
pub const STARTING: &CStr = c"vestibule:start";
/// The name of PID 1 once main has been executed.
pub const AT_WORK: &CStr = c"vestibule";
/// The name of PID 1 once main has ended, while something of it is left.
pub const ENDING: &CStr = c"vestibule:end";

/// The state that main gets back.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The signal mask.
    pub mask: SignalSet,
    /// Whether SIGCHLD was ignored, which would hide main's end from us.
    pub ignores_children: bool,
    /// The soft and hard core limit.
    pub core_limit: (rlim_t, rlim_t),
}

/// Shows our memory and `/proc` entries to nobody without CAP_SYS_PTRACE. Each
/// execve(2) resets this, so it is the first thing that each program does.
pub fn hide_memory() {
    let _ = prctl::set_dumpable(false);
}

/// Takes a name for `ps` and `/proc/PID/comm`.
pub fn take_name(name: &CStr) {
    let _ = prctl::set_name(name);
}

/// Notes the caller's state and hardens the process. What the kernel refuses
/// here is a layer less, not a reason to stop: what counts is proved later.
#[must_use]
pub fn harden(mask: SignalSet) -> Caller {
    // Effect: first name.
    take_name(STARTING);
    // Effect: no core file.
    let core_limit = getrlimit(Resource::RLIMIT_CORE).unwrap_or((0, 0));
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, core_limit.1);
    // Effect: descriptors closed.
    let _ = descriptor::fill_standard();
    let _ = descriptor::close_from(descriptor::FIRST_FREE);
    // Effect: SIGCHLD default.
    let child = Signal::CHLD.number();
    let ignores_children = signal::is_ignored(child);
    if ignores_children {
        signal::set_ignored(child, false);
    }
    Caller {
        mask,
        ignores_children,
        core_limit,
    }
}

impl Caller {
    /// Gives main its signals back; from the last line on they may arrive.
    pub fn restore_signals(&self) {
        if self.ignores_children {
            signal::set_ignored(Signal::CHLD.number(), true);
        }
        signal::set_mask(self.mask);
    }
}
