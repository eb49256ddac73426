//! Every way in which collecting can fail, with the words for it.
//!
//! In: names, paths, owners, modes, error numbers. Out: what, where, fix.
//!
//! **Never:** a value or anything derived from one.

use std::path::PathBuf;

use nix::errno::Errno;
use nix::unistd::geteuid;

use super::accounts::AccountProblem;
use super::file::{FileProblem, LIMIT, Ownership};
use super::source::SourceProblem;
use crate::connection::ConnectionError;
use crate::environment::ValueProblem;
use crate::exit::Exit;
use crate::names::{SecretName, VariableName};
use crate::report::{Fault, list, quote};

/// One thing that keeps main from being started.
#[derive(Debug)]
pub enum CollectFault {
    /// A secret directory is there but cannot be opened or listed.
    Directory {
        /// The directory.
        path: PathBuf,
        /// The kernel's answer.
        errno: Errno,
    },
    /// No directory has a file of this name.
    Missing {
        /// The secret.
        name: SecretName,
        /// Where it was looked for.
        searched: Vec<PathBuf>,
        /// Who asked for it.
        asked: String,
    },
    /// A file is there but is no usable secret.
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: FileProblem,
        /// Whose it is, if that can be told.
        ownership: Option<Ownership>,
        /// Who asked for it.
        asked: String,
    },
    /// A dotenv or JSON file does not have what a policy names.
    Source {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: SourceProblem,
        /// Who asked for it.
        asked: String,
    },
    /// A container variable that is a source is not set.
    VariableMissing {
        /// The variable.
        variable: VariableName,
        /// Who asked for it.
        asked: String,
    },
    /// A container variable cannot be a secret.
    VariableUnusable {
        /// The variable.
        variable: String,
        /// What is wrong with its value.
        problem: FileProblem,
        /// Who asked for it.
        asked: String,
    },
    /// Both `VAR` and `VAR_FILE` are set.
    VariableTwice {
        /// The variable without `_FILE`.
        variable: String,
    },
    /// A `VAR_FILE` that names no absolute path.
    PathNotAbsolute {
        /// The variable with `_FILE`.
        variable: String,
    },
    /// A container variable holds a reference that only a resolver could turn
    /// into a value.
    Unresolved {
        /// The variable.
        variable: String,
        /// The form of the reference, without the rest.
        form: &'static str,
    },
    /// A value cannot be delivered as a variable.
    Value {
        /// The variable it was meant for.
        variable: VariableName,
        /// What is wrong.
        problem: ValueProblem,
        /// Who asked for it.
        asked: String,
    },
    /// The container already sets a variable to something else.
    Conflict {
        /// The variable.
        variable: VariableName,
        /// The secret that would set it.
        secret: String,
    },
    /// Two secrets would set one variable.
    SameVariable {
        /// The variable.
        variable: VariableName,
        /// The first secret.
        first: String,
        /// The second one.
        second: String,
    },
    /// A connection cannot be assembled.
    Connection {
        /// Its name in the policy, or the variable by convention.
        name: String,
        /// Why not.
        error: ConnectionError,
        /// Who asked for it.
        asked: String,
    },
    /// By convention: a container variable gives a host, port or name that is
    /// none.
    Endpoint {
        /// The variable in question, or the one to be built.
        variable: String,
        /// The rule that it breaks.
        rule: String,
    },
    /// `inherit` names a variable that holds a withheld value.
    InheritedSecret {
        /// The variable.
        variable: String,
        /// The secret that it would give away.
        secret: String,
        /// The policy's entry.
        asked: String,
    },
    /// The user to run as cannot be resolved.
    Account {
        /// Why not.
        problem: AccountProblem,
        /// The policy's entry.
        asked: String,
    },
}

impl Fault for CollectFault {
    fn what(&self) -> String {
        match self {
            Self::Directory { errno, .. } => {
                format!(
                    "cannot open a secret directory: {}",
                    errno.desc().to_lowercase()
                )
            }
            Self::Missing { name, .. } => format!("the secret {name} is absent"),
            Self::File { path, problem, .. } => {
                format!("the secret {} {}", shown(path), problem_text(*problem))
            }
            Self::Source { problem, .. } => problem.what(),
            Self::VariableMissing { variable, .. } => {
                format!("the container variable {variable} is not set")
            }
            Self::VariableUnusable {
                variable, problem, ..
            } => {
                format!(
                    "the container variable {} {}",
                    quote(variable),
                    problem_text(*problem)
                )
            }
            Self::VariableTwice { variable } => {
                format!(
                    "both {} and {} are set",
                    quote(variable),
                    quote(format!("{variable}_FILE"))
                )
            }
            Self::PathNotAbsolute { variable } => {
                format!("{} is not an absolute path", quote(variable))
            }
            Self::Unresolved { variable, form } => {
                format!(
                    "{} holds a {form} reference, and there is no resolver yet",
                    quote(variable)
                )
            }
            Self::Value {
                variable, problem, ..
            } => match problem {
                ValueProblem::Nul => {
                    format!("the value for {variable} has a NUL byte, which no variable can hold")
                }
                ValueProblem::TooLong => {
                    format!(
                        "the value for {variable} is too long: the kernel takes 131071 bytes of `NAME=value`"
                    )
                }
            },
            Self::Conflict { variable, secret } => {
                format!(
                    "{variable} already has a different value than the secret {} gives it",
                    quote(secret)
                )
            }
            Self::SameVariable {
                variable,
                first,
                second,
            } => {
                format!(
                    "the secrets {} and {} both give {variable}",
                    quote(first),
                    quote(second)
                )
            }
            Self::Connection { name, error, .. } => {
                format!("cannot build {}: {error}", quote(name))
            }
            Self::Endpoint { variable, rule } => format!("cannot use {}: {rule}", quote(variable)),
            Self::InheritedSecret {
                variable, secret, ..
            } => {
                format!(
                    "{} holds the value of {}, which main may not have",
                    quote(variable),
                    quote(secret)
                )
            }
            Self::Account { problem, .. } => match problem {
                AccountProblem::UnknownUser(name) => format!("there is no user {}", quote(name)),
                AccountProblem::UnknownGroup(name) => format!("there is no group {}", quote(name)),
                AccountProblem::GroupMissing(uid) => {
                    format!("user {uid} has no entry that names its group")
                }
            },
        }
    }

    fn place(&self) -> String {
        match self {
            Self::Directory { path, .. } => {
                format!("{}, opened as uid {}", path.display(), geteuid())
            }
            Self::Missing {
                searched, asked, ..
            } => {
                let paths: Vec<String> = searched
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect();
                format!(
                    "{}, as uid {}; asked for by {asked}",
                    list(&paths),
                    geteuid()
                )
            }
            Self::File {
                path,
                ownership,
                asked,
                ..
            } => {
                format!("{}; asked for by {asked}", file_place(path, *ownership))
            }
            Self::Source { path, asked, .. } => format!("{}; asked for by {asked}", path.display()),
            Self::VariableMissing { asked, .. }
            | Self::VariableUnusable { asked, .. }
            | Self::Value { asked, .. }
            | Self::Connection { asked, .. }
            | Self::InheritedSecret { asked, .. }
            | Self::Account { asked, .. } => asked.clone(),
            Self::VariableTwice { .. }
            | Self::PathNotAbsolute { .. }
            | Self::Unresolved { .. }
            | Self::Conflict { .. }
            | Self::Endpoint { .. } => "the container's environment".into(),
            Self::SameVariable { .. } => "the names of the secret files, by convention".into(),
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Directory { path, .. } => {
                format!("let uid {} list {} (mode 0755, or make it the owner)", geteuid(), path.display())
            }
            Self::Missing { .. } => {
                "mount it (compose: `secrets:` of the service), correct the name, or mark it `\"optional\": true`".into()
            }
            Self::File { path, problem, .. } => file_remedy(path, *problem),
            Self::Source { problem, .. } => problem.remedy(),
            Self::VariableMissing { variable, .. } => {
                format!("set {variable} or {}_FILE for the container, or mark the secret `\"optional\": true`", variable.as_str())
            }
            Self::VariableUnusable { .. } => "give it a value; a file under /run/secrets is the safer way".into(),
            Self::VariableTwice { .. } => "keep the one ending in `_FILE`".into(),
            Self::PathNotAbsolute { .. } => "write the whole path, for example `/run/secrets/NAME`".into(),
            Self::Unresolved { .. } => "resolve it before the start and mount the value as a file".into(),
            Self::Value { problem, .. } => match problem {
                ValueProblem::Nul => "deliver it as a file: move the entry from `run.env` to `run.files`".into(),
                ValueProblem::TooLong => {
                    "deliver it as a file: a policy's `run.files` has no such limit".into()
                }
            },
            Self::Conflict { variable, .. } => {
                format!("take {variable} out of the container's environment (a development default?), or unmount the secret")
            }
            Self::SameVariable { .. } => "rename or unmount one, or say in a policy what each is for".into(),
            Self::Connection { .. } => "change the password, or deliver its parts instead of the whole".into(),
            Self::Endpoint { .. } => "correct the variable, or describe the connection in a policy".into(),
            Self::InheritedSecret { secret, .. } => {
                format!("take the variable out of `run.inherit`, or permit {} in `run.env`", quote(secret))
            }
            Self::Account { problem, .. } => match problem {
                AccountProblem::UnknownUser(_) => "add it to /etc/passwd of the image, or give numbers: `UID:GID`".into(),
                AccountProblem::UnknownGroup(_) => "add it to /etc/group of the image, or give its number".into(),
                AccountProblem::GroupMissing(uid) => format!("name the group too: `\"user\": \"{uid}:{uid}\"`"),
            },
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Directory { errno, .. } if *errno != Errno::EACCES => Exit::System,
            Self::File {
                problem: FileProblem::System(_),
                ..
            } => Exit::System,
            _ => Exit::Policy,
        }
    }
}

/// A file, whose it is, and who we are.
pub(super) fn file_place(path: &std::path::Path, ownership: Option<Ownership>) -> String {
    let owner = ownership.map_or_else(
        || "owner and mode unknown".into(),
        |of| format!("owner {}:{}, mode {:04o}", of.uid, of.gid, of.mode),
    );
    format!("{} ({owner}), read as uid {}", path.display(), geteuid())
}

fn shown(path: &std::path::Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    quote(name.as_encoded_bytes())
}

pub(super) fn problem_text(problem: FileProblem) -> String {
    match problem {
        FileProblem::Absent => "is absent".into(),
        FileProblem::Dangling => "is a link to a file that does not exist".into(),
        FileProblem::Unreadable => "cannot be read: permission denied".into(),
        FileProblem::LeavesDirectory => "is a link out of its secret directory".into(),
        FileProblem::Directory => "is a directory, not a file".into(),
        FileProblem::Special => "is a FIFO, socket or device, not a file".into(),
        FileProblem::TooLarge => format!("is larger than {LIMIT} bytes"),
        FileProblem::Empty => "is empty".into(),
        FileProblem::Blank => "has nothing but blanks".into(),
        FileProblem::ByteOrderMark => "starts with a byte order mark".into(),
        FileProblem::System(errno) => format!("cannot be read: {}", errno.desc().to_lowercase()),
    }
}

fn file_remedy(path: &std::path::Path, problem: FileProblem) -> String {
    match problem {
        FileProblem::Absent | FileProblem::Dangling => {
            "mount the file that it stands for, or unmount it".into()
        }
        FileProblem::Unreadable => format!(
            "let uid {} read it: run the container as its owner (compose: `user:`), or give the file on the host mode 0444 in a directory of mode 0700; Swarm and Kubernetes: `uid`, `mode`, `defaultMode`",
            geteuid()
        ),
        FileProblem::LeavesDirectory => "mount the file itself in place of the link".into(),
        FileProblem::Directory => format!(
            "mount a file; Docker makes a directory where the host's file of a bind mount does not exist: check the host's side of {}",
            path.display()
        ),
        FileProblem::Special => "mount a regular file".into(),
        FileProblem::TooLarge => "a secret has at most 1 MiB; mount larger data as a volume".into(),
        FileProblem::Empty | FileProblem::Blank => "write the value into it, or unmount it".into(),
        FileProblem::ByteOrderMark => {
            "save it as UTF-8 without a byte order mark, or mark the secret `\"raw\": true`".into()
        }
        FileProblem::System(_) => "look at the storage behind the mount; a restart may help".into(),
    }
}
