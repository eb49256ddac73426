//! Landlock file rules: everything may be read but what is shut.
//!
//! In: the shut paths, the permitted files below them. Out: a ruleset that the
//! process enters once it has its identity, or only a shield around PID 1.
//!
//! **Never:** any right but reading and moving files: with listing handled,
//! `ls /` fails, with executing handled, every program. Files that main later
//! creates directly in a directory above a shut path stay unreadable to it,
//! because a rule needs a file to be attached to.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat};
use nix::unistd::mkdir;

use super::mounts::is_within;
use crate::sys::landlock::{self, Ruleset};
use crate::sys::listing::{self, Kind};

/// Directories that programs expect and make if they are missing; made first,
/// because nothing in them could be read if they came later.
const EXPECTED: [&str; 3] = ["/tmp", "/dev/shm", "/run/lock"];

// `openat` in place of `open`, for which the C library sets close-on-exec by a call
// of its own each time.
const LIST: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC)
    .union(OFlag::O_NOFOLLOW);
const POINT: OFlag = OFlag::O_PATH
    .union(OFlag::O_CLOEXEC)
    .union(OFlag::O_NOFOLLOW);

/// Which paths are shut: canonical, files or directories.
pub type Shut = [PathBuf];

/// Rules that are ready to be entered.
pub struct FileRules {
    ruleset: Ruleset,
    /// Directories that could not be listed, or not to their last entry, and why.
    unlisted: Vec<(PathBuf, Errno)>,
}

/// Why there are no file rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRules {
    /// The kernel has no Landlock, or a filter shuts it away.
    NoLandlock,
    /// A directory above a shut path cannot be listed, so its other entries
    /// could not be allowed: the root, or one with another error than a refusal.
    Unlisted(PathBuf, Errno),
    /// The kernel refused a step.
    Refused(Errno),
}

impl FileRules {
    /// Allows everything beside the shut paths, as far as this process can list the
    /// directories above them. Done with the rights of the start, since main's user
    /// may not be able to list `/`.
    pub fn around(shut: &Shut) -> Result<Self, NoRules> {
        let version = landlock::version().ok_or(NoRules::NoLandlock)?;
        for path in EXPECTED.map(Path::new) {
            if path.parent().is_some_and(|parent| is_above(parent, shut)) {
                make(path);
            }
        }
        let handled = landlock::READ_FILE | movable(version);
        let ruleset = Ruleset::handling(handled, scopes(version)).map_err(NoRules::Refused)?;
        if movable(version) != 0 {
            let root = openat(AT_FDCWD, "/", POINT, Mode::empty()).map_err(NoRules::Refused)?;
            ruleset
                .allow(&root, landlock::REFER)
                .map_err(NoRules::Refused)?;
        }
        let unlisted = allow_beside(&ruleset, shut)?;
        Ok(Self { ruleset, unlisted })
    }

    /// Whether a directory could not be listed yet.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        !self.unlisted.is_empty()
    }

    /// Does the same again as main's user, who may list what the start could not. With
    /// no path shut that was open before, what is allowed already stays right.
    pub fn complete(&mut self, shut: &Shut) -> Result<(), NoRules> {
        let unlisted = allow_beside(&self.ruleset, shut)?;
        let is_in = |directory: &Path| unlisted.iter().any(|(other, _)| other == directory);
        self.unlisted.retain(|(directory, _)| is_in(directory));
        // Without any rule main could not even read its program's libraries.
        let mut unlisted = self.unlisted.iter();
        match unlisted.find(|(directory, _)| directory == Path::new("/")) {
            Some((root, errno)) => Err(NoRules::Unlisted(root.clone(), *errno)),
            None => Ok(()),
        }
    }

    /// Directories that nobody could list: what is in them has no rule.
    #[must_use]
    pub fn unlisted(&self) -> Vec<PathBuf> {
        let unlisted = self.unlisted.iter();
        unlisted.map(|(directory, _)| directory.clone()).collect()
    }

    /// Allows one file or directory, shut or not. A link is followed.
    pub fn allow(&self, path: &Path) -> nix::Result<()> {
        let found = openat(
            AT_FDCWD,
            path,
            OFlag::O_PATH | OFlag::O_CLOEXEC,
            Mode::empty(),
        )?;
        self.ruleset.allow(&found, landlock::READ_FILE)
    }

    /// From here on the rules hold, for this process and all that it starts.
    pub fn enter(self) -> nix::Result<()> {
        self.ruleset.enter()
    }
}

/// Makes a directory for everybody. That it exists, or that nobody may make it,
/// is as good.
fn make(path: &Path) {
    let mode = Mode::from_bits_truncate(0o1777);
    if mkdir(path, mode).is_ok() {
        // The umask may have taken bits.
        let _ = fchmodat(AT_FDCWD, path, mode, FchmodatFlags::NoFollowSymlink);
    }
}

/// Moving files between directories works as before, where the kernel lets us
/// say so; version 1 forbids it to every domain.
fn movable(version: u32) -> u64 {
    if version >= 2 { landlock::REFER } else { 0 }
}

fn scopes(version: u32) -> u64 {
    if version >= 6 {
        landlock::SCOPE_ABSTRACT_SOCKETS | landlock::SCOPE_SIGNALS
    } else {
        0
    }
}

/// A domain that denies no file: a process in it may not look into one outside
/// (landlock(7), ptrace restrictions), nor, from version 6 on, signal it. Says
/// whether there is one; on version 1 it would forbid moving files.
pub fn shield() -> nix::Result<bool> {
    let Some(version) = landlock::version().filter(|version| *version >= 2) else {
        return Ok(false);
    };
    let ruleset = if scopes(version) == 0 {
        // A domain has to handle something.
        let ruleset = Ruleset::handling(landlock::REFER, 0)?;
        let root = openat(AT_FDCWD, "/", POINT, Mode::empty())?;
        ruleset.allow(&root, landlock::REFER)?;
        ruleset
    } else {
        Ruleset::handling(0, scopes(version))?
    };
    ruleset.enter()?;
    Ok(true)
}

/// Canonical paths are the same if their bytes are.
fn is_same_path(one: &Path, other: &Path) -> bool {
    one.as_os_str() == other.as_os_str()
}

fn is_above(directory: &Path, shut: &Shut) -> bool {
    shut.iter()
        .any(|path| is_within(path, directory) && !is_same_path(path, directory))
}

/// The directories on the way to the shut paths, from the root down.
fn directories_above(shut: &Shut) -> Vec<&Path> {
    let above = shut.iter().flat_map(|path| path.ancestors().skip(1));
    let is_open = |directory: &&Path| !shut.iter().any(|path| is_within(directory, path));
    let mut above: Vec<&Path> = above.filter(is_open).collect();
    above.sort();
    above.dedup();
    above
}

/// Allows every entry of the directories above the shut paths that is neither shut
/// nor such a directory. Returns those that refuse to be listed; what is in them is
/// not allowed.
fn allow_beside(ruleset: &Ruleset, shut: &Shut) -> Result<Vec<(PathBuf, Errno)>, NoRules> {
    let mut unlisted = Vec::new();
    for directory in directories_above(shut) {
        match allow_entries(ruleset, directory, shut) {
            Err(NoRules::Unlisted(path, errno @ (Errno::EACCES | Errno::EPERM))) => {
                unlisted.push((path, errno));
            }
            // Gone, or never there: a second mount could not be looked for either.
            Err(NoRules::Unlisted(_, Errno::ENOENT)) => {}
            other => other?,
        }
    }
    Ok(unlisted)
}

/// Links need no rule: what they lead to has one or not.
fn allow_entries(ruleset: &Ruleset, directory: &Path, shut: &Shut) -> Result<(), NoRules> {
    let unlisted = |errno| NoRules::Unlisted(directory.to_path_buf(), errno);
    let opened = openat(AT_FDCWD, directory, LIST, Mode::empty()).map_err(unlisted)?;
    let mut refused = None;
    for (name, kind) in listing::list(opened.as_fd()).map_err(unlisted)? {
        let path = directory.join(&name);
        let is_shut = shut.iter().any(|shut| is_same_path(shut, &path));
        if kind == Kind::Link || is_shut || is_above(&path, shut) {
            continue;
        }
        match openat(&opened, name.as_os_str(), POINT, Mode::empty()) {
            Ok(entry) => ruleset
                .allow(&entry, landlock::READ_FILE)
                .map_err(NoRules::Refused)?,
            // Gone since it was listed.
            Err(Errno::ENOENT) => {}
            // The directory can be listed and not searched; main may do both.
            Err(errno @ (Errno::EACCES | Errno::EPERM)) => refused = Some(errno),
            Err(errno) => return Err(NoRules::Unlisted(path, errno)),
        }
    }
    refused.map_or(Ok(()), |errno| Err(unlisted(errno)))
}
