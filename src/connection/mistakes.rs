//! Everything that is wrong with the fields of one connection, gathered.
//!
//! In: fields as they were written. Out: the same, present and well-formed, or
//! one more `FieldError`.
//!
//! **Never:** the text of a field in which somebody may have put a credential.

use std::fmt;

use crate::report::quote;

use super::Fields;
use super::address::{self, Address, Misread};

/// One field that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The key in the policy.
    pub field: &'static str,
    /// What was found; for `options` the key; `None` where that says nothing or
    /// could show a credential.
    pub detail: Option<String>,
    /// What is expected instead.
    pub rule: &'static str,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.field)?;
        if let Some(detail) = &self.detail {
            write!(f, " {}", quote(detail))?;
        }
        write!(f, ": {}", self.rule)
    }
}

/// What has been found so far.
#[derive(Default)]
pub(super) struct Mistakes(Vec<FieldError>);

impl Mistakes {
    pub(super) fn add(&mut self, field: &'static str, detail: Option<String>, rule: &'static str) {
        self.0.push(FieldError {
            field,
            detail,
            rule,
        });
    }

    pub(super) fn into_errors(self) -> Vec<FieldError> {
        self.0
    }

    /// A field without which there is no connection.
    pub(super) fn needed<T>(&mut self, field: &'static str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.add(field, None, "it is missing");
        }
        value
    }

    /// Free text: not empty (an unset variable expands to nothing), and without
    /// control characters, which no form but a URL could carry.
    pub(super) fn text(&mut self, field: &'static str, value: Option<String>) -> Option<String> {
        let rule = match value.as_deref() {
            Some("") => "it is empty",
            Some(text) if text.chars().any(char::is_control) => "it has a control character",
            _ => return value,
        };
        // As for an address: before an `@` may stand a password.
        let shown = value.filter(|text| !text.contains('@'));
        self.add(field, shown, rule);
        None
    }

    /// Free text without which there is no connection.
    pub(super) fn needed_text(
        &mut self,
        field: &'static str,
        value: Option<String>,
    ) -> Option<String> {
        let value = self.needed(field, value);
        self.text(field, value)
    }

    /// The servers of `host`, those without a port of their own at `port`.
    pub(super) fn hosts(
        &mut self,
        host: Option<String>,
        port: Option<u16>,
        default: Option<u16>,
    ) -> Option<Vec<Address>> {
        if port == Some(0) {
            self.add("port", None, "a port is a number from 1 to 65535");
        }
        let text = self.needed("host", host)?;
        let mut list = match address::parse_list(&text) {
            Ok(list) => list,
            Err(rule) => {
                self.address("host", &text, rule);
                return None;
            }
        };
        if port.is_some() && list.iter().all(|address| address.port.is_some()) {
            self.add("port", None, "`host` has a port already");
        }
        for address in &mut list {
            address.port = address.port.or(port).or(default);
        }
        Some(list)
    }

    /// Looks at what readers make of each address before `rest`, which is a path
    /// from its slash on and comes from the field `path`.
    pub(super) fn misread(
        &mut self,
        scheme: &str,
        addresses: &[Address],
        rest: &str,
        path: &'static str,
    ) {
        match addresses
            .iter()
            .find_map(|address| address::misread(scheme, address, rest))
        {
            None => {}
            Some(Misread::Path) => {
                self.add(path, None, "other clients resolve `.` and `..` in it");
            }
            Some(Misread::Host) => {
                let field = if path == "endpoint" { path } else { "host" };
                self.add(field, None, "other clients read another address");
            }
        }
    }

    /// Says what is wrong with a host or endpoint. One with an `@` is not
    /// shown, because what stands before it may be a password.
    pub(super) fn address(&mut self, field: &'static str, text: &str, rule: &'static str) {
        if text.contains('@') {
            let rule =
                "it has an `@`: the user goes into its own field, the password into a secret";
            self.add(field, None, rule);
        } else {
            self.add(field, Some(text.to_owned()), rule);
        }
    }
}

/// Refuses what this kind does not have, so that nothing is silently ignored.
pub(super) fn strangers(
    fields: &Fields,
    own: &[&str],
    rule: &'static str,
    mistakes: &mut Mistakes,
) {
    let given = [
        ("host", fields.host.is_some()),
        ("port", fields.port.is_some()),
        ("user", fields.user.is_some()),
        ("password", fields.password.is_some()),
        ("database", fields.database.is_some()),
        ("options", !fields.options.is_empty()),
        ("endpoint", fields.endpoint.is_some()),
        ("access_key", fields.access_key.is_some()),
        ("secret_key", fields.secret_key.is_some()),
        ("bucket", fields.bucket.is_some()),
        ("scheme", fields.scheme.is_some()),
        ("path", fields.path.is_some()),
        ("tls", fields.tls.is_some()),
    ];
    for (field, is_given) in given {
        if is_given && !own.contains(&field) {
            mistakes.add(field, None, rule);
        }
    }
}
