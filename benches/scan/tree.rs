//! A tree of real files.
//!
//! In: this machine's `/usr`. Out: a copy of as many files as asked for, and then
//! what is packed: compressed files, archives and a Git repository.
//!
//! **Never:** a made-up file: text of one kind flatters one of the two.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SIZE: u64 = 4 << 20;
const PACKED: [&str; 9] = ["gz", "tgz", "xz", "zst", "bz2", "zip", "jar", "whl", "pack"];

/// Copies files that are not packed; says how much it is.
pub(crate) fn copy(to: &Path, count: usize) -> String {
    let mut found = Vec::new();
    for part in ["include", "share", "bin", "lib"] {
        list(&Path::new("/usr").join(part), false, &mut found);
    }
    // Every so many of all, so that the kinds are mixed as they are.
    let step = (found.len() / count).max(1);
    let chosen: Vec<PathBuf> = found.into_iter().step_by(step).take(count).collect();
    let bytes: u64 = chosen.iter().map(|path| place(path, to)).sum();
    format!("{} files, {} MB", chosen.len(), bytes / 1_000_000)
}

/// Adds 5,000 packed files and a repository of some commits.
pub(crate) fn add_packed(to: &Path) -> String {
    let mut found = Vec::new();
    list(Path::new("/usr"), true, &mut found);
    let chosen: Vec<PathBuf> = found.into_iter().take(5_000).collect();
    let bytes: u64 = chosen.iter().map(|path| place(path, to)).sum();
    let repository = to.join("repository");
    fs::create_dir(&repository).expect("a repository");
    let git = |words: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(&repository);
        command.args([
            "-c",
            "user.name=b",
            "-c",
            "user.email=b@b",
            "-c",
            "gc.auto=0",
        ]);
        let status = command.args(words).status().expect("git starts");
        assert!(status.success(), "git {words:?}");
    };
    git(&["init", "-q"]);
    let mut sources = Vec::new();
    list(Path::new("/usr/include"), false, &mut sources);
    for commit in 0..5 {
        for path in sources.iter().take(2_000) {
            let copy = repository.join(path.strip_prefix("/").expect("absolute"));
            place(path, &repository);
            let mut text = fs::read(&copy).expect("a copy");
            text.extend(format!("\n/* commit {commit} */\n").into_bytes());
            fs::write(copy, text).expect("a change");
        }
        git(&["add", "."]);
        git(&["commit", "-q", "-m", "change"]);
    }
    git(&["repack", "-a", "-d", "-q"]);
    format!(
        "{} packed files of {} MB; a repository of 5 commits over 2,000 files in one pack",
        chosen.len(),
        bytes / 1_000_000
    )
}

fn place(path: &Path, to: &Path) -> u64 {
    let copy = to.join(path.strip_prefix("/").expect("absolute"));
    fs::create_dir_all(copy.parent().expect("below the tree")).expect("directories");
    fs::copy(path, copy).unwrap_or(0)
}

fn list(directory: &Path, packed: bool, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let Ok(entry) = path.symlink_metadata() else {
            continue;
        };
        let extension = path.extension().and_then(|extension| extension.to_str());
        let is_packed = extension.is_some_and(|extension| PACKED.contains(&extension));
        if entry.is_dir() {
            list(&path, packed, found);
        } else if entry.is_file() && entry.len() <= SIZE && is_packed == packed {
            found.push(path);
        }
    }
}
