//! The usual names just work: what a container without a policy means.
//!
//! In: the names of the secret files and the container's variables. Out: the
//! same rules a policy would give, so that one machinery delivers both.
//!
//! **Never:** a Git credential for main, or a guess about a file whose name is
//! no variable's.

use std::collections::BTreeMap;

use super::container::Container;
use super::credentials::is_for_git;
use super::fault::CollectFault;
use super::vault::{Held, Vault};
use crate::connection::{Connection, Fields, Kind, Part};
use crate::names::{SecretName, VariableName};
use crate::policy::{ConnectionRule, Delivery, Place, Reference, RunRules};

/// What the conventions make of the files that are there.
#[derive(Default)]
pub struct Conventions {
    /// Deliveries, as a policy's `run` would have them.
    pub run: RunRules,
    /// Connections, as a policy would have them.
    pub connections: BTreeMap<String, ConnectionRule>,
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

/// A file name without extension, in lower case, with `-` as `_`.
#[must_use]
pub fn normalised(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.to_ascii_lowercase().replace('-', "_")
}

/// Whether a secret file is withheld because Git credentials are for setup.
#[must_use]
pub fn is_git_credential(name: &str) -> bool {
    matches!(role(&normalised(name)), Role::Git)
}

/// Derives the rules.
#[must_use]
pub fn rules(vault: &Vault, container: &Container) -> Conventions {
    let mut conventions = Conventions::default();
    let mut claimed = BTreeMap::new();
    for (name, held) in vault.all() {
        let Ok(secret) = SecretName::parse(name) else {
            continue;
        };
        let named = named_by_variables(held, container);
        conventions.apply(&secret, held, container, named.is_empty(), &mut claimed);
        for variable in named {
            if !is_git_credential(name) && !is_multi_line(held) {
                conventions.give(
                    &variable,
                    Reference::Secret(secret.clone()),
                    &secret,
                    &mut claimed,
                );
            }
        }
    }
    conventions
}

/// The variables of which the container says `VAR_FILE=<this file>`.
fn named_by_variables(held: &Held, container: &Container) -> Vec<VariableName> {
    container
        .named_files()
        .filter(|(_, path)| held.path.as_deref() == Some(*path))
        .filter_map(|(variable, _)| VariableName::parse(variable).ok())
        .collect()
}

fn is_multi_line(held: &Held) -> bool {
    held.value.as_ref().is_some_and(|value| {
        #[expect(
            clippy::disallowed_methods,
            reason = "a value of several lines is delivered as a file"
        )]
        value.expose().contains(&b'\n')
    })
}

type Claims = BTreeMap<VariableName, SecretName>;

impl Conventions {
    fn apply(
        &mut self,
        secret: &SecretName,
        held: &Held,
        container: &Container,
        unnamed: bool,
        claimed: &mut Claims,
    ) {
        let name = normalised(secret.as_str());
        let itself = Reference::Secret(secret.clone());
        match role(&name) {
            Role::Git => {}
            Role::Postgres => {
                self.give_named("POSTGRES_PASSWORD", itself, secret, claimed);
                self.give_url(
                    "DATABASE_URL",
                    Kind::Postgres,
                    postgres(secret, container),
                    secret,
                    claimed,
                );
            }
            Role::Redis => {
                self.give_url(
                    "REDIS_URL",
                    Kind::Redis,
                    redis(secret, container),
                    secret,
                    claimed,
                );
            }
            Role::Minio => self.give_named("MINIO_SECRET_KEY", itself, secret, claimed),
            Role::Plain if held.value.is_none() => {}
            Role::Plain if is_multi_line(held) => {
                if let Ok(variable) =
                    VariableName::parse(&format!("{}_FILE", name.to_ascii_uppercase()))
                {
                    self.claim(&variable, secret, claimed);
                    self.run.files.push(delivery(variable, itself));
                }
            }
            Role::Plain if unnamed => {
                self.give_named(&name.to_ascii_uppercase(), itself, secret, claimed)
            }
            Role::Plain => {}
        }
    }

    fn give_named(
        &mut self,
        variable: &str,
        what: Reference,
        from: &SecretName,
        claimed: &mut Claims,
    ) {
        if let Ok(variable) = VariableName::parse(variable) {
            self.give(&variable, what, from, claimed);
        }
    }

    fn give(
        &mut self,
        variable: &VariableName,
        what: Reference,
        from: &SecretName,
        claimed: &mut Claims,
    ) {
        self.claim(variable, from, claimed);
        self.run.env.push(delivery(variable.clone(), what));
    }

    fn claim(&mut self, variable: &VariableName, secret: &SecretName, claimed: &mut Claims) {
        if let Some(first) = claimed
            .insert(variable.clone(), secret.clone())
            .filter(|first| first != secret)
        {
            self.faults.push(CollectFault::SameVariable {
                variable: variable.clone(),
                first: first.as_str().to_owned(),
                second: secret.as_str().to_owned(),
            });
        }
    }

    fn give_url(
        &mut self,
        variable: &str,
        kind: Kind,
        fields: Result<Fields, CollectFault>,
        from: &SecretName,
        claimed: &mut Claims,
    ) {
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
                self.connections.insert(variable.to_owned(), rule);
                self.give_named(
                    variable,
                    Reference::Connection(variable.to_owned(), Part::Url),
                    from,
                    claimed,
                );
            }
            Err(fault) => self.faults.push(fault),
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
    match container.get(variable).filter(|value| !value.is_empty()) {
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
    number
        .parse()
        .ok()
        .filter(|&port| port > 0)
        .ok_or_else(|| CollectFault::Endpoint {
            variable: variable.to_owned(),
            rule: "a port is a number from 1 to 65535".into(),
        })
}

#[cfg(test)]
mod tests;
