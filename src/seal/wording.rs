//! Words that the rooms of the seal share.
//!
//! In: paths and lists. Out: text that is safe for a terminal and not longer
//! than somebody reads.
//!
//! **Never:** a path whole that is not plain: file names are setup's own words.

use std::path::Path;

use crate::report::{list, quote};

/// As many things as a message names.
const NAMED: usize = 8;

/// A path ready to be copied if it is plain ASCII, else escaped.
pub(crate) fn shown_path(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let is_plain = |byte: &u8| *byte == b' ' || byte.is_ascii_graphic();
    match path.to_str() {
        Some(text) if bytes.len() <= 200 && bytes.iter().all(is_plain) => text.to_owned(),
        _ => quote(bytes),
    }
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
