//! The usual names just work: what a container without a policy means.
//!
//! In: the names of the secret files and the container's variables. Out: the
//! same rules a policy would give, so that one machinery delivers both.
//!
//! **Never:** a Git credential for main, or a guess about a file whose name is
//! no variable's.

use super::container::Container;
use super::credentials::is_for_git;
use super::fault::CollectFault;
use super::vault::{Held, Vault};
use crate::connection::{Connection, Fields, Kind, Part};
use crate::names::{SecretName, VariableName};
use crate::policy::expansion::looks_like_credential_name;
use crate::policy::{ConnectionRule, Delivery, Place, Reference, RunRules};
use crate::sorted::Map;

/// What the conventions make of the files that are there.
#[derive(Default)]
pub struct Conventions {
    /// Deliveries, as a policy's `run` would have them.
    pub run: RunRules,
    /// Connections, as a policy would have them.
    pub connections: Map<String, ConnectionRule>,
    /// Names that contradict each other.
    pub faults: Vec<CollectFault>,
}

/// What a file is for, by its normalised name.
enum Role {
    Postgres,
    Redis,
    Minio,
    Git,
    Plain,
}

fn role(name: &str) -> Role {
    match name {
        "db_password" | "database_password" | "postgres_password" | "pg_password" => Role::Postgres,
        "redis_password" => Role::Redis,
        "minio_password" => Role::Minio,
        name if is_for_git(name) => Role::Git,
        _ => Role::Plain,
    }
}

/// Who gets a secret file, as far as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Main.
    Main,
    /// Nobody: Git credentials are for setup.
    Git,
    /// Nobody: no variable can be called like that.
    NoVariable,
}

/// Who gets the secret file of this name.
#[must_use]
pub fn fate(name: &str) -> Fate {
    let name = normalised(name);
    match role(&name) {
        Role::Git => Fate::Git,
        Role::Postgres | Role::Redis | Role::Minio => Fate::Main,
        Role::Plain => match VariableName::parse(&name) {
            Ok(_) => Fate::Main,
            Err(_) => Fate::NoVariable,
        },
    }
}

/// Whether a name says that it stands for a credential.
#[must_use]
pub fn is_named_like_a_credential(name: &str) -> bool {
    looks_like_credential_name(&normalised(name))
}

/// A file name without extension, in lower case, with `-` as `_`.
pub(super) fn normalised(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.to_ascii_lowercase().replace('-', "_")
}

/// Derives the rules.
#[must_use]
pub fn rules(vault: &Vault, container: &Container) -> Conventions {
    let mut drafts = Drafts::default();
    for (name, held) in vault.all() {
        let named = vault.named.get(name).map_or(&[][..], Vec::as_slice);
        let mut draft = Draft {
            secret: name,
            is_multi_line: is_multi_line(held),
            container,
            drafts: &mut drafts,
        };
        // What a `VAR_FILE` says goes before what the name suggests.
        for variable in named {
            draft.give_itself(variable.as_str());
        }
        draft.give_by_role(named.is_empty());
    }
    drafts.conventions
}

fn is_multi_line(held: &Held) -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "a value of several lines is delivered as a file"
    )]
    held.value.expose().contains(&b'\n')
}

/// Rules, and which secret each variable is for.
#[derive(Default)]
struct Drafts {
    conventions: Conventions,
    claimed: Map<VariableName, SecretName>,
}

/// The rules that one secret gives rise to.
struct Draft<'a> {
    secret: &'a SecretName,
    is_multi_line: bool,
    container: &'a Container,
    drafts: &'a mut Drafts,
}

impl Draft<'_> {
    fn give_by_role(&mut self, unnamed: bool) {
        let name = normalised(self.secret.as_str());
        let container = self.container;
        match role(&name) {
            Role::Postgres => {
                self.give_value("POSTGRES_PASSWORD", self.itself());
                let fields = postgres(self.secret, container);
                self.give_url("DATABASE_URL", Kind::Postgres, fields);
            }
            Role::Redis => {
                let fields = redis(self.secret, container);
                self.give_url("REDIS_URL", Kind::Redis, fields);
            }
            Role::Minio => self.give_value("MINIO_SECRET_KEY", self.itself()),
            Role::Plain if unnamed => self.give_itself(&name.to_ascii_uppercase()),
            Role::Plain | Role::Git => {}
        }
    }

    fn itself(&self) -> Reference {
        Reference::Secret(self.secret.clone())
    }

    /// The value as `VARIABLE`, or its path as `VARIABLE_FILE`.
    fn give_itself(&mut self, variable: &str) {
        if !self.is_multi_line {
            return self.give_value(variable, self.itself());
        }
        if let Some(variable) = self.claim(&format!("{variable}_FILE")) {
            let file = delivery(variable, self.itself());
            self.drafts.conventions.run.files.push(file);
        }
    }

    fn give_value(&mut self, variable: &str, what: Reference) {
        if let Some(variable) = self.claim(variable) {
            let value = delivery(variable, what);
            self.drafts.conventions.run.env.push(value);
        }
    }

    /// A variable that nothing else sets. `None` if this secret has it already.
    fn claim(&mut self, variable: &str) -> Option<VariableName> {
        let variable = VariableName::parse(variable).ok()?;
        let first = self
            .drafts
            .claimed
            .insert(variable.clone(), self.secret.clone());
        match first {
            None => Some(variable),
            Some(first) if first == *self.secret => None,
            Some(first) => {
                let fault = CollectFault::SameVariable {
                    variable,
                    first: first.as_str().to_owned(),
                    second: self.secret.as_str().to_owned(),
                };
                self.drafts.conventions.faults.push(fault);
                None
            }
        }
    }

    fn give_url(&mut self, variable: &str, kind: Kind, fields: Result<Fields, CollectFault>) {
        let checked = fields.and_then(|fields| {
            Connection::check(kind, fields).map_err(|errors| CollectFault::Endpoint {
                variable: variable.to_owned(),
                rule: errors.first().map_or_else(String::new, ToString::to_string),
            })
        });
        match checked {
            Ok(connection) => {
                let rule = ConnectionRule {
                    connection,
                    place: place(variable),
                };
                let connections = &mut self.drafts.conventions.connections;
                connections.insert(variable.to_owned(), rule);
                let url = Reference::Connection(variable.to_owned(), Part::Url);
                self.give_value(variable, url);
            }
            Err(fault) => self.drafts.conventions.faults.push(fault),
        }
    }
}

fn delivery(variable: VariableName, reference: Reference) -> Delivery {
    let place = place(variable.as_str());
    Delivery {
        variable,
        reference,
        place,
    }
}

/// There is no policy to point into; the variable's name says it all.
fn place(variable: &str) -> Place {
    Place {
        pointer: variable.to_owned(),
        line: 0,
    }
}

fn postgres(secret: &SecretName, container: &Container) -> Result<Fields, CollectFault> {
    Ok(Fields {
        host: Some(setting(container, "POSTGRES_HOST", "db")?),
        port: Some(port(container, "POSTGRES_PORT", 5432)?),
        user: Some(setting(container, "POSTGRES_USER", "postgres")?),
        database: Some(setting(container, "POSTGRES_DB", "postgres")?),
        password: Some(secret.clone()),
        ..Fields::default()
    })
}

fn redis(secret: &SecretName, container: &Container) -> Result<Fields, CollectFault> {
    Ok(Fields {
        host: Some(setting(container, "REDIS_HOST", "redis")?),
        password: Some(secret.clone()),
        ..Fields::default()
    })
}

fn setting(container: &Container, variable: &str, default: &str) -> Result<String, CollectFault> {
    match container.filled(variable) {
        None => Ok(default.to_owned()),
        Some(value) => {
            value
                .to_str()
                .map(ToOwned::to_owned)
                .ok_or_else(|| CollectFault::Endpoint {
                    variable: variable.to_owned(),
                    rule: "it is not valid UTF-8".into(),
                })
        }
    }
}

fn port(container: &Container, variable: &str, default: u16) -> Result<u16, CollectFault> {
    let text = setting(container, variable, "")?;
    if text.is_empty() {
        return Ok(default);
    }
    // Kubernetes sets `POSTGRES_PORT=tcp://10.0.0.7:5432` for a service `postgres`.
    let number = text
        .strip_prefix("tcp://")
        .and_then(|rest| rest.rsplit(':').next())
        .unwrap_or(&text);
    // Rust would read `+5432` too.
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    number
        .parse()
        .ok()
        .filter(|&port| port > 0 && is_number)
        .ok_or_else(|| CollectFault::Endpoint {
            variable: variable.to_owned(),
            rule: "a port is a number from 1 to 65535".into(),
        })
}

#[cfg(test)]
mod tests;
