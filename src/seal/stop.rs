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
use crate::setup::work::Ended;
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
fn take() -> Option<u8> {
    wait(stops(), Some(Duration::ZERO)).map(|arrived| arrived.signal)
}

/// Takes it as the end of the start.
pub fn heed() -> Result<(), Ended> {
    take().map_or(Ok(()), |signal| Err(Ended::Stopped(signal)))
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

#[cfg(test)]
mod tests {
    use nix::unistd::getpid;

    use super::super::as_user::ask_unless_stopped;
    use super::super::tests::{Around, as_first, stay};
    use super::{discard_others, is_asked, take};
    use crate::report::Reporter;
    use crate::sys::signal::send;

    #[test]
    fn a_look_takes_nothing_and_what_stops_nothing_is_discarded() {
        let text = as_first(Around::NoProc, || {
            let before = is_asked();
            for signal in [1, 40, 15] {
                let _ = send(getpid(), signal);
            }
            discard_others(Reporter::default());
            let asked = (is_asked(), is_asked());
            format!("{before} {asked:?} {:?} {}", take(), is_asked())
        });
        assert_eq!(text, "false (true, true) Some(15) false");
    }

    #[test]
    fn a_child_that_never_ends_is_ended_with_what_asks_for_it() {
        let text = as_first(Around::NoProc, || {
            let _ = send(getpid(), 2);
            let answer = ask_unless_stopped(None, &|| stay());
            format!("{answer:?} {:?}", take())
        });
        assert_eq!(text, "Err(EINTR) Some(2)");
    }
}
