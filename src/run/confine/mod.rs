//! What main was not given is put out of its reach, by the strongest means that
//! breaks no program.
//!
//! In: a `Reach`, and a process that is about to become main. Out: the same
//! process, unable to read a withheld file or to look into PID 1; `prove` then
//! tries. The means, in this order: unmounting, in a mount namespace of main's
//! own; file permissions, where they already refuse; Landlock file rules.
//!
//! **Never:** a start where none of them hides every withheld file.

pub mod landlock;
pub mod mounts;
pub mod prove;
mod refusal;
mod unmount;

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::geteuid;

use crate::collect::accounts::Identity;
use crate::collect::reach::Reach;
use crate::pin::{Confined, Digest, Digester, LETTERS, NO_LETTER};
use crate::policy::Confinement;
use crate::sys::capability::Sets;
use crate::sys::real_path::real_path;
use landlock::{FileRules, NoRules};
use mounts::{Mounts, is_within};
use unmount::unmount;

pub use refusal::ConfineError;

/// By what main is kept from the withheld files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// Main's mount namespace no longer has some of them.
    Unmount,
    /// File permissions refuse some of them.
    Permissions,
    /// Landlock file rules refuse all of them.
    FileRules,
    /// A Landlock domain keeps main from looking into PID 1.
    Domain,
}

impl Means {
    /// Its name in the start line.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Unmount => "an unmount",
            Self::Permissions => "file permissions",
            Self::FileRules => "Landlock file rules",
            Self::Domain => "a Landlock domain",
        }
    }

    /// Its letter among those that PID 1 shows.
    fn letter(self) -> u8 {
        match self {
            Self::Unmount => b'u',
            Self::Permissions => b'p',
            Self::FileRules => b'r',
            Self::Domain => b'd',
        }
    }
}

/// The first of the letters that PID 1 shows: what there is to hide.
const NOTHING: u8 = b'n';
const ENVIRONMENT_ONLY: u8 = b'e';
const FILES: u8 = b'f';

/// What there is to hide, made ready with the rights of the start.
pub enum Hiding {
    /// Nothing is withheld.
    Nothing,
    /// The policy accepts that files can be read.
    EnvironmentOnly,
    /// These.
    Files(Box<Ready>),
}

/// What is hidden from this process; the proof is still owed.
pub enum Hidden {
    /// Nothing is withheld.
    Nothing,
    /// The policy accepts that files can be read.
    EnvironmentOnly,
    /// These.
    Files(HiddenFiles),
}

impl Hiding {
    /// The part of the work for which main's user might lack the rights.
    /// With `pinned` it hides as main is hidden from, by no other means.
    pub fn prepare(
        reach: &Reach,
        level: Confinement,
        pinned: Option<Confined>,
    ) -> Result<Self, ConfineError> {
        let letter = match level {
            _ if !reach.withholds => NOTHING,
            Confinement::EnvironmentOnly => ENVIRONMENT_ONLY,
            Confinement::Required => FILES,
        };
        if pinned.is_some_and(|pinned| !pinned.has(letter)) {
            return Err(ConfineError::Changed);
        }
        match level {
            _ if !reach.withholds => Ok(Self::Nothing),
            Confinement::EnvironmentOnly => Ok(Self::EnvironmentOnly),
            Confinement::Required => Ready::prepare(reach, pinned).map(Box::new).map(Self::Files),
        }
    }

    /// Hides from this process, which has main's identity by now. `delivered` is
    /// the directory with files made for main.
    pub fn enter(self, delivered: Option<&Path>) -> Result<Hidden, ConfineError> {
        match self {
            Self::Nothing => Ok(Hidden::Nothing),
            Self::EnvironmentOnly => Ok(Hidden::EnvironmentOnly),
            Self::Files(ready) => ready.enter(delivered).map(Hidden::Files),
        }
    }
}

impl Hidden {
    /// What PID 1 shows of it.
    #[must_use]
    pub fn confined(&self) -> Confined {
        let mut letters = [NO_LETTER; LETTERS];
        let (first, means, shut) = match self {
            Self::Nothing => (NOTHING, &[][..], Digest::default()),
            Self::EnvironmentOnly => (ENVIRONMENT_ONLY, &[][..], Digest::default()),
            Self::Files(files) => (FILES, files.means.as_slice(), files.shut),
        };
        let means = means.iter().map(|means| means.letter());
        for (letter, own) in letters.iter_mut().zip([first].into_iter().chain(means)) {
            *letter = own;
        }
        Confined::of(letters, shut)
    }
}

/// Rules and paths, before anything holds.
pub struct Ready {
    rules: Result<FileRules, NoRules>,
    /// Every path under which a withheld file is known.
    paths: Vec<PathBuf>,
    /// Which files those are, by device and inode.
    files: Vec<(u64, u64)>,
    /// Whether a mount was taken away.
    unmounted: bool,
    mounts_known: bool,
    /// A withheld file with a name that nobody knows of.
    linked: Option<PathBuf>,
    /// The paths that are shut, for PID 1 to show.
    shut: Digest,
    pinned: Option<Confined>,
}

impl Ready {
    /// Finds every path to a withheld file, unmounts what can be, and makes the
    /// rules ready. Main's user might not be able to list the directories.
    fn prepare(reach: &Reach, pinned: Option<Confined>) -> Result<Self, ConfineError> {
        let mounts = Mounts::read();
        let (paths, shut) = known_paths(reach, &mounts);
        let files = paths.iter().filter_map(|path| identity(path)).collect();
        // Effect: unmount.
        let unmounts = pinned.is_none_or(|pinned| pinned.has(Means::Unmount.letter()));
        let unmounted =
            unmounts && unmount(reach, &mounts).map_err(|held| ConfineError::Held(held.0))?;
        // Only what is there has to be hidden.
        // Effect: file rules made.
        let is_pinned = pinned.is_some_and(|pinned| pinned.has(Means::FileRules.letter()));
        let rules = if paths.is_empty() && !is_pinned {
            Err(NoRules::NoLandlock)
        } else {
            FileRules::around(&shut)
        };
        let rules = rules.and_then(|rules| {
            for path in reach.allowed() {
                match rules.allow(path) {
                    Ok(()) | Err(Errno::ENOENT) => {}
                    Err(errno) => return Err(NoRules::Refused(errno)),
                }
            }
            Ok(rules)
        });
        Ok(Self {
            rules,
            paths,
            files,
            unmounted,
            mounts_known: !mounts.is_empty(),
            linked: linked_elsewhere(reach),
            shut: digest_of(&shut),
            pinned,
        })
    }

    /// By rules, where this process could read a withheld file; what main is hidden
    /// from by other means is hidden by them alone, and the proof says whether they
    /// still hold.
    fn enter(self, delivered: Option<&Path>) -> Result<HiddenFiles, ConfineError> {
        let mut means = Vec::new();
        if self.unmounted {
            means.push(Means::Unmount);
        }
        let needs_rules = match self.pinned {
            Some(pinned) => pinned
                .has(Means::FileRules.letter())
                .then(|| self.paths.first()),
            None => self.readable().map(Some),
        };
        if let Some(path) = needs_rules {
            let path = path.cloned().unwrap_or_default();
            // Rules are about paths, and other names of the files are unknown.
            if !self.mounts_known {
                return Err(ConfineError::MountsUnknown(path));
            }
            if let Some(path) = self.linked {
                return Err(ConfineError::Linked(path));
            }
            let rules = self
                .rules
                .map_err(|reason| ConfineError::NoMeans { path, reason })?;
            if let Some(directory) = delivered {
                rules.allow(directory).map_err(ConfineError::Landlock)?;
            }
            rules.enter().map_err(ConfineError::Landlock)?;
            means.push(Means::FileRules);
        } else {
            if self.paths.iter().any(|path| is_there(path)) {
                means.push(Means::Permissions);
            }
            if landlock::shield().map_err(ConfineError::Landlock)? {
                means.push(Means::Domain);
            }
        }
        let hidden = HiddenFiles {
            paths: self.paths,
            files: self.files,
            means,
            mounts_known: self.mounts_known,
            shut: self.shut,
        };
        if self.pinned.is_some_and(|pinned| !hidden.is_as(pinned)) {
            return Err(ConfineError::Changed);
        }
        Ok(hidden)
    }

    /// A withheld file that this process can read, or could give itself the
    /// right to: its owner may change its mode, and so may a capability.
    fn readable(&self) -> Option<&PathBuf> {
        let has_power = Sets::own().map_or(true, |own| own.permitted != 0);
        let own = geteuid().as_raw();
        self.paths.iter().find(|path| {
            let found = match fs::metadata(path) {
                Ok(found) => found,
                Err(error) if error.kind() == ErrorKind::NotFound => return false,
                Err(_) => return has_power || super::files::is_readable(path),
            };
            let is_empty = self.unmounted && found.is_file() && found.len() == 0;
            !is_empty && (has_power || found.uid() == own || super::files::is_readable(path))
        })
    }
}

/// Files that this process cannot read any more.
pub struct HiddenFiles {
    /// Every path under which a withheld file is known.
    pub paths: Vec<PathBuf>,
    /// Which files those are, by device and inode.
    pub files: Vec<(u64, u64)>,
    /// By what.
    pub means: Vec<Means>,
    /// Whether other mounts of the same files could be looked for.
    pub mounts_known: bool,
    /// The paths that are shut, for PID 1 to show.
    pub shut: Digest,
}

impl HiddenFiles {
    /// Whether the same paths are shut by the same means as PID 1 shows. File
    /// permissions are none of it: the proof tries them.
    fn is_as(&self, pinned: Confined) -> bool {
        let means = [Means::Unmount, Means::FileRules, Means::Domain];
        let is_same = |means: &Means| pinned.has(means.letter()) == self.means.contains(means);
        pinned.shuts(self.shut) && means.iter().all(is_same)
    }
}

/// The means that a start could use for this main, strongest first. Nothing is
/// tried: only the proof says whether they suffice.
#[must_use]
pub fn available(reach: &Reach, main: &Identity, has_capabilities: bool) -> Vec<Means> {
    let mut means = Vec::new();
    if !unmount::possible(reach, &Mounts::read()).is_empty() {
        means.push(Means::Unmount);
    }
    let files = &reach.withheld;
    if !has_capabilities && !files.is_empty() && files.iter().all(|path| refuses(path, main)) {
        means.push(Means::Permissions);
    }
    if crate::sys::landlock::version().is_some() {
        if !files.is_empty() {
            means.push(Means::FileRules);
        }
        means.push(Means::Domain);
    }
    means
}

/// Whether owner and mode refuse a file to somebody without capabilities.
fn refuses(path: &Path, main: &Identity) -> bool {
    let Ok(found) = fs::metadata(path) else {
        return false;
    };
    let is_of_group = main.gid == found.gid() || main.groups.contains(&found.gid());
    let reads = if is_of_group { 0o040 } else { 0o004 };
    found.uid() != main.uid && found.mode() & reads == 0
}

/// Whether there is such a file, as far as this process may know.
fn is_there(path: &Path) -> bool {
    match fs::metadata(path) {
        Ok(found) => found.is_dir() || found.len() != 0,
        Err(error) => error.kind() != ErrorKind::NotFound,
    }
}

fn digest_of(shut: &[PathBuf]) -> Digest {
    let mut shut: Vec<&PathBuf> = shut.iter().collect();
    shut.sort_unstable();
    let mut digester = Digester::default();
    for path in shut {
        digester.add_path(path);
    }
    digester.finish()
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

/// The paths without a link in them; one that leads nowhere is left out.
fn canonical(paths: &[PathBuf]) -> Vec<PathBuf> {
    let paths = paths.iter();
    paths.filter_map(|path| real_path(path).ok()).collect()
}

/// A withheld file with more hard links than it has names below the secret
/// directories: the others may be anywhere.
fn linked_elsewhere(reach: &Reach) -> Option<PathBuf> {
    let names = || reach.withheld.iter().chain(&reach.permitted);
    let files = reach.withheld.iter().filter_map(|path| {
        let found = fs::symlink_metadata(path).ok()?;
        (found.is_file() && found.nlink() > 1).then_some((path, found))
    });
    let is_same = |path: &PathBuf, file: &fs::Metadata| {
        fs::symlink_metadata(path)
            .is_ok_and(|other| other.dev() == file.dev() && other.ino() == file.ino())
    };
    files
        .filter(|(_, file)| {
            let known = names().filter(|path| is_same(path, file)).count();
            u64::try_from(known).is_ok_and(|known| known < file.nlink())
        })
        .map(|(path, _)| path.clone())
        .next()
}

/// Every path to a withheld file, and the paths to shut for that: the secret
/// directories as a whole and whatever else leads to one of the files.
fn known_paths(reach: &Reach, mounts: &Mounts) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let mut paths = Vec::new();
    let mut shut: Vec<PathBuf> = Vec::new();
    let mut shut_one = |path: PathBuf| {
        if !shut.iter().any(|other| is_within(&path, other)) {
            shut.push(path);
        }
    };
    for directory in canonical(&reach.directories) {
        mounts
            .aliases(&directory)
            .into_iter()
            .for_each(&mut shut_one);
        shut_one(directory);
    }
    let permitted: Vec<_> = reach
        .permitted
        .iter()
        .filter_map(|path| identity(path))
        .collect();
    for path in &reach.withheld {
        // Main gets this very file under another name.
        if identity(path).is_some_and(|found| permitted.contains(&found)) {
            continue;
        }
        paths.push(path.clone());
        // A file that is gone needs no hiding.
        let Ok(real) = real_path(path) else {
            continue;
        };
        for alias in mounts.aliases(&real) {
            shut_one(alias.clone());
            paths.push(alias);
        }
        if real != *path {
            paths.push(real.clone());
        }
        shut_one(real);
    }
    (paths, shut)
}
