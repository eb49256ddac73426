//! What can go wrong around git's credentials, in words.
//!
//! In: the step and what the system said. Out: what, where, fix.
//!
//! **Never:** a value, or what a foreign program printed about one.

use std::io;
use std::path::{Path, PathBuf};

use super::key::KeyProblem;
use super::request::RequestError;
use crate::exit::Exit;
use crate::names::SecretName;
use crate::report::{Fault, quote, said};

/// A step that did not work.
#[derive(Debug)]
pub enum GitFault {
    /// The agent ended, or never said where it listens.
    AgentSilent(PathBuf),
    /// The agent could not be ended.
    AgentStays(i32, String),
    /// A program could not be started.
    Launch(&'static str, String),
    /// A secret is no key that could be added.
    Key(SecretName, KeyProblem),
    /// `ssh-add` refused a key, or took too long.
    KeyRefused(SecretName),
    /// An SSH program is not in the image.
    Missing(&'static str),
    /// Our helper cannot be named to git.
    Program(PathBuf),
    /// git's question is none.
    Question(RequestError),
    /// The socket cannot be made there.
    Socket(PathBuf, String),
    /// The socket does not answer.
    Unreachable(PathBuf, String),
}

impl GitFault {
    /// A socket that cannot be made.
    pub(super) fn socket(place: &Path, error: &io::Error) -> Self {
        Self::Socket(place.into(), reason(error))
    }

    /// A socket that cannot be used.
    pub(super) fn unreachable(socket: &Path, error: &io::Error) -> Self {
        Self::Unreachable(socket.into(), reason(error))
    }
}

/// The system's word without Rust's number.
fn reason(error: &io::Error) -> String {
    let errno = error.raw_os_error().map(nix::errno::Errno::from_raw);
    errno.map_or_else(|| error.kind().to_string(), said)
}

impl Fault for GitFault {
    fn what(&self) -> String {
        match self {
            Self::AgentSilent(_) => "the SSH agent does not start".into(),
            Self::AgentStays(_, reason) => format!("the SSH agent cannot be ended: {reason}"),
            Self::Launch(program, reason) => format!("cannot start `{program}`: {reason}"),
            Self::Key(name, problem) => format!("the secret {name} {problem}"),
            Self::KeyRefused(name) => format!("`ssh-add` does not accept the secret {name}"),
            Self::Missing(program) => format!("`{program}` is not in this image"),
            Self::Program(_) => "git cannot be told where vestibule is".into(),
            Self::Question(error) => format!("git's question cannot be passed on: {error}"),
            Self::Socket(_, reason) => {
                format!("cannot make the socket for git's credentials: {reason}")
            }
            Self::Unreachable(_, reason) => {
                format!("git's credentials are out of reach: {reason}")
            }
        }
    }

    fn place(&self) -> String {
        match self {
            Self::AgentSilent(path)
            | Self::Program(path)
            | Self::Socket(path, _)
            | Self::Unreachable(path, _) => quote(path.as_os_str().as_encoded_bytes()),
            Self::AgentStays(pid, _) => format!("process {pid}"),
            Self::Launch(program, _) => format!("`{program}`, as setup's user"),
            Self::Key(..) | Self::KeyRefused(_) => "`ssh` of a setup command".into(),
            Self::Missing(_) => super::agent::PLACES.join(", "),
            Self::Question(_) => "standard input of `vestibule git-credential`".into(),
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::AgentSilent(_) => {
                "let setup's user write there, and execute `ssh-agent`".into()
            }
            Self::AgentStays(..) => {
                "let PID 1 have CAP_KILL (compose: `cap_add: [KILL]`), or setup its own user".into()
            }
            Self::Launch(..) => {
                "raise the container's process limit (`pids_limit`) or its memory".into()
            }
            Self::Key(_, problem) => problem.remedy().into(),
            Self::KeyRefused(_) => {
                "try the key with `ssh-keygen -y -P '' -f FILE`: it has to be whole, and of a type that the image's OpenSSH knows".into()
            }
            Self::Missing(_) => "install OpenSSH's client in the image, or leave `ssh` out".into(),
            Self::Program(_) => "start vestibule by an absolute path".into(),
            Self::Question(_) => "this subcommand is for git alone".into(),
            Self::Socket(..) => {
                "give the container a writable tmpfs with a short path (compose: `tmpfs: [/tmp]`)"
                    .into()
            }
            Self::Unreachable(..) => {
                "they are there only while a setup command with `\"git\": true` runs, for its user"
                    .into()
            }
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Key(..)
            | Self::KeyRefused(_)
            | Self::Missing(_)
            | Self::Program(_)
            | Self::Question(_) => Exit::Policy,
            Self::AgentSilent(_)
            | Self::AgentStays(..)
            | Self::Launch(..)
            | Self::Socket(..)
            | Self::Unreachable(..) => Exit::System,
        }
    }
}
