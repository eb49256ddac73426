//! Main's place on the terminal: its own group, in the foreground.
//!
//! In: the child that is about to become main. Out: a process group that gets
//! the terminal's signals once, and that job control works with.
//!
//! **Never:** a new session: main would lose its controlling terminal.

use nix::unistd::{Pid, getpgrp, setpgid, tcsetpgrp};

use crate::sys::descriptor::stdin;

/// Gives `main` a process group of its own. Parent and child both call this:
/// whoever comes first, the group exists before either goes on. Errors mean
/// that the other was first and main has executed already (EACCES), or ended.
pub fn own_group(main: Pid) {
    let _ = setpgid(main, main);
}

/// Puts the caller's group in the foreground of the terminal at standard input.
/// SIGTTOU is blocked, so the kernel allows it from the background; without a
/// terminal there is nothing to do.
pub fn to_foreground() {
    let _ = tcsetpgrp(stdin(), getpgrp());
}
