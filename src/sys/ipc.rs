//! Objects of the kernel that outlive every process: System V shared memory,
//! semaphores and message queues; and the keyring of a session.
//!
//! In: an object's number. Out: its removal, or the kernel's answer.
//!
//! **Never:** a look into an object.

#![expect(unsafe_code, reason = "shmctl, semctl, msgctl and keyctl")]

use nix::errno::Errno;

/// keyctl(2): join a session keyring.
const JOIN_SESSION: libc::c_int = 1;

/// Removes a shared memory segment; it needs its owner or CAP_SYS_ADMIN.
pub fn remove_memory(id: i32) -> nix::Result<()> {
    // SAFETY: IPC_RMID takes no structure, so the null pointer is not followed
    // (shmctl(2)).
    let answer = unsafe { libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()) };
    Errno::result(answer).map(drop)
}

/// Removes a set of semaphores.
pub fn remove_semaphores(id: i32) -> nix::Result<()> {
    // SAFETY: IPC_RMID takes no fourth argument (semctl(2)).
    let answer = unsafe { libc::semctl(id, 0, libc::IPC_RMID) };
    Errno::result(answer).map(drop)
}

/// Removes a message queue.
pub fn remove_queue(id: i32) -> nix::Result<()> {
    // SAFETY: IPC_RMID takes no structure, so the null pointer is not followed
    // (msgctl(2)).
    let answer = unsafe { libc::msgctl(id, libc::IPC_RMID, std::ptr::null_mut()) };
    Errno::result(answer).map(drop)
}

/// Gives this process a session keyring of its own, which ends with the last
/// process that has it. Container runtimes usually refuse the call (EPERM) and
/// with it all other use of keyrings.
pub fn leave_session_keyring() -> nix::Result<()> {
    let none = std::ptr::null::<libc::c_char>();
    // SAFETY: a null name asks for an unnamed keyring (keyctl(2)).
    let answer = unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION, none) };
    Errno::result(answer).map(drop)
}

/// Makes one object of each kind, for the claims about their removal.
#[cfg(test)]
pub(crate) fn make_each() -> nix::Result<(i32, i32, i32)> {
    let mode = 0o666;
    // SAFETY: shmget(2) takes integers.
    let memory = Errno::result(unsafe { libc::shmget(libc::IPC_PRIVATE, 4096, mode) })?;
    // SAFETY: semget(2) takes integers.
    let semaphores = Errno::result(unsafe { libc::semget(libc::IPC_PRIVATE, 1, mode) })?;
    // SAFETY: msgget(2) takes integers.
    let queue = Errno::result(unsafe { libc::msgget(libc::IPC_PRIVATE, mode) })?;
    Ok((memory, semaphores, queue))
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::{leave_session_keyring, remove_memory, remove_queue, remove_semaphores};

    #[test]
    fn what_is_not_there_cannot_be_removed() {
        for remove in [remove_memory, remove_semaphores, remove_queue] {
            assert!(matches!(
                remove(i32::MAX),
                Err(Errno::EINVAL | Errno::EIDRM)
            ));
        }
    }

    #[test]
    fn a_session_keyring_is_left_or_refused() {
        // On a thread of its own: the keyring is a thread's.
        let answer = std::thread::spawn(leave_session_keyring).join().unwrap();
        assert!(
            matches!(answer, Ok(()) | Err(Errno::EPERM | Errno::ENOSYS)),
            "{answer:?}"
        );
    }
}
