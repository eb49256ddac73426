//! A scene while it lives.
//!
//! In: signals, keys, a gate to open. Out: lines, processes, the end.
//!
//! **Never:** a process that outlives this value, whatever becomes of the test.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use nix::fcntl::OFlag;

use super::canary::{Canary, Leak, Reader};
use super::capture::Capture;
use super::outcome::Outcome;
use super::process::Process;
use super::report::Report;
use super::scene::{HOLD, Scene};
use super::stage::Stage;
use super::{DEADLINE, wait_for};

/// A scene at work.
pub(crate) struct Running {
    pub(super) stage: Stage,
    pub(super) stdout: Capture,
    pub(super) stderr: Capture,
    pub(super) terminal: Option<File>,
    pub(super) canary: Canary,
    pub(super) is_pid_1: bool,
    pub(super) leaks: Vec<Leak>,
    pub(super) read_up_to: usize,
}

/// The place where a vestibule is held.
pub(crate) struct Hold(PathBuf);

impl Hold {
    /// Lets it begin. What is returned may be dropped once it has.
    pub(crate) fn open(&self) -> File {
        let opened = OpenOptions::new().read(true).write(true).open(&self.0);
        opened.expect("the FIFO is there")
    }
}

impl Running {
    /// The init under test.
    pub(crate) fn init(&self) -> Process {
        let first = Process(self.stage.init);
        if self.is_pid_1 {
            first
        } else {
            wait_for("the init", || first.children().first().copied())
        }
    }

    /// Main, once the init has it. It may still be about to execute: wait for a
    /// line of it first.
    pub(crate) fn main(&self) -> Process {
        let init = self.init();
        wait_for("main", || init.children().first().copied())
    }

    /// Everybody in the scene.
    pub(crate) fn processes(&self) -> Vec<Process> {
        Process(self.stage.init).scene()
    }

    /// A planted value.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.canary.value(name)
    }

    /// Another vestibule beside what runs here, in the same namespaces, as
    /// `docker exec` starts one. Of its scene only what concerns the process
    /// counts: arguments, environment, identity, descriptors.
    #[track_caller]
    pub(crate) fn beside(&self, mut scene: Scene) -> Self {
        scene.canary = self.canary.clone();
        let steps = scene.steps_beside(self.stage.init);
        scene.carry_out(&steps)
    }

    /// Waits for a line on standard output, and lets everybody pass the gate
    /// until it comes.
    #[track_caller]
    pub(crate) fn line_behind_gate(&mut self, start: &str) {
        wait_for(start, || {
            self.open_gate();
            self.has_said(start).then_some(())
        });
    }

    /// Waits until PID 1 has noticed that main was executed: what main says can be
    /// earlier.
    pub(crate) fn until_noticed(&self) {
        let init = self.init();
        wait_for("PID 1 to notice main", || {
            (init.status("Name") == "vestibule").then_some(())
        });
    }

    /// Sends a signal to the init.
    pub(crate) fn signal(&mut self, signal: u8) {
        let init = self.init();
        assert!(
            self.signal_to(init, signal),
            "signal {signal} could not be sent"
        );
    }

    /// Queues a signal with a value for the init, as sigqueue(3) does.
    pub(crate) fn queue(&mut self, signal: u8, value: i32) {
        let init = self.init().0;
        let sent = self.stage.signal(init, signal, Some(value));
        assert!(sent, "signal {signal} could not be queued");
    }

    /// Sends a signal to a process of the scene; `false` if it is gone.
    pub(crate) fn signal_to(&mut self, process: Process, signal: u8) -> bool {
        self.stage.signal(process.0, signal, None)
    }

    /// Waits for the next line on standard output that starts so; its rest.
    /// Fails when all writers are gone without it.
    pub(crate) fn line(&mut self, start: &str) -> String {
        self.line_if_any(start).unwrap_or_else(|| {
            let said = [self.stdout.so_far(), self.stderr.so_far()].concat();
            panic!("no line `{start}` came: {}", String::from_utf8_lossy(&said))
        })
    }

    /// The same; `None` when all writers are gone without it.
    pub(crate) fn line_if_any(&mut self, start: &str) -> Option<String> {
        let (rest, end) = self.stdout.line(start, self.read_up_to)?;
        self.read_up_to = end;
        Some(rest)
    }

    /// Waits for a line on standard error that starts so; its rest.
    pub(crate) fn complaint(&mut self, start: &str) -> String {
        let found = self.stderr.line(start, 0);
        found
            .unwrap_or_else(|| panic!("no line `{start}` came on standard error"))
            .0
    }

    /// Whether a line on standard output starts so, by now.
    pub(crate) fn has_said(&self, start: &str) -> bool {
        let said = self.stdout.so_far();
        String::from_utf8_lossy(&said)
            .lines()
            .any(|line| line.starts_with(start))
    }

    /// Waits for the witness's report.
    pub(crate) fn report(&mut self) -> Report {
        Report::parse(&self.line("report "))
    }

    /// Presses keys on the terminal.
    pub(crate) fn press(&mut self, keys: &[u8]) {
        let terminal = self.terminal.as_mut().expect("a scene with a terminal");
        terminal.write_all(keys).expect("the terminal takes keys");
    }

    /// Where vestibule is held. It begins once somebody opens that for writing.
    pub(crate) fn hold(&self) -> Hold {
        Hold(Process(self.stage.init).path("root").join(&HOLD[1..]))
    }

    /// Lets main go on if it stands at the gate, after a look at every process.
    /// `false`: it does not stand there.
    pub(crate) fn open_gate(&mut self) -> bool {
        let gate = Process(self.stage.init).path("root/gate");
        // Only where somebody waits for reading can a FIFO be opened so.
        let opened = OpenOptions::new()
            .write(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(gate);
        if opened.is_ok() && !self.canary.is_empty() {
            self.look_around();
        }
        opened.is_ok()
    }

    /// Searches arguments and environment of every process.
    fn look_around(&mut self) {
        for process in self.processes() {
            let witness = process.program().ends_with("witness");
            let reader = if witness {
                Reader::Main
            } else {
                Reader::Public
            };
            let name = format!("process {}", process.inner());
            let carried = [("cmdline", Reader::Public), ("environ", reader)];
            for (file, reader) in carried {
                let bytes = match process.read(file) {
                    Ok(bytes) => bytes,
                    // One that ended since it was listed.
                    Err(_) if process.has_ended() => continue,
                    Err(error) => panic!("root cannot look into {name}: {error}"),
                };
                let place = format!("{file} of {name}");
                self.leaks
                    .extend(self.canary.search(&bytes, &place, reader));
            }
        }
    }

    /// Lets the scene end; fails at the deadline, or if a planted value is
    /// anywhere it should not be.
    #[track_caller]
    pub(crate) fn finish(self) -> Outcome {
        let (outcome, leaks) = self.finish_with_leaks();
        assert!(leaks.is_empty(), "the canary was found: {leaks:?}");
        outcome
    }

    /// The same, with what the canary found.
    #[track_caller]
    pub(crate) fn finish_with_leaks(mut self) -> (Outcome, Vec<Leak>) {
        let start = std::time::Instant::now();
        while !self.canary.is_empty() && self.stage.has_ended().is_none() {
            self.open_gate();
            if start.elapsed() > DEADLINE {
                break;
            }
            std::thread::sleep(std::time::Duration::from_micros(300));
        }
        let Some(end) = self.stage.wait() else {
            let said = [self.stdout.so_far(), self.stderr.so_far()].concat();
            panic!("the scene does not end: {}", String::from_utf8_lossy(&said));
        };
        let (stdout, stderr) = (self.stdout.finish(), self.stderr.finish());
        let mut leaks = std::mem::take(&mut self.leaks);
        leaks.extend(
            self.canary
                .search(&stdout, "standard output", Reader::Public),
        );
        leaks.extend(
            self.canary
                .search(&stderr, "standard error", Reader::Public),
        );
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let outcome = Outcome {
            end,
            stdout: text(&stdout),
            stderr: text(&stderr),
            canary: self.canary.clone(),
        };
        if outcome.said("report ").is_some() {
            let report = outcome.report();
            for (texts, place, reader) in [
                (report.arguments(), "arguments of main", Reader::Public),
                (report.entries(), "environment of main", Reader::Main),
            ] {
                leaks.extend(self.canary.search(&texts.join(&0), place, reader));
            }
        }
        (outcome, leaks)
    }
}
