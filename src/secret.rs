//! The only file that touches the clear bytes of a secret.
//!
//! In: bytes read from a file or variable, or assembled from parts. Out: a
//! `Secret` that is allocated once at its exact size, wiped when dropped, and
//! can be looked at only by `expose`. All of them lie apart from other memory, so
//! that a process can let go of every one that it is not to have.
//!
//! **Never:** `Debug`, `Display`, `Clone`, `PartialEq`, `Deref`, `From`, a
//! serialiser, or a buffer that grows and leaves a copy behind.

use zeroize::{Zeroize, Zeroizing};

use crate::sys::arena::apart;

/// Values under this size occur by chance: they are not searched for inside
/// other values, only compared as a whole.
pub(crate) const SEARCHABLE_BYTES: usize = 8;

/// A value nobody may print: one allocation of exactly its size, wiped on drop.
pub struct Secret {
    bytes: Box<[u8]>,
}

impl Secret {
    /// Joins `parts` in one allocation.
    pub(crate) fn concat(parts: &[&[u8]]) -> Self {
        let size = parts.iter().map(|part| part.len()).sum();
        let mut bytes = zeros(size);
        let mut rest: &mut [u8] = &mut bytes;
        for part in parts {
            let (head, tail) = rest.split_at_mut(part.len());
            head.copy_from_slice(part);
            rest = tail;
        }
        Self { bytes }
    }

    /// The clear bytes. Each caller says in `#[expect]` why it needs them.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// A second copy, for a value that is delivered twice.
    pub(crate) fn duplicate(&self) -> Self {
        Self::concat(&[&self.bytes])
    }

    /// Whether `text` gives this value away: it contains it, or, for a value
    /// too short to be searched for, equals it. The final newline of a raw value
    /// does not count, since a copy in a variable has none.
    pub(crate) fn occurs_in(&self, text: &[u8]) -> bool {
        let body = self.body();
        if body.len() < SEARCHABLE_BYTES {
            return !body.is_empty() && (body == text || *self.bytes == *text);
        }
        text.windows(body.len()).any(|window| window == body)
    }

    /// Whether both are the same but for a final newline.
    pub(crate) fn is_copy_of(&self, other: &Self) -> bool {
        self.body() == other.body()
    }

    fn body(&self) -> &[u8] {
        match &*self.bytes {
            [body @ .., b'\r', b'\n'] | [body @ .., b'\n'] => body,
            whole => whole,
        }
    }

    /// Whether it is exactly `text`. Not constant-time: both sides are ours.
    pub(crate) fn equals(&self, text: &[u8]) -> bool {
        *self.bytes == *text
    }

    /// Whether it is one line that a variable can hold.
    pub(crate) fn is_usable(&self) -> bool {
        !self.bytes.is_empty() && !self.bytes.iter().any(|byte| *byte == 0 || *byte == b'\n')
    }

    /// Whether the value is too short to be searched for or masked.
    pub(crate) fn is_short(&self) -> bool {
        self.bytes.len() < SEARCHABLE_BYTES
    }

    /// The value without its final newline (LF or CRLF), if it has one.
    pub(crate) fn without_final_newline(self) -> Self {
        let body = self.body();
        if body.len() == self.bytes.len() {
            return self;
        }
        Self::concat(&[body])
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// Memory of exactly this size for a value.
fn zeros(size: usize) -> Box<[u8]> {
    apart(|| vec![0; size].into_boxed_slice())
}

/// Working memory for bytes that are not a `Secret` yet: fixed capacity, wiped
/// on drop, and never reallocated because it refuses instead of growing.
pub(crate) struct Scratch {
    bytes: Zeroizing<Box<[u8]>>,
    filled: usize,
}

impl Scratch {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            bytes: Zeroizing::new(zeros(capacity)),
            filled: 0,
        }
    }

    /// The room that is left, to be written to and then claimed by `advance`.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.filled..).unwrap_or_default()
    }

    /// Counts the first `count` bytes of the room as content.
    pub(crate) fn advance(&mut self, count: usize) {
        self.filled = self.filled.saturating_add(count).min(self.bytes.len());
    }

    /// Appends `more` if it fits, else leaves everything as it was.
    #[must_use]
    pub(crate) fn push(&mut self, more: &[u8]) -> bool {
        let Some(room) = self.room().get_mut(..more.len()) else {
            return false;
        };
        room.copy_from_slice(more);
        self.advance(more.len());
        true
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    /// What was gathered, as a value of exactly its size.
    pub(crate) fn into_secret(self) -> Secret {
        Secret::concat(&[self.as_bytes()])
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the tests look at values they made up"
)]
mod tests {
    use super::{Scratch, Secret};

    fn secret(text: &[u8]) -> Secret {
        Secret::concat(&[text])
    }

    #[test]
    fn one_final_newline_is_cut_and_no_more() {
        for (given, kept) in [
            (&b"value\n"[..], &b"value"[..]),
            (b"value\r\n", b"value"),
            (b"value\n\n", b"value\n"),
            (b"value\r", b"value\r"),
            (b"value", b"value"),
            (b"\n", b""),
        ] {
            assert_eq!(secret(given).without_final_newline().expose(), kept);
        }
    }

    #[test]
    fn a_short_value_counts_only_as_a_whole() {
        assert!(secret(b"app").occurs_in(b"app"));
        assert!(!secret(b"app").occurs_in(b"/opt/app/bin"));
        assert!(!secret(b"").occurs_in(b""));
        assert!(secret(b"hunter2-long").occurs_in(b"redis://:hunter2-long@h"));
        assert!(!secret(b"hunter2-long").occurs_in(b"hunter2"));
    }

    #[test]
    fn a_raw_value_is_known_without_its_final_newline() {
        for raw in [&b"hunter2-long\n"[..], b"hunter2-long\r\n"] {
            assert!(secret(raw).occurs_in(b"x=hunter2-long;y"));
            assert!(secret(raw).is_copy_of(&secret(b"hunter2-long")));
        }
        assert!(secret(b"app\n").occurs_in(b"app") && secret(b"app\n").occurs_in(b"app\n"));
        assert!(!secret(b"hunter2\n").occurs_in(b"hunter2-long"));
        assert!(!secret(b"\n").occurs_in(b"a\nb"));
    }

    #[test]
    fn a_copy_has_exactly_the_parts() {
        let joined = Secret::concat(&[b"a", b"", b"bc"]);
        assert_eq!(joined.duplicate().expose(), b"abc");
        assert!(joined.equals(b"abc") && !joined.equals(b"ab") && joined.is_short());
        assert!(!secret(b"12345678").is_short());
        assert!(!secret(b"12345678").occurs_in(b""));
    }

    #[test]
    fn scratch_refuses_what_would_make_it_grow() {
        let mut scratch = Scratch::with_capacity(4);
        assert!(scratch.push(b"abc"));
        assert!(!scratch.push(b"de"));
        assert_eq!(scratch.into_secret().expose(), b"abc");
    }
}
