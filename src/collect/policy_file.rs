//! The policy's file becomes its bytes.
//!
//! In: the path that was asked for, or the default one. Out: a checked policy,
//! `None` where there is no default file, or every mistake.
//!
//! **Never:** a start without the policy that was asked for.

use std::path::{Path, PathBuf};

use super::container::Container;
use super::directory::read_path;
use super::file::{FileProblem, Ownership};
use super::learn_values;
use super::wording::{file_place, problem_text};
use crate::exit::Exit;
use crate::policy::{self, Policy};
use crate::report::{Fault, boxed, quote};
use crate::secret::Secret;

/// The policy that is read if nobody names another, and if it exists.
pub const DEFAULT: &str = "/etc/vestibule/policy.json";

type Refusals = Vec<Box<dyn Fault>>;

/// Reads and checks the policy.
pub fn read(
    asked: Option<&Path>,
    profile: Option<&str>,
    container: &Container,
) -> Result<Option<Policy>, Refusals> {
    let read = read_and_check(asked, profile, container);
    if read.is_err() {
        learn_values(None, container);
    }
    read
}

fn read_and_check(
    asked: Option<&Path>,
    profile: Option<&str>,
    container: &Container,
) -> Result<Option<Policy>, Refusals> {
    let path = asked.unwrap_or(Path::new(DEFAULT));
    match read_path(path) {
        Ok(bytes) => parse(&bytes, path, profile, container).map(Some),
        Err((FileProblem::Absent, _)) if asked.is_none() => match profile {
            None => Ok(None),
            Some(profile) => Err(vec![boxed(PolicyFileError::ProfileWithout(
                profile.to_owned(),
            ))]),
        },
        Err((problem, ownership)) => Err(vec![boxed(PolicyFileError::Unusable {
            path: path.to_path_buf(),
            problem,
            ownership,
        })]),
    }
}

fn parse(
    bytes: &Secret,
    path: &Path,
    profile: Option<&str>,
    container: &Container,
) -> Result<Policy, Refusals> {
    let variable = |name: &str| container.get(name)?.to_str().map(str::to_owned);
    #[expect(
        clippy::disallowed_methods,
        reason = "a policy holds no secret; it is read by the same careful hands"
    )]
    let parsed = policy::parse(bytes.expose(), path, profile, &variable);
    parsed.map_err(|error| {
        let mistakes = error.mistakes().iter().cloned();
        mistakes.map(boxed).collect()
    })
}

/// A policy that cannot be read.
#[derive(Debug)]
enum PolicyFileError {
    /// The file is not there, or is no readable file.
    Unusable {
        path: PathBuf,
        problem: FileProblem,
        ownership: Option<Ownership>,
    },
    /// A profile was asked for, but there is no policy.
    ProfileWithout(String),
}

impl Fault for PolicyFileError {
    fn what(&self) -> String {
        match self {
            Self::Unusable { problem, .. } => {
                format!("the policy {}", problem_text(*problem))
            }
            Self::ProfileWithout(profile) => format!(
                "there is no policy that could have a profile {}",
                quote(profile)
            ),
        }
    }

    fn place(&self) -> String {
        match self {
            Self::Unusable {
                path, ownership, ..
            } => file_place(path, *ownership),
            Self::ProfileWithout(_) => {
                format!("option `--profile`, or VESTIBULE_PROFILE; looked for {DEFAULT}")
            }
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Unusable { .. } => "correct `--policy` (or VESTIBULE_POLICY), or mount the file so that our user can read it".into(),
            Self::ProfileWithout(_) => format!("mount the policy at {DEFAULT}, or name it with `--policy`"),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Unusable {
                problem: FileProblem::System(_),
                ..
            } => Exit::System,
            Self::Unusable { .. } | Self::ProfileWithout(_) => Exit::Policy,
        }
    }
}

#[cfg(test)]
mod tests;
