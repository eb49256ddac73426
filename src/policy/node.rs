//! JSON nodes that know their place, and a reader that collects mistakes.
//!
//! In: well-formed JSON text. Out: typed values, one level at a time: the
//! schema leads the way down, so nothing in the file decides how deep it goes.
//! A wrong node gives a mistake and `None`, and the reading goes on.
//!
//! **Never:** a tree of the whole file; a value in a type error, as serde's
//! own errors have it; a key that wins silently over an equal one.

use crate::json;
use crate::names::{VariableName, could_be_a_name};
use crate::sorted::Set;

use super::Place;
use super::expansion::{Variables, expand};
use super::mistakes::Problem;
use super::rules::{self, Rule};

/// A value somewhere in the policy.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    raw: &'a str,
    pointer: String,
}

/// An object whose keys are all known and different.
#[derive(Debug)]
pub(super) struct Object<'a> {
    entries: Vec<(String, Node<'a>)>,
}

/// Reads nodes and keeps what is wrong with them.
pub(super) struct Reader<'a> {
    text: &'a str,
    /// The offset of each newline, so that a line is a binary search.
    newlines: Vec<usize>,
    variable: &'a dyn Fn(&str) -> Option<String>,
    /// Variables that are sources of secrets and therefore never expanded.
    pub(super) sources: Set<VariableName>,
    /// In parts that this start does not use an unset variable is no mistake.
    pub(super) unused: bool,
    mistakes: Vec<(usize, Place, Problem)>,
}

impl<'a> Node<'a> {
    /// The whole policy.
    pub(super) fn root(raw: &'a str) -> Self {
        Self {
            raw,
            pointer: String::new(),
        }
    }

    /// The JSON type, with its article.
    pub(super) fn kind(&self) -> &'static str {
        json::kind(self.raw)
    }

    /// The text of a number or word, as it stands in the file.
    pub(super) fn raw(&self) -> &'a str {
        self.raw
    }

    /// A node below. A key that is a URL with user info may carry a token, and one
    /// that is no name is somebody's value: it does not become part of a pointer.
    fn below(&self, key: &str, raw: &'a str) -> Self {
        let is_shown = could_be_a_name(key) && !has_user_info(key);
        let key = if is_shown { key } else { "..." };
        let key = key.replace('~', "~0").replace('/', "~1");
        Self {
            raw,
            pointer: format!("{}/{key}", self.pointer),
        }
    }
}

impl<'a> Object<'a> {
    /// The value of `key`, if it is there.
    pub(super) fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.entries
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, node)| node)
    }

    /// All entries in their order.
    pub(super) fn entries(&self) -> &[(String, Node<'a>)] {
        &self.entries
    }

    /// Whether `key` is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }
}

impl<'a> Reader<'a> {
    /// A reader of `text`, in which all nodes stand.
    pub(super) fn new(text: &'a str, variable: &'a dyn Fn(&str) -> Option<String>) -> Self {
        let newlines = text.match_indices('\n').map(|(offset, _)| offset).collect();
        Self {
            text,
            newlines,
            variable,
            sources: Set::default(),
            unused: false,
            mistakes: Vec::new(),
        }
    }

    /// All mistakes, in the file's order.
    pub(super) fn finish(self) -> Vec<(Place, Problem)> {
        let mistakes = self.mistakes.into_iter();
        mistakes
            .map(|(_, place, problem)| (place, problem))
            .collect()
    }

    /// Where `node` stands.
    pub(super) fn place(&self, node: &Node<'_>) -> Place {
        let offset = self.offset(node);
        let line = self.newlines.partition_point(|newline| *newline < offset);
        Place {
            pointer: node.pointer.clone(),
            line: line.saturating_add(1),
        }
    }

    /// Keeps a mistake.
    pub(super) fn mistake(&mut self, node: &Node<'_>, problem: Problem) {
        let found = (self.offset(node), self.place(node), problem);
        // Parts are read in another order than the file has them.
        let at = self
            .mistakes
            .partition_point(|(offset, ..)| *offset <= found.0);
        self.mistakes.insert(at, found);
    }

    /// Keeps a mistake that needs no details.
    pub(super) fn broken(&mut self, node: &Node<'_>, rule: &'static Rule) {
        self.mistake(node, Problem::Rule(rule));
    }

    /// Keeps the mistake of `result`, or gives its value.
    pub(super) fn keep<T>(&mut self, node: &Node<'_>, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.mistake(node, problem)).ok()
    }

    /// An object with no other keys than `known`.
    pub(super) fn object(
        &mut self,
        node: &Node<'a>,
        known: &'static [&'static str],
    ) -> Option<Object<'a>> {
        let mut entries = self.entries(node)?;
        entries.retain(|(key, value)| {
            let is_known = known.contains(&key.as_str());
            if !is_known {
                let key = if has_user_info(key) { "..." } else { key };
                self.mistake(value, Problem::UnknownKey(key.into(), known));
            }
            is_known
        });
        Some(Object { entries })
    }

    /// The value of a key that must be there.
    pub(super) fn required<'o>(
        &mut self,
        node: &Node<'a>,
        object: &'o Object<'a>,
        key: &'static str,
    ) -> Option<&'o Node<'a>> {
        let value = object.get(key);
        if value.is_none() {
            self.mistake(node, Problem::Missing(key));
        }
        value
    }

    /// The entries of an object in their order; of equal keys the first.
    pub(super) fn entries(&mut self, node: &Node<'a>) -> Option<Vec<(String, Node<'a>)>> {
        self.expect(node, "an object")?;
        let Some(members) = json::members(node.raw) else {
            self.broken(node, &rules::BROKEN_ESCAPE);
            return None;
        };
        let mut seen = Set::default();
        let mut entries = Vec::with_capacity(members.len());
        for (key, raw) in members {
            let value = node.below(&key, raw);
            if seen.insert(key.clone()) {
                entries.push((key, value));
            } else {
                let key = if has_user_info(&key) {
                    "...".into()
                } else {
                    key
                };
                self.mistake(&value, Problem::Duplicate(key));
            }
        }
        Some(entries)
    }

    /// The items of an array.
    pub(super) fn items(&mut self, node: &Node<'a>) -> Option<Vec<Node<'a>>> {
        self.expect(node, "an array")?;
        Some(
            (0_usize..)
                .zip(json::elements(node.raw))
                .map(|(at, raw)| node.below(&at.to_string(), raw))
                .collect(),
        )
    }

    /// A string as it stands.
    pub(super) fn text(&mut self, node: &Node<'a>) -> Option<String> {
        self.expect(node, "a string")?;
        match json::text(node.raw) {
            Some(text) if !text.contains('\0') => return Some(text),
            Some(_) => self.broken(node, &rules::HAS_NUL),
            None => self.broken(node, &rules::BROKEN_ESCAPE),
        }
        None
    }

    /// A string with its container variables expanded.
    pub(super) fn expanded(&mut self, node: &Node<'a>) -> Option<String> {
        let text = self.text(node)?;
        let variables = Variables {
            value: self.variable,
            sources: &self.sources,
        };
        match expand(&text, variables) {
            Err(Problem::Unset(_)) if self.unused => {
                // The rest of the text is read all the same.
                let value = &|_: &str| Some(String::new());
                self.keep(node, expand(&text, Variables { value, ..variables }));
                None
            }
            result => self.keep(node, result),
        }
    }

    /// A string that is an absolute path, expanded.
    pub(super) fn absolute(&mut self, node: &Node<'a>) -> Option<String> {
        let path = self.expanded(node)?;
        if path.starts_with('/') {
            return Some(path);
        }
        self.broken(node, &rules::NOT_ABSOLUTE);
        None
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, node: &Node<'a>) -> Option<bool> {
        self.expect(node, "true or false")?;
        Some(node.raw == "true")
    }

    /// One of a few words; never expanded, since none of them is up to the
    /// container's environment.
    pub(super) fn choice(
        &mut self,
        node: &Node<'a>,
        known: &'static [&'static str],
    ) -> Option<&'static str> {
        let text = self.text(node)?;
        let chosen = known.iter().find(|word| **word == text).copied();
        if chosen.is_none() {
            self.mistake(node, Problem::NotOneOf(text, known));
        }
        chosen
    }

    fn expect(&mut self, node: &Node<'_>, expected: &'static str) -> Option<()> {
        let found = node.kind();
        if found == expected {
            return Some(());
        }
        self.mistake(node, Problem::WrongType(expected, found));
        None
    }

    /// How far into the text a node starts: both are parts of one allocation.
    fn offset(&self, node: &Node<'_>) -> usize {
        node.raw
            .as_ptr()
            .addr()
            .saturating_sub(self.text.as_ptr().addr())
    }
}

/// Whether a key looks like `https://user:token@host`.
fn has_user_info(key: &str) -> bool {
    key.contains("://") && key.contains('@')
}
