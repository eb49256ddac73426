//! A path without a link in it (realpath(3)).
//!
//! In: a path. Out: where it leads, or why nowhere. std's `canonicalize` lets the
//! C library allocate the answer, for which that maps and unmaps a page each time.
//!
//! **Never:** `/proc`: a container may have none.

#![expect(unsafe_code, reason = "realpath, which nix does not have")]

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::NixPath;
use nix::errno::Errno;

/// PATH_MAX of linux/limits.h, the final NUL included.
const ROOM: usize = 4096;

/// Where a path leads, every link on the way followed.
pub fn real_path(path: &Path) -> nix::Result<PathBuf> {
    let mut room = [0_u8; ROOM];
    let found = path.with_nix_path(|path| {
        // SAFETY: `path` ends with its NUL, and `room` has the PATH_MAX bytes
        // that realpath(3) asks for.
        unsafe { libc::realpath(path.as_ptr(), room.as_mut_ptr().cast()) }
    })?;
    if found.is_null() {
        return Err(Errno::last());
    }
    let found = CStr::from_bytes_until_nul(&room).map_err(|_| Errno::ENAMETOOLONG)?;
    Ok(PathBuf::from(OsStr::from_bytes(found.to_bytes())))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use nix::errno::Errno;

    use super::real_path;

    #[test]
    fn it_is_what_std_says() {
        for path in [
            "/",
            "/proc/self/../self/exe",
            "/var/run",
            ".",
            "/etc//passwd",
        ] {
            let expected = Path::new(path).canonicalize().unwrap();
            assert_eq!(real_path(Path::new(path)), Ok(expected), "{path}");
        }
        assert_eq!(real_path(Path::new("/none/x")), Err(Errno::ENOENT));
    }
}
