//! The ways to the withheld files: every path under which main could come to one.
//!
//! In: a `Reach` and the list of mounts. Out: the paths to shut, and those that
//! the proof tries. Asked with the rights of the start, and with main's about what
//! those could not look at.
//!
//! **Never:** a way left out because nobody could look: the file may be there, and
//! the directory that kept us from it may be main's to open.

use std::mem;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::{FileStat, SFlag, lstat, stat};

use super::mounts::{Alias, FileId, Likeness, Mounts, Unseen, is_gone, is_within};
use crate::collect::reach::Reach;
use crate::run::files::may_be_read;
use crate::sys::real_path::real_path;

/// All of them.
pub(super) struct Ways {
    /// What main must not be able to open.
    pub(super) tried: Vec<Way>,
    /// Files with a name that nobody knows of.
    pub(super) linked: Vec<Way>,
    /// Whether every other mount of the files could be looked for.
    pub(super) mounts_known: bool,
    /// Paths that lead to one: the secret directories as a whole, and the others.
    shut: Vec<PathBuf>,
    /// Paths that may lead to one, with what is known of it; `None`: a directory.
    unseen: Vec<(Unseen, Option<nix::Result<Inode>>)>,
    /// Withheld files that could not be looked at.
    unresolved: Vec<PathBuf>,
    /// What main gets.
    permitted: Vec<FileId>,
}

/// A path that leads to a withheld file, or may lead there.
#[derive(Clone)]
pub(super) struct Way {
    /// The path.
    pub(super) path: PathBuf,
    file: nix::Result<Inode>,
}

/// What a file says of itself, whatever its path.
#[derive(Clone, Copy)]
struct Inode {
    id: FileId,
    uid: u32,
    mode: u32,
    /// How many names it has, if it is no directory.
    names: u64,
}

/// What main is, as far as the opening of files goes.
#[derive(Clone, Copy)]
pub(super) struct Power {
    /// Its user.
    pub(super) uid: u32,
    /// Whether it has a capability, which may be more than a mode can refuse.
    pub(super) is_capable: bool,
    /// Whether mounts were taken away from it.
    pub(super) is_unmounted: bool,
}

impl Ways {
    /// All that the rights of the start can see, and what they cannot.
    pub(super) fn find(reach: &Reach, mounts: &Mounts) -> Self {
        let permitted = reach.permitted.iter();
        let permitted = permitted.filter_map(|path| Some(Inode::of(path).ok()?.id));
        let mut ways = Self {
            tried: Vec::new(),
            linked: Vec::new(),
            mounts_known: mounts.is_whole(),
            shut: Vec::new(),
            unseen: Vec::new(),
            unresolved: Vec::new(),
            permitted: permitted.collect(),
        };
        for directory in canonical(&reach.directories) {
            ways.add_aliases(&directory, None, mounts);
            ways.shut_one(directory);
        }
        for path in &reach.withheld {
            ways.add(path, mounts);
        }
        ways.linked = ways.linked_elsewhere(reach);
        ways
    }

    /// Looks again at what could not be seen, as main now. Says whether a path
    /// turned out to lead elsewhere. What main cannot look at either stays shut; a way
    /// that only main can find and that no rule shuts is the proof's to refuse.
    pub(super) fn settle(&mut self, mounts: &Mounts) -> bool {
        let known = self.tried.len();
        for path in mem::take(&mut self.unresolved) {
            self.add(&path, mounts);
        }
        // Nobody counted their names.
        let new = self.tried.iter().skip(known);
        let linked = new.filter(|way| way.file.is_ok_and(|file| file.names > 1));
        self.linked.extend(linked.cloned());
        let unseen = mem::take(&mut self.unseen);
        let count = unseen.len();
        let mut kept = 0;
        for (unseen, file) in unseen {
            if unseen.look() != Likeness::Other {
                kept += 1;
                self.shut_one(unseen.path.clone());
                let path = unseen.path;
                self.tried.extend(file.map(|file| Way { path, file }));
            }
        }
        kept != count
    }

    /// The paths to shut, as far as is known.
    pub(super) fn shut(&self) -> Vec<PathBuf> {
        let unseen = self.unseen.iter().map(|(unseen, _)| unseen.path.clone());
        self.shut.iter().cloned().chain(unseen).collect()
    }

    /// Which files are withheld.
    pub(super) fn files(&self) -> Vec<FileId> {
        let files = self.tried.iter();
        files.filter_map(|way| Some(way.file.ok()?.id)).collect()
    }

    fn add(&mut self, path: &Path, mounts: &Mounts) {
        let file = Inode::of(path);
        // Main gets this very file under another name.
        if file.is_ok_and(|file| self.permitted.contains(&file.id)) {
            return;
        }
        self.tried.push(Way {
            path: path.to_path_buf(),
            file,
        });
        // A file that is gone needs no hiding.
        let Some(real) = resolved(path) else {
            return;
        };
        if file.is_err_and(|errno| !is_gone(errno)) {
            self.unresolved.push(path.to_path_buf());
        }
        self.add_aliases(&real, Some(file), mounts);
        if real != *path {
            self.tried.push(Way {
                path: real.clone(),
                file,
            });
        }
        self.shut_one(real);
    }

    fn add_aliases(&mut self, real: &Path, file: Option<nix::Result<Inode>>, mounts: &Mounts) {
        let Ok(aliases) = mounts.aliases(real) else {
            self.mounts_known = false;
            return;
        };
        for alias in aliases {
            match alias {
                Alias::Unseen(unseen) => self.unseen.push((unseen, file)),
                Alias::Same(path) => {
                    self.shut_one(path.clone());
                    self.tried.extend(file.map(|file| Way { path, file }));
                }
            }
        }
    }

    fn shut_one(&mut self, path: PathBuf) {
        if !self.shut.iter().any(|other| is_within(&path, other)) {
            self.shut.push(path);
        }
    }

    /// Withheld files with more hard links than they have names below the secret
    /// directories: the others may be anywhere.
    fn linked_elsewhere(&self, reach: &Reach) -> Vec<Way> {
        let names = || reach.withheld.iter().chain(&reach.permitted);
        let is_linked = |way: &&Way| {
            let Ok(file) = way.file else { return false };
            if file.names < 2 {
                return false;
            }
            let is_same = |path: &&PathBuf| Inode::of(path).is_ok_and(|other| other.id == file.id);
            let known = names().filter(is_same);
            let mut known: Vec<_> = known.filter_map(|path| real_path(path).ok()).collect();
            known.sort();
            known.dedup();
            u64::try_from(known.len()).is_ok_and(|known| known < file.names)
        };
        self.tried.iter().filter(is_linked).cloned().collect()
    }
}

impl Way {
    /// Whether main could read the file here, or give itself the right to: an owner
    /// may change a mode, of the file or of a directory above it.
    pub(super) fn is_open(&self, main: Power) -> bool {
        match stat(&self.path) {
            Ok(found) => {
                let is_empty = kind(&found) == SFlag::S_IFREG && found.st_size == 0;
                let is_uncovered = main.is_unmounted && is_empty;
                let may = main.is_capable || found.st_uid == main.uid || may_be_read(&self.path);
                may && !is_uncovered
            }
            Err(errno) if is_gone(errno) => false,
            Err(Errno::EACCES | Errno::EPERM) => {
                let is_kept = || self.is_kept_by_mode(main) || is_kept_by_another(&self.path, main);
                main.is_capable || !is_kept()
            }
            Err(_) => true,
        }
    }

    /// Whether main could read the file by a name that nobody here knows of.
    pub(super) fn is_open_elsewhere(&self, main: Power) -> bool {
        let file = match self.file {
            Ok(file) => file,
            Err(errno) => return !is_gone(errno),
        };
        // Where main comes as far as the file, an attempt tells of the file alone.
        let is_here = Inode::of(&self.path).is_ok_and(|found| found.id == file.id);
        let is_refused = is_here && !may_be_read(&self.path);
        let is_owner = main.is_capable || file.uid == main.uid;
        is_owner || !(is_refused || self.is_kept_by_mode(main))
    }

    /// Whether the file itself refuses whoever is neither its owner nor capable. With
    /// an access list the bits of the group are the most that it gives (acl(5)).
    fn is_kept_by_mode(&self, main: Power) -> bool {
        let refuses = |file: Inode| file.uid != main.uid && file.mode & 0o044 == 0;
        self.file.is_ok_and(refuses)
    }
}

impl Inode {
    fn of(path: &Path) -> nix::Result<Self> {
        let found = stat(path)?;
        let is_directory = kind(&found) == SFlag::S_IFDIR;
        Ok(Self {
            id: (found.st_dev, found.st_ino),
            uid: found.st_uid,
            mode: found.st_mode,
            names: if is_directory { 1 } else { names_of(&found) },
        })
    }
}

#[allow(
    clippy::useless_conversion,
    reason = "of 32 bits on aarch64, and of 64 on x86_64"
)]
fn names_of(found: &FileStat) -> u64 {
    u64::from(found.st_nlink)
}

fn kind(found: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT
}

/// Whether the directory that lets main no further is somebody else's, so that main
/// cannot open it. A link on the way may lead through directories that are not known.
fn is_kept_by_another(path: &Path, main: Power) -> bool {
    for (below, above) in path.ancestors().zip(path.ancestors().skip(1)) {
        match stat(above) {
            Ok(found) => return found.st_uid != main.uid && lstat(below).is_err(),
            Err(Errno::EACCES | Errno::EPERM) => {}
            Err(_) => return false,
        }
    }
    false
}

/// The paths without a link in them; one that leads nowhere is left out.
pub(super) fn canonical(paths: &[PathBuf]) -> Vec<PathBuf> {
    paths.iter().filter_map(|path| resolved(path)).collect()
}

/// A path without a link in it, as far as this process sees. `None`: it leads nowhere.
fn resolved(path: &Path) -> Option<PathBuf> {
    match real_path(path) {
        Ok(real) => Some(real),
        Err(errno) if is_gone(errno) => None,
        Err(_) => {
            let beyond = |above: &Path| {
                let rest = path.strip_prefix(above).ok()?;
                Some(real_path(above).ok()?.join(rest))
            };
            let found = path.ancestors().skip(1).find_map(beyond);
            Some(found.unwrap_or_else(|| path.to_path_buf()))
        }
    }
}
