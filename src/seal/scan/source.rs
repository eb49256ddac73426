//! A file that is read in order, with a way back to any place.
//!
//! In: an open file. Out: the bytes at hand, and where they are.
//!
//! **Never:** the whole file in memory.

use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::sys::uio::pread;

use super::window::wide;

/// A reader.
pub(super) struct Source<'a> {
    file: BorrowedFd<'a>,
    buffer: &'a mut [u8],
    /// What of the buffer was not used yet.
    start: usize,
    end: usize,
    /// Where in the file the buffer ends.
    offset: u64,
}

impl<'a> Source<'a> {
    /// `buffer` is memory to read into.
    pub(super) fn new(file: BorrowedFd<'a>, buffer: &'a mut [u8]) -> Self {
        Self {
            file,
            buffer,
            start: 0,
            end: 0,
            offset: 0,
        }
    }

    /// Where in the file the next byte is.
    pub(super) fn position(&self) -> u64 {
        self.offset - wide(self.end - self.start)
    }

    /// Goes on from another place.
    pub(super) fn seek(&mut self, position: u64) {
        let begin = self.offset - wide(self.end);
        match position.checked_sub(begin).map(usize::try_from) {
            Some(Ok(start)) if start <= self.end => self.start = start,
            Some(_) | None => {
                self.offset = position;
                (self.start, self.end) = (0, 0);
            }
        }
    }

    /// At least one more byte, unless the file is at its end.
    pub(super) fn at_hand(&mut self) -> nix::Result<&[u8]> {
        if self.start == self.end {
            let offset = i64::try_from(self.offset).map_err(|_| Errno::EOVERFLOW)?;
            let count = loop {
                match pread(self.file, self.buffer, offset) {
                    Err(Errno::EINTR) => {}
                    answer => break answer?,
                }
            };
            self.offset += wide(count);
            (self.start, self.end) = (0, count);
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    /// Counts bytes at hand as used.
    pub(super) fn use_up(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// The next byte.
    pub(super) fn byte(&mut self) -> nix::Result<u8> {
        let byte = self.at_hand()?.first().copied().ok_or(Errno::ENODATA)?;
        self.use_up(1);
        Ok(byte)
    }

    /// The next bytes of a number or a name.
    pub(super) fn bytes<const COUNT: usize>(&mut self) -> nix::Result<[u8; COUNT]> {
        let mut bytes = [0; COUNT];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Ok(bytes)
    }
}
