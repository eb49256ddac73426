//! What a start goes by that was settled before setup, and has to hold after it.
//!
//! In: the users, the files that the next start trusts, this binary, the places of
//! secrets, the program that revokes. Out: all that setup did to them.
//!
//! **Never:** a path taken for what it led to before: that is held open, and nobody
//! can put another file in its place.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat, stat};

use super::fault::SetupFault;
use super::own_program;
use crate::collect::accounts::Identity;
use crate::collect::replaceable::Trusted;
use crate::collect::setup::SetupMaterial;
use crate::policy::{SealRules, SetupRules};
use crate::report::{Fault, boxed};
use crate::seal::as_user::ask;
use crate::sys::process::executed_path;

/// All of it.
pub struct Before {
    trusted: Option<Trusted>,
    /// Main, then setup.
    users: [(Identity, &'static str); 2],
    binary: Option<Held>,
    secrets: Vec<Held>,
    revoking: Option<Rc<OwnedFd>>,
}

/// A file, and the path that led to it.
struct Held {
    path: PathBuf,
    file: OwnedFd,
}

impl Before {
    /// Opens all that setup could put something else in the place of.
    pub fn hold(
        trusted: Option<Trusted>,
        [main, setup]: [&Identity; 2],
        material: &SetupMaterial,
        rules: (&SetupRules, &SealRules),
        policy: &str,
    ) -> Result<Self, SetupFault> {
        // Effect: places held.
        let is_below =
            |file: &&PathBuf| material.directories.iter().any(|top| file.starts_with(top));
        // A secret directory is shut as a whole, whatever comes and goes in it.
        let files = material.files.iter().filter(|file| !is_below(file));
        let mut secrets = Vec::new();
        for path in material.directories.iter().chain(files) {
            match Held::open(path) {
                Ok(held) => secrets.push(held),
                Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                Err(errno) => {
                    return Err(SetupFault::System {
                        step: "opening the places of secrets",
                        errno,
                    });
                }
            }
        }
        let binary = executed_path().and_then(|path| Held::open(&path).ok());
        Ok(Self {
            trusted,
            users: [(main.clone(), "main"), (setup.clone(), "setup")],
            binary,
            secrets,
            revoking: own_program::copied(rules, setup, policy)?.map(Rc::new),
        })
    }

    /// The copy of the program that revokes, where setup could change the file.
    pub(super) fn revoking(&self) -> Option<Rc<OwnedFd>> {
        self.revoking.clone()
    }

    /// Who is confined next is kept from the secrets by their paths.
    pub(super) fn refuse_moved(&self) -> Result<(), SetupFault> {
        match self.secrets.iter().find(|held| held.is_moved()) {
            None => Ok(()),
            Some(held) => Err(SetupFault::Moved(held.path.clone())),
        }
    }

    /// Everything that does not hold any more.
    #[must_use]
    pub fn faults(&self) -> Vec<Box<dyn Fault>> {
        let mut faults = Vec::new();
        faults.extend(self.refuse_moved().err().map(boxed));
        let binary = self.binary.iter().find(|held| held.is_moved());
        faults.extend(binary.map(|held| boxed(SetupFault::Replaced(held.path.clone()))));
        for (user, who) in &self.users {
            let trusted = self.trusted.iter();
            let found: Vec<_> = trusted
                .flat_map(|trusted| trusted.faults_after_setup(user, who, ask))
                .collect();
            if !found.is_empty() {
                // Mostly they are one user, and what is to be mended is the same.
                faults.extend(found.into_iter().map(boxed));
                break;
            }
        }
        faults
    }
}

impl Held {
    fn open(path: &Path) -> nix::Result<Self> {
        Ok(Self {
            file: open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?,
            path: path.to_path_buf(),
        })
    }

    /// Whether the path leads to it no more, or nobody can tell.
    fn is_moved(&self) -> bool {
        match (stat(&self.path), fstat(&self.file)) {
            (Ok(there), Ok(held)) => (there.st_dev, there.st_ino) != (held.st_dev, held.st_ino),
            _ => true,
        }
    }
}
