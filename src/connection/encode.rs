//! The escapes of the four forms, as slices that need no copy.
//!
//! In: the clear bytes of a credential, a name or an option. Out: pieces that
//! point into those bytes or into static text, for `Secret::concat` to join in
//! one allocation.
//!
//! **Never:** a `String` that holds part of a credential, a character outside
//! RFC 3986 *unreserved* in a URL, a space as `+` (libpq reads that as a plus).

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_encode};

/// Everything but *unreserved* (RFC 3986, 2.3): no parser gives those four
/// marks, the letters or the digits a second meaning.
const URL: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The same for the path of a socket, whose slashes stay.
const PATH: &AsciiSet = &URL.remove(b'/');

/// What ends or escapes a quoted argument of `redis.conf` (`sdssplitargs` in
/// Redis' `sds.c`), and `%`, which tells our escapes from plain runs below.
const CONF: &AsciiSet = &CONTROLS.add(b'"').add(b'\\').add(b'%');

/// One component of a URL.
pub(super) fn url(bytes: &[u8]) -> impl Iterator<Item = &str> {
    percent_encode(bytes, URL)
}

/// One component of a URL that is no secret.
pub(super) fn url_text(text: &str) -> String {
    url(text.as_bytes()).collect()
}

/// A path that is no secret, slashes kept.
pub(super) fn path_text(text: &str) -> String {
    percent_encode(text.as_bytes(), PATH).collect()
}

/// The inside of a quoted argument of `redis.conf`: `\xHH` for every byte that
/// is not plain, which Redis reads since 1.2 and which survives any editor.
pub(super) fn conf(bytes: &[u8]) -> impl Iterator<Item = &str> {
    percent_encode(bytes, CONF).flat_map(|run| match run.strip_prefix('%') {
        Some(hex) => ["\\x", hex],
        None => ["", run],
    })
}

/// A field of a password file: a backslash before `:` and `\` (libpq manual,
/// "The Password File").
pub(super) fn pgpass(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.chunk_by(|_, next| !is_mark(*next)).flat_map(|run| {
        let escape: &[u8] = if run.first().copied().is_some_and(is_mark) {
            b"\\"
        } else {
            b""
        };
        [escape, run]
    })
}

/// A field of a password file that is no secret. A lone `*` would match
/// anything; with a backslash it is the name `*`.
pub(super) fn pgpass_text(text: &str) -> String {
    if text == "*" {
        return "\\*".into();
    }
    text.replace('\\', "\\\\").replace(':', "\\:")
}

fn is_mark(byte: u8) -> bool {
    matches!(byte, b':' | b'\\')
}
