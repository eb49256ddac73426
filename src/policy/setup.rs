//! The `setup` and `seal` objects.
//!
//! In: their nodes and the names they may refer to. Out: rules, and mistakes.
//!
//! **Never:** expansion in a command's arguments: a shell there has its own
//! `${NAME}`, and a container variable would be visible in `ps`.

use std::path::PathBuf;
use std::time::Duration;

use crate::names::SecretName;
use crate::setup::git::rules::CredentialRule;
use crate::sorted::Map;

use super::deliveries::{self, Phase};
use super::node::{Node, Object, Reader};
use super::process;
use super::references::Names;
use super::{ConnectionRule, Delivery, Place, UserSpec};
use super::{git, rules};

const SETUP_KEYS: &[&str] = &[
    "commands",
    "git",
    "user",
    "directory",
    "home",
    "timeout",
    "skip_if",
    "reuse",
];
const COMMAND_KEYS: &[&str] = &["argv", "git", "env", "ssh"];
const SEAL_KEYS: &[&str] = &["on_hit", "on_drop"];

/// The `setup` object.
#[derive(Debug)]
pub struct SetupRules {
    /// What to run, in this order.
    pub commands: Vec<CommandRule>,
    /// Which address may have which credential.
    pub git: Vec<CredentialRule>,
    /// Who the commands run as.
    pub user: Option<(UserSpec, Place)>,
    /// Their working directory.
    pub directory: Option<(PathBuf, Place)>,
    /// Which home directory they have.
    pub home: Home,
    /// How long all of them may take together.
    pub timeout: Option<Duration>,
    /// A path whose existence makes setup unnecessary.
    pub skip_if: Option<PathBuf>,
    /// Whether credentials may be used where an earlier main has been.
    pub reuse: Reuse,
    /// Where the object stands.
    pub place: Place,
}

/// One entry of `commands`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRule {
    /// Program and arguments; at least the program.
    pub argv: Vec<String>,
    /// Whether git in it may ask for the credentials of `setup.git`.
    pub git: bool,
    /// Values it has as variables.
    pub env: Vec<Delivery>,
    /// Private keys that its SSH agent holds.
    pub ssh: Vec<SecretName>,
    /// Where the entry stands.
    pub place: Place,
}

/// The home directory of setup's commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Home {
    /// A new one, removed afterwards.
    #[default]
    Private,
    /// The run user's, searched afterwards.
    Keep,
}

/// Whether ground that an earlier main could have prepared is good enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// It is not.
    #[default]
    Refused,
    /// The policy says that it is.
    Trusted,
}

/// The `seal` object.
#[derive(Debug, Default)]
pub struct SealRules {
    /// What a dropped value that setup left somewhere means.
    pub on_hit: OnHit,
    /// A program with arguments that revokes what was dropped, or nothing.
    pub on_drop: Vec<String>,
    /// Where the object stands, if it does.
    pub place: Option<Place>,
}

/// What to do about a dropped value that was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnHit {
    /// No main.
    #[default]
    Refuse,
    /// Remove the file.
    Remove,
    /// Say so.
    Report,
}

impl CommandRule {
    /// Whether it may use any secret.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        self.git || !self.env.is_empty() || !self.ssh.is_empty()
    }
}

impl SetupRules {
    /// Whether any command may use a secret.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        self.commands.iter().any(CommandRule::has_credentials)
    }

    /// Where commands stand that may use a secret, and follow one that may not.
    #[must_use]
    pub fn late(&self) -> Vec<String> {
        let commands = self.commands.iter();
        let late = commands.skip_while(|command| command.has_credentials());
        let late = late.filter(|command| command.has_credentials());
        late.map(|command| command.place.pointer.clone()).collect()
    }

    /// The secrets that its commands may use, each with the entry that asks.
    #[must_use]
    pub fn secrets<'p>(
        &'p self,
        connections: &'p Map<String, ConnectionRule>,
    ) -> Vec<(&'p SecretName, &'p Place)> {
        let of_git = self.git.iter().map(|rule| (&rule.password, &rule.place));
        let mut found: Vec<_> = of_git.collect();
        for command in &self.commands {
            found.extend(command.ssh.iter().map(|name| (name, &command.place)));
            found.extend(command.env.iter().filter_map(|delivery| {
                let name = delivery.reference.secret(connections)?;
                Some((name, &delivery.place))
            }));
        }
        found
    }
}

/// Reads `setup`.
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    node: &Node<'a>,
    names: &Names<'a>,
) -> Option<SetupRules> {
    let object = reader.object(node, SETUP_KEYS)?;
    let commands = reader
        .required(node, &object, "commands")
        .map(|commands| commands_of(reader, commands, names, object.has("git")));
    let git_rules = object.get("git").map(|node| git::read(reader, node, names));
    let home = choice(reader, &object, "home", &["private", "keep"]);
    let reuse = choice(reader, &object, "reuse", &["trusted"]);
    let mut path = |key| {
        let node = object.get(key)?;
        let path = reader.absolute(node)?;
        Some((PathBuf::from(path), reader.place(node)))
    };
    let (directory, skip_if) = (path("directory"), path("skip_if"));
    let user = object.get("user").and_then(|node| {
        let user = process::user(reader, node)?;
        Some((user, reader.place(node)))
    });
    let timeout = object
        .get("timeout")
        .and_then(|node| process::duration(reader, node));
    Some(SetupRules {
        commands: commands?,
        git: git_rules.unwrap_or_default(),
        user,
        directory,
        home: match home {
            Some("keep") => Home::Keep,
            _ => Home::Private,
        },
        timeout,
        skip_if: skip_if.map(|(path, _)| path),
        reuse: match reuse {
            Some(_) => Reuse::Trusted,
            None => Reuse::Refused,
        },
        place: reader.place(node),
    })
}

/// Reads `seal`, which closes nothing where there is no setup.
pub(super) fn read_seal<'a>(
    reader: &mut Reader<'a>,
    node: &Node<'a>,
    has_setup: bool,
) -> SealRules {
    if !has_setup {
        reader.broken(node, &rules::SEAL_WITHOUT_SETUP);
    }
    let mut rules = SealRules {
        place: Some(reader.place(node)),
        ..SealRules::default()
    };
    let Some(object) = reader.object(node, SEAL_KEYS) else {
        return rules;
    };
    rules.on_hit = match choice(reader, &object, "on_hit", &["refuse", "remove", "report"]) {
        Some("remove") => OnHit::Remove,
        Some("report") => OnHit::Report,
        _ => OnHit::Refuse,
    };
    if let Some(node) = object.get("on_drop")
        && let Some(words) = argv(reader, node)
    {
        if !words
            .first()
            .is_some_and(|program| program.starts_with('/'))
        {
            reader.broken(node, &rules::PROGRAM_ABSOLUTE);
        }
        rules.on_drop = words;
    }
    rules
}

fn choice<'a>(
    reader: &mut Reader<'a>,
    object: &Object<'a>,
    key: &str,
    words: &'static [&'static str],
) -> Option<&'static str> {
    object.get(key).and_then(|node| reader.choice(node, words))
}

fn commands_of<'a>(
    reader: &mut Reader<'a>,
    node: &Node<'a>,
    names: &Names<'a>,
    has_git: bool,
) -> Vec<CommandRule> {
    let Some(nodes) = reader.items(node) else {
        return Vec::new();
    };
    if nodes.is_empty() {
        reader.broken(node, &rules::NO_COMMANDS);
    }
    let mut commands = Vec::new();
    for node in nodes {
        commands.extend(command(reader, &node, names, has_git));
    }
    commands
}

/// An array of words, or an object with the array and what the command gets.
fn command<'a>(
    reader: &mut Reader<'a>,
    node: &Node<'a>,
    names: &Names<'a>,
    has_git: bool,
) -> Option<CommandRule> {
    let place = reader.place(node);
    // Whatever else it is, a line for a shell among others, it has to be an array.
    if node.kind() != "an object" {
        return Some(CommandRule {
            argv: argv(reader, node)?,
            git: false,
            env: Vec::new(),
            ssh: Vec::new(),
            place,
        });
    }
    let object = reader.object(node, COMMAND_KEYS)?;
    let words = reader
        .required(node, &object, "argv")
        .and_then(|node| argv(reader, node));
    let git = object
        .get("git")
        .is_some_and(|node| wants_git(reader, node, has_git));
    let env = object
        .get("env")
        .map(|node| deliveries::read(reader, node, names, Phase::Setup));
    let ssh = object.get("ssh").map(|node| keys(reader, node, names));
    let env = env.unwrap_or_default().into_iter();
    Some(CommandRule {
        argv: words?,
        git,
        env: env.map(|(delivery, _)| delivery).collect(),
        ssh: ssh.unwrap_or_default(),
        place,
    })
}

fn wants_git<'a>(reader: &mut Reader<'a>, node: &Node<'a>, has_git: bool) -> bool {
    let is_wanted = reader.flag(node) == Some(true);
    if is_wanted && !has_git {
        reader.broken(node, &rules::GIT_WITHOUT);
    }
    is_wanted
}

/// The names of private keys.
fn keys<'a>(reader: &mut Reader<'a>, node: &Node<'a>, names: &Names<'a>) -> Vec<SecretName> {
    let nodes = reader.items(node).unwrap_or_default();
    nodes
        .iter()
        .filter_map(|node| names.credential(reader, node))
        .collect()
}

/// A program and its arguments, all strings.
fn argv<'a>(reader: &mut Reader<'a>, node: &Node<'a>) -> Option<Vec<String>> {
    let words: Vec<_> = reader
        .items(node)?
        .iter()
        .map(|word| reader.text(word))
        .collect();
    let has_program = words
        .first()
        .is_some_and(|word| word.as_deref() != Some(""));
    if !has_program {
        reader.broken(node, &rules::ARGV_EMPTY);
        return None;
    }
    words.into_iter().collect()
}
