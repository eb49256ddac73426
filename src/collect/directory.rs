//! Secret directories as scopes, from wide to narrow.
//!
//! In: the policy's list, `$CREDENTIALS_DIRECTORY`, the usual places. Out: open
//! directories (one `..data` snapshot each), and the files below them.
//!
//! **Never:** a second look at `..data`: Kubernetes may swap it at any time. A
//! link to another directory is not entered.

mod folder;

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open, openat};
use nix::sys::stat::Mode;

use folder::{FLAGS, Folder, Identity, Listed, identity};

use super::container::Container;
use super::fault::CollectFault;
use super::file::{self, FileProblem, Ownership};
use crate::names::SecretPath;
use crate::policy::Policy;
use crate::secret::Secret;
use crate::sys::listing::Kind;

/// Where Docker and Podman mount secrets, under both of its names; always a
/// secret directory.
const USUAL: [&str; 2] = ["/var/run/secrets", "/run/secrets"];
/// As deep as subdirectories are looked into.
const LEVELS: usize = 8;

/// One directory of secret files.
struct Scope {
    path: PathBuf,
    identity: Identity,
    folder: Folder,
}

/// All of them; the last one that has a name wins.
pub struct Scopes {
    from_wide_to_narrow: Vec<Scope>,
    /// The paths that were looked for, for messages.
    pub searched: Vec<PathBuf>,
    /// Usual places that could not be opened, so nothing in them was seen.
    shut: Vec<PathBuf>,
}

/// A file below a secret directory.
pub struct Found<'a> {
    directory: BorrowedFd<'a>,
    /// Its path below `directory`.
    pub below: PathBuf,
    /// The path that people know it by.
    pub path: PathBuf,
}

/// What a walk comes across.
pub enum Entry<'a> {
    /// A file (or FIFO, link, device) directly in a secret directory.
    Top(Found<'a>),
    /// One in a subdirectory, with its path below the secret directory.
    Nested(Found<'a>, PathBuf),
    /// An empty directory, directly in a secret directory.
    EmptyDirectory(PathBuf),
    /// A directory that cannot be looked into.
    Shut(PathBuf),
}

/// Where a path leads to.
pub enum Located<'a> {
    /// Not to a secret directory.
    Outside,
    /// Into a secret directory that is not there.
    Unmounted,
    /// To this file directly in a secret directory.
    Top(Found<'a>),
    /// To this file further below.
    Nested(Found<'a>),
}

impl Scopes {
    /// Opens the directories. One that is absent is no fault: nothing is mounted.
    pub fn open(policy: Option<&Policy>, container: &Container) -> Result<Self, CollectFault> {
        let listed = policy.map_or_else(
            || vec![PathBuf::from("/run/secrets")],
            |policy| policy.secret_directories.clone(),
        );
        Self::among(&USUAL.map(Path::new), listed, container)
    }

    /// The same, with other usual places.
    pub(crate) fn among(
        usual: &[&Path],
        mut listed: Vec<PathBuf>,
        container: &Container,
    ) -> Result<Self, CollectFault> {
        // systemd's credentials are for this one service, so they are narrowest.
        let credentials = container.get("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        if let Some(path) = credentials.filter(|path| !path.as_os_str().is_empty()) {
            if path.is_relative() {
                let variable = "CREDENTIALS_DIRECTORY".to_owned();
                return Err(CollectFault::PathNotAbsolute { variable });
            }
            listed.push(path);
        }
        let mut scopes = Self {
            from_wide_to_narrow: Vec::new(),
            searched: Vec::new(),
            shut: Vec::new(),
        };
        for path in usual {
            match scopes.add(path) {
                Ok(()) | Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                Err(_) => scopes.shut.push(path.to_path_buf()),
            }
        }
        scopes.searched = scopes
            .from_wide_to_narrow
            .iter()
            .map(|scope| scope.path.clone())
            .collect();
        for path in listed {
            scopes.shut.retain(|shut| *shut != path);
            match scopes.add(&path) {
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(errno) => return Err(CollectFault::Directory { path, errno }),
            }
        }
        Ok(scopes)
    }

    /// Opens one more, narrower than those before; the same directory under
    /// another path takes that one's place.
    fn add(&mut self, path: &Path) -> nix::Result<()> {
        self.searched.retain(|searched| searched != path);
        self.searched.push(path.to_path_buf());
        let scope = match self.position(|scope| scope.path == path) {
            Some(at) => self.from_wide_to_narrow.remove(at),
            None => self.open_another(path)?,
        };
        self.from_wide_to_narrow.push(scope);
        Ok(())
    }

    fn open_another(&mut self, path: &Path) -> nix::Result<Scope> {
        let top = openat(AT_FDCWD, path, FLAGS, Mode::empty())?;
        let identity = identity(&top)?;
        if let Some(at) = self.position(|scope| scope.identity == identity) {
            let wider = self.from_wide_to_narrow.remove(at);
            self.searched.retain(|searched| *searched != wider.path);
        }
        Ok(Scope {
            path: path.to_path_buf(),
            identity,
            folder: Folder::of(top),
        })
    }

    fn position(&self, is_wanted: impl Fn(&Scope) -> bool) -> Option<usize> {
        self.from_wide_to_narrow.iter().position(is_wanted)
    }

    /// The narrowest file of that path: its directory decides, the file itself
    /// may then turn out to be missing.
    #[must_use]
    pub fn find(&self, path: &SecretPath) -> Option<Found<'_>> {
        let path = path.as_path();
        let top = path.iter().next()?;
        let mut scopes = self.from_wide_to_narrow.iter().rev();
        scopes.find_map(|scope| scope.folder.holds(top).then(|| scope.found(path)))
    }

    /// Everything below every scope, narrow ones first.
    pub fn walk(&self, visit: &mut dyn FnMut(Entry<'_>)) -> Result<(), CollectFault> {
        for scope in self.from_wide_to_narrow.iter().rev() {
            let entries = scope.folder.entries();
            let entries = entries.map_err(|errno| CollectFault::Directory {
                path: scope.path.clone(),
                errno,
            })?;
            self.walk_entries(entries, &scope.path, Path::new(""), visit);
        }
        for path in &self.shut {
            visit(Entry::Shut(path.clone()));
        }
        Ok(())
    }

    fn walk_entries(
        &self,
        entries: Vec<Listed<'_>>,
        scope: &Path,
        below: &Path,
        visit: &mut dyn FnMut(Entry<'_>),
    ) {
        for (directory, name, kind) in entries {
            let below = below.join(&name);
            if kind == Kind::Directory {
                self.walk_folder(directory, &name, scope, &below, visit);
                continue;
            }
            let found = Found {
                directory,
                path: scope.join(&below),
                below: name.into(),
            };
            visit(match below.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => Entry::Nested(found, below),
                _ => Entry::Top(found),
            });
        }
    }

    fn walk_folder(
        &self,
        directory: BorrowedFd<'_>,
        name: &OsStr,
        scope: &Path,
        below: &Path,
        visit: &mut dyn FnMut(Entry<'_>),
    ) {
        let path = scope.join(below);
        let level = below.components().count();
        let opened = openat(directory, name, FLAGS | OFlag::O_NOFOLLOW, Mode::empty());
        let Ok((identity, top)) = opened.and_then(|top| Ok((identity(&top)?, top))) else {
            return visit(Entry::Shut(path));
        };
        // A scope of its own is walked by itself.
        if self.position(|scope| scope.identity == identity).is_some() {
            return;
        }
        let folder = Folder::of(top);
        match folder.entries() {
            Ok(entries) if entries.is_empty() && level == 1 => visit(Entry::EmptyDirectory(path)),
            Ok(entries) if level < LEVELS => self.walk_entries(entries, scope, below, visit),
            Ok(_) | Err(_) => visit(Entry::Shut(path)),
        }
    }

    /// Where a path leads, by the directories that it is in and not by its text:
    /// `/var/run/secrets/a/b` is `/run/secrets/a/b`.
    #[must_use]
    pub fn locate(&self, path: &Path) -> Located<'_> {
        for (levels, above) in path.ancestors().enumerate() {
            let directory = open(above, OFlag::O_PATH | FLAGS, Mode::empty()).and_then(identity);
            let scope = directory
                .ok()
                .and_then(|found| self.position(|scope| scope.identity == found));
            let scope = scope.and_then(|at| self.from_wide_to_narrow.get(at));
            if let (Some(scope), Ok(below)) = (scope, path.strip_prefix(above)) {
                let found = scope.found(below);
                return if levels == 1 {
                    Located::Top(found)
                } else {
                    Located::Nested(found)
                };
            }
        }
        if self.searched.iter().any(|place| path.starts_with(place)) {
            Located::Unmounted
        } else {
            Located::Outside
        }
    }
}

impl Scope {
    fn found(&self, below: &Path) -> Found<'_> {
        // The directory itself is named like a file at times.
        let below = if below.as_os_str().is_empty() {
            Path::new(".")
        } else {
            below
        };
        let first = below.components().next();
        let name = first.map_or(OsStr::new("."), |first| first.as_os_str());
        Found {
            directory: self.folder.directory_of(name),
            below: below.to_path_buf(),
            path: self.path.join(below),
        }
    }
}

/// Reads a file that was named by its whole path.
pub fn read_path(path: &Path) -> Result<Secret, (FileProblem, Option<Ownership>)> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err((FileProblem::Directory, None));
    };
    // `policy.json` alone has the empty path as its parent.
    let parent = Path::new(".").join(parent);
    let directory = match open(&parent, OFlag::O_PATH | FLAGS, Mode::empty()) {
        Ok(directory) => directory,
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Err((FileProblem::Absent, None)),
        Err(Errno::EACCES) => return Err((FileProblem::Unreadable, None)),
        Err(errno) => return Err((FileProblem::System(errno), None)),
    };
    let (directory, name) = (directory.as_fd(), Path::new(name));
    file::read(directory, name).map_err(|problem| (problem, file::ownership(directory, name)))
}

impl Found<'_> {
    /// Reads it, byte for byte.
    pub fn read(&self) -> Result<Secret, FileProblem> {
        file::read(self.directory, &self.below)
    }

    /// Its owner and mode.
    #[must_use]
    pub fn ownership(&self) -> Option<Ownership> {
        file::ownership(self.directory, &self.below)
    }
}

#[cfg(test)]
mod tests;
