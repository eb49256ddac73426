//! The reaper: fetch signals, pass them on, reap, and end with main's code.
//!
//! In: main's process id and the rules of the command line. Out: the exit code.
//!
//! **Never:** a secret's value, an allocation per signal, an end while a child
//! lives that could still be waited for.

pub mod channel;
pub mod forward;
pub mod guard;
pub mod handover;
pub mod leftovers;
pub mod signals;
pub mod state;
pub mod status;
pub mod supervise;
pub mod terminal;

use nix::sys::prctl;
use nix::unistd::{chdir, getpid};

use handover::Arrived;
use supervise::Supervisor;

use crate::start::{STARTING, take_name};
use crate::sys::arguments::Arguments;
use crate::sys::landlock::{ALL_OF_VERSION_1, Ruleset};

/// The reaper's life: give up what is not needed, let main go, look after it.
#[must_use]
pub fn reap_for(arrived: Arrived, arguments: &Arguments) -> u8 {
    let Arrived { state, watch } = arrived;
    // Effect: reaper reduced.
    state.guard.apply();
    // Executed by descriptor, the kernel may have named us after a number.
    take_name(STARTING);
    // Effect: root directory.
    release_directory();
    // Effect: reaper without files.
    renounce_files();
    // Effect: ready.
    watch.say_ready();
    Supervisor::new(state.main, state.rules, state.report).run(watch, arguments)
}

/// A PID 1 that somebody takes over can open no file, the mounted secrets least
/// of all. A kernel without Landlock leaves it at that it has no secrets in
/// memory. A subreaper finds its descendants in `/proc`.
fn renounce_files() {
    if getpid().as_raw() == 1 && prctl::set_no_new_privs().is_ok() {
        let _ = Ruleset::handling(ALL_OF_VERSION_1, 0).and_then(Ruleset::enter);
    }
}

/// PID 1 must not keep a mount busy that main wants to unmount.
pub fn release_directory() {
    let _ = chdir("/");
}
