//! Words that the rooms of the seal share.
//!
//! In: paths and lists. Out: text that is safe for a terminal and not longer
//! than somebody reads.
//!
//! **Never:** a path whole that is not plain: file names are setup's own words.

use std::path::Path;

use nix::fcntl::AT_FDCWD;

use crate::collect::file::ownership;
use crate::collect::wording;
use crate::report::{list, quote};

/// As many things as a message names.
const NAMED: usize = 8;

/// What to do about what nobody could look at.
pub(super) const UNSEEN: &str = "let setup's or main's user read it, remove it at the end of setup, mount it `:ro`, or give PID 1 the right (compose: `cap_add: [DAC_READ_SEARCH]`)";

/// What to do about a search that took too long.
pub(super) const SLOW: &str = "let setup leave fewer files (remove what only the build needs at its end), take a faster file system, or mount `:ro` what setup need not write; `\"on_hit\": \"report\"` in `seal` starts main all the same";

/// A path ready to be copied if it is plain ASCII, else escaped.
pub(crate) fn shown_path(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.len() <= 200 {
        wording::shown_path(path)
    } else {
        quote(bytes)
    }
}

/// The same for what nobody could look at, with its owner and mode.
pub(super) fn unseen_place(path: &Path) -> String {
    wording::place_of(&shown_path(path), ownership(AT_FDCWD, path))
}

/// The first few items, and how many more there are.
pub(crate) fn some(items: impl ExactSizeIterator<Item = String>, more: u64) -> String {
    let beyond = u64::try_from(items.len().saturating_sub(NAMED)).unwrap_or(u64::MAX);
    let more = more.saturating_add(beyond);
    let mut shown: Vec<String> = items.take(NAMED).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    list(&shown)
}
