//! The place of this program, for as long as main runs: a health check and
//! `vestibule exec` run what is there, with rights that main does not have.
//!
//! In: the paths by which it was started, if main could put another program there.
//! Out: the entries of directories that Landlock is to keep main from removing and
//! renaming; that nobody writes to a file which is executed is the kernel's own
//! rule (ETXTBSY).
//!
//! **Never:** a directory that others work in, the root apart: whoever may not
//! remove one entry of a directory may remove none (landlock(7)), and `pip`, `npm`
//! and `make install` replace what is in `/usr/local/bin`.

use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;

use super::mounts::{Alias, Mounts};
use crate::collect::reach::OwnProgram;
use crate::collect::replaceable::steps;
use crate::sys::listing;

/// What main cannot put another program in the place of.
#[derive(Debug, PartialEq, Eq)]
pub struct Fixed {
    /// Where this program is.
    pub program: PathBuf,
    /// The way to it: entries that are not to be removed or renamed.
    pub entries: Vec<PathBuf>,
    /// Whether any of them is a directory.
    pub has_directories: bool,
}

impl Fixed {
    /// What there is to fix; `None` where it would not hold, or where it would be in
    /// the way of ordinary work.
    #[must_use]
    pub fn of(program: &OwnProgram, mounts: &Mounts) -> Option<Self> {
        // Other paths to it are unknown without a list of mounts.
        if !program.stays || !mounts.is_whole() {
            return None;
        }
        let mut entries: Vec<PathBuf> = Vec::new();
        for path in &program.paths {
            if !is_executed(path) {
                return None;
            }
            for step in steps(path)? {
                let aliases = mounts.aliases(&step).ok()?;
                let aliases = aliases.into_iter().map(Alias::into_path);
                entries.extend([step].into_iter().chain(aliases));
            }
        }
        // What something is mounted on can be neither removed nor renamed.
        entries.retain(|entry| !mounts.is_point(entry));
        entries.sort_unstable();
        entries.dedup();
        let mut above = entries.iter().flat_map(|entry| entry.ancestors().skip(1));
        above.all(is_for_it_alone).then(|| Self {
            program: program.paths.first().cloned().unwrap_or_default(),
            has_directories: entries.iter().any(|entry| is_directory(entry)),
            entries,
        })
    }
}

/// Whether nobody can write to it, because this program is executed from it. Linux
/// 6.11 lets one write, as does an emulator of binfmt_misc, and the name may be
/// another file's by now.
fn is_executed(path: &Path) -> bool {
    matches!(
        open_to_write(path).err(),
        Some(Errno::ETXTBSY | Errno::EROFS)
    )
}

/// Changes nothing where it succeeds.
pub(super) fn open_to_write(path: &Path) -> nix::Result<()> {
    let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    openat(AT_FDCWD, path, flags, Mode::empty()).map(drop)
}

/// The root, or a directory in which there is nothing else.
fn is_for_it_alone(directory: &Path) -> bool {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    directory == Path::new("/")
        || openat(AT_FDCWD, directory, flags, Mode::empty())
            .and_then(|opened| listing::list(opened.as_fd()))
            .is_ok_and(|listed| listed.len() == 1)
}

fn is_directory(entry: &Path) -> bool {
    fs::symlink_metadata(entry).is_ok_and(|found| found.is_dir())
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::path::{Path, PathBuf};

    use super::{Fixed, Mounts, OwnProgram, is_executed, is_for_it_alone};

    #[test]
    fn only_what_is_executed_cannot_be_written_to() {
        let own = env::current_exe().unwrap();
        assert!(is_executed(&own));
        assert!(!is_executed(Path::new("/dev/null")));
        assert!(!is_executed(&own.with_extension("none")));
    }

    #[test]
    fn a_directory_of_others_is_none_to_fix_anything_in() {
        let own = env::current_exe().unwrap();
        assert!(is_for_it_alone(Path::new("/")));
        assert!(!is_for_it_alone(own.parent().unwrap()));
        assert!(!is_for_it_alone(&own));
        let of = |paths: Vec<PathBuf>, mounts: &Mounts| {
            Fixed::of(&OwnProgram { paths, stays: true }, mounts)
        };
        assert_eq!(of(vec![own.clone()], &Mounts::read()), None);
        assert_eq!(of(vec![own], &Mounts::default()), None);
    }
}
