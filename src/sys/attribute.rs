//! Extended attributes of one name.
//!
//! In: a path and an attribute's name. Out: whether it is there, and its content.
//!
//! **Never:** a link followed at the end of a path.

#![expect(unsafe_code, reason = "lgetxattr and its kin, which nix does not have")]

use std::ffi::CStr;
use std::path::Path;

use nix::NixPath;
use nix::errno::Errno;

/// Whether the file itself (no link is followed at the end) has the attribute.
/// A file system without attributes has none.
pub fn has(path: &Path, name: &CStr) -> nix::Result<bool> {
    get(path, name, &mut []).map(|found| found.is_some())
}

/// Whether the file system has attributes of this kind.
pub fn is_supported(path: &Path, name: &CStr) -> nix::Result<bool> {
    match call(libc::SYS_lgetxattr, path, name, &mut [], 0) {
        Ok(_) | Err(Errno::ENODATA) => Ok(true),
        Err(Errno::EOPNOTSUPP) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// What an attribute holds, as far as there is room; `None`: there is none.
pub fn get(path: &Path, name: &CStr, room: &mut [u8]) -> nix::Result<Option<usize>> {
    let answer = call(libc::SYS_lgetxattr, path, name, room, 0);
    match answer {
        Ok(count) => Ok(usize::try_from(count).ok()),
        Err(Errno::ENODATA | Errno::EOPNOTSUPP) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Gives a file an attribute, in place of one that it may have.
pub fn set(path: &Path, name: &CStr, content: &[u8]) -> nix::Result<()> {
    call(libc::SYS_lsetxattr, path, name, &mut content.to_vec(), 0).map(drop)
}

/// Gives a file an attribute that it does not have yet.
pub fn set_new(path: &Path, name: &CStr, content: &[u8]) -> nix::Result<()> {
    let flags = libc::XATTR_CREATE;
    call(
        libc::SYS_lsetxattr,
        path,
        name,
        &mut content.to_vec(),
        flags,
    )
    .map(drop)
}

/// Takes an attribute away.
pub fn remove(path: &Path, name: &CStr) -> nix::Result<()> {
    match call(libc::SYS_lremovexattr, path, name, &mut [], 0) {
        Ok(_) | Err(Errno::ENODATA) => Ok(()),
        Err(errno) => Err(errno),
    }
}

fn call(
    number: libc::c_long,
    path: &Path,
    name: &CStr,
    content: &mut [u8],
    flags: i32,
) -> nix::Result<libc::c_long> {
    let answer = path.with_nix_path(|path| {
        // SAFETY: both strings end with a NUL; `content` is live memory of the
        // length that is passed, which the kernel does not exceed. It takes as
        // many of the words as the call has (xattr(7)).
        unsafe {
            libc::syscall(
                number,
                path.as_ptr(),
                name.as_ptr(),
                content.as_mut_ptr(),
                content.len(),
                flags,
            )
        }
    })?;
    Errno::result(answer)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use nix::errno::Errno;

    use super::{get, has, remove, set, set_new};

    #[test]
    fn a_plain_file_has_no_access_list() {
        let name = c"system.posix_acl_access";
        assert_eq!(has(Path::new("/proc/self/status"), name), Ok(false));
        assert_eq!(has(Path::new("/no/such/file"), name), Err(Errno::ENOENT));
    }

    #[test]
    fn what_is_set_can_be_read_replaced_and_taken_away() {
        let place = crate::seal::tests::Place::new();
        let name = c"user.vestibule.test";
        let mut room = [0; 8];
        assert_eq!(get(&place.0, name, &mut room), Ok(None));
        set_new(&place.0, name, b"one").unwrap();
        let again = set_new(&place.0, name, b"two");
        assert_eq!(again, Err(Errno::EEXIST));
        set(&place.0, name, b"other").unwrap();
        assert_eq!(get(&place.0, name, &mut room), Ok(Some(5)));
        assert_eq!(&room[..5], b"other");
        for _ in 0..2 {
            remove(&place.0, name).unwrap();
            assert_eq!(has(&place.0, name), Ok(false));
        }
    }
}
