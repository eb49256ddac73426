//! What setup's commands get, and what must not outlive them.
//!
//! In: the vault after main's values were taken from it. Out: values by command,
//! passwords by name, and the lists that output is masked and files are searched
//! with.
//!
//! **Never:** a secret marked as released because setup has it: main's rules
//! alone decide what is withheld from main.

use std::path::{Path, PathBuf};

use super::container::{Container, Passing};
use super::deliver::peek;
use super::directory::Scopes;
use super::fault::{CollectFault, asked_by};
use super::reach::Reach;
use super::vault::Vault;
use crate::environment::Environment;
use crate::names::{SecretName, VariableName};
use crate::policy::{CommandRule, Delivery, Place, Policy, Reference, SetupRules, Source};
use crate::secret::Secret;
use crate::sorted::Map;

/// Everything that the setup phase needs to know of secrets.
#[derive(Default)]
pub struct SetupMaterial {
    /// One for each command: its variables, and what it must not reach.
    pub commands: Vec<CommandMaterial>,
    /// Passwords and keys that commands ask for by name.
    pub values: Map<SecretName, Secret>,
    /// Every value there is, for the masking of output.
    pub all: Vec<(String, Secret)>,
    /// What setup has and main has not, for the search afterwards.
    pub dropped: Vec<(String, Secret)>,
    /// Secrets that a program has yet to give.
    pub minted: Vec<Minted>,
    /// The directories that hold secrets on purpose.
    pub directories: Vec<PathBuf>,
    /// Every file below them that is withheld from somebody.
    pub files: Vec<PathBuf>,
    /// What may have to be looked for and is not known, each with the entry that asks.
    pub unknown: Vec<(String, String)>,
}

/// What one command gets.
pub struct CommandMaterial {
    /// Its variables, but for those that the runner adds.
    pub environment: Environment,
    /// Variables for secrets that a program has yet to give.
    pub late: Vec<(VariableName, SecretName)>,
    /// What it must not reach: every file, and every value but its own.
    pub reach: Reach,
}

/// A secret that a program gives, once setup begins.
pub struct Minted {
    /// Its name.
    pub name: SecretName,
    /// The program and its arguments.
    pub words: Vec<String>,
    /// The policy's entry.
    pub place: Place,
}

/// Takes what the rules of setup refer to.
pub(super) fn take(
    rules: &SetupRules,
    policy: &Policy,
    scopes: &Scopes,
    container: &Container,
    vault: &Vault,
    faults: &mut Vec<CollectFault>,
) -> SetupMaterial {
    let mut material = SetupMaterial {
        directories: scopes.searched.clone(),
        files: vault.files().map(Path::to_path_buf).collect(),
        ..SetupMaterial::default()
    };
    let mut passed = Environment::default();
    let passing = Passing {
        rules: &policy.run,
        policy: Some(policy),
        vault,
    };
    // Main's own pass has reported what contradicts the rules.
    passing.pass(container, &mut passed, &mut Vec::new());
    for command in &rules.commands {
        let mut environment = passed.duplicate();
        for entry in &command.env {
            match peek(vault, policy, entry) {
                Ok(Some(value)) => faults.extend(bind(&mut environment, entry, &value, policy)),
                Ok(None) => {}
                Err(fault) => faults.push(fault),
            }
        }
        let late = late(command, policy);
        let given = given(rules, command, policy);
        material.commands.push(CommandMaterial {
            environment,
            late,
            reach: Reach::of_command(vault, scopes, &given),
        });
    }
    for (name, _) in rules.secrets(&policy.connections) {
        if let Some(held) = vault.get(name) {
            material.values.insert(name.clone(), held.value.duplicate());
        } else if let Some((words, place)) = words_of(name, policy)
            && !material.minted.iter().any(|minted| minted.name == *name)
        {
            material.minted.push(Minted {
                name: name.clone(),
                words: words.to_vec(),
                place: place.clone(),
            });
        }
    }
    for (name, value) in vault.values() {
        material.all.push((name.to_owned(), value.duplicate()));
    }
    material.dropped = dropped(rules, policy, vault);
    material
}

/// What is looked for where setup does not run: the values that are here, and the
/// names of those that are not.
#[must_use]
pub fn to_look_for(
    rules: &SetupRules,
    policy: &Policy,
    vault: &Vault,
    directories: &[PathBuf],
) -> SetupMaterial {
    let mut unknown: Vec<(String, String)> = Vec::new();
    let asked = rules.secrets(&policy.connections).into_iter();
    for (name, place) in asked.filter(|(name, _)| !is_known(vault, name)) {
        if !unknown.iter().any(|(known, _)| known == name.as_str()) {
            unknown.push((name.as_str().to_owned(), asked_by(policy, place)));
        }
    }
    SetupMaterial {
        dropped: dropped(rules, policy, vault),
        directories: directories.to_vec(),
        files: vault.files().map(Path::to_path_buf).collect(),
        unknown,
        ..SetupMaterial::default()
    }
}

fn is_known(vault: &Vault, name: &SecretName) -> bool {
    vault.values().any(|(known, _)| known == name.as_str())
}

/// The values that setup has and main has not.
fn dropped(rules: &SetupRules, policy: &Policy, vault: &Vault) -> Vec<(String, Secret)> {
    let of_setup = rules.secrets(&policy.connections);
    let mut dropped = Vec::new();
    for (name, value) in vault.dropped_values() {
        if of_setup.iter().any(|(known, _)| known.as_str() == name) {
            dropped.push((name.to_owned(), value.duplicate()));
        }
    }
    dropped
}

/// Entries of secrets that come from a program.
fn late(command: &CommandRule, policy: &Policy) -> Vec<(VariableName, SecretName)> {
    let mut late = Vec::new();
    for entry in &command.env {
        if let Reference::Secret(name) = &entry.reference
            && words_of(name, policy).is_some()
        {
            late.push((entry.variable.clone(), name.clone()));
        }
    }
    late
}

/// The program that gives this secret, if one does, and the policy's entry.
pub(crate) fn words_of<'p>(
    name: &SecretName,
    policy: &'p Policy,
) -> Option<(&'p [String], &'p Place)> {
    let rule = policy.secrets.get(name)?;
    match &rule.source {
        Source::Command(words) => Some((words, &rule.place)),
        Source::File(_) | Source::Variable(_) | Source::Dotenv(..) | Source::Json(..) => None,
    }
}

fn bind(
    environment: &mut Environment,
    entry: &Delivery,
    value: &Secret,
    policy: &Policy,
) -> Option<CollectFault> {
    let problem = environment.bind(&entry.variable, value).err()?;
    Some(CollectFault::Value {
        variable: entry.variable.clone(),
        problem,
        asked: asked_by(policy, &entry.place),
    })
}

/// The secrets that this command may have.
fn given<'p>(
    rules: &'p SetupRules,
    command: &'p CommandRule,
    policy: &'p Policy,
) -> Vec<&'p SecretName> {
    let mut given: Vec<&SecretName> = command.ssh.iter().collect();
    if command.git {
        given.extend(rules.git.iter().map(|rule| &rule.password));
    }
    let entries = command.env.iter();
    given.extend(entries.filter_map(|entry| entry.reference.secret(&policy.connections)));
    given
}
