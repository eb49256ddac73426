//! The list of mounts: under which other paths a file can be reached.
//!
//! In: `/proc/self/mountinfo` (proc(5)). Out: for a path, every other path of
//! the same file that a second mount opens or may open, and the mounts below a
//! directory.
//!
//! **Never:** the device alone as a test: a volume, `resolv.conf` and a secret
//! may all lie on the host's one file system. A path ruled out because nobody
//! could look at it: only another file, or none, is no second path.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::stat;

/// More bytes than the list of a container has.
const TYPICAL: usize = 12 * 1024;

/// One line of the list.
#[derive(Debug, PartialEq, Eq)]
pub struct Mount {
    id: u32,
    /// The mount that it is mounted on.
    parent: u32,
    /// The device as `major:minor`.
    device: String,
    /// What of its file system is mounted.
    root: PathBuf,
    /// Where.
    pub point: PathBuf,
}

/// The mounts that this process sees, later ones on top.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mounts {
    list: Vec<Mount>,
    is_whole: bool,
}

/// A file, whatever its path: device and inode.
pub type FileId = (u64, u64);

/// Another path of a file, by the list of mounts.
#[derive(Debug, PartialEq, Eq)]
pub enum Alias {
    /// The file is there: both paths were looked at.
    Same(PathBuf),
    /// One of the two could not be looked at.
    Unseen(Unseen),
}

impl Alias {
    /// The path, whether it was looked at or not.
    #[must_use]
    pub fn into_path(self) -> PathBuf {
        match self {
            Self::Same(path) => path,
            Self::Unseen(unseen) => unseen.path,
        }
    }
}

/// A path that may lead to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// The path.
    pub path: PathBuf,
    /// The file; `None`: not even that could be looked at.
    pub file: Option<FileId>,
}

/// What a look at a path says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// It is there.
    Same,
    /// Another file is there, or none.
    Other,
    /// This process cannot tell.
    Unknown,
}

/// A path of which the list does not say on which mount it is.
#[derive(Debug, PartialEq, Eq)]
pub struct NoMount;

impl Mounts {
    /// Reads our own list. Without `/proc` nothing is known.
    #[must_use]
    pub fn read() -> Self {
        // The kernel tells no size beforehand, and growing costs more than room.
        let mut text = Vec::with_capacity(TYPICAL);
        let list = File::open("/proc/self/mountinfo");
        let read = list.and_then(|mut list| list.read_to_end(&mut text));
        read.map_or_else(|_| Self::default(), |_| Self::parse(&text))
    }

    /// Reads the text of a list. With a line that is none, or without any, it is
    /// not the whole list.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut list = Vec::new();
        let mut is_whole = true;
        for line in text.split(|byte| *byte == b'\n') {
            match parse_line(line) {
                Some(mount) => list.push(mount),
                None => is_whole &= line.is_empty(),
            }
        }
        is_whole &= !list.is_empty();
        // What shows an object of the kernel in place of a path (`net:[1]`) opens
        // no other file; it is kept for its number.
        Self { list, is_whole }
    }

    /// Whether these are all mounts.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The mount that a canonical path lies on, as the kernel goes there: from a
    /// mount to the first one on the way that is mounted on it. So what lies below
    /// a later mount is not seen.
    fn of(&self, path: &Path) -> Option<&Mount> {
        let mut found = None;
        // No way leads through a mount twice.
        for _ in &self.list {
            match self.next_on_the_way(found, path) {
                Some(next) => found = Some(next),
                None => break,
            }
        }
        found
    }

    /// The mount on `below` (or on none that is listed) that a path comes to first.
    fn next_on_the_way(&self, below: Option<&Mount>, path: &Path) -> Option<&Mount> {
        let is_next = |mount: &&Mount| match below {
            Some(below) => mount.parent == below.id && mount.id != below.id,
            None => {
                !self.list.iter().any(|other| other.id == mount.parent) || mount.parent == mount.id
            }
        };
        let mounts = self
            .list
            .iter()
            .filter(|mount| is_within(path, &mount.point));
        // The last of equals is on top.
        mounts
            .filter(is_next)
            .rev()
            .min_by_key(|mount| mount.point.as_os_str().len())
    }

    /// The other paths under which a canonical path, or a part of what is below
    /// it, appears or may appear.
    pub fn aliases(&self, path: &Path) -> Result<Vec<Alias>, NoMount> {
        let own = self.of(path).ok_or(NoMount)?;
        let below = path.strip_prefix(&own.point).map_err(|_| NoMount)?;
        let inside = joined(&own.root, below);
        let others = self.list.iter();
        let others = others.filter(|mount| mount.id != own.id && mount.device == own.device);
        Ok(others
            .filter_map(|mount| alias(mount, path, &inside))
            .collect())
    }

    /// Whether something is mounted at a canonical path.
    #[must_use]
    pub fn is_point(&self, path: &Path) -> bool {
        self.list.iter().any(|mount| mount.point == path)
    }

    /// The other paths by which a canonical path may be reached, looked at or not:
    /// who may not look may still be somebody's way.
    #[must_use]
    pub fn ways_to(&self, path: &Path) -> Vec<PathBuf> {
        let Some(own) = self.of(path) else {
            return Vec::new();
        };
        let below = path.strip_prefix(&own.point).unwrap_or(Path::new(""));
        let inside = joined(&own.root, below);
        let others = self.list.iter();
        let others = others.filter(|mount| mount.id != own.id && mount.device == own.device);
        let way = |mount: &Mount| {
            let rest = inside.strip_prefix(&mount.root).ok()?;
            Some(joined(&mount.point, rest))
        };
        others.filter_map(way).collect()
    }

    /// Mount points at or below a path, the deepest first.
    #[must_use]
    pub fn at_or_below(&self, path: &Path) -> Vec<&Mount> {
        let found = self
            .list
            .iter()
            .filter(|mount| is_within(&mount.point, path));
        let mut found: Vec<&Mount> = found.collect();
        found.reverse();
        found
    }
}

/// Whether a path is a directory or lies below it, both of them canonical: then
/// their bytes tell, and a start compares too many to look at components.
#[must_use]
pub fn is_within(path: &Path, directory: &Path) -> bool {
    let rest = path.as_os_str().as_bytes();
    let directory = directory.as_os_str().as_bytes();
    match rest.strip_prefix(directory) {
        Some([] | [b'/', ..]) => true,
        // The root alone ends with a slash.
        Some(_) => directory.ends_with(b"/"),
        None => false,
    }
}

/// Where `mount` shows what lies at `inside` of the same file system, known as
/// `path`: below it if it mounts something above, else all that it mounts.
fn alias(mount: &Mount, path: &Path, inside: &Path) -> Option<Alias> {
    let (alias, original) = if let Ok(rest) = inside.strip_prefix(&mount.root) {
        (joined(&mount.point, rest), path.to_path_buf())
    } else {
        let rest = mount.root.strip_prefix(inside).ok()?;
        (mount.point.clone(), joined(path, rest))
    };
    if alias == original {
        return None;
    }
    let file = match file_at(&original) {
        Ok(file) => Some(file),
        Err(errno) if is_gone(errno) => return None,
        Err(_) => None,
    };
    match likeness(&alias, file) {
        Likeness::Same => Some(Alias::Same(alias)),
        Likeness::Other => None,
        Likeness::Unknown => Some(Alias::Unseen(Unseen { path: alias, file })),
    }
}

impl Unseen {
    /// Looks again, with the rights of this moment.
    #[must_use]
    pub fn look(&self) -> Likeness {
        likeness(&self.path, self.file)
    }
}

/// Only another file or none is no likeness: whoever may not look now may be let
/// in by the owner of the directory, who may be main.
fn likeness(path: &Path, file: Option<FileId>) -> Likeness {
    match (file_at(path), file) {
        (Err(errno), _) if is_gone(errno) => Likeness::Other,
        (Err(_), _) | (Ok(_), None) => Likeness::Unknown,
        (Ok(found), Some(file)) if found == file => Likeness::Same,
        (Ok(_), Some(_)) => Likeness::Other,
    }
}

fn file_at(path: &Path) -> nix::Result<FileId> {
    stat(path).map(|found| (found.st_dev, found.st_ino))
}

/// Whether an error says that there is no such file; every other one says nothing.
#[must_use]
pub fn is_gone(errno: Errno) -> bool {
    matches!(errno, Errno::ENOENT | Errno::ENOTDIR)
}

/// `join` would leave a slash behind an empty rest.
fn joined(path: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() {
        path.to_path_buf()
    } else {
        path.join(rest)
    }
}

/// `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [OPTIONAL...] - TYPE SOURCE OPTIONS`
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let mut number = || str::from_utf8(fields.next()?).ok()?.parse().ok();
    let (id, parent) = (number()?, number()?);
    let device = str::from_utf8(fields.next()?).ok()?.to_owned();
    let root = unescaped(fields.next()?);
    let point = unescaped(fields.next()?);
    point.is_absolute().then_some(Mount {
        id,
        parent,
        device,
        root,
        point,
    })
}

/// Blank, tab, newline and backslash are written as a backslash and three octal
/// digits.
fn unescaped(field: &[u8]) -> PathBuf {
    if !field.contains(&b'\\') {
        return PathBuf::from(OsStr::from_bytes(field));
    }
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, after @ ..] = rest {
        rest = after;
        let escaped = (*first == b'\\').then(|| after.split_first_chunk::<3>());
        if let Some(Some((digits, after))) = escaped
            && let Some(byte) = octal(digits)
        {
            bytes.push(byte);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    PathBuf::from(OsStr::from_bytes(&bytes))
}

fn octal(digits: &[u8]) -> Option<u8> {
    // A number may have a plus sign for `from_str_radix`, here it is a letter.
    let text = str::from_utf8(digits)
        .ok()
        .filter(|text| !text.starts_with('+'))?;
    u8::from_str_radix(text, 8).ok()
}

#[cfg(test)]
mod tests;
