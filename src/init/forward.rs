//! Passing a signal on to main, without losing one.
//!
//! In: a signal that arrived. Out: the same (or the rewritten) signal for main
//! or its group; a real-time signal that main's full queue refuses is kept and
//! tried again.
//!
//! **Never:** an end of PID 1 because a signal could not be delivered.

use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Pid;

use super::signals::Signal;
use crate::sys::signal::{self, Arrival};

/// How long a full queue is given before the next try.
pub const RETRY: Duration = Duration::from_millis(2);

/// Whom a signal is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audience {
    /// Main alone.
    #[default]
    Main,
    /// Main's process group.
    Group,
}

/// What became of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It was sent, or main is gone and its end is about to be fetched.
    Done,
    /// Main's queue is full; try again.
    Later,
    /// The kernel forbids it (EPERM).
    Forbidden,
}

/// Sends `signal` on behalf of `arrival`.
#[must_use]
pub fn pass_on(main: Pid, audience: Audience, signal: Signal, arrival: &Arrival) -> Delivery {
    let sent = match audience {
        // kill(2) to a group cannot carry the sender's value; nothing can.
        Audience::Group => send_to_group(main, signal),
        Audience::Main if signal.is_real_time() => signal::queue(main, signal.number(), arrival),
        Audience::Main => signal::send(main, signal.number()),
    };
    match sent {
        Err(Errno::EAGAIN) => Delivery::Later,
        Err(Errno::EPERM) => Delivery::Forbidden,
        // ESRCH: main has ended; the loop reaps it next.
        Ok(()) | Err(_) => Delivery::Done,
    }
}

/// Sends a signal of our own making (CONT, KILL) to main or its group.
#[expect(
    clippy::must_use_candidate,
    reason = "a stop goes on whatever became of its CONT"
)]
pub fn send_own(main: Pid, audience: Audience, signal: Signal) -> Delivery {
    let sent = match audience {
        Audience::Group => send_to_group(main, signal),
        Audience::Main => signal::send(main, signal.number()),
    };
    if sent == Err(Errno::EPERM) {
        Delivery::Forbidden
    } else {
        Delivery::Done
    }
}

fn send_to_group(main: Pid, signal: Signal) -> nix::Result<()> {
    match signal::send(Pid::from_raw(-main.as_raw()), signal.number()) {
        // Main may have left its group; it is still the one to be told.
        Err(Errno::ESRCH) => signal::send(main, signal.number()),
        answer => answer,
    }
}
