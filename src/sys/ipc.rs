//! Objects of the kernel that outlive every process: System V shared memory,
//! semaphores and message queues; and the keyring of a session.
//!
//! In: an object's number. Out: its removal, or the kernel's answer.
//!
//! **Never:** a look into an object.

#![expect(unsafe_code, reason = "shmctl, semctl, msgctl, mq_unlink and keyctl")]

use std::ffi::OsStr;

use libc::{c_int, c_long};
use nix::NixPath;
use nix::errno::Errno;

/// keyctl(2): join a session keyring.
const JOIN_SESSION: c_int = 1;

/// Removes a shared memory segment; it needs its owner or CAP_SYS_ADMIN.
pub fn remove_memory(id: i32) -> nix::Result<()> {
    call(libc::SYS_shmctl, [id, libc::IPC_RMID, 0]).map(drop)
}

/// Removes a set of semaphores.
pub fn remove_semaphores(id: i32) -> nix::Result<()> {
    call(libc::SYS_semctl, [id, 0, libc::IPC_RMID]).map(drop)
}

/// Removes a message queue.
pub fn remove_queue(id: i32) -> nix::Result<()> {
    call(libc::SYS_msgctl, [id, libc::IPC_RMID, 0]).map(drop)
}

/// Removes a POSIX message queue of this namespace by its name, without a slash.
pub fn unlink_queue(name: &OsStr) -> nix::Result<()> {
    let answer = name.with_nix_path(|name| {
        // SAFETY: `name` ends with a NUL and outlives the call.
        unsafe { libc::syscall(libc::SYS_mq_unlink, name.as_ptr()) }
    })?;
    Errno::result(answer).map(drop)
}

/// Gives this process a session keyring of its own, which ends with the last
/// process that has it. Container runtimes usually refuse the call (EPERM) and
/// with it all other use of keyrings.
pub fn leave_session_keyring() -> nix::Result<()> {
    // No name: a keyring that nobody can join.
    call(libc::SYS_keyctl, [JOIN_SESSION, 0, 0]).map(drop)
}

/// A call of one of these families. Where one takes a pointer it gets 0: IPC_RMID
/// follows none, and a keyring without a name has none.
fn call(number: c_long, [first, second, third]: [c_int; 3]) -> nix::Result<i32> {
    let [first, second, third] = [first, second, third].map(c_long::from);
    let none: c_long = 0;
    // SAFETY: no argument is a pointer to memory of ours, so the kernel can
    // neither read nor write any.
    let answer = unsafe { libc::syscall(number, first, second, third, none) };
    Errno::result(answer).map(|id| i32::try_from(id).unwrap_or_default())
}

/// Makes one object of each kind, for the claims about their removal.
#[cfg(test)]
pub(crate) fn make_each() -> nix::Result<(i32, i32, i32)> {
    let (key, mode) = (libc::IPC_PRIVATE, 0o666);
    Ok((
        call(libc::SYS_shmget, [key, 4096, mode])?,
        call(libc::SYS_semget, [key, 1, mode])?,
        call(libc::SYS_msgget, [key, mode, 0])?,
    ))
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::{leave_session_keyring, remove_memory, remove_queue, remove_semaphores};

    #[test]
    fn what_is_not_there_cannot_be_removed() {
        for remove in [remove_memory, remove_semaphores, remove_queue] {
            let answer = remove(i32::MAX);
            assert!(
                matches!(answer, Err(Errno::EINVAL | Errno::EIDRM)),
                "{answer:?}"
            );
        }
    }

    #[test]
    fn a_session_keyring_is_left_or_refused() {
        // On a thread of its own: the keyring is a thread's.
        let answer = std::thread::spawn(leave_session_keyring).join().unwrap();
        let is_known = matches!(answer, Ok(()) | Err(Errno::EPERM | Errno::ENOSYS));
        assert!(is_known, "{answer:?}");
    }
}
