//! Processes: fork, the end states of children, the end of this one.
//!
//! In: process ids. Out: what the kernel says, real-time end states included
//! (nix's and std's `waitpid` cannot express those and would lose the end).
//!
//! **Never:** a thread. Fork is sound only because there is one.

#![expect(unsafe_code, reason = "fork, wait4, prctl, _exit and getauxval")]

use std::ffi::CStr;
use std::path::PathBuf;

use libc::{c_int, c_ulong};
use nix::errno::Errno;
use nix::unistd::{ForkResult, Pid};

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It called exit with this code.
    Exited(u8),
    /// This signal (1 to 64) ended it.
    Killed(u8),
}

/// What one look for an ended child found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaped {
    /// This child ended.
    Ended(Pid, End),
    /// Children are there, none has ended.
    NoneYet,
    /// There is no child at all.
    NoChildren,
}

/// Splits the process in two.
pub fn fork() -> nix::Result<ForkResult> {
    // SAFETY: the process has one thread, so no lock can be held by another
    // one at this moment and the child may use the allocator.
    unsafe { nix::unistd::fork() }
}

/// Reaps one child that has ended, without waiting.
pub fn reap() -> nix::Result<Reaped> {
    let mut status = 0;
    loop {
        // SAFETY: `status` is a live integer that the kernel writes.
        let answer = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
        match Errno::result(answer) {
            Ok(0) => return Ok(Reaped::NoneYet),
            Ok(pid) => {
                // A traced child can report a stop; only ends count.
                if let Some(end) = decode(status) {
                    return Ok(Reaped::Ended(Pid::from_raw(pid), end));
                }
            }
            Err(Errno::ECHILD) => return Ok(Reaped::NoChildren),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Waits for the end of one child. `None`: it is not a child any more.
#[must_use]
pub fn wait_for(child: Pid) -> Option<End> {
    let mut status = 0;
    loop {
        // SAFETY: `status` is a live integer that the kernel writes.
        let answer = unsafe { libc::waitpid(child.as_raw(), &raw mut status, 0) };
        match Errno::result(answer) {
            Ok(_) => {
                if let Some(end) = decode(status) {
                    return Some(end);
                }
            }
            Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
}

/// The layout of a wait status (wait(2)): low 7 bits 0 is an exit with the code
/// in the next byte, 1 to 64 a signal, 0x7f a stop.
fn decode(status: i32) -> Option<End> {
    let [low, code, ..] = status.to_le_bytes();
    match low & 0x7f {
        0 => Some(End::Exited(code)),
        0x7f => None,
        signal => Some(End::Killed(signal)),
    }
}

/// Asks for a signal when the parent ends (PR_SET_PDEATHSIG). It survives an
/// execve(2) that changes no privileges.
pub fn set_parent_death_signal(signal: u8) {
    let _ = prctl(libc::PR_SET_PDEATHSIG, [signal.into(), 0]);
}

/// A setting of this process that consists of integers, or the value of one.
pub(super) fn prctl(operation: c_int, [first, second]: [c_ulong; 2]) -> nix::Result<c_int> {
    let none: c_ulong = 0;
    // SAFETY: no argument is a pointer to memory of ours: the operations of our
    // callers take integers.
    let answer = unsafe { libc::prctl(operation, first, second, none, none) };
    Errno::result(answer)
}

/// Ends the process at once: no destructors, no exit handlers.
pub fn exit_now(code: u8) -> ! {
    // SAFETY: _exit(2) takes an integer and does not return.
    unsafe { libc::_exit(i32::from(code)) }
}

/// The path that this program was executed by, as the kernel noted it
/// (getauxval(3), AT_EXECFN); works without `/proc`.
#[must_use]
pub fn executed_path() -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    // SAFETY: getauxval(3) only reads the auxiliary vector.
    let address = unsafe { libc::getauxval(libc::AT_EXECFN) };
    let pointer = std::ptr::with_exposed_provenance::<libc::c_char>(usize::try_from(address).ok()?);
    if pointer.is_null() {
        return None;
    }
    // SAFETY: AT_EXECFN points to a NUL-terminated string on the initial stack,
    // which lives as long as the program.
    let path = unsafe { CStr::from_ptr(pointer) };
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(path.to_bytes())))
}

#[cfg(test)]
mod tests {
    use super::{End, decode};

    #[test]
    fn every_end_state_is_told_apart() {
        assert_eq!(decode(0x2a00), Some(End::Exited(42)));
        assert_eq!(decode(0xff00), Some(End::Exited(255)));
        assert_eq!(decode(9), Some(End::Killed(9)));
        assert_eq!(decode(0x8b), Some(End::Killed(11)), "with a core dump");
        assert_eq!(decode(35), Some(End::Killed(35)), "a real-time signal");
        assert_eq!(decode(64), Some(End::Killed(64)));
        assert_eq!(decode(0x137f), None, "a stop is no end");
    }
}
