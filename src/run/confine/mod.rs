//! What main was not given is put out of its reach, by the strongest means that
//! breaks no program.
//!
//! In: a `Reach`, and a process that is about to become main. Out: the same
//! process, unable to read a withheld file or to look into PID 1; `prove` then
//! tries. The means, in this order: unmounting, in a mount namespace of main's
//! own; file permissions, where they already refuse; Landlock file rules.
//!
//! **Never:** a start where none of them hides every withheld file.

mod fixed;
pub mod landlock;
pub mod mounts;
pub mod prove;
mod refusal;
mod unmount;
mod ways;

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
use fixed::Fixed;
use landlock::{FileRules, NoRules};
use mounts::{FileId, Mounts};
use unmount::unmount;
use ways::{Power, Ways};

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

/// The letter of a program that main cannot put another in the place of.
const FIXED: u8 = b'k';
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
        if let Some(main) = pinned.filter(|pinned| !pinned.has(letter)) {
            let mut letters = [NO_LETTER; LETTERS];
            letters.iter_mut().take(1).for_each(|own| *own = letter);
            let session = Confined::of(letters, Digest::default());
            return Err(ConfineError::Changed { main, session });
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
        let is_fixed = matches!(self, Self::Files(files) if files.fixed.is_some());
        let means = means.iter().map(|means| means.letter());
        let own = [first].into_iter().chain(means);
        for (letter, own) in letters.iter_mut().zip(own.chain(is_fixed.then_some(FIXED))) {
            *letter = own;
        }
        Confined::of(letters, shut)
    }
}

/// Rules and paths, before anything holds.
pub struct Ready {
    rules: Result<FileRules, NoRules>,
    ways: Ways,
    mounts: Mounts,
    /// Whether a mount was taken away.
    unmounted: bool,
    /// What keeps this program in its place.
    fixed: Option<Fixed>,
    pinned: Option<Confined>,
}

impl Ready {
    /// Finds every path to a withheld file, unmounts what can be, and makes the
    /// rules ready. Main's user might not be able to list the directories.
    fn prepare(reach: &Reach, pinned: Option<Confined>) -> Result<Self, ConfineError> {
        let mounts = Mounts::read();
        let ways = Ways::find(reach, &mounts);
        // Effect: unmount.
        let unmounts = pinned.is_none_or(|pinned| pinned.has(Means::Unmount.letter()));
        let unmounted =
            unmounts && unmount(reach, &mounts).map_err(|held| ConfineError::Held(held.0))?;
        // Effect: file rules made.
        let program = reach.program.as_ref();
        let fixed = program.and_then(|program| Fixed::of(program, &mounts));
        // Only what is there has to be hidden.
        let is_pinned = pinned.is_some_and(|pinned| pinned.has(Means::FileRules.letter()));
        let rules = if ways.tried.is_empty() && !is_pinned {
            Err(NoRules::NoLandlock)
        } else {
            FileRules::around(&ways.shut(), fixed.as_ref())
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
            ways,
            mounts,
            unmounted,
            fixed,
            pinned,
        })
    }

    /// By rules, where this process could read a withheld file; what main is hidden
    /// from by other means is hidden by them alone, and the proof says whether they
    /// still hold.
    fn enter(mut self, delivered: Option<&Path>) -> Result<HiddenFiles, ConfineError> {
        let mut means = Vec::new();
        if self.unmounted {
            means.push(Means::Unmount);
        }
        let main = Power {
            uid: geteuid().as_raw(),
            is_capable: Sets::own().map_or(true, |own| own.permitted != 0),
            is_unmounted: self.unmounted,
        };
        let is_less_shut = self.ways.settle(&self.mounts);
        self.refuse_unknown_names(main)?;
        let mut unlisted = Vec::new();
        let shut = digest_of(&self.ways.shut());
        let open = self.ways.tried.iter().find(|way| way.is_open(main));
        let needs_rules = match self.pinned {
            Some(pinned) => pinned.has(Means::FileRules.letter()),
            None => open.is_some(),
        };
        if needs_rules {
            let no_means = |reason| {
                let path = open.map(|way| way.path.clone()).unwrap_or_default();
                ConfineError::NoMeans { path, reason }
            };
            let mut rules = self.rules.map_err(no_means)?;
            if is_less_shut || rules.is_incomplete() {
                rules
                    .complete(&self.ways.shut(), self.fixed.as_ref())
                    .map_err(no_means)?;
            }
            unlisted = rules.unlisted();
            if let Some(directory) = delivered {
                rules.allow(directory).map_err(ConfineError::Landlock)?;
            }
            rules.enter().map_err(ConfineError::Landlock)?;
            means.push(Means::FileRules);
        } else {
            if self.ways.tried.iter().any(|way| is_there(&way.path)) {
                means.push(Means::Permissions);
            }
            if shield(&mut self.fixed).map_err(ConfineError::Landlock)? {
                means.push(Means::Domain);
            }
        }
        let hidden = HiddenFiles {
            files: self.ways.files(),
            mounts_known: self.ways.mounts_known,
            paths: self.ways.tried.into_iter().map(|way| way.path).collect(),
            means,
            unlisted,
            shut,
            fixed: self.fixed,
        };
        match self.pinned.filter(|pinned| !hidden.is_as(*pinned)) {
            Some(main) => Err(ConfineError::Changed {
                main,
                session: Hidden::Files(hidden).confined(),
            }),
            None => Ok(hidden),
        }
    }

    /// All means but the file's own mode are about paths; with names that nobody
    /// knows of they hide nothing.
    fn refuse_unknown_names(&self, main: Power) -> Result<(), ConfineError> {
        let ways = &self.ways;
        if !ways.mounts_known
            && let Some(way) = ways.tried.iter().find(|way| way.is_open_elsewhere(main))
        {
            return Err(ConfineError::MountsUnknown(way.path.clone()));
        }
        match ways.linked.iter().find(|way| way.is_open_elsewhere(main)) {
            Some(way) => Err(ConfineError::Linked(way.path.clone())),
            None => Ok(()),
        }
    }
}

/// Files that this process cannot read any more.
pub struct HiddenFiles {
    /// Every path under which a withheld file is known, or may be.
    pub paths: Vec<PathBuf>,
    /// Which files those are.
    pub files: Vec<FileId>,
    /// By what.
    pub means: Vec<Means>,
    /// Whether other mounts of the same files could be looked for.
    pub mounts_known: bool,
    /// Directories that nobody could list: what is in them has no rule.
    pub unlisted: Vec<PathBuf>,
    /// The paths that are shut, for PID 1 to show.
    pub shut: Digest,
    /// What keeps this program in its place.
    pub fixed: Option<Fixed>,
}

impl HiddenFiles {
    /// Whether the same paths are shut by the same means as PID 1 shows. File
    /// permissions are none of it: the proof tries them.
    fn is_as(&self, pinned: Confined) -> bool {
        let means = [Means::Unmount, Means::FileRules, Means::Domain];
        let is_same = |means: &Means| pinned.has(means.letter()) == self.means.contains(means);
        let is_fixed = pinned.has(FIXED) == self.fixed.is_some();
        is_fixed && pinned.shuts(self.shut) && means.iter().all(is_same)
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

/// Whether main could put another program in the place of this one, as far as it can
/// be told without a start.
#[must_use]
pub fn is_program_replaceable(reach: &Reach) -> bool {
    let has_rules = crate::sys::landlock::version().is_some_and(|version| version >= 2);
    reach
        .program
        .as_ref()
        .is_some_and(|program| !has_rules || Fixed::of(program, &Mounts::read()).is_none())
}

/// Enters a domain that denies no file. What it cannot fix is not fixed: that is no
/// reason against a start.
fn shield(fixed: &mut Option<Fixed>) -> nix::Result<bool> {
    let entered = landlock::shield(fixed.as_ref());
    if entered != Ok(true) {
        *fixed = None;
    }
    match entered {
        Err(NoRules::Unlisted(..)) => landlock::shield(None).or(Err(Errno::EACCES)),
        Err(NoRules::Refused(errno)) => Err(errno),
        Err(NoRules::NoLandlock) => Ok(false),
        Ok(is_entered) => Ok(is_entered),
    }
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
