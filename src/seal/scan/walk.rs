//! Trees, by descriptor.
//!
//! In: roots, and which share of their entries is ours. Out: each name, link,
//! attribute and file of that share, searched.
//!
//! Every helper walks all directories, and takes the entries whose path hashes
//! to its number: nobody has to hand out work, and a path is always somebody's.
//!
//! **Never:** a followed link below a root, a descriptor for a FIFO or device, a
//! change of the working directory, recursion.

mod entry;
mod levels;

use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat, openat2};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};

use super::attributes::Attributes;
use super::contents::Contents;
use super::counts::{Counted, Counts};
use super::report::{Hit, Limit, Trouble};
use super::{LEVELS, Limits, Listener, PATH_BYTES, Root};
use crate::seal::since::is_beyond_reach;
use crate::search::Searcher;
use crate::sys::listing;
use crate::sys::statx::Mount;
use levels::{Level, Levels};

/// Bytes of directory entries that are read at once.
const LISTING: usize = 32 * 1024;
/// How many entries pass between two reports of progress.
const STEP: u32 = 128;

/// One of several equal parts of all entries.
#[derive(Clone, Copy)]
pub(super) struct Share {
    pub(super) number: u32,
    pub(super) of: u32,
}

impl Share {
    pub(super) const ALL: Self = Self { number: 0, of: 1 };
    /// No part at all: directories are walked, and nothing is searched.
    const NONE: Self = Self { number: 0, of: 0 };

    fn has(self, hash: u32) -> bool {
        // The upper bits of the product depend on all of the hash.
        (hash.wrapping_mul(0x9e37_79b1) >> 16).checked_rem(self.of) == Some(self.number)
    }
}

/// What a walk looks for, and where not.
pub(super) struct What<'a> {
    pub(super) searcher: &'a Searcher,
    pub(super) limits: Limits,
    pub(super) secret_directories: &'a [PathBuf],
    pub(super) share: Share,
}

/// Walks all roots.
pub(super) fn walk(roots: &[Root], what: &What<'_>, listener: &mut dyn Listener) -> Counts {
    let mut walk = Walk::new(what, listener, usize::MAX);
    for root in roots {
        walk.root(root);
    }
    walk.counts
}

/// Whether there are more entries than `most`, found out without a look at any.
pub(super) fn has_more_than(most: usize, roots: &[Root], searcher: &Searcher) -> bool {
    let what = What {
        searcher,
        limits: Limits::default(),
        secret_directories: &[],
        share: Share::NONE,
    };
    let mut nobody = Nobody;
    let mut walk = Walk::new(&what, &mut nobody, most);
    for root in roots {
        walk.root(root);
    }
    walk.is_stopped
}

struct Nobody;

impl Listener for Nobody {
    fn found(&mut self, _: &[u8], _: &Hit<'_>) {}

    fn missed(&mut self, _: &[u8], _: Trouble) {}

    fn progress(&mut self, _: &Counts) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

struct Walk<'a> {
    what: &'a What<'a>,
    listener: &'a mut dyn Listener,
    counts: Counts,
    contents: Contents<'a>,
    attributes: Attributes,
    listing: Box<[u8]>,
    /// The path of the entry at hand.
    path: Vec<u8>,
    /// That of the root.
    mount: Option<Mount>,
    has_openat2: bool,
    steps: u32,
    /// Entries that may still come.
    left: usize,
    is_stopped: bool,
}

/// An entry of a directory.
struct Entry {
    kind: SFlag,
    /// Where its name begins in the path.
    name: usize,
    hash: u32,
}

const FLAGS: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_CLOEXEC);

impl<'a> Walk<'a> {
    fn new(what: &'a What<'a>, listener: &'a mut dyn Listener, most: usize) -> Self {
        Self {
            what,
            listener,
            counts: Counts::default(),
            contents: Contents::new(what.searcher, what.limits),
            attributes: Attributes::default(),
            listing: vec![0; LISTING].into_boxed_slice(),
            path: Vec::new(),
            mount: None,
            has_openat2: true,
            steps: 0,
            left: most,
            is_stopped: false,
        }
    }

    fn root(&mut self, root: &Root) {
        self.path = root.path.as_os_str().as_bytes().to_vec();
        let hash = hash(0, &self.path);
        let follow = if root.follow {
            AtFlags::empty()
        } else {
            AtFlags::AT_SYMLINK_NOFOLLOW
        };
        let stat = match fstatat(nix::fcntl::AT_FDCWD, root.path.as_path(), follow) {
            Ok(stat) => stat,
            Err(errno) => return self.missed_if_ours(hash, Trouble::Unreadable(errno)),
        };
        let name = self.path.iter().rposition(|byte| *byte == b'/');
        let entry = Entry {
            kind: kind_of(&stat),
            name: name.map_or(0, |slash| slash + 1),
            hash,
        };
        if self.what.share.has(hash) {
            self.name(&entry);
        }
        // One file of such a directory may be a mount.
        let mut secret = self.what.secret_directories.iter();
        let is_secret = secret.any(|directory| root.path.starts_with(directory));
        match entry.kind {
            SFlag::S_IFLNK => self.link(nix::fcntl::AT_FDCWD, 0, &entry),
            SFlag::S_IFDIR | SFlag::S_IFREG => {
                let flags = if root.follow {
                    FLAGS
                } else {
                    FLAGS | OFlag::O_NOFOLLOW
                };
                match open(root.path.as_path(), flags, Mode::empty()) {
                    Err(errno) if self.what.share.has(hash) => {
                        self.refused(nix::fcntl::AT_FDCWD, 0, root, errno);
                    }
                    Err(_) => {}
                    Ok(file) if entry.kind == SFlag::S_IFREG => {
                        self.file(&file, root, hash, is_secret);
                    }
                    Ok(directory) => {
                        self.mount = Mount::of(&directory).ok();
                        self.tree(directory, root, hash, is_secret);
                    }
                }
            }
            _ => self.count_if_ours(hash, Counted::Special),
        }
    }

    /// Everything below a directory, depth first.
    fn tree(&mut self, directory: OwnedFd, root: &Root, hash: u32, is_secret: bool) {
        let mut levels = Levels::default();
        self.enter(&mut levels, directory, hash, is_secret);
        while let Some(level) = levels.last() {
            if self.is_stopped {
                return;
            }
            match self.next_entry(level) {
                Some(entry) => {
                    if let Some((directory, is_secret)) = self.entry(level, root, &entry) {
                        if levels.depth() >= LEVELS || self.path.len() > PATH_BYTES {
                            self.missed_if_ours(entry.hash, Trouble::Limit(Limit::Levels));
                        } else {
                            self.enter(&mut levels, directory, entry.hash, is_secret);
                        }
                    }
                }
                None => {
                    if let Err(errno) = levels.pop(&root.path, &mut self.path) {
                        self.missed(Trouble::Unreadable(errno));
                    }
                }
            }
        }
    }

    fn enter(&mut self, levels: &mut Levels, directory: OwnedFd, hash: u32, is_secret: bool) {
        if self.what.share.has(hash) && !is_secret {
            self.counts.add(Counted::Directories, 1);
            self.attributes(&directory);
        }
        let level = Level {
            directory,
            entries: Vec::new(),
            next: 0,
            is_read: false,
            path: self.path.len(),
            hash,
            is_secret,
        };
        if let Err((errno, length)) = levels.push(level, &mut self.listing) {
            let far = self.path.get(..length).unwrap_or(&self.path);
            self.listener.missed(far, Trouble::Unreadable(errno));
        }
    }

    /// Puts the next entry's path together.
    fn next_entry(&mut self, level: &mut Level) -> Option<Entry> {
        loop {
            self.path.truncate(level.path);
            let rest = level.entries.get(level.next..).unwrap_or_default();
            if let Some((kind, name, length)) = listing::first_entry(rest) {
                level.next += length;
                if name == b"." || name == b".." {
                    continue;
                }
                self.left = self.left.saturating_sub(1);
                self.is_stopped |= self.left == 0;
                if self.path.last() != Some(&b'/') {
                    self.path.push(b'/');
                }
                let start = self.path.len();
                self.path.extend_from_slice(name);
                return Some(Entry {
                    // The types of directory entries are those of modes.
                    kind: SFlag::from_bits_truncate(u32::from(kind) << 12),
                    name: start,
                    hash: hash(level.hash, name),
                });
            }
            if level.is_read {
                return None;
            }
            match listing::entries(level.directory.as_fd(), &mut self.listing) {
                Ok(0) => return None,
                Ok(count) => {
                    let read = self.listing.get(..count).unwrap_or_default();
                    level.entries.clear();
                    level.entries.extend_from_slice(read);
                    level.next = 0;
                }
                Err(errno) => {
                    self.missed_if_ours(level.hash, Trouble::Unreadable(errno));
                    return None;
                }
            }
        }
    }

    /// Searches an entry if it is ours; returns it if it is a directory to enter.
    fn entry(&mut self, level: &Level, root: &Root, entry: &Entry) -> Option<(OwnedFd, bool)> {
        let is_ours = self.what.share.has(entry.hash);
        let mut kind = entry.kind;
        if kind.is_empty() {
            let name = self.path.get(entry.name..).unwrap_or_default();
            let stat = fstatat(&level.directory, name, AtFlags::AT_SYMLINK_NOFOLLOW);
            kind = stat.as_ref().map_or(SFlag::S_IFREG, kind_of);
        }
        let is_secret = level.is_secret || self.is_secret_place();
        if is_ours && !is_secret {
            self.step();
            self.name(entry);
        }
        match kind {
            SFlag::S_IFDIR => match self.open(level, root, entry) {
                Ok(directory) => return directory.map(|directory| (directory, is_secret)),
                Err(errno) if is_ours => self.refused(&level.directory, entry.name, root, errno),
                Err(_) => {}
            },
            _ if !is_ours => {}
            SFlag::S_IFREG if is_secret => self.counts.add(Counted::SecretFiles, 1),
            _ if is_secret => {}
            SFlag::S_IFREG => match self.open(level, root, entry) {
                Ok(Some(file)) => self.file(&file, root, entry.hash, false),
                Ok(None) => {}
                Err(errno) => self.refused(&level.directory, entry.name, root, errno),
            },
            SFlag::S_IFLNK => self.link(level.directory.as_fd(), entry.name, entry),
            _ => self.counts.add(Counted::Special, 1),
        }
        None
    }

    fn refused(&mut self, directory: impl AsFd, name: usize, root: &Root, errno: Errno) {
        let name = self.path.get(name..).unwrap_or_default();
        let is_beyond = |began| is_beyond_reach(&directory, name, began);
        if errno == Errno::EACCES && root.began.is_some_and(is_beyond) {
            self.counts.add(Counted::BeyondReach, 1);
        } else {
            self.missed(Trouble::Unreadable(errno));
        }
    }

    fn is_secret_place(&self) -> bool {
        let mut secret = self.what.secret_directories.iter();
        secret.any(|directory| directory.as_os_str().as_bytes() == self.path)
    }

    fn step(&mut self) {
        self.steps = self.steps.wrapping_add(1);
        if self.steps.is_multiple_of(STEP) {
            let flow = self.listener.progress(&self.counts);
            self.is_stopped = flow == ControlFlow::Break(());
        }
    }

    /// Opens an entry on this mount. `None`: it is on another, or gone.
    fn open(&mut self, level: &Level, root: &Root, entry: &Entry) -> nix::Result<Option<OwnedFd>> {
        let name = self.path.get(entry.name..).unwrap_or_default();
        let flags = FLAGS | OFlag::O_NOFOLLOW;
        let opened = if self.has_openat2 {
            let mut resolve = ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_BENEATH;
            if !root.cross_mounts {
                resolve |= ResolveFlag::RESOLVE_NO_XDEV;
            }
            let how = OpenHow::new().flags(flags).resolve(resolve);
            openat2(&level.directory, name, how)
        } else {
            Err(Errno::ENOSYS)
        };
        let opened = match opened {
            // Linux before 5.6 has no openat2(2), and filters answer EPERM for it.
            Err(Errno::ENOSYS | Errno::EPERM) => {
                let opened = openat(&level.directory, name, flags, Mode::empty());
                self.has_openat2 &= opened.is_err();
                opened.and_then(|file| {
                    let is_here = root.cross_mounts || Some(Mount::of(&file)?) == self.mount;
                    is_here.then_some(file).ok_or(Errno::EXDEV)
                })
            }
            // The device is no test: on an overlay it is another one for each layer.
            opened => opened,
        };
        match opened {
            Ok(file) => Ok(Some(file)),
            Err(Errno::EXDEV) => {
                self.count_if_ours(entry.hash, Counted::OtherMounts);
                Ok(None)
            }
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}

fn kind_of(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

/// FNV-1a, going on from the hash of the path above.
fn hash(above: u32, name: &[u8]) -> u32 {
    let start = above ^ 0x811c_9dc5;
    name.iter().fold(start, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}
