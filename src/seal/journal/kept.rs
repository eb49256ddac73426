//! The places of a journal: an attribute of a directory, or a file.
//!
//! In: a journal's text. Out: the same, after a crash. The attribute is what no
//! program stumbles over: `git clone URL .` wants an empty directory. Where the
//! file system has none (some of networks), it is a file there.
//!
//! **Never:** half a journal in the place of a whole one.

use std::ffi::{CStr, CString, OsStr};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::collect::accounts::Identity;
use crate::seal::as_user::ask;
use crate::seal::since::Mark;
use crate::sys::attribute;

/// The attribute's name; those of `user.` are for whoever may write the directory.
pub(super) const ATTRIBUTE: &CStr = c"user.vestibule.journal";
/// More than any journal of ours.
const LIMIT: u16 = u16::MAX;

/// One of the places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// An attribute of this directory, and what it is called.
    Attribute(PathBuf, CString),
    /// This file.
    File(PathBuf),
}

impl Kept {
    /// The directory or the file.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Attribute(path, _) | Self::File(path) => path,
        }
    }

    /// What lies there; `None`: nothing, and an error where neither we nor setup's
    /// user may look, or where it is nothing of ours.
    pub(super) fn read(&self, user: &Identity) -> io::Result<Option<String>> {
        let read = || match self {
            Self::Attribute(directory, name) => {
                let mut room = vec![0; LIMIT.into()];
                let found = attribute::get(directory, name, &mut room)?;
                Ok(found.map(|count| {
                    room.truncate(count);
                    room
                }))
            }
            Self::File(path) => read_file(path).map(Some),
        };
        let found = as_either(user, &|| {
            match read() {
                Ok(found) => Ok(found.map(|bytes| [b"+", &*bytes].concat())),
                Err(error) if is_absence(error.kind()) => Ok(None),
                Err(error) => Err(error),
            }
            .map(Option::unwrap_or_default)
        })?;
        let Some((_, bytes)) = found.split_first() else {
            return Ok(None);
        };
        let text = String::from_utf8(bytes.to_vec());
        text.map(Some).map_err(|_| ErrorKind::InvalidData.into())
    }

    /// Writes it where none is yet, through to the disk.
    pub(super) fn begin(&self, content: &str, user: &Identity) -> io::Result<()> {
        match self {
            Self::Attribute(..) => self.set(content, user, attribute::set_new),
            Self::File(path) => {
                write_new(path, content)?;
                // What setup is about to write is told from what is older by the age
                // of this file, so the clock has to move on. Where it does not, such
                // a file would be found by the search in place of being removed.
                let _ = Mark::set(above(path));
                Ok(())
            }
        }
    }

    /// Puts new content in its place at once.
    pub(super) fn replace(&self, content: &str, user: &Identity) -> io::Result<()> {
        let path = match self {
            Self::Attribute(..) => return self.set(content, user, attribute::set),
            Self::File(path) => path,
        };
        let mut name = path.as_os_str().to_owned();
        name.push(OsStr::from_bytes(b".new"));
        let fresh = PathBuf::from(name);
        let _ = fs::remove_file(&fresh);
        write_new(&fresh, content)?;
        fs::rename(&fresh, path)?;
        synchronize(above(path))
    }

    fn set(
        &self,
        content: &str,
        user: &Identity,
        set: fn(&Path, &CStr, &[u8]) -> nix::Result<()>,
    ) -> io::Result<()> {
        let Self::Attribute(directory, name) = self else {
            return Err(ErrorKind::Unsupported.into());
        };
        done_by_either(user, &|| Ok(set(directory, name, content.as_bytes())?))?;
        done_by_either(user, &|| synchronize(directory))
    }

    /// Takes it away. Setup may have done so with the one in its directory.
    pub(super) fn remove(&self, user: &Identity) -> io::Result<()> {
        let remove = || match self {
            Self::Attribute(directory, name) => Ok(attribute::remove(directory, name)?),
            Self::File(path) => match fs::remove_file(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                removed => removed,
            },
        };
        let directory = match self {
            Self::Attribute(directory, _) => directory,
            Self::File(path) => above(path),
        };
        done_by_either(user, &remove)?;
        done_by_either(user, &|| synchronize(directory))
    }
}

fn is_absence(kind: ErrorKind) -> bool {
    [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&kind)
}

fn done_by_either(user: &Identity, work: &dyn Fn() -> io::Result<()>) -> io::Result<()> {
    as_either(user, &|| work().map(|()| Vec::new())).map(drop)
}

/// By setup's user what a root without its capabilities may not.
pub(super) fn as_either(
    user: &Identity,
    work: &dyn Fn() -> io::Result<Vec<u8>>,
) -> io::Result<Vec<u8>> {
    let refused = match work() {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => error,
        answer => return answer,
    };
    let answer = ask(user, &|| {
        let done = work().map(|bytes| [&*bytes, b"!"].concat());
        done.unwrap_or_default()
    });
    let answer = answer.unwrap_or_default();
    let (_, bytes) = answer.split_last().ok_or(refused)?;
    Ok(bytes.to_vec())
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::new();
    file.take(LIMIT.into()).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn write_new(path: &Path, content: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    synchronize(above(path))
}

pub(super) fn above(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

pub(super) fn synchronize(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
