//! Every directory of a tree, and every file in it that is not older than setup.
//!
//! In: the places. Out: a filled `Found`.
//!
//! **Never:** recursion, a link followed on the way down, another mount.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, lstat};
use nix::unistd::geteuid;

use super::descend::{self, At, Seen};
use super::file::{File, kind, read};
use super::{Found, Kind, Places, Residue, artefact, blame, git, places};
use crate::seal::places::is_read_only;
use crate::seal::progress::Progress;
use crate::seal::since::{Mark, is_beyond_reach};
use crate::sys::attribute;
use crate::sys::statx::Mount;

/// As many traces are kept by name.
const NAMED: usize = 1000;
/// As many files pass between two looks at the clock.
const STEPS: u64 = 64;
/// As far as includes lead to further includes (Git stops at 10).
const INCLUDES: u8 = 10;
/// Git's own configuration below a home directory.
const GIT_IN_HOME: [&str; 2] = [".gitconfig", ".config/git/config"];
const CAPABILITY: &std::ffi::CStr = c"security.capability";

pub(super) fn look(places: &Places<'_>) -> Found {
    let mut walk = Walk {
        places,
        found: Found::default(),
        judged: 0,
        progress: places
            .report
            .map(|report| Progress::of("looked at", report)),
        until: Instant::now() + places.patience,
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
    /// As many of the traces can be setup's for certain.
    judged: usize,
    progress: Option<Progress>,
    until: Instant,
}

impl<'a> Walk<'a> {
    fn tree(&mut self, root: &Path) {
        let top = match descend::top(root) {
            Ok(top) => top,
            Err(_)
                if root
                    .symlink_metadata()
                    .is_err_and(|error| is_absence(&error)) =>
            {
                // A home that was never made leaves nothing.
                return;
            }
            Err(_) => {
                let mark = mount_of(root).and_then(|mount| self.mark_for(mount));
                return self.unread(&At::path(root), mark);
            }
        };
        let Ok(mount) = Mount::of(&top) else {
            return self.note(Residue::new(root, None, Kind::Unreadable, false));
        };
        let mark = self.mark_for(mount);
        descend::walk(top, root, mount, &mut |at, seen| {
            match seen {
                Seen::Directory => self.count(),
                Seen::Entry(stat) => self.entry(*at, stat, mark),
                Seen::Unread => self.unread(at, mark),
            }
            self.has_time(at.path)
        });
    }

    /// Not for ever: a tree may be as large, and a file system as slow, as it likes.
    fn has_time(&mut self, path: &Path) -> bool {
        if self.found.seen.is_multiple_of(STEPS) && Instant::now() > self.until {
            self.note(Residue::new(path, None, Kind::Unfinished, false));
            return false;
        }
        true
    }

    fn unread(&mut self, at: &At<'_>, mark: Option<&Mark>) {
        let name = at.name.as_os_str().as_bytes();
        let is_setup = geteuid().as_raw() == self.places.setup.uid;
        let is_beyond = |mark: &Mark| is_beyond_reach(at.directory, name, mark.began());
        if !(is_setup && mark.is_some_and(is_beyond)) {
            self.note(Residue::new(at.path, None, Kind::Unreadable, false));
        }
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
                self.entry(At::path(&path), &stat, mark);
            }
        }
    }

    fn entry(&mut self, at: At<'_>, stat: &FileStat, mark: Option<&Mark>) {
        self.count();
        let file = File { at, stat, mark };
        if !file.is_new() {
            return;
        }
        let path = at.path;
        if let Some(kind) = self.place(path) {
            self.note(Residue::new(path, None, kind, file.is_born_since()));
        }
        match kind(stat) {
            SFlag::S_IFREG => self.regular(&file),
            SFlag::S_IFLNK if path.ends_with(".git") => self.git_directory_elsewhere(&at),
            // Git follows none in a repository's own files.
            SFlag::S_IFLNK if self.is_git_config(&at) && !is_content(path) => {
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
        let (at, path, mode) = (&file.at, file.at.path, file.stat.st_mode);
        let is_alone = file.is_alone();
        let is_executable = mode & 0o111 != 0;
        let by_group = mode & libc::S_ISGID != 0 && mode & libc::S_IXGRP != 0;
        if mode & libc::S_ISUID != 0 || by_group {
            self.note(Residue::new(path, None, Kind::SetId, false));
        }
        if is_executable && attribute::has(path, CAPABILITY).unwrap_or(false) {
            self.note(Residue::new(path, None, Kind::FileCapability, false));
        }
        if is_executable && file.is_hook() {
            self.note(Residue::new(path, None, Kind::GitHook, false));
        }
        if path.ends_with(".git") {
            self.git_directory_elsewhere(at);
        } else if self.is_git_config(at) {
            self.git_config(at, is_alone, INCLUDES);
        } else if artefact::is_one(path) {
            match read(at) {
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

    fn git_config(&mut self, at: &At<'_>, is_alone: bool, includes: u8) {
        let path = at.path;
        let Some(bytes) = read(at) else {
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
    fn is_git_config(&self, at: &At<'_>) -> bool {
        let path = at.path;
        let in_home = |home: &PathBuf| {
            let below = path.strip_prefix(home);
            below.is_ok_and(|below| GIT_IN_HOME.iter().any(|name| below == Path::new(name)))
        };
        // Beside a `HEAD` it is a repository's, bare or not.
        let in_repository = || path.ends_with("config") && at.has("HEAD");
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
    fn git_directory_elsewhere(&mut self, at: &At<'_>) {
        let above = at.path.parent().unwrap_or(Path::new("/"));
        let target = if let Ok(target) = readlinkat(at.directory, at.name) {
            target.into()
        } else {
            let Some(bytes) = read(at) else {
                return self.note(Residue::new(at.path, None, Kind::Unreadable, false));
            };
            // Anything else is nothing to Git.
            let Some(named) = bytes.strip_prefix(b"gitdir:") else {
                return;
            };
            PathBuf::from(std::ffi::OsStr::from_bytes(named.trim_ascii()))
        };
        let directory = above.join(target);
        let shared = read(&At::path(&directory.join("commondir"))).map(|bytes| {
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
        let stat = match lstat(&path) {
            Ok(stat) => stat,
            Err(Errno::ENOENT | Errno::ENOTDIR) => return,
            Err(_) => return self.note(Residue::new(&path, None, Kind::Unreadable, false)),
        };
        let file = File {
            at: At::path(&path),
            stat: &stat,
            mark,
        };
        match kind(&stat) {
            SFlag::S_IFREG if file.is_new() => {
                self.git_config(&file.at, file.is_alone(), includes);
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
        if let Some(progress) = &mut self.progress {
            progress.at(self.found.seen);
        }
    }

    fn note(&mut self, residue: Residue) {
        if self.found.residues.contains(&residue) {
            return;
        }
        if self.found.residues.len() >= NAMED && self.judged < NAMED {
            // Those of others must not take the place of setup's.
            blame::acquit(&mut self.found.residues, self.judged, self.places.setup);
            self.judged = self.found.residues.len();
        }
        if self.found.residues.len() < NAMED {
            self.found.residues.push(residue);
        } else {
            self.found.more = self.found.more.saturating_add(1);
        }
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

fn mount_of(path: &Path) -> Option<Mount> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Mount::of(open(path, flags, Mode::empty()).ok()?).ok()
}

fn is_absence(error: &io::Error) -> bool {
    [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind())
}
