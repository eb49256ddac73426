//! A launcher at work: its main runs the actor, and talks to the bench.
//!
//! In: a launcher and a part of the actor. Out: a PID 1 with a main that has
//! said that it can begin.
//!
//! **Never:** a pause that stands for an event; each wait has a limit.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use crate::peers::Launcher;
use crate::process::{Meanwhile, Process, Program, Standard, pipe, read_within, start};
use crate::stage::Stage;

/// Any step of a program may take this long.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);
/// What the actor ends with when it was asked to.
pub(crate) const ASKED: i32 = 7;

/// A running launcher.
pub(crate) struct Service<'a> {
    /// PID 1.
    pub(crate) init: Process<'a>,
    output: File,
    input: OwnedFd,
}

/// The words that make `launcher` start a part of the actor.
pub(crate) fn program(stage: &Stage, launcher: &Launcher, part: &[&str]) -> Program {
    let command: Vec<&str> = [stage.actor()].iter().chain(part).copied().collect();
    Program::new(&launcher.with(&command))
}

/// Starts it; returns once main has begun its part.
pub(crate) fn serve<'a>(
    stage: &mut Stage,
    launcher: &Launcher,
    program: &'a Program,
) -> Option<Service<'a>> {
    stage.arrange(launcher.scene);
    let (input_end, input) = pipe();
    let (output, output_end) = pipe();
    // Main blocks where it reads.
    let blocking = OpenOptions::new()
        .read(true)
        .open(format!("/proc/self/fd/{}", input_end.as_raw_fd()))
        .expect("the pipe's reading end, once more");
    let silence = silence();
    let standard = Standard([
        blocking.as_raw_fd(),
        output_end.as_raw_fd(),
        silence.as_raw_fd(),
    ]);
    let init = start(program, standard, Meanwhile::Suspended);
    drop(output_end);
    let service = Service {
        init,
        output,
        input,
    };
    service.hear::<1>().is_some().then_some(service)
}

/// Nothing in, nothing out.
pub(crate) fn silence() -> File {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .open("/dev/null")
        .expect("/dev/null")
}

impl Service<'_> {
    /// What main says next; `None` if it ended, or is silent for too long.
    pub(crate) fn hear<const SIZE: usize>(&self) -> Option<[u8; SIZE]> {
        read_within(&self.output, LIMIT)
    }

    /// The same with a shorter limit.
    pub(crate) fn hear_within<const SIZE: usize>(&self, limit: Duration) -> Option<[u8; SIZE]> {
        read_within(&self.output, limit)
    }

    /// Tells main to go on.
    pub(crate) fn tell(&self) {
        let input = self.input.try_clone().expect("a descriptor");
        File::from(input).write_all(b"g").expect("main reads");
    }

    /// A field of `/proc/PID/status`, as a number.
    pub(crate) fn status(&self, field: &str) -> u64 {
        number(&self.read("status"), field)
    }

    /// A field of `/proc/PID/smaps_rollup`, in KiB.
    pub(crate) fn memory(&self, field: &str) -> u64 {
        number(&self.read("smaps_rollup"), field)
    }

    /// How many descriptors are open.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.init.pid())).map_or(0, Iterator::count)
    }

    /// Time on a core, in nanoseconds.
    pub(crate) fn time_on_core(&self) -> u64 {
        let text = self.read("schedstat");
        let first = text.split_ascii_whitespace().next();
        first.and_then(|word| word.parse().ok()).unwrap_or(0)
    }

    /// Waits until it sleeps and stays asleep, so that nothing of the start is
    /// still to come.
    pub(crate) fn settle(&self) {
        let mut before = u64::MAX;
        for _ in 0..200 {
            std::thread::sleep(Duration::from_millis(10));
            let time = self.time_on_core();
            if time == before {
                return;
            }
            before = time;
        }
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.init.pid())).unwrap_or_default()
    }
}

fn number(text: &str, field: &str) -> u64 {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| *name == field)
        .and_then(|(_, rest)| rest.split_ascii_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
