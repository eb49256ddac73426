//! The bytes of one file: as they are, and as what they unpack to.
//!
//! In: an open regular file. Out: where values are in it.
//!
//! **Never:** a format that is neither opened nor counted.

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::unistd::{Whence, lseek, read};

use super::Limits;
use super::counts::{Counted, Counts};
use super::pack::{self, Visitor};
use super::report::{Place, Trouble};
use super::source::Source;
use super::unpack::{Stop, Unpacker};
use super::window::{Window, wide};
use crate::search::Searcher;

/// Gets the place, the number of the form and where it begins.
pub(super) type Found<'a> = dyn FnMut(Place, usize, u64) + 'a;

/// Bytes of a packed file that are read at once.
const ROOM: usize = 64 * 1024;

/// The smallest hole in a file that is not read.
const HOLE: i64 = 1 << 30;

/// What loose Git objects unpack to (gitformat-loose(5)).
const GIT: [&[u8]; 4] = [b"blob ", b"tree ", b"commit ", b"tag "];

/// What a file is, by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Plain,
    Gzip,
    Zlib,
    Pack,
    Unopened(Counted),
}

/// The beginnings of formats that hold packed bytes.
const UNOPENED: [(&[u8], Counted); 9] = [
    (b"PK\x03\x04", Counted::Zip),
    (b"\xfd7zXZ\0", Counted::Xz),
    (b"\x28\xb5\x2f\xfd", Counted::Zstd),
    (b"BZh", Counted::Bzip2),
    (b"7z\xbc\xaf\x27\x1c", Counted::SevenZip),
    (b"Rar!\x1a\x07", Counted::Rar),
    (b"\x04\x22\x4d\x18", Counted::Lz4),
    (b"# v2 git bundle\n", Counted::GitDeltas),
    (b"# v3 git bundle\n", Counted::GitDeltas),
];

impl Format {
    fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            // Deflate with a 32 KiB window and no preset dictionary, and the check
            // bits of RFC 1950, 2.2.
            [0x78, flags, ..] if flags & 0x20 == 0 && (0x7800 + u16::from(*flags)) % 31 == 0 => {
                Self::Zlib
            }
            [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, ..] => Self::Pack,
            _ => UNOPENED
                .iter()
                .find(|(magic, _)| head.starts_with(magic))
                .map_or(Self::Plain, |(_, counted)| Self::Unopened(*counted)),
        }
    }
}

/// The memory for searching one file after another.
pub(super) struct Contents<'a> {
    pub(super) window: Window<'a>,
    unpacker: Option<Unpacker>,
    /// What packed files are read into.
    room: Box<[u8]>,
    limits: Limits,
}

impl<'a> Contents<'a> {
    pub(super) fn new(searcher: &'a Searcher, limits: Limits) -> Self {
        Self {
            window: Window::new(searcher),
            unpacker: None,
            room: vec![0; ROOM].into_boxed_slice(),
            limits,
        }
    }

    /// Searches a file to its end.
    pub(super) fn search(
        &mut self,
        file: impl AsFd,
        counts: &mut Counts,
        found: &mut Found<'_>,
    ) -> Result<(), Trouble> {
        let file = file.as_fd();
        self.window.forget();
        match self.search_plain(file, counts, found)? {
            Format::Plain => Ok(()),
            Format::Unopened(counted) => {
                counts.add(counted, 1);
                Ok(())
            }
            packed @ (Format::Gzip | Format::Zlib | Format::Pack) => {
                self.window.forget();
                self.search_packed(packed, file, counts, found)
            }
        }
    }

    fn search_plain(
        &mut self,
        file: BorrowedFd<'_>,
        counts: &mut Counts,
        found: &mut Found<'_>,
    ) -> Result<Format, Trouble> {
        let mut format = None;
        let mut end = 0;
        loop {
            let count = match read(file, self.window.room()) {
                Err(Errno::EINTR) => continue,
                answer => answer.map_err(Trouble::Unreadable)?,
            };
            let format = *format.get_or_insert_with(|| Format::of(self.window.head(count)));
            if count == 0 {
                return Ok(format);
            }
            end += wide(count);
            counts.add(Counted::Bytes, wide(count));
            let found = &mut |pattern, at| found(Place::Content, pattern, at);
            self.window.advance(count, found);
            if count >= ROOM
                && let Some(start) = behind_hole(file, end)
            {
                end = start;
                self.window.skip_to(start);
            }
        }
    }

    fn search_packed(
        &mut self,
        format: Format,
        file: BorrowedFd<'_>,
        counts: &mut Counts,
        found: &mut Found<'_>,
    ) -> Result<(), Trouble> {
        let limits = self.limits;
        let unpacker = self.unpacker.get_or_insert_with(|| Unpacker::new(limits));
        let before = unpacker.total();
        let mut is_object = false;
        let mut source = Source::new(file, &mut self.room);
        let window = &mut self.window;
        let done = if format == Format::Pack {
            let mut objects = Objects {
                window,
                counts,
                found,
            };
            pack::read(&mut source, unpacker, &mut objects)
        } else {
            let found = &mut |pattern, at| found(Place::Unpacked, pattern, at);
            let take = &mut |portion: &[u8]| {
                is_object |= GIT.iter().any(|kind| portion.starts_with(kind));
                window.push(portion, found);
            };
            if format == Format::Gzip {
                unpacker.gzip(&mut source, take)
            } else {
                unpacker.zlib(&mut source, take)
            }
        };
        let made = unpacker.total() - before;
        counts.add(Counted::UnpackedBytes, made);
        match done {
            Err(Stop::Limit(limit)) => return Err(Trouble::Limit(limit)),
            // Two bytes do not make a zlib stream: a text can begin with them.
            Err(Stop::Damaged) if format != Format::Zlib || is_object => {
                counts.add(Counted::Damaged, 1);
            }
            Ok(()) | Err(Stop::Damaged) => {}
        }
        Ok(())
    }
}

/// Goes behind a large hole that begins here: no value is in it, and it may be of
/// terabytes. A small one is read: a file system may not know yet what is in one.
fn behind_hole(file: BorrowedFd<'_>, end: u64) -> Option<u64> {
    let here = i64::try_from(end).ok()?;
    let next = match lseek(file, here, Whence::SeekData) {
        Err(Errno::ENXIO) => lseek(file, 0, Whence::SeekEnd),
        answer => answer,
    };
    let next = next.ok()?;
    if next - here >= HOLE {
        return u64::try_from(next).ok();
    }
    lseek(file, here, Whence::SeekSet).ok()?;
    None
}

/// The objects of a pack, searched one by one.
struct Objects<'a, 'b, 'c> {
    window: &'a mut Window<'b>,
    counts: &'a mut Counts,
    found: &'a mut Found<'c>,
}

impl Visitor for Objects<'_, '_, '_> {
    fn object(&mut self, offset: u64, bytes: &[u8]) {
        let found = &mut |pattern, _| (self.found)(Place::PackObject, pattern, offset);
        self.window.whole(bytes, found);
    }

    fn portion(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            self.window.restart();
        }
        let found = &mut |pattern, _| (self.found)(Place::PackObject, pattern, offset);
        self.window.push(bytes, found);
    }

    fn unresolved(&mut self) {
        self.counts.add(Counted::GitDeltas, 1);
    }
}
