//! The sentences of mistakes: what is wrong, and what to change.
//!
//! In: a `Problem`. Out: its first and its third line. Rules without details
//! have theirs in `rules`; the golden test shows every sentence.
//!
//! **Never:** a string of the policy that could be a value; keys and names
//! only, escaped.

use std::fmt;

use crate::names::shown;
use crate::report::{list, quote};

use super::mistakes::Problem;

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName(error, _) => error.fmt(f),
            Self::Duration(error) => error.fmt(f),
            Self::Duplicate(key) => write!(f, "the key {} stands here twice", shown(key)),
            Self::ExpandsCredential(name) => {
                write!(f, "{name} is named like a credential and is not expanded")
            }
            Self::ExpandsSource(name) => {
                write!(f, "{name} is the source of a secret and is not expanded")
            }
            Self::Field(error) => error.fmt(f),
            Self::Missing(key) => write!(f, "`{key}` is missing"),
            Self::NoPart {
                connection, part, ..
            } => {
                write!(
                    f,
                    "the connection {} has no part {}",
                    shown(connection),
                    shown(part)
                )
            }
            Self::NoProfile(name, _) => write!(f, "there is no profile {}", shown(name)),
            Self::NoResolver(prefix) => {
                write!(
                    f,
                    "`{prefix}` needs a resolver, and there is no resolver yet"
                )
            }
            Self::NotASecret(rule) => write!(f, "this is not the name of a secret: {rule}"),
            Self::NotOneOf(found, _) => write!(f, "{} is not known here", shown(found)),
            Self::Rule(rule) => f.write_str(rule.what),
            Self::TakenName(name) => {
                write!(
                    f,
                    "{} is both a connection's and a secret's name",
                    quote(name)
                )
            }
            Self::TwiceDelivered(name) => write!(f, "{name} stands in `env` and in `files`"),
            Self::UnknownKey(key, _) => write!(f, "unknown key {}", shown(key)),
            Self::Unset(name) => write!(f, "the container has no variable {name}"),
            Self::WrongType(expected, found) => write!(f, "expected {expected}, found {found}"),
        }
    }
}

/// What to change, for the third line of a message.
pub(super) fn remedy(problem: &Problem) -> String {
    match problem {
        Problem::BadName(_, fix) => (*fix).into(),
        Problem::Duration(error) => error.remedy().into(),
        Problem::Duplicate(_) => "keep one of the two: readers differ on which one counts".into(),
        Problem::ExpandsCredential(name) | Problem::ExpandsSource(name) => {
            format!(
                "give it an entry under `secrets`, `env:{}`, and name that",
                name.as_str()
            )
        }
        Problem::Field(error) => format!("correct `{}` or take it out", error.field),
        Problem::Missing(key) => format!("add `{key}` to this object"),
        Problem::NoPart { parts, .. } => {
            format!(
                "choose from {}, or declare such a secret under `secrets`",
                words(parts)
            )
        }
        Problem::NoProfile(_, profiles) if profiles.is_empty() => {
            "this policy has no profiles: leave `--profile` and `VESTIBULE_PROFILE` out".into()
        }
        Problem::NoProfile(_, profiles) => {
            format!(
                "choose from {}",
                list(&profiles.iter().map(|name| shown(name)).collect::<Vec<_>>())
            )
        }
        Problem::NoResolver(_) => {
            "let the orchestrator mount the value, and refer to it by `file:` or `env:`".into()
        }
        Problem::NotASecret(_) => {
            "name an entry of `secrets` or a file in `secret_dirs`; no value stands in a policy"
                .into()
        }
        Problem::NotOneOf(found, known) => format!("write {}", suggestion(found, known)),
        Problem::Rule(rule) => rule.fix.into(),
        Problem::TakenName(_) => "rename one of them, so that a reference has one meaning".into(),
        Problem::TwiceDelivered(_) => "keep one: a variable is either the value or a path".into(),
        Problem::UnknownKey(key, known) => {
            format!("take it out or write {}", suggestion(key, known))
        }
        Problem::Unset(name) => {
            format!(
                "set it, or give a default: `${{{}:-default}}`",
                name.as_str()
            )
        }
        Problem::WrongType(expected, _) => format!("write {expected}"),
    }
}

/// The nearest known word, if one is near, and all of them.
fn suggestion(found: &str, known: &[&'static str]) -> String {
    match nearest(found, known) {
        Some(near) => format!("`{near}`; known here: {}", words(known)),
        None => format!("one of {}", words(known)),
    }
}

/// The known word within two edits of `found`, and less than its length.
pub(crate) fn nearest<'w>(found: &str, known: &[&'w str]) -> Option<&'w str> {
    known
        .iter()
        .map(|word| (edits(found, word), *word))
        .filter(|(edits, word)| *edits <= 2 && *edits < word.len().min(found.len()))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, word)| word)
}

/// Levenshtein's distance between two texts, in bytes.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (1..=b.len()).collect();
    for (done, x) in a.bytes().enumerate() {
        let mut diagonal = done;
        let mut left = done.saturating_add(1);
        for (cell, y) in row.iter_mut().zip(b.bytes()) {
            let replaced = diagonal.saturating_add(usize::from(x != y));
            diagonal = *cell;
            left = left.min(*cell).saturating_add(1).min(replaced);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(a.len())
}

fn words(words: &[&str]) -> String {
    list(
        &words
            .iter()
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>(),
    )
}

#[cfg(test)]
mod tests {
    use super::{edits, nearest};

    #[test]
    fn edits_are_insertions_deletions_and_replacements() {
        for (a, b, distance) in [
            ("", "", 0),
            ("abc", "", 3),
            ("", "abc", 3),
            ("user", "user", 0),
            ("usr", "user", 1),
            ("enviroment", "environment", 1),
            ("kitten", "sitting", 3),
            ("evn", "env", 2),
        ] {
            assert_eq!(edits(a, b), distance, "{a} {b}");
        }
    }

    #[test]
    fn only_a_near_word_is_suggested() {
        let known = ["env", "files", "umask"];
        assert_eq!(nearest("envs", &known), Some("env"));
        assert_eq!(nearest("evn", &known), Some("env"));
        assert_eq!(nearest("mask", &known), Some("umask"));
        assert_eq!(nearest("x", &known), None);
        assert_eq!(nearest("environment", &known), None);
        assert_eq!(nearest("", &known), None);
    }
}
