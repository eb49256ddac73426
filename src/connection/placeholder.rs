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
pub fn is_placeholder(name: &SecretName, value: &Secret) -> bool {
    let clear = compared(value);
    is_well_known(value)
        || is_called_like(name.as_str(), value)
        || ends_in_development(clear)
        || (clear.starts_with(b"${") && clear.ends_with(b"}"))
        || (clear.starts_with(b"<") && clear.ends_with(b">"))
}

/// Whether `value` is a word that everybody uses.
#[must_use]
pub fn is_well_known(value: &Secret) -> bool {
    let mut words = WORDS.iter();
    words.any(|word| same_letters(compared(value), word.as_bytes()))
}

/// Whether `value` is the name of its secret: `db-password.secret` holds
/// `db-password`.
#[must_use]
pub fn is_called_like(name: &str, value: &Secret) -> bool {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    [name, stem]
        .iter()
        .any(|word| same_letters(compared(value), word.as_bytes()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "compared with well-known words, never shown"
)]
fn compared(value: &Secret) -> &[u8] {
    value.expose()
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
