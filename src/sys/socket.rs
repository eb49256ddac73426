//! Who is at the other end of a socket.
//!
//! In: a connected Unix socket. Out: the user that connected, as the kernel
//! noted it at that moment (unix(7), SO_PEERCRED).
//!
//! **Never:** what the other end says about itself.

#![expect(unsafe_code, reason = "std's peer credentials are not stable yet")]

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;

/// The effective user id of the process that connected.
pub fn peer_uid(socket: impl AsFd) -> nix::Result<u32> {
    let mut credentials = libc::ucred {
        pid: 0,
        uid: u32::MAX,
        gid: u32::MAX,
    };
    let mut size = libc::socklen_t::try_from(size_of::<libc::ucred>()).unwrap_or_default();
    // SAFETY: `credentials` is a live `ucred`, `size` is its size, and the
    // kernel writes no more than that.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &raw mut size,
        )
    };
    Errno::result(answer).map(|_| credentials.uid)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use nix::errno::Errno;

    use super::peer_uid;

    #[test]
    fn the_kernel_says_who_connected() {
        let (one, _other) = UnixStream::pair().unwrap();
        assert_eq!(peer_uid(&one), Ok(nix::unistd::geteuid().as_raw()));
        assert_eq!(
            peer_uid(std::fs::File::open("/dev/null").unwrap()),
            Err(Errno::ENOTSOCK)
        );
    }
}
