//! Why a checked connection cannot take a certain form.
//!
//! In: the part that is wanted and the clear bytes of the credential. Out:
//! what the form has no way to write.
//!
//! **Never:** a byte of the credential, its length or the place of the byte.

use std::fmt;

use super::Part;

/// Why a connection cannot become the wanted form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionError {
    /// The credential is empty: a client would log in without one.
    CredentialEmpty,
    /// The connection names a credential and none was handed over.
    CredentialMissing,
    /// The form has no way to write a byte that the credential holds.
    NotCarried {
        /// The form in question.
        part: Part,
        /// What the credential holds: `a NUL byte`.
        content: &'static str,
    },
    /// This connection has no such part.
    NotOffered {
        /// The part that was asked for.
        part: Part,
    },
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CredentialEmpty => f.write_str("the credential is empty"),
            Self::CredentialMissing => f.write_str("the credential is missing"),
            Self::NotCarried { part, content } => {
                write!(
                    f,
                    "the credential has {content}, which `{}` cannot carry",
                    part.as_str()
                )
            }
            Self::NotOffered { part } => {
                write!(f, "this connection has no part `{}`", part.as_str())
            }
        }
    }
}

/// What in the credential the form cannot carry. A part on its own carries
/// every byte; `.conf` escapes all but NUL, which ends a password for Redis 6.
pub(super) fn not_carried(part: Part, clear: &[u8]) -> Option<&'static str> {
    if matches!(part, Part::Password | Part::SecretKey) {
        None
    } else if clear.contains(&0) {
        Some("a NUL byte")
    } else if matches!(part, Part::Pgpass | Part::McHost) && clear.contains(&b'\n') {
        Some("a newline")
    } else if matches!(part, Part::Pgpass | Part::McHost) && clear.contains(&b'\r') {
        Some("a carriage return")
    } else if part == Part::McHost && clear.contains(&b':') {
        Some("a colon")
    } else if part == Part::Url && std::str::from_utf8(clear).is_err() {
        // Python, JavaScript and Java decode to text and would change it.
        Some("bytes that are not UTF-8")
    } else {
        None
    }
}
