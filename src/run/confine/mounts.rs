//! The list of mounts: under which other paths a file can be reached.
//!
//! In: `/proc/self/mountinfo` (proc(5)). Out: for a path, every other path of
//! the same file that a second mount opens, and the mounts below a directory.
//!
//! **Never:** the device alone as a test: a volume, `resolv.conf` and a secret
//! may all lie on the host's one file system.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::sys::stat::stat;

/// More bytes than the list of a container has.
const TYPICAL: usize = 12 * 1024;

/// One line of the list.
#[derive(Debug, PartialEq, Eq)]
pub struct Mount {
    id: u32,
    /// The device as `major:minor`.
    device: String,
    /// What of its file system is mounted.
    root: PathBuf,
    /// Where.
    pub point: PathBuf,
}

/// The mounts that this process sees, later ones on top.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mounts(Vec<Mount>);

impl Mounts {
    /// Reads our own list. Without `/proc` it is empty: then nothing is known.
    #[must_use]
    pub fn read() -> Self {
        // The kernel tells no size beforehand, and growing costs more than room.
        let mut text = Vec::with_capacity(TYPICAL);
        let list = File::open("/proc/self/mountinfo");
        let read = list.and_then(|mut list| list.read_to_end(&mut text));
        read.map_or_else(|_| Self::default(), |_| Self::parse(&text))
    }

    /// Reads the text of a list; lines that are none are left out.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        Self(
            text.split(|byte| *byte == b'\n')
                .filter_map(parse_line)
                .collect(),
        )
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The mount that a canonical path lies on: the longest point, on a tie the
    /// one on top.
    fn of(&self, path: &Path) -> Option<&Mount> {
        let mut found: Option<&Mount> = None;
        for mount in self.0.iter().filter(|mount| is_within(path, &mount.point)) {
            let longest = found.map_or(0, |found| found.point.as_os_str().len());
            if mount.point.as_os_str().len() >= longest {
                found = Some(mount);
            }
        }
        found
    }

    /// The other paths under which a canonical path, or a part of what is below
    /// it, appears; each verified to be the same file.
    #[must_use]
    pub fn aliases(&self, path: &Path) -> Vec<PathBuf> {
        let Some(own) = self.of(path) else {
            return Vec::new();
        };
        let Ok(below) = path.strip_prefix(&own.point) else {
            return Vec::new();
        };
        let inside = joined(&own.root, below);
        self.0
            .iter()
            .filter(|mount| mount.id != own.id && mount.device == own.device)
            .filter_map(|mount| alias(mount, path, &inside))
            .collect()
    }

    /// Mount points at or below a path, the deepest first.
    #[must_use]
    pub fn at_or_below(&self, path: &Path) -> Vec<&Mount> {
        let found = self.0.iter().filter(|mount| is_within(&mount.point, path));
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
fn alias(mount: &Mount, path: &Path, inside: &Path) -> Option<PathBuf> {
    if let Ok(rest) = inside.strip_prefix(&mount.root) {
        let alias = joined(&mount.point, rest);
        return (alias != path && is_same(&alias, path)).then_some(alias);
    }
    let rest = mount.root.strip_prefix(inside).ok()?;
    let original = joined(path, rest);
    (mount.point != original && is_same(&mount.point, &original)).then(|| mount.point.clone())
}

/// `join` would leave a slash behind an empty rest.
fn joined(path: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() {
        path.to_path_buf()
    } else {
        path.join(rest)
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    match (stat(one), stat(other)) {
        (Ok(one), Ok(other)) => one.st_dev == other.st_dev && one.st_ino == other.st_ino,
        _ => false,
    }
}

/// `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [OPTIONAL...] - TYPE SOURCE OPTIONS`
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let id = str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    fields.next()?;
    let device = str::from_utf8(fields.next()?).ok()?.to_owned();
    let root = unescaped(fields.next()?);
    let point = unescaped(fields.next()?);
    (root.is_absolute() && point.is_absolute()).then_some(Mount {
        id,
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
