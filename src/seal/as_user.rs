//! Work that only setup's or main's own user can do: a root without
//! CAP_DAC_OVERRIDE cannot read or remove what they shut away, and they can.
//!
//! In: an identity and the work. Out: the bytes that the work answers with.
//!
//! **Never:** a value in those bytes. Never an attachable child: it is a copy of
//! this process, secrets included.

use std::fs::File;
use std::io::{ErrorKind, Read};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::prctl;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, pipe2};

use crate::collect::accounts::Identity;
use crate::run::identity;
use crate::sys::descriptor::write_all;
use crate::sys::process::{exit_now, fork};

/// How the child says that its answer is whole.
const DONE: i32 = 0;
const REFUSED: u8 = 1;

/// Does `work` in a child that has the identity, and waits for it. An answer
/// that is not whole, whatever ended the child, is ECHILD.
pub fn ask(identity: &Identity, work: &dyn Fn() -> Vec<u8>) -> nix::Result<Vec<u8>> {
    let (answer, said) = pipe2(OFlag::O_CLOEXEC)?;
    let child = match fork()? {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            // The change of identity would make it attachable again.
            if identity::assume_bare(identity).is_err() || prctl::set_dumpable(false).is_err() {
                exit_now(REFUSED);
            }
            write_all(&said, &work());
            exit_now(0)
        }
    };
    drop(said);
    let mut bytes = Vec::new();
    let mut pipe = File::from(answer);
    while let Err(error) = pipe.read_to_end(&mut bytes) {
        if error.kind() != ErrorKind::Interrupted {
            break;
        }
    }
    match waitpid(child, None) {
        Ok(WaitStatus::Exited(_, DONE)) => Ok(bytes),
        _ => Err(Errno::ECHILD),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use nix::errno::Errno;
    use nix::sys::prctl;
    use nix::unistd::geteuid;

    use super::ask;
    use crate::collect::accounts::Identity;
    use crate::sys::process::exit_now;

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
        assert_eq!(ask(&agent(), &|| exit_now(3)), Err(Errno::ECHILD));
    }
}
