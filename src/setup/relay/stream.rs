//! One pipe, its mask, and the descriptor of ours where it leads.
//!
//! In: a descriptor that is ready. Out: masked bytes, in pieces that a pipe
//! with any room takes at once.
//!
//! **Never:** a wait, but in `finish`; a change of our own descriptor's flags,
//! which others share (so it may block, and is asked before each write).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{read, write};

use super::mask::Mask;
use super::masking::Masking;

/// What a pipe takes without blocking once poll(2) has said that there is room:
/// PIPE_BUF, or one page (pipe(7)).
const PIECE: usize = 4096;

/// How long a few bytes that could begin a value wait for the next: too short
/// to be noticed at a prompt, long enough for a writer in the middle of a word.
const IDLE: Duration = Duration::from_millis(50);

/// One of the two streams.
pub(super) struct Stream<'m> {
    /// `None` once the last writer is gone.
    from: Option<OwnedFd>,
    to: BorrowedFd<'m>,
    mask: Mask<'m>,
    /// What is to be written next: masked, so nothing that needs wiping.
    piece: Box<[u8]>,
    begin: usize,
    end: usize,
    /// When the last bytes came.
    heard: Instant,
}

/// What became of an attempt to write everything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outlet {
    /// Everything that is decided is out.
    Empty,
    /// Our reader is slow.
    Full,
}

impl<'m> Stream<'m> {
    pub(super) fn new(
        masking: &'m Masking,
        from: OwnedFd,
        to: BorrowedFd<'m>,
    ) -> nix::Result<Self> {
        // The end of the pipe that is ours alone; the command's still blocks.
        fcntl(&from, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self {
            from: Some(from),
            to,
            mask: Mask::new(masking),
            piece: vec![0; PIECE].into_boxed_slice(),
            begin: 0,
            end: 0,
            heard: Instant::now(),
        })
    }

    pub(super) fn wants(&self) -> Option<PollFd<'_>> {
        if self.begin < self.end {
            return Some(PollFd::new(self.to, PollFlags::POLLOUT));
        }
        let from = self.from.as_ref()?;
        Some(PollFd::new(from.as_fd(), PollFlags::POLLIN))
    }

    pub(super) fn is_done(&self) -> bool {
        self.from.is_none() && self.begin == self.end
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let waits = self.from.is_some() && self.begin == self.end && self.mask.holds_little();
        waits.then(|| self.heard.checked_add(IDLE)).flatten()
    }

    pub(super) fn idle(&mut self, now: Instant) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.mask.let_go();
            self.write();
        }
    }

    /// Writes what waits; then reads once, so that a command that writes
    /// without end keeps nobody else waiting, and writes that.
    pub(super) fn carry_on(&mut self) {
        if self.write() == Outlet::Empty && self.read() {
            self.write();
        }
    }

    /// Reads once. Whether that brought anything, be it the end.
    fn read(&mut self) -> bool {
        let Some(from) = &self.from else {
            return false;
        };
        match read(from, self.mask.room()) {
            Err(Errno::EINTR | Errno::EAGAIN) => return false,
            Ok(count) if count > 0 => {
                self.mask.advance(count);
                self.heard = Instant::now();
            }
            // No error is known for a pipe of ours; none would be mended by
            // reading again.
            Ok(_) | Err(_) => {
                self.mask.end();
                self.from = None;
            }
        }
        true
    }

    fn write(&mut self) -> Outlet {
        loop {
            if self.begin == self.end {
                self.begin = 0;
                self.end = self.mask.take(&mut self.piece);
            }
            let piece = self.piece.get(self.begin..self.end).unwrap_or_default();
            if piece.is_empty() {
                return Outlet::Empty;
            }
            if !has_room(self.to, PollTimeout::ZERO) {
                return Outlet::Full;
            }
            match write(self.to, piece) {
                Ok(count) => self.begin = self.begin.saturating_add(count).min(self.end),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Outlet::Full,
                // Nobody reads us, or the disk is full. The command goes on,
                // and its output is lost. (The SIGPIPE of ours stays blocked.)
                Err(_) => self.begin = self.end,
            }
        }
    }

    /// Reads to the end of what is there and writes it, for as long as there is
    /// time.
    pub(super) fn finish(&mut self, until: Option<Instant>) {
        loop {
            let left = until.map_or(Duration::ZERO, |until| {
                until.saturating_duration_since(Instant::now())
            });
            if self.write() == Outlet::Full {
                if left.is_zero() {
                    return;
                }
                let patience = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
                has_room(self.to, patience);
            } else if self.from.is_none() {
                return;
            } else if left.is_zero() || !self.read() {
                // A writer is left, who was not killed: this is its end for us.
                self.mask.end();
                self.from = None;
            }
        }
    }
}

/// Whether a write would be taken, or fail at once.
fn has_room(to: BorrowedFd<'_>, patience: PollTimeout) -> bool {
    let mut asked = [PollFd::new(to, PollFlags::POLLOUT)];
    poll(&mut asked, patience).is_ok_and(|ready| ready > 0)
}
