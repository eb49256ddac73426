//! Signals as the kernel has them: 64 of them, in 64-bit masks.
//!
//! In: masks and signal numbers. Out: the raw system calls, since musl's sets
//! leave out 32 to 34 and nix has no real-time signals.
//!
//! **Never:** a handler. Signals stay blocked and are fetched one by one.

#![expect(unsafe_code, reason = "raw signal system calls")]

use std::ptr;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Pid;

/// The code of a signal that stands for news on a descriptor (sigaction(2)).
const SI_SIGIO: libc::c_int = -5;
/// Bytes of the kernel's signal set (`_NSIG / 8`), as rt_sigprocmask(2) asks.
const SET_BYTES: usize = 8;

/// A set of the signals 1 to 64; bit n − 1 stands for signal n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignalSet(pub u64);

impl SignalSet {
    /// All 64 signals.
    pub const ALL: Self = Self(u64::MAX);

    /// The set without one signal.
    #[must_use]
    pub const fn without(self, signal: u8) -> Self {
        Self(self.0 & !bit(signal))
    }

    /// Whether a signal is in the set.
    #[must_use]
    pub const fn has(self, signal: u8) -> bool {
        self.0 & bit(signal) != 0
    }
}

const fn bit(signal: u8) -> u64 {
    if signal == 0 || signal > 64 {
        0
    } else {
        1 << (signal - 1)
    }
}

/// A signal that was fetched, with who sent it.
#[derive(Clone, Copy)]
pub struct Arrival {
    /// Its number, 1 to 64.
    pub signal: u8,
    information: libc::siginfo_t,
}

impl Arrival {
    /// The sender's process id in our namespace; 0 for one outside of it.
    #[must_use]
    pub fn sender(&self) -> i32 {
        // SAFETY: for every `si_code` the kernel fills or zeroes this field,
        // and any bits are a valid `pid_t`.
        unsafe { self.information.si_pid() }
    }

    /// Whether a process sent it on purpose (kill, sigqueue), not the kernel.
    #[must_use]
    pub fn is_from_process(&self) -> bool {
        let code = self.information.si_code;
        code <= 0 && code != SI_SIGIO
    }
}

/// Blocks all signals and returns the mask that was in force.
#[must_use]
pub fn block_all() -> SignalSet {
    exchange_mask(SignalSet::ALL)
}

/// Sets the signal mask.
pub fn set_mask(mask: SignalSet) {
    exchange_mask(mask);
}

fn exchange_mask(mask: SignalSet) -> SignalSet {
    let mut previous = SignalSet::default();
    // SAFETY: both pointers are to live, aligned 8-byte sets of the size that is
    // passed. The call cannot fail with a valid `how` (rt_sigprocmask(2)).
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const mask.0,
            &raw mut previous.0,
            SET_BYTES,
        );
    }
    previous
}

/// Fetches one pending signal of `set`, waiting for `timeout` or without end.
/// `None`: the time ran out, or the wait was interrupted by a tracer.
#[must_use]
pub fn wait(set: SignalSet, timeout: Option<Duration>) -> Option<Arrival> {
    let limit = timeout.map(|duration| libc::timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: libc::c_long::from(duration.subsec_nanos()),
    });
    let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
    let mut information = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: `set` and `information` outlive the call and have the kernel's
    // layout; `limit` is null or points to a live timespec.
    let signal = unsafe {
        libc::syscall(
            libc::SYS_rt_sigtimedwait,
            &raw const set.0,
            information.as_mut_ptr(),
            limit,
            SET_BYTES,
        )
    };
    let signal = u8::try_from(signal).ok().filter(|&number| number > 0)?;
    // SAFETY: it was zeroed, and the kernel filled it; any bits are valid.
    let information = unsafe { information.assume_init() };
    Some(Arrival {
        signal,
        information,
    })
}

/// Sends a signal as kill(2): to a process, or to a group if `pid` is negative.
pub fn send(pid: Pid, signal: u8) -> nix::Result<()> {
    // SAFETY: kill(2) takes two integers and touches no memory of ours.
    Errno::result(unsafe { libc::kill(pid.as_raw(), i32::from(signal)) }).map(drop)
}

/// Queues a signal with the value that came with `arrival`. Unlike kill(2)
/// this reports a full queue (EAGAIN) instead of losing a real-time signal.
pub fn queue(pid: Pid, signal: u8, arrival: &Arrival) -> nix::Result<()> {
    let mut information = arrival.information;
    information.si_signo = i32::from(signal);
    // The kernel lets only itself claim other codes (rt_sigqueueinfo(2)).
    information.si_code = libc::SI_QUEUE;
    // SAFETY: `information` is a live siginfo_t that the kernel only reads.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_rt_sigqueueinfo,
            pid.as_raw(),
            i32::from(signal),
            &raw const information,
        )
    };
    Errno::result(answer).map(drop)
}

/// The kernel's `struct sigaction` for the two dispositions we use; the fields
/// after the handler are zero for both, so their order does not matter.
#[repr(C)]
struct KernelAction {
    handler: usize,
    rest: [u64; 3],
}

/// Whether a signal is ignored.
#[must_use]
pub fn is_ignored(signal: u8) -> bool {
    exchange_action(signal, None) == libc::SIG_IGN
}

/// Makes a signal ignored, or gives it back its default.
pub fn set_ignored(signal: u8, ignored: bool) {
    let handler = if ignored {
        libc::SIG_IGN
    } else {
        libc::SIG_DFL
    };
    exchange_action(
        signal,
        Some(&KernelAction {
            handler,
            rest: [0; 3],
        }),
    );
}

fn exchange_action(signal: u8, new: Option<&KernelAction>) -> usize {
    let mut current = KernelAction {
        handler: libc::SIG_DFL,
        rest: [0; 3],
    };
    // SAFETY: both actions are at least as large as the kernel's structure; a
    // null new one changes nothing (rt_sigaction(2)), and neither disposition
    // that is ever set refers to code of ours.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigaction,
            i32::from(signal),
            new.map_or(ptr::null(), ptr::from_ref),
            &raw mut current,
            SET_BYTES,
        );
    }
    current.handler
}

#[cfg(test)]
mod tests {
    use super::{SignalSet, bit};

    #[test]
    fn a_set_has_64_signals_and_no_more() {
        assert_eq!((bit(0), bit(1), bit(64), bit(65)), (0, 1, 1 << 63, 0));
        assert!(SignalSet::ALL.has(64) && !SignalSet::ALL.without(34).has(34));
    }
}
