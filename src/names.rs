//! Names with a rule, parsed once at the edge.
//!
//! In: text of the policy, a file name or a container variable's name. Out: a
//! type that cannot hold anything else. A name may be printed; a value may not.
//!
//! **Never:** a name that an environment block, a path or a terminal would
//! read as something else.

use std::fmt;
use std::path::Path;

use crate::report::quote;

/// The longest name that Linux accepts for a file (`NAME_MAX`, limits.h).
const NAME_BYTES: usize = 255;

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    /// The text in question.
    pub text: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if could_be_a_name(&self.text) {
            write!(f, "{} is not a name: {}", quote(&self.text), self.rule)
        } else {
            write!(f, "this is not a name: {}", self.rule)
        }
    }
}

/// A word of a policy for a message, if anything can be called so: a key of several
/// lines or the like is somebody's value in the wrong place.
#[must_use]
pub fn shown(word: &str) -> String {
    if could_be_a_name(word) {
        quote(word)
    } else {
        "[not a name]".into()
    }
}

/// Whether anybody can have meant this as the name of something.
#[must_use]
pub(crate) fn could_be_a_name(text: &str) -> bool {
    text.len() <= NAME_BYTES && !text.contains(['\n', '\r'])
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
            text: text.into(),
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

/// The path of a file below a secret directory: names of secrets with slashes
/// between them, as Kubernetes has `kubernetes.io/serviceaccount/token`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretPath(String);

impl SecretPath {
    /// Checks each part of `text` against the rule for secret names.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        for part in text.split('/') {
            SecretName::parse(part)?;
        }
        Ok(Self(text.into()))
    }

    /// The path, relative to a secret directory.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl fmt::Display for SecretPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quote(&self.0))
    }
}

impl From<&SecretName> for SecretPath {
    fn from(name: &SecretName) -> Self {
        Self(name.as_str().into())
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
            text: text.into(),
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

#[cfg(test)]
mod tests {
    use super::{SecretName, SecretPath, VariableName, shown};

    #[test]
    fn a_secret_s_name_is_one_visible_path_component() {
        let long = "x".repeat(255);
        for name in ["db", "db-password.secret", "a b", "p\u{e4}ss", "-", &long] {
            assert_eq!(SecretName::parse(name).unwrap().as_str(), name);
        }
        let longer = "x".repeat(256);
        for name in [
            "", ".", "..", "..data", ".env", "a/b", "a\n", "a\u{1b}", &longer,
        ] {
            assert!(SecretName::parse(name).is_err(), "{name:?}");
        }
        assert!(SecretPath::parse("kubernetes.io/serviceaccount/token").is_ok());
        for path in ["", "/a", "a/", "a//b", "../a", "a/..data/b"] {
            assert!(SecretPath::parse(path).is_err(), "{path:?}");
        }
        let error = SecretName::parse("a\u{1b}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`a\\u{1b}` is not a name: it has a slash or a control character"
        );
    }

    #[test]
    fn what_nothing_can_be_called_is_not_repeated() {
        for text in ["two\nlines", &"x".repeat(256)] {
            let error = SecretName::parse(text).unwrap_err();
            assert!(
                error.to_string().starts_with("this is not a name: "),
                "{error}"
            );
            assert_eq!(shown(text), "[not a name]");
        }
        assert_eq!(shown("enviroment"), "`enviroment`");
        assert_eq!(shown(&"x".repeat(255)), format!("`{}…`", "x".repeat(80)));
    }

    #[test]
    fn a_variable_s_name_is_portable() {
        for name in ["A", "_", "a1_B"] {
            assert_eq!(
                VariableName::parse(name).unwrap().to_string(),
                format!("`{name}`")
            );
        }
        for name in ["", "1A", "A-B", "A=B", "A B", "\u{e4}", "A\0"] {
            assert!(VariableName::parse(name).is_err(), "{name:?}");
        }
    }
}
