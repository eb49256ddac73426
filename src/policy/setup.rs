//! The `setup` and `seal` objects: read in full, since a mistake in them is a
//! mistake today, and then recorded as not carried out yet.
//!
//! In: their nodes and the names they may refer to. Out: mistakes, and one
//! entry each in `Policy::unsupported`. What they say is kept once something
//! carries it out.
//!
//! **Never:** expansion in a command's arguments: a shell there has its own
//! `${NAME}`, and a container variable would be visible in `ps`.

use url::Url;

use super::deliveries::{self, Phase};
use super::node::{Node, Object, Reader};
use super::process;
use super::references::Names;
use super::rules::{self, Rule};

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
const COMMAND_KEYS: &[&str] = &["argv", "git", "env"];
const GIT_KEYS: &[&str] = &["username", "password"];
const SEAL_KEYS: &[&str] = &["on_hit", "on_drop"];

/// Checks `setup`.
pub(super) fn check<'a>(reader: &mut Reader<'a>, node: &Node<'a>, names: &Names<'a>) {
    reader.lacks(node, "setup phase");
    let Some(object) = reader.object(node, SETUP_KEYS) else {
        return;
    };
    if let Some(commands) = reader.required(node, &object, "commands") {
        check_commands(reader, commands, names, object.has("git"));
    }
    let git = object.get("git").and_then(|node| reader.entries(node));
    for (address, node) in git.unwrap_or_default() {
        check_git(reader, &node, &address, names);
    }
    let words: [(&str, &[&str]); 2] = [("home", &["private", "keep"]), ("reuse", &["trusted"])];
    for (key, words) in words {
        object.get(key).and_then(|node| reader.choice(node, words));
    }
    for key in ["directory", "skip_if"] {
        object.get(key).and_then(|node| reader.absolute(node));
    }
    object
        .get("user")
        .and_then(|node| process::user(reader, node));
    object
        .get("timeout")
        .and_then(|node| process::duration(reader, node));
}

/// Checks `seal`.
pub(super) fn check_seal<'a>(reader: &mut Reader<'a>, node: &Node<'a>) {
    reader.lacks(node, "seal");
    let Some(object) = reader.object(node, SEAL_KEYS) else {
        return;
    };
    object
        .get("on_hit")
        .and_then(|node| reader.choice(node, &["refuse", "remove", "report"]));
    if let Some(node) = object.get("on_drop")
        && let Some(program) = argv(reader, node)
        && !program.starts_with('/')
    {
        reader.broken(node, &rules::PROGRAM_ABSOLUTE);
    }
}

fn check_commands<'a>(reader: &mut Reader<'a>, node: &Node<'a>, names: &Names<'a>, git: bool) {
    let Some(commands) = reader.items(node) else {
        return;
    };
    if commands.is_empty() {
        reader.broken(node, &rules::NO_COMMANDS);
    }
    for command in commands {
        if command.kind() == "an array" {
            argv(reader, &command);
        } else if let Some(object) = reader.object(&command, COMMAND_KEYS) {
            check_command(reader, &command, &object, names, git);
        }
    }
}

fn check_command<'a>(
    reader: &mut Reader<'a>,
    node: &Node<'a>,
    object: &Object<'a>,
    names: &Names<'a>,
    git: bool,
) {
    if let Some(node) = reader.required(node, object, "argv") {
        argv(reader, node);
    }
    if let Some(node) = object.get("git")
        && reader.flag(node) == Some(true)
        && !git
    {
        reader.broken(node, &rules::GIT_WITHOUT);
    }
    if let Some(node) = object.get("env") {
        deliveries::read(reader, node, names, Phase::Setup);
    }
}

/// The program of a command whose arguments are all strings.
fn argv<'a>(reader: &mut Reader<'a>, node: &Node<'a>) -> Option<String> {
    let words: Vec<_> = reader
        .items(node)?
        .iter()
        .map(|word| reader.text(word))
        .collect();
    let program = words.into_iter().next();
    if program
        .as_ref()
        .is_none_or(|word| word.as_deref() == Some(""))
    {
        reader.broken(node, &rules::ARGV_EMPTY);
        return None;
    }
    program.flatten()
}

fn check_git<'a>(reader: &mut Reader<'a>, node: &Node<'a>, address: &str, names: &Names<'a>) {
    let rule = git_address(address);
    if let Some(rule) = rule {
        reader.broken(node, rule);
    }
    let Some(object) = reader.object(node, GIT_KEYS) else {
        return;
    };
    if let Some(node) = reader.required(node, &object, "username")
        && reader.expanded(node).is_some_and(|name| name.is_empty())
    {
        reader.broken(node, &rules::GIT_USERNAME);
    }
    if let Some(node) = reader.required(node, &object, "password") {
        names.credential(reader, node);
    }
}

/// Git matches credentials by this address; over plain HTTP they would be sent
/// in the clear, and user info in it would be one more.
fn git_address(address: &str) -> Option<&'static Rule> {
    let plain = |url: &Url| {
        url.scheme() == "https"
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    let is_plain = address.starts_with("https://") && Url::parse(address).is_ok_and(|u| plain(&u));
    (!is_plain).then_some(&rules::GIT_URL)
}
