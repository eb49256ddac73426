//! A file's bytes become one JSON text, or one mistake.
//!
//! In: bytes. Out: UTF-8 text that is well-formed JSON as a whole, so that
//! whoever reads its nodes meets no syntax error any more.
//!
//! **Never:** a syntax error in serde's words, and never the offending text:
//! somebody may have pasted a value into it.

use crate::json::{self, Broken, Fault};

use super::rules::{self, Rule};

/// The longest policy, as for a secret's file.
const LONGEST: usize = 1 << 20;

/// Line and column from 1 on, and the rule that the text breaks there.
pub(super) type TextMistake = ((usize, usize), &'static Rule);

/// The JSON text in `bytes`.
pub(super) fn read(bytes: &[u8]) -> Result<(&str, &str), TextMistake> {
    if bytes.len() > LONGEST {
        return Err(((1, 1), &rules::TOO_LONG));
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(((1, 1), &rules::BYTE_ORDER_MARK));
    }
    let text = str::from_utf8(bytes).map_err(|error| {
        (
            line_and_column(bytes, error.valid_up_to()),
            &rules::NOT_UTF8,
        )
    })?;
    if text.trim().is_empty() {
        return Err(((1, 1), &rules::EMPTY));
    }
    let root = json::root(bytes).map_err(|broken| mistake(text, &broken))?;
    Ok((text, root))
}

fn line_and_column(bytes: &[u8], offset: usize) -> (usize, usize) {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let line = before.split(|byte| *byte == b'\n').count();
    let column = before
        .iter()
        .rev()
        .take_while(|byte| **byte != b'\n')
        .count();
    (line, column.saturating_add(1))
}

/// Says what is most likely wrong, judged by the characters around the place.
fn mistake(text: &str, broken: &Broken) -> TextMistake {
    let place = (broken.line, broken.column.max(1));
    match broken.fault {
        Fault::Early => return (place, &rules::ENDS_EARLY),
        Fault::Late => return (place, &rules::TRAILING_TEXT),
        Fault::Syntax => {}
    }
    let lines = text.split_inclusive('\n').take(place.0.saturating_sub(1));
    let offset = lines
        .map(str::len)
        .sum::<usize>()
        .saturating_add(place.1.saturating_sub(1));
    let (before, from) = text.split_at_checked(offset).unwrap_or((text, ""));
    let comma = before.trim_end().ends_with(',');
    let rule = match from.chars().next() {
        Some('}' | ']') if comma => &rules::TRAILING_COMMA,
        Some('/' | '#') => &rules::COMMENT,
        Some('\'' | '\u{2018}'..='\u{201f}') => &rules::WRONG_QUOTES,
        _ => &rules::NOT_JSON,
    };
    (place, rule)
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, read};
    use crate::policy::rules;

    #[test]
    fn broken_texts_are_named_with_line_and_column() {
        for (text, place, rule) in [
            (&b""[..], (1, 1), &rules::EMPTY),
            (b" \n\t", (1, 1), &rules::EMPTY),
            (b"\xef\xbb\xbf{}", (1, 1), &rules::BYTE_ORDER_MARK),
            (b"\xff\xfe{\0}\0", (1, 1), &rules::NOT_UTF8),
            (b"{\n  \"a\": \"\xe9\"}", (2, 9), &rules::NOT_UTF8),
            (b"{\n  \"a\": [1,\n", (3, 1), &rules::ENDS_EARLY),
            (b"{ \"a", (1, 4), &rules::ENDS_EARLY),
            (b"{\n  \"a\": 1,\n}", (3, 1), &rules::TRAILING_COMMA),
            (b"[1, ]", (1, 5), &rules::TRAILING_COMMA),
            (b"[,]", (1, 2), &rules::NOT_JSON),
            (b"// policy\n{}", (1, 1), &rules::COMMENT),
            (b"{ # policy\n}", (1, 3), &rules::COMMENT),
            (b"{ 'a': 1 }", (1, 3), &rules::WRONG_QUOTES),
            (
                "{ \u{201c}a\u{201d}: 1 }".as_bytes(),
                (1, 3),
                &rules::WRONG_QUOTES,
            ),
            (b"{ \"a\" 1 }", (1, 7), &rules::NOT_JSON),
            (b"{ \"a\": hunter2 }", (1, 8), &rules::NOT_JSON),
            (b"{ \"a\": \"hun\nter2\" }", (1, 11), &rules::NOT_JSON),
            (b"{}\n{}", (2, 1), &rules::TRAILING_TEXT),
            (b"{} hunter2", (1, 4), &rules::TRAILING_TEXT),
        ] {
            let found = read(text).map(|_| ());
            assert_eq!(
                found,
                Err((place, rule)),
                "{}",
                String::from_utf8_lossy(text)
            );
        }
    }

    #[test]
    fn one_mebibyte_is_read_and_one_byte_more_is_not() {
        let mut text = b"{}".to_vec();
        text.resize(LONGEST, b' ');
        assert!(read(&text).is_ok());
        text.push(b' ');
        assert_eq!(read(&text).map(|_| ()), Err(((1, 1), &rules::TOO_LONG)));
    }

    #[test]
    fn a_hundred_thousand_brackets_need_no_stack() {
        let text = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(read(text.as_bytes()).is_ok());
    }
}
