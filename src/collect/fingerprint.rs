//! Values that can be recognised but not read.
//!
//! In: a value that main does not get. Out: its keyed hash and size, by which
//! the proof knows it in what it was able to read, after the value is wiped.
//!
//! **Never:** a hash that leaves the process or can be compared with another
//! process's: the key is made anew for each.

use std::hash::{BuildHasher, RandomState};

use crate::secret::Secret;

/// A withheld value, for comparison only.
pub struct Fingerprint {
    /// The secret's name.
    pub name: String,
    hash: u64,
    bytes: usize,
}

/// Those of all withheld values.
#[derive(Default)]
pub struct Fingerprints {
    key: RandomState,
    values: Vec<Fingerprint>,
}

impl Fingerprints {
    /// Adds a value, unless it is too short to be searched for.
    pub fn add(&mut self, name: &str, value: &Secret) {
        if value.is_short() {
            return;
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "hashed with a key of this process"
        )]
        let clear = value.expose();
        self.values.push(Fingerprint {
            name: name.to_owned(),
            hash: self.key.hash_one(clear),
            bytes: clear.len(),
        });
    }

    /// The name of a value that `text` contains.
    #[must_use]
    pub fn found_in(&self, text: &[u8]) -> Option<&str> {
        let occurs = |value: &&Fingerprint| {
            text.windows(value.bytes)
                .any(|window| self.key.hash_one(window) == value.hash)
        };
        self.values
            .iter()
            .find(occurs)
            .map(|value| value.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Fingerprints;
    use crate::secret::Secret;

    #[test]
    fn a_value_is_known_anywhere_in_a_text_and_nothing_else_is() {
        let mut marks = Fingerprints::default();
        marks.add("token", &Secret::concat(&[b"canary-value"]));
        assert_eq!(marks.found_in(b"A=b\0T=x-canary-value-y\0"), Some("token"));
        assert_eq!(marks.found_in(b"canary-value"), Some("token"));
        assert_eq!(marks.found_in(b"canary-valu"), None);
        assert_eq!(marks.found_in(b""), None);
    }

    #[test]
    fn a_short_value_has_none() {
        let mut marks = Fingerprints::default();
        marks.add("pin", &Secret::concat(&[b"1234567"]));
        assert_eq!(marks.found_in(b"1234567"), None);
    }
}
