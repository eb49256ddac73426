//! Strings of a JSON file, by RFC 6901 pointer.
//!
//! In: the file's text. Out: the wanted strings. Only where a wanted pointer
//! leads is the text looked into; the rest counts as "more".
//!
//! **Never:** a library's buffer for a value, which nobody would wipe; a guess
//! about a key that stands there twice.

use serde_json::value::RawValue;

use super::{Parts, SourceProblem, checked};
use crate::json::{kind, members};
use crate::secret::{Scratch, Secret};
use crate::sorted::Set;

/// As deep as serde_json itself goes into a document.
const LEVELS: usize = 128;

pub(super) fn parts(file: &[u8], wanted: &Set<&str>) -> Result<Parts, SourceProblem> {
    let root: &RawValue = serde_json::from_slice(file)
        .map_err(|error| SourceProblem::JsonSyntax(error.line(), error.column()))?;
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
    fn visit(&mut self, node: &RawValue, pointer: &str, level: usize) {
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
fn children<'a>(node: &'a RawValue, kind: &str) -> Option<Vec<(String, &'a RawValue)>> {
    match kind {
        "an object" => members(node).ok(),
        "an array" => {
            let elements: Vec<&RawValue> = serde_json::from_str(node.get()).ok()?;
            let numbered = elements.into_iter().enumerate();
            Some(
                numbered
                    .map(|(index, node)| (index.to_string(), node))
                    .collect(),
            )
        }
        _ => None,
    }
}

/// Decodes a string that `serde_json` has found well-formed.
fn string(node: &RawValue, pointer: &str) -> Result<Secret, SourceProblem> {
    let text = node.get().as_bytes();
    let inner = text.strip_prefix(b"\"").unwrap_or_default();
    let mut rest = inner.strip_suffix(b"\"").unwrap_or_default();
    let mut value = Scratch::with_capacity(rest.len());
    while let Some((&byte, behind)) = rest.split_first() {
        if byte != b'\\' {
            let _ = value.push(&[byte]);
            rest = behind;
            continue;
        }
        let (character, behind) =
            escape(behind).ok_or_else(|| SourceProblem::HalfPair(pointer.to_owned()))?;
        // An escape is longer than what it stands for, so it always fits.
        let _ = value.push(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = behind;
    }
    Ok(value.into_secret())
}

/// One escape without its backslash (RFC 8259, 7), and what follows it.
fn escape(text: &[u8]) -> Option<(char, &[u8])> {
    let (&letter, rest) = text.split_first()?;
    let character = match letter {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => return unicode_escape(rest),
        other => char::from(other),
    };
    Some((character, rest))
}

fn unicode_escape(text: &[u8]) -> Option<(char, &[u8])> {
    let (high, rest) = four_hex_digits(text)?;
    if let Some(character) = char::from_u32(high.into()) {
        return Some((character, rest));
    }
    let (low, rest) = four_hex_digits(rest.strip_prefix(b"\\u")?)?;
    let character = char::decode_utf16([high, low]).next()?.ok()?;
    Some((character, rest))
}

fn four_hex_digits(text: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = text.split_at_checked(4)?;
    let number = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    Some((number, rest))
}
