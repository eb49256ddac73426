//! Somebody who takes over PID 1 while main runs gains no file by it.
//!
//! The claims make its process do a system call, as a debugger of the host
//! could: main itself can never come that far.

use nix::libc::user_regs_struct;
use nix::sys::ptrace;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::harness::{Process, Running, Scene, capability};
use crate::level::{PERMITTED, REFUSED, WITHHELD, at_work, end, root};

const OPENAT: u64 = 257;
/// `AT_FDCWD`, as the register holds it.
const HERE: u64 = (-100_i64).cast_unsigned();

/// A process that does what it is told, and the registers that it gets back. It
/// waits in a system call: the instruction for one is the one before.
struct Puppet {
    pid: Pid,
    registers: user_regs_struct,
}

impl Puppet {
    fn seize(process: Process) -> Self {
        let pid = Pid::from_raw(process.0);
        ptrace::seize(pid, ptrace::Options::empty()).expect("root may trace it");
        ptrace::interrupt(pid).expect("it stops");
        assert!(matches!(
            waitpid(pid, None),
            Ok(WaitStatus::PtraceEvent(..))
        ));
        let mut registers = ptrace::getregs(pid).expect("registers");
        registers.rip -= 2;
        Self { pid, registers }
    }

    /// What openat(2) answers in the process: a descriptor or a negative errno.
    fn open(&self, path: &str) -> i64 {
        let mut registers = self.registers;
        let text = (registers.rsp - 4096) & !7;
        let words = path.as_bytes().chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            i64::from_le_bytes(word)
        });
        for (place, word) in (text..).step_by(8).zip(words.chain([0])) {
            ptrace::write(self.pid, pointer(place), word).expect("room on its stack");
        }
        // No system call is to be restarted in front of this one.
        (registers.orig_rax, registers.rax) = (u64::MAX, OPENAT);
        (registers.rdi, registers.rsi, registers.rdx) = (HERE, text, 0);
        ptrace::setregs(self.pid, registers).expect("registers");
        ptrace::step(self.pid, None).expect("one instruction");
        assert!(matches!(
            waitpid(self.pid, None),
            Ok(WaitStatus::Stopped(..))
        ));
        let answer = ptrace::getregs(self.pid).expect("registers").rax;
        answer.cast_signed()
    }

    /// The call that it waited in begins again.
    fn release(self) {
        let mut registers = self.registers;
        (registers.rax, registers.orig_rax) = (registers.orig_rax, u64::MAX);
        ptrace::setregs(self.pid, registers).expect("registers");
        ptrace::detach(self.pid, None).expect("it goes on");
    }
}

fn pointer(place: u64) -> ptrace::AddressType {
    std::ptr::without_provenance_mut(usize::try_from(place).expect("an address"))
}

/// What PID 1 is answered for each path.
fn answers(running: &Running, paths: &[&str]) -> Vec<i64> {
    let puppet = Puppet::seize(running.init());
    let answers = paths.iter().map(|path| puppet.open(path)).collect();
    puppet.release();
    answers
}

#[test]
fn pid_1_can_open_no_file_once_main_runs() {
    let paths = [WITHHELD, PERMITTED, "/etc/passwd", "/proc/self/mem", "/"];
    for held in [capability::DOCKER, capability::ALL] {
        let running = at_work(root(&["wait"]).capabilities(held));
        let refused = -i64::from(REFUSED);
        assert_eq!(answers(&running, &paths), [refused; 5]);
        // It is none the worse for it.
        end(running);
    }
}

#[test]
fn a_pid_1_that_never_knew_a_secret_may_open_files() {
    // The control: the same call succeeds where there was nothing to give up.
    let running = at_work(Scene::main(&["wait"]));
    let opened = answers(&running, &["/etc/passwd", "/none"]);
    assert!(opened[0] >= 0, "{opened:?}");
    assert_eq!(opened[1], -2);
    end(running);
}
