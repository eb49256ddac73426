//! Takes every value out of a stream of bytes, whatever its chunks.
//!
//! In: bytes as they were read. Out: the same bytes, with `***name***` where a
//! value or one of its forms stood. Each byte that lies in any occurrence is
//! replaced: occurrences that overlap or touch give one stretch, and a marker for
//! each secret in it. The result depends on the stream alone, not on its chunks.
//!
//! What is held back is the longest tail that may still become an occurrence.
//! No pattern has a newline in it, so a complete line is never held.
//!
//! **Never:** knowledge of colours or encodings: what is no occurrence passes
//! byte for byte. A value with a colour code inside is not recognised.

use zeroize::Zeroizing;

use super::masking::{Hidden, Masking};
use crate::secret::SEARCHABLE_BYTES;

/// The bytes that one read may bring.
pub const CHUNK: usize = 64 * 1024;

/// A beginning of this size tells something of a value: half of the shortest
/// that is masked at all. Below, chance produces it all the time, in the last
/// letters of any prompt, and it narrows no guess worth the name.
pub(super) const TELLING: usize = SEARCHABLE_BYTES / 2;

/// Stands for the beginning of a value whose rest never came. Which one it was
/// cannot be told: several may begin alike.
const CUT_OFF: &[u8] = b"***";

/// One stream on its way through. All positions are in `text`.
pub struct Mask<'m> {
    masking: &'m Masking,
    /// What was read; wiped at the end, as it holds what others must not see.
    text: Zeroizing<Box<[u8]>>,
    filled: usize,
    /// Every occurrence that begins before here is known: it is all there, and
    /// none that begins there could become longer.
    decided: usize,
    /// Every occurrence that begins before here was looked at.
    searched: usize,
    /// What lies before here is out, or hidden.
    told: usize,
    /// The end of the hidden stretch that was last, and its marker.
    covered: usize,
    covered_by: &'m [u8],
    /// May go out although it could be the beginning of a value.
    released: usize,
    /// The stream ended in the middle of what may be a value.
    ends_inside: bool,
    /// The first occurrence that begins at `searched` or later.
    next: Option<Hidden<'m>>,
    /// What is left to write of a marker.
    marker: &'m [u8],
}

impl<'m> Mask<'m> {
    /// A stream at its beginning.
    #[must_use]
    pub fn new(masking: &'m Masking) -> Self {
        let size = CHUNK.saturating_add(masking.longest());
        Self {
            masking,
            text: Zeroizing::new(vec![0; size].into_boxed_slice()),
            filled: 0,
            decided: 0,
            searched: 0,
            told: 0,
            covered: 0,
            covered_by: &[],
            released: 0,
            ends_inside: false,
            next: None,
            marker: &[],
        }
    }

    /// Where the next bytes of the stream are to be put, before `advance` counts
    /// them. At least `CHUNK` once `take` has returned 0.
    pub fn room(&mut self) -> &mut [u8] {
        let gone = self.decided.min(self.searched).min(self.told);
        self.text.copy_within(gone..self.filled, 0);
        if self.covered < gone {
            self.covered_by = &[];
        }
        for position in [
            &mut self.filled,
            &mut self.decided,
            &mut self.searched,
            &mut self.told,
            &mut self.covered,
            &mut self.released,
        ] {
            *position = position.saturating_sub(gone);
        }
        if let Some(hidden) = &mut self.next {
            hidden.start = hidden.start.saturating_sub(gone);
            hidden.end = hidden.end.saturating_sub(gone);
        }
        self.text.get_mut(self.filled..).unwrap_or_default()
    }

    /// Counts the first `count` bytes of the room as read.
    pub fn advance(&mut self, count: usize) {
        self.filled = self.filled.saturating_add(count).min(self.text.len());
        // What could become an occurrence was held before, is shorter than the
        // longest pattern, and has no newline in it.
        let longest = self.masking.longest().saturating_sub(1);
        let from = self.decided.max(self.filled.saturating_sub(longest));
        let tail = self.text.get(from..self.filled).unwrap_or_default();
        let line = tail.iter().rposition(|&byte| byte == b'\n');
        let tail = line
            .and_then(|newline| tail.get(newline + 1..))
            .unwrap_or(tail);
        self.decided = self.filled.saturating_sub(self.masking.pending(tail));
    }

    /// Fills `out` from its beginning with what may be seen, and returns how
    /// much that is: 0 means that everything decided is out.
    pub fn take(&mut self, out: &mut [u8]) -> usize {
        let mut used = 0;
        loop {
            let room = out.get_mut(used..).unwrap_or_default();
            let copied = copy(self.marker, room);
            self.marker = self.marker.get(copied..).unwrap_or_default();
            used += copied;
            if !self.marker.is_empty() {
                return used;
            }
            self.look_ahead();
            let until = match self.next {
                Some(hidden) => hidden.start,
                None => self.decided.max(self.released),
            };
            let clear = self.text.get(self.told..until).unwrap_or_default();
            let room = out.get_mut(used..).unwrap_or_default();
            let copied = copy(clear, room);
            let is_cut = copied < clear.len();
            self.told += copied;
            used += copied;
            match self.next.take() {
                Some(hidden) if !is_cut => self.hide(hidden),
                next => {
                    self.next = next;
                    return used;
                }
            }
        }
    }

    /// Whether only time can tell what the last bytes are, and they are too few
    /// to tell anything: see `let_go`.
    #[must_use]
    pub fn holds_little(&self) -> bool {
        self.filled - self.decided < TELLING && self.told.max(self.released) < self.filled
    }

    /// Lets out a tail that is too short to tell anything, as the writer does
    /// not go on: a prompt or a progress bar is seen whole. If it does become
    /// an occurrence later, the rest of it is still replaced.
    pub fn let_go(&mut self) {
        if self.holds_little() {
            self.released = self.filled;
        }
    }

    /// The stream has ended. The beginning of a value, from a writer that was
    /// killed in the middle, is hidden if it is long enough to tell something:
    /// there is no rest by which to know, and half a password is a password
    /// half guessed, while nobody misses the last letters of a cut-off line.
    pub fn end(&mut self) {
        self.ends_inside = self.filled - self.decided >= TELLING;
        self.decided = if self.ends_inside {
            // Occurrences that begin later lie inside what is hidden anyway.
            self.decided.saturating_add(1)
        } else {
            self.filled
        };
    }

    /// Finds the next stretch to hide, unless it is known.
    fn look_ahead(&mut self) {
        if self.next.is_some() {
            return;
        }
        if self.searched < self.decided {
            let text = self.text.get(..self.filled).unwrap_or_default();
            self.next = self
                .masking
                .find(text, self.searched)
                .filter(|hidden| hidden.start < self.decided);
        }
        if self.next.is_none() {
            self.searched = self.decided;
            if std::mem::take(&mut self.ends_inside) {
                self.next = Some(Hidden {
                    start: self.decided.saturating_sub(1),
                    end: self.filled,
                    marker: CUT_OFF,
                });
            }
        }
    }

    /// Passes over `hidden`. A stretch names a secret once, however much of it
    /// there is: a long value is searched for in pieces.
    fn hide(&mut self, hidden: Hidden<'m>) {
        let begins = self.told > self.covered || hidden.marker != self.covered_by;
        if begins && hidden.end > self.covered {
            self.marker = hidden.marker;
            self.covered_by = hidden.marker;
        }
        self.covered = self.covered.max(hidden.end);
        self.told = self.told.max(self.covered);
        // The next byte, not the end: an overlapping occurrence goes further.
        self.searched = hidden.start.saturating_add(1);
    }
}

/// Copies what fits, and returns how much that was.
fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let count = from.len().min(to.len());
    if let (Some(from), Some(to)) = (from.get(..count), to.get_mut(..count)) {
        to.copy_from_slice(from);
    }
    count
}
