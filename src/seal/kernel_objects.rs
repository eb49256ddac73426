//! What outlives every process without being in a directory of setup's: System V
//! objects, POSIX message queues, entries of `/dev/shm`.
//!
//! In: what was there before setup, and setup's user. Out: what appeared since
//! and is setup's is removed; what could not be, or is another's, is named.
//!
//! Objects are removed by a child of their owner's uid first: for root it takes
//! CAP_SYS_ADMIN (shmctl(2)), which a container does not have.
//!
//! **Never:** the removal of an object that was there before, or of another
//! user: the namespace may be shared with others (`ipc: host`, pods).

mod look;
mod owed;
mod visible;

use std::ffi::OsString;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::fcntl::AtFlags;
use nix::sys::stat::{SFlag, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::as_user::ask;
use super::scan::masked_path;
use super::since::Mark;
use super::wipe::{Tree, Wiped};
use super::wording;
use crate::collect::accounts::Identity;
use crate::exit::Exit;
use crate::report::Fault;
use crate::search::Searcher;

use look::{KINDS, Kind, names, objects, open_directory};

pub use owed::Older;
pub use visible::unlisted;

const SHARED_MEMORY: &str = "/dev/shm";
/// Where POSIX message queues are listed.
pub const MESSAGE_QUEUES: &str = "/dev/mqueue";
/// Where System V objects are.
pub const SYSTEM_V_OBJECTS: &str = "/proc/sysvipc";

/// What was there before setup.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The numbers of each of `KINDS`.
    objects: [Vec<i32>; 3],
    queues: Vec<OsString>,
    files: Vec<OsString>,
    mark: Option<Mark>,
    /// Whose hands what appeared since may be removed by.
    remover: Remover,
}

/// By whose hands objects are removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Remover {
    /// Setup's user, and then whoever PID 1 is.
    #[default]
    Anyone,
    /// Setup's user alone: main may have forged what tells new from old.
    Setup,
    /// Nobody: what is older is not known.
    Nobody,
}

/// What became of the objects that appeared since.
#[derive(Debug, Default)]
pub struct Cleared {
    /// As many objects and files are gone.
    pub removed: u64,
    /// Setup's own, and still there.
    pub left: Vec<PathBuf>,
    /// Another user's: of setup's all the same, unless the namespace is shared.
    pub foreign: Vec<PathBuf>,
}

impl Snapshot {
    /// Looks at what is there.
    #[must_use]
    pub fn take() -> Self {
        Self {
            objects: KINDS.map(|kind| ids(&kind)),
            queues: names(Path::new(MESSAGE_QUEUES)),
            files: names(Path::new(SHARED_MEMORY)),
            mark: Mark::set(Path::new(SHARED_MEMORY)).ok(),
            remover: Remover::Anyone,
        }
    }

    /// Whether there were objects of others: a new container's namespace has
    /// none, so this one is shared.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        !self.queues.is_empty() || self.objects.iter().any(|ids| !ids.is_empty())
    }

    /// Removes what appeared since and belongs to setup's user, and looks again.
    #[must_use]
    pub fn clear(&self, setup: &Identity) -> Cleared {
        let mut cleared = Cleared::default();
        if self.remover != Remover::Nobody {
            let remove = || self.remove(setup.uid).to_le_bytes().to_vec();
            let count = ask(setup, &remove).ok().and_then(|bytes| {
                let bytes = bytes.try_into().ok()?;
                Some(u64::from_le_bytes(bytes))
            });
            cleared.removed = count.unwrap_or(0);
        }
        if self.remover == Remover::Anyone {
            // What its own user cannot remove, root may.
            cleared.removed = cleared.removed.saturating_add(self.remove(setup.uid));
        }
        self.name_what_is_left(setup.uid, &mut cleared);
        cleared
    }

    fn remove(&self, uid: u32) -> u64 {
        let mut removed = 0_u64;
        for (kind, before) in KINDS.iter().zip(&self.objects) {
            for object in objects(kind) {
                if !before.contains(&object.id)
                    && object.is_of(uid)
                    && (kind.remove)(object.id).is_ok()
                {
                    removed += 1;
                }
            }
        }
        removed += remove_entries(Path::new(MESSAGE_QUEUES), &self.queues, uid, None).removed;
        if let Some(mark) = &self.mark {
            let shared = Path::new(SHARED_MEMORY);
            removed += remove_entries(shared, &self.files, uid, Some(mark)).removed;
        }
        removed
    }

    fn name_what_is_left(&self, uid: u32, cleared: &mut Cleared) {
        for (kind, before) in KINDS.iter().zip(&self.objects) {
            for object in objects(kind) {
                if !before.contains(&object.id) {
                    let name = format!("{} {}", kind.name, object.id);
                    cleared.name(name.into(), object.is_of(uid));
                }
            }
        }
        for (directory, before) in [(MESSAGE_QUEUES, &self.queues), (SHARED_MEMORY, &self.files)] {
            let directory = Path::new(directory);
            for name in names(directory) {
                if !before.contains(&name) {
                    let path = directory.join(name);
                    let is_own = look::owner(&path) == Some(uid);
                    cleared.name(path, is_own);
                }
            }
        }
    }
}

impl Cleared {
    fn name(&mut self, name: PathBuf, is_own: bool) {
        if is_own {
            self.left.push(name);
        } else {
            self.foreign.push(name);
        }
    }

    /// The same for messages: no value in a name.
    #[must_use]
    pub fn shown(mut self, searcher: &Searcher) -> Self {
        for name in self.left.iter_mut().chain(&mut self.foreign) {
            *name = masked_path(name, searcher);
        }
        self
    }

    /// Whether nothing new is there, as far as it is ours to tell: in a shared
    /// namespace others make objects of their own meanwhile.
    #[must_use]
    pub fn is_complete(&self, is_shared: bool) -> bool {
        self.left.is_empty() && (is_shared || self.foreign.is_empty())
    }
}

/// Removes the entries of a directory that are new and this user's. Without a
/// mark its entries are no files, and only their names tell which are new.
fn remove_entries(directory: &Path, before: &[OsString], uid: u32, mark: Option<&Mark>) -> Wiped {
    let mut wiped = Wiped::default();
    let Ok(parent) = open_directory(directory) else {
        return wiped;
    };
    for name in names(directory) {
        let stat = fstatat(
            parent.as_fd(),
            name.as_os_str(),
            AtFlags::AT_SYMLINK_NOFOLLOW,
        );
        let Some(stat) = stat
            .ok()
            .filter(|stat| stat.st_uid == uid && !before.contains(&name))
        else {
            continue;
        };
        let is_directory =
            SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR;
        if let Some(mark) = mark.filter(|_| is_directory) {
            wiped.add(remove_tree(directory, &name, mark));
        } else if mark.is_none_or(|mark| mark.is_before(&stat))
            && unlinkat(parent.as_fd(), name.as_os_str(), UnlinkatFlags::NoRemoveDir).is_ok()
        {
            wiped.removed += 1;
        }
    }
    wiped
}

fn remove_tree(directory: &Path, name: &OsString, mark: &Mark) -> Wiped {
    let path: PathBuf = directory.join(name);
    Tree::open(&path).map_or_else(|_| Wiped::default(), |tree| tree.remove(mark))
}

fn ids(kind: &Kind) -> Vec<i32> {
    objects(kind).iter().map(|object| object.id).collect()
}

/// Something of setup is left in the kernel.
impl Fault for Cleared {
    fn what(&self) -> String {
        let names = self.left.iter().chain(&self.foreign);
        let names: Vec<String> = names.map(|name| wording::shown_path(name)).collect();
        format!(
            "objects that appeared during setup could not be removed: {}",
            wording::some(names.into_iter(), 0)
        )
    }

    fn place(&self) -> String {
        "the container's IPC namespace, /dev/shm and /dev/mqueue".into()
    }

    fn remedy(&self) -> String {
        "let setup remove what it makes, and run it as one user; in a shared IPC namespace (`ipc:`) give setup a user of its own, and remove what an earlier start left (`ipcrm`)".into()
    }

    fn exit(&self) -> Exit {
        Exit::Seal
    }
}

#[cfg(test)]
mod tests;
