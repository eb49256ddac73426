//! Starting a program of setup: as its user, confined, in a session of its own.
//!
//! In: words, variables, what must be out of reach. Out: a process, or in it a
//! message and an exit code.
//!
//! **Never:** a descriptor but the standard three, a terminal, an input.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, makedev, stat};
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, getppid, setsid};

use super::before::Before;
use super::fault::SetupFault;
use super::git::agent::Program;
use crate::collect::Collected;
use crate::collect::accounts::Identity;
use crate::collect::reach::{OwnProgram, Reach};
use crate::collect::replaceable::own_program_of_root;
use crate::collect::summary::Summary;
use crate::environment::Environment;
use crate::policy::Confinement;
use crate::report::{Fault, Reporter, boxed};
use crate::run::AlmostMain;
use crate::run::prepare::Preparation;
use crate::seal::as_user::ask;
use crate::start::Caller;
use crate::sys::ipc::leave_session_keyring;
use crate::sys::process::{exit_now, fork};
use crate::sys::seccomp::{self, Unlisted};

/// What has no content and keeps none.
const NOTHING: &str = "/dev/null";

/// How every program of setup is started.
#[derive(Clone)]
pub struct Starter {
    /// As whom.
    pub identity: Identity,
    /// Where, and which entry of the policy says so.
    pub directory: (PathBuf, String),
    /// The program, where its path is not to be trusted.
    pub opened: Option<Rc<OwnedFd>>,
    /// What was settled before the first of them.
    pub before: Rc<Before>,
    /// How strictly secrets must be out of reach.
    pub confinement: Confinement,
    /// The policy's file, for messages.
    pub policy: String,
    /// What the caller's signals were.
    pub caller: Caller,
    /// What nobody could find again, so that no program may make it.
    pub unlisted: Unlisted,
    /// Where messages go.
    pub report: Reporter,
}

/// The standard descriptors of a program.
pub struct Standard {
    /// Standard input.
    pub input: OwnedFd,
    /// Standard output.
    pub output: OwnedFd,
    /// Standard error.
    pub error: OwnedFd,
}

/// `/dev/null`, and nothing that a setup of root made in its place: a FIFO would hold
/// PID 1, and a file would be the next program's input.
pub fn nothing(flags: OFlag) -> nix::Result<OwnedFd> {
    // null(4)
    const DEVICE: u64 = makedev(1, 3);
    if stat(NOTHING)?.st_rdev != DEVICE {
        return Err(Errno::ENODEV);
    }
    open(NOTHING, flags | OFlag::O_CLOEXEC, Mode::empty())
}

impl Starter {
    /// Starts a program; the process has its own session from its first moment.
    pub fn start(
        &self,
        words: &[OsString],
        environment: Environment,
        reach: &mut Reach,
        standard: Standard,
    ) -> Result<Pid, SetupFault> {
        match fork() {
            Err(errno) => Err(SetupFault::System {
                step: "starting a process",
                errno,
            }),
            Ok(ForkResult::Parent { child }) => Ok(child),
            Ok(ForkResult::Child) => {
                // The parent keeps its own: this is the child's copy.
                let reach = std::mem::take(reach);
                let fault = self.become_it(words, environment, reach, standard);
                exit_now(self.report.refusal(fault.as_ref()).code())
            }
        }
    }

    /// Returns only with the reason why not.
    fn become_it(
        &self,
        words: &[OsString],
        environment: Environment,
        mut reach: Reach,
        standard: Standard,
    ) -> Box<dyn Fault> {
        let placed = setsid()
            .map(drop)
            .and_then(|()| dup2_stdin(standard.input.as_fd()))
            .and_then(|()| dup2_stdout(standard.output.as_fd()))
            .and_then(|()| dup2_stderr(standard.error.as_fd()));
        drop(standard);
        if let Err(errno) = placed {
            return boxed(SetupFault::System {
                step: "placing the standard descriptors",
                errno,
            });
        }
        let caller = Caller {
            // No program of setup writes its memory to a file.
            core_limit: (0, 0),
            ..self.caller
        };
        let preparation = Preparation {
            identity: Some(self.identity.clone()),
            directory: Some(self.directory.clone()),
            confinement: self.confinement,
            withholds: true,
            no_new_privileges: true,
            policy: self.policy.clone(),
            ..Preparation::default()
        };
        if self.identity.is_root() {
            reach.program = own_program_of_root(ask).map(|paths| OwnProgram { paths, stays: true });
        }
        let collected = Collected {
            environment,
            files: Vec::new(),
            summary: Summary::default(),
            reach,
            setup: None,
        };
        let almost = match AlmostMain::become_it(collected, &preparation, &caller) {
            Ok(almost) => almost,
            Err(fault) => return fault,
        };
        if let Err(errno) = self.guard() {
            return boxed(SetupFault::System {
                step: "installing the filter of system calls",
                errno,
            });
        }
        match almost.prove(Some(getppid())) {
            Err(fault) => boxed(fault),
            Ok((almost, proof)) => {
                let opened = self.opened.as_deref();
                let executed = match opened {
                    Some(program) => almost.execute_opened(program, words, &caller, &proof),
                    None => almost.execute(words, &preparation, &caller, &proof),
                };
                match executed {
                    Err(fault) => fault,
                    Ok(never) => match never {},
                }
            }
        }
    }

    /// Where there is no seccomp, the session's keyring at least is another one, and
    /// whoever skips setup later searches first.
    fn guard(&self) -> nix::Result<()> {
        let _ = leave_session_keyring();
        if seccomp::is_available() {
            seccomp::guard_setup(self.unlisted)?;
        }
        Ok(())
    }

    /// The same for the SSH agent and its helper, which may have no secret.
    pub fn start_program(&self, program: Program, reach: &mut Reach) -> nix::Result<Pid> {
        let mut environment = Environment::default();
        for entry in &program.environment {
            let mut parts = entry.to_bytes().splitn(2, |byte| *byte == b'=');
            if let (Some(name), Some(value)) = (parts.next(), parts.next()) {
                environment.set(OsStr::from_bytes(name), OsStr::from_bytes(value));
            }
        }
        let mut words = vec![OsStr::from_bytes(program.path.to_bytes()).to_owned()];
        let arguments = program.arguments.iter().skip(1);
        words.extend(arguments.map(|word| OsStr::from_bytes(word.to_bytes()).to_owned()));
        let standard = Standard {
            input: program.input,
            output: program.output,
            error: nothing(OFlag::O_WRONLY)?,
        };
        self.start(&words, environment, reach, standard)
            .map_err(|_| Errno::EAGAIN)
    }
}
