//! Every way in which collecting can fail.
//!
//! In: names, paths, owners, modes, error numbers. Out: a `Fault`; the sentences
//! are in `wording`.
//!
//! **Never:** a value or anything derived from one.

use std::path::PathBuf;

use nix::errno::Errno;

use super::accounts::AccountProblem;
use super::file::{FileProblem, Ownership};
use super::source::SourceProblem;
use super::wording::{self, Words, shown_path};
use crate::connection::ConnectionError;
use crate::environment::ValueProblem;
use crate::exit::Exit;
use crate::names::{SecretPath, VariableName};
use crate::policy::{Place, Policy};
use crate::report::Fault;

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
        name: SecretPath,
        /// A name that is there and may be meant.
        near: Option<String>,
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
        /// Whose it is, if that can be told.
        ownership: Option<Ownership>,
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
        variable: VariableName,
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
    /// A `VAR_FILE`, or `CREDENTIALS_DIRECTORY`, that names no absolute path.
    PathNotAbsolute {
        /// The variable.
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

/// The entry of a policy that asks for something, for messages.
#[must_use]
pub fn asked_by(policy: &Policy, place: &Place) -> String {
    format!("{} at {place}", shown_path(&policy.file))
}

impl CollectFault {
    /// Whether something is merely not there, as an optional secret may be.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        if let Self::Source { problem, .. } = self {
            return problem.is_absence();
        }
        matches!(
            self,
            Self::Missing { .. }
                | Self::VariableMissing { .. }
                | Self::File {
                    problem: FileProblem::Absent,
                    ..
                }
        )
    }

    fn words(&self) -> Words {
        match self {
            Self::Directory { path, errno } => wording::directory(path, *errno),
            Self::Missing {
                name,
                near,
                searched,
                asked,
            } => wording::missing(name, near.as_deref(), searched, asked),
            Self::File {
                path,
                problem,
                ownership,
                asked,
            } => wording::file(path, *problem, *ownership, asked),
            Self::Source {
                path,
                problem,
                ownership,
                asked,
            } => wording::source(path, problem, *ownership, asked),
            Self::VariableMissing { variable, asked } => wording::variable_missing(variable, asked),
            Self::VariableUnusable {
                variable,
                problem,
                asked,
            } => wording::variable_unusable(variable, *problem, asked),
            Self::VariableTwice { variable } => wording::variable_twice(variable),
            Self::PathNotAbsolute { variable } => wording::path_not_absolute(variable),
            Self::Unresolved { variable, form } => wording::unresolved(variable, form),
            Self::Value {
                variable,
                problem,
                asked,
            } => wording::value(variable, *problem, asked),
            Self::Conflict { variable, secret } => wording::conflict(variable, secret),
            Self::SameVariable {
                variable,
                first,
                second,
            } => wording::same_variable(variable, first, second),
            Self::Connection { name, error, asked } => wording::connection(name, error, asked),
            Self::Endpoint { variable, rule } => wording::endpoint(variable, rule),
            Self::InheritedSecret {
                variable,
                secret,
                asked,
            } => wording::inherited_secret(variable, secret, asked),
            Self::Account { problem, asked } => wording::account(problem, asked),
        }
    }
}

impl Fault for CollectFault {
    fn what(&self) -> String {
        self.words().what
    }

    fn place(&self) -> String {
        self.words().place
    }

    fn remedy(&self) -> String {
        self.words().remedy
    }

    fn exit(&self) -> Exit {
        let (Self::Directory { errno, .. }
        | Self::File {
            problem: FileProblem::System(errno),
            ..
        }) = self
        else {
            return Exit::Policy;
        };
        // What only another mount or path can mend is no matter for a retry.
        let is_permanent = matches!(
            errno,
            Errno::EACCES | Errno::EPERM | Errno::ENOTDIR | Errno::ELOOP | Errno::ENAMETOOLONG
        );
        if is_permanent {
            Exit::Policy
        } else {
            Exit::System
        }
    }
}

#[cfg(test)]
mod tests;
