//! The extended attributes of one file or directory.
//!
//! In: an open file. Out: where values are in names and values of attributes.
//!
//! **Never:** an attribute of a link or a device: those have no `user.*` ones
//! (xattr(7)), and the others only a privileged process can set.

use std::ffi::CStr;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;

use super::report::{Limit, Trouble};
use super::window::wide;
use crate::search::Searcher;
use crate::sys::listing;

/// The memory for one list of attributes and one value (xattr(7): 64 KiB each).
pub(super) struct Attributes {
    names: Box<[u8]>,
    value: Box<[u8]>,
}

const ATTRIBUTE_BYTES: usize = 64 * 1024;

impl Default for Attributes {
    fn default() -> Self {
        let room = || vec![0; ATTRIBUTE_BYTES].into_boxed_slice();
        Self {
            names: room(),
            value: room(),
        }
    }
}

impl Attributes {
    /// Searches the names and values of a file's extended attributes. `found`
    /// gets the number of the form, where it begins, and the attribute's name.
    pub(super) fn search(
        &mut self,
        file: BorrowedFd<'_>,
        searcher: &Searcher,
        found: &mut dyn FnMut(usize, u64, &[u8]),
    ) -> Result<(), Trouble> {
        let count = match listing::attributes(file, &mut self.names) {
            Ok(count) => count,
            // Not every file system has them.
            Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => return Ok(()),
            Err(Errno::ERANGE | Errno::E2BIG) => return Err(Trouble::Limit(Limit::Attributes)),
            Err(errno) => return Err(Trouble::Unreadable(errno)),
        };
        let mut names = self.names.get(..count).unwrap_or_default();
        while let Ok(name) = CStr::from_bytes_until_nul(names) {
            let length = name.to_bytes_with_nul().len();
            names = names.get(length..).unwrap_or_default();
            let shown = name.to_bytes();
            if let Some(hit) = searcher.find(shown, 0) {
                found(hit.pattern, wide(hit.start), shown);
            }
            let value = match listing::attribute(file, name, &mut self.value) {
                Ok(count) => self.value.get(..count).unwrap_or_default(),
                // It went in the meantime.
                Err(Errno::ENODATA) => continue,
                Err(errno) => return Err(Trouble::Unreadable(errno)),
            };
            if let Some(hit) = searcher.find(value, 0) {
                found(hit.pattern, wide(hit.start), shown);
            }
        }
        Ok(())
    }
}
