//! Every directory of a tree, and every file in it that is not older than setup.
//!
//! In: the places. Out: a filled `Found`.
//!
//! **Never:** recursion, a link followed on the way down, another mount.

use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use nix::fcntl::{AT_FDCWD, OFlag, open};
use nix::sys::stat::{FileStat, Mode, SFlag, lstat};
use nix::unistd::geteuid;

use super::{Found, Kind, Places, Residue, artefact, git, places};
use crate::seal::places::is_read_only;
use crate::seal::since::{Mark, is_beyond_reach};
use crate::sys::attribute;
use crate::sys::statx::{Mount, birth};

/// The largest file that is read.
const LIMIT: u64 = 16 << 20;
/// As many traces are kept by name.
const NAMED: usize = 1000;
/// As far as includes lead to further includes (Git stops at 10).
const INCLUDES: u8 = 10;
/// Git's own configuration below a home directory.
const GIT_IN_HOME: [&str; 2] = [".gitconfig", ".config/git/config"];
const CAPABILITY: &std::ffi::CStr = c"security.capability";

pub(super) fn look(places: &Places<'_>) -> Found {
    let mut walk = Walk {
        places,
        found: Found::default(),
    };
    // A user without an entry in `/etc/passwd` has `/`, which may be read-only.
    let homes = places.homes.iter().filter(|home| !is_read_only(home));
    let trees: Vec<&PathBuf> = places.roots.iter().chain(homes).collect();
    for (index, root) in trees.iter().enumerate() {
        let before = trees.iter().take(index);
        if !before.into_iter().any(|other| covers(other, root)) {
            walk.tree(root);
        }
    }
    for path in places::whole_paths() {
        walk.whole_path(path);
    }
    walk.found
}

/// Whether a tree was walked with another one.
fn covers(other: &Path, root: &Path) -> bool {
    root.starts_with(other) && mount_of(other).is_some_and(|mount| mount_of(root) == Some(mount))
}

struct Walk<'a> {
    places: &'a Places<'a>,
    found: Found,
}

/// A file, and what its mount's mark says of it.
struct File<'a> {
    path: &'a Path,
    stat: &'a FileStat,
    mark: Option<&'a Mark>,
}

impl<'a> Walk<'a> {
    fn tree(&mut self, root: &Path) {
        let Some(mount) = mount_of(root) else {
            // A home that was never made leaves nothing.
            if root.symlink_metadata().is_ok() {
                self.note(Residue::new(root, None, Kind::Unreadable, false));
            }
            return;
        };
        let mark = self.mark_for(mount);
        let mut ahead = vec![root.to_path_buf()];
        while let Some(directory) = ahead.pop() {
            self.count();
            if mount_of(&directory).is_some_and(|found| found != mount) {
                continue;
            }
            let Ok(entries) = fs::read_dir(&directory) else {
                if !self.is_beyond_reach(&directory, mark) {
                    self.note(Residue::new(&directory, None, Kind::Unreadable, false));
                }
                continue;
            };
            for entry in entries {
                let Ok(path) = entry.map(|entry| entry.path()) else {
                    self.note(Residue::new(&directory, None, Kind::Unreadable, false));
                    break;
                };
                match lstat(&path) {
                    Ok(stat) if kind(&stat) == SFlag::S_IFDIR => ahead.push(path),
                    Ok(stat) => self.entry(&path, &stat, mark),
                    Err(_) => self.note(Residue::new(&path, None, Kind::Unreadable, false)),
                }
            }
        }
    }

    fn is_beyond_reach(&self, directory: &Path, mark: Option<&Mark>) -> bool {
        let name = directory.as_os_str().as_bytes();
        let is_setup = geteuid().as_raw() == self.places.setup;
        is_setup && mark.is_some_and(|mark| is_beyond_reach(AT_FDCWD, name, mark.began()))
    }

    /// A file outside of the trees. Without a mark its mount is not one that
    /// setup could write to.
    fn whole_path(&mut self, path: &Path) {
        let mark = mount_of(path).and_then(|mount| self.mark_for(mount));
        if mark.is_none() {
            return;
        }
        let in_directory = fs::read_dir(path).into_iter().flatten().flatten();
        let paths = in_directory.map(|entry| entry.path());
        for path in paths.chain([path.to_path_buf()]) {
            if let Ok(stat) = lstat(&path)
                && kind(&stat) == SFlag::S_IFREG
            {
                self.entry(&path, &stat, mark);
            }
        }
    }

    fn entry(&mut self, path: &Path, stat: &FileStat, mark: Option<&'a Mark>) {
        self.count();
        let file = File { path, stat, mark };
        if !file.is_new() {
            return;
        }
        if let Some(kind) = self.place(path) {
            self.note(Residue::new(path, None, kind, file.is_born_since()));
        }
        match kind(stat) {
            SFlag::S_IFREG => self.regular(&file),
            SFlag::S_IFLNK if path.ends_with(".git") => self.git_directory_elsewhere(path),
            // Git follows none in a repository's own files.
            SFlag::S_IFLNK if self.is_git_config(path) && !is_content(path) => {
                self.note(Residue::new(path, None, Kind::Unreadable, false));
            }
            _ => {}
        }
    }

    fn place(&self, path: &Path) -> Option<Kind> {
        let in_home = |home: &PathBuf| places::in_home(path.strip_prefix(home).ok()?);
        let homes = self.places.homes.iter();
        homes
            .into_iter()
            .find_map(in_home)
            .or_else(|| places::anywhere(path))
    }

    fn regular(&mut self, file: &File<'_>) {
        let (path, mode) = (file.path, file.stat.st_mode);
        let is_alone = file.is_alone();
        let is_executable = mode & 0o111 != 0;
        let by_group = mode & libc::S_ISGID != 0 && mode & libc::S_IXGRP != 0;
        if mode & libc::S_ISUID != 0 || by_group {
            self.note(Residue::new(path, None, Kind::SetId, false));
        }
        if is_executable && attribute::has(path, CAPABILITY).unwrap_or(false) {
            self.note(Residue::new(path, None, Kind::FileCapability, false));
        }
        if is_executable && is_hook(path) {
            self.note(Residue::new(path, None, Kind::GitHook, false));
        }
        if path.ends_with(".git") {
            self.git_directory_elsewhere(path);
        } else if self.is_git_config(path) {
            self.git_config(path, is_alone, INCLUDES);
        } else if artefact::is_one(path) {
            match read(path) {
                Some(bytes) => {
                    for (kind, line) in artefact::traces(path, &bytes) {
                        let can_clean = is_alone && kind == Kind::ArtefactUrl;
                        self.note(Residue::new(path, Some(line), kind, can_clean));
                    }
                }
                None => self.note(Residue::new(path, None, Kind::Unreadable, false)),
            }
        }
    }

    fn git_config(&mut self, path: &Path, is_alone: bool, includes: u8) {
        let Some(bytes) = read(path) else {
            return self.note(Residue::new(path, None, Kind::Unreadable, false));
        };
        for trace in git::traces(&bytes, is_of_submodule(path)) {
            // What Git would refuse to read gives nothing away.
            if trace.kind == Kind::Unreadable && is_content(path) {
                continue;
            }
            let can_clean = is_alone && trace.cut.is_some();
            self.note(Residue::new(path, Some(trace.line), trace.kind, can_clean));
            if let Some(included) = trace.included
                && let Some(below) = includes.checked_sub(1)
            {
                self.elsewhere(&self.resolve(path, &included), below);
            }
        }
    }

    /// A file that Git reads as its configuration.
    fn is_git_config(&self, path: &Path) -> bool {
        let in_home = |home: &PathBuf| {
            let below = path.strip_prefix(home);
            below.is_ok_and(|below| GIT_IN_HOME.iter().any(|name| below == Path::new(name)))
        };
        // Beside a `HEAD` it is a repository's, bare or not.
        let in_repository = || path.ends_with("config") && path.with_file_name("HEAD").exists();
        is_content(path)
            || path.ends_with("config.worktree")
            || path.ends_with("etc/gitconfig")
            || self.places.homes.iter().any(in_home)
            || in_repository()
    }

    /// What an include names: relative to the file, or to a home directory.
    fn resolve(&self, config: &Path, included: &Path) -> PathBuf {
        match (included.strip_prefix("~"), self.places.homes.first()) {
            (Ok(below), Some(home)) => home.join(below),
            _ => config.parent().unwrap_or(Path::new("/")).join(included),
        }
    }

    /// A `.git` that is a file or a link leads to the configuration.
    fn git_directory_elsewhere(&mut self, path: &Path) {
        let above = path.parent().unwrap_or(Path::new("/"));
        let target = if let Ok(target) = fs::read_link(path) {
            target
        } else {
            let Some(bytes) = read(path) else {
                return self.note(Residue::new(path, None, Kind::Unreadable, false));
            };
            // Anything else is nothing to Git.
            let Some(named) = bytes.strip_prefix(b"gitdir:") else {
                return;
            };
            PathBuf::from(std::ffi::OsStr::from_bytes(named.trim_ascii()))
        };
        let directory = above.join(target);
        let shared = read(&directory.join("commondir")).map(|bytes| {
            let named = std::ffi::OsStr::from_bytes(bytes.trim_ascii()).to_owned();
            directory.join(named)
        });
        for directory in [Some(directory), shared].into_iter().flatten() {
            for name in ["config", "config.worktree"] {
                self.elsewhere(&directory.join(name), INCLUDES);
            }
        }
    }

    /// A configuration at any path, if it is there and new.
    fn elsewhere(&mut self, path: &Path, includes: u8) {
        let path = plain(path);
        let mark = mount_of(&path).and_then(|mount| self.mark_for(mount));
        let Ok(stat) = lstat(&path) else { return };
        let file = File {
            path: &path,
            stat: &stat,
            mark,
        };
        match kind(&stat) {
            SFlag::S_IFREG if file.is_new() => {
                self.git_config(&path, file.is_alone(), includes);
            }
            SFlag::S_IFLNK => self.note(Residue::new(&path, None, Kind::Unreadable, false)),
            _ => {}
        }
    }

    fn mark_for(&self, mount: Mount) -> Option<&'a Mark> {
        self.places.marks.iter().find(|mark| mark.is_for(mount))
    }

    fn count(&mut self) {
        self.found.seen = self.found.seen.saturating_add(1);
    }

    fn note(&mut self, residue: Residue) {
        if self.found.residues.contains(&residue) {
            return;
        }
        if self.found.residues.len() < NAMED {
            self.found.residues.push(residue);
        } else {
            self.found.more = self.found.more.saturating_add(1);
        }
    }
}

impl File<'_> {
    fn is_new(&self) -> bool {
        self.mark.is_none_or(|mark| mark.may_be_before(self.stat))
    }

    /// Whether it can be changed: it has surely changed since, and has one name.
    fn is_alone(&self) -> bool {
        self.stat.st_nlink == 1 && self.mark.is_some()
    }

    /// Whether the whole file is setup's: an older one may only have grown.
    fn is_born_since(&self) -> bool {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let born = || birth(open(self.path, flags, Mode::empty()).ok()?);
        self.mark
            .is_some_and(|mark| born().is_some_and(|born| mark.is_before_birth(born)))
    }
}

/// A path without `..`, for a file that several lead to.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

/// A configuration that is part of what a repository holds.
fn is_content(path: &Path) -> bool {
    path.ends_with(".gitmodules") || path.ends_with(".lfsconfig")
}

fn is_of_submodule(path: &Path) -> bool {
    let below = b"/.git/modules/";
    let bytes = path.as_os_str().as_bytes();
    let is_kept_by_git = bytes.windows(below.len()).any(|part| part == below);
    is_kept_by_git || path.ends_with(".gitmodules")
}

/// An executable in the `hooks` of a repository that is no example.
fn is_hook(path: &Path) -> bool {
    let is_sample = path
        .extension()
        .is_some_and(|extension| extension == "sample");
    let directory = path
        .parent()
        .filter(|directory| directory.ends_with("hooks"));
    let is_repository = |directory: &Path| directory.with_file_name("HEAD").exists();
    !is_sample && directory.is_some_and(is_repository)
}

/// A regular file whole, unless it is too large or cannot be read.
pub(super) fn read(path: &Path) -> Option<Vec<u8>> {
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .ok()?;
    let size = file.metadata().ok().filter(fs::Metadata::is_file)?.len();
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes).ok()?;
    let length = u64::try_from(bytes.len()).ok()?;
    (size.max(length) <= LIMIT).then_some(bytes)
}

fn mount_of(path: &Path) -> Option<Mount> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Mount::of(open(path, flags, Mode::empty()).ok()?).ok()
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}
