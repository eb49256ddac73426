//! Values that nobody chose: the ones of examples and development files.
//!
//! In: a secret and its name. Out: whether to warn.
//!
//! **Never:** the value, or which entry of the list it met.

use crate::names::SecretName;
use crate::secret::Secret;

/// As `letters` sees them: lower case, without separators.
const WORDS: [&str; 22] = [
    "admin",
    "changeit",
    "changeme",
    "changeme123",
    "default",
    "dummy",
    "example",
    "foobared",
    "minioadmin",
    "pass",
    "passwd",
    "password",
    "password123",
    "placeholder",
    "postgres",
    "redis",
    "replaceme",
    "root",
    "secret",
    "test",
    "todo",
    "yourpassword",
];

/// `postgres_dev_password`, `app-dev-password`.
const DEVELOPMENT: &[u8] = b"devpassword";

/// Whether `value` is a well-known placeholder, the name of its secret, or an
/// unfilled template (`${DB_PASSWORD}`, `<password>`).
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "compared with well-known words, never shown"
)]
pub fn is_placeholder(name: &SecretName, value: &Secret) -> bool {
    let value = value.expose();
    let file = name.as_str();
    // `db-password.secret` holds `db-password`.
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    WORDS
        .iter()
        .chain(&[file, stem])
        .any(|word| same_letters(value, word.as_bytes()))
        || ends_in_development(value)
        || (value.starts_with(b"${") && value.ends_with(b"}"))
        || (value.starts_with(b"<") && value.ends_with(b">"))
}

fn same_letters(value: &[u8], word: &[u8]) -> bool {
    letters(value).next().is_some() && letters(value).eq(letters(word))
}

fn ends_in_development(value: &[u8]) -> bool {
    let count = letters(value).count();
    count >= DEVELOPMENT.len()
        && letters(value)
            .skip(count - DEVELOPMENT.len())
            .eq(DEVELOPMENT.iter().copied())
}

/// Letters and digits in lower case; a value with anything beyond separators
/// (`Change!Me`) was chosen by somebody.
fn letters(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes
        .iter()
        .filter(|byte| !matches!(byte, b'-' | b'_' | b'.' | b' '))
        .map(u8::to_ascii_lowercase)
}
