//! The line to a stage: records out, reports back.
//!
//! In: steps of a scene. Out: the init's process id, answers, its end.
//!
//! **Never:** a stage that outlives its test: when this end of the socket
//! closes, the stage kills its init and ends.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::outcome::End;
use super::{DEADLINE, programs};

/// A stage at work.
pub(super) struct Stage {
    child: Child,
    socket: UnixStream,
    reports: Receiver<String>,
    /// The init's process id, outside the scene.
    pub(super) init: i32,
    inner: Option<End>,
    ended: Option<End>,
}

/// Steps for a stage, one record each.
#[derive(Default)]
pub(super) struct Steps(Vec<u8>);

impl Steps {
    pub(super) fn add(&mut self, fields: &[&[u8]]) {
        self.number(fields.len());
        for field in fields {
            self.number(field.len());
            self.0.extend_from_slice(field);
        }
    }

    /// A step of text fields.
    pub(super) fn say(&mut self, fields: &[&str]) {
        let fields: Vec<&[u8]> = fields.iter().map(|field| field.as_bytes()).collect();
        self.add(&fields);
    }

    fn number(&mut self, number: usize) {
        let number = u32::try_from(number).expect("a step under 4 GiB");
        self.0.extend_from_slice(&number.to_le_bytes());
    }
}

impl Stage {
    /// Lets a stage carry out the steps; the init runs when this returns.
    pub(super) fn start(steps: &Steps, stdout: Stdio, stderr: Stdio) -> (Self, Streams) {
        let (mut socket, theirs) = UnixStream::pair().expect("a socket");
        let mut child = programs::program(programs::stage())
            .env_clear()
            .stdin(OwnedFd::from(theirs))
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .expect("the stage starts");
        let (sender, reports) = channel();
        let lines = BufReader::new(socket.try_clone().expect("a second handle")).lines();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // The receiver is gone once the test is over.
                let _ = sender.send(line);
            }
        });
        // A stage that failed early closes its end; its report says why.
        let _ = socket.write_all(&steps.0);
        let streams = (
            child.stdout.take().map(OwnedFd::from),
            child.stderr.take().map(OwnedFd::from),
        );
        let mut stage = Self {
            child,
            socket,
            reports,
            init: 0,
            inner: None,
            ended: None,
        };
        stage.init = stage.answer("pid").parse().expect("a process id");
        (stage, streams)
    }

    /// Sends a signal to any process, with a value if there is one. `false`: the
    /// kernel said no.
    pub(super) fn signal(&mut self, pid: i32, signal: u8, value: Option<i32>) -> bool {
        let mut steps = Steps::default();
        let (pid, signal) = (pid.to_string(), signal.to_string());
        match value {
            None => steps.say(&["kill", &pid, &signal]),
            Some(value) => steps.say(&["queue", &pid, &signal, &value.to_string()]),
        }
        if self.has_ended().is_some() || self.socket.write_all(&steps.0).is_err() {
            return false;
        }
        self.answer("sent") == "0"
    }

    /// How the init ended, if it has.
    pub(super) fn has_ended(&mut self) -> Option<End> {
        while let Ok(line) = self.reports.try_recv() {
            self.take(&line);
        }
        self.end()
    }

    /// Waits for the end of the init. `None`: the deadline passed.
    pub(super) fn wait(&mut self) -> Option<End> {
        while self.ended.is_none() {
            let line = self.reports.recv_timeout(DEADLINE).ok()?;
            self.take(&line);
        }
        self.end()
    }

    fn end(&self) -> Option<End> {
        let ended = self.ended?;
        Some(self.inner.unwrap_or(ended))
    }

    /// The rest of the next report that starts with `word`. An end on the way is
    /// kept; a signal to a process that just ended gets no answer.
    fn answer(&mut self, word: &str) -> String {
        loop {
            let Ok(line) = self.reports.recv_timeout(DEADLINE) else {
                panic!("the stage says nothing; waited for `{word}`");
            };
            if let Some(rest) = line.strip_prefix(word) {
                return rest.trim().to_owned();
            }
            self.take(&line);
            if self.ended.is_some() {
                return String::new();
            }
        }
    }

    fn take(&mut self, line: &str) {
        match line.split_ascii_whitespace().collect::<Vec<_>>().as_slice() {
            ["end", kind, number] => self.ended = Some(End::parse(kind, number)),
            ["inner", kind, number] => self.inner = Some(End::parse(kind, number)),
            _ => panic!("the stage could not be set: {line}"),
        }
    }
}

/// Standard output and error of the init, where they are pipes.
pub(super) type Streams = (Option<OwnedFd>, Option<OwnedFd>);

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        let _ = self.child.wait();
    }
}
