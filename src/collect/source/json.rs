//! Strings of a JSON file, by RFC 6901 pointer.
//!
//! In: the file's text. Out: the wanted strings. Only where a wanted pointer
//! leads is the text looked into; the rest counts as "more".
//!
//! **Never:** a library's buffer for a value, which nobody would wipe; a guess
//! about a key that stands there twice.

use super::{Parts, SourceProblem, checked};
use crate::json::{decode, elements, kind, members, root};
use crate::secret::{Scratch, Secret};
use crate::sorted::Set;

/// As deep as serde_json itself goes into a document.
const LEVELS: usize = 128;

pub(super) fn parts(file: &[u8], wanted: &Set<&str>) -> Result<Parts, SourceProblem> {
    let root =
        root(file).map_err(|broken| SourceProblem::JsonSyntax(broken.line, broken.column))?;
    let mut walk = Walk {
        wanted,
        parts: Parts::none(wanted, SourceProblem::NoPointer),
    };
    walk.visit(root, "", 0);
    Ok(walk.parts)
}

struct Walk<'a> {
    wanted: &'a Set<&'a str>,
    parts: Parts,
}

impl Walk<'_> {
    fn visit(&mut self, node: &str, pointer: &str, level: usize) {
        let kind = kind(node);
        if self.wanted.contains(pointer) {
            let value = match kind {
                "a string" => string(node, pointer).and_then(|value| checked(value, pointer)),
                other => Err(SourceProblem::NotString(pointer.to_owned(), other)),
            };
            self.settle(pointer, value);
            if kind == "a string" {
                return;
            }
        }
        let children = children(node, kind);
        if level == LEVELS || !self.leads_on(pointer) {
            let is_nothing = kind == "null" || children.is_some_and(|all| all.is_empty());
            self.parts.has_more |= !is_nothing;
            return;
        }
        // A key with a broken escape: what it holds cannot be told.
        self.parts.has_more |= children.is_none() && kind != "null";
        let mut seen = Set::default();
        for (token, child) in children.unwrap_or_default() {
            let token = token.replace('~', "~0").replace('/', "~1");
            let pointer = format!("{pointer}/{token}");
            if seen.contains(&token) {
                self.refuse_twice(&pointer);
            }
            self.visit(child, &pointer, level + 1);
            seen.insert(token);
        }
    }

    /// Whether a wanted pointer lies below this one.
    fn leads_on(&self, pointer: &str) -> bool {
        let below = format!("{pointer}/");
        self.wanted
            .from(below.as_str())
            .next()
            .is_some_and(|next| next.starts_with(&below))
    }

    fn settle(&mut self, pointer: &str, value: Result<Secret, SourceProblem>) {
        if let Some(entry) = self.parts.values.get_mut(pointer)
            && matches!(entry, Err(SourceProblem::NoPointer(_)))
        {
            *entry = value;
        }
    }

    fn refuse_twice(&mut self, pointer: &str) {
        let below = format!("{pointer}/");
        for (wanted, entry) in self.parts.values.iter_mut() {
            if wanted == pointer || wanted.starts_with(&below) {
                *entry = Err(SourceProblem::PointerTwice(pointer.to_owned()));
            }
        }
    }
}

/// The members of an object or elements of an array, by reference token.
fn children<'a>(node: &'a str, kind: &str) -> Option<Vec<(String, &'a str)>> {
    match kind {
        "an object" => members(node),
        "an array" => {
            let numbered = elements(node).into_iter().enumerate();
            Some(
                numbered
                    .map(|(index, node)| (index.to_string(), node))
                    .collect(),
            )
        }
        _ => None,
    }
}

/// The text of a string, in memory that is wiped.
fn string(node: &str, pointer: &str) -> Result<Secret, SourceProblem> {
    // An escape is longer than what it stands for, so all of it fits.
    let mut value = Scratch::with_capacity(node.len());
    let whole = decode(node, &mut |piece| {
        let _ = value.push(piece.as_bytes());
    });
    match whole {
        Some(()) => Ok(value.into_secret()),
        None => Err(SourceProblem::HalfPair(pointer.to_owned())),
    }
}
