//! From a question to an answer in git's own lines.
//!
//! In: the rules, a question, the holder of the values. Out: the lines for git
//! with what to say about it, or only what to say.
//!
//! No capability is offered back: `authtype` would hand over a finished header,
//! which git-credential(1) wants from helpers that announce it, and a user and
//! a password serve every version of git.
//!
//! **Never:** an answer that git would split into other lines than ours.

use std::time::{SystemTime, UNIX_EPOCH};

use super::remark::{Outcome, Remark};
use super::request::Request;
use super::rules::{CredentialRule, choose};
use crate::names::SecretName;
use crate::secret::Secret;

/// Git reads no longer line (git-credential(1)).
const LINE_BYTES: usize = 65_535;

/// The holder of the values: it lends the password that is called so.
pub type Passwords<'a> = dyn Fn(&SecretName) -> Option<Password<'a>> + 'a;

/// A value on loan.
pub struct Password<'a> {
    /// The value.
    pub value: &'a Secret,
    /// The second since 1970 from which it is worth nothing, if that is known.
    pub expires: Option<u64>,
}

/// The answer to a question, and what to say about it.
pub(super) fn to(
    rules: &[CredentialRule],
    request: &Request,
    passwords: &Passwords<'_>,
) -> (Option<Secret>, Remark) {
    let of = |outcome| Remark::of(request, outcome);
    let rule = match choose(rules, request) {
        Ok(rule) => rule,
        Err(mismatch) => return (None, of(Outcome::NoRule(mismatch))),
    };
    let name = || rule.password.clone();
    let Some(password) = passwords(&rule.password) else {
        return (None, of(Outcome::Absent(name())));
    };
    if password.expires.is_some_and(|end| end <= now()) {
        return (None, of(Outcome::Expired(name())));
    }
    match lines(&rule.username, &password) {
        Some(answer) => (Some(answer), of(Outcome::Given(name()))),
        None => (None, of(Outcome::NotALine(name()))),
    }
}

fn lines(username: &str, password: &Password<'_>) -> Option<Secret> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the value becomes a line of the answer to git"
    )]
    let value = password.value.expose();
    let is_line = !value.is_empty() && !value.iter().any(|byte| matches!(byte, 0 | b'\n' | b'\r'));
    if !is_line || value.len() > LINE_BYTES - "password=".len() {
        return None;
    }
    let expiry = password
        .expires
        .map(|end| format!("password_expiry_utc={end}\n"));
    Some(Secret::concat(&[
        b"username=",
        username.as_bytes(),
        b"\npassword=",
        value,
        b"\n",
        expiry.unwrap_or_default().as_bytes(),
        b"\n",
    ]))
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
