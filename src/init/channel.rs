//! The one connection between PID 1 and the process that becomes main.
//!
//! In: the child's report on how it is confined, PID 1's word that it may go on.
//! Out: what each side has to know about the other. The child's end closes with
//! its execve(2): that is how PID 1 learns that main has been executed. A name
//! would prove nothing, since main can choose its own.
//!
//! **Never:** a value; a wait of PID 1: it is told by a SIGCHLD, which its loop
//! waits for anyway.

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::unistd::{read, write};

use super::handover::HandoverError;
use crate::pin::{CONFINED_BYTES, Confined};
use crate::sys::descriptor;

/// PID 1's end.
pub struct Watch(OwnedFd);

/// The end of the process that becomes main; it stays open until its execve(2).
pub struct Gate(OwnedFd);

/// What PID 1 learns of the process that is to become main.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing yet.
    None,
    /// How it is confined.
    Confined(Confined),
    /// It has executed its program, or it has ended.
    Over,
}

/// Makes both ends. A pair that keeps messages apart: the report is read whole.
pub fn pair() -> nix::Result<(Watch, Gate)> {
    let (ours, theirs) = descriptor::message_pair()?;
    Ok((Watch(ours), Gate(theirs)))
}

impl Watch {
    /// Takes over the end that crossed a re-execution.
    #[must_use]
    pub fn from_inherited(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }

    /// The descriptor, to hand it over.
    #[must_use]
    pub fn into_inner(self) -> OwnedFd {
        self.0
    }

    /// Tells the child that PID 1 is out of its reach. If it is gone already
    /// (EPIPE), the loop is about to learn why.
    pub fn say_ready(&self) {
        let _ = write(&self.0, b"r");
    }

    /// From here on news raise SIGCHLD. False: this kernel cannot say so, and
    /// whoever wants the news has to wait for them.
    #[must_use]
    pub fn announce(&self) -> bool {
        descriptor::raise_child_signal(&self.0).is_ok()
    }

    /// Looks for news, without a wait once `announce` has answered with true.
    #[must_use]
    pub fn news(&self) -> News {
        let mut message = [0; CONFINED_BYTES];
        loop {
            return match read(&self.0, &mut message) {
                Ok(CONFINED_BYTES) => News::Confined(Confined::from_text(message)),
                Err(Errno::EINTR) => continue,
                Err(Errno::EAGAIN) => News::None,
                // End of file, or the child ended with our word unread.
                Ok(_) | Err(_) => News::Over,
            };
        }
    }
}

impl Gate {
    /// Says how this process is confined.
    pub fn report(&self, confined: &Confined) -> Result<(), HandoverError> {
        match write(&self.0, confined.text()) {
            Ok(_) => Ok(()),
            Err(errno) => Err(HandoverError::new("reporting to PID 1", errno)),
        }
    }

    /// Waits for the reaper's word. End of file means that there is none.
    pub fn wait(&self) -> Result<(), HandoverError> {
        let mut word = [0];
        let error = loop {
            match read(&self.0, &mut word) {
                Ok(1) => return Ok(()),
                Err(Errno::EINTR) => {}
                Ok(_) => break Errno::EPIPE,
                Err(errno) => break errno,
            }
        };
        Err(HandoverError::new("waiting for the reaper", error))
    }
}

#[cfg(test)]
mod tests {
    use super::{Gate, News, Watch, pair};
    use crate::pin::{Confined, Digest};

    fn both() -> (Watch, Gate) {
        pair().expect("a pair of sockets")
    }

    #[test]
    fn one_byte_means_go_and_end_of_file_does_not() {
        let (watch, gate) = both();
        watch.say_ready();
        assert!(gate.wait().is_ok());
        let (watch, gate) = both();
        drop(watch);
        assert!(gate.wait().is_err());
    }

    #[test]
    fn the_report_arrives_whole_and_the_end_after_it() {
        let (watch, gate) = both();
        assert!(watch.announce());
        assert_eq!(watch.news(), News::None);
        let confined = Confined::of(*b"f--r--", Digest::of(b"/run/secrets"));
        gate.report(&confined).expect("room for a message");
        assert_eq!(watch.news(), News::Confined(confined));
        assert_eq!(watch.news(), News::None);
        drop(gate);
        assert_eq!(watch.news(), News::Over);
    }

    #[test]
    fn a_child_that_ended_with_our_word_unread_is_over() {
        let (watch, gate) = both();
        watch.say_ready();
        drop(gate);
        assert_eq!(watch.news(), News::Over);
    }
}
