//! Well-formed JSON: read one level at a time without a copy of its values, and
//! written as strings that a terminal can be shown.
//!
//! In: a node as text; a text. Out: its type and its members, in their order; a
//! string.
//!
//! **Never:** a tree, or a value in an error. Duplicate keys are kept: the
//! caller decides what they mean.

use std::fmt::{self, Write as _};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::report::steers;

/// The JSON type of a node, with its article.
#[must_use]
pub(crate) fn kind(node: &RawValue) -> &'static str {
    match node.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// The members of an object. Fails where a key has a broken escape.
pub(crate) fn members(object: &RawValue) -> serde_json::Result<Vec<(String, &RawValue)>> {
    serde_json::from_str(object.get()).map(|Members(members)| members)
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// Writes a string with its quotation marks. Besides what JSON asks for, all is
/// escaped that steers a terminal or reorders a line: people read logs too.
pub(crate) fn put_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            _ if steers(character) => put_escape(out, character),
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// JSON of another writer, with the same escapes: what steers can only stand in
/// its strings.
pub(crate) fn tamed(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if steers(character) {
            put_escape(&mut out, character);
        } else {
            out.push(character);
        }
    }
    out
}

fn put_escape(out: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing to a String cannot fail.
        let _ = write!(out, "\\u{unit:04x}");
    }
}
