//! Values that can be recognised but not read.
//!
//! In: a value. Out: keyed hashes of it, or of every form that it is written in,
//! by which it is known in a text after the value is wiped.
//!
//! **Never:** a hash that leaves the process or can be compared with another
//! process's: the key is made anew for each.

use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use crate::search::forms::message_forms;
use crate::secret::Secret;

/// Values with their names.
pub type Values<'v, 'i> = &'i mut dyn Iterator<Item = (&'v str, &'v Secret)>;

/// Forms of one length, for comparison only.
struct Alike {
    bytes: usize,
    /// Where the first blank is. Without one they lie within a word of a text.
    blank: Option<usize>,
    /// Their hashes, in order, and whose each is, by number.
    prints: Vec<(u64, usize)>,
}

/// Those of several values.
#[derive(Default)]
pub struct Fingerprints {
    key: RandomState,
    names: Vec<String>,
    /// From short to long.
    forms: Vec<Alike>,
}

impl Fingerprints {
    /// Adds values as they are, but for those too short to be searched for.
    pub fn add(&mut self, values: Values<'_, '_>) {
        for (name, value) in values.filter(|(_, value)| !value.is_short()) {
            self.names.push(name.to_owned());
            self.push(value);
        }
        self.sort();
    }

    /// Adds the forms of values that programs write; a short one has none.
    pub fn add_forms(&mut self, values: Values<'_, '_>) {
        for (name, value) in values {
            self.names.push(name.to_owned());
            for form in message_forms(value) {
                self.push(&form.bytes);
            }
        }
        self.sort();
    }

    fn sort(&mut self) {
        for alike in &mut self.forms {
            alike.prints.sort_unstable();
        }
    }

    /// Adds a form of the last name.
    fn push(&mut self, form: &Secret) {
        #[expect(
            clippy::disallowed_methods,
            reason = "hashed with a key of this process"
        )]
        let clear = form.expose();
        let print = (self.key.hash_one(clear), self.names.len().saturating_sub(1));
        let shape = (clear.len(), clear.iter().position(u8::is_ascii_whitespace));
        let found = self.forms.binary_search_by_key(&shape, Alike::shape);
        let at = found.unwrap_or_else(|at| {
            let (bytes, blank) = shape;
            let prints = Vec::new();
            self.forms.insert(
                at,
                Alike {
                    bytes,
                    blank,
                    prints,
                },
            );
            at
        });
        if let Some(alike) = self.forms.get_mut(at) {
            alike.prints.push(print);
        }
    }

    /// The name of a value that `text` contains.
    #[must_use]
    pub fn found_in(&self, text: &[u8]) -> Option<&str> {
        let mut found = None;
        self.each_in(text, &mut |_, name| found = found.or(Some(name)));
        found
    }

    /// Every place in `text` where a value stands, with the value's name.
    pub fn each_in<'a>(&'a self, text: &[u8], see: &mut dyn FnMut(Range<usize>, &'a str)) {
        for alike in self
            .forms
            .iter()
            .take_while(|alike| alike.bytes <= text.len())
        {
            alike.each_in(text, &mut |at, window| {
                if let Some(name) = alike.named(self.key.hash_one(window)) {
                    let name = self.names.get(name).map_or("", String::as_str);
                    see(at..at + alike.bytes, name);
                }
            });
        }
    }
}

impl Alike {
    fn shape(&self) -> (usize, Option<usize>) {
        (self.bytes, self.blank)
    }

    /// Whose form has this hash.
    fn named(&self, hash: u64) -> Option<usize> {
        let at = self.prints.partition_point(|(known, _)| *known < hash);
        let (_, name) = self.prints.get(at).filter(|(known, _)| *known == hash)?;
        Some(*name)
    }

    /// Every part of `text` that could be one of them.
    fn each_in(&self, text: &[u8], see: &mut dyn FnMut(usize, &[u8])) {
        let mut start = 0;
        for area in text.split(|byte| self.blank.is_none() && byte.is_ascii_whitespace()) {
            for (window, at) in area.windows(self.bytes).zip(start..) {
                let blank = self.blank.map(|at| window.get(at));
                if blank.is_none_or(|byte| byte.is_some_and(u8::is_ascii_whitespace)) {
                    see(at, window);
                }
            }
            start += area.len() + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Fingerprints;
    use crate::secret::Secret;

    #[test]
    fn a_value_is_known_anywhere_in_a_text_and_nothing_else_is() {
        let mut marks = Fingerprints::default();
        marks.add(&mut [("token", &Secret::concat(&[b"canary-value"]))].into_iter());
        assert_eq!(marks.found_in(b"A=b\0T=x-canary-value-y\0"), Some("token"));
        assert_eq!(marks.found_in(b"canary-value"), Some("token"));
        assert_eq!(marks.found_in(b"canary-valu"), None);
        assert_eq!(marks.found_in(b""), None);
    }

    #[test]
    fn a_short_value_has_none() {
        let mut marks = Fingerprints::default();
        let pin = Secret::concat(&[b"1234567"]);
        marks.add(&mut [("pin", &pin)].into_iter());
        marks.add_forms(&mut [("pin", &pin)].into_iter());
        assert_eq!(marks.found_in(b"1234567"), None);
    }

    #[test]
    fn every_form_is_found_where_it_is_and_by_its_name() {
        let mut marks = Fingerprints::default();
        let phrase = Secret::concat(&[b"correct horse battery"]);
        let token = Secret::concat(&[b"canary/value"]);
        marks.add_forms(&mut [("phrase", &phrase), ("token", &token)].into_iter());
        let text = b"a correct horse battery, canary%2Fvalue and Y2FuYXJ5L3ZhbHVl";
        let mut found = Vec::new();
        marks.each_in(text, &mut |range, name| found.push((range, name)));
        found.sort_by_key(|(range, _)| range.start);
        assert_eq!(
            found,
            [(2..23, "phrase"), (25..39, "token"), (44..60, "token")]
        );
        assert_eq!(marks.found_in(b"correct horse batter"), None);
    }
}
