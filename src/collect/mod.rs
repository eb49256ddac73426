//! Everything that can be known before a process is started: secrets are read,
//! users resolved, values assembled, main's environment built.
//!
//! In: the policy (or none), the container's variables, the secret
//! directories. Out: a `Collected`, or every fault at once.
//!
//! **Never:** a write to a mounted secret (it is the host's file), a process,
//! a default in place of a value that could not be read.

pub mod accounts;
pub mod container;
pub mod conventions;
pub mod credentials;
mod declared;
pub mod deliver;
pub mod directory;
pub mod fault;
pub mod file;
pub(crate) mod mounted;
pub mod policy_file;
pub mod reach;
mod redaction;
pub mod replaceable;
pub mod setup;
pub mod source;
pub mod standing;
pub mod summary;
pub mod vault;
pub(crate) mod wording;

use std::path::PathBuf;

use crate::collect::container::Container;
use crate::collect::conventions::Conventions;
use crate::collect::declared::Declared;
use crate::collect::deliver::Deliverer;
use crate::collect::directory::Scopes;
use crate::collect::fault::CollectFault;
use crate::collect::reach::Reach;
use crate::collect::setup::SetupMaterial;
use crate::collect::summary::Summary;
use crate::collect::vault::Vault;
use crate::environment::Environment;
use crate::policy::{Policy, RunRules, SetupRules};
use crate::secret::Secret;

/// A value that main gets as a file, with the variable that holds its path.
pub struct FileDelivery {
    /// The variable that main sees.
    pub variable: crate::names::VariableName,
    /// The secret's own file, if it is delivered as it is.
    pub original: Option<PathBuf>,
    /// What to write where main cannot read the original.
    pub content: Secret,
}

/// What a start needs, with nothing started yet.
pub struct Collected {
    /// Main's environment.
    pub environment: Environment,
    /// Values for main as files.
    pub files: Vec<FileDelivery>,
    /// What happened to which name, for the start line and `check`.
    pub summary: Summary,
    /// What must be out of main's reach, and what must not.
    pub reach: Reach,
    /// What the setup phase gets, if it is to run or owes a search.
    pub setup: Option<SetupMaterial>,
}

/// Everything that collecting came across, whatever is wrong or missing.
pub struct Survey {
    /// As far as there is something to give. `None`: there is no policy and not
    /// one secret, so main gets the container's environment as it is.
    pub collected: Option<Collected>,
    /// What keeps main from being started.
    pub faults: Vec<CollectFault>,
    /// The secrets, and which of them main gets.
    pub vault: Vault,
    /// The rules, where no policy gives them.
    pub conventions: Conventions,
    /// The secret directories that were looked for, from wide to narrow.
    pub directories: Vec<PathBuf>,
}

/// Reads and assembles all, what setup needs included where it is to run.
pub fn survey(
    policy: Option<&Policy>,
    container: &Container,
    setup: Option<&SetupRules>,
) -> Result<Survey, CollectFault> {
    // Effect: secrets read.
    let scopes = Scopes::open(policy, container)?;
    Ok(survey_of(&scopes, policy, container, setup))
}

/// Every secret that is there, permitted or not, and the directories that were
/// looked into. Nothing is handed out.
pub fn secrets(
    policy: Option<&Policy>,
    container: &Container,
) -> Result<(Vault, Vec<PathBuf>), Vec<CollectFault>> {
    let scopes = Scopes::open(policy, container).map_err(|fault| vec![fault])?;
    let (vault, faults) = read(&scopes, policy, container, None);
    if faults.is_empty() {
        Ok((vault, scopes.searched))
    } else {
        Err(faults)
    }
}

fn read(
    scopes: &Scopes,
    policy: Option<&Policy>,
    container: &Container,
    setup: Option<&SetupRules>,
) -> (Vault, Vec<CollectFault>) {
    let mut vault = Vault::default();
    let mut faults = match policy {
        Some(policy) => {
            let mut faults = Declared::new(policy, setup, scopes, container, &mut vault).read();
            faults.extend(mounted::withhold_the_rest(&mut vault, scopes).err());
            faults
        }
        None => mounted::read_by_convention(&mut vault, scopes, container),
    };
    faults.extend(container.unresolved(&vault.sources));
    redaction::learn(&vault, container);
    (vault, faults)
}

/// The same without a start: for a message about what went wrong before, in which
/// somebody may have put a value where it does not belong.
pub fn learn_values(policy: Option<&Policy>, container: &Container) {
    // Whatever is wrong with the secrets is not what is to be said.
    let _ = secrets(policy, container);
}

/// The same from directories that are open: all that is given, or every fault.
#[cfg(any(test, fuzzing))]
pub(crate) fn collect_from(
    scopes: &Scopes,
    policy: Option<&Policy>,
    container: &Container,
    setup: Option<&SetupRules>,
) -> Result<Option<Collected>, Vec<CollectFault>> {
    let survey = survey_of(scopes, policy, container, setup);
    if survey.faults.is_empty() {
        Ok(survey.collected)
    } else {
        Err(survey.faults)
    }
}

fn survey_of(
    scopes: &Scopes,
    policy: Option<&Policy>,
    container: &Container,
    setup: Option<&SetupRules>,
) -> Survey {
    let (mut vault, mut faults) = read(scopes, policy, container, setup);
    if policy.is_none() && vault.is_empty() && faults.is_empty() {
        return Survey {
            collected: None,
            faults,
            vault,
            conventions: Conventions::default(),
            directories: scopes.searched.clone(),
        };
    }
    let mut conventions = Conventions::default();
    let (rules, connections) = if let Some(policy) = policy {
        (&policy.run, &policy.connections)
    } else {
        conventions = conventions::rules(&vault, container);
        faults.append(&mut conventions.faults);
        (&conventions.run, &conventions.connections)
    };
    // Effect: values assembled.
    let mut deliverer = Deliverer::new(&mut vault, connections, policy, container);
    deliverer.deliver(rules, &mut faults);
    let mut collected = finish(
        deliverer.finish(),
        rules,
        policy,
        container,
        &vault,
        &mut faults,
    );
    // Effect: marks kept.
    collected.reach = Reach::of(&vault, scopes);
    for name in &collected.summary.removed {
        if let Some(value) = container.filled(name) {
            collected.reach.withhold_variable(name, value);
        }
    }
    if let Some((rules, policy)) = setup.zip(policy) {
        let material = setup::take(rules, policy, scopes, container, &vault, &mut faults);
        collected.setup = Some(material);
        collected.summary.late = rules.late();
    }
    Survey {
        collected: Some(collected),
        faults,
        vault,
        conventions,
        directories: scopes.searched.clone(),
    }
}

fn finish(
    delivered: deliver::Delivered,
    rules: &RunRules,
    policy: Option<&Policy>,
    container: &Container,
    vault: &Vault,
    faults: &mut Vec<CollectFault>,
) -> Collected {
    let mut result = Collected {
        environment: delivered.environment,
        files: delivered.files,
        summary: delivered.summary,
        reach: Reach::default(),
        setup: None,
    };
    let passing = container::Passing {
        rules,
        policy,
        vault,
    };
    let removed = passing.pass(container, &mut result.environment, faults);
    for (name, why) in removed {
        result.summary.removed.push(name);
        result.summary.reasons.removed.push(why);
    }
    result.summary.describe(vault);
    result
}

impl Collected {
    /// A start without policy and secrets: the container's variables as they are.
    #[must_use]
    pub fn bare(container: &Container) -> Self {
        Self {
            environment: container.as_environment(),
            files: Vec::new(),
            summary: Summary::default(),
            reach: Reach::default(),
            setup: None,
        }
    }

    /// The same in new memory, without what the setup phase gets.
    #[must_use]
    pub fn once_more(self) -> Self {
        let files = self.files.into_iter();
        Self {
            environment: self.environment.duplicate(),
            files: files
                .map(|file| FileDelivery {
                    content: file.content.duplicate(),
                    ..file
                })
                .collect(),
            setup: None,
            ..self
        }
    }

    /// Sets HOME for a named user, unless the policy gives it a value.
    pub fn set_home(&mut self, home: &std::path::Path) {
        if !self.summary.given.iter().any(|name| name == "HOME") {
            self.environment.set("HOME".as_ref(), home.as_os_str());
        }
    }
}

#[cfg(test)]
mod tests;
