//! Work that only setup's or main's own user can do: a root without
//! CAP_DAC_OVERRIDE cannot read or remove what they shut away, and they can.
//!
//! In: an identity and the work. Out: the bytes that the work answers with.
//!
//! **Never:** a value in those bytes. Never an attachable child: it is a copy of
//! this process, secrets included.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, pipe2};

use super::stop;
use crate::collect::accounts::Identity;
use crate::run::identity;
use crate::sys::process::{exit_now, fork};
use crate::sys::signal::send;

/// How the child says that its answer is whole. Else it ends with the number of
/// the error that kept it from the identity.
const DONE: i32 = 0;
/// How often it is looked whether to go on, in milliseconds.
const ASK: u8 = 100;
/// SIGKILL, signal(7).
const KILL: u8 = 9;

/// Does `work` in a child that has the identity, and waits for it. Without the
/// identity there is the error of the step that was refused; an answer that is not
/// whole is an error too.
pub fn ask(identity: &Identity, work: &dyn Fn() -> Vec<u8>) -> nix::Result<Vec<u8>> {
    answer(Some(identity), work, &|| false)
}

/// The same, but the child is ended and the answer is EINTR once somebody asks
/// PID 1 to stop. Without an identity the child has ours: so PID 1 can listen
/// while it works.
pub fn ask_unless_stopped(
    identity: Option<&Identity>,
    work: &dyn Fn() -> Vec<u8>,
) -> nix::Result<Vec<u8>> {
    answer(identity, work, &stop::is_asked)
}

fn answer(
    identity: Option<&Identity>,
    work: &dyn Fn() -> Vec<u8>,
    is_stopped: &dyn Fn() -> bool,
) -> nix::Result<Vec<u8>> {
    let (answer, said) = pipe2(OFlag::O_CLOEXEC)?;
    let child = match fork()? {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            // The change of identity would make it attachable again.
            let taken = identity.map_or(Ok(()), identity::assume_bare);
            let taken = taken.map_err(|(_, errno)| errno);
            if let Err(errno) = taken.and_then(|()| prctl::set_dumpable(false)) {
                exit_now(number(errno));
            }
            drop(answer);
            // A pipe may have no memory for the rest of an answer.
            let said = File::from(said).write_all(&work());
            let errno = |error| Errno::try_from(error).unwrap_or(Errno::EIO);
            exit_now(said.map_or_else(|error| number(errno(error)), |()| 0))
        }
    };
    drop(said);
    let mut bytes = Vec::new();
    let read = read_all(answer, &mut bytes, is_stopped);
    if read.is_err() {
        send(child, KILL)?;
    }
    let ended = waitpid(child, None);
    read?;
    match ended {
        Ok(WaitStatus::Exited(_, DONE)) => Ok(bytes),
        Ok(WaitStatus::Exited(_, number)) => Err(Errno::from_raw(number)),
        _ => Err(Errno::ECHILD),
    }
}

/// The errors of these calls fit into an exit code.
#[expect(
    clippy::as_conversions,
    reason = "the numbers of errors are the values of the enum"
)]
pub(super) fn number(errno: Errno) -> u8 {
    u8::try_from(errno as i32).unwrap_or(u8::MAX)
}

/// EINTR: it was to stop.
fn read_all(
    answer: OwnedFd,
    bytes: &mut Vec<u8>,
    is_stopped: &dyn Fn() -> bool,
) -> nix::Result<()> {
    let mut pipe = File::from(answer);
    let mut room = [0; 4096];
    loop {
        if is_stopped() {
            return Err(Errno::EINTR);
        }
        let mut watched = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        if poll(&mut watched, PollTimeout::from(ASK)) == Ok(0) {
            continue;
        }
        match pipe.read(&mut room) {
            Ok(0) => return Ok(()),
            Ok(count) => bytes.extend_from_slice(room.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Errno::try_from(error).unwrap_or(Errno::EIO)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::thread;

    use caps::{CapSet, Capability};
    use nix::errno::Errno;
    use nix::sys::prctl;
    use nix::unistd::{geteuid, getpid};

    use super::{KILL, ask};
    use crate::collect::accounts::Identity;
    use crate::sys::process::exit_now;
    use crate::sys::signal::send;

    fn agent() -> Identity {
        Identity {
            uid: 1000,
            gid: 1000,
            groups: vec![1000],
            home: PathBuf::from("/"),
        }
    }

    #[test]
    fn the_work_is_done_by_that_user_and_out_of_its_reach() {
        let work = || format!("{} {}", geteuid(), prctl::get_dumpable().unwrap()).into_bytes();
        assert_eq!(ask(&agent(), &work), Ok(b"1000 false".to_vec()));
    }

    #[test]
    fn a_long_answer_is_whole_and_a_broken_one_is_none() {
        let work = || vec![b'x'; 1 << 20];
        assert_eq!(ask(&agent(), &work).map(|bytes| bytes.len()), Ok(1 << 20));
        let killed = || send(getpid(), KILL).map_or_else(|_| Vec::new(), |()| Vec::new());
        assert_eq!(ask(&agent(), &killed), Err(Errno::ECHILD));
        assert!(ask(&agent(), &|| exit_now(3)).is_err());
    }

    #[test]
    fn an_identity_that_cannot_be_had_is_the_error_of_the_step() {
        let work = || Vec::new();
        let refused = thread::spawn(move || {
            caps::drop(None, CapSet::Effective, Capability::CAP_SETGID).unwrap();
            ask(&agent(), &work)
        });
        assert_eq!(refused.join().unwrap(), Err(Errno::EPERM));
        // The kernel's word for no change at all.
        let nobody = Identity {
            uid: u32::MAX,
            ..agent()
        };
        assert!(ask(&nobody, &work).is_err());
    }
}
