//! One command at work: its output is relayed, git's questions are answered,
//! and a stop signal or the end of its time ends it.
//!
//! In: a started command. Out: how it ended. What it left is the caller's to end.
//!
//! **Never:** a wait for one of them alone: all are watched by one poll(2).

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

use super::git::answer::Passwords;
use super::git::server::CredentialServer;
use super::relay::{Relay, Which};
use crate::report::Reporter;
use crate::sys::process::{End, Reaped, reap};

/// What ended the watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// The command ended.
    Ended(End),
    /// Somebody asked PID 1 to stop, with this signal.
    Stopped(u8),
    /// Its time is over.
    Overran,
}

/// Who is watched.
pub struct Watch<'w, 'm> {
    /// The command's process.
    pub main: Pid,
    /// Its output.
    pub relay: Relay<'m>,
    /// Git's questions.
    pub server: Option<CredentialServer>,
    /// The values for them.
    pub passwords: &'w Passwords<'w>,
    /// When its time is over.
    pub until: Option<Instant>,
    /// Where remarks about git's questions go.
    pub report: Reporter,
}

/// The signals that end setup, and the one that tells of an ended child.
fn signals() -> nix::Result<SignalFd> {
    let mut set = SigSet::empty();
    for signal in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGCHLD,
    ] {
        set.add(signal);
    }
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

impl<'m> Watch<'_, 'm> {
    /// Watches until one of them ends it. The relay comes back: what is still in
    /// its pipes is passed on once all writers are gone.
    pub fn until_end(mut self) -> nix::Result<(Watched, Relay<'m>)> {
        let signals = signals()?;
        loop {
            if let Some(watched) = self.reap() {
                return Ok((watched, self.relay));
            }
            if self.until.is_some_and(|until| until <= Instant::now()) {
                return Ok((Watched::Overran, self.relay));
            }
            let ready = self.wait(&signals)?;
            if ready.contains(&signals.as_fd().as_raw_fd())
                && let Some(signal) = stop_signal(&signals)
            {
                return Ok((Watched::Stopped(signal), self.relay));
            }
            self.carry_on(&ready);
        }
    }

    /// The end of the command, if there is one; others are reaped on the way.
    fn reap(&self) -> Option<Watched> {
        loop {
            match reap() {
                Ok(Reaped::Ended(pid, end)) if pid == self.main => {
                    return Some(Watched::Ended(end));
                }
                Ok(Reaped::Ended(..)) => {}
                Ok(Reaped::NoneYet) => return None,
                // Somebody else has reaped it, which nobody does.
                Ok(Reaped::NoChildren) | Err(_) => return Some(Watched::Ended(End::Killed(9))),
            }
        }
    }

    /// The descriptors on which something can be done.
    fn wait(&self, signals: &SignalFd) -> nix::Result<Vec<RawFd>> {
        let mut watched = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        watched.extend(self.relay.fds().into_iter().flatten());
        if let Some(server) = &self.server {
            watched.extend(server.poll_fds());
        }
        match poll(&mut watched, timeout(self.deadline())) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let ready = watched.iter().filter(|one| one.any().unwrap_or(true));
        Ok(ready.map(|one| one.as_fd().as_raw_fd()).collect())
    }

    fn deadline(&self) -> Option<Instant> {
        let server = self.server.as_ref().and_then(CredentialServer::deadline);
        [self.until, self.relay.deadline(), server]
            .into_iter()
            .flatten()
            .min()
    }

    fn carry_on(&mut self, ready: &[RawFd]) {
        let [output, error] = self.relay.fds().map(|one| {
            let number = one.map(|one| one.as_fd().as_raw_fd());
            number.is_some_and(|number| ready.contains(&number))
        });
        if output {
            self.relay.on_ready(Which::Output);
        }
        if error {
            self.relay.on_ready(Which::Error);
        }
        let now = Instant::now();
        self.relay.on_idle(now);
        let (report, masking) = (self.report, self.relay.masking);
        if let Some(server) = &mut self.server {
            for number in ready {
                server.on_ready(*number, self.passwords, &mut |remark| {
                    remark.masked(masking).write(report);
                });
            }
            server.on_time(now);
        }
    }
}

/// The next signal that ends setup; ends of children are fetched on the way.
fn stop_signal(signals: &SignalFd) -> Option<u8> {
    while let Ok(Some(arrived)) = signals.read_signal() {
        let number = u8::try_from(arrived.ssi_signo).unwrap_or(0);
        if i32::from(number) != libc::SIGCHLD {
            return Some(number);
        }
    }
    None
}

/// Rounded up, so that poll(2) does not return just before the moment.
fn timeout(until: Option<Instant>) -> PollTimeout {
    let Some(until) = until else {
        return PollTimeout::NONE;
    };
    let left = until.saturating_duration_since(Instant::now());
    let left = left.saturating_add(Duration::from_millis(1));
    PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
}
