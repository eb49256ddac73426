//! What is masked, and what stands there instead.
//!
//! In: values with their names, each looked for in all its forms, line by line.
//! Out: the next stretch to hide, with its marker.
//!
//! **Never:** a marker that depends on the value: it has the secret's name, and
//! neither the length nor the form that was found.

use crate::report::quote;
use crate::seal::kill::KillFault;
use crate::seal::scan::masked;
use crate::search::Searcher;
use crate::secret::Secret;

/// A stretch that must not be seen, and what is seen instead.
#[derive(Clone, Copy)]
pub(super) struct Hidden<'m> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) marker: &'m [u8],
}

/// The values to mask, and a marker for each.
pub struct Masking {
    searcher: Searcher,
    markers: Vec<Vec<u8>>,
}

impl Masking {
    /// Prepares to mask `secrets`. All forms of a value have the same marker.
    #[must_use]
    pub fn new<'a>(secrets: &mut dyn Iterator<Item = (&'a str, &'a Secret)>) -> Self {
        let searcher = Searcher::for_lines(secrets);
        let markers = searcher.names().iter().map(|name| marker(name)).collect();
        Self { searcher, markers }
    }

    /// The names of the values that are too short to be masked.
    #[must_use]
    pub fn unmasked(&self) -> &[String] {
        self.searcher.unsearchable()
    }

    /// Who outlasted a command, for a message of ours.
    pub(in crate::setup) fn shown(&self, fault: KillFault) -> KillFault {
        fault.shown(&self.searcher)
    }

    /// A text of somebody else's, for a message of ours.
    pub(in crate::setup) fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&masked(text.as_bytes(), &self.searcher)).into_owned()
    }

    /// The size of the longest form.
    pub(super) fn longest(&self) -> usize {
        self.searcher.longest()
    }

    /// How many of the last bytes of `text` may be the beginning of a form.
    pub(super) fn pending(&self, text: &[u8]) -> usize {
        self.searcher.pending(text)
    }

    /// The first occurrence that begins at `from` or later, the longest of those
    /// that begin there.
    pub(super) fn find(&self, text: &[u8], from: usize) -> Option<Hidden<'_>> {
        let found = self.searcher.find(text, from)?;
        let marker = self.markers.get(self.searcher.secret(found.pattern))?;
        Some(Hidden {
            start: found.start,
            end: found.end,
            marker,
        })
    }
}

/// A name may have anything in it but a control character, and ends up on a
/// terminal: it is written as in a message, without the backticks.
fn marker(name: &str) -> Vec<u8> {
    let quoted = quote(name);
    let bare = quoted
        .strip_prefix('`')
        .and_then(|text| text.strip_suffix('`'));
    ["***", bare.unwrap_or_default(), "***"]
        .concat()
        .into_bytes()
}
