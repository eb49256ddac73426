//! From bytes to a `Policy`: the order in which its parts are read.
//!
//! In: the file's bytes and path, the wanted profile, the container's
//! variables. Out: the policy in effect, or every mistake in the file.
//!
//! **Never:** a part that is skipped because it is not in effect: a profile
//! that nobody starts today is read as strictly as the one in use.

use std::path::{Path, PathBuf};

use super::document;
use super::mistakes::{Mistake, PolicyError, Problem};
use super::node::{Node, Object, Reader};
use super::references::Names;
use super::run::Draft;
use super::{Policy, RunRules, connections, rules, run, secrets, setup};
use crate::pin::Digest;

const KEYS: &[&str] = &[
    "version",
    "secret_dirs",
    "secrets",
    "connections",
    "setup",
    "seal",
    "run",
    "profiles",
    "$schema",
];

/// Where secrets are if the policy does not say.
const SECRET_DIRECTORY: &str = "/run/secrets";

/// Reads a policy and applies `profile`. `variable` gives the container's
/// variables for expansion; `file` is for messages only.
pub fn parse(
    bytes: &[u8],
    file: &Path,
    profile: Option<&str>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Policy, PolicyError> {
    let (text, root) = document::read(bytes).map_err(|(place, rule)| {
        PolicyError::new(file, vec![Mistake::in_text(file, place, rule)])
    })?;
    let mut reader = Reader::new(text, variable);
    let policy = read(&mut reader, &Node::root(root), file, profile);
    let mistakes: Vec<_> = reader
        .finish()
        .into_iter()
        .map(|(place, problem)| Mistake::at(file, place, problem))
        .collect();
    match policy {
        Some(policy) if mistakes.is_empty() => Ok(Policy {
            digest: Digest::of(bytes),
            ..policy
        }),
        _ => Err(PolicyError::new(file, mistakes)),
    }
}

/// Reads every part, those first that others refer to. `None` has left a
/// mistake with the reader.
fn read<'a>(
    reader: &mut Reader<'a>,
    root: &Node<'a>,
    file: &Path,
    profile: Option<&str>,
) -> Option<Policy> {
    let object = reader.object(root, KEYS)?;
    check_version(reader, root, &object);
    // Editors complete a policy by the schema that it names; here it says nothing.
    if let Some(node) = object.get("$schema") {
        reader.text(node);
    }
    let mut names = Names::default();
    let secrets = object
        .get("secrets")
        .map(|node| secrets::read(reader, node, &mut names));
    if let Some(node) = object.get("connections") {
        connections::read(reader, node, &mut names);
    }
    names.refuse_taken(reader);
    let secret_directories = directories(reader, &object);
    let setup = object
        .get("setup")
        .and_then(|node| setup::read(reader, node, &names));
    let seal = object
        .get("seal")
        .map(|node| setup::read_seal(reader, node, object.has("setup")));
    let run = rules_in_effect(reader, root, &object, &names, profile);
    let connections = names.connections.into_iter();
    let connections = connections.filter_map(|(name, rule)| Some((name, rule?)));
    Some(Policy {
        file: file.into(),
        digest: Digest::default(),
        secret_directories,
        secrets: secrets.unwrap_or_default(),
        connections: connections.collect(),
        setup,
        seal: seal.unwrap_or_default(),
        run,
    })
}

fn check_version<'a>(reader: &mut Reader<'a>, root: &Node<'a>, object: &Object<'a>) {
    if let Some(node) = reader.required(root, object, "version")
        && node.raw() != "1"
    {
        reader.broken(node, &rules::VERSION);
    }
}

fn directories<'a>(reader: &mut Reader<'a>, object: &Object<'a>) -> Vec<PathBuf> {
    let Some(node) = object.get("secret_dirs") else {
        return vec![SECRET_DIRECTORY.into()];
    };
    let nodes = reader.items(node).unwrap_or_default();
    nodes
        .iter()
        .filter_map(|node| reader.absolute(node))
        .map(PathBuf::from)
        .collect()
}

/// Reads `run` and every profile, and lays the wanted one over `run`.
fn rules_in_effect<'a>(
    reader: &mut Reader<'a>,
    root: &Node<'a>,
    object: &Object<'a>,
    names: &Names<'a>,
    profile: Option<&str>,
) -> RunRules {
    let profiles = object.get("profiles");
    let mut drafts = Vec::new();
    for (name, node) in profiles
        .and_then(|node| reader.entries(node))
        .unwrap_or_default()
    {
        let is_unused = profile != Some(name.as_str());
        drafts.push((name, read_profile(reader, &node, names, is_unused)));
    }
    let known = drafts.iter().map(|(name, _)| name.clone()).collect();
    let wanted = profile.and_then(|profile| {
        let wanted = drafts.iter().position(|(name, _)| name == profile);
        if wanted.is_none() {
            reader.mistake(
                profiles.unwrap_or(root),
                Problem::NoProfile(profile.into(), known),
            );
        }
        wanted
    });
    let is_replaced = |key: &str| {
        wanted
            .and_then(|at| drafts.get(at))
            .is_some_and(|(_, draft)| draft.has(key))
    };
    let base = match object.get("run") {
        Some(node) => run::read(reader, node, names, &is_replaced),
        None => Draft::default(),
    };
    base.refuse_twice(reader, None);
    for (_, draft) in &drafts {
        draft.refuse_twice(reader, Some(&base));
    }
    match wanted {
        Some(at) => base.overlaid(drafts.swap_remove(at).1).in_effect(),
        None => base.in_effect(),
    }
}

/// A profile is `{ "run": { ... } }`.
fn read_profile<'a>(
    reader: &mut Reader<'a>,
    node: &Node<'a>,
    names: &Names<'a>,
    is_unused: bool,
) -> Draft<'a> {
    let Some(object) = reader.object(node, &["run"]) else {
        return Draft::default();
    };
    match reader.required(node, &object, "run") {
        Some(node) => run::read(reader, node, names, &|_| is_unused),
        None => Draft::default(),
    }
}
