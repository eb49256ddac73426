//! A terminal shared across a user drop: main may not type into it.
//!
//! In: whether a terminal is there and the kernel still knows TIOCSTI. Out: a
//! seccomp filter for main and its children (CVE-2016-2779 and its kin).
//!
//! **Never:** a filter where nothing is shared.

use std::fs;

use nix::sys::prctl;

use crate::sys::descriptor::{stderr, stdin, stdout};
use crate::sys::seccomp;

/// ioctl_tty(2): puts a byte into the terminal's input.
const TIOCSTI: u32 = 0x5412;
/// ioctl_console(2): pastes a selection into a virtual console.
const TIOCLINUX: u32 = 0x541c;

/// Whether a standard descriptor is a terminal that takes simulated input.
/// Linux 6.2 and later can switch it off; older ones have no such file.
#[must_use]
pub fn is_needed() -> bool {
    let has_terminal = [stdin(), stdout(), stderr()]
        .iter()
        .any(std::io::IsTerminal::is_terminal);
    has_terminal
        && fs::read_to_string("/proc/sys/dev/tty/legacy_tiocsti")
            .map_or(true, |on| on.trim_ascii() != "0")
}

/// Refuses both calls with EPERM, for good.
pub fn install() -> nix::Result<()> {
    // Without CAP_SYS_ADMIN the kernel takes a filter only with this (seccomp(2)).
    prctl::set_no_new_privs()?;
    seccomp::refuse_ioctls([TIOCSTI, TIOCLINUX])
}
