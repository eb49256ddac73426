use super::{FormKind, Searcher, forms};
use crate::secret::Secret;

fn searcher(values: &[&[u8]]) -> Searcher {
    let secrets: Vec<(String, Secret)> = values
        .iter()
        .enumerate()
        .map(|(number, value)| (format!("secret-{number}"), Secret::concat(&[value])))
        .collect();
    Searcher::new(&mut secrets.iter().map(|(name, value)| (name.as_str(), value)))
}

/// What a search that looks everywhere finds.
fn plainly(searcher: &Searcher, text: &[u8], from: usize) -> Option<(usize, usize)> {
    (from..text.len()).find_map(|start| {
        let ends = searcher.patterns.iter().filter_map(|pattern| {
            let form = super::clear(&pattern.form);
            text[start..]
                .starts_with(form)
                .then_some(start + form.len())
        });
        Some((start, ends.max()?))
    })
}

/// A small generator (xorshift), so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }

    fn text(&mut self, letters: &[u8], length: usize) -> Vec<u8> {
        (0..length)
            .map(|_| letters[self.roll(letters.len())])
            .collect()
    }
}

#[test]
fn it_finds_what_a_search_that_looks_everywhere_finds() {
    let mut dice = Dice(0x1234_5678_9abc_def1);
    for round in 0..200 {
        let values: Vec<Vec<u8>> = (0..=dice.roll(4))
            .map(|_| {
                let length = 8 + dice.roll(20);
                dice.text(b"ab", length)
            })
            .collect();
        let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let searcher = searcher(&values);
        let text = dice.text(b"aab", 3000);
        let mut from = 0;
        loop {
            let found = searcher.find(&text, from);
            let found = found.map(|found| (found.start, found.end));
            assert_eq!(
                found,
                plainly(&searcher, &text, from),
                "round {round} from {from}"
            );
            let Some((start, _)) = found else { break };
            from = start + 1;
        }
    }
}

#[test]
fn a_value_is_found_at_every_place_and_at_both_ends() {
    for length in [8, 9, 11, 12, 19, 20, 40, 300] {
        let value: Vec<u8> = Dice(7).text(b"abcdefghijklmnop", length);
        let searcher = searcher(&[&value]);
        for before in 0..40 {
            let mut text = vec![b'-'; before];
            text.extend(&value);
            let found = searcher.find(&text, 0).unwrap();
            assert_eq!((found.start, found.end), (before, text.len()));
            assert_eq!(searcher.find(&text, before).unwrap().start, before);
            assert_eq!(searcher.find(&text, before + 1), None);
            assert_eq!(searcher.find(&text[..text.len() - 1], 0), None);
            text.push(b'-');
            assert_eq!(searcher.find(&text, 0), Some(found));
        }
        assert_eq!(searcher.find(b"", 0), None);
        assert_eq!(searcher.find(b"abc", 4), None);
    }
}

#[test]
fn of_two_values_at_one_place_the_longer_is_found() {
    let searcher = searcher(&[b"hunter2-long", b"hunter2-long-er"]);
    let found = searcher.find(b"x hunter2-long-er", 0).unwrap();
    assert_eq!((found.end, searcher.name(found.pattern)), (17, "secret-1"));
    let found = searcher.find(b"x hunter2-long-e", 0).unwrap();
    assert_eq!(searcher.name(found.pattern), "secret-0");
}

#[test]
fn what_is_pending_is_the_longest_end_that_could_go_on() {
    let searcher = searcher(&[b"abcabcabd", b"xyzzy-xyzzy"]);
    for (text, pending) in [
        (&b""[..], 0),
        (b"....", 0),
        (b"..abcabcab", 8),
        (b"..abcabcabcab", 8),
        (b"xyzzy-xyzz", 10),
        (b"-xyzzy", 5),
    ] {
        assert_eq!(searcher.pending(text), pending);
    }
    let mut dice = Dice(99);
    for _ in 0..300 {
        let text = dice.text(b"abcdx", 30);
        let plainly = (0..30)
            .find(|&start| {
                searcher.patterns.iter().any(|pattern| {
                    let form = super::clear(&pattern.form);
                    form.len() > 30 - start && form.starts_with(&text[start..])
                })
            })
            .map_or(0, |start| 30 - start);
        assert_eq!(searcher.pending(&text), plainly);
    }
}

#[test]
fn a_text_in_portions_gives_the_same_as_a_whole() {
    let value = b"k3/Zt+\"9'q%\\Lx\n-second line-";
    let searcher = searcher(&[value]);
    let whole: Vec<u8> = searcher
        .patterns
        .iter()
        .flat_map(|pattern| [super::clear(&pattern.form), b"||"].concat())
        .collect();
    let count = |portion: usize| {
        let (mut kept, mut found) = (Vec::new(), 0);
        for more in whole.chunks(portion) {
            kept.extend(more);
            let mut from = 0;
            while let Some(next) = searcher.find(&kept, from) {
                // What reaches the end may go on: it waits for the next portion.
                let pending = searcher.pending(&kept);
                if next.end > kept.len() - pending && next.start >= kept.len() - pending {
                    break;
                }
                found += 1;
                from = next.end;
            }
            let keep = searcher.pending(&kept[from..]);
            kept.drain(..kept.len() - keep);
        }
        found
    };
    assert_eq!(count(whole.len()), count(64));
    assert!(count(64) >= searcher.patterns());
}

#[test]
fn a_value_under_eight_bytes_is_named_and_not_searched_for() {
    let searcher = searcher(&[b"seven77", b"eight888", b""]);
    assert_eq!(searcher.unsearchable(), ["secret-0", "secret-2"]);
    assert_eq!(searcher.names(), ["secret-1"]);
    assert!(searcher.find(b"seven77", 0).is_none() && searcher.find(b"eight888", 0).is_some());
    assert!(!searcher.is_empty() && self::searcher(&[b"short"]).is_empty());
    assert_eq!(
        self::searcher(&[]).find(b"some text that is long enough", 0),
        None
    );
    assert_eq!(self::searcher(&[]).pending(b"some text"), 0);
}

#[test]
fn no_form_is_short_and_none_is_there_twice() {
    let values: [&[u8]; 5] = [
        b"only-letters-and-digits-32-bytes",
        b"p\xc3\xa4ss w\xc3\xb6rd/\"'<&>%+",
        b"\xff\xfe\x00binary\x00",
        "\u{1f600}\u{1f601}".as_bytes(),
        b"12345678",
    ];
    for value in values {
        let forms = forms(&Secret::concat(&[value]));
        for (at, form) in forms.iter().enumerate() {
            assert!(super::clear(form).len() >= 8);
            let twin = forms[..at]
                .iter()
                .find(|other| super::clear(other) == super::clear(form));
            assert!(twin.is_none() || value.len() > 30);
        }
        assert_eq!(forms[0].kind, FormKind::Raw);
    }
}

#[test]
fn each_line_of_a_key_is_searched_for_but_not_its_frame() {
    let key = b"-----BEGIN OPENSSH PRIVATE KEY-----\n\
        b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n\
        QyNTUxOQAAACCpAXV5bkrtyzNNzMFQoN3ALzEYnXzKuDpLDDJIrsCn8gAAAJhKdyQpSnck\n\
        AAAEDshort\n\
        tiny\n\
        -----END OPENSSH PRIVATE KEY-----\n";
    let searcher = searcher(&[key]);
    let is_found = |text: &[u8]| searcher.find(text, 0).is_some();
    assert!(is_found(key));
    assert!(is_found(
        b"QyNTUxOQAAACCpAXV5bkrtyzNNzMFQoN3ALzEYnXzKuDpLDDJIrsCn8gAAAJhKdyQpSnck"
    ));
    assert!(is_found(b"AAAEDshort"));
    assert!(!is_found(b"tiny"));
    assert!(!is_found(b"-----BEGIN OPENSSH PRIVATE KEY-----"));
    assert!(!is_found(
        b"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW"
    ));
    // `base64` of another key begins with the same lines.
    let other = key.map(|byte| if byte == b'Q' { b'R' } else { byte });
    let head = super::encode::base64(&other[..96], 0, super::encode::Alphabet::Standard);
    assert!(!is_found(super::clear(&super::Form {
        kind: FormKind::Base64,
        bytes: head
    })));
}

#[test]
fn a_long_value_is_found_by_its_pieces_to_its_end() {
    let value = Dice(3).text(b"abcdefghijklmnopqrstuvwxyz0123456789", 150_000);
    let searcher = searcher(&[&value]);
    assert!(searcher.longest() <= 6 * 4096);
    for at in [0, 70_000, 150_000 - 9_000] {
        assert!(searcher.find(&value[at..at + 9_000], 0).is_some());
    }
    let found = searcher.find(&value[150_000 - 4_096..], 0).unwrap();
    assert_eq!(found.end, 4_096);
}

mod python;
