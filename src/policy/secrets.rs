//! The `secrets` object: names and where their values come from.
//!
//! In: its node. Out: a rule for each entry, and the names for references and
//! for expansion. A source is a reference only; nothing is read here.
//!
//! **Never:** a value as a source: what has none of the known forms is refused
//! without being repeated.

use crate::names::{SecretName, SecretPath, VariableName};
use crate::sorted::Map;

use super::mistakes::Problem;
use super::node::{Node, Reader};
use super::references::{Names, is_source_form, secret_name, store_of};
use super::rules::{self, Rule};
use super::{SecretRule, Source};

const KEYS: &[&str] = &["from", "optional", "raw"];

/// Reads every entry, and declares each name even where its entry is wrong, so
/// that one mistake does not cause others.
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    node: &Node<'a>,
    names: &mut Names<'a>,
) -> Map<SecretName, SecretRule> {
    let mut secrets = Map::default();
    for (key, node) in reader.entries(node).unwrap_or_default() {
        let name = SecretName::parse(&key).map_err(|error| {
            let fix =
                "rename the entry: a secret is called as a file could be, without a dot first";
            Problem::BadName(error, fix)
        });
        let Some(name) = reader.keep(&node, name) else {
            continue;
        };
        names.secrets.insert(name.clone(), node.clone());
        if let Some(rule) = entry(reader, &node, &name, names) {
            secrets.insert(name, rule);
        }
    }
    secrets
}

fn entry<'a>(
    reader: &mut Reader<'a>,
    node: &Node<'a>,
    name: &SecretName,
    names: &mut Names<'a>,
) -> Option<SecretRule> {
    let object = reader.object(node, KEYS)?;
    let optional = object
        .get("optional")
        .and_then(|node| reader.flag(node))
        .unwrap_or(false);
    let raw = object
        .get("raw")
        .and_then(|node| reader.flag(node))
        .unwrap_or(false);
    let from = reader.required(node, &object, "from")?;
    let text = reader.text(from)?;
    let source = reader.keep(from, source(&text))?;
    match &source {
        Source::Variable(variable) => {
            reader.sources.insert(variable.clone());
        }
        Source::Command(_) => {
            names.from_commands.insert(name.clone());
        }
        Source::File(_) | Source::Dotenv(..) | Source::Json(..) => {}
    }
    Some(SecretRule {
        source,
        optional,
        raw,
        place: reader.place(node),
    })
}

fn source(text: &str) -> Result<Source, Problem> {
    if let Some(prefix) = store_of(text) {
        return Err(Problem::NoResolver(prefix));
    }
    if text.contains("${") {
        return Err(Problem::Rule(&rules::NO_EXPANSION));
    }
    match text.split_once(':') {
        Some(("file", path)) => secret_path(path).map(Source::File),
        Some(("env", name)) => VariableName::parse(name)
            .map(Source::Variable)
            .map_err(|_| Problem::Rule(&rules::SOURCE_VARIABLE)),
        Some(("dotenv", rest)) => dotenv(rest),
        Some(("json", rest)) => json(rest),
        Some(("command", words)) => command(words).map_err(Problem::Rule),
        _ => Err(Problem::Rule(&rules::SOURCE_FORM)),
    }
}

/// `/PROGRAM ARGUMENT...`, separated by blanks as they stand there.
fn command(text: &str) -> Result<Source, &'static Rule> {
    if !text.starts_with('/') {
        return Err(&rules::SOURCE_COMMAND);
    }
    if text.contains(['"', '\'', '\\']) {
        return Err(&rules::SOURCE_COMMAND_QUOTES);
    }
    let words = text.split_ascii_whitespace().map(str::to_owned);
    Ok(Source::Command(words.collect()))
}

/// Names of secrets with slashes between them.
fn secret_path(text: &str) -> Result<SecretPath, Problem> {
    if is_source_form(text) {
        return Err(Problem::Rule(&rules::SOURCE_AS_REFERENCE));
    }
    SecretPath::parse(text).map_err(|error| Problem::NotASecret(error.rule))
}

/// `FILE#KEY`
fn dotenv(text: &str) -> Result<Source, Problem> {
    let problem = Problem::Rule(&rules::SOURCE_DOTENV);
    let Some((file, key)) = text.split_once('#') else {
        return Err(problem);
    };
    let is_key = |key: &str| {
        !key.is_empty() && !key.contains(|c: char| c == '=' || c.is_whitespace() || c.is_control())
    };
    if !is_key(key) {
        return Err(problem);
    }
    Ok(Source::Dotenv(secret_name(file)?, key.into()))
}

/// `FILE#/pointer`
fn json(text: &str) -> Result<Source, Problem> {
    match text.split_once('#') {
        Some((file, pointer)) if is_pointer(pointer) => {
            Ok(Source::Json(secret_name(file)?, pointer.into()))
        }
        _ => Err(Problem::Rule(&rules::SOURCE_JSON)),
    }
}

/// RFC 6901: every token after a slash, `~` as `~0` or `~1` only. The empty
/// pointer, the whole document, is no string of a file with several.
fn is_pointer(text: &str) -> bool {
    text.starts_with('/')
        && text
            .split('~')
            .skip(1)
            .all(|after| after.starts_with(['0', '1']))
}

#[cfg(test)]
mod tests {
    use super::is_pointer;

    #[test]
    fn pointers_follow_rfc_6901() {
        for yes in ["/npm/token", "/", "/a~1b/m~0n", "/0", "/a b#c", "/~01"] {
            assert!(is_pointer(yes), "{yes}");
        }
        for no in ["", "npm", "/~", "/a~2", "#/a", "/a~"] {
            assert!(!is_pointer(no), "{no}");
        }
    }
}
