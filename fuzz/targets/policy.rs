//! A policy's bytes: no panic, every mistake has its place in the file, and no
//! message repeats the value of a secret that stands in it.
#![no_main]

use std::iter::once;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use vestibule::fuzzing::secret;
use vestibule::policy::{self, Mistake, Policy, PolicyError, Problem};
use vestibule::redact;
use vestibule::report::Fault;
use vestibule_fuzz::Canary;

fuzz_target!(|input: &[u8]| {
    let canary = Canary::of(input);
    // Somebody put a secret where a name belongs.
    let misplaced = Canary::of(canary.as_bytes());
    let value = secret(misplaced.as_bytes());
    redact::learn(&mut once(("misplaced", &value)));
    let input = &*misplaced.put_into(input);
    // The last byte of a policy is a newline or a brace.
    let profile = (!input.ends_with(b"}")).then_some("worker");
    let found = parse(input, profile, &canary);
    match &found {
        Ok(policy) => assert!(!canary.is_in(format!("{policy:?}"))),
        Err(error) => {
            is_right(input, error, &canary);
            for mistake in error.mistakes() {
                assert!(!misplaced.is_in(shown(mistake)), "a message has the value");
            }
        }
    }
    let again = parse(input, profile, &canary);
    assert_eq!(told(&found), told(&again), "one file reads in two ways");
    if let Some(spread) = spread(input) {
        let again = parse(&spread, profile, &canary);
        assert_eq!(
            without_lines(&found),
            without_lines(&again),
            "newlines between the nodes change what they mean"
        );
    }
});

/// The lines of a fault as they go out.
fn shown(fault: &dyn Fault) -> String {
    let lines = [fault.what(), fault.place(), fault.remedy()];
    lines
        .map(|line| redact::redacted_text(&line).into_owned())
        .join("\n")
}

/// Variables as a container has them: credentials among them hold the canary.
fn parse(bytes: &[u8], profile: Option<&str>, canary: &Canary) -> Result<Policy, PolicyError> {
    let variable = |name: &str| match name {
        "HOST" => Some("db.internal".to_owned()),
        "PORT" => Some("5433".to_owned()),
        "EMPTY" => Some(String::new()),
        "TRICK" => Some("${HOST}/$${HOST}\u{1b}[31m".to_owned()),
        "DB_PASSWORD" | "GH_TOKEN" | "API_KEY" | "APP_SECRET" => {
            Some(String::from_utf8_lossy(canary.as_bytes()).into_owned())
        }
        _ => None,
    };
    policy::parse(bytes, Path::new("/etc/policy.json"), profile, &variable)
}

fn is_right(input: &[u8], error: &PolicyError, canary: &Canary) {
    let mistakes = error.mistakes();
    assert!(!mistakes.is_empty(), "an error without a mistake");
    canary.is_not_told_by(error);
    let tree = serde_json::from_slice::<Value>(input).ok();
    let has_duplicate = mistakes
        .iter()
        .any(|mistake| matches!(mistake.problem, Problem::Duplicate(_)));
    for mistake in mistakes {
        canary.is_not_told_by(mistake);
        is_in_the_file(input, mistake.place.line);
        let pointer = &mistake.place.pointer;
        // Of two equal keys the tree has the last one only, and `...` stands
        // for a key that may hold a credential.
        if let Some(tree) = tree.as_ref().filter(|_| !has_duplicate)
            && !pointer.contains("...")
        {
            assert!(tree.pointer(pointer).is_some(), "a pointer leads nowhere");
        }
    }
    assert!(
        mistakes.is_sorted_by_key(|mistake| mistake.place.line),
        "mistakes are not in the file's order"
    );
}

fn is_in_the_file(input: &[u8], line: usize) {
    let lines = input.split(|byte| *byte == b'\n').count();
    assert!((1..=lines).contains(&line), "line {line} of {lines}");
}

/// Everything about a result.
fn told(found: &Result<Policy, PolicyError>) -> String {
    format!("{found:?}")
}

/// A result without the numbers of its lines.
fn without_lines(found: &Result<Policy, PolicyError>) -> String {
    match found {
        Ok(policy) => {
            // Of the bytes, which the newlines change.
            let digest = format!("{:?}", policy.digest);
            let text = format!("{policy:?}").replacen(&digest, "", 1);
            let mut pieces = text.split("line: ");
            let first = pieces.next().unwrap_or_default().to_owned();
            pieces.fold(first, |text, piece| {
                text + piece.trim_start_matches(|c: char| c.is_ascii_digit())
            })
        }
        Err(error) => {
            let said = |mistake: &Mistake| {
                let (what, remedy) = (mistake.what(), mistake.remedy());
                [&*mistake.place.pointer, &what, &remedy].join("\n")
            };
            let all: Vec<String> = error.mistakes().iter().map(said).collect();
            all.join("\n")
        }
    }
}

/// The same JSON with a newline after every mark between two nodes; `None`
/// where the input is no JSON.
fn spread(input: &[u8]) -> Option<Vec<u8>> {
    serde_json::from_slice::<serde::de::IgnoredAny>(input).ok()?;
    let mut spread = Vec::with_capacity(input.len() * 2);
    let (mut in_string, mut escaped) = (false, false);
    for byte in input {
        spread.push(*byte);
        if in_string {
            in_string = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
        } else if *byte == b'"' {
            in_string = true;
        } else if b"{[,:".contains(byte) {
            spread.push(b'\n');
        }
    }
    Some(spread)
}
