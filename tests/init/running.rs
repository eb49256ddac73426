//! An init at work on its stage: what it says, whom it looks after, signals to
//! it, its end.
//!
//! In: the stage's process. Out: lines, process ids as seen from outside, an
//! `Ended`.
//!
//! **Never:** a stage left behind: dropping it kills PID 1, and with it all.

use std::fs;
use std::io::{Read, Write};
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::scene::{Ended, PATIENCE};

/// How often a condition that nobody announces is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Looks until `condition` gives something; `None` at the deadline.
pub(crate) fn wait_until<T>(
    patience: Duration,
    mut condition: impl FnMut() -> Option<T>,
) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = condition() {
            return Some(found);
        }
        if start.elapsed() > patience {
            return None;
        }
        thread::sleep(LOOK_AGAIN);
    }
}

/// What came out of a pipe so far.
#[derive(Default)]
struct Heard {
    text: Mutex<(String, bool)>,
    more: Condvar,
}

impl Heard {
    fn listen(mut source: impl Read + Send + 'static) -> Arc<Self> {
        let heard = Arc::new(Self::default());
        let listener = Arc::clone(&heard);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let count = source.read(&mut buffer).unwrap_or(0);
                let mut text = listener.text.lock().expect("no panic while held");
                text.0.push_str(&String::from_utf8_lossy(&buffer[..count]));
                text.1 = count == 0;
                listener.more.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        heard
    }

    /// Waits until the text meets a condition or its source is closed.
    fn wait<T>(&self, patience: Duration, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + patience;
        let mut text = self.text.lock().expect("no panic while held");
        loop {
            if let Some(found) = find(&text.0) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if text.1 || left.is_zero() {
                return None;
            }
            text = self.more.wait_timeout(text, left).expect("no panic").0;
        }
    }

    fn all(&self) -> String {
        self.text.lock().expect("no panic while held").0.clone()
    }
}

/// An init that was started.
pub(crate) struct Running {
    stage: Child,
    said: Arc<Heard>,
    complained: Arc<Heard>,
}

impl Running {
    /// Takes over the stage's process.
    pub(crate) fn new(mut stage: Child) -> Self {
        let said = Heard::listen(stage.stdout.take().expect("stdout is a pipe"));
        let complained = Heard::listen(stage.stderr.take().expect("stderr is a pipe"));
        Self {
            stage,
            said,
            complained,
        }
    }

    /// Waits for a line on standard output.
    pub(crate) fn expect_line(&self, line: &str) {
        assert!(
            self.hears(line, PATIENCE),
            "waited in vain for `{line}`; said `{}`, complained `{}`",
            self.said.all(),
            self.complained.all()
        );
    }

    /// Whether this line comes.
    pub(crate) fn hears(&self, line: &str, patience: Duration) -> bool {
        let find = |text: &str| text.lines().any(|found| found == line).then_some(());
        self.said.wait(patience, find).is_some()
    }

    /// Waits until this many lines start like this.
    pub(crate) fn hears_often(&self, start: &str, count: usize, patience: Duration) -> bool {
        let find = |text: &str| (lines_that_start(text, start) >= count).then_some(());
        self.said.wait(patience, find).is_some()
    }

    /// How many lines start like this so far.
    pub(crate) fn heard(&self, start: &str) -> usize {
        lines_that_start(&self.said.all(), start)
    }

    /// What was said so far.
    pub(crate) fn said(&self) -> String {
        self.said.all()
    }

    /// What was complained of so far.
    pub(crate) fn complained(&self) -> String {
        self.complained.all()
    }

    /// Writes to standard input.
    pub(crate) fn tell(&mut self, text: &str) {
        let input = self.stage.stdin.as_mut().expect("stdin is open");
        input.write_all(text.as_bytes()).expect("somebody reads");
    }

    /// Closes standard input.
    pub(crate) fn hang_up(&mut self) {
        drop(self.stage.stdin.take());
    }

    /// PID 1 of the stage, as the outside numbers it.
    pub(crate) fn pid_1(&self) -> i32 {
        let root = i32::try_from(self.stage.id()).expect("a process id");
        let find = || descendants(root).into_iter().find(|&pid| is_pid_1(pid));
        wait_until(PATIENCE, find).expect("the stage has a PID 1")
    }

    /// Whether PID 1 still lives.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.stage.try_wait().expect("it is our child").is_none()
    }

    /// The init's first child, as the outside numbers it.
    pub(crate) fn main(&self) -> i32 {
        let init = self.pid_1();
        let find = || children(init).first().copied();
        wait_until(PATIENCE, find).expect("the init has a child")
    }

    /// Sends a signal to PID 1.
    pub(crate) fn signal(&self, number: i32) {
        send(self.pid_1(), number);
    }

    /// Waits for the end. What has not ended at the deadline is killed.
    pub(crate) fn end_within(mut self, patience: Duration) -> Ended {
        let start = Instant::now();
        let status = wait_until(patience, || self.stage.try_wait().expect("it is our child"));
        let took = start.elapsed();
        let code = status.map(|status| {
            let code = status.code().unwrap_or(-1);
            u8::try_from(code).unwrap_or(u8::MAX)
        });
        if code.is_some() {
            // A process that outlived the stage's root may hold the pipes.
            self.said.wait(PATIENCE, |_| None::<()>);
            self.complained.wait(PATIENCE, |_| None::<()>);
        }
        Ended {
            code,
            said: self.said.all(),
            complained: self.complained.all(),
            took,
        }
    }

    /// Waits for the end with the general patience.
    pub(crate) fn end(self) -> Ended {
        self.end_within(PATIENCE)
    }

    /// TERM to PID 1, as `docker stop` does, then the end.
    pub(crate) fn stop(self, patience: Duration) -> Ended {
        self.signal(15);
        self.end_within(patience)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let root = i32::try_from(self.stage.id()).unwrap_or(0);
        if let Ok(None) = self.stage.try_wait() {
            for pid in descendants(root) {
                if is_pid_1(pid) {
                    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
                }
            }
            let _ = self.stage.kill();
            let _ = self.stage.wait();
        }
    }
}

/// kill(2) with any number from 1 to 64: nix has no real-time signals.
#[expect(unsafe_code, reason = "kill(2) with a real-time signal")]
pub(crate) fn send(pid: i32, number: i32) {
    // SAFETY: kill(2) takes two integers and touches no memory of ours.
    let _ = unsafe { libc::kill(pid, number) };
}

/// sigqueue(3): a signal with a value. False if the receiver's queue is full.
#[expect(unsafe_code, reason = "nix has no sigqueue for real-time signals")]
pub(crate) fn queue(pid: i32, number: i32, value: usize) -> bool {
    let value = libc::sigval {
        sival_ptr: std::ptr::without_provenance_mut(value),
    };
    // SAFETY: sigqueue(3) takes plain values; the pointer in it is a number.
    unsafe { libc::sigqueue(pid, number, value) == 0 }
}

fn lines_that_start(text: &str, start: &str) -> usize {
    text.lines().filter(|line| line.starts_with(start)).count()
}

/// The children of a process, in the order of their start.
pub(crate) fn children(pid: i32) -> Vec<i32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_ascii_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// All that descends from a process.
pub(crate) fn descendants(pid: i32) -> Vec<i32> {
    let children = children(pid);
    let below: Vec<i32> = children
        .iter()
        .flat_map(|&child| descendants(child))
        .collect();
    [children, below].concat()
}

/// One field of `/proc/PID/status`; empty if the process is gone.
pub(crate) fn status(pid: i32, field: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.strip_prefix(':'))
        .unwrap_or_default()
        .trim()
        .into()
}

/// The state letter of a process: `S`, `T`, `Z`, …
pub(crate) fn state(pid: i32) -> char {
    status(pid, "State").chars().next().unwrap_or('-')
}

/// Whether a process is PID 1 of a namespace inside ours.
fn is_pid_1(pid: i32) -> bool {
    let numbers = status(pid, "NSpid");
    let numbers: Vec<&str> = numbers.split_ascii_whitespace().collect();
    numbers.len() > 1 && numbers.last() == Some(&"1")
}
