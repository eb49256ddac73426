//! Searching bytes that come in portions.
//!
//! In: portions of any size, read straight into the window. Out: each secret
//! once, with where it begins, wherever the portions were cut.
//!
//! **Never:** more memory than one portion and the longest form.

use zeroize::Zeroizing;

use crate::search::Searcher;

/// Bytes that are read at once: they stay in the processor's second cache.
const PORTION: usize = 128 * 1024;

/// The portion at hand, and the end of the one before it.
pub(super) struct Window<'a> {
    searcher: &'a Searcher,
    buffer: Zeroizing<Box<[u8]>>,
    filled: usize,
    /// Where the buffer begins in all that came.
    base: u64,
    /// The secrets that were found already.
    seen: Vec<bool>,
}

impl<'a> Window<'a> {
    pub(super) fn new(searcher: &'a Searcher) -> Self {
        let size = PORTION + searcher.longest();
        Self {
            searcher,
            buffer: Zeroizing::new(vec![0; size].into_boxed_slice()),
            filled: 0,
            base: 0,
            seen: vec![false; searcher.names().len()],
        }
    }

    /// Forgets what came, for the next stream of the same file.
    pub(super) fn restart(&mut self) {
        self.filled = 0;
        self.base = 0;
    }

    /// Goes on far behind what came: no value reaches that far.
    pub(super) fn skip_to(&mut self, base: u64) {
        self.filled = 0;
        self.base = base;
    }

    /// Forgets also what was found, for the next file.
    pub(super) fn forget(&mut self) {
        self.restart();
        self.seen.fill(false);
    }

    /// Memory for the next portion.
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.filled..).unwrap_or_default()
    }

    /// The first bytes of what was just read into the room.
    pub(super) fn head(&self, count: usize) -> &[u8] {
        let new = self.buffer.get(self.filled..).unwrap_or_default();
        new.get(..count).unwrap_or_default()
    }

    /// Searches the first `count` bytes of the room together with what was left.
    /// `found` gets the number of the form and where it begins.
    pub(super) fn advance(&mut self, count: usize, found: &mut dyn FnMut(usize, u64)) {
        let end = (self.filled + count).min(self.buffer.len());
        let text = self.buffer.get(..end).unwrap_or_default();
        search(self.searcher, text, self.base, &mut self.seen, found);
        // What was found at the very end may be the beginning of a longer value.
        let kept = end - self.searcher.pending(text);
        self.buffer.copy_within(kept..end, 0);
        self.filled = end - kept;
        self.base = self.base.saturating_add(wide(kept));
    }

    /// Searches a portion that is somewhere else.
    pub(super) fn push(&mut self, mut portion: &[u8], found: &mut dyn FnMut(usize, u64)) {
        while !portion.is_empty() {
            let room = self.room();
            let count = room.len().min(portion.len());
            let (now, later) = portion.split_at(count);
            if let Some(room) = room.get_mut(..count) {
                room.copy_from_slice(now);
            }
            self.advance(count, found);
            portion = later;
        }
    }

    /// Searches bytes that are complete.
    pub(super) fn whole(&mut self, text: &[u8], found: &mut dyn FnMut(usize, u64)) {
        search(self.searcher, text, 0, &mut self.seen, found);
    }
}

/// Finds each secret that was not seen yet.
fn search(
    searcher: &Searcher,
    text: &[u8],
    base: u64,
    seen: &mut [bool],
    found: &mut dyn FnMut(usize, u64),
) {
    let mut from = 0;
    while let Some(next) = searcher.find(text, from) {
        from = next.end;
        if let Some(seen) = seen.get_mut(searcher.secret(next.pattern))
            && !std::mem::replace(seen, true)
        {
            // Another secret may begin within this one.
            from = next.start + 1;
            found(next.pattern, base.saturating_add(wide(next.start)));
        }
    }
}

pub(super) fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
