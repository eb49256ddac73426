//! How programs write a value down: one function for each way of escaping.
//!
//! In: clear bytes. Out: a `Secret` with the same bytes in another writing,
//! without the quotes or marks around them.
//!
//! **Never:** a `String` or a buffer that grows, since either leaves copies.

use crate::secret::{Scratch, Secret};

/// No escape here makes more of one byte (`\u0001` makes six of one).
const MOST_PER_BYTE: usize = 8;

const UPPER: &[u8; 16] = b"0123456789ABCDEF";
const LOWER: &[u8; 16] = b"0123456789abcdef";

/// The digits of an escape that has some.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Digits {
    Upper,
    Lower,
}

impl Digits {
    /// The two digits of a byte.
    fn of(self, byte: u8) -> [u8; 2] {
        [self.digit(byte >> 4), self.digit(byte & 15)]
    }

    fn digit(self, half: u8) -> u8 {
        let digits = if self == Self::Upper { UPPER } else { LOWER };
        digits.get(usize::from(half)).copied().unwrap_or(b'0')
    }
}

/// Writes into memory that is wiped, of a size that no escape exceeds.
fn written(clear: &[u8], write: impl FnOnce(&mut Scratch)) -> Secret {
    let mut out = Scratch::with_capacity(clear.len() * MOST_PER_BYTE);
    write(&mut out);
    out.into_secret()
}

fn put(out: &mut Scratch, bytes: &[u8]) {
    // The capacity is for the longest escape of every byte.
    let _ = out.push(bytes);
}

/// Each byte as two digits.
pub(super) fn hex(clear: &[u8], digits: Digits) -> Secret {
    written(clear, |out| {
        for &byte in clear {
            put(out, &digits.of(byte));
        }
    })
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The two alphabets of RFC 4648.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    Standard,
    UrlSafe,
}

/// The characters of base64 that depend on nothing but `clear`, where `before`
/// (0, 1 or 2) bytes precede it in their group of three.
pub(super) fn base64(clear: &[u8], before: usize, alphabet: Alphabet) -> Secret {
    let letters = match alphabet {
        Alphabet::Standard => STANDARD,
        Alphabet::UrlSafe => URL_SAFE,
    };
    let byte = |at: usize| u16::from(clear.get(at).copied().unwrap_or(0));
    let first = (before * 8).div_ceil(6);
    let end = (before + clear.len()) * 8 / 6;
    written(clear, |out| {
        for character in first..end {
            let bit = character * 6 - before * 8;
            let pair = byte(bit / 8) << 8 | byte(bit / 8 + 1);
            let six = usize::from(pair >> (10 - bit % 8) & 63);
            put(out, letters.get(six..=six).unwrap_or_default());
        }
    })
}

/// What one encoder of URLs leaves as it is, beside letters, digits and `-._`.
#[derive(Clone, Copy)]
pub(super) struct Percent {
    pub(super) kept: &'static [u8],
    /// A space is `+`, as in forms.
    pub(super) plus: bool,
    pub(super) digits: Digits,
}

/// Percent-encoding (RFC 3986, 2.1).
pub(super) fn percent(clear: &[u8], style: Percent) -> Secret {
    written(clear, |out| {
        for &byte in clear {
            let plain = byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            if plain || style.kept.contains(&byte) {
                put(out, &[byte]);
            } else if byte == b' ' && style.plus {
                put(out, b"+");
            } else {
                let [high, low] = style.digits.of(byte);
                put(out, &[b'%', high, low]);
            }
        }
    })
}

/// What one serialiser of JSON escapes beside what it must.
#[derive(Clone, Copy)]
pub(super) struct Json {
    /// Written as `\/`.
    pub(super) slash: bool,
    /// Written as `\uXXXX`.
    pub(super) also: &'static [u8],
    /// Everything outside ASCII is `\uXXXX`.
    pub(super) ascii: bool,
    pub(super) digits: Digits,
}

/// The inside of a JSON string (RFC 8259, 7).
pub(super) fn json(clear: &[u8], style: Json) -> Secret {
    written(clear, |out| {
        for chunk in clear.utf8_chunks() {
            for character in chunk.valid().chars() {
                json_character(out, character, style);
            }
            put(out, chunk.invalid());
        }
    })
}

fn json_character(out: &mut Scratch, character: char, style: Json) {
    let wanted = u8::try_from(character).is_ok_and(|byte| style.also.contains(&byte));
    let short = match character {
        '"' => b'"',
        '\\' => b'\\',
        '/' if style.slash => b'/',
        '\n' => b'n',
        '\r' => b'r',
        '\t' => b't',
        '\u{8}' => b'b',
        '\u{c}' => b'f',
        _ => 0,
    };
    let is_plain = !character.is_ascii_control() || character == '\u{7f}';
    if short != 0 && !wanted {
        put(out, &[b'\\', short]);
    } else if wanted || !is_plain || (style.ascii && !character.is_ascii()) {
        for unit in character.encode_utf16(&mut [0; 2]) {
            let [high, low] = unit.to_be_bytes();
            put(out, b"\\u");
            put(out, &style.digits.of(high));
            put(out, &style.digits.of(low));
        }
    } else {
        put(out, character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// A replacement for each byte that has one.
pub(super) fn replaced(clear: &[u8], escapes: &[(u8, &[u8])]) -> Secret {
    written(clear, |out| {
        for byte in clear {
            let escape = escapes.iter().find(|(from, _)| from == byte);
            put(out, escape.map_or(&[*byte][..], |(_, to)| to));
        }
    })
}

/// A backslash before each byte of `marks`.
pub(super) fn backslashed(clear: &[u8], marks: &[u8]) -> Secret {
    written(clear, |out| {
        for byte in clear {
            if marks.contains(byte) {
                put(out, b"\\");
            }
            put(out, &[*byte]);
        }
    })
}

/// How bytes that cannot be shown are written after a backslash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// Three octal digits, as shells do.
    Octal,
    /// `x` and two digits, as C, Python and Redis do.
    Hex,
}

/// The inside of a string of C, of bash's `$'..'` and their kin: letters for
/// the usual controls, numbers for the rest. `quotes` get a backslash.
pub(super) fn c_string(clear: &[u8], quotes: &[u8], numbers: Numbers, ascii: bool) -> Secret {
    written(clear, |out| {
        for &byte in clear {
            let short = match byte {
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                b'\\' => b'\\',
                _ if quotes.contains(&byte) => byte,
                _ => 0,
            };
            if short != 0 {
                put(out, &[b'\\', short]);
            } else if byte.is_ascii_control() || (ascii && !byte.is_ascii()) {
                put(out, b"\\");
                if numbers == Numbers::Octal {
                    let digits = [byte >> 6, byte >> 3 & 7, byte & 7];
                    put(out, &digits.map(|digit| b'0' + digit));
                } else {
                    put(out, b"x");
                    put(out, &Digits::Lower.of(byte));
                }
            } else {
                put(out, &[byte]);
            }
        }
    })
}

/// The order of the two bytes of a unit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

/// UTF-16; bytes that are no UTF-8 count as Latin-1.
pub(super) fn utf16(clear: &[u8], order: Order) -> Secret {
    written(clear, |out| {
        let mut unit = |unit: u16| {
            put(
                out,
                &match order {
                    Order::Little => unit.to_le_bytes(),
                    Order::Big => unit.to_be_bytes(),
                },
            );
        };
        match str::from_utf8(clear) {
            Ok(text) => text.encode_utf16().for_each(unit),
            Err(_) => clear.iter().for_each(|&byte| unit(u16::from(byte))),
        }
    })
}
