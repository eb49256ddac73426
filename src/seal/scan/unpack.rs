//! Compressed streams: zlib as in Git's objects, and gzip with all its members.
//!
//! In: a source at the beginning of a stream. Out: what it unpacks to, a portion
//! at a time, within limits.
//!
//! **Never:** a checksum: what was unpacked is searched, right or wrong.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_IGNORE_ADLER32, TINFL_FLAG_PARSE_ZLIB_HEADER,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::Limits;
use super::report::Limit;
use super::source::Source;
use super::window::wide;

/// Twice the farthest that deflate refers back (RFC 1951, 2).
const RING: usize = 64 * 1024;

/// Why a stream was not unpacked to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It is no such stream, or broken.
    Damaged,
    /// It goes on, but not for us.
    Limit(Limit),
}

/// What is around the deflated bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrapping {
    None,
    Zlib,
}

/// The memory that unpacking takes, for one stream after another.
pub(super) struct Unpacker {
    state: Box<DecompressorOxide>,
    ring: Box<[u8]>,
    limits: Limits,
    /// What came out of all streams.
    total: u64,
}

impl Unpacker {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            state: Box::default(),
            ring: vec![0; RING].into_boxed_slice(),
            limits,
            total: 0,
        }
    }

    /// What came out of all streams so far.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Unpacks one stream; the source is behind it then. Returns what came out.
    pub(super) fn stream(
        &mut self,
        source: &mut Source<'_>,
        wrapping: Wrapping,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<u64, Stop> {
        self.state.init();
        let wrapping = match wrapping {
            Wrapping::None => 0,
            Wrapping::Zlib => TINFL_FLAG_PARSE_ZLIB_HEADER,
        };
        let flags = wrapping | TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_IGNORE_ADLER32;
        let (mut position, mut size) = (0, 0_u64);
        loop {
            let input = source.at_hand().map_err(|_| Stop::Damaged)?;
            let is_end = input.is_empty();
            let (status, used, made) =
                decompress(&mut self.state, input, &mut self.ring, position, flags);
            source.use_up(used);
            if let Some(portion) = self.ring.get(position..position + made) {
                take(portion);
            }
            position = (position + made) % RING;
            size = size.saturating_add(wide(made));
            self.total = self.total.saturating_add(wide(made));
            match status {
                TINFLStatus::Done => return Ok(size),
                TINFLStatus::NeedsMoreInput if !is_end => {}
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput
                | TINFLStatus::FailedCannotMakeProgress
                | TINFLStatus::BadParam
                | TINFLStatus::Adler32Mismatch
                | TINFLStatus::Failed => return Err(Stop::Damaged),
            }
            if size > self.limits.stream {
                return Err(Stop::Limit(Limit::StreamBytes));
            }
            self.charge(0)?;
        }
    }

    /// Counts bytes that were made in another way against the limit.
    pub(super) fn charge(&mut self, made: usize) -> Result<(), Stop> {
        self.total = self.total.saturating_add(wide(made));
        if self.total > self.limits.total {
            return Err(Stop::Limit(Limit::TotalBytes));
        }
        Ok(())
    }

    /// Unpacks a file that is one zlib stream.
    pub(super) fn zlib(
        &mut self,
        source: &mut Source<'_>,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Stop> {
        self.stream(source, Wrapping::Zlib, take).map(drop)
    }

    /// Unpacks all members of a gzip file (RFC 1952).
    pub(super) fn gzip(
        &mut self,
        source: &mut Source<'_>,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Stop> {
        let mut is_first = true;
        loop {
            // Zeros may fill the last block of a tape; anything else is no member.
            if !gzip_header(source).map_err(|_| Stop::Damaged)? {
                return if is_first { Err(Stop::Damaged) } else { Ok(()) };
            }
            is_first = false;
            self.stream(source, Wrapping::None, take)?;
            // The checksum and the length.
            source.bytes::<8>().map_err(|_| Stop::Damaged)?;
            if source.at_hand().map_err(|_| Stop::Damaged)?.is_empty() {
                return Ok(());
            }
        }
    }
}

/// Skips the header of a member. False: there is none.
fn gzip_header(source: &mut Source<'_>) -> nix::Result<bool> {
    const HAS_CHECKSUM: u8 = 2;
    const HAS_EXTRA: u8 = 4;
    const TEXTS: [u8; 2] = [8, 16]; // a name and a comment
    if source.byte()? != 0x1f {
        return Ok(false);
    }
    let [second, method, flags, ..] = source.bytes::<9>()?;
    if second != 0x8b || method != 8 {
        return Ok(false);
    }
    if flags & HAS_EXTRA != 0 {
        for _ in 0..u16::from_le_bytes(source.bytes()?) {
            source.byte()?;
        }
    }
    for text in TEXTS {
        if flags & text != 0 {
            while source.byte()? != 0 {}
        }
    }
    if flags & HAS_CHECKSUM != 0 {
        source.bytes::<2>()?;
    }
    Ok(true)
}
