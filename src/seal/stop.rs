//! Whether somebody asked PID 1 to stop while setup is being sealed.
//!
//! In: signals, which are blocked and stay pending. Out: the one that ends the
//! start; those that are nobody's.
//!
//! **Never:** a signal that is taken where only a look was asked for: every step
//! looks, and the last one takes.

use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::AsFd;

use crate::init::signals::Signal;
use crate::report::Reporter;
use crate::sys::signal::{SignalSet, wait};

/// Those that end a start.
const STOP: [Signal; 3] = [Signal::TERM, Signal::INT, Signal::QUIT];

fn stops() -> SignalSet {
    let without = |set: SignalSet, signal: Signal| set.without(signal.number());
    SignalSet(!STOP.into_iter().fold(SignalSet::ALL, without).0)
}

/// Whether one of them is pending.
#[must_use]
pub fn is_asked() -> bool {
    let mut set = SigSet::empty();
    for signal in STOP {
        if let Ok(signal) = i32::from(signal.number()).try_into() {
            set.add(signal);
        }
    }
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC).is_ok_and(|signals| {
        let mut watched = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        poll(&mut watched, PollTimeout::ZERO) == Ok(1)
    })
}

/// Takes the one that is pending.
#[must_use]
pub fn take() -> Option<u8> {
    wait(stops(), Some(Duration::ZERO)).map(|arrived| arrived.signal)
}

/// Takes the signals that came in while there was no main: they were meant for
/// one. What tells of children is for who reaps them.
pub fn discard_others(report: Reporter) {
    let others = SignalSet(!stops().0).without(Signal::CHLD.number());
    while let Some(arrived) = wait(others, Some(Duration::ZERO)) {
        if let Some(signal) = Signal::from_number(arrived.signal) {
            let text = format!("{signal} came in before main and is not passed on");
            report.detail(
                1,
                "discarded",
                &text,
                &[("signal", signal.to_string().into())],
            );
        }
    }
}
