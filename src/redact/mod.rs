//! What no message may show: secrets that were collected, and what looks like a
//! credential.
//!
//! In: the values, once, in every form that programs write; then any text on its
//! way out. Out: the text with `[secret NAME]` or `[credential]` in their place.
//! `report` and `json` hand all that they write through here.
//!
//! **Never:** a value: what is kept are keyed hashes, since the child that
//! becomes main still has messages when it may be looked at.

pub mod fingerprint;
pub(crate) mod token;
pub(crate) mod url;

use std::borrow::Cow;
use std::cell::RefCell;
use std::cmp::Reverse;
use std::mem::ManuallyDrop;
use std::ops::Range;

use fingerprint::{Fingerprints, Values};

/// Stands for what looks like a credential and is no value that was collected.
const CREDENTIAL: &str = "[credential]";

thread_local! {
    /// There is one thread; tests have several, each with its own values. It is never
    /// dropped: to note that it has to be would make the reaper use its heap.
    static KNOWN: RefCell<ManuallyDrop<Option<Fingerprints>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };
}

/// A stretch of a text, and what is shown instead.
type Hidden = (Range<usize>, String);

/// From here on no message shows these values, and no others that were learnt.
pub fn learn(values: Values<'_, '_>) {
    KNOWN.with_borrow_mut(|known| **known = None);
    learn_also(values);
}

/// Nor these.
pub fn learn_also(values: Values<'_, '_>) {
    KNOWN.with_borrow_mut(|known| known.get_or_insert_default().add_forms(values));
}

/// Whether something in `text` is not to be shown.
#[must_use]
pub fn hides(text: &[u8]) -> bool {
    !hidden_in(text).is_empty()
}

/// Whether `text` holds a value that was collected.
#[must_use]
pub fn holds_a_secret(text: &[u8]) -> bool {
    KNOWN
        .with_borrow(|known| known.as_ref()?.found_in(text).map(|_| ()))
        .is_some()
}

/// `text` as it may be shown.
#[must_use]
pub fn redacted(text: &[u8]) -> Cow<'_, [u8]> {
    let mut hidden = hidden_in(text);
    if hidden.is_empty() {
        return text.into();
    }
    // Of those that begin together the longest, and a secret before a credential.
    hidden.sort_by_key(|(range, _)| (range.start, Reverse(range.end)));
    let mut shown = Vec::new();
    let mut from = 0;
    for (range, marker) in hidden {
        if range.start >= from {
            shown.extend_from_slice(text.get(from..range.start).unwrap_or_default());
            shown.extend_from_slice(marker.as_bytes());
        }
        from = from.max(range.end);
    }
    shown.extend_from_slice(text.get(from..).unwrap_or_default());
    shown.into()
}

/// The same for text.
#[must_use]
pub fn redacted_text(text: &str) -> Cow<'_, str> {
    match redacted(text.as_bytes()) {
        Cow::Borrowed(_) => text.into(),
        Cow::Owned(shown) => String::from_utf8_lossy(&shown).into_owned().into(),
    }
}

fn hidden_in(text: &[u8]) -> Vec<Hidden> {
    let mut hidden = Vec::new();
    KNOWN.with_borrow(|known| {
        if let Some(known) = &**known {
            let see = &mut |range, name: &str| hidden.push((range, marker(known, name)));
            known.each_in(text, see);
        }
    });
    hidden.extend(credentials(text).map(|range| (range, CREDENTIAL.to_owned())));
    hidden
}

/// A secret may be called like its value, or like another's.
fn marker(known: &Fingerprints, name: &str) -> String {
    let text = name.as_bytes();
    if known.found_in(text).is_some() || credentials(text).next().is_some() {
        return "[secret]".into();
    }
    ["[secret ", name, "]"].concat()
}

/// Where something looks like a credential: a token, or user info of a URL.
fn credentials(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let tokens = places(text, token::token);
    // The `@` stays, so that it still looks like a URL.
    let users = places(text, url::user_info).map(|range| range.start..range.end - 1);
    tokens.chain(users)
}

fn places(
    text: &[u8],
    find: fn(&[u8], usize) -> Option<Range<usize>>,
) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        let found = find(text, from)?;
        from = found.end;
        Some(found)
    })
}

#[cfg(test)]
mod tests;
