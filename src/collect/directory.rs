//! Secret directories as scopes, from wide to narrow.
//!
//! In: the policy's list, `$CREDENTIALS_DIRECTORY`, or the default. Out: open
//! directories (one `..data` snapshot each) and the names in them.
//!
//! **Never:** a second look at `..data`: Kubernetes may swap it at any time.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;

use super::container::Container;
use super::fault::CollectFault;
use super::file::{self, FileProblem, Ownership};
use crate::policy::Policy;
use crate::secret::Secret;

/// Where Docker and Podman mount secrets.
const DEFAULT: &str = "/run/secrets";
/// The link that Kubernetes swaps to publish a new set of files at once.
const SNAPSHOT: &str = "..data";
const FLAGS: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC);

/// One directory of secret files.
pub struct Scope {
    path: PathBuf,
    directory: OwnedFd,
}

/// All of them; the last one that has a name wins.
pub struct Scopes {
    scopes: Vec<Scope>,
    /// The paths that were looked for, for messages.
    pub searched: Vec<PathBuf>,
}

/// A file that was found by name.
pub struct Found<'a> {
    scope: &'a Scope,
    name: OsString,
}

impl Scopes {
    /// Opens the directories. One that is absent is no fault: nothing is mounted.
    pub fn open(policy: Option<&Policy>, container: &Container) -> Result<Self, CollectFault> {
        let mut paths = match policy {
            Some(policy) => policy.secret_directories.clone(),
            None => vec![PathBuf::from(DEFAULT)],
        };
        // systemd's credentials are for this one service, so they are narrowest.
        if let Some(path) = container
            .get("CREDENTIALS_DIRECTORY")
            .filter(|path| !path.is_empty())
        {
            paths.push(PathBuf::from(path));
        }
        let mut scopes = Vec::new();
        for path in &paths {
            match Scope::open(path) {
                Ok(scope) => scopes.push(scope),
                Err(Errno::ENOENT) => {}
                Err(errno) => {
                    return Err(CollectFault::Directory {
                        path: path.clone(),
                        errno,
                    });
                }
            }
        }
        Ok(Self {
            scopes,
            searched: paths,
        })
    }

    /// The narrowest file of that name.
    #[must_use]
    pub fn find(&self, name: &OsStr) -> Option<Found<'_>> {
        self.scopes
            .iter()
            .rev()
            .find(|scope| scope.has(name))
            .map(|scope| scope.found(name))
    }

    /// Every file of every scope; a narrower one hides its namesakes.
    pub fn all(&self) -> Result<Vec<Found<'_>>, CollectFault> {
        let mut found = std::collections::BTreeMap::new();
        for scope in &self.scopes {
            let names = scope.names().map_err(|errno| CollectFault::Directory {
                path: scope.path.clone(),
                errno,
            })?;
            for name in names {
                let file = scope.found(&name);
                found.insert(name, file);
            }
        }
        Ok(found.into_values().collect())
    }

    /// Whether `path` lies below one of the directories.
    #[must_use]
    pub fn contain(&self, path: &Path) -> bool {
        self.scopes
            .iter()
            .any(|scope| path.starts_with(&scope.path))
    }
}

impl Scope {
    fn open(path: &Path) -> nix::Result<Self> {
        let top = open(path, FLAGS, Mode::empty())?;
        // Relative to the open directory: from here on a swap changes nothing.
        let directory = match openat(&top, SNAPSHOT, FLAGS, Mode::empty()) {
            Ok(snapshot) => snapshot,
            Err(_) => top,
        };
        Ok(Self {
            path: path.to_path_buf(),
            directory,
        })
    }

    fn has(&self, name: &OsStr) -> bool {
        let flags = nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW;
        nix::sys::stat::fstatat(self.directory.as_fd(), name, flags).is_ok()
    }

    fn found(&self, name: &OsStr) -> Found<'_> {
        Found {
            scope: self,
            name: name.to_os_string(),
        }
    }

    fn names(&self) -> nix::Result<Vec<OsString>> {
        // A second descriptor, since reading the directory moves its offset.
        let copy = openat(&self.directory, ".", FLAGS, Mode::empty())?;
        let mut names = Vec::new();
        for entry in Dir::from_fd(copy)?.into_iter() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if !name.starts_with(b".") {
                names.push(OsStr::from_bytes(name).to_os_string());
            }
        }
        Ok(names)
    }
}

/// Reads a file that was named by its whole path.
pub fn read_path(path: &Path) -> Result<Secret, (FileProblem, Option<Ownership>)> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err((FileProblem::Directory, None));
    };
    let directory = open(parent, FLAGS, Mode::empty()).map_err(|errno| match errno {
        Errno::ENOENT | Errno::ENOTDIR => (FileProblem::Absent, None),
        Errno::EACCES => (FileProblem::Unreadable, None),
        errno => (FileProblem::System(errno), None),
    })?;
    file::read(&directory, name).map_err(|problem| (problem, file::ownership(&directory, name)))
}

impl Found<'_> {
    /// The path that people know the file by.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.scope.path.join(&self.name)
    }

    /// The name in its directory.
    #[must_use]
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// Reads it, byte for byte.
    pub fn read(&self) -> Result<Secret, FileProblem> {
        file::read(&self.scope.directory, &self.name)
    }

    /// Its owner and mode.
    #[must_use]
    pub fn ownership(&self) -> Option<Ownership> {
        file::ownership(&self.scope.directory, &self.name)
    }
}
