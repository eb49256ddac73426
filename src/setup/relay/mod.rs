//! Setup's output on its way to ours, with every value masked.
//!
//! In: the read ends of two pipes that a command writes to. Out: what may be
//! seen, on our own standard output and error, each to its own. Made for one
//! thread that polls: every call returns at once, whoever is slow. While one
//! of our readers is, that pipe is not read, and the command waits.
//!
//! **Never:** an end of PID 1, or of the command, because nobody reads us; a
//! pipe of ours in a command's hands that main could open later.

mod mask;
mod masking;
mod stream;
#[cfg(test)]
mod tests;

pub use mask::{CHUNK, Mask};
pub use masking::Masking;

use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::PollFd;
use nix::unistd::{Uid, fchown, pipe2};

use crate::sys::descriptor;
use stream::Stream;

/// One of the two streams of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// The ends for the command: its standard output and error. They close at exec
/// and have to be closed here once the command has them, or there is no end.
#[derive(Debug)]
pub struct Ends {
    /// Its standard output.
    pub output: OwnedFd,
    /// Its standard error.
    pub error: OwnedFd,
}

/// Both streams of one command.
pub struct Relay<'m> {
    pub(in crate::setup) masking: &'m Masking,
    output: Stream<'m>,
    error: Stream<'m>,
}

impl<'m> Relay<'m> {
    /// Two new pipes that lead to our standard output and error. The command
    /// runs as `user`, who must own them: programs open `/dev/stdout` anew, and
    /// the kernel asks for permission then.
    pub fn open(masking: &'m Masking, user: Option<Uid>) -> nix::Result<(Self, Ends)> {
        let to = (descriptor::stdout(), descriptor::stderr());
        Self::between(masking, user, to)
    }

    /// The same, leading to other descriptors.
    pub fn between(
        masking: &'m Masking,
        user: Option<Uid>,
        (stdout, stderr): (BorrowedFd<'m>, BorrowedFd<'m>),
    ) -> nix::Result<(Self, Ends)> {
        let (from_output, output) = pipe(user)?;
        let (from_error, error) = pipe(user)?;
        let relay = Self {
            masking,
            output: Stream::new(masking, from_output, stdout)?,
            error: Stream::new(masking, from_error, stderr)?,
        };
        Ok((relay, Ends { output, error }))
    }

    /// What to poll for, output first: either that there is something to read,
    /// or that there is room to write. `None` where nothing is to be done ever.
    #[must_use]
    pub fn fds(&self) -> [Option<PollFd<'_>>; 2] {
        [self.output.wants(), self.error.wants()]
    }

    /// Carries on with a stream that poll(2) named, for whatever reason.
    pub fn on_ready(&mut self, which: Which) {
        match which {
            Which::Output => self.output.carry_on(),
            Which::Error => self.error.carry_on(),
        }
    }

    /// When `on_idle` has to be called at the latest, if nothing comes before.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        [self.output.deadline(), self.error.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Lets out the few bytes at the end of an unfinished line that are still
    /// held, if they have waited long enough.
    pub fn on_idle(&mut self, now: Instant) {
        self.output.idle(now);
        self.error.idle(now);
    }

    /// Whether all writers are gone and everything is out.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.output.is_done() && self.error.is_done()
    }

    /// Passes on what is still in the pipes, once the writers were killed, and
    /// ends. This alone may wait: `patience` for both streams together, after
    /// which the rest is lost.
    pub fn finish(self, patience: Duration) {
        let until = Instant::now().checked_add(patience);
        for mut stream in [self.output, self.error] {
            stream.finish(until);
        }
    }
}

/// A pipe whose end for us is the first.
fn pipe(user: Option<Uid>) -> nix::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = pipe2(OFlag::O_CLOEXEC)?;
    if user.is_some() {
        // Without CAP_CHOWN only /dev/stdout by name is lost to the command.
        let _ = fchown(&theirs, user, None);
    }
    Ok((ours, theirs))
}
