//! One stream, by example.
#![expect(clippy::disallowed_methods, reason = "values made up here")]

use super::{fed, feed, masking_of, relayed, take_all};
use crate::search::forms;
use crate::secret::Secret;
use crate::setup::relay::mask::{CHUNK, Mask, TELLING};
use crate::setup::relay::masking::Masking;

const TOKEN: &[u8] = b"ghp_4Zq8LmN2xV7cT1";

fn token() -> Masking {
    masking_of(&[("github-token", TOKEN)])
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_value_becomes_a_marker_with_its_name_alone() {
    let masking = token();
    let line = [b"clone https://x:", TOKEN, b"@example.org\n"].concat();
    let expected = "clone https://x:***github-token***@example.org\n";
    assert_eq!(text(&relayed(&masking, [&line[..]])), expected);
}

#[test]
fn a_value_split_anywhere_is_found() {
    let masking = token();
    let line = [b"a ", TOKEN, b" b\n"].concat();
    for cut in 0..line.len() {
        let (head, tail) = line.split_at(cut);
        assert_eq!(
            text(&relayed(&masking, [head, tail])),
            "a ***github-token*** b\n"
        );
    }
    assert_eq!(
        text(&relayed(&masking, line.chunks(1))),
        "a ***github-token*** b\n"
    );
}

#[test]
fn a_value_is_found_in_every_form_with_the_same_marker() {
    let value = "pä'ss \\\"w%rd/&<>$+`".as_bytes();
    let masking = masking_of(&[("other", b"not-this-one"), ("odd", value)]);
    let all = forms(&Secret::concat(&[value]));
    assert!(all.len() > 30, "{}", all.len());
    for form in all {
        let line = [b"echo ", form.bytes.expose(), b" end\n"].concat();
        for size in [1, 7, line.len()] {
            let seen = text(&relayed(&masking, line.chunks(size)));
            assert_eq!(seen, "echo ***odd*** end\n", "{}", form.kind.word());
        }
    }
}

const KEY: &[u8] = b"-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7
VJTUt9Us8cKjMzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDu
ictGeurT8jNbvJZHtCSuYEvuNMoSfm76oqFvAp8Gy0iz
-----END PRIVATE KEY-----
";

#[test]
fn of_a_value_of_several_lines_each_is_hidden_and_none_is_late() {
    let masking = masking_of(&[("key", KEY)]);
    let mut mask = Mask::new(&masking);
    for line in KEY.split_inclusive(|&byte| byte == b'\n') {
        let seen = fed(&mut mask, line);
        if line.starts_with(b"-----") {
            assert_eq!(seen, line, "the frame is in every key");
        } else {
            assert_eq!(text(&seen), "***key***\n");
        }
    }
    let in_one = relayed(&masking, [KEY]);
    assert_eq!(
        in_one,
        relayed(&masking, KEY.chunks(1)),
        "whole or in pieces"
    );
}

#[test]
fn a_key_in_one_line_of_json_is_hidden_whole() {
    let masking = masking_of(&[("key", KEY)]);
    let escaped = String::from_utf8_lossy(KEY).replace('\n', "\\n");
    let line = format!("{{\"key\":\"{escaped}\"}}\n");
    for size in [1, 5, line.len()] {
        let seen = relayed(&masking, line.as_bytes().chunks(size));
        assert_eq!(text(&seen), "{\"key\":\"***key***\"}\n");
    }
}

#[test]
fn a_value_that_cannot_be_masked_is_named() {
    let masking = masking_of(&[
        ("short", b"1234567"),
        ("lines", b"abcd\nefgh\n"),
        ("good", TOKEN),
    ]);
    assert_eq!(masking.unmasked(), ["short", "lines"]);
    assert_eq!(relayed(&masking, [&b"1234567\n"[..]]), b"1234567\n");
}

#[test]
fn what_is_no_value_passes_byte_for_byte() {
    let masking = token();
    for plain in [
        &b"\x1b[32m\x1b[1mCompiling\x1b[0m crate\n"[..],
        b"\r 10% [#         ]\r 20% [##        ]\x1b[K",
        b"\xff\xfe\x00\x80 \xc3( \xf0\x9f\x92\n\0\0\n",
        b"ghp_ ghp_4Zq8 ghp_4Zq8LmN2xV7cT ghp_\n",
        b"\n\n\r\n",
        b"",
    ] {
        for size in [1, 2, 3, 64] {
            assert_eq!(relayed(&masking, plain.chunks(size)), plain);
        }
    }
}

#[test]
fn colours_around_a_value_stay() {
    let masking = token();
    let line = [b"\x1b[31m", TOKEN, b"\x1b[0m\r"].concat();
    let expected = b"\x1b[31m***github-token***\x1b[0m\r";
    assert_eq!(relayed(&masking, line.chunks(5)), expected);
}

#[test]
fn overlapping_values_are_hidden_to_the_end_of_the_last() {
    let masking = masking_of(&[("a", b"alphabet-soup"), ("b", b"soup-kitchen")]);
    let seen = relayed(&masking, [&b"x alphabet-soup-kitchen y\n"[..]]);
    assert_eq!(text(&seen), "x ***a******b*** y\n");
    let seen = relayed(&masking, [&b"alphabet-soup"[..], b"-kitchen"]);
    assert_eq!(text(&seen), "***a******b***");
}

#[test]
fn a_value_inside_another_is_not_named() {
    let masking = masking_of(&[("short", b"opensesame"), ("long", b"say opensesame now")]);
    let seen = relayed(&masking, b"say opensesame now, opensesame\n".chunks(1));
    assert_eq!(text(&seen), "***long***, ***short***\n");
    let seen = relayed(&masking, b"say opensesame no".chunks(1));
    assert_eq!(text(&seen), "***", "cut off, and what is inside, too");
}

#[test]
fn a_longer_value_with_the_same_beginning_wins_even_if_it_comes_later() {
    let masking = masking_of(&[("short", b"opensesame"), ("long", b"opensesame-twice")]);
    let mut mask = Mask::new(&masking);
    assert_eq!(fed(&mut mask, b"opensesame"), b"", "it may go on");
    assert_eq!(fed(&mut mask, b"-twice"), b"***long***");
    assert_eq!(fed(&mut mask, b"opensesame"), b"");
    assert_eq!(fed(&mut mask, b"-tw"), b"");
    assert_eq!(fed(&mut mask, b"ist\n"), b"***short***-twist\n");
}

#[test]
fn a_value_that_touches_or_overlaps_itself_is_named_once() {
    let masking = masking_of(&[("a", b"abcabcabc")]);
    let seen = relayed(&masking, [&b"abcabcabcabcabcabc."[..]]);
    assert_eq!(text(&seen), "***a***.");
    let masking = masking_of(&[("a", b"12345678")]);
    let seen = relayed(&masking, [&b"1234567812345678.12345678"[..]]);
    assert_eq!(text(&seen), "***a***.***a***");
}

#[test]
fn a_complete_line_is_out_at_once() {
    let masking = token();
    let mut mask = Mask::new(&masking);
    for line in [&b"ghp_4Zq8\n"[..], b"\n", b"ghp_\n", b"the end of it: g\n"] {
        assert_eq!(fed(&mut mask, line), line);
        assert!(!mask.holds_little());
    }
}

#[test]
fn of_an_unfinished_line_only_a_possible_beginning_is_held() {
    let masking = token();
    let mut mask = Mask::new(&masking);
    assert_eq!(fed(&mut mask, b"Password for gh"), b"Password for ");
    assert!(mask.holds_little());
    assert_eq!(fed(&mut mask, b"ost: "), b"ghost: ");
    assert!(!mask.holds_little());
}

#[test]
fn a_tail_that_tells_nothing_is_let_go_and_still_remembered() {
    let masking = token();
    let mut mask = Mask::new(&masking);
    assert_eq!(fed(&mut mask, b"key: ghp"), b"key: ");
    mask.let_go();
    assert_eq!(fed(&mut mask, b""), b"ghp");
    assert!(!mask.holds_little());
    assert_eq!(fed(&mut mask, &TOKEN[3..]), b"***github-token***");
    assert_eq!(fed(&mut mask, b" end\n"), b" end\n");
}

#[test]
fn a_tail_that_was_let_go_right_after_a_value_is_followed_by_a_marker() {
    let masking = token();
    let mut mask = Mask::new(&masking);
    assert_eq!(fed(&mut mask, TOKEN), b"***github-token***");
    assert_eq!(fed(&mut mask, &TOKEN[..3]), b"");
    mask.let_go();
    assert_eq!(fed(&mut mask, b""), b"ghp");
    assert_eq!(fed(&mut mask, &TOKEN[3..]), b"***github-token***");
}

#[test]
fn a_tail_that_tells_something_is_never_let_go() {
    let masking = token();
    let mut mask = Mask::new(&masking);
    assert_eq!(fed(&mut mask, &TOKEN[..TELLING]), b"");
    assert!(!mask.holds_little());
    mask.let_go();
    assert_eq!(fed(&mut mask, b""), b"");
    assert_eq!(fed(&mut mask, &TOKEN[TELLING..]), b"***github-token***");
}

#[test]
fn patience_byte_by_byte_gains_no_more_than_a_tail_that_tells_nothing() {
    let masking = token();
    let mut mask = Mask::new(&masking);
    let mut seen = Vec::new();
    for byte in TOKEN {
        feed(&mut mask, &[*byte]);
        mask.let_go();
        take_all(&mut mask, &mut seen);
    }
    assert_eq!(text(&seen), "ghp***github-token***");
}

#[test]
fn a_value_cut_off_by_the_end_is_hidden_from_a_few_bytes_on() {
    let masking = token();
    for size in 0..TOKEN.len() {
        let head = &TOKEN[..size];
        let line = [b"writing ", head].concat();
        let expected = if size < TELLING {
            line.clone()
        } else {
            b"writing ***".to_vec()
        };
        assert_eq!(relayed(&masking, [&line[..]]), expected, "{size} bytes");
    }
    let line = [TOKEN, b"\nghp_\n"].concat();
    let seen = relayed(&masking, [&line[..]]);
    assert_eq!(
        text(&seen),
        "***github-token***\nghp_\n",
        "a finished line is not cut off"
    );
}

#[test]
fn many_markers_need_no_more_memory() {
    let masking = masking_of(&[("a-name-much-longer-than-the-value", b"12345678")]);
    let mut mask = Mask::new(&masking);
    let size = mask.room().len();
    assert_eq!(size, CHUNK + masking.longest());
    let text = b"12345678,".repeat(CHUNK / 9);
    for _ in 0..3 {
        assert!(mask.room().len() >= CHUNK);
        assert!(fed(&mut mask, &text).len() > text.len());
    }
}

#[test]
fn input_while_output_waits_changes_nothing() {
    let masking = token();
    let mut mask = Mask::new(&masking);
    let mut seen = Vec::new();
    for byte in [b"a ", TOKEN, b" b ", TOKEN, b"\n"].concat() {
        feed(&mut mask, &[byte]);
        let mut one = [0];
        let count = mask.take(&mut one);
        seen.extend_from_slice(&one[..count]);
    }
    mask.end();
    take_all(&mut mask, &mut seen);
    assert_eq!(text(&seen), "a ***github-token*** b ***github-token***\n");
}

#[test]
fn without_patterns_nothing_is_held() {
    let masking = masking_of(&[]);
    let mut mask = Mask::new(&masking);
    assert_eq!(fed(&mut mask, b"ghp_4Zq8"), b"ghp_4Zq8");
}

#[test]
fn a_name_cannot_write_to_the_terminal() {
    let masking = masking_of(&[("a\u{202e}b`", b"12345678")]);
    assert_eq!(
        text(&relayed(&masking, [&b"12345678"[..]])),
        "***a\\u{202e}b\\u{60}***"
    );
}
