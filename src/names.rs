//! Names with a rule, parsed once at the edge.
//!
//! In: text of the policy, a file name or a container variable's name. Out: a
//! type that cannot hold anything else. A name may be printed; a value may not.
//!
//! **Never:** a name that an environment block, a path or a terminal would
//! read as something else.

use std::fmt;

use crate::report::quote;

/// The longest name that Linux accepts for a file (`NAME_MAX`, limits.h).
const NAME_BYTES: usize = 255;

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    /// The text in question, escaped.
    pub text: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not a name: {}", self.text, self.rule)
    }
}

/// The name of a secret: one path component, as files in a secret directory
/// have it. No leading dot, so `..` and Kubernetes' `..data` are none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(String);

impl SecretName {
    /// Checks `text` against the rule for secret names.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let rule = if text.is_empty() {
            "it is empty"
        } else if text.starts_with('.') {
            "it starts with a dot"
        } else if text.len() > NAME_BYTES {
            "it is longer than 255 bytes"
        } else if text.chars().any(|c| c == '/' || c.is_control()) {
            "it has a slash or a control character"
        } else {
            return Ok(Self(text.into()));
        };
        Err(NameError {
            text: quote(text),
            rule,
        })
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quote(&self.0))
    }
}

/// The name of an environment variable: `[A-Za-z_][A-Za-z0-9_]*`, the portable
/// set of POSIX.1-2017, Base Definitions 8.1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariableName(String);

impl VariableName {
    /// Checks `text` against the rule for variable names.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let rule = if text.is_empty() {
            "it is empty"
        } else if text.starts_with(|c: char| c.is_ascii_digit()) {
            "it starts with a digit"
        } else if text
            .chars()
            .any(|c| !(c.is_ascii_alphanumeric() || c == '_'))
        {
            "a variable's name has only letters, digits and `_`"
        } else {
            return Ok(Self(text.into()));
        };
        Err(NameError {
            text: quote(text),
            rule,
        })
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VariableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quote(&self.0))
    }
}
