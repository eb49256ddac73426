//! From rules to values: each `env` and `files` entry gets what it refers to.
//!
//! In: the rules (policy or conventions) and the vault. Out: main's environment
//! so far, its files, and the names for the start line.
//!
//! **Never:** a value without a rule that names it.

use super::FileDelivery;
use super::container::Container;
use super::fault::{CollectFault, asked_by};
use super::summary::Summary;
use super::vault::{Held, Vault};
use crate::environment::Environment;
use crate::names::SecretName;
use crate::policy::{ConnectionRule, Delivery, Policy, Reference, RunRules};
use crate::secret::Secret;
use crate::sorted::Map;

/// Works through the rules.
pub struct Deliverer<'a> {
    vault: &'a mut Vault,
    connections: &'a Map<String, ConnectionRule>,
    policy: Option<&'a Policy>,
    container: &'a Container,
    delivered: Delivered,
}

/// What came out.
#[derive(Default)]
pub struct Delivered {
    /// Main's environment, with the permitted values only.
    pub environment: Environment,
    /// Main's files.
    pub files: Vec<FileDelivery>,
    /// Names for the start line.
    pub summary: Summary,
}

/// A value on its way, and the file that holds exactly it, if there is one.
struct Value {
    secret: Secret,
    original: Option<std::path::PathBuf>,
}

impl<'a> Deliverer<'a> {
    /// Takes what the rules refer to.
    pub fn new(
        vault: &'a mut Vault,
        connections: &'a Map<String, ConnectionRule>,
        policy: Option<&'a Policy>,
        container: &'a Container,
    ) -> Self {
        Self {
            vault,
            connections,
            policy,
            container,
            delivered: Delivered::default(),
        }
    }

    /// Delivers everything that the rules say, or notes why not.
    pub fn deliver(&mut self, rules: &RunRules, faults: &mut Vec<CollectFault>) {
        for entry in &rules.env {
            match self.resolve(entry) {
                Ok(Some(value)) => self.bind(entry, &value.secret, faults),
                Ok(None) => {}
                Err(fault) => faults.push(fault),
            }
        }
        for entry in &rules.files {
            match self.resolve(entry) {
                Ok(Some(value)) => {
                    self.note(entry);
                    self.delivered.files.push(FileDelivery {
                        variable: entry.variable.clone(),
                        original: value.original,
                        content: value.secret,
                    });
                }
                Ok(None) => {}
                Err(fault) => faults.push(fault),
            }
        }
    }

    /// What was delivered.
    #[must_use]
    pub fn finish(self) -> Delivered {
        self.delivered
    }

    fn bind(&mut self, entry: &Delivery, value: &Secret, faults: &mut Vec<CollectFault>) {
        self.note(entry);
        faults.extend(self.conflict(entry, value));
        if let Err(problem) = self.delivered.environment.bind(&entry.variable, value) {
            let variable = entry.variable.clone();
            faults.push(CollectFault::Value {
                variable,
                problem,
                asked: self.asked(entry),
            });
        }
    }

    /// By convention only: a policy's word goes before the container's, but a
    /// convention that meets another value may have met a development default.
    fn conflict(&self, entry: &Delivery, value: &Secret) -> Option<CollectFault> {
        let set = self.container.filled(entry.variable.as_str())?;
        if self.policy.is_some() || value.equals(set.as_encoded_bytes()) {
            return None;
        }
        let secret = match &entry.reference {
            Reference::Secret(name) => Some(name),
            Reference::Connection(name, _) => self.connections.get(name)?.connection.credential(),
        };
        let secret = secret?.as_str().to_owned();
        Some(CollectFault::Conflict {
            variable: entry.variable.clone(),
            secret,
        })
    }

    fn note(&mut self, entry: &Delivery) {
        self.delivered
            .summary
            .given
            .push(entry.variable.as_str().to_owned());
    }

    /// `None`: the secret is absent, which is allowed or among the faults.
    fn resolve(&mut self, entry: &Delivery) -> Result<Option<Value>, CollectFault> {
        let asked = self.asked(entry);
        let vault = &mut *self.vault;
        assemble(entry, self.connections, asked, &mut |name| {
            vault.release(name).map(Value::of)
        })
    }

    fn asked(&self, entry: &Delivery) -> String {
        match self.policy {
            Some(policy) => asked_by(policy, &entry.place),
            None => match &entry.reference {
                Reference::Secret(name) => format!("the convention for the secret {name}"),
                Reference::Connection(name, _) => format!("the convention for `{name}`"),
            },
        }
    }
}

/// A value for somebody who is not main: nothing counts as released by it.
pub(super) fn peek(
    vault: &Vault,
    policy: &Policy,
    entry: &Delivery,
) -> Result<Option<Secret>, CollectFault> {
    let asked = asked_by(policy, &entry.place);
    let value = assemble(entry, &policy.connections, asked, &mut |name| {
        vault.get(name).map(Value::of)
    })?;
    Ok(value.map(|value| value.secret))
}

impl Value {
    fn of(held: &Held) -> Self {
        Self {
            secret: held.value.duplicate(),
            original: held.path.clone().filter(|_| held.is_whole_file),
        }
    }
}

/// The value of an entry, from a secret or from a connection around one.
fn assemble(
    entry: &Delivery,
    connections: &Map<String, ConnectionRule>,
    asked: String,
    take: &mut dyn FnMut(&SecretName) -> Option<Value>,
) -> Result<Option<Value>, CollectFault> {
    let (name, part) = match &entry.reference {
        Reference::Secret(name) => return Ok(take(name)),
        Reference::Connection(name, part) => (name, *part),
    };
    let Some(rule) = connections.get(name) else {
        return Ok(None);
    };
    let reveals = rule.connection.reveals(part);
    let credential = match rule.connection.credential().filter(|_| reveals) {
        None => None,
        Some(name) => match take(name) {
            Some(value) => Some(value.secret),
            None => return Ok(None),
        },
    };
    let assembled = rule.connection.assemble(part, credential.as_ref());
    let secret = assembled.map_err(|error| CollectFault::Connection {
        name: entry.variable.as_str().to_owned(),
        error,
        asked,
    })?;
    Ok(Some(Value {
        secret,
        original: None,
    }))
}

#[cfg(test)]
mod tests;
