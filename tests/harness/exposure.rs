//! The moments in which a process of ours may be looked into by main's user: it
//! is stopped there, so that a claim can do the same at leisure.
//!
//! In: a scene that is held before vestibule's first instruction. Out: a call for
//! each such moment of it and of all that it forks, up to the programs that they
//! execute.
//!
//! **Never:** a moment caught by looking often enough: the kernel stops at each
//! system call. A process that is dumpable without having said so.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::sys::ptrace::{self, Options};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::{Process, Running};

/// ptrace(2), PTRACE_EVENT_EXEC.
const EXECUTED: i32 = 4;
/// prctl(2), PR_SET_DUMPABLE.
const SET_DUMPABLE: u64 = 4;

/// What is known of a process.
#[derive(Clone, Copy, Default)]
struct Known {
    /// Whether it has executed vestibule.
    is_ours: bool,
    is_dumpable: bool,
}

/// Lets the scene begin, and calls `look` with each process that turns dumpable,
/// at that moment and at the last one before it ends. Returns once all of them are
/// gone or other programs, with the number of those moments.
pub(crate) fn at_each_exposure(running: &Running, look: &mut (dyn FnMut(Process) + Send)) -> usize {
    let first = running.init();
    let place = running.hold();
    // A thread of its own has no other children to wait for.
    std::thread::scope(|scope| {
        let traced = scope.spawn(move || {
            let pid = Pid::from_raw(first.0);
            let options = Options::PTRACE_O_TRACESYSGOOD
                | Options::PTRACE_O_TRACEEXEC
                | Options::PTRACE_O_TRACEFORK
                | Options::PTRACE_O_TRACEVFORK
                | Options::PTRACE_O_TRACECLONE
                | Options::PTRACE_O_EXITKILL;
            ptrace::seize(pid, options).expect("root may trace");
            ptrace::interrupt(pid).expect("it is traced");
            let hold = place.open();
            let count = follow(look);
            drop(hold);
            count
        });
        traced
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn follow(look: &mut dyn FnMut(Process)) -> usize {
    let mut all: BTreeMap<i32, Known> = BTreeMap::new();
    let mut count = 0;
    loop {
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        let Ok(status) = waitpid(None, Some(flags)) else {
            return count;
        };
        let Some(pid) = status.pid() else { continue };
        let known = all.entry(pid.as_raw()).or_default();
        let mut signal = None;
        match status {
            WaitStatus::PtraceSyscall(_) => {
                let process = Process(pid.as_raw());
                if is_exposed(process, known) {
                    count += 1;
                    look(process);
                }
            }
            WaitStatus::PtraceEvent(_, _, EXECUTED) => {
                let program = Process(pid.as_raw()).program();
                // The second one is the reaper, or main.
                if known.is_ours || !program.ends_with("vestibule") {
                    ptrace::detach(pid, None).expect("it is stopped");
                    continue;
                }
                known.is_ours = true;
            }
            WaitStatus::Stopped(_, given) => signal = Some(given),
            WaitStatus::Exited(..)
            | WaitStatus::Signaled(..)
            | WaitStatus::PtraceEvent(..)
            | WaitStatus::Continued(_)
            | WaitStatus::StillAlive => {}
        }
        // One that was killed meanwhile is waited for next.
        let _ = ptrace::syscall(pid, signal);
    }
}

/// Whether this is a moment to look at. The owner of its entries in `/proc` is root
/// as long as a process is not dumpable (proc(5)).
fn is_exposed(process: Process, known: &mut Known) -> bool {
    let line = process.read("syscall").unwrap_or_default();
    let line = String::from_utf8_lossy(&line);
    let mut words = line.split_ascii_whitespace();
    let call: Option<i64> = words.next().and_then(|number| number.parse().ok());
    let mut arguments = words.map(|word| {
        let digits = word.strip_prefix("0x").unwrap_or(word);
        u64::from_str_radix(digits, 16).unwrap_or(u64::MAX)
    });
    let is_change = call == Some(libc::SYS_prctl) && arguments.next() == Some(SET_DUMPABLE);
    if is_change {
        let was = known.is_dumpable;
        known.is_dumpable = arguments.next() == Some(1);
        return was || known.is_dumpable;
    }
    if call == Some(libc::SYS_setresuid) {
        expect_guarded_by_capabilities(process);
    }
    let owner = fs::metadata(process.path("environ")).map_or(0, |found| found.uid());
    assert!(
        known.is_dumpable || owner == 0 || process.program().ends_with("stage"),
        "{process:?} is dumpable and never said so: {line}"
    );
    false
}

/// Right after a change of user the kernel makes a process what `fs.suid_dumpable`
/// says. Where that is 1, only the capabilities that the process still has keep its
/// new user out, until it says that it is not dumpable (ptrace(2)).
fn expect_guarded_by_capabilities(process: Process) {
    let held = process.status("CapPrm");
    let has_none = u64::from_str_radix(&held, 16) == Ok(0);
    assert!(
        !has_none,
        "{process:?} has a new user and nothing that keeps it out"
    );
}
