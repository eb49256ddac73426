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
use super::wording::shown_path;
use crate::environment::Environment;
use crate::names::VariableName;
use crate::policy::{InheritRule, Policy, RunRules};
use crate::report::quote;
use crate::sorted::Set;

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

    /// The value of a variable that is not empty.
    #[must_use]
    pub fn filled(&self, name: &str) -> Option<&OsStr> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Every `VAR_FILE` that holds an absolute path, as `VAR` and the path.
    pub fn named_files(&self) -> impl Iterator<Item = (VariableName, &Path)> {
        self.variables.iter().filter_map(|(name, value)| {
            let variable = name.to_str()?.strip_suffix("_FILE")?;
            let variable = VariableName::parse(variable).ok()?;
            let path = Path::new(value);
            path.is_absolute().then_some((variable, path))
        })
    }

    /// All variables, for a start without any secret.
    #[must_use]
    pub fn as_environment(&self) -> Environment {
        let mut environment = Environment::default();
        for (name, value) in &self.variables {
            // As getenv(3) has it: the first of two counts.
            if !environment.has(name) {
                environment.set(name, value);
            }
        }
        environment
    }

    /// References in variables that nobody has resolved: a program would take
    /// them for the value itself. Those in `sources` have been judged already.
    #[must_use]
    pub fn unresolved(&self, sources: &Set<String>) -> Vec<CollectFault> {
        let unresolved = self.variables.iter().filter_map(|(name, value)| {
            let form = reference_form(value.to_str()?)?;
            let variable = name.to_string_lossy().into_owned();
            (!sources.contains(&variable)).then_some(CollectFault::Unresolved { variable, form })
        });
        unresolved.collect()
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

/// What `inherit` says of a variable.
enum Inherited {
    ByName,
    /// By a pattern, or because there is no list.
    ByRule,
    No,
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
        let mut removed: Vec<String> = Vec::new();
        for (name, value) in &container.variables {
            // What a secret or a file delivery has set is main's already. Of two
            // of one name the first counts, also where it is taken out.
            let shown = name.to_string_lossy();
            if environment.has(name) || removed.iter().any(|removed| *removed == shown) {
                continue;
            }
            match self.judge(name, value) {
                Verdict::Pass => environment.set(name, value),
                Verdict::NotInherited => {}
                Verdict::Removed => removed.push(shown.into_owned()),
                Verdict::Contradiction(secret) => faults.push(CollectFault::InheritedSecret {
                    variable: shown.into_owned(),
                    secret,
                    asked: self.inherit_entry(name),
                }),
            }
        }
        removed
    }

    /// The list that is in effect may be a profile's, so the entry is named by
    /// what it says.
    fn inherit_entry(&self, name: &OsStr) -> String {
        let entry = quote(name.as_bytes());
        self.policy.map_or_else(String::new, |policy| {
            let file = shown_path(&policy.file);
            format!("{file} at the entry {entry} of `inherit`")
        })
    }

    fn judge(&self, name: &OsStr, value: &OsStr) -> Verdict {
        let text = name.to_string_lossy();
        let inherited = self.inherited(&text);
        if let Some(secret) = self.vault.withheld_in(value.as_bytes()) {
            return match inherited {
                Inherited::ByName => Verdict::Contradiction(secret.to_owned()),
                Inherited::ByRule => Verdict::Removed,
                Inherited::No => Verdict::NotInherited,
            };
        }
        let is_source = self.vault.sources.contains(text.as_ref());
        let is_doubtful =
            is_source || (self.policy.is_some() && credentials::looks_like_one(&text, value));
        match inherited {
            Inherited::No => Verdict::NotInherited,
            Inherited::ByRule if is_doubtful => Verdict::Removed,
            Inherited::ByRule | Inherited::ByName => Verdict::Pass,
        }
    }

    fn inherited(&self, variable: &str) -> Inherited {
        let Some(rules) = &self.rules.inherit else {
            return Inherited::ByRule;
        };
        let is_name = |rule: &InheritRule| matches!(rule, InheritRule::Name(name) if name.as_str() == variable);
        let is_prefix = |rule: &InheritRule| matches!(rule, InheritRule::Prefix(start) if variable.starts_with(start.as_str()));
        if rules.iter().any(is_name) {
            Inherited::ByName
        } else if rules.iter().any(is_prefix) {
            Inherited::ByRule
        } else {
            Inherited::No
        }
    }
}

#[cfg(test)]
mod tests;
