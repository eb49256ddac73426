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
pub mod deliver;
pub mod directory;
pub mod fault;
pub mod file;
pub mod policy_file;
pub mod source;
pub mod summary;
pub mod vault;

use crate::collect::container::Container;
use crate::collect::deliver::Deliverer;
use crate::collect::directory::Scopes;
use crate::collect::fault::CollectFault;
use crate::collect::summary::Summary;
use crate::collect::vault::Vault;
use crate::environment::Environment;
use crate::policy::{Policy, RunRules};
use crate::secret::Secret;

/// A value that main gets as a file, with the variable that holds its path.
pub struct FileDelivery {
    /// The variable that main sees.
    pub variable: crate::names::VariableName,
    /// The secret's own file, if it is delivered as it is.
    pub original: Option<std::path::PathBuf>,
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
}

/// Reads and assembles all. `None`: there is no policy and not one secret, so
/// main gets the container's environment as it is.
pub fn collect(
    policy: Option<&Policy>,
    container: &Container,
) -> Result<Option<Collected>, Vec<CollectFault>> {
    let scopes = Scopes::open(policy, container).map_err(|fault| vec![fault])?;
    let mut vault = Vault::default();
    let mut faults = match policy {
        Some(policy) => vault.fill_by_policy(policy, &scopes, container),
        None => vault.fill_by_convention(&scopes, container),
    };
    faults.extend(container.unresolved());
    if policy.is_none() && vault.is_empty() && faults.is_empty() {
        return Ok(None);
    }
    let conventions;
    let (rules, connections) = match policy {
        Some(policy) => (&policy.run, &policy.connections),
        None => {
            conventions = conventions::rules(&vault, container);
            faults.extend(conventions.faults);
            (&conventions.run, &conventions.connections)
        }
    };
    let mut deliverer = Deliverer::new(&mut vault, connections, policy, container);
    deliverer.deliver(rules, &mut faults);
    let delivered = deliverer.finish();
    let collected = finish(delivered, rules, policy, container, &vault, &mut faults);
    if faults.is_empty() {
        Ok(Some(collected))
    } else {
        Err(faults)
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
    let mut collected = Collected {
        environment: delivered.environment,
        files: delivered.files,
        summary: delivered.summary,
    };
    let passing = container::Passing {
        rules,
        policy,
        vault,
    };
    let removed = passing.pass(container, &mut collected.environment, faults);
    collected.summary.removed = removed;
    collected.summary.describe(vault, policy.is_none());
    collected
}

impl Collected {
    /// A start without policy and secrets: the container's variables as they are.
    #[must_use]
    pub fn bare(container: &Container) -> Self {
        Self {
            environment: container.as_environment(),
            files: Vec::new(),
            summary: Summary::default(),
        }
    }

    /// Sets HOME for a named user, unless the policy gives it a value.
    pub fn set_home(&mut self, home: &std::path::Path) {
        if !self.summary.given.iter().any(|name| name == "HOME") {
            self.environment.set("HOME".as_ref(), home.as_os_str());
        }
    }
}
