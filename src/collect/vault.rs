//! All secrets of a start, by name, and which of them were handed out.
//!
//! In: what `declared` and `mounted` read. Out: a value for each delivery; what
//! was never released is withheld.
//!
//! **Never:** a value that leaves without being noted as released; one secret
//! in another's place because they share a name.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::names::{SecretName, VariableName};
use crate::secret::Secret;
use crate::sorted::{Map, Set};

/// A secret that a rule can refer to.
pub struct Held {
    /// The value.
    pub value: Secret,
    /// The file it came from.
    pub path: Option<PathBuf>,
    /// The container variable it came from.
    pub variable: Option<VariableName>,
    /// Whether the file holds this value and nothing else.
    pub is_whole_file: bool,
    released: bool,
}

/// A file below a secret directory that no rule can refer to: withheld.
pub struct Unlisted {
    /// Its name, or its whole path where the name is taken.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its value, if it has a usable one: nobody asked for it.
    pub value: Option<Secret>,
    /// Why nothing refers to it.
    pub reason: Reason,
}

/// Something that main does not get.
pub struct Withheld<'a> {
    /// The secret, or the file.
    pub name: Cow<'a, str>,
    /// Its file, if it has one.
    pub path: Option<&'a Path>,
    /// Why.
    pub reason: Reason,
}

/// Why a file is withheld without having been asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No rule names it.
    NotAsked,
    /// It holds more values than the secrets that come from it.
    HoldsMore,
    /// By convention: a Git credential, which is for setup.
    Git,
    /// By convention: its name is no variable's.
    NoVariable,
    /// Nothing secret is in it: it is not withheld, and stays readable.
    Public,
}

impl Reason {
    /// The reason in words, and in one word.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::HoldsMore => ("its file holds more than main gets", "holds-more"),
            Self::Git => ("Git credentials are for setup", "git"),
            Self::NoVariable => ("no variable can be called so", "no-variable"),
            Self::NotAsked | Self::Public => ("no rule gives it to main", "not-asked"),
        }
    }
}

/// The secrets by name.
#[derive(Default)]
pub struct Vault {
    held: Map<SecretName, Held>,
    unlisted: Vec<Unlisted>,
    /// Names and paths that `unlisted` has.
    taken: Set<String>,
    /// The files of `held`, each with the first secret that came from it.
    paths: Map<PathBuf, SecretName>,
    /// Files with several values, and whether they hold more than the secrets
    /// of `held`.
    shared: Map<PathBuf, bool>,
    /// Secrets that are absent and may be.
    absent: Set<SecretName>,
    /// Files that main gets as a whole.
    released: Set<PathBuf>,
    /// Container variables that were sources.
    pub sources: Set<String>,
    /// By convention: variables that `VAR_FILE` names a secret for.
    pub named: Map<SecretName, Vec<VariableName>>,
}

impl Vault {
    /// Whether there is no secret at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.unlisted.is_empty()
    }

    /// Every secret that a rule can refer to.
    pub fn all(&self) -> impl Iterator<Item = (&SecretName, &Held)> {
        self.held.iter()
    }

    /// Every file that none can refer to.
    #[must_use]
    pub fn unlisted(&self) -> &[Unlisted] {
        &self.unlisted
    }

    /// Every value with its name, permitted or not.
    pub fn values(&self) -> impl Iterator<Item = (&str, &Secret)> {
        let held = self.all().map(|(name, held)| (name.as_str(), &held.value));
        held.chain(self.unlisted_values())
    }

    fn unlisted_values(&self) -> impl Iterator<Item = (&str, &Secret)> {
        let files = self.unlisted.iter();
        files.filter_map(|file| Some((file.name.as_str(), file.value.as_ref()?)))
    }

    /// A secret by name, for somebody who is not main.
    #[must_use]
    pub fn get(&self, name: &SecretName) -> Option<&Held> {
        self.held.get(name)
    }

    /// Whether there is a secret of that name.
    #[must_use]
    pub fn has(&self, name: &SecretName) -> bool {
        self.held.contains_key(name)
    }

    /// The secret that came from this file.
    #[must_use]
    pub fn from_file(&self, path: &Path) -> Option<&SecretName> {
        self.paths.get(path)
    }

    /// Whether a secret is absent, which its policy allows.
    #[must_use]
    pub fn may_be_absent(&self, name: &SecretName) -> bool {
        self.absent.contains(name)
    }

    /// Hands a secret out for delivery.
    pub fn release(&mut self, name: &SecretName) -> Option<&Held> {
        let held = self.held.get_mut(name)?;
        held.released = true;
        if let Some(path) = held.path.as_ref().filter(|_| held.is_whole_file) {
            self.released.insert(path.clone());
        }
        Some(held)
    }

    /// Names of everything that main does not get.
    pub fn withheld_names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.all_withheld().map(|withheld| withheld.name)
    }

    /// Everything that main does not get.
    pub fn all_withheld(&self) -> impl Iterator<Item = Withheld<'_>> {
        let held = self.withheld().map(|(name, held)| Withheld {
            name: name.as_str().into(),
            path: held.path.as_deref(),
            reason: Reason::NotAsked,
        });
        let partly = self.files_with_more().filter_map(|path| {
            Some(Withheld {
                name: path.file_name()?.to_string_lossy(),
                path: Some(path),
                reason: Reason::HoldsMore,
            })
        });
        let unlisted = self.secret_unlisted().map(|file| Withheld {
            name: file.name.as_str().into(),
            path: Some(&file.path),
            reason: file.reason,
        });
        held.chain(partly).chain(unlisted)
    }

    /// Files of which main does not get everything, each once.
    #[must_use]
    pub fn withheld_files(&self) -> Set<&Path> {
        let held = self.withheld().filter_map(|(_, held)| held.path.as_deref());
        let unlisted = self.secret_unlisted().map(|file| file.path.as_path());
        let held = held.filter(|path| !self.released.contains(*path));
        held.chain(self.files_with_more()).chain(unlisted).collect()
    }

    /// Files with more values than the secrets of `held`.
    fn files_with_more(&self) -> impl Iterator<Item = &Path> {
        self.shared
            .iter()
            .filter(|(path, has_more)| **has_more && !self.released.contains(*path))
            .map(|(path, _)| path.as_path())
    }

    /// Files that main may read where they are: those that it gets as a whole,
    /// and those that hold no secret.
    pub fn readable_files(&self) -> impl Iterator<Item = &Path> {
        let released = self.released.iter().map(PathBuf::as_path);
        released.chain(self.public_files())
    }

    /// Files that main gets something from, or may read where they are.
    pub fn given_files(&self) -> impl Iterator<Item = &Path> {
        let released = self.all().filter(|(_, held)| held.released);
        let sources = released.filter_map(|(_, held)| held.path.as_deref());
        sources.chain(self.readable_files())
    }

    /// Files below the secret directories that hold no secret.
    pub fn public_files(&self) -> impl Iterator<Item = &Path> {
        let files = self.unlisted.iter();
        let public = files.filter(|file| file.reason == Reason::Public);
        public.map(|file| file.path.as_path())
    }

    /// Every file that a value came from, or might have.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let held = self.paths.keys().map(PathBuf::as_path);
        held.chain(self.secret_unlisted().map(|file| file.path.as_path()))
    }

    fn secret_unlisted(&self) -> impl Iterator<Item = &Unlisted> {
        let files = self.unlisted.iter();
        files.filter(|file| file.reason != Reason::Public)
    }

    /// The withheld secret whose value `text` gives away.
    #[must_use]
    pub fn withheld_in(&self, text: &[u8]) -> Option<&str> {
        self.withheld_values()
            .find(|(_, value)| value.occurs_in(text) && !self.is_given(value))
            .map(|(name, _)| name)
    }

    /// Withheld values by name. A value that main gets under another name is
    /// given, not withheld.
    pub fn dropped_values(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.withheld_values()
            .filter(|(_, value)| !self.is_given(value))
    }

    fn withheld_values(&self) -> impl Iterator<Item = (&str, &Secret)> {
        let held = self
            .withheld()
            .map(|(name, held)| (name.as_str(), &held.value));
        held.chain(self.unlisted_values())
    }

    fn withheld(&self) -> impl Iterator<Item = (&SecretName, &Held)> {
        // Who gets a whole file has everything that came from it.
        let is_in_main_s_file = |held: &Held| {
            let path = held.path.as_ref();
            path.is_some_and(|path| self.released.contains(path))
        };
        self.all()
            .filter(move |(_, held)| !held.released && !is_in_main_s_file(held))
    }

    fn is_given(&self, value: &Secret) -> bool {
        self.held
            .values()
            .any(|held| held.released && held.value.is_copy_of(value))
    }

    /// Takes a secret that is a whole file.
    pub(super) fn hold_file(&mut self, name: SecretName, value: Secret, path: PathBuf) {
        self.hold(name, value, Some(path), None, true);
    }

    /// Takes a secret that is part of a file.
    pub(super) fn hold_part(&mut self, name: SecretName, value: Secret, path: PathBuf) {
        self.hold(name, value, Some(path), None, false);
    }

    /// Takes a secret that a container variable holds.
    pub(super) fn hold_variable(&mut self, name: SecretName, value: Secret, from: VariableName) {
        self.hold(name, value, None, Some(from), false);
    }

    fn hold(
        &mut self,
        name: SecretName,
        value: Secret,
        path: Option<PathBuf>,
        variable: Option<VariableName>,
        is_whole_file: bool,
    ) {
        if let Some(path) = &path {
            self.paths.insert_if_new(path.clone(), || name.clone());
        }
        let held = Held {
            value,
            path,
            variable,
            is_whole_file,
            released: false,
        };
        self.held.insert(name, held);
    }

    /// Notes a file with several values.
    pub(super) fn share(&mut self, path: PathBuf, has_more: bool) {
        self.shared.insert(path, has_more);
    }

    /// Notes that a secret is absent, as it may be.
    pub(super) fn do_without(&mut self, name: SecretName) {
        self.absent.insert(name);
    }

    /// Takes a file that no rule can refer to.
    pub(super) fn withhold(
        &mut self,
        name: String,
        path: PathBuf,
        value: Option<Secret>,
        reason: Reason,
    ) {
        let is_taken = self.taken.contains(&name)
            || SecretName::parse(&name).is_ok_and(|name| self.held.contains_key(&name));
        let name = if is_taken {
            path.to_string_lossy().into_owned()
        } else {
            name
        };
        self.taken.insert(name.clone());
        self.unlisted.push(Unlisted {
            name,
            path,
            value,
            reason,
        });
    }
}

#[cfg(test)]
mod tests;
