//! What the log says about a question of git's.
//!
//! In: a question and what became of it. Out: one line that names host, path
//! and the reason, and the same as fields.
//!
//! **Never:** anything else of the question: a client can write a value into
//! it, for example as `password`.

use super::request::{Request, RequestError};
use super::rules::Mismatch;
use crate::json::Value;
use crate::names::SecretName;
use crate::report::{Reporter, quote};

/// One thing to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The host and the path, as git names them.
    pub asked: Option<(String, String)>,
    /// What became of the question.
    pub outcome: Outcome,
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The secret has no value: it is optional and absent.
    Absent(SecretName),
    /// The question is none.
    Broken(RequestError),
    /// More was asked in vain than is worth a line each.
    Enough,
    /// The secret's time is over.
    Expired(SecretName),
    /// The secret was given.
    Given(SecretName),
    /// No rule of the policy serves it.
    NoRule(Mismatch),
    /// The secret is no line of text, so git cannot read it.
    NotALine(SecretName),
    /// Another user than the command's asked.
    Stranger(u32),
}

impl Remark {
    /// About a question that was understood.
    pub(super) fn of(request: &Request, outcome: Outcome) -> Self {
        let path = request.path.clone().unwrap_or_default();
        Self {
            asked: Some((request.host.clone(), path)),
            outcome,
        }
    }

    /// About a question that is none.
    pub(super) fn broken(error: RequestError) -> Self {
        Self::about(Outcome::Broken(error))
    }

    /// About a client of another user.
    pub(super) fn stranger(uid: u32) -> Self {
        Self::about(Outcome::Stranger(uid))
    }

    /// About all further questions.
    pub(super) fn enough() -> Self {
        Self::about(Outcome::Enough)
    }

    fn about(outcome: Outcome) -> Self {
        Self {
            asked: None,
            outcome,
        }
    }

    /// Writes it: what was given only with `-v`, what was not always.
    pub fn write(&self, report: Reporter) {
        let (event, text) = ("git-credential", self.text());
        let (host, path) = self.asked.clone().unwrap_or_default();
        let fields = [
            ("host", Value::from(host)),
            ("path", path.into()),
            ("is_given", self.is_given().into()),
            ("reason", self.reason().into()),
        ];
        let level = u8::from(self.is_given());
        report.detail(level, event, &text, &fields);
    }

    fn is_given(&self) -> bool {
        matches!(self.outcome, Outcome::Given(_))
    }

    /// The line for people.
    #[must_use]
    pub fn text(&self) -> String {
        let reason = self.reason();
        match &self.asked {
            Some((host, path)) if self.is_given() => {
                format!(
                    "git has a credential for {} {}: {reason}",
                    quote(host),
                    quote(path)
                )
            }
            Some((host, path)) => {
                format!(
                    "git has no credential for {} {}: {reason}",
                    quote(host),
                    quote(path)
                )
            }
            None => format!("git's helper was not answered: {reason}"),
        }
    }

    fn reason(&self) -> String {
        match &self.outcome {
            Outcome::Absent(name) => format!("the secret {name} is not there"),
            Outcome::Broken(error) => format!("its question is none: {error}"),
            Outcome::Enough => "this is no longer reported for this command".into(),
            Outcome::Expired(name) => format!("the secret {name} has expired"),
            Outcome::Given(name) => format!("the secret {name}"),
            Outcome::NoRule(mismatch) => mismatch.to_string(),
            Outcome::NotALine(name) => format!("the secret {name} is not one line of text"),
            Outcome::Stranger(uid) => format!("uid {uid} asked, and it is not the command's user"),
        }
    }
}
