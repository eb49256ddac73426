//! What a name in the policy refers to: a secret, or a connection's part.
//!
//! In: the names that `secrets` and `connections` declare, and a text. Out: a
//! reference with one meaning. A name that nothing declares is a file's.
//!
//! **Never:** the text of a reference that is no name: `"password": "hunter2?"`
//! is how a value gets into a policy.

use crate::connection::Part;
use crate::names::SecretName;
use crate::sorted::{Map, Set};

use super::mistakes::Problem;
use super::node::{Node, Reader};
use super::{ConnectionRule, Reference, rules};

/// References to secret stores, which a resolver would have to ask.
const STORES: [&str; 10] = [
    "op://",
    "vault:",
    "arn:aws:secretsmanager:",
    "arn:aws:ssm:",
    "ENC[",
    "sops:",
    "fernet:",
    "gcp:secretmanager:",
    "berglas://",
    "sm://",
];

/// The forms that `from` knows; elsewhere they are no names.
const SOURCES: [&str; 5] = ["file:", "env:", "dotenv:", "json:", "command:"];

/// The names that the policy declares.
#[derive(Default)]
pub(super) struct Names<'a> {
    /// Every entry of `secrets`, right or wrong.
    pub(super) secrets: Map<SecretName, Node<'a>>,
    /// Those that come from a command.
    pub(super) from_commands: Set<SecretName>,
    /// Every entry of `connections`; `None` is one with a mistake.
    pub(super) connections: Map<String, Option<ConnectionRule>>,
}

impl<'a> Names<'a> {
    /// Reads a reference to a secret, a connection or a connection's part;
    /// `None` without a mistake is a part of a connection that has one.
    pub(super) fn reference(&self, reader: &mut Reader<'a>, node: &Node<'a>) -> Option<Reference> {
        let text = reader.text(node)?;
        let found = self.resolve(&text);
        reader.keep(node, found).flatten()
    }

    /// Reads the name of a secret where nothing else can stand.
    pub(super) fn credential(
        &self,
        reader: &mut Reader<'a>,
        node: &Node<'a>,
    ) -> Option<SecretName> {
        let text = reader.text(node)?;
        if self.connections.contains_key(&text) {
            reader.broken(node, &rules::CONNECTION_AS_SECRET);
            return None;
        }
        reader.keep(node, secret_name(&text))
    }

    /// Whether a value made from `reference` is for the setup phase only.
    pub(super) fn is_setup_only(&self, reference: &Reference) -> bool {
        let secret = match reference {
            Reference::Secret(name) => Some(name),
            Reference::Connection(name, part) => self
                .connections
                .get(name)
                .and_then(Option::as_ref)
                .filter(|rule| rule.connection.reveals(*part))
                .and_then(|rule| rule.connection.credential()),
        };
        secret.is_some_and(|name| self.from_commands.contains(name))
    }

    /// Refuses secrets whose names mean a connection as well.
    pub(super) fn refuse_taken(&self, reader: &mut Reader<'a>) {
        for (name, node) in self.secrets.iter().filter(|(name, _)| self.is_taken(name)) {
            reader.mistake(node, Problem::TakenName(name.as_str().into()));
        }
    }

    /// Whether a reference to the secret `name` would also fit a connection.
    fn is_taken(&self, name: &SecretName) -> bool {
        let text = name.as_str();
        self.connections.contains_key(text)
            || text.rsplit_once('.').is_some_and(|(connection, part)| {
                self.connections.contains_key(connection) && Part::parse(part).is_some()
            })
    }

    fn resolve(&self, text: &str) -> Result<Option<Reference>, Problem> {
        if let Some(rule) = self.connections.get(text) {
            return part(text, rule.as_ref(), Part::Url.as_str());
        }
        let name = secret_name(text)?;
        if !self.secrets.contains_key(&name)
            && let Some((connection, wanted)) = text.rsplit_once('.')
            && let Some(rule) = self.connections.get(connection)
        {
            return part(connection, rule.as_ref(), wanted);
        }
        Ok(Some(Reference::Secret(name)))
    }
}

/// A prefix that only a resolver could serve.
pub(super) fn store_of(text: &str) -> Option<&'static str> {
    STORES.into_iter().find(|prefix| text.starts_with(prefix))
}

/// Whether a text has a form that only `from` takes.
pub(super) fn is_source_form(text: &str) -> bool {
    SOURCES.iter().any(|form| text.starts_with(form))
}

/// The name of a secret, without its text in the problem if it is none.
pub(super) fn secret_name(text: &str) -> Result<SecretName, Problem> {
    if let Some(prefix) = store_of(text) {
        return Err(Problem::NoResolver(prefix));
    }
    if is_source_form(text) {
        return Err(Problem::Rule(&rules::SOURCE_AS_REFERENCE));
    }
    if text.contains("${") {
        return Err(Problem::Rule(&rules::NO_EXPANSION));
    }
    SecretName::parse(text).map_err(|error| Problem::NotASecret(error.rule))
}

/// The part of this name, if the connection has it.
fn part(
    name: &str,
    rule: Option<&ConnectionRule>,
    wanted: &str,
) -> Result<Option<Reference>, Problem> {
    let Some(rule) = rule else { return Ok(None) };
    let parts = rule.connection.parts();
    match Part::parse(wanted).filter(|part| parts.contains(part)) {
        Some(part) => Ok(Some(Reference::Connection(name.into(), part))),
        None => Err(Problem::NoPart {
            connection: name.into(),
            part: wanted.into(),
            parts: parts.iter().map(|part| part.as_str()).collect(),
        }),
    }
}
