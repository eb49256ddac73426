//! All secrets of a start, by name, and which of them were handed out.
//!
//! In: the policy's sources and every file of the secret directories. Out: a
//! value for each delivery; what was never released is withheld.
//!
//! **Never:** a value that leaves without being noted as released.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::container::Container;
use super::directory::{Found, Scopes, read_path};
use super::fault::CollectFault;
use super::file::{FileProblem, judge};
use super::source;
use crate::names::{SecretName, VariableName};
use crate::policy::{Policy, Reference, SecretRule, Source};
use crate::secret::Secret;

/// One secret that is there.
pub struct Held {
    /// The value; `None` if nobody asked for it and it cannot be read.
    pub value: Option<Secret>,
    /// The file it came from.
    pub path: Option<PathBuf>,
    /// The container variable it came from.
    pub variable: Option<VariableName>,
    /// Whether the file holds this value and nothing else.
    pub is_whole_file: bool,
    released: bool,
}

/// The secrets by name.
#[derive(Default)]
pub struct Vault {
    held: BTreeMap<String, Held>,
    /// Secrets that are absent and may be.
    absent: BTreeSet<String>,
    /// Container variables that were sources, and so never pass.
    pub sources: BTreeSet<String>,
}

impl Vault {
    /// Whether there is no secret at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Every secret by name.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Held)> {
        self.held.iter().map(|(name, held)| (name.as_str(), held))
    }

    /// Secrets that were not released.
    pub fn withheld(&self) -> impl Iterator<Item = (&str, &Held)> {
        self.all().filter(|(_, held)| !held.released)
    }

    /// Whether a secret is absent, which its policy allows.
    #[must_use]
    pub fn may_be_absent(&self, name: &SecretName) -> bool {
        self.absent.contains(name.as_str())
    }

    /// Hands a secret out for delivery.
    pub fn release(&mut self, name: &SecretName) -> Option<&Held> {
        let held = self.held.get_mut(name.as_str())?;
        held.released = true;
        Some(held)
    }

    /// The secret whose value `text` gives away, if it was not released.
    #[must_use]
    pub fn withheld_in(&self, text: &[u8]) -> Option<&str> {
        let gives_away = |held: &Held| {
            held.value
                .as_ref()
                .is_some_and(|value| value.occurs_in(text))
        };
        self.withheld()
            .find(|(_, held)| gives_away(held))
            .map(|(name, _)| name)
    }

    fn hold(&mut self, name: &str, value: Option<Secret>, path: Option<PathBuf>) -> &mut Held {
        let held = Held {
            value,
            path,
            variable: None,
            is_whole_file: true,
            released: false,
        };
        self.held
            .entry(name.to_owned())
            .insert_entry(held)
            .into_mut()
    }

    /// Reads what a policy names or refers to, then everything else that lies
    /// in the directories, because it has to be withheld.
    pub fn fill_by_policy(
        &mut self,
        policy: &Policy,
        scopes: &Scopes,
        container: &Container,
    ) -> Vec<CollectFault> {
        let mut faults = Vec::new();
        let asked = references(policy);
        let file = policy.file.display();
        for (name, rule) in &policy.secrets {
            let needed = asked.get(name).filter(|_| !rule.optional);
            let by = needed.map_or_else(|| format!("{file} at {}", rule.place), Clone::clone);
            let read = self.read_source(name, rule, scopes, container, &by);
            self.settle(name, read, needed.is_some(), rule.optional, &mut faults);
        }
        for (name, by) in &asked {
            if !policy.secrets.contains_key(name) {
                let read = self.read_file(name, name, scopes, Newline::Cut, by);
                self.settle(name, read, true, false, &mut faults);
            }
        }
        match scopes.all() {
            Ok(found) => self.hold_the_rest(&found),
            Err(fault) => faults.push(fault),
        }
        faults
    }

    fn settle(
        &mut self,
        name: &SecretName,
        read: Result<(), CollectFault>,
        needed: bool,
        optional: bool,
        faults: &mut Vec<CollectFault>,
    ) {
        match read {
            Ok(()) => {}
            Err(fault) if is_absence(&fault) && !needed => {
                if optional {
                    self.absent.insert(name.as_str().to_owned());
                }
            }
            Err(fault) => faults.push(fault),
        }
    }

    fn hold_the_rest(&mut self, found: &[Found<'_>]) {
        let known: BTreeSet<PathBuf> = self
            .held
            .values()
            .filter_map(|held| held.path.clone())
            .collect();
        for file in found {
            let path = file.path();
            if known.contains(&path) {
                continue;
            }
            let name = file.name().to_string_lossy().into_owned();
            let value = file.read().ok().map(Secret::without_final_newline);
            self.hold(&name, value, Some(path));
        }
    }

    /// Reads every file: without a policy each one is asked for by its name.
    pub fn fill_by_convention(
        &mut self,
        scopes: &Scopes,
        container: &Container,
    ) -> Vec<CollectFault> {
        let found = match scopes.all() {
            Ok(found) => found,
            Err(fault) => return vec![fault],
        };
        let mut faults = Vec::new();
        for file in found {
            let name = file.name().to_string_lossy().into_owned();
            match checked(&file, "its name, by convention", Newline::Cut) {
                Ok(value) => {
                    self.hold(&name, Some(value), Some(file.path()));
                }
                // A directory of files, such as Kubernetes' service account, is
                // nobody's variable; it is withheld as a whole.
                Err(CollectFault::File {
                    problem: FileProblem::Directory,
                    path,
                    ..
                }) => {
                    self.hold(&name, None, Some(path));
                }
                Err(fault) => faults.push(fault),
            }
        }
        faults.extend(doubled(scopes, container));
        faults
    }

    fn read_source(
        &mut self,
        name: &SecretName,
        rule: &SecretRule,
        scopes: &Scopes,
        container: &Container,
        by: &str,
    ) -> Result<(), CollectFault> {
        let newline = if rule.raw {
            Newline::Kept
        } else {
            Newline::Cut
        };
        match &rule.source {
            Source::File(file) => self.read_file(name, file, scopes, newline, by),
            Source::Variable(variable) => {
                self.read_variable(name, variable, container, newline, by)
            }
            Source::Dotenv(file, key) => {
                self.read_part(name, file, scopes, by, |bytes| source::dotenv(bytes, key))
            }
            Source::Json(file, pointer) => {
                self.read_part(name, file, scopes, by, |bytes| source::json(bytes, pointer))
            }
        }
    }

    fn read_file(
        &mut self,
        name: &SecretName,
        file: &SecretName,
        scopes: &Scopes,
        newline: Newline,
        by: &str,
    ) -> Result<(), CollectFault> {
        let found = scopes
            .find(file.as_str().as_ref())
            .ok_or_else(|| missing(file, scopes, by))?;
        let value = checked(&found, by, newline)?;
        self.hold(name.as_str(), Some(value), Some(found.path()));
        Ok(())
    }

    fn read_part(
        &mut self,
        name: &SecretName,
        file: &SecretName,
        scopes: &Scopes,
        by: &str,
        extract: impl FnOnce(&[u8]) -> Result<Secret, source::SourceProblem>,
    ) -> Result<(), CollectFault> {
        let found = scopes
            .find(file.as_str().as_ref())
            .ok_or_else(|| missing(file, scopes, by))?;
        let whole = found
            .read()
            .map_err(|problem| unusable(&found, problem, by))?;
        #[expect(
            clippy::disallowed_methods,
            reason = "one entry is cut out of the file's bytes"
        )]
        let part = extract(whole.expose());
        let value = part.map_err(|problem| CollectFault::Source {
            path: found.path(),
            problem,
            asked: by.to_owned(),
        })?;
        self.hold(name.as_str(), Some(value), Some(found.path()))
            .is_whole_file = false;
        Ok(())
    }

    fn read_variable(
        &mut self,
        name: &SecretName,
        variable: &VariableName,
        container: &Container,
        newline: Newline,
        by: &str,
    ) -> Result<(), CollectFault> {
        let file_variable = format!("{}_FILE", variable.as_str());
        let value = container
            .get(variable.as_str())
            .filter(|value| !value.is_empty());
        let path = container
            .get(&file_variable)
            .filter(|path| !path.is_empty());
        self.sources.insert(variable.as_str().to_owned());
        let secret = match (value, path) {
            (Some(_), Some(_)) => {
                return Err(CollectFault::VariableTwice {
                    variable: variable.as_str().to_owned(),
                });
            }
            (Some(value), None) => Secret::concat(&[value.as_encoded_bytes()]),
            (None, Some(path)) => {
                self.sources.insert(file_variable.clone());
                return self.read_named(name, path, &file_variable, newline);
            }
            (None, None) => {
                return Err(CollectFault::VariableMissing {
                    variable: variable.clone(),
                    asked: by.to_owned(),
                });
            }
        };
        #[expect(clippy::disallowed_methods, reason = "a blank value is refused")]
        judge(secret.expose()).map_err(|problem| CollectFault::VariableUnusable {
            variable: variable.as_str().to_owned(),
            problem,
            asked: by.to_owned(),
        })?;
        self.hold(name.as_str(), Some(secret), None).variable = Some(variable.clone());
        Ok(())
    }

    /// The file that a `VAR_FILE` names, wherever it lies.
    fn read_named(
        &mut self,
        name: &SecretName,
        path: &std::ffi::OsStr,
        variable: &str,
        newline: Newline,
    ) -> Result<(), CollectFault> {
        let path = PathBuf::from(path);
        let by = format!("the container variable `{variable}`");
        if !path.is_absolute() {
            return Err(CollectFault::PathNotAbsolute {
                variable: variable.to_owned(),
            });
        }
        let value = read_path(&path)
            .and_then(|value| finished(value, newline))
            .map_err(|(problem, ownership)| CollectFault::File {
                path: path.clone(),
                problem,
                ownership,
                asked: by,
            })?;
        self.hold(name.as_str(), Some(value), Some(path));
        Ok(())
    }
}

/// `VAR` beside a `VAR_FILE` that names a secret: official images refuse that.
fn doubled(scopes: &Scopes, container: &Container) -> Vec<CollectFault> {
    container
        .named_files()
        .filter(|(variable, path)| {
            scopes.contain(path)
                && container
                    .get(variable)
                    .is_some_and(|value| !value.is_empty())
        })
        .map(|(variable, _)| CollectFault::VariableTwice {
            variable: variable.to_owned(),
        })
        .collect()
}

/// What becomes of the final newline.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Newline {
    Cut,
    Kept,
}

type Unusable = (FileProblem, Option<super::file::Ownership>);

fn finished(value: Secret, newline: Newline) -> Result<Secret, Unusable> {
    if newline == Newline::Kept {
        return Ok(value);
    }
    let value = value.without_final_newline();
    #[expect(
        clippy::disallowed_methods,
        reason = "an empty or blank value is refused"
    )]
    match judge(value.expose()) {
        Ok(()) => Ok(value),
        Err(problem) => Err((problem, None)),
    }
}

fn checked(found: &Found<'_>, by: &str, newline: Newline) -> Result<Secret, CollectFault> {
    let value = found
        .read()
        .map_err(|problem| unusable(found, problem, by))?;
    finished(value, newline).map_err(|(problem, _)| unusable(found, problem, by))
}

fn unusable(found: &Found<'_>, problem: FileProblem, by: &str) -> CollectFault {
    CollectFault::File {
        path: found.path(),
        problem,
        ownership: found.ownership(),
        asked: by.to_owned(),
    }
}

fn missing(name: &SecretName, scopes: &Scopes, by: &str) -> CollectFault {
    CollectFault::Missing {
        name: name.clone(),
        searched: scopes.searched.clone(),
        asked: by.to_owned(),
    }
}

fn is_absence(fault: &CollectFault) -> bool {
    matches!(
        fault,
        CollectFault::Missing { .. } | CollectFault::VariableMissing { .. }
    )
}

/// The secrets that `run` needs, each with the first entry that asks for it.
fn references(policy: &Policy) -> BTreeMap<SecretName, String> {
    let mut asked = BTreeMap::new();
    for delivery in policy.run.env.iter().chain(&policy.run.files) {
        let name = match &delivery.reference {
            Reference::Secret(name) => Some(name),
            Reference::Connection(name, part) => policy
                .connections
                .get(name)
                .filter(|rule| rule.connection.reveals(*part))
                .and_then(|rule| rule.connection.credential()),
        };
        if let Some(name) = name {
            asked
                .entry(name.clone())
                .or_insert_with(|| format!("{} at {}", policy.file.display(), delivery.place));
        }
    }
    asked
}
