//! PID 1, stopped before each thing that it changes: so a claim can cut it off at
//! every step, and not only where a clock happened to stand.
//!
//! In: a scene, and at which change. Out: what PID 1 was about to do, and what
//! became of it after a signal at that moment.
//!
//! What counts as a change: a file or directory made, removed or renamed, a
//! write, a synchronisation, a process made, killed or waited for.
//!
//! **Never:** a trace of what PID 1 starts, or of the reaper that it becomes.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::harness::{Outcome, Process, Scene};

/// ptrace(2), PTRACE_EVENT_EXEC.
const EXECUTED: i32 = 4;

/// A change that PID 1 is about to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The system call.
    pub(crate) call: &'static str,
    /// The path that it names, or that its descriptor has, if there is one.
    pub(crate) path: String,
}

/// A start that was cut off.
#[derive(Debug)]
pub(crate) struct Cut {
    /// Before what.
    pub(crate) change: Change,
    /// How it ended.
    pub(crate) outcome: Outcome,
}

/// Starts the scene and sends the signal before the change for which `is_it` says
/// so. `None`: PID 1 ended, or became the reaper, and none was.
pub(crate) fn cut(
    scene: Scene,
    signal: Signal,
    is_it: &mut dyn FnMut(&Change) -> bool,
) -> Option<Cut> {
    // The tracer is to be there from the first call on.
    let running = scene.held().spawn();
    let init = running.init();
    let pid = Pid::from_raw(init.0);
    let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACEEXEC;
    ptrace::seize(pid, options).expect("root may trace");
    let mut traced = Traced(Some(pid));
    ptrace::interrupt(pid).expect("it is traced");
    let hold = running.hold().open();
    let found = follow(init, is_it);
    drop(hold);
    let change = found.inspect(|_| kill(pid, signal).expect("it is stopped"));
    if change.is_some() && signal != Signal::SIGKILL {
        ptrace::detach(pid, None).expect("it is stopped");
        traced.0 = None;
    }
    drop(traced);
    let outcome = running.finish();
    change.map(|change| Cut { change, outcome })
}

/// A process that nobody else can wait for before this thread has, even if the
/// claim failed meanwhile.
struct Traced(Option<Pid>);

impl Drop for Traced {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            let _ = kill(pid, Signal::SIGKILL);
            while next(pid) {}
        }
    }
}

/// Lets it go on to the change.
fn follow(init: Process, is_it: &mut dyn FnMut(&Change) -> bool) -> Option<Change> {
    let pid = Pid::from_raw(init.0);
    let mut programs = 0;
    // Stops before and after a call take turns; the first one after a program was
    // executed is after that call.
    let mut is_before = false;
    loop {
        match waitpid(pid, Some(WaitPidFlag::__WALL)) {
            Ok(WaitStatus::PtraceSyscall(_)) => {
                let change = (is_before && programs == 1).then(|| change(init));
                is_before = !is_before;
                if let Some(change) = change.flatten().filter(|change| is_it(change)) {
                    return Some(change);
                }
            }
            Ok(WaitStatus::PtraceEvent(_, _, EXECUTED)) => {
                programs += 1;
                is_before = false;
                if programs > 1 {
                    return None;
                }
            }
            Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) | Err(_) => return None,
            Ok(_) => {}
        }
        let _ = ptrace::syscall(pid, None);
    }
}

/// Waits for its end, through whatever stops are left.
fn next(pid: Pid) -> bool {
    match waitpid(pid, Some(WaitPidFlag::__WALL)) {
        Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) | Err(_) => false,
        Ok(_) => ptrace::cont(pid, None).is_ok(),
    }
}

/// The call that it stands before, if it changes anything.
fn change(init: Process) -> Option<Change> {
    let line = String::from_utf8(init.read("syscall").ok()?).ok()?;
    let mut numbers = line.split_ascii_whitespace();
    let number: i64 = numbers.next()?.parse().ok()?;
    let arguments: Vec<u64> = numbers
        .filter_map(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok())
        .collect();
    let (call, path) = named(number, &arguments)?;
    let path = match (call, path) {
        ("fsync" | "syncfs" | "write", _) => of_descriptor(init, *arguments.first()?),
        (_, path) => path.map_or_else(String::new, |address| text(init, address)),
    };
    Some(Change { call, path })
}

/// What one of its descriptors leads to.
fn of_descriptor(init: Process, number: u64) -> String {
    let target = std::fs::read_link(init.path(&format!("fd/{number}")));
    target.map_or_else(|_| String::new(), |path| path.display().to_string())
}

/// The name of a call that changes something, and where its path is.
fn named(number: i64, arguments: &[u64]) -> Option<(&'static str, Option<u64>)> {
    let [first, second, third, ..] = arguments else {
        return None;
    };
    let created = u64::try_from(libc::O_CREAT).ok()?;
    let named = match number {
        libc::SYS_openat if third & created != 0 => ("create", Some(*second)),
        libc::SYS_unlinkat => ("unlink", Some(*second)),
        libc::SYS_mkdirat => ("mkdir", Some(*second)),
        libc::SYS_renameat | libc::SYS_renameat2 => ("rename", Some(*second)),
        libc::SYS_lsetxattr | libc::SYS_lremovexattr => ("attribute", Some(*first)),
        libc::SYS_fsync => ("fsync", None),
        libc::SYS_syncfs => ("syncfs", None),
        libc::SYS_shmctl | libc::SYS_semctl | libc::SYS_msgctl => ("object", None),
        libc::SYS_write => ("write", None),
        libc::SYS_clone => ("fork", None),
        libc::SYS_kill => ("kill", None),
        libc::SYS_wait4 => ("wait", None),
        other => match of_x86(other)? {
            "create" if second & created == 0 => return None,
            call => (call, (call != "fork").then_some(*first)),
        },
    };
    Some(named)
}

/// Calls that newer architectures do not have.
#[cfg(target_arch = "x86_64")]
fn of_x86(number: i64) -> Option<&'static str> {
    match number {
        libc::SYS_open => Some("create"),
        libc::SYS_unlink | libc::SYS_rmdir => Some("unlink"),
        libc::SYS_mkdir => Some("mkdir"),
        libc::SYS_rename => Some("rename"),
        libc::SYS_fork | libc::SYS_vfork => Some("fork"),
        _ => None,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn of_x86(_: i64) -> Option<&'static str> {
    None
}

/// A text of its memory.
fn text(init: Process, address: u64) -> String {
    let mut bytes = [0; 256];
    let memory = OpenOptions::new().read(true).open(init.path("mem"));
    let read = memory.and_then(|memory| memory.read_at(&mut bytes, address));
    let text = bytes[..read.unwrap_or(0)].split(|byte| *byte == 0).next();
    String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
}
