//! The container's variables, and which of them main may see.
//!
//! In: our own environment, the policy's `inherit`, the withheld values. Out:
//! the harmless ones for main, and the names of the others.
//!
//! **Never:** a variable that gives a withheld value away. A copy of a value that
//! is not wiped, the one that the kernel made included.

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
use crate::secret::Secret;
use crate::sorted::Set;
use crate::sys::memory;

/// The environment that the container runtime gave us.
#[derive(Default)]
pub struct Container {
    /// Each may hold a secret, whatever it is called.
    variables: Vec<(OsString, Secret)>,
}

impl Container {
    /// Takes our own environment: nothing else of this process can read a value
    /// there any more.
    #[must_use]
    pub fn take_own() -> Self {
        let own = Self::new(std::env::vars_os().collect());
        memory::wipe_variables();
        own
    }

    /// Takes the variables as they are.
    #[must_use]
    pub fn new(variables: Vec<(OsString, OsString)>) -> Self {
        let kept = |value: OsString| Secret::concat(&[value.as_bytes()]);
        let variables = variables.into_iter();
        Self {
            variables: variables.map(|(name, value)| (name, kept(value))).collect(),
        }
    }

    /// All of them, as they were given.
    pub fn all(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let all = self.variables.iter();
        all.map(|(name, value)| (name.as_os_str(), clear(value)))
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        let mut all = self.all();
        all.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The value of a variable that is not empty.
    #[must_use]
    pub fn filled(&self, name: &str) -> Option<&OsStr> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Every `VAR_FILE` that holds an absolute path, as `VAR` and the path.
    pub fn named_files(&self) -> impl Iterator<Item = (VariableName, &Path)> {
        self.all().filter_map(|(name, value)| {
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
        for (name, value) in self.all() {
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
        let unresolved = self.all().filter_map(|(name, value)| {
            let form = reference_form(value.to_str()?)?;
            let variable = name.to_string_lossy().into_owned();
            (!sources.contains(&variable)).then_some(CollectFault::Unresolved { variable, form })
        });
        unresolved.collect()
    }
}

fn clear(value: &Secret) -> &OsStr {
    #[expect(
        clippy::disallowed_methods,
        reason = "most are no secrets, and the rules look at each"
    )]
    OsStr::from_bytes(value.expose())
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

/// A variable that was taken out, and why.
pub type Removed = (String, &'static str);

/// What becomes of a container variable.
pub enum Verdict<'a> {
    /// Main gets it.
    Pass(Inherited),
    /// `inherit` does not have it.
    NotInherited,
    /// It is taken out although `inherit`, or the lack of it, would admit it.
    Removed(Removal<'a>),
    /// `inherit` names it, and it gives this withheld secret away.
    Contradiction(&'a str),
}

/// Why a variable is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal<'a> {
    /// It gives this withheld secret away.
    Holds(&'a str),
    /// A secret is taken from it.
    Source,
    /// It looks like a credential.
    Credential,
}

impl Removal<'_> {
    /// The reason in words, and in one word.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Holds(_) => ("it holds a withheld secret", "withheld-value"),
            Self::Source => ("a secret is taken from it", "source"),
            Self::Credential => (
                "it looks like a credential, and `inherit` does not name it",
                "credential",
            ),
        }
    }
}

/// What `inherit` says of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inherited {
    /// Its exact name is there.
    ByName,
    /// A pattern fits.
    ByPattern,
    /// There is no list.
    WithoutList,
    /// It is not there.
    No,
}

impl<'a> Passing<'a> {
    /// Adds what may pass, and returns what was taken out although
    /// the rules would have let a harmless variable of that name pass.
    pub fn pass(
        &self,
        container: &Container,
        environment: &mut Environment,
        faults: &mut Vec<CollectFault>,
    ) -> Vec<Removed> {
        let mut removed: Vec<Removed> = Vec::new();
        for (name, value) in container.all() {
            // What a secret or a file delivery has set is main's already. Of two
            // of one name the first counts, also where it is taken out.
            let shown = name.to_string_lossy();
            if environment.has(name) || removed.iter().any(|(removed, _)| *removed == shown) {
                continue;
            }
            match self.judge(name, value) {
                Verdict::Pass(_) => environment.set(name, value),
                Verdict::NotInherited => {}
                Verdict::Removed(why) => removed.push((shown.into_owned(), why.words().0)),
                Verdict::Contradiction(secret) => faults.push(CollectFault::InheritedSecret {
                    variable: shown.into_owned(),
                    secret: secret.to_owned(),
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

    /// What the rules say of one variable.
    #[must_use]
    pub fn judge(&self, name: &OsStr, value: &OsStr) -> Verdict<'a> {
        let text = name.to_string_lossy();
        let inherited = self.inherited(&text);
        if inherited == Inherited::No {
            return Verdict::NotInherited;
        }
        let is_named = inherited == Inherited::ByName;
        if let Some(secret) = self.vault.withheld_in(value.as_bytes()) {
            return if is_named {
                Verdict::Contradiction(secret)
            } else {
                Verdict::Removed(Removal::Holds(secret))
            };
        }
        let is_credential = || self.policy.is_some() && credentials::looks_like_one(&text, value);
        if is_named {
            Verdict::Pass(inherited)
        } else if self.vault.sources.contains(text.as_ref()) {
            Verdict::Removed(Removal::Source)
        } else if is_credential() {
            Verdict::Removed(Removal::Credential)
        } else {
            Verdict::Pass(inherited)
        }
    }

    fn inherited(&self, variable: &str) -> Inherited {
        let Some(rules) = &self.rules.inherit else {
            return Inherited::WithoutList;
        };
        let is_name = |rule: &InheritRule| matches!(rule, InheritRule::Name(name) if name.as_str() == variable);
        let is_prefix = |rule: &InheritRule| matches!(rule, InheritRule::Prefix(start) if variable.starts_with(start.as_str()));
        if rules.iter().any(is_name) {
            Inherited::ByName
        } else if rules.iter().any(is_prefix) {
            Inherited::ByPattern
        } else {
            Inherited::No
        }
    }
}

#[cfg(test)]
mod tests;
