//! Foreign text in a message: printable, bounded, and nobody can end the
//! quotation.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule::redact::hides;
use vestibule::report::{list, quote};
use vestibule_fuzz::{all_fields, is_fit_to_print};

/// 80 bytes, each as `\u{1f}` at most, two backticks and the mark of a cut.
const LONGEST: usize = 80 * "\\u{1f}".len() + 2 + '…'.len_utf8();

fuzz_target!(|input: &[u8]| {
    let quoted = quote(input);
    is_fit_to_print(&quoted);
    assert!(quoted.len() <= LONGEST, "{} bytes", quoted.len());
    let inner = quoted
        .strip_prefix('`')
        .and_then(|rest| rest.strip_suffix('`'));
    let inner = inner.expect("a quotation stands in backticks");
    assert!(!inner.contains('`'), "the quotation ends too early");
    if hides(input) {
        // What looks like a credential is not quoted.
    } else if input.len() <= 80 {
        assert!(unescaped(inner) == input, "another text is quoted");
    } else {
        let head = inner.strip_suffix('…').expect("a cut is marked");
        assert!(unescaped(head) == input[..80]);
    }
    let items: Vec<String> = all_fields(input).map(quote).collect();
    let listed = list(&items);
    assert!(items.iter().all(|item| listed.contains(item.as_str())));
});

/// What the escapes stand for.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        if letter != '\\' {
            bytes.extend(letter.to_string().bytes());
            continue;
        }
        let kind = rest.chars().next().expect("an escape has a letter");
        rest = &rest[kind.len_utf8()..];
        match kind {
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            '\\' => bytes.push(b'\\'),
            'x' => {
                bytes.push(u8::from_str_radix(&rest[..2], 16).expect("two digits"));
                rest = &rest[2..];
            }
            'u' => {
                let end = rest.find('}').expect("braces");
                let number = u32::from_str_radix(&rest[1..end], 16).expect("digits");
                let meant = char::from_u32(number).expect("a character");
                bytes.extend(meant.to_string().bytes());
                rest = &rest[end + 1..];
            }
            other => panic!("{other} is no escape"),
        }
    }
    bytes
}
