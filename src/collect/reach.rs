//! What main may reach of the mounted secrets, and what it must not.
//!
//! In: the vault after every rule was carried out. Out: paths, and marks by
//! which a withheld value is known. The confinement hides the one and keeps the
//! other; the proof tries both.
//!
//! **Never:** a value.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::directory::Scopes;
use super::vault::Vault;
use crate::names::SecretName;
use crate::redact::fingerprint::Fingerprints;
use crate::secret::Secret;

/// Who could prepare the next start, in a line about main.
pub const BY_MAIN: &str = "it";
/// The same for a setup that runs in this one.
pub const BY_SETUP: &str = "setup";

/// Paths and marks for one process.
#[derive(Default)]
pub struct Reach {
    /// The secret directories: whatever lies below, later files too, is shut.
    pub directories: Vec<PathBuf>,
    /// Files that must be out of reach.
    pub withheld: Vec<PathBuf>,
    /// Files that stay readable at their own path.
    pub permitted: Vec<PathBuf>,
    /// Values that must not be found anywhere.
    pub marks: Fingerprints,
    /// Whether anything is withheld at all, be it by file or variable.
    pub withholds: bool,
    /// Whether main, or a setup that runs in this start, can as root on a writable
    /// file system prepare what the next start trusts.
    pub this_start_only: bool,
    /// Which of them, in a line about main.
    pub prepared_by: &'static str,
    /// This program, if main could put another in its place.
    pub program: Option<OwnProgram>,
}

/// This program as a file, which a health check and `vestibule exec` run beside main.
pub struct OwnProgram {
    /// The paths by which it was started.
    pub paths: Vec<PathBuf>,
    /// Whether it is executed as long as main lives, so that nobody can write to it.
    pub stays: bool,
}

impl Reach {
    /// What the vault says once every rule was carried out.
    #[must_use]
    pub fn of(vault: &Vault, scopes: &Scopes) -> Self {
        let mut marks = Fingerprints::default();
        marks.add(&mut vault.dropped_values());
        let withheld = vault.withheld_files();
        let withheld = withheld.iter().copied();
        Self {
            directories: scopes.searched.clone(),
            withheld: withheld.map(Path::to_path_buf).collect(),
            permitted: vault.readable_files().map(Path::to_path_buf).collect(),
            marks,
            withholds: vault.withheld_names().next().is_some(),
            ..Self::default()
        }
    }

    /// A container variable that main does not get: other processes may show it.
    pub fn withhold_variable(&mut self, name: &str, value: &OsStr) {
        let value = Secret::concat(&[value.as_encoded_bytes()]);
        self.marks.add(&mut std::iter::once((name, &value)));
        self.withholds = true;
    }

    /// What a command of setup must not reach: every file, and every value but
    /// those that it is given.
    #[must_use]
    pub fn of_command(vault: &Vault, scopes: &Scopes, given: &[&SecretName]) -> Self {
        let mut marks = Fingerprints::default();
        let is_given = |name: &str| given.iter().any(|given| given.as_str() == name);
        marks.add(&mut vault.values().filter(|(name, _)| !is_given(name)));
        Self {
            directories: scopes.searched.clone(),
            withheld: vault.files().map(Path::to_path_buf).collect(),
            permitted: vault.public_files().map(Path::to_path_buf).collect(),
            marks,
            withholds: true,
            ..Self::default()
        }
    }

    /// What a program must not reach that has no secret at all.
    #[must_use]
    pub fn without_secrets(directories: &[PathBuf], files: &[PathBuf]) -> Self {
        Self {
            directories: directories.to_vec(),
            withheld: files.to_vec(),
            withholds: true,
            ..Self::default()
        }
    }

    /// What to allow below the secret directories: a directory as a whole where
    /// nothing in it is withheld, since a rule on a file is lost when Kubernetes
    /// swaps `..data`; else each permitted file.
    #[must_use]
    pub fn allowed(&self) -> Vec<&Path> {
        let mut allowed = Vec::new();
        let mut judged: Vec<(&Path, bool)> = Vec::new();
        for file in &self.permitted {
            let parent = file.parent().unwrap_or(file);
            let known = judged.iter().find(|(directory, _)| *directory == parent);
            let is_whole = if let Some((_, is_whole)) = known {
                *is_whole
            } else {
                let is_whole = !self.withheld.iter().any(|path| path.starts_with(parent));
                judged.push((parent, is_whole));
                if is_whole {
                    allowed.push(parent);
                }
                is_whole
            };
            if !is_whole {
                allowed.push(file);
            }
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::Reach;
    use std::path::{Path, PathBuf};

    fn reach(withheld: &[&str], permitted: &[&str]) -> Reach {
        Reach {
            withheld: withheld.iter().map(PathBuf::from).collect(),
            permitted: permitted.iter().map(PathBuf::from).collect(),
            ..Reach::default()
        }
    }

    #[test]
    fn a_directory_without_a_withheld_file_is_allowed_as_a_whole() {
        let reach = reach(&["/s/b/x"], &["/s/a/1", "/s/a/2"]);
        assert_eq!(reach.allowed(), [Path::new("/s/a")]);
    }

    #[test]
    fn beside_a_withheld_file_each_permitted_one_is_allowed() {
        let reach = reach(&["/s/x"], &["/s/1", "/s/a/2", "/s/a/3"]);
        assert_eq!(reach.allowed(), [Path::new("/s/1"), Path::new("/s/a")]);
    }
}
