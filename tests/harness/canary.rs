//! Planted values, unique to each run, and the search for them.
//!
//! In: names, which of them main is permitted, and bytes that somebody said,
//! was given or carries. Out: each place where a value is that should not be.
//!
//! A value is two random halves with characters between them that every
//! encoding treats differently. Each half is searched for by itself: that
//! finds a cut value too, and an encoding changes letters and digits in few ways.
//!
//! **Never:** a value in a message, not even of a test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The values of one scene.
#[derive(Clone, Debug, Default)]
pub(crate) struct Canary {
    values: BTreeMap<String, String>,
    permitted: BTreeSet<String>,
}

/// A value where it should not be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Leak {
    /// The secret.
    pub(crate) secret: String,
    /// The place.
    pub(crate) place: String,
}

/// Whose the searched bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// Anybody: logs, `ps`, PID 1.
    Public,
    /// Main, which may have what it is permitted.
    Main,
}

impl Canary {
    /// A new value under this name.
    pub(super) fn plant(&mut self, name: &str) -> &str {
        let value = format!("{}/+%@:#é {}", half(), half());
        self.values.entry(name.to_owned()).or_insert(value)
    }

    /// Main may have these.
    pub(super) fn permit(&mut self, names: &[&str]) {
        for name in names {
            assert!(self.values.contains_key(*name), "`{name}` was not planted");
            self.permitted.insert((*name).to_owned());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// A planted value.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.values
            .get(name)
            .unwrap_or_else(|| panic!("`{name}` was not planted"))
    }

    /// Everything that `bytes`, found at `place`, should not have.
    pub(super) fn search(&self, bytes: &[u8], place: &str, reader: Reader) -> Vec<Leak> {
        let is_free = |name: &str| reader == Reader::Main && self.permitted.contains(name);
        let found = self.values.iter().filter(|(name, value)| {
            !is_free(name) && forms(value).iter().any(|form| contains(bytes, form))
        });
        found
            .map(|(name, _)| Leak {
                secret: name.clone(),
                place: place.to_owned(),
            })
            .collect()
    }
}

fn half() -> String {
    let mut random = [0; 8];
    let mut source = File::open("/dev/urandom").expect("/dev/urandom");
    source.read_exact(&mut random).expect("random bytes");
    format!("{:016x}", u64::from_le_bytes(random))
}

fn contains(bytes: &[u8], form: &[u8]) -> bool {
    bytes.windows(form.len()).any(|window| window == form)
}

/// Every way in which a value is searched for.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let halves = [
        &value.as_bytes()[..16],
        &value.as_bytes()[value.len() - 16..],
    ];
    halves.into_iter().flat_map(forms_of_half).collect()
}

fn forms_of_half(half: &[u8]) -> Vec<Vec<u8>> {
    let each = |format: fn(&u8) -> String| {
        let texts: Vec<String> = half.iter().map(format).collect();
        texts.concat().into_bytes()
    };
    let mut forms = vec![
        half.to_vec(),
        half.to_ascii_uppercase(),
        each(|byte| format!("{byte:02x}")),
        each(|byte| format!("{byte:02X}")),
        each(|byte| format!("%{byte:02x}")),
        each(|byte| format!("%{byte:02X}")),
        each(|byte| format!("\\x{byte:02x}")),
        each(|byte| format!("\\u{byte:04x}")),
    ];
    forms.extend((0..3).map(|before| base64_core(half, before)));
    forms
}

/// The characters of a Base64 text that depend on `bytes` alone when `before`
/// other bytes (modulo 3) come first. None of them is `+` or `/` for bytes that
/// are hex digits, so this finds the URL-safe alphabet as well.
fn base64_core(bytes: &[u8], before: usize) -> Vec<u8> {
    let padded: Vec<u8> = [&vec![0; before][..], bytes].concat();
    let whole = padded.chunks_exact(3).flat_map(|three| {
        let bits = three
            .iter()
            .fold(0_usize, |bits, &byte| bits << 8 | usize::from(byte));
        [18, 12, 6, 0].map(|shift| ALPHABET[bits >> shift & 63])
    });
    whole.skip([0, 2, 3][before]).collect()
}

#[cfg(test)]
mod tests {
    use super::{Canary, Reader, base64_core, contains};

    #[test]
    fn a_half_is_found_in_base64_at_every_alignment() {
        // `printf '..0123456789abcdef..' | base64`, with 0, 1 and 2 bytes before.
        for (before, text) in [
            (0, "MDEyMzQ1Njc4OWFiY2RlZi4u"),
            (1, "LjAxMjM0NTY3ODlhYmNkZWYuLg=="),
            (2, "Li4wMTIzNDU2Nzg5YWJjZGVmLi4="),
        ] {
            let core = base64_core(b"0123456789abcdef", before);
            assert!(core.len() >= 18, "{before}");
            assert!(contains(text.as_bytes(), &core), "{before}");
        }
    }

    #[test]
    fn a_value_is_found_raw_cut_in_hex_and_percent_encoded() {
        let mut canary = Canary::default();
        let value = canary.plant("a").to_owned();
        let hex: Vec<String> = value.bytes().map(|byte| format!("{byte:02x}")).collect();
        let hex = hex.concat();
        let percent = value
            .replace('/', "%2F")
            .replace('+', "%2B")
            .replace(' ', "%20");
        for text in [
            &value,
            &hex,
            &percent,
            &value[..20],
            &value[value.len() - 16..],
        ] {
            assert_eq!(canary.search(text.as_bytes(), "x", Reader::Public).len(), 1);
            assert_eq!(canary.search(text.as_bytes(), "x", Reader::Main).len(), 1);
        }
        assert!(canary.search(b"nothing", "x", Reader::Public).is_empty());
        canary.permit(&["a"]);
        assert!(
            canary
                .search(value.as_bytes(), "x", Reader::Main)
                .is_empty()
        );
        assert_eq!(
            canary.search(value.as_bytes(), "x", Reader::Public).len(),
            1
        );
    }
}
