//! The bytes of a secret file: at most one final newline is cut, and nothing
//! but that.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule::collect::fault::CollectFault;
use vestibule::collect::file::FileProblem;
use vestibule::connection::is_placeholder;
use vestibule::fuzzing::{clear, file_value, occurs, secret};
use vestibule::names::SecretName;
use vestibule_fuzz::{Canary, fields};

fuzz_target!(|input: &[u8]| {
    let canary = Canary::of(input);
    let [name, around, bytes] = fields(input);
    let bytes = canary.put_into(bytes);
    for raw in [false, true] {
        match file_value(&bytes, raw) {
            Ok(value) => {
                assert_eq!(clear(&value), if raw { &bytes } else { cut(&bytes) });
                assert!(!clear(&value).is_empty());
                assert!(raw || !clear(&value).trim_ascii().is_empty());
            }
            Err(problem) => {
                assert!(is_deserved(&bytes, raw, problem), "{problem:?}");
                canary.is_not_told_by(&CollectFault::File {
                    path: "/run/secrets/a".into(),
                    problem,
                    ownership: None,
                    asked: "a policy".into(),
                });
            }
        }
    }
    let value = secret(&bytes);
    let text = canary.put_into(around);
    assert_eq!(occurs(&value, &text), gives_away(&bytes, &text));
    if let Some(name) = std::str::from_utf8(name)
        .ok()
        .and_then(|name| SecretName::parse(name).ok())
    {
        let known = is_placeholder(&name, &value);
        assert!(!known || !canary.is_in(&bytes) || is_template(&bytes));
    }
});

fn cut(bytes: &[u8]) -> &[u8] {
    match bytes {
        [head @ .., b'\r', b'\n'] | [head @ .., b'\n'] => head,
        all => all,
    }
}

fn is_deserved(bytes: &[u8], raw: bool, problem: FileProblem) -> bool {
    let value = if raw { bytes } else { cut(bytes) };
    match problem {
        FileProblem::Empty => value.is_empty(),
        FileProblem::Blank => !raw && value.trim_ascii().is_empty(),
        FileProblem::ByteOrderMark => !raw && value.starts_with("\u{feff}".as_bytes()),
        FileProblem::Reference(_) => value.contains(&b':') || value.starts_with(b"ENC["),
        _ => false,
    }
}

/// By the letter of what `Secret` promises.
fn gives_away(value: &[u8], text: &[u8]) -> bool {
    let body = cut(value);
    match body.len() {
        0 => false,
        1..8 => body == text || value == text,
        size => (0..text.len()).any(|at| text.get(at..at + size) == Some(body)),
    }
}

fn is_template(bytes: &[u8]) -> bool {
    let bytes = bytes.to_ascii_lowercase();
    bytes.starts_with(b"${") || bytes.starts_with(b"<") || bytes.ends_with(b"d")
}
