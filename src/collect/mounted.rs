//! The files that lie below the secret directories, asked for or not.
//!
//! In: the open directories. Out: with a policy, everything that it does not
//! name, because it has to be withheld; without one, every file by its name.
//!
//! **Never:** a refusal because of a file that nobody asks for.

use std::path::{Path, PathBuf};

use super::container::Container;
use super::conventions::{Fate, fate, normalised};
use super::directory::{Entry, Found, Located, Scopes};
use super::fault::CollectFault;
use super::file::{FileProblem, judge, judge_raw};
use super::vault::{Reason, Vault};
use crate::names::{SecretName, SecretPath, VariableName};
use crate::policy::nearest;
use crate::secret::Secret;

/// What Kubernetes puts into every pod beside the token. None of it is secret,
/// and a namespace called `production` must not take `NODE_ENV` away.
const PUBLIC: [&str; 2] = [
    "kubernetes.io/serviceaccount/namespace",
    "kubernetes.io/serviceaccount/ca.crt",
];

/// What becomes of the final newline.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Newline {
    /// It does not belong to the value.
    Cut,
    /// `"raw": true`.
    Kept,
}

impl Newline {
    /// What `raw` asks for.
    pub(crate) fn of(raw: bool) -> Self {
        if raw { Self::Kept } else { Self::Cut }
    }
}

/// Withholds every file that the vault does not have yet.
pub(super) fn withhold_the_rest(vault: &mut Vault, scopes: &Scopes) -> Result<(), CollectFault> {
    scopes.walk(&mut |entry| match entry {
        Entry::Top(found) => {
            let label = found.below.clone();
            withhold(vault, found, &label, Reason::NotAsked);
        }
        Entry::Nested(found, label) => withhold(vault, found, &label, Reason::NotAsked),
        Entry::Shut(path) => withhold_shut(vault, path),
        Entry::EmptyDirectory(_) => {}
    })
}

fn withhold(vault: &mut Vault, found: Found<'_>, label: &Path, reason: Reason) {
    if vault.from_file(&found.path).is_some() {
        return;
    }
    let label = label.to_string_lossy().into_owned();
    if PUBLIC.contains(&label.as_str()) {
        vault.withhold(label, found.path, None, Reason::Public);
        return;
    }
    let value = found.read().ok().map(Secret::without_final_newline);
    vault.withhold(label, found.path, value, reason);
}

fn withhold_shut(vault: &mut Vault, path: PathBuf) {
    let label = path.to_string_lossy().into_owned();
    vault.withhold(label, path, None, Reason::NotAsked);
}

/// Reads every file: without a policy each one is asked for by its name, or by
/// a `VAR_FILE`.
pub(super) fn read_by_convention(
    vault: &mut Vault,
    scopes: &Scopes,
    container: &Container,
) -> Vec<CollectFault> {
    let mut faults = read_named(vault, scopes, container);
    let walked = scopes.walk(&mut |entry| match entry {
        Entry::Top(found) => faults.extend(read_top(vault, found)),
        Entry::Nested(found, label) => withhold(vault, found, &label, Reason::NotAsked),
        Entry::Shut(path) => withhold_shut(vault, path),
        Entry::EmptyDirectory(path) => faults.extend(empty_directory(path)),
    });
    faults.extend(walked.err());
    faults
}

const BY_NAME: &str = "its name, by convention";

fn read_top(vault: &mut Vault, found: Found<'_>) -> Option<CollectFault> {
    if vault.from_file(&found.path).is_some() {
        return None;
    }
    let label = found.below.clone();
    let name = label.to_str().and_then(|name| SecretName::parse(name).ok());
    let (name, fate) = match name {
        // A narrower scope's file of that name counts.
        Some(name) if vault.has(&name) => {
            withhold(vault, found, &label, Reason::NotAsked);
            return None;
        }
        Some(name) => (Some(name.clone()), fate(name.as_str())),
        None => (None, Fate::NoVariable),
    };
    match (name, fate) {
        (Some(name), Fate::Main) => match checked(&found, BY_NAME, Newline::Cut) {
            Ok(value) => vault.hold_file(name, value, found.path),
            Err(fault) => return Some(fault),
        },
        (_, Fate::Git) => withhold(vault, found, &label, Reason::Git),
        (_, Fate::Main | Fate::NoVariable) => withhold(vault, found, &label, Reason::NoVariable),
    }
    None
}

/// Docker makes an empty directory where the host's file of a bind mount does
/// not exist. One that is called like a credential was meant to be one.
fn empty_directory(path: PathBuf) -> Option<CollectFault> {
    let name = path.file_name().and_then(|name| name.to_str())?;
    super::conventions::is_named_like_a_credential(name).then(|| CollectFault::File {
        path,
        problem: FileProblem::Directory,
        ownership: None,
        asked: BY_NAME.to_owned(),
    })
}

/// The files of a `VAR_FILE`. `VAR` beside it is refused, as official images
/// do; a path that leads elsewhere than to a secret is none of our business.
fn read_named(vault: &mut Vault, scopes: &Scopes, container: &Container) -> Vec<CollectFault> {
    let mut faults = Vec::new();
    for (variable, path) in container.named_files() {
        let by = format!("the container variable `{}_FILE`", variable.as_str());
        let located = scopes.locate(path);
        if !matches!(located, Located::Outside) && container.filled(variable.as_str()).is_some() {
            let variable = variable.as_str().to_owned();
            faults.push(CollectFault::VariableTwice { variable });
            continue;
        }
        let (found, name) = match located {
            Located::Outside => continue,
            Located::Unmounted => {
                faults.push(CollectFault::File {
                    path: path.to_path_buf(),
                    problem: FileProblem::Absent,
                    ownership: None,
                    asked: by,
                });
                continue;
            }
            Located::Top(found) => {
                let name = found.below.to_str().map(SecretName::parse);
                (found, name.and_then(Result::ok))
            }
            Located::Nested(found) => (found, None),
        };
        faults.extend(hold_named(vault, &found, name, variable, &by));
    }
    faults
}

/// Holds a named file under its own name, or under the variable's where it has
/// none of its own.
fn hold_named(
    vault: &mut Vault,
    found: &Found<'_>,
    name: Option<SecretName>,
    variable: VariableName,
    by: &str,
) -> Option<CollectFault> {
    let known = vault.from_file(&found.path).cloned();
    let own = name.filter(|name| !vault.has(name));
    let name = match known.clone().or(own) {
        Some(name) => name,
        None => SecretName::parse(variable.as_str()).ok()?,
    };
    if fate(name.as_str()) == Fate::Git {
        return None;
    }
    if known.is_none() {
        match checked(found, by, Newline::Cut) {
            Ok(value) => vault.hold_file(name.clone(), value, found.path.clone()),
            Err(fault) => return Some(fault),
        }
    }
    let file_variable = format!("{}_FILE", variable.as_str());
    vault.sources.insert(file_variable);
    vault.named.push(name, variable);
    None
}

/// A value as it is delivered, or why it is none.
pub(crate) fn finished(value: Secret, newline: Newline) -> Result<Secret, FileProblem> {
    let (value, judge): (_, fn(&[u8]) -> _) = match newline {
        Newline::Kept => (value, judge_raw),
        Newline::Cut => (value.without_final_newline(), judge),
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "an empty or blank value is refused"
    )]
    judge(value.expose())?;
    Ok(value)
}

/// Reads a file whose value is wanted.
pub(super) fn checked(
    found: &Found<'_>,
    by: &str,
    newline: Newline,
) -> Result<Secret, CollectFault> {
    found
        .read()
        .and_then(|value| finished(value, newline))
        .map_err(|problem| unusable(found, problem, by))
}

/// The fault of a file that is no usable secret.
pub(super) fn unusable(found: &Found<'_>, problem: FileProblem, by: &str) -> CollectFault {
    CollectFault::File {
        path: found.path.clone(),
        problem,
        ownership: found.ownership(),
        asked: by.to_owned(),
    }
}

/// The fault of a file that no directory has. The name may lack an extension or
/// be mistyped, so that of another file or of one of `connections` is meant.
pub(super) fn missing(
    name: &SecretPath,
    scopes: &Scopes,
    connections: Vec<String>,
    by: &str,
) -> CollectFault {
    let mut others = connections;
    // What cannot be listed has a message of its own.
    let _ = scopes.walk(&mut |entry| {
        if let Entry::Top(Found { below, .. }) | Entry::Nested(_, below) = entry {
            others.extend(below.to_str().map(str::to_owned));
        }
    });
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    let asked = name.as_path().to_string_lossy();
    let same = |other: &&&str| normalised(other) == normalised(&asked);
    let near = others.iter().find(same).copied();
    CollectFault::Missing {
        name: name.clone(),
        near: near.or_else(|| nearest(&asked, &others)).map(str::to_owned),
        searched: scopes.searched.clone(),
        asked: by.to_owned(),
    }
}

#[cfg(test)]
mod tests;
