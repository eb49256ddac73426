//! Why the setup phase did not come to its end, in an operator's words.
//!
//! In: which command, and what became of it. Out: a `Fault`.
//!
//! **Never:** a command's output or arguments: only its place and its program.

use std::path::PathBuf;

use nix::errno::Errno;

use crate::exit::Exit;
use crate::report::{Fault, quote};
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
                format!("setup cannot go on: {step}: {}", errno.desc().to_ascii_lowercase())
            }
            Self::Home(path) => format!(
                "cannot make a private home directory for setup in `{}`",
                path.display()
            ),
            Self::Unusable {
                program, problem, ..
            } => format!("vestibule is to run {}, which {problem}", quote(program)),
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
            | Self::NotRevoked { place, .. } => place.clone(),
            Self::System { .. } | Self::Home(_) => "the setup phase; main was not started".into(),
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
            Self::NotRevoked { .. } => "its own messages stand above; the next start runs it again, and no main starts before it has ended with 0",
        }
        .into()
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NotFirst { .. } | Self::Unusable { .. } => Exit::Policy,
            Self::NotRevoked { .. } => Exit::Seal,
            Self::Failed { .. } | Self::Overran { .. } | Self::NoSecret { .. } => Exit::Setup,
            Self::System { .. } | Self::Home(_) => Exit::System,
        }
    }
}

fn how(end: End) -> String {
    match end {
        End::Exited(code) => format!("ended with exit code {code}"),
        End::Killed(signal) => format!("was ended by signal {signal}"),
    }
}
