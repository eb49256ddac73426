//! A file without a trace, and otherwise byte for byte as it was.
//!
//! In: a trace that can be cleaned. Out: the same file with its owner and mode,
//! put in place at once; or no file, where the whole file is the trace.
//!
//! **Never:** a change to a file that does not hold the trace any more, or that
//! another name leads to.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Gid, Uid, fchown, mkstemp};

use super::descend::At;
use super::file::read;
use super::git::{self, Cut};
use super::{Kind, Residue, artefact};
use crate::exit::Exit;
use crate::redact::url::without_user_info;
use crate::report::Fault;
use crate::seal::wording::shown_path;

/// A trace that could not be taken out.
#[derive(Debug)]
pub struct CleanFault {
    path: PathBuf,
    kind: io::ErrorKind,
}

/// Takes one trace out.
pub fn clean(residue: &Residue) -> Result<(), CleanFault> {
    take_out(residue).map_err(|error| CleanFault {
        path: residue.path.clone(),
        kind: error.kind(),
    })
}

fn take_out(residue: &Residue) -> io::Result<()> {
    if !residue.can_clean {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let path = &residue.path;
    let found = fs::symlink_metadata(path)?;
    match residue.line {
        Some(line) => {
            if !found.is_file() || found.nlink() != 1 {
                return Err(io::ErrorKind::Unsupported.into());
            }
            let bytes = read(&At::path(path)).ok_or(io::ErrorKind::InvalidData)?;
            let clean = without(&bytes, path, residue.kind, line)?;
            replace(path, &found, &clean)
        }
        None if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        None => fs::remove_file(path),
    }
}

/// The bytes without the traces of this kind on this line. Each is looked for
/// anew, so that one which an escape or a continued line hides is known to stay.
fn without(bytes: &[u8], path: &Path, kind: Kind, line: u32) -> io::Result<Vec<u8>> {
    let mut clean = bytes.to_vec();
    let mut next = cut(&clean, path, kind, line).ok_or(io::ErrorKind::NotFound)?;
    loop {
        let before = clean.len();
        let (range, replacement) = match next {
            Cut::UserInfo(range) => {
                let part = clean.get(range.clone()).unwrap_or_default();
                (range, without_user_info(part))
            }
            Cut::All(range) => {
                let part = clean.get(range.clone()).unwrap_or_default();
                // The lines stay, so that those of other traces stay true.
                let newlines = part.iter().filter(|&&byte| byte == b'\n');
                (range, newlines.copied().collect())
            }
        };
        clean.splice(range, replacement);
        next = match cut(&clean, path, kind, line) {
            None => return Ok(clean),
            Some(_) if clean.len() >= before => return Err(io::ErrorKind::InvalidData.into()),
            Some(cut) => cut,
        };
    }
}

fn cut(bytes: &[u8], path: &Path, kind: Kind, line: u32) -> Option<Cut> {
    if kind == Kind::ArtefactUrl {
        let is_there = artefact::traces(path, bytes).contains(&(kind, line));
        return Some(Cut::UserInfo(line_range(bytes, line)?)).filter(|_| is_there);
    }
    // Which file it was decides no more than the name of the kind.
    git::traces(bytes, kind == Kind::SubmoduleUrl)
        .into_iter()
        .filter(|trace| trace.line == line && trace.kind == kind)
        .find_map(|trace| trace.cut)
}

fn line_range(bytes: &[u8], line: u32) -> Option<std::ops::Range<usize>> {
    let index = usize::try_from(line.checked_sub(1)?).ok()?;
    let mut lines = bytes.split(|&byte| byte == b'\n');
    let before: usize = lines.by_ref().take(index).map(|line| line.len() + 1).sum();
    let length = lines.next()?.len();
    Some(before..before + length)
}

/// Puts new content in a file's place at once, with its owner and mode.
fn replace(path: &Path, found: &fs::Metadata, content: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(std::ffi::OsStr::from_bytes(b".vestibule-XXXXXX"));
    let (file, fresh) = mkstemp(Path::new(&name))?;
    let written = write_as(File::from(file), found, content);
    let placed = written.and_then(|()| fs::rename(&fresh, path));
    if placed.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    placed
}

fn write_as(mut file: File, found: &fs::Metadata, content: &[u8]) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(found.uid()), Gid::from_raw(found.gid()));
    fchown(&file, Some(uid), Some(gid))?;
    fchmod(&file, Mode::from_bits_truncate(found.mode() & 0o777))?;
    file.write_all(content)?;
    file.sync_all()
}

impl Fault for CleanFault {
    fn what(&self) -> String {
        format!("cannot take out what setup left: {}", self.kind)
    }

    fn place(&self) -> String {
        shown_path(&self.path)
    }

    fn remedy(&self) -> String {
        "remove it at the end of setup, or keep it out by `setup.git`".into()
    }

    fn exit(&self) -> Exit {
        Exit::Seal
    }
}
