//! PID 1 leaves everything behind: it executes itself anew as a small reaper.
//!
//! In: main's process id and the rules. Out: the same program with an empty
//! environment and a new address space, which never held a secret; main's child
//! waits until it says that it is ready.
//!
//! **Never:** a value in the state that crosses over, or a start of main if the
//! hand-over fails. Never a program that is looked for after setup, which may have
//! put another there.

use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, FcntlArg, OFlag, fcntl, open};
use nix::sys::stat::{Mode, fstat, stat};
use nix::unistd::{Pid, execve, execveat, pipe2, read, write};

use super::channel::{self, Gate, Watch};
use super::signals::Signal;
use super::state::{STATE_BYTES, State};
use crate::exit::Exit;
use crate::report::{Fault, said};
use crate::sys::descriptor;
use crate::sys::process::{Reaped, executed_path, reap};
use crate::sys::signal;

/// A pipe with the state, on this descriptor across the re-execution.
const STATE: i32 = 3;
/// PID 1's end of the connection to main's process.
const WATCH: i32 = 4;

/// Why there was no hand-over.
#[derive(Clone, Copy, Debug)]
pub struct HandoverError {
    step: &'static str,
    errno: Errno,
}

/// This program, opened before anything else had run.
pub struct OwnProgram(OwnedFd);

impl OwnProgram {
    /// By descriptor, so that the file may be gone by the time it is executed.
    /// Opening for the path alone needs no read permission (mode 0111).
    pub fn open() -> Result<Self, HandoverError> {
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        let opened = open(c"/proc/self/exe", flags, Mode::empty()).or_else(|errno| {
            let path = executed_path().ok_or(errno)?;
            open(&path, flags, Mode::empty())
        });
        opened.map(Self).map_err(refused("opening our own program"))
    }

    /// Executes the reaper. Returns only if that fails, with main killed.
    #[must_use]
    pub fn execute(self, watch: Watch, state: &State, arguments: &[CString]) -> HandoverError {
        let Err(error) = self.try_execute(watch, state, arguments);
        kill_main(state.main);
        error
    }

    fn try_execute(
        self,
        watch: Watch,
        state: &State,
        arguments: &[CString],
    ) -> Result<Infallible, HandoverError> {
        // Effect: state posted.
        let letter = post(&state.encode()).map_err(refused("passing the state on"))?;
        let numbered = [(letter, STATE), (watch.into_inner(), WATCH)];
        let program =
            descriptor::arrange(self.0, numbered).map_err(refused("numbering the descriptors"))?;
        // Effect: re-execution.
        let Err(errno) =
            execveat::<_, CString, &CStr>(&program, c"", arguments, &[], AtFlags::AT_EMPTY_PATH);
        // An interpreter of binfmt_misc cannot open a close-on-exec descriptor by
        // name (execveat(2), BUGS), and an emulator may not know the call at all.
        let path = path_of(&program).filter(|_| errno == Errno::ENOENT || errno == Errno::ENOSYS);
        let errno = path.map_or(errno, |path| {
            let Err(errno) = execve::<CString, &CStr>(&path, arguments, &[]);
            errno
        });
        Err(HandoverError {
            step: "executing our own program",
            errno,
        })
    }
}

/// Makes the connection to main's process.
pub fn connect() -> Result<(Watch, Gate), HandoverError> {
    channel::pair().map_err(refused("making a pair of sockets"))
}

fn refused(step: &'static str) -> impl FnOnce(Errno) -> HandoverError {
    move |errno| HandoverError::new(step, errno)
}

impl HandoverError {
    /// A step, and what the system said.
    #[must_use]
    pub fn new(step: &'static str, errno: Errno) -> Self {
        Self { step, errno }
    }
}

/// The path that the kernel noted, as long as it leads to this very program.
fn path_of(program: &OwnedFd) -> Option<CString> {
    let path = executed_path()?;
    let (held, there) = (fstat(program).ok()?, stat(&path).ok()?);
    let is_same = (held.st_dev, held.st_ino) == (there.st_dev, there.st_ino);
    CString::new(path.as_os_str().as_bytes())
        .ok()
        .filter(|_| is_same)
}

/// A pipe that holds the state: unlike a file in memory it obeys no file size
/// limit of the container. Its writing end ends with this program.
fn post(state: &[u8; STATE_BYTES]) -> nix::Result<OwnedFd> {
    let (letter, writer) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    write(&writer, state)?;
    Ok(letter)
}

/// Main has not executed anything yet: it waits for the word.
fn kill_main(main: Pid) {
    let _ = signal::send(main, Signal::KILL.number());
    let chld = signal::SignalSet(1 << (Signal::CHLD.number() - 1));
    while let Ok(Reaped::Ended(..) | Reaped::NoneYet) = reap() {
        let _ = signal::wait(chld, Some(Duration::from_secs(1)));
    }
}

/// What the reaper's process finds on its first instructions.
pub struct Arrived {
    /// What the reaper has to know.
    pub state: State,
    /// Its end of the connection to main's process.
    pub watch: Watch,
}

/// Whether this process was executed as the reaper: only then is there a pipe on
/// descriptor 3 whose content starts with our mark. It does not wait for one: a
/// pipe that somebody else left there is looked at only if reading cannot block.
#[must_use]
pub fn arrive() -> Option<Arrived> {
    let letter = descriptor::inherited(STATE, &|letter| {
        let flags = fcntl(letter, FcntlArg::F_GETFL).map(OFlag::from_bits_truncate);
        let is_pipe =
            fstat(letter).is_ok_and(|found| found.st_mode & libc::S_IFMT == libc::S_IFIFO);
        is_pipe && flags.is_ok_and(|flags| flags.contains(OFlag::O_NONBLOCK))
    })?;
    let mut bytes = [0; STATE_BYTES];
    let count = read(&letter, &mut bytes).ok()?;
    // Effect: reaper takes over.
    let state = State::decode(&bytes).filter(|_| count == STATE_BYTES)?;
    let watch = descriptor::inherited(WATCH, &|_| true)?;
    let watch = Watch::from_inherited(watch);
    Some(Arrived { state, watch })
}

impl Fault for HandoverError {
    fn what(&self) -> String {
        format!(
            "PID 1 cannot hand over to a clean process: {} failed: {}",
            self.step,
            said(self.errno)
        )
    }

    fn place(&self) -> String {
        "before the command, which was not started".into()
    }

    fn remedy(&self) -> String {
        "let vestibule execute itself: its file must not be on a mount that forbids it, the seccomp profile must allow execveat, and the limit of open files must be 8 or more".into()
    }

    fn exit(&self) -> Exit {
        Exit::System
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::OwnedFd;

    use super::{OwnProgram, path_of};

    #[test]
    fn the_noted_path_is_taken_only_while_it_leads_to_the_program() {
        let own = OwnProgram::open().expect("it is there");
        assert!(path_of(&own.0).is_some());
        let other = File::open("/etc/passwd").expect("a file");
        assert!(path_of(&OwnedFd::from(other)).is_none());
    }
}
