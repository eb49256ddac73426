//! Why the setup phase did not come to its end, in an operator's words.
//!
//! In: which command, and what became of it. Out: a `Fault`.
//!
//! **Never:** a command's output or arguments: only its place and its program.

use std::io::ErrorKind;
use std::path::PathBuf;

use nix::errno::Errno;

use crate::exit::Exit;
use crate::report::{Fault, lossy, quote, said};
use crate::seal::wording::shown_path;
use crate::sys::process::End;

/// A setup phase that failed.
#[derive(Debug)]
pub enum SetupFault {
    /// This process is not PID 1.
    NotFirst {
        /// The policy's entry.
        place: String,
    },
    /// A command ended otherwise than with 0.
    Failed {
        /// The policy's entry.
        place: String,
        /// Its program.
        program: String,
        /// How.
        end: End,
    },
    /// All commands together took longer than `timeout`.
    Overran {
        /// The policy's entry.
        place: String,
        /// The program of the command that was running.
        program: String,
    },
    /// A program for a secret gave none.
    NoSecret {
        /// The policy's entry.
        place: String,
        /// What it did instead.
        problem: &'static str,
    },
    /// The system refused a step.
    System {
        /// What was to be done.
        step: &'static str,
        /// Why not.
        errno: Errno,
    },
    /// A private home cannot be made.
    Home(PathBuf),
    /// A program that vestibule is to run itself cannot be run.
    Unusable {
        /// The policy's entry.
        place: String,
        /// The program.
        program: String,
        /// Why not.
        problem: &'static str,
    },
    /// Setup, as root, could change what a program after it needs.
    Dependent {
        /// The policy's entry.
        place: String,
        /// The program.
        program: String,
        /// What setup could change.
        changeable: PathBuf,
    },
    /// Of a program that setup could change there is no copy.
    NotCopied {
        /// The policy's entry.
        place: String,
        /// The program.
        program: String,
        /// Why not.
        kind: ErrorKind,
    },
    /// A place of secrets is not where it was.
    Moved(PathBuf),
    /// The path of this binary leads to another one.
    Replaced(PathBuf),
    /// A value of setup that is not known where it should be looked for.
    Unsearched {
        /// The policy's entry.
        place: String,
        /// Its name.
        secret: String,
    },
    /// The program that revokes what setup had did not.
    NotRevoked {
        /// The policy's entry.
        place: String,
        /// The program.
        program: String,
        /// How it ended, if it did.
        end: Option<End>,
    },
}

impl Fault for SetupFault {
    fn what(&self) -> String {
        match self {
            Self::NotFirst { .. } => {
                "the policy has a setup phase, and vestibule is not PID 1: nobody could kill what setup leaves".into()
            }
            Self::Failed { program, end, .. } => {
                format!("setup failed: {} {}", quote(program), how(*end))
            }
            Self::Overran { program, .. } => {
                format!("setup took longer than its timeout, in {}", quote(program))
            }
            Self::NoSecret { problem, .. } => format!("a program gave no secret: {problem}"),
            Self::System { step, errno } => {
                format!("setup cannot go on: {step}: {}", said(*errno))
            }
            Self::Home(path) => format!(
                "cannot make a private home directory for setup in `{}`",
                lossy(path)
            ),
            Self::Unusable {
                program, problem, ..
            } => format!("vestibule is to run {}, which {problem}", quote(program)),
            Self::Dependent {
                program,
                changeable,
                ..
            } => format!(
                "setup runs as root and could change what {} needs to revoke anything: {}",
                quote(program),
                shown_path(changeable)
            ),
            Self::NotCopied { program, kind, .. } => {
                format!("cannot keep a copy of {} in memory: {kind}", quote(program))
            }
            Self::Moved(path) => format!(
                "setup moved {} away, by whose path its secrets are kept from all that comes later",
                shown_path(path)
            ),
            Self::Replaced(path) => format!(
                "setup replaced {} in this start, and health checks, `exec` and the next start would run it",
                shown_path(path)
            ),
            Self::Unsearched { secret, .. } => format!(
                "an earlier setup may have left `{secret}`, and its value is not here to be searched for"
            ),
            Self::NotRevoked { program, end, .. } => {
                let how = end.map_or("took longer than a minute".into(), how);
                format!("what setup had is not revoked: {} {how}", quote(program))
            }
        }
    }

    fn place(&self) -> String {
        match self {
            Self::NotFirst { place }
            | Self::Failed { place, .. }
            | Self::Overran { place, .. }
            | Self::NoSecret { place, .. }
            | Self::Unusable { place, .. }
            | Self::Dependent { place, .. }
            | Self::NotCopied { place, .. }
            | Self::Unsearched { place, .. }
            | Self::NotRevoked { place, .. } => place.clone(),
            Self::System { .. } | Self::Home(_) => "the setup phase; main was not started".into(),
            Self::Moved(path) | Self::Replaced(path) => {
                format!(
                    "{}, opened before setup; main was not started",
                    shown_path(path)
                )
            }
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::NotFirst { .. } => "make vestibule the container's entrypoint: no `--init` (compose: `init: true`), no shell before it, no shared process namespace (`pid:`)",
            Self::Failed { .. } => "its own messages stand above; a restart begins anew",
            Self::Overran { .. } => "raise `timeout`, or find out what it waits for: it has no terminal and no input",
            Self::NoSecret { .. } => "let the program write the value, and nothing else, to its standard output, and end with 0",
            Self::System { .. } => "a restart may help; else raise the container's limits of processes and open files",
            Self::Home(_) => "let setup's user write to /var/tmp or /tmp of the container",
            Self::Unusable { .. } => "put the program into the image, executable for all, or correct its path",
            Self::Dependent { .. } => "let setup run as another user (`user` in `setup`), name a static program and no file for it to read, which is copied before setup, or make the root read-only (compose: `read_only: true`)",
            Self::NotCopied { .. } => "let setup run as another user (`user` in `setup`), or make the root read-only (compose: `read_only: true`), and nothing is copied; else more memory, and 0 or 1 for the host's vm.memfd_noexec",
            Self::Moved(_) => "let setup leave it where it is: as another user (`user` in `setup`), or with the directory as one mount; a restart mounts it anew",
            Self::Replaced(_) => "let setup leave it as it is: as another user (`user` in `setup`), or with `read_only: true`; and make the container anew, since a restart would run what is there",
            Self::Unsearched { .. } => "mount the secret in every start, or name a `directory` on the mount of `skip_if`, whose file system has attributes",
            Self::NotRevoked { .. } => "its own messages stand above; the next start runs it again, and no main starts before it has ended with 0",
        }
        .into()
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NotFirst { .. }
            | Self::Unusable { .. }
            | Self::Dependent { .. }
            | Self::Unsearched { .. }
            | Self::Replaced(_) => Exit::Policy,
            Self::NotRevoked { .. } => Exit::Seal,
            Self::Failed { .. } | Self::Overran { .. } | Self::NoSecret { .. } | Self::Moved(_) => {
                Exit::Setup
            }
            Self::System { .. } | Self::Home(_) | Self::NotCopied { .. } => Exit::System,
        }
    }
}

fn how(end: End) -> String {
    match end {
        End::Exited(code) => format!("ended with exit code {code}"),
        End::Killed(signal) => format!("was ended by signal {signal}"),
    }
}
