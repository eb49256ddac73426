//! Extended attributes: whether a file has one.
//!
//! In: a path and an attribute's name. Out: yes or no.
//!
//! **Never:** an attribute's content.

#![expect(unsafe_code, reason = "lgetxattr, which nix does not have")]

use std::ffi::CStr;
use std::path::Path;

use nix::NixPath;
use nix::errno::Errno;

/// Whether the file itself (no link is followed at the end) has the attribute.
/// A file system without attributes has none.
pub fn has(path: &Path, name: &CStr) -> nix::Result<bool> {
    let answer = path.with_nix_path(|path| {
        // SAFETY: both strings end with a NUL and outlive the call; with a size
        // of 0 the kernel writes nothing (getxattr(2)).
        unsafe { libc::lgetxattr(path.as_ptr(), name.as_ptr(), std::ptr::null_mut(), 0) }
    })?;
    match Errno::result(answer) {
        Ok(_) => Ok(true),
        Err(Errno::ENODATA | Errno::EOPNOTSUPP) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Gives a file an attribute, for the claims about what has one.
#[cfg(test)]
pub(crate) fn set(path: &Path, name: &CStr, content: &[u8]) -> nix::Result<()> {
    let answer = path.with_nix_path(|path| {
        // SAFETY: both strings end with a NUL, and the length is that of
        // `content`; all outlive the call.
        unsafe {
            libc::lsetxattr(
                path.as_ptr(),
                name.as_ptr(),
                content.as_ptr().cast(),
                content.len(),
                0,
            )
        }
    })?;
    Errno::result(answer).map(drop)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use nix::errno::Errno;

    use super::has;

    #[test]
    fn a_plain_file_has_no_access_list() {
        let name = c"system.posix_acl_access";
        assert_eq!(has(Path::new("/proc/self/status"), name), Ok(false));
        assert_eq!(has(Path::new("/no/such/file"), name), Err(Errno::ENOENT));
    }
}
