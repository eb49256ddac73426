//! Files by handle: a way past every rule about paths.
//!
//! In: nothing. Out: whether the kernel lets this process open files by handle,
//! for which it asks for CAP_DAC_READ_SEARCH (open_by_handle_at(2)).
//!
//! **Never:** a file: the handle is made up and leads nowhere.

#![expect(unsafe_code, reason = "nix does not have the call")]

use nix::errno::Errno;

/// `struct file_handle` with a handle of 8 bytes.
#[repr(C)]
struct Handle {
    bytes: libc::c_uint,
    kind: libc::c_int,
    opaque: [u8; 8],
}

/// Tries to open a file by handle. The kernel looks at rights first, so any
/// answer but EPERM means that it would have opened a real one.
pub fn try_to_open() -> nix::Result<()> {
    let mut handle = Handle {
        bytes: 8,
        kind: 1,
        opaque: [0; 8],
    };
    // SAFETY: `handle` is live, and `bytes` tells the kernel its size.
    let opened = unsafe {
        libc::syscall(
            libc::SYS_open_by_handle_at,
            libc::AT_FDCWD,
            &raw mut handle,
            libc::O_PATH | libc::O_CLOEXEC,
        )
    };
    match Errno::result(opened) {
        Err(Errno::EPERM | Errno::ENOSYS) => Err(Errno::EPERM),
        _ => Ok(()),
    }
}
