//! JSON, one level at a time, without a copy of its values, and strings of it that
//! a terminal can be shown.
//!
//! In: a node of a text that `serde_json` has found well-formed; a text. Out: its
//! type, its members or elements in their order, its text; a string.
//!
//! **Never:** a tree, or a value in an error. Duplicate keys are kept: the
//! caller decides what they mean.

mod value;

use std::fmt::Write as _;

use serde::Deserialize as _;
use serde_json::Deserializer;
use serde_json::value::RawValue;

use crate::redact::redacted_text;
use crate::report::steers;

pub use value::Value;

/// Where a text is not JSON any more.
pub(crate) struct Broken {
    /// From 1 on.
    pub(crate) line: usize,
    /// From 1 on, in bytes; 0 is the end of the line before.
    pub(crate) column: usize,
    /// What it is there.
    pub(crate) fault: Fault,
}

/// Why a text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It ends within the node.
    Early,
    /// Something follows the node.
    Late,
    /// Anything else.
    Syntax,
}

/// The one node that a text consists of.
pub(crate) fn root(text: &[u8]) -> Result<&str, Broken> {
    let mut deserializer = Deserializer::from_slice(text);
    let node = <&RawValue>::deserialize(&mut deserializer).map_err(|error| {
        let fault = if error.is_eof() {
            Fault::Early
        } else {
            Fault::Syntax
        };
        Broken::at(&error, fault)
    })?;
    let end = deserializer.end();
    end.map_err(|error| Broken::at(&error, Fault::Late))?;
    Ok(node.get())
}

impl Broken {
    fn at(error: &serde_json::Error, fault: Fault) -> Self {
        Self {
            line: error.line(),
            column: error.column(),
            fault,
        }
    }
}

/// The JSON type of a node, with its article.
#[must_use]
pub(crate) fn kind(node: &str) -> &'static str {
    match node.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// The members of an object. `None` where a key has half a surrogate pair.
pub(crate) fn members(object: &str) -> Option<Vec<(String, &str)>> {
    let nodes = elements(object);
    let members = nodes.as_chunks().0.iter();
    members
        .map(|[key, value]| Some((text(key)?, *value)))
        .collect()
}

/// The elements of an array; of an object, each key and each value.
pub(crate) fn elements(array: &str) -> Vec<&str> {
    let mut elements = Vec::new();
    let (mut depth, mut start) = (0_usize, 1);
    let (mut is_text, mut is_escaped) = (false, false);
    let mut rest = array.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if is_text {
            is_text = is_escaped || *byte != b'"';
            is_escaped = !is_escaped && *byte == b'\\';
            continue;
        }
        match byte {
            b'"' => is_text = true,
            b'[' | b'{' => depth = depth.saturating_add(1),
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        // Between nodes stand only signs and blanks.
        if depth == 0 || depth == 1 && matches!(byte, b',' | b':') {
            let at = array.len() - rest.len();
            let element = array.get(start..at - 1).unwrap_or_default().trim_ascii();
            elements.extend((!element.is_empty()).then_some(element));
            start = at;
        }
    }
    elements
}

/// The text of a string. `None` where it has half a surrogate pair.
pub(crate) fn text(string: &str) -> Option<String> {
    let mut text = String::new();
    decode(string, &mut |piece| text.push_str(piece))?;
    Some(text)
}

/// The text of a string, piece by piece. `None` at half a surrogate pair.
pub(crate) fn decode(string: &str, put: &mut dyn FnMut(&str)) -> Option<()> {
    let mut rest = string.strip_prefix('"')?.strip_suffix('"')?;
    while let Some((plain, behind)) = rest.split_once('\\') {
        put(plain);
        let (character, behind) = escape(behind)?;
        put(character.encode_utf8(&mut [0; 4]));
        rest = behind;
    }
    put(rest);
    Some(())
}

/// One escape without its backslash (RFC 8259, 7), and what follows it.
fn escape(text: &str) -> Option<(char, &str)> {
    let (letter, rest) = text.split_at_checked(1)?;
    let character = match letter {
        "n" => '\n',
        "r" => '\r',
        "t" => '\t',
        "b" => '\u{8}',
        "f" => '\u{c}',
        "u" => return unicode_escape(rest),
        other => other.chars().next()?,
    };
    Some((character, rest))
}

fn unicode_escape(text: &str) -> Option<(char, &str)> {
    let (high, rest) = four_hex_digits(text)?;
    if let Some(character) = char::from_u32(high.into()) {
        return Some((character, rest));
    }
    let (low, rest) = four_hex_digits(rest.strip_prefix("\\u")?)?;
    let character = char::decode_utf16([high, low]).next()?.ok()?;
    Some((character, rest))
}

fn four_hex_digits(text: &str) -> Option<(u16, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    Some((u16::from_str_radix(digits, 16).ok()?, rest))
}

/// Writes a string with its quotation marks, without what is secret. Besides what
/// JSON asks for, all is escaped that steers a terminal or reorders a line: people
/// read logs too.
pub(crate) fn put_text(out: &mut String, text: &str) {
    out.push('"');
    for character in redacted_text(text).chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            _ if steers(character) => put_escape(out, character),
            _ => out.push(character),
        }
    }
    out.push('"');
}

fn put_escape(out: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing to a String cannot fail.
        let _ = write!(out, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{elements, members, root, text};

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i16>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
            "[\\PC\u{0}-\u{1f}\"\\\\]{0,8}".prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let key = "[\\[\\]{},:\"\\\\a ]{0,4}";
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                proptest::collection::btree_map(key, inner, 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    /// Whether our one level is serde_json's, all the way down.
    fn agrees(node: &str, value: &Value) -> bool {
        match value {
            Value::Array(expected) => {
                let found = elements(node);
                found.len() == expected.len()
                    && found
                        .iter()
                        .zip(expected)
                        .all(|(node, value)| agrees(node, value))
            }
            Value::Object(expected) => members(node).is_some_and(|found| {
                found.len() == expected.len()
                    && found.iter().all(|(key, node)| {
                        expected.get(key).is_some_and(|value| agrees(node, value))
                    })
            }),
            Value::String(expected) => text(node).as_ref() == Some(expected),
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                serde_json::from_str::<Value>(node).is_ok_and(|found| found == *value)
            }
        }
    }

    proptest! {
        #[test]
        fn every_level_reads_as_serde_json_reads_it(value in any_value(), is_pretty: bool) {
            let written = if is_pretty {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                value.to_string()
            };
            let node = root(written.as_bytes()).ok().unwrap();
            prop_assert!(agrees(node, &value), "{written}");
        }

        #[test]
        fn an_escape_reads_as_serde_json_reads_it(
            string in "(\\\\u[0-9a-fA-F]{4}|\\\\u[dD][89abcdefABCDEF][0-9a-f]{2}|\\\\[\"\\\\/bfnrt]|[a-z]){0,6}"
        ) {
            let string = format!("\"{string}\"");
            prop_assert!(root(string.as_bytes()).is_ok());
            prop_assert_eq!(text(&string), serde_json::from_str(&string).ok());
        }
    }
}
