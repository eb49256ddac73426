//! Landlock rules: everything may be read but what is shut, and everything removed
//! but what is fixed.
//!
//! In: the shut paths, the permitted files below them, the fixed entries. Out: a
//! ruleset that the process enters once it has its identity, or only a shield
//! around PID 1.
//!
//! **Never:** any right but reading, moving and, for the sake of this program's
//! place, removing files: with listing handled, `ls /` fails, with executing
//! handled, every program. Files that main later creates directly in a directory
//! above a shut path stay unreadable to it, and those in a new directory there
//! cannot be removed, because a rule needs a file to be attached to.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstat};
use nix::unistd::mkdir;

use super::fixed::Fixed;
use super::mounts::is_within;
use crate::sys::landlock::{self, Ruleset};
use crate::sys::listing::{self, Kind};

/// Directories that programs expect and make if they are missing; made first,
/// because nothing in them could be read, or removed, if they came later.
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

/// A right, and what it is not given for: these paths, what lies below them, and
/// the directories above them themselves. Rights are inherited downwards, so no
/// directory above can have a rule.
type Denied<'a> = (u64, &'a Shut);

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
    /// Allows everything beside the shut paths and the fixed entries, as far as this
    /// process can list the directories above them. Done with the rights of the start,
    /// since main's user may not be able to list `/`.
    pub fn around(shut: &Shut, fixed: Option<&Fixed>) -> Result<Self, NoRules> {
        let version = landlock::version().ok_or(NoRules::NoLandlock)?;
        rules(version, &all_denied(shut, fixed))
    }

    /// Whether a directory could not be listed yet.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        !self.unlisted.is_empty()
    }

    /// Does the same again as main's user, who may list what the start could not. With
    /// no path shut that was open before, what is allowed already stays right.
    pub fn complete(&mut self, shut: &Shut, fixed: Option<&Fixed>) -> Result<(), NoRules> {
        let unlisted = allow_beside(&self.ruleset, &all_denied(shut, fixed))?;
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

/// Of what is fixed, if that is anything but mounts. That a directory cannot be
/// removed is asked for only where one leads to it.
fn removal_of(fixed: &Fixed) -> Option<Denied<'_>> {
    let rights = if fixed.has_directories {
        landlock::REMOVE_FILE | landlock::REMOVE_DIR
    } else {
        landlock::REMOVE_FILE
    };
    (!fixed.entries.is_empty()).then_some((rights, &fixed.entries))
}

fn all_denied<'a>(shut: &'a Shut, fixed: Option<&'a Fixed>) -> Vec<Denied<'a>> {
    let mut denied = vec![(landlock::READ_FILE, shut)];
    denied.extend(fixed.and_then(removal_of));
    denied
}

/// Everything is allowed but what is denied.
fn rules(version: u32, denied: &[Denied<'_>]) -> Result<FileRules, NoRules> {
    for path in EXPECTED.map(Path::new) {
        let is_denied =
            |(_, shut): &Denied<'_>| path.parent().is_some_and(|parent| is_above(parent, shut));
        if denied.iter().any(is_denied) {
            make(path);
        }
    }
    let handled = denied
        .iter()
        .fold(movable(version), |handled, (rights, _)| handled | rights);
    let ruleset = Ruleset::handling(handled, scopes(version)).map_err(NoRules::Refused)?;
    if movable(version) != 0 {
        let root = openat(AT_FDCWD, "/", POINT, Mode::empty()).map_err(NoRules::Refused)?;
        ruleset
            .allow(&root, landlock::REFER)
            .map_err(NoRules::Refused)?;
    }
    let unlisted = allow_beside(&ruleset, denied)?;
    Ok(FileRules { ruleset, unlisted })
}

/// A domain that denies no file to be read: a process in it may not look into one
/// outside (landlock(7), ptrace restrictions), nor, from version 6 on, signal it;
/// and what is fixed stays. Says whether there is one; on version 1 it would forbid
/// moving files.
pub fn shield(fixed: Option<&Fixed>) -> Result<bool, NoRules> {
    let Some(version) = landlock::version().filter(|version| *version >= 2) else {
        return Ok(false);
    };
    let denied = fixed.and_then(removal_of);
    // A domain has to handle something.
    let ruleset = if denied.is_none() && scopes(version) != 0 {
        Ruleset::handling(0, scopes(version)).map_err(NoRules::Refused)?
    } else {
        let mut rules = rules(version, denied.as_slice())?;
        if let Some((directory, errno)) = rules.unlisted.pop() {
            return Err(NoRules::Unlisted(directory, errno));
        }
        rules.ruleset
    };
    ruleset.enter().map_err(NoRules::Refused)?;
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

/// Whether a directory is on the way to one of the paths and below none of them: a
/// right that is denied to these has no rule at it, but one at each of its entries.
fn is_on_the_way(directory: &Path, shut: &Shut) -> bool {
    is_above(directory, shut) && !shut.iter().any(|path| is_within(directory, path))
}

/// The directories on the way to the denied paths, from the root down.
fn directories_above<'a>(denied: &[Denied<'a>]) -> Vec<&'a Path> {
    let above = denied.iter().flat_map(|(_, shut)| {
        let above = shut.iter().flat_map(|path| path.ancestors().skip(1));
        above.filter(|directory| is_on_the_way(directory, shut))
    });
    let mut above: Vec<&Path> = above.collect();
    above.sort();
    above.dedup();
    above
}

/// Allows, for each right, every entry of the directories above the paths that are
/// denied it, but for these paths and such directories themselves. Returns the
/// directories that refuse to be listed; what is in them is not allowed.
fn allow_beside(
    ruleset: &Ruleset,
    denied: &[Denied<'_>],
) -> Result<Vec<(PathBuf, Errno)>, NoRules> {
    let mut unlisted = Vec::new();
    for directory in directories_above(denied) {
        let owed = denied
            .iter()
            .filter(|(_, shut)| is_on_the_way(directory, shut));
        let owed: Vec<Denied<'_>> = owed.copied().collect();
        match allow_entries(ruleset, directory, &owed) {
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
fn allow_entries(ruleset: &Ruleset, directory: &Path, owed: &[Denied<'_>]) -> Result<(), NoRules> {
    let unlisted = |errno| NoRules::Unlisted(directory.to_path_buf(), errno);
    let opened = openat(AT_FDCWD, directory, LIST, Mode::empty()).map_err(unlisted)?;
    let mut refused = None;
    for (name, kind) in listing::list(opened.as_fd()).map_err(unlisted)? {
        let path = directory.join(&name);
        let is_denied = |shut: &Shut| {
            shut.iter().any(|shut| is_same_path(shut, &path)) || is_above(&path, shut)
        };
        let allowed = owed.iter().filter(|(_, shut)| !is_denied(shut));
        let allowed = allowed.fold(0, |allowed, (rights, _)| allowed | rights);
        if kind == Kind::Link || allowed == 0 {
            continue;
        }
        match openat(&opened, name.as_os_str(), POINT, Mode::empty()) {
            Ok(entry) => allow_entry(ruleset, &entry, kind, allowed)?,
            // Gone since it was listed.
            Err(Errno::ENOENT) => {}
            // The directory can be listed and not searched; main may do both.
            Err(errno @ (Errno::EACCES | Errno::EPERM)) => refused = Some(errno),
            Err(errno) => return Err(NoRules::Unlisted(path, errno)),
        }
    }
    refused.map_or(Ok(()), |errno| Err(unlisted(errno)))
}

/// The kernel refuses a rule about entries for what has none (EINVAL).
fn allow_entry(
    ruleset: &Ruleset,
    entry: &OwnedFd,
    kind: Kind,
    allowed: u64,
) -> Result<(), NoRules> {
    let is_directory = match kind {
        Kind::Directory => true,
        Kind::Link | Kind::Other => false,
        Kind::Unknown => {
            let found = fstat(entry).map_err(NoRules::Refused)?;
            SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR
        }
    };
    let allowed = if is_directory {
        allowed
    } else {
        allowed & landlock::READ_FILE
    };
    if allowed == 0 {
        return Ok(());
    }
    ruleset.allow(entry, allowed).map_err(NoRules::Refused)
}
