//! execve(2), with the search and the fallback that execvp(3) promises.
//!
//! In: the command, its environment, descriptors to keep. Out: main; or why
//! not, told apart as 127 (not found) and 126 (found, not executable).
//!
//! **Never:** an inherited descriptor from 3 up, except those to keep.

use std::convert::Infallible;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::unistd::{execve, execveat};

use super::confine::prove::OutOfReach;
use super::diagnosis::{self, Cause};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::report::{Fault, lossy, quote, said};
use crate::start::Caller;
use crate::sys::descriptor::{self, FIRST_FREE};

/// Docker's search path, for an environment without PATH.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What runs a script without `#!` (POSIX.1-2017, execvp).
const SHELL: &CStr = c"/bin/sh";

/// A command that could not be executed.
#[derive(Debug)]
pub enum ExecuteError {
    /// No such file, in this place or anywhere on this search path.
    NotFound {
        /// The command as given.
        command: OsString,
        /// Where it was looked for.
        searched: String,
    },
    /// There is a file, but the kernel will not execute it.
    NotExecutable {
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: Cause,
    },
    /// Arguments and environment together are over the kernel's limit.
    TooLarge,
    /// A word of the command holds a NUL byte, which no argument can.
    System(Errno),
}

/// Replaces the process by the command, which needs the proof that nothing
/// withheld is within its reach.
pub fn execute(
    command: &[OsString],
    environment: &Environment,
    kept: Vec<OwnedFd>,
    caller: &Caller,
    _proof: &OutOfReach,
) -> Result<Infallible, ExecuteError> {
    let words = arguments(command)?;
    let first = command.first().map(OsString::as_os_str).unwrap_or_default();
    // Effect: last descriptors.
    close_all_but(kept);
    // Effect: signals given back.
    caller.restore_signals();
    let search = environment
        .search_path()
        .unwrap_or(OsStr::new(DEFAULT_PATH));
    let mut denied = None;
    // Effect: main.
    for path in candidates(first, search) {
        let path_text = text(path.as_os_str())?;
        let errno = try_one(&path_text, &words, environment);
        let is_absent = (errno == Errno::ENOENT || errno == Errno::ENOTDIR) && !path.exists();
        if errno == Errno::EACCES {
            // execvp(3) goes on searching and reports this only at the end; in a
            // directory that main's user may not search there is nothing to report.
            if has_slash(first) || path.symlink_metadata().is_ok() {
                denied.get_or_insert(path);
            }
        } else if errno == Errno::E2BIG {
            return Err(ExecuteError::TooLarge);
        } else if !is_absent {
            return Err(not_executable(path, errno));
        }
    }
    Err(match denied {
        Some(path) => not_executable(path, Errno::EACCES),
        None => ExecuteError::NotFound {
            command: first.to_os_string(),
            searched: searched(first, search),
        },
    })
}

/// The same for a program that is open, close-on-exec as everything of ours.
pub fn execute_opened(
    program: &OwnedFd,
    command: &[OsString],
    environment: &Environment,
    caller: &Caller,
    _proof: &OutOfReach,
) -> Result<Infallible, ExecuteError> {
    let words = arguments(command)?;
    caller.restore_signals();
    let (block, flags) = (environment.block(), AtFlags::AT_EMPTY_PATH);
    let Err(errno) = execveat(program, c"", &words, &block, flags);
    let path = command.first().map(PathBuf::from).unwrap_or_default();
    let cause = Cause::Other(errno);
    Err(ExecuteError::NotExecutable { path, cause })
}

fn arguments(command: &[OsString]) -> Result<Vec<CString>, ExecuteError> {
    command.iter().map(|word| text(word)).collect()
}

fn text(word: &OsStr) -> Result<CString, ExecuteError> {
    CString::new(word.as_bytes()).map_err(|_| ExecuteError::System(Errno::EINVAL))
}

fn try_one(path: &CStr, words: &[CString], environment: &Environment) -> Errno {
    let words: Vec<&CStr> = words.iter().map(CString::as_c_str).collect();
    let block = environment.block();
    let Err(errno) = execve(path, &words, &block);
    if errno != Errno::ENOEXEC
        || !diagnosis::may_be_a_script(Path::new(OsStr::from_bytes(path.to_bytes())))
    {
        return errno;
    }
    let arguments = words.iter().skip(1).copied();
    let script: Vec<&CStr> = [c"sh", path].into_iter().chain(arguments).collect();
    let Err(errno) = execve(SHELL, &script, &block);
    if errno == Errno::ENOENT {
        Errno::ENOEXEC
    } else {
        errno
    }
}

/// The paths to try: the command itself if it has a slash, else one for each
/// directory of the search path; an empty entry is the working directory.
fn candidates<'a>(command: &'a OsStr, search: &'a OsStr) -> impl Iterator<Item = PathBuf> {
    let is_path = has_slash(command) || command.is_empty();
    let direct = is_path.then(|| PathBuf::from(command));
    let found = search
        .as_bytes()
        .split(|&byte| byte == b':')
        .map(move |directory| {
            let directory = if directory.is_empty() {
                b"."
            } else {
                directory
            };
            Path::new(OsStr::from_bytes(directory)).join(command)
        });
    direct.into_iter().chain(found.filter(move |_| !is_path))
}

fn has_slash(command: &OsStr) -> bool {
    command.as_bytes().contains(&b'/')
}

fn searched(command: &OsStr, search: &OsStr) -> String {
    if has_slash(command) {
        "the path as given".into()
    } else {
        format!("PATH {}", quote(search.as_bytes()))
    }
}

fn not_executable(path: PathBuf, errno: Errno) -> ExecuteError {
    let cause = diagnosis::cause(&path, errno);
    ExecuteError::NotExecutable { path, cause }
}

/// Everything from 3 up closes with the execution, and not before: PID 1 takes the end
/// of its connection for main's beginning. All of ours have the flag already, and the
/// start closed what was inherited.
fn close_all_but(kept: Vec<OwnedFd>) {
    let _ = descriptor::close_at_exec(FIRST_FREE);
    for memory in kept {
        descriptor::keep_across_exec(memory);
    }
}

impl Fault for ExecuteError {
    fn what(&self) -> String {
        match self {
            Self::NotFound { command, .. } => {
                format!("there is no command {}", quote(command.as_bytes()))
            }
            Self::NotExecutable { path, cause } => {
                format!(
                    "cannot execute {}: {}",
                    quote(path.as_os_str().as_bytes()),
                    cause.what()
                )
            }
            Self::TooLarge => "arguments and environment are larger than the kernel takes".into(),
            Self::System(errno) => format!("cannot execute the command: {}", said(*errno)),
        }
    }

    fn place(&self) -> String {
        match self {
            Self::NotFound { searched, .. } => searched.clone(),
            Self::NotExecutable { path, .. } => {
                format!("{}, as uid {}", lossy(path), nix::unistd::geteuid())
            }
            Self::TooLarge | Self::System(_) => "execve(2)".into(),
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::NotFound { .. } => "correct the command, or install it in the image".into(),
            Self::NotExecutable { cause, .. } => cause.remedy(),
            Self::TooLarge => "deliver large values as files (`run.files`), or raise the stack limit, a quarter of which they may take".into(),
            Self::System(_) => "a restart may help".into(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NotFound { .. } => Exit::NotFound,
            Self::NotExecutable { cause, .. } => cause.exit(),
            Self::TooLarge => Exit::NotExecutable,
            Self::System(_) => Exit::System,
        }
    }
}
