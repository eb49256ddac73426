//! A home directory of setup's own, and the variables that lead to it.
//!
//! In: setup's user. Out: a new 0700 directory of that user on the writable
//! layer (`/dev/shm` forbids programs), open from the start, so that setup
//! cannot put another in its place before it is removed.
//!
//! **Never:** the home that main has, unless the policy keeps it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::sys::stat::fstat;
use nix::unistd::mkdtemp;

use super::fault::SetupFault;
use crate::collect::accounts::Identity;
use crate::environment::Environment;
use crate::report::Reporter;
use crate::seal::as_user::{ask, ask_unless_stopped};
use crate::seal::journal::Since;
use crate::seal::since::Mark;
use crate::seal::stop;
use crate::seal::wipe::{Tree, Wiped};

/// Where it is made: on disk, since builds are large.
const PLACES: [&str; 2] = ["/var/tmp", "/tmp"];
/// What its name begins with.
const NAME: &str = "vestibule-home-";
/// Below it, what the XDG Base Directory Specification names.
const BELOW: [(&str, &str); 4] = [
    ("XDG_CACHE_HOME", ".cache"),
    ("XDG_CONFIG_HOME", ".config"),
    ("XDG_DATA_HOME", ".local/share"),
    ("XDG_STATE_HOME", ".local/state"),
];

/// A private home.
pub struct Home {
    /// Where it is.
    pub path: PathBuf,
    tree: Tree,
    mark: Mark,
}

impl Home {
    /// Makes one, as setup's user: that needs no right to give files away.
    pub fn make(identity: &Identity) -> Result<Self, SetupFault> {
        let fault = || SetupFault::Home(PathBuf::from(PLACES[0]));
        for place in PLACES.map(Path::new) {
            let Ok(mark) = Mark::set(place) else { continue };
            let make = || {
                let made = mkdtemp(&place.join(format!("{NAME}XXXXXX")));
                made.map(|path| path.into_os_string().into_vec())
                    .unwrap_or_default()
            };
            let path = PathBuf::from(OsString::from_vec(ask(identity, &make).unwrap_or_default()));
            if path.as_os_str().is_empty() {
                continue;
            }
            let tree = Tree::open(&path).map_err(|_| fault())?;
            return Ok(Self { path, tree, mark });
        }
        Err(fault())
    }

    /// One of an earlier start that a crash left, by its journal: a path that one
    /// could have, and a directory of setup's user. A journal that somebody forged
    /// can name nothing else.
    #[must_use]
    pub fn left((path, began): &Since, identity: &Identity) -> Option<Self> {
        let is_ours = PLACES
            .iter()
            .any(|place| path.parent() == Some(Path::new(place)));
        let name = path.file_name()?.as_bytes();
        if !is_ours || !name.starts_with(NAME.as_bytes()) {
            return None;
        }
        let tree = Tree::open(path).ok()?;
        let owner = fstat(tree.top()).ok()?.st_uid;
        let mark = Mark::at(path.parent()?, *began).ok()?;
        (owner == identity.uid).then(|| Self {
            path: path.clone(),
            tree,
            mark,
        })
    }

    /// What the journal says of it.
    #[must_use]
    pub fn since(&self) -> Since {
        (self.path.clone(), self.mark.began())
    }

    /// Sets the variables that lead to it.
    pub fn bind(&self, environment: &mut Environment) {
        bind(environment, &self.path);
    }

    /// Removes it with all that is in it. Who asks PID 1 to stop ends that; the next
    /// start goes on with it.
    #[must_use]
    pub fn remove(&self, identity: &Identity, report: Reporter) -> Wiped {
        // What only its owner may remove, then what only root may: by children, since
        // a large one may take long, and PID 1 listens.
        for user in [Some(identity), None] {
            let _ = ask_unless_stopped(user, &|| {
                let _ = self.tree.remove_and_say(&self.mark, Some(report));
                Vec::new()
            });
            if self.path.symlink_metadata().is_err() || stop::is_asked() {
                return Wiped::default();
            }
        }
        // Whatever could be removed is gone: this says what could not.
        self.tree.remove(&self.mark)
    }
}

/// HOME and what programs derive from it.
pub fn bind(environment: &mut Environment, home: &Path) {
    environment.set(OsStr::new("HOME"), home.as_os_str());
    for (variable, below) in BELOW {
        environment.set(OsStr::new(variable), home.join(below).as_os_str());
    }
}

/// The variables that would lead elsewhere.
#[must_use]
pub fn is_passed(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name != b"HOME" && !name.starts_with(b"XDG_") && name != b"OLDPWD" && name != b"PWD"
}
