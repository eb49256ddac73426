//! A program in memory, where nobody changes it any more.
//!
//! In: a static program's path, before setup. Out: a sealed copy (memfd_create(2)),
//! which is executed by its descriptor.
//!
//! **Never:** a descriptor of the file itself: who may write to the file would
//! change what the descriptor leads to.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

/// MFD_EXEC (memfd_create(2), Linux 6.3): a host may have taken it from the default.
const EXECUTABLE: MFdFlags = MFdFlags::from_bits_retain(0x10);

/// Copies the program.
pub(super) fn in_memory(program: &Path) -> io::Result<OwnedFd> {
    let mut from = File::open(program)?;
    let flags = MFdFlags::MFD_ALLOW_SEALING | MFdFlags::MFD_CLOEXEC;
    let memory = match memfd_create(c"program", flags | EXECUTABLE) {
        // Older kernels do not know the flag, and need none.
        Err(Errno::EINVAL) => memfd_create(c"program", flags)?,
        made => made?,
    };
    let mut memory = File::from(memory);
    io::copy(&mut from, &mut memory)?;
    let seals = SealFlag::F_SEAL_WRITE
        | SealFlag::F_SEAL_GROW
        | SealFlag::F_SEAL_SHRINK
        | SealFlag::F_SEAL_SEAL;
    fcntl(&memory, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(memory.into())
}
