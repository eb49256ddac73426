//! Values inside a file: one assignment of a dotenv file, one string of JSON.
//!
//! In: a secret file's bytes and the key or pointer. Out: the value, or what is
//! wrong with the file, by line and key.
//!
//! **Never:** a value or the text around it in an error; an expansion inside a
//! value; a number or a whole object passed off as a string.

use serde_json::value::RawValue;

use crate::json::{kind, members};
use crate::report::quote;
use crate::secret::{Scratch, Secret};

/// References that some other tool turns into a value.
const REFERENCES: [(&str, &str); 9] = [
    ("op://", "1Password (`op://`)"),
    ("arn:aws:secretsmanager:", "AWS Secrets Manager"),
    ("arn:aws:ssm:", "AWS Parameter Store"),
    ("gcp:secretmanager:", "Google Secret Manager"),
    ("berglas://", "berglas"),
    ("ENC[", "SOPS (`ENC[`)"),
    ("sops:", "SOPS"),
    ("fernet:", "Fernet"),
    ("vault:", "Vault"),
];

/// Why an entry cannot be taken from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceProblem {
    /// No assignment of this key.
    NoKey(String),
    /// Two assignments of this key, on these lines.
    KeyTwice(String, usize, usize),
    /// A dotenv line that is no assignment, comment or blank line.
    DotenvSyntax(usize),
    /// A quote that is opened on this line and never closed.
    OpenQuote(usize),
    /// The file is not JSON.
    JsonSyntax(usize, usize),
    /// The pointer leads nowhere.
    NoPointer(String),
    /// The pointer leads to something else than a string.
    NotString(String, &'static str),
    /// An empty string.
    Empty(String),
}

impl SourceProblem {
    /// What went wrong.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Self::NoKey(key) => format!("there is no assignment of {}", quote(key)),
            Self::KeyTwice(key, first, second) => {
                format!(
                    "{} is assigned twice, in lines {first} and {second}",
                    quote(key)
                )
            }
            Self::DotenvSyntax(line) => format!("line {line} is no `KEY=value`"),
            Self::OpenQuote(line) => format!("the quote opened in line {line} is never closed"),
            Self::JsonSyntax(line, column) => format!("not JSON at line {line}, column {column}"),
            Self::NoPointer(pointer) => format!("there is nothing at {}", quote(pointer)),
            Self::NotString(pointer, found) => {
                format!("{found}, not a string, stands at {}", quote(pointer))
            }
            Self::Empty(name) => format!("the value of {} is empty", quote(name)),
        }
    }

    /// What to change.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::NoKey(_) | Self::NoPointer(_) => {
                "correct the key in the policy or in the file, or mark the secret `\"optional\": true`".into()
            }
            Self::KeyTwice(..) => "keep one of the two".into(),
            Self::DotenvSyntax(_) => "write `KEY=value`, `KEY='value'` or `KEY=\"value\"`, one a line".into(),
            Self::OpenQuote(_) => "close it, or leave both quotes out".into(),
            Self::JsonSyntax(..) => "save the file as JSON (RFC 8259)".into(),
            Self::NotString(..) => "point to a string; a number or object has no single spelling".into(),
            Self::Empty(_) => "write the value into the file".into(),
        }
    }
}

/// The kind of reference that a text is, if it is one.
#[must_use]
pub fn reference_form(text: &str) -> Option<&'static str> {
    let (prefix, form) = REFERENCES
        .iter()
        .find(|(prefix, _)| text.starts_with(prefix))?;
    // `vault:8200` is a host and a port; a reference has a path and a `#key`.
    (*prefix != "vault:" || text.contains('#')).then_some(*form)
}

/// The value of `key` in a dotenv file: `KEY=value`, optionally after `export`;
/// `'literal'`, `"with \n escapes"` or bare up to ` #`; quotes may span lines.
pub fn dotenv(file: &[u8], key: &str) -> Result<Secret, SourceProblem> {
    let mut lines = Lines {
        rest: file,
        line: 0,
    };
    let mut found: Option<(usize, Secret)> = None;
    while let Some(line) = lines.next() {
        let Some((name, value)) =
            assignment(line).map_err(|()| SourceProblem::DotenvSyntax(lines.line))?
        else {
            continue;
        };
        let at = lines.line;
        let value = lines.value(value)?;
        if name != key.as_bytes() {
            continue;
        }
        if let Some((first, _)) = found {
            return Err(SourceProblem::KeyTwice(key.to_owned(), first, at));
        }
        found = Some((at, value));
    }
    let (_, value) = found.ok_or_else(|| SourceProblem::NoKey(key.to_owned()))?;
    refuse_empty(value, key)
}

fn refuse_empty(value: Secret, name: &str) -> Result<Secret, SourceProblem> {
    #[expect(clippy::disallowed_methods, reason = "an empty value is refused")]
    if value.expose().is_empty() {
        return Err(SourceProblem::Empty(name.to_owned()));
    }
    Ok(value)
}

struct Lines<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        self.line += 1;
        let (line, rest) = match self.rest.iter().position(|&byte| byte == b'\n') {
            Some(end) => (self.rest.get(..end)?, self.rest.get(end + 1..)?),
            None => (self.rest, &[][..]),
        };
        self.rest = rest;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// The value that starts with `first`, the rest of its line.
    fn value(&mut self, first: &'a [u8]) -> Result<Secret, SourceProblem> {
        match first.first() {
            Some(&quote @ (b'\'' | b'"')) => self.quoted(quote, first.get(1..).unwrap_or_default()),
            _ => Ok(Secret::concat(&[bare(first)])),
        }
    }

    fn quoted(&mut self, quote: u8, first: &'a [u8]) -> Result<Secret, SourceProblem> {
        let opened = self.line;
        let mut value = Scratch::with_capacity(first.len() + self.rest.len() + 1);
        let mut line = first;
        loop {
            match take_quoted(quote, line, &mut value) {
                Some(behind) if is_comment_or_blank(behind) => return Ok(value.into_secret()),
                Some(_) => return Err(SourceProblem::DotenvSyntax(self.line)),
                None => {}
            }
            // It has room for the whole file, so pushing cannot fail.
            let _ = value.push(b"\n");
            line = self.next().ok_or(SourceProblem::OpenQuote(opened))?;
        }
    }
}

/// Name and value of a line; `None` for a comment or blank line.
fn assignment(line: &[u8]) -> Result<Option<(&[u8], &[u8])>, ()> {
    let line = line
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(line)
        .trim_ascii();
    if is_comment_or_blank(line) {
        return Ok(None);
    }
    let line = line.strip_prefix(b"export ").unwrap_or(line);
    let sign = line.iter().position(|&byte| byte == b'=').ok_or(())?;
    let (name, value) = line.split_at_checked(sign).ok_or(())?;
    let name = name.trim_ascii();
    let is_name = !name.is_empty()
        && name
            .iter()
            .all(|&byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    let value = value.get(1..).unwrap_or_default().trim_ascii_start();
    if is_name {
        Ok(Some((name, value)))
    } else {
        Err(())
    }
}

fn is_comment_or_blank(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), None | Some(b'#'))
}

/// An unquoted value ends before ` #` and trailing blanks.
fn bare(text: &[u8]) -> &[u8] {
    if text.first() == Some(&b'#') {
        return &[];
    }
    let comment = text
        .windows(2)
        .position(|pair| matches!(pair, [b' ' | b'\t', b'#']));
    text.get(..comment.unwrap_or(text.len()))
        .unwrap_or(text)
        .trim_ascii_end()
}

/// Takes one line of a quoted value; what stands behind the closing quote, or
/// `None` if it goes on in the next line.
fn take_quoted<'a>(quote: u8, line: &'a [u8], value: &mut Scratch) -> Option<&'a [u8]> {
    let mut rest = line;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte == quote {
            return Some(rest);
        }
        let mut taken = byte;
        if let (b'"', b'\\', Some((&escaped, behind))) = (quote, byte, rest.split_first()) {
            if let Some(meant) = unescaped(escaped) {
                taken = meant;
                rest = behind;
            }
        }
        let _ = value.push(&[taken]);
    }
    None
}

fn unescaped(byte: u8) -> Option<u8> {
    match byte {
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'"' | b'\\' | b'$' => Some(byte),
        _ => None,
    }
}

/// The string at an RFC 6901 pointer of a JSON file.
pub fn json(file: &[u8], pointer: &str) -> Result<Secret, SourceProblem> {
    let syntax = |error: serde_json::Error| SourceProblem::JsonSyntax(error.line(), error.column());
    let mut node: &RawValue = serde_json::from_slice(file).map_err(syntax)?;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        node = child(node, &token).ok_or_else(|| SourceProblem::NoPointer(pointer.to_owned()))?;
    }
    match kind(node) {
        "a string" => {
            let text = node.get().as_bytes();
            let inner = text
                .get(1..text.len().saturating_sub(1))
                .unwrap_or_default();
            refuse_empty(json_string(inner), pointer)
        }
        other => Err(SourceProblem::NotString(pointer.to_owned(), other)),
    }
}

fn child<'a>(node: &'a RawValue, token: &str) -> Option<&'a RawValue> {
    match kind(node) {
        "an object" => {
            let members = members(node).ok()?;
            members
                .into_iter()
                .rev()
                .find(|(key, _)| key == token)
                .map(|(_, value)| value)
        }
        "an array" => {
            let elements: Vec<&RawValue> = serde_json::from_str(node.get()).ok()?;
            // RFC 6901, 4: no leading zeros.
            let is_index = token == "0" || !token.starts_with('0');
            elements
                .get(token.parse::<usize>().ok().filter(|_| is_index)?)
                .copied()
        }
        _ => None,
    }
}

/// Decodes the inside of a JSON string that serde_json has found well-formed.
/// It is decoded here, because a library's buffer would not be wiped.
fn json_string(inner: &[u8]) -> Secret {
    let mut value = Scratch::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'\\' {
            let _ = value.push(&[byte]);
            continue;
        }
        let (character, behind) = json_escape(rest);
        rest = behind;
        // An escape is longer than what it stands for, so it always fits.
        let _ = value.push(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    value.into_secret()
}

/// One escape without its backslash (RFC 8259, 7), and what follows it.
fn json_escape(text: &[u8]) -> (char, &[u8]) {
    let Some((&letter, rest)) = text.split_first() else {
        return ('\\', text);
    };
    let character = match letter {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => return unicode_escape(rest),
        other => char::from(other),
    };
    (character, rest)
}

fn unicode_escape(text: &[u8]) -> (char, &[u8]) {
    let Some((high, rest)) = four_hex_digits(text) else {
        return (char::REPLACEMENT_CHARACTER, text);
    };
    if let Some(character) = char::from_u32(high) {
        return (character, rest);
    }
    let low = rest.strip_prefix(b"\\u").and_then(four_hex_digits);
    let Some((low, behind)) = low else {
        return (char::REPLACEMENT_CHARACTER, rest);
    };
    let both = char::decode_utf16([high, low].map(|unit| u16::try_from(unit).unwrap_or(0)))
        .next()
        .and_then(Result::ok);
    both.map_or((char::REPLACEMENT_CHARACTER, rest), |character| {
        (character, behind)
    })
}

fn four_hex_digits(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(4)?;
    let number = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    Some((number, rest))
}

#[cfg(test)]
mod tests;
