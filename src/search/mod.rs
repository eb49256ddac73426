//! Finding values in bytes, in every form, wherever these bytes come from.
//!
//! In: named values; then text in any portions. Out: where a value is, whose it
//! is and how it is written.
//!
//! Every occurrence covers one position of a fixed grid, so only the four bytes
//! at each position of the grid are looked up in a bit table, and most text is
//! never looked at. The stride of the grid is the shortest form less three. No
//! look-up waits for the one before it. Measured on 190 MB of `/usr` with 191
//! forms: 4.0 GB/s, a table of shifts (Wu and Manber) 0.9, Aho and Corasick's
//! automaton 0.1, and packed comparison (Teddy) takes no more than 128.
//!
//! **Never:** a value in a message; a table that outlives the searcher unwiped.

mod encode;
pub mod forms;

use zeroize::Zeroize;

pub use forms::{Form, FormKind, forms};

use crate::secret::{SEARCHABLE_BYTES, Secret};
use crate::sys::arena::apart;

/// Bytes that are looked up at once.
const GRAM: usize = 4;
/// The widest grid: beyond it the table fills faster than text is skipped.
const WIDEST: usize = 16;
/// Bits of the table for each gram in it, as a power of two.
const SPARSE: u32 = 6;
/// The table has at least 2^15 bits (4 KiB) and at most 2^20 (128 KiB).
const TABLE_BITS: std::ops::RangeInclusive<u32> = 15..=20;

/// Where a value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// Which form it is, for `Searcher::name` and `Searcher::kind`.
    pub pattern: usize,
}

/// Which forms are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Everything,
    /// Those that fit into a line.
    Lines,
}

/// One form of one secret.
struct Pattern {
    secret: usize,
    form: Form,
}

/// Four bytes of a form and where they are in it.
#[derive(Clone, Copy, Default)]
struct Gram {
    bytes: u32,
    pattern: u32,
    offset: u32,
}

/// Looks for all forms of all values at once.
pub struct Searcher {
    names: Vec<String>,
    unsearchable: Vec<String>,
    patterns: Vec<Pattern>,
    longest: usize,
    stride: usize,
    /// `32 -` the bits of a hash that are used.
    shift: u32,
    /// One bit for each hash.
    table: Vec<u8>,
    /// Where the grams of each hash begin in `grams`, and where the last ends.
    buckets: Vec<u32>,
    grams: Vec<Gram>,
}

impl Searcher {
    /// Prepares to look for the values of `secrets`, each with its name.
    #[must_use]
    pub fn new<'a>(secrets: &mut dyn Iterator<Item = (&'a str, &'a Secret)>) -> Self {
        Self::prepare(secrets, Reach::Everything)
    }

    /// The same for text that is searched line by line: a form with a newline in
    /// it is left out, since its lines are forms of their own. A value of short
    /// lines only counts as unsearchable, though its other forms are found.
    #[must_use]
    pub fn for_lines<'a>(secrets: &mut dyn Iterator<Item = (&'a str, &'a Secret)>) -> Self {
        Self::prepare(secrets, Reach::Lines)
    }

    fn prepare<'a>(secrets: &mut dyn Iterator<Item = (&'a str, &'a Secret)>, reach: Reach) -> Self {
        let mut searcher = Self {
            names: Vec::new(),
            unsearchable: Vec::new(),
            patterns: Vec::new(),
            longest: 0,
            stride: WIDEST,
            shift: 0,
            table: Vec::new(),
            buckets: Vec::new(),
            grams: Vec::new(),
        };
        for (name, value) in secrets {
            searcher.take(name, value, reach);
        }
        searcher.index();
        searcher
    }

    fn take(&mut self, name: &str, value: &Secret, reach: Reach) {
        let mut forms = forms(value);
        if reach == Reach::Lines {
            forms.retain(|form| !clear(form).contains(&b'\n'));
        }
        if !forms.iter().any(|form| form.kind == FormKind::Raw) {
            self.unsearchable.push(name.to_owned());
        }
        if forms.is_empty() {
            return;
        }
        let secret = self.names.len();
        self.names.push(name.to_owned());
        for form in forms {
            let length = clear(&form).len();
            self.longest = self.longest.max(length);
            // A form has at least SEARCHABLE_BYTES, so the stride is 5 or more.
            self.stride = self.stride.min(length.max(SEARCHABLE_BYTES) - (GRAM - 1));
            self.patterns.push(Pattern { secret, form });
        }
    }

    /// Fills the tables: each form stands in them with the grams of its first
    /// `stride` offsets, one of which lies on the grid wherever the form does.
    fn index(&mut self) {
        let count = self.patterns.len().saturating_mul(self.stride);
        let bits = (count.max(1).ilog2() + SPARSE).clamp(*TABLE_BITS.start(), *TABLE_BITS.end());
        self.shift = u32::BITS - bits;
        // They tell which four bytes occur, and where.
        self.table = apart(|| vec![0; 1 << (bits - 3)]);
        self.buckets = apart(|| vec![0; (1 << bits.min(16)) + 1]);
        self.grams = apart(|| vec![Gram::default(); count]);
        for step in [Step::Count, Step::Fill] {
            if step == Step::Fill {
                let mut end = 0;
                for bucket in &mut self.buckets {
                    end += *bucket;
                    *bucket = end;
                }
            }
            self.each_gram(step);
        }
    }

    fn each_gram(&mut self, step: Step) {
        let bucket_shift = self.bucket_shift();
        for (pattern, number) in self.patterns.iter().zip(0_u32..) {
            let windows = clear(&pattern.form).windows(GRAM).take(self.stride);
            for (window, offset) in windows.zip(0_u32..) {
                let bytes = gram(window);
                let hash = hash(bytes);
                let Some(bucket) = self.buckets.get_mut(index(hash >> bucket_shift)) else {
                    continue;
                };
                if step == Step::Count {
                    *bucket += 1;
                    let slot = hash >> self.shift;
                    if let Some(byte) = self.table.get_mut(index(slot >> 3)) {
                        *byte |= 1 << (slot & 7);
                    }
                    continue;
                }
                // Buckets hold their ends now, and are filled from there down.
                *bucket -= 1;
                if let Some(place) = self.grams.get_mut(index(*bucket)) {
                    *place = Gram {
                        bytes,
                        pattern: number,
                        offset,
                    };
                }
            }
        }
    }

    fn bucket_shift(&self) -> u32 {
        self.shift.max(16)
    }

    /// The first value in `text` that starts at `from` or later; of several that
    /// start there, the longest.
    #[must_use]
    pub fn find(&self, text: &[u8], from: usize) -> Option<Match> {
        let (table, stride, shift) = (&*self.table, self.stride, self.shift);
        let mut position = from;
        // By hand: the release is built for size, which leaves iterators as calls.
        while let Some(window) = text.get(position..).and_then(<[u8]>::first_chunk::<GRAM>) {
            let bytes = u32::from_le_bytes(*window);
            let slot = hash(bytes).wrapping_shr(shift);
            let byte = table.get(index(slot >> 3)).copied().unwrap_or(0);
            if byte >> (slot & 7) & 1 != 0
                && let Some(found) = self.verify(text, from, position, bytes)
            {
                return Some(found);
            }
            position += stride;
        }
        None
    }

    /// The form that has `bytes` where `text` has them at `position`.
    #[cold]
    #[inline(never)]
    fn verify(&self, text: &[u8], from: usize, position: usize, bytes: u32) -> Option<Match> {
        let mut best: Option<Match> = None;
        for gram in self.grams_like(bytes) {
            let Some(start) = position.checked_sub(index(gram.offset)) else {
                continue;
            };
            let pattern = index(gram.pattern);
            let Some(form) = self.patterns.get(pattern).map(|found| clear(&found.form)) else {
                continue;
            };
            let end = start + form.len();
            if start < from || text.get(start..end) != Some(form) {
                continue;
            }
            let is_better = best
                .is_none_or(|best| start < best.start || (start == best.start && end > best.end));
            if is_better {
                best = Some(Match {
                    start,
                    end,
                    pattern,
                });
            }
        }
        best
    }

    fn grams_like(&self, bytes: u32) -> impl Iterator<Item = &Gram> {
        let bucket = index(hash(bytes) >> self.bucket_shift());
        let bound = |at: usize| index(self.buckets.get(at).copied().unwrap_or(0));
        let bucket = self.grams.get(bound(bucket)..bound(bucket + 1));
        let bucket = bucket.unwrap_or_default().iter();
        bucket.filter(move |gram| gram.bytes == bytes)
    }

    /// The length of the longest end of `text` that could be the beginning of a
    /// value: what a reader of portions keeps until the next one is there.
    #[must_use]
    pub fn pending(&self, text: &[u8]) -> usize {
        let first = text.len().saturating_sub(self.longest.saturating_sub(1));
        let is_begun = |end: &[u8]| {
            let may_begin = |form: &Form| {
                let form = clear(form);
                end.len() < form.len() && form.starts_with(end)
            };
            match end.first_chunk::<GRAM>() {
                Some(window) => self
                    .grams_like(u32::from_le_bytes(*window))
                    .filter(|gram| gram.offset == 0)
                    .filter_map(|gram| self.patterns.get(index(gram.pattern)))
                    .any(|pattern| may_begin(&pattern.form)),
                None => self.patterns.iter().any(|pattern| may_begin(&pattern.form)),
            }
        };
        (first..text.len())
            .find(|&start| text.get(start..).is_some_and(is_begun))
            .map_or(0, |start| text.len() - start)
    }

    /// Bytes of the longest form.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Whether there is nothing to look for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// How many forms are looked for.
    #[must_use]
    pub fn patterns(&self) -> usize {
        self.patterns.len()
    }

    /// The secret that a form belongs to, by its number among those searched for.
    #[must_use]
    pub fn secret(&self, pattern: usize) -> usize {
        self.patterns.get(pattern).map_or(0, |found| found.secret)
    }

    /// The name of the secret that a form belongs to.
    #[must_use]
    pub fn name(&self, pattern: usize) -> &str {
        self.names
            .get(self.secret(pattern))
            .map_or("", String::as_str)
    }

    /// How a form is written.
    #[must_use]
    pub fn kind(&self, pattern: usize) -> FormKind {
        let found = self.patterns.get(pattern);
        found.map_or(FormKind::Raw, |found| found.form.kind)
    }

    /// The names of the secrets that are searched for.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The names of those that are too short for it.
    #[must_use]
    pub fn unsearchable(&self) -> &[String] {
        &self.unsearchable
    }
}

impl Drop for Searcher {
    fn drop(&mut self) {
        // The table says which four bytes occur; the forms wipe themselves.
        self.table.zeroize();
        self.buckets.zeroize();
        for gram in &mut self.grams {
            gram.bytes.zeroize();
        }
    }
}

/// The two passes over all grams.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Count,
    Fill,
}

fn clear(form: &Form) -> &[u8] {
    #[expect(
        clippy::disallowed_methods,
        reason = "the bytes that are being looked for"
    )]
    form.bytes.expose()
}

fn gram(window: &[u8]) -> u32 {
    window
        .first_chunk()
        .map_or(0, |&bytes| u32::from_le_bytes(bytes))
}

/// Multiplicative hashing: the upper bits depend on all four bytes.
fn hash(bytes: u32) -> u32 {
    bytes.wrapping_mul(0x9e37_79b1)
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
