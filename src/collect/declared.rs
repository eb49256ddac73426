//! The secrets that a policy names or refers to, read from their sources.
//!
//! In: the policy, the secret directories, the container's variables. Out: a
//! filled vault, and every secret that is missing or unusable.
//!
//! **Never:** a file read twice: one with several values is read once for all
//! of them.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::container::Container;
use super::directory::{Found, Located, Scopes, read_path};
use super::fault::{CollectFault, asked_by};
use super::file::judge;
use super::mounted::{Newline, checked, finished, missing, unusable};
use super::source::{Format, Parts, SourceProblem};
use super::vault::Vault;
use crate::names::{SecretName, SecretPath, VariableName};
use crate::policy::{Policy, SecretRule, SetupRules, Source};
use crate::secret::Secret;
use crate::sorted::{Map, Set};

/// Reads what a policy names or refers to.
pub(super) struct Declared<'a> {
    policy: &'a Policy,
    scopes: &'a Scopes,
    container: &'a Container,
    /// The secrets that `run` needs, each with the first entry that asks.
    needed: Map<&'a SecretName, String>,
    vault: &'a mut Vault,
    faults: Vec<CollectFault>,
}

/// Secrets with their keys in one file.
type Keys<'a> = Vec<(&'a SecretName, &'a SecretRule, &'a str)>;

impl<'a> Declared<'a> {
    /// Prepares to fill `vault`.
    pub(super) fn new(
        policy: &'a Policy,
        setup: Option<&'a SetupRules>,
        scopes: &'a Scopes,
        container: &'a Container,
        vault: &'a mut Vault,
    ) -> Self {
        Self {
            policy,
            scopes,
            container,
            needed: references(policy, setup),
            vault,
            faults: Vec::new(),
        }
    }

    /// Reads all of it.
    pub(super) fn read(mut self) -> Vec<CollectFault> {
        let mut shared: Map<(&SecretName, Format), Keys<'a>> = Map::default();
        for (name, rule) in self.policy.secrets.iter() {
            let newline = Newline::of(rule.raw);
            let read = match &rule.source {
                Source::File(file) => self.read_file(name, file, newline),
                Source::Variable(variable) => self.read_variable(name, variable, newline),
                Source::Dotenv(file, key) => {
                    shared.push((file, Format::Dotenv), (name, rule, key.as_str()));
                    continue;
                }
                Source::Json(file, pointer) => {
                    shared.push((file, Format::Json), (name, rule, pointer.as_str()));
                    continue;
                }
                // Programs run in setup, as its user.
                Source::Command(_) => continue,
            };
            self.settle(name, rule.optional, read);
        }
        for ((file, format), keys) in shared {
            self.read_parts(file, format, &keys);
        }
        let undeclared: Vec<&SecretName> = self
            .needed
            .keys()
            .copied()
            .filter(|name| !self.policy.secrets.contains_key(*name))
            .collect();
        for name in undeclared {
            let read = self.read_file(name, &name.into(), Newline::Cut);
            self.settle(name, false, read);
        }
        self.faults
    }

    /// Who asks for a secret: the first entry of `run`, or its own.
    fn by(&self, name: &SecretName) -> String {
        let own = || {
            let rule = self.policy.secrets.get(name);
            rule.map_or_else(String::new, |rule| asked_by(self.policy, &rule.place))
        };
        self.needed.get(name).cloned().unwrap_or_else(own)
    }

    fn settle(&mut self, name: &SecretName, optional: bool, read: Result<(), CollectFault>) {
        match read {
            Ok(()) => {}
            Err(fault) if fault.is_absence() && optional => {
                self.vault.do_without(name.clone());
            }
            Err(fault) if fault.is_absence() && !self.needed.contains_key(name) => {}
            Err(fault) => self.faults.push(fault),
        }
    }

    fn read_file(
        &mut self,
        name: &SecretName,
        file: &SecretPath,
        newline: Newline,
    ) -> Result<(), CollectFault> {
        let by = self.by(name);
        let found = self.scopes.find_below(file);
        let connections = || self.policy.connections.keys().cloned().collect();
        let found = found.ok_or_else(|| missing(file, self.scopes, connections(), &by))?;
        let value = checked(&found, &by, newline)?;
        self.vault.hold_file(name.clone(), value, found.path);
        Ok(())
    }

    /// Takes several values out of one file.
    fn read_parts(&mut self, file: &SecretName, format: Format, keys: &Keys<'a>) {
        let by = keys.first().map(|(first, ..)| self.by(first));
        let by = by.unwrap_or_default();
        let Some(found) = self.scopes.find(file) else {
            for (name, rule, _) in keys {
                let by = self.by(name);
                let fault = missing(&file.into(), self.scopes, Vec::new(), &by);
                self.settle(name, rule.optional, Err(fault));
            }
            return;
        };
        let wanted = keys.iter().map(|(.., key)| *key).collect();
        let parts = match parts_of(&found, format, &wanted, &by) {
            Ok(parts) => parts,
            Err(fault) => return self.faults.push(fault),
        };
        for (name, rule, key) in keys {
            let read = match parts.get(key) {
                Ok(value) => {
                    let path = found.path.clone();
                    self.vault.hold_part((*name).clone(), value, path);
                    Ok(())
                }
                Err(problem) => Err(not_in(&found, problem, self.by(name))),
            };
            self.settle(name, rule.optional, read);
        }
        self.vault.share(found.path.clone(), parts.has_more);
    }

    fn read_variable(
        &mut self,
        name: &SecretName,
        variable: &VariableName,
        newline: Newline,
    ) -> Result<(), CollectFault> {
        let file_variable = format!("{}_FILE", variable.as_str());
        let value = self.container.filled(variable.as_str());
        let path = self.container.filled(&file_variable);
        self.vault.sources.insert(variable.as_str().to_owned());
        self.vault.sources.insert(file_variable.clone());
        match (value, path) {
            (Some(_), Some(_)) => Err(CollectFault::VariableTwice {
                variable: variable.as_str().to_owned(),
            }),
            (None, Some(path)) => self.read_named(name, path, file_variable, newline),
            (None, None) => Err(CollectFault::VariableMissing {
                variable: variable.clone(),
                asked: self.by(name),
            }),
            (Some(value), None) => {
                let secret = Secret::concat(&[value.as_encoded_bytes()]);
                #[expect(clippy::disallowed_methods, reason = "a blank value is refused")]
                judge(secret.expose()).map_err(|problem| CollectFault::VariableUnusable {
                    variable: variable.clone(),
                    problem,
                    asked: self.by(name),
                })?;
                self.vault
                    .hold_variable(name.clone(), secret, variable.clone());
                Ok(())
            }
        }
    }

    /// The file that a `VAR_FILE` names, wherever it lies.
    fn read_named(
        &mut self,
        name: &SecretName,
        path: &OsStr,
        variable: String,
        newline: Newline,
    ) -> Result<(), CollectFault> {
        let path = PathBuf::from(path);
        if !path.is_absolute() {
            return Err(CollectFault::PathNotAbsolute { variable });
        }
        let by = format!("the container variable `{variable}`");
        let (value, path) = match self.scopes.locate(&path) {
            Located::Top(found) | Located::Nested(found) => {
                (checked(&found, &by, newline)?, found.path)
            }
            Located::Outside | Located::Unmounted => {
                let value = read_path(&path)
                    .and_then(|value| finished(value, newline).map_err(|problem| (problem, None)))
                    .map_err(|(problem, ownership)| CollectFault::File {
                        path: path.clone(),
                        problem,
                        ownership,
                        asked: by,
                    })?;
                (value, path)
            }
        };
        self.vault.hold_file(name.clone(), value, path);
        Ok(())
    }
}

fn parts_of(
    found: &Found<'_>,
    format: Format,
    wanted: &Set<&str>,
    by: &str,
) -> Result<Parts, CollectFault> {
    let whole = found.read();
    let whole = whole.map_err(|problem| unusable(found, problem, by))?;
    #[expect(
        clippy::disallowed_methods,
        reason = "entries are cut out of the file's bytes"
    )]
    let parts = format.parts(whole.expose(), wanted);
    parts.map_err(|problem| not_in(found, problem, by.to_owned()))
}

fn not_in(found: &Found<'_>, problem: SourceProblem, asked: String) -> CollectFault {
    CollectFault::Source {
        path: found.path.clone(),
        problem,
        ownership: found.ownership(),
        asked,
    }
}

/// The secrets that `run` needs, each with the first entry that asks for it.
fn references<'a>(
    policy: &'a Policy,
    setup: Option<&'a SetupRules>,
) -> Map<&'a SecretName, String> {
    let mut asked = Map::default();
    for delivery in policy.run.env.iter().chain(&policy.run.files) {
        if let Some(name) = delivery.reference.secret(&policy.connections) {
            asked.insert_if_new(name, || asked_by(policy, &delivery.place));
        }
    }
    let of_setup = setup.map(|setup| setup.secrets(&policy.connections));
    for (name, place) in of_setup.unwrap_or_default() {
        asked.insert_if_new(name, || asked_by(policy, place));
    }
    asked
}

#[cfg(test)]
mod tests;
