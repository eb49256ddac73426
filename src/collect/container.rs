//! The container's variables, and which of them main may see.
//!
//! In: our own environment, the policy's `inherit`, the withheld values. Out:
//! the harmless ones for main, and the names of the others.
//!
//! **Never:** a variable that gives a withheld value away.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::credentials;
use super::fault::CollectFault;
use super::source::reference_form;
use super::vault::Vault;
use crate::environment::Environment;
use crate::policy::{InheritRule, Policy, RunRules};

/// The environment that the container runtime gave us.
#[derive(Default)]
pub struct Container {
    variables: Vec<(OsString, OsString)>,
}

impl Container {
    /// Takes a copy of our own environment.
    #[must_use]
    pub fn from_own() -> Self {
        Self::new(std::env::vars_os().collect())
    }

    /// Takes the variables as they are.
    #[must_use]
    pub fn new(variables: Vec<(OsString, OsString)>) -> Self {
        Self { variables }
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_os_str())
    }

    /// Every `VAR_FILE` that holds an absolute path, as `VAR` and the path.
    pub fn named_files(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.variables.iter().filter_map(|(name, value)| {
            let variable = name.to_str()?.strip_suffix("_FILE")?;
            let path = Path::new(value);
            path.is_absolute().then_some((variable, path))
        })
    }

    /// All variables, for a start without any secret.
    #[must_use]
    pub fn as_environment(&self) -> Environment {
        let mut environment = Environment::default();
        for (name, value) in &self.variables {
            environment.set(name, value);
        }
        environment
    }

    /// References in variables that nobody has resolved: a program would take
    /// them for the value itself.
    #[must_use]
    pub fn unresolved(&self) -> Vec<CollectFault> {
        let form_of = |value: &OsString| reference_form(value.to_str()?);
        self.variables
            .iter()
            .filter_map(|(name, value)| {
                let variable = name.to_string_lossy().into_owned();
                Some(CollectFault::Unresolved {
                    variable,
                    form: form_of(value)?,
                })
            })
            .collect()
    }
}

/// The rules by which a container variable reaches main.
pub struct Passing<'a> {
    /// What `run` says.
    pub rules: &'a RunRules,
    /// The policy; without one every harmless variable passes.
    pub policy: Option<&'a Policy>,
    /// The secrets, of which those never released are withheld.
    pub vault: &'a Vault,
}

enum Verdict {
    Pass,
    NotInherited,
    Removed,
    Contradiction(String),
}

impl Passing<'_> {
    /// Adds what may pass, and returns the names of what was taken out although
    /// the rules would have let a harmless variable of that name pass.
    pub fn pass(
        &self,
        container: &Container,
        environment: &mut Environment,
        faults: &mut Vec<CollectFault>,
    ) -> Vec<String> {
        let mut removed = Vec::new();
        for (name, value) in &container.variables {
            // What a secret or a file delivery has set is main's already.
            if environment.has(name) {
                continue;
            }
            match self.judge(name, value) {
                Verdict::Pass => environment.set(name, value),
                Verdict::NotInherited => {}
                Verdict::Removed => removed.push(name.to_string_lossy().into_owned()),
                Verdict::Contradiction(secret) => faults.push(CollectFault::InheritedSecret {
                    variable: name.to_string_lossy().into_owned(),
                    secret,
                    asked: self.policy.map_or_else(String::new, |policy| {
                        format!("{} at /run/inherit", policy.file.display())
                    }),
                }),
            }
        }
        removed
    }

    fn judge(&self, name: &OsStr, value: &OsStr) -> Verdict {
        let text = name.to_string_lossy();
        let exact = self.rules.inherit.as_ref().is_some_and(|rules| {
            rules
                .iter()
                .any(|rule| matches!(rule, InheritRule::Name(exact) if exact.as_str() == text))
        });
        if let Some(secret) = self.vault.withheld_in(value.as_bytes()) {
            return if exact {
                Verdict::Contradiction(secret.to_owned())
            } else {
                Verdict::Removed
            };
        }
        if self.policy.is_none() || exact {
            return if self.vault.sources.contains(text.as_ref()) {
                Verdict::Removed
            } else {
                Verdict::Pass
            };
        }
        let listed = self.rules.inherit.as_ref().is_none_or(|rules| {
            rules
                .iter()
                .any(|rule| matches!(rule, InheritRule::Prefix(start) if text.starts_with(start)))
        });
        if !listed {
            Verdict::NotInherited
        } else if self.vault.sources.contains(text.as_ref())
            || credentials::looks_like_one(&text, value)
        {
            Verdict::Removed
        } else {
            Verdict::Pass
        }
    }
}

#[cfg(test)]
mod tests;
