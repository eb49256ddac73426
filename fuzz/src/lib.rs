//! What the targets share: an input cut into fields, a value to search for, and
//! what holds of every message.
//!
//! In: the fuzzer's bytes. Out: fields, a canary, or the end of the run.
//!
//! **Never:** an opinion of vestibule's own code about what it did.

use vestibule::report::Fault;

/// Stands between the fields of an input; most editors show it as `^^`.
const BETWEEN: u8 = 0x1e;
/// Stands for the canary in an input; most editors show it as `^A`.
const HERE: u8 = 0x01;
/// No word has six of these in a row.
const CONSONANTS: &[u8; 16] = b"bcdfghjkmnpqrtvz";
/// How much of a canary a message must not have.
const PREFIX: usize = 6;
/// No message needs more, not even one that lists an object's known keys.
const LONGEST_LINE: usize = 8_000;

/// The first `COUNT - 1` fields, and the rest as it is in the last one; a field
/// that is lacking is empty.
#[must_use]
pub fn fields<const COUNT: usize>(input: &[u8]) -> [&[u8]; COUNT] {
    let mut parts = input.splitn(COUNT, |byte| *byte == BETWEEN);
    [(); COUNT].map(|()| parts.next().unwrap_or_default())
}

/// All fields.
pub fn all_fields(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    input.split(|byte| *byte == BETWEEN)
}

/// A value that must not get out, made from the input and thus in no other.
pub struct Canary(Vec<u8>);

impl Canary {
    /// Sixteen letters that depend on the whole input and are not in it: the
    /// fuzzer sees what is compared, and writes it into its next input.
    #[must_use]
    pub fn of(input: &[u8]) -> Self {
        // FNV-1a, with the 64-bit offset basis and prime.
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let mut hash = input
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| step(hash, *byte));
        loop {
            let bytes = hash.to_le_bytes().into_iter();
            let halves = bytes.flat_map(|byte| [byte >> 4, byte & 15]);
            let canary = Self(halves.map(|half| CONSONANTS[usize::from(half)]).collect());
            if !canary.is_in(input) {
                return canary;
            }
            hash = step(hash, 0);
        }
    }

    /// `text` with the canary wherever the input asks for it.
    #[must_use]
    pub fn put_into(&self, text: &[u8]) -> Vec<u8> {
        let mut full = Vec::with_capacity(text.len());
        for byte in text {
            match *byte {
                HERE => full.extend(&self.0),
                other => full.push(other),
            }
        }
        full
    }

    /// The canary itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether `text` has the canary or a good part of it.
    #[must_use]
    pub fn is_in(&self, text: impl AsRef<[u8]>) -> bool {
        // Six letters of a canary in a row are rare enough to look closer.
        let runs = text.as_ref().split(|byte| !CONSONANTS.contains(byte));
        let parts = runs.flat_map(|run| run.windows(PREFIX));
        parts
            .into_iter()
            .any(|part| self.0.windows(PREFIX).any(|window| window == part))
    }

    /// Ends the run where a fault gives the canary away.
    pub fn is_not_told_by(&self, fault: &dyn Fault) {
        assert!(!self.is_in(said(fault)), "a message has the canary");
    }
}

/// The three lines of a fault, each of which is one line and fit for a terminal.
#[must_use]
pub fn said(fault: &dyn Fault) -> String {
    let lines = [fault.what(), fault.place(), fault.remedy()];
    for line in &lines {
        is_fit_to_print(line);
        assert!(line.len() <= LONGEST_LINE, "a line of {} bytes", line.len());
    }
    for line in [&lines[0], &lines[2]] {
        assert!(!line.is_empty(), "a message without words");
    }
    lines.join("\n")
}

/// Ends the run where a terminal would do something else than show the text.
pub fn is_fit_to_print(text: &str) {
    for character in text.chars() {
        let steers = character.is_control()
            // Bidi_Control, and what breaks a line or shows nothing.
            || matches!(u32::from(character),
                0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e
                | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb | 0xe_0000..=0xe_007f);
        assert!(!steers, "a message has {}", character.escape_unicode());
    }
}
