//! Values inside a file: assignments of a dotenv file, strings of a JSON file.
//!
//! In: a secret file's bytes and the keys or pointers that are wanted. Out: for
//! each the value, or what is wrong, by line and key; and whether the file
//! holds more than was asked for.
//!
//! **Never:** a value or the text around it in an error; an expansion inside a
//! value; a number or a whole object passed off as a string.

mod dotenv;
mod json;

use crate::report::quote;
use crate::secret::Secret;
use crate::sorted::{Map, Set};

/// References that some other tool turns into a value.
const REFERENCES: [(&str, &str); 10] = [
    ("op://", "1Password (`op://`)"),
    ("arn:aws:secretsmanager:", "AWS Secrets Manager"),
    ("arn:aws:ssm:", "AWS Parameter Store"),
    ("gcp:secretmanager:", "Google Secret Manager"),
    ("sm://", "Google Secret Manager (`sm://`)"),
    ("berglas://", "berglas"),
    ("ENC[", "SOPS (`ENC[`)"),
    ("sops:", "SOPS"),
    ("fernet:", "Fernet"),
    ("vault:", "Vault"),
];

/// The form of a file that holds several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Lines of `KEY=value`.
    Dotenv,
    /// RFC 8259.
    Json,
}

/// What a file with several values holds.
pub struct Parts {
    values: Map<String, Result<Secret, SourceProblem>>,
    /// Whether there is anything that was not wanted: another value, a comment.
    pub has_more: bool,
}

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
    /// The pointer passes a key that its object has twice.
    PointerTwice(String),
    /// The pointer leads to something else than a string.
    NotString(String, &'static str),
    /// Half a surrogate pair stands in the string.
    HalfPair(String),
    /// An empty string.
    Empty(String),
    /// A reference of this form instead of a value.
    Reference(String, &'static str),
}

impl Format {
    /// Takes the `wanted` keys or pointers out of a file.
    pub fn parts(self, file: &[u8], wanted: &Set<&str>) -> Result<Parts, SourceProblem> {
        let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
        match self {
            Self::Dotenv => dotenv::parts(file, wanted),
            Self::Json => json::parts(file, wanted),
        }
    }
}

impl Parts {
    /// Nothing found yet.
    fn none(wanted: &Set<&str>, absent: fn(String) -> SourceProblem) -> Self {
        let values = wanted.iter();
        Self {
            values: values
                .map(|&key| (key.to_owned(), Err(absent(key.to_owned()))))
                .collect(),
            has_more: false,
        }
    }

    /// The value of a wanted key or pointer.
    pub fn get(&self, key: &str) -> Result<Secret, SourceProblem> {
        match self.values.get(key) {
            Some(Ok(value)) => Ok(value.duplicate()),
            Some(Err(problem)) => Err(problem.clone()),
            None => Err(SourceProblem::NoKey(key.to_owned())),
        }
    }
}

impl SourceProblem {
    /// Whether the file merely lacks the entry.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::NoKey(_) | Self::NoPointer(_))
    }

    /// What went wrong.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Self::NoKey(key) => format!("there is no assignment of {}", quote(key)),
            Self::KeyTwice(key, first, second) => {
                let key = quote(key);
                format!("{key} is assigned twice, in lines {first} and {second}")
            }
            Self::DotenvSyntax(line) => format!("line {line} is no `KEY=value`"),
            Self::OpenQuote(line) => format!("the quote opened in line {line} is never closed"),
            Self::JsonSyntax(line, column) => format!("not JSON at line {line}, column {column}"),
            Self::NoPointer(pointer) => format!("there is nothing at {}", quote(pointer)),
            Self::PointerTwice(pointer) => format!("{} stands there twice", quote(pointer)),
            Self::NotString(pointer, found) => {
                format!("{found}, not a string, stands at {}", quote(pointer))
            }
            Self::HalfPair(pointer) => {
                format!("the string at {} has half a surrogate pair", quote(pointer))
            }
            Self::Empty(name) => format!("the value of {} is empty", quote(name)),
            Self::Reference(name, form) => {
                let name = quote(name);
                format!("{name} holds a {form} reference, and there is no resolver yet")
            }
        }
    }

    /// What to change.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NoKey(_) | Self::NoPointer(_) => {
                "correct the key in the policy or in the file, or mark the secret `\"optional\": true`"
            }
            Self::KeyTwice(..) | Self::PointerTwice(_) => "keep one of the two",
            Self::DotenvSyntax(_) => {
                "write `KEY=value`, `KEY='value'` or `KEY=\"value\"`, one a line"
            }
            Self::OpenQuote(_) => "close it, or leave both quotes out",
            Self::JsonSyntax(..) => "save the file as JSON (RFC 8259)",
            Self::NotString(..) => "point to a string; a number or object has no single spelling",
            Self::HalfPair(_) => "write the character itself, or both halves (RFC 8259, section 7)",
            Self::Empty(_) => "write the value into the file",
            Self::Reference(..) => "resolve it before the start, and write the value in its place",
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

/// Refuses what no program could use.
fn checked(value: Secret, name: &str) -> Result<Secret, SourceProblem> {
    #[expect(
        clippy::disallowed_methods,
        reason = "an empty value and a reference are refused"
    )]
    let clear = value.expose();
    if clear.is_empty() {
        return Err(SourceProblem::Empty(name.to_owned()));
    }
    match std::str::from_utf8(clear).ok().and_then(reference_form) {
        Some(form) => Err(SourceProblem::Reference(name.to_owned(), form)),
        None => Ok(value),
    }
}

#[cfg(test)]
mod tests;
