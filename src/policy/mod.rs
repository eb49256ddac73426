//! A policy's bytes become a `Policy`, with all mistakes at once.
//!
//! In: the file's bytes, its path, the profile and the container variables for
//! expansion. Out: a `Policy` whose names, references, endpoints and limits
//! are right in themselves; each node remembers its JSON pointer and line.
//!
//! **Never:** a secret's value, a file other than the policy, a key that is
//! read and then ignored.

mod connections;
mod deliveries;
mod document;
pub mod duration;
pub(crate) mod expansion;
mod git;
mod mistakes;
mod node;
mod parse;
mod process;
mod references;
mod rules;
mod run;
mod secrets;
mod setup;
#[cfg(test)]
mod tests;
mod wording;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use caps::Capability;

use crate::connection::{Connection, Part};
use crate::init::signals::Signal;
use crate::names::{SecretName, SecretPath, VariableName};
use crate::pin::Digest;
use crate::report::quote;
use crate::sorted::Map;

pub use mistakes::{Mistake, PolicyError, Problem};
pub use parse::parse;
pub use rules::Rule;
pub use setup::{CommandRule, Home, OnHit, Reuse, SealRules, SetupRules};
pub(crate) use wording::nearest;

/// Where a node stands in the policy: RFC 6901 pointer and line, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The JSON pointer, for example `/run/env/DATABASE_URL`.
    pub pointer: String,
    /// The line of the node's first byte.
    pub line: usize,
}

/// A checked policy with its profile applied.
#[derive(Debug)]
pub struct Policy {
    /// The file it was read from, for messages.
    pub file: PathBuf,
    /// Of the bytes that it was read from.
    pub digest: Digest,
    /// Directories of secret files, from wide to narrow; the narrowest wins.
    pub secret_directories: Vec<PathBuf>,
    /// The secrets that the policy names, with their sources.
    pub secrets: Map<SecretName, SecretRule>,
    /// Values assembled from an endpoint and a secret.
    pub connections: Map<String, ConnectionRule>,
    /// What runs before main, with values of its own.
    pub setup: Option<SetupRules>,
    /// What happens between setup and main.
    pub seal: SealRules,
    /// What main gets and how it runs.
    pub run: RunRules,
}

/// One entry of `secrets`.
#[derive(Debug)]
pub struct SecretRule {
    /// Where the value comes from.
    pub source: Source,
    /// Whether its absence is no fault.
    pub optional: bool,
    /// Whether the final newline belongs to the value.
    pub raw: bool,
    /// Where the entry stands.
    pub place: Place,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `file:PATH`: a file below the secret directories.
    File(SecretPath),
    /// `env:NAME`: a container variable, which is then taken away.
    Variable(VariableName),
    /// `dotenv:PATH#KEY`: one assignment of a dotenv file.
    Dotenv(SecretPath, String),
    /// `json:PATH#/pointer`: a string of a JSON file (RFC 6901).
    Json(SecretPath, String),
    /// `command:/PROGRAM ARGUMENT...`: what a program writes; for setup only.
    Command(Vec<String>),
}

/// One entry of `connections`.
#[derive(Debug)]
pub struct ConnectionRule {
    /// What to assemble.
    pub connection: Connection,
    /// Where the entry stands.
    pub place: Place,
}

/// What a delivery refers to: a secret, or a connection and one of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A secret by name.
    Secret(SecretName),
    /// `NAME` or `NAME.part` of a connection.
    Connection(String, Part),
}

/// One entry of `run.env` or `run.files`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The variable that main sees: the value, or the path of a file with it.
    pub variable: VariableName,
    /// What it is made from.
    pub reference: Reference,
    /// Where the entry stands.
    pub place: Place,
}

/// The `run` object.
#[derive(Debug, Default)]
pub struct RunRules {
    /// Values delivered as variables.
    pub env: Vec<Delivery>,
    /// Values delivered as files whose paths are variables.
    pub files: Vec<Delivery>,
    /// Container variables that pass; `None` means all that are harmless.
    pub inherit: Option<Vec<InheritRule>>,
    /// Who main runs as: text of `user` with its place, resolved in `collect`.
    pub user: Option<(UserSpec, Place)>,
    /// Main's working directory.
    pub directory: Option<(PathBuf, Place)>,
    /// From the stop signal to KILL; `None` waits for main without end.
    pub grace: Option<Duration>,
    /// Signal rewriting: `None` as target drops the signal.
    pub signals: Vec<(Signal, Option<Signal>)>,
    /// The level that `confinement` names.
    pub confinement: Option<Confinement>,
    /// Exactly the capabilities that main is to have; `None` leaves the choice to
    /// vestibule.
    pub capabilities: Option<Vec<Capability>>,
    /// `no_new_privileges`; `None` leaves the choice to vestibule.
    pub no_new_privileges: Option<bool>,
    /// Resource limits by the names of setrlimit(2).
    pub limits: Vec<LimitRule>,
    /// The file mode creation mask.
    pub umask: Option<u32>,
}

/// One entry of `inherit`: an exact name, or a pattern with one final `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InheritRule {
    /// Exactly this variable, even if it looks like a credential.
    Name(VariableName),
    /// Every harmless variable that starts with this.
    Prefix(String),
}

/// A user as a policy names it: `NAME`, `UID`, `NAME:GROUP`, `UID:GID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSpec {
    /// A name of `/etc/passwd` or a number.
    pub user: String,
    /// A name of `/etc/group` or a number; an explicit group is the only one.
    pub group: Option<String>,
}

/// How strictly withheld secrets must be out of main's reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Confinement {
    /// Start only if every withheld secret is proven unreachable.
    #[default]
    Required,
    /// Withhold from environment, arguments and descriptors only.
    EnvironmentOnly,
}

/// One resource limit; soft and hard are set to the same value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitRule {
    /// The resource.
    pub resource: nix::sys::resource::Resource,
    /// The value in the resource's own unit; `None` is unlimited.
    pub value: Option<u64>,
    /// Where the entry stands.
    pub place: Place,
}

impl Reference {
    /// The secret that the value reveals, in whole or in part.
    #[must_use]
    pub fn secret<'p>(
        &'p self,
        connections: &'p Map<String, ConnectionRule>,
    ) -> Option<&'p SecretName> {
        match self {
            Self::Secret(name) => Some(name),
            Self::Connection(name, part) => connections
                .get(name)
                .filter(|rule| rule.connection.reveals(*part))
                .and_then(|rule| rule.connection.credential()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() {
            write!(f, "the top level, line {}", self.line)
        } else {
            write!(f, "{}, line {}", printable(&self.pointer), self.line)
        }
    }
}

/// Plain ASCII as it is, which keeps paths and pointers whole and ready to be
/// copied; anything else escaped for a terminal.
fn printable(text: &str) -> String {
    let plain = text
        .bytes()
        .all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if plain { text.into() } else { quote(text) }
}
