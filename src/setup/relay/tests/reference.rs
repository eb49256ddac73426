//! Any stream, in any chunks, against the rule written down naively.
#![expect(clippy::disallowed_methods, reason = "values made up here")]

use proptest::collection::vec;
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::sample::Index;

use super::{feed, take_all};
use crate::search::forms;
use crate::secret::Secret;
use crate::setup::relay::mask::{CHUNK, Mask, TELLING};
use crate::setup::relay::masking::Masking;

const NAMES: [&str; 4] = ["ONE", "TWO", "THREE", "FOUR"];

/// What must come out of `text` as a whole: the longest occurrence of each
/// start, found by comparing, and one stretch as far as they overlap or touch.
fn masked(text: &[u8], forms: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut seen = Vec::new();
    let mut covered = 0;
    let mut named = String::new();
    for start in 0..text.len() {
        let rest = &text[start..];
        let longest = forms
            .iter()
            .filter(|(_, form)| rest.starts_with(form))
            .max_by_key(|(_, form)| form.len())
            .map(|(marker, form)| (form.len(), marker.clone()));
        let is_cut_off = rest.len() >= TELLING
            && forms
                .iter()
                .any(|(_, form)| form.len() > rest.len() && form.starts_with(rest));
        let cut_off = is_cut_off.then(|| (rest.len(), "***".to_owned()));
        for (size, marker) in longest.into_iter().chain(cut_off) {
            let end = start + size;
            if end > covered && (start > covered || marker != named) {
                seen.extend_from_slice(marker.as_bytes());
                named = marker;
            }
            covered = covered.max(end);
        }
        if start >= covered {
            seen.push(text[start]);
        }
    }
    seen
}

/// Every form of every value, with its marker.
fn all_forms(values: &[Vec<u8>]) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for (value, name) in values.iter().zip(NAMES) {
        for form in forms(&Secret::concat(&[value])) {
            let bytes = form.bytes.expose().to_vec();
            if !bytes.contains(&b'\n') {
                all.push((format!("***{name}***"), bytes));
            }
        }
    }
    all
}

/// Two letters, so that values contain, overlap and repeat each other.
fn values() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let value = prop_oneof![
        4 => vec(b'a'..=b'b', 8..14),
        1 => vec(any::<u8>().prop_filter("no newline", |&byte| byte != b'\n' && byte != b'*'), 8..14),
        1 => (vec(b'a'..=b'b', 1..4), 4_usize..6).prop_map(|(part, times)| part.repeat(times.max(8 / part.len() + 1))),
    ];
    vec(value, 1..=NAMES.len()).prop_map(|mut values| {
        values.sort();
        values.dedup();
        values
    })
}

/// What a stream is made of.
#[derive(Clone, Debug)]
enum Part {
    /// A piece of a value, or all of it.
    Of(Index, Index, Index),
    /// All of it.
    Whole(Index),
    /// It in some form.
    Form(Index),
    /// Other bytes.
    Other(Vec<u8>),
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let letter = prop_oneof![8 => b'a'..=b'b', 1 => Just(b'\n'), 1 => any::<u8>()];
    vec(
        prop_oneof![
            (any::<Index>(), any::<Index>(), any::<Index>())
                .prop_map(|(a, b, c)| Part::Of(a, b, c)),
            any::<Index>().prop_map(Part::Whole),
            any::<Index>().prop_map(Part::Form),
            vec(letter, 0..6).prop_map(Part::Other),
        ],
        0..12,
    )
}

fn stream(parts: Vec<Part>, values: &[Vec<u8>]) -> Vec<u8> {
    let forms = all_forms(values);
    let mut text = Vec::new();
    for part in parts {
        match part {
            Part::Of(which, from, to) => {
                let value = which.get(values);
                let (from, to) = (from.index(value.len()), to.index(value.len()));
                text.extend_from_slice(&value[from.min(to)..=from.max(to)]);
            }
            Part::Whole(which) => text.extend(which.get(values)),
            Part::Form(which) => text.extend(&which.get(&forms).1),
            Part::Other(bytes) => text.extend_from_slice(&bytes),
        }
    }
    text
}

/// How one chunk is fed: its size, whether output is taken afterwards, and
/// whether the writer then pauses.
type Step = (usize, bool, bool);

fn steps(pauses: bool) -> impl Strategy<Value = Vec<Step>> {
    vec(
        (
            1_usize..9,
            any::<bool>(),
            any::<bool>().prop_map(move |pause| pause && pauses),
        ),
        1..40,
    )
}

/// Feeds `text` in chunks of these sizes, over and over.
fn fed_in_steps(masking: &Masking, text: &[u8], steps: &[Step]) -> Vec<u8> {
    let mut mask = Mask::new(masking);
    let mut seen = Vec::new();
    let mut rest = text;
    for &(size, takes, pauses) in steps.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, later) = rest.split_at(size.min(rest.len()));
        feed(&mut mask, chunk);
        rest = later;
        if pauses {
            mask.let_go();
        }
        if takes {
            take_all(&mut mask, &mut seen);
        }
    }
    mask.end();
    take_all(&mut mask, &mut seen);
    seen
}

fn masking(values: &[Vec<u8>]) -> Masking {
    let named: Vec<(&str, &[u8])> = NAMES
        .into_iter()
        .zip(values.iter().map(Vec::as_slice))
        .collect();
    super::masking_of(&named)
}

fn has(text: &[u8], value: &[u8]) -> bool {
    text.windows(value.len()).any(|window| window == value)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_comes_out_by_the_rule_whatever_its_chunks(
        values in values(), parts in parts(), steps in steps(false)
    ) {
        let text = stream(parts, &values);
        let seen = fed_in_steps(&masking(&values), &text, &steps);
        prop_assert_eq!(seen, masked(&text, &all_forms(&values)));
    }

    #[test]
    fn no_value_comes_out_whatever_the_pauses(
        values in values(), parts in parts(), steps in steps(true)
    ) {
        let text = stream(parts, &values);
        let seen = fed_in_steps(&masking(&values), &text, &steps);
        for (_, form) in all_forms(&values) {
            prop_assert!(!has(&seen, &form));
        }
    }

    #[test]
    fn text_without_values_is_unchanged(text in vec(any::<u8>(), 0..300), steps in steps(true)) {
        let values = [b"no such value in random bytes".to_vec()];
        prop_assert_eq!(fed_in_steps(&masking(&values), &text, &steps), text);
    }
}

#[test]
fn whole_chunks_follow_the_rule_too() {
    let values = [
        b"abcabcabcx".to_vec(),
        b"bcabcabcab".to_vec(),
        b"0123456789".to_vec(),
    ];
    let masking = masking(&values);
    let mut text = Vec::new();
    while text.len() < 3 * CHUNK {
        text.extend_from_slice(&b"abcabcabcabxabcabcabcx01234567 0123456789"[..=text.len() % 41]);
    }
    let expected = masked(&text, &all_forms(&values));
    for size in [CHUNK, CHUNK - 1, 4096, 1000] {
        assert!(
            super::relayed(&masking, text.chunks(size)) == expected,
            "{size}"
        );
    }
}
