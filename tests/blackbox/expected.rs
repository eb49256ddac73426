//! Words that claims have in common: what is left of an environment once the
//! expected is taken out, encodings, messages kept in files.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

use crate::harness::{Outcome, Scene};

/// Takes the expected variables out one by one; the rest must be empty.
#[track_caller]
pub(crate) fn only(mut environment: BTreeMap<String, String>, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        let found = environment.remove(*name);
        let is_right = found.as_deref() == Some(*value);
        // No value is printed: it may be one that somebody must not see.
        assert!(
            is_right,
            "{name} is {}",
            if found.is_some() { "another" } else { "absent" }
        );
    }
    let rest: Vec<_> = environment.keys().collect();
    assert!(rest.is_empty(), "main has more than it may: {rest:?}");
}

/// Everything outside *unreserved* (RFC 3986, 2.3) as `%XX`.
pub(crate) fn encoded(text: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes()
        .map(|byte| match byte {
            byte if is_plain(&byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// The URL that the conventions make for Postgres.
pub(crate) fn postgres(password: &str) -> String {
    format!(
        "postgresql://postgres:{}@db:5432/postgres",
        encoded(password)
    )
}

/// The URL that the conventions make for Redis.
pub(crate) fn redis(password: &str) -> String {
    format!("redis://:{}@redis:6379/0", encoded(password))
}

/// Compares with a file in `golden/`, or writes it if `GOLDEN=write`.
#[track_caller]
pub(crate) fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/blackbox/golden")
        .join(name);
    if env::var_os("GOLDEN").is_some_and(|wish| wish == "write") {
        fs::write(&path, text).expect("the golden file is written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        text,
        kept,
        "other than {}; GOLDEN=write renews it",
        path.display()
    );
}

/// Fails unless the scene is refused with `code` by a message with all of these
/// words, no main runs, and `check` says the same.
#[track_caller]
pub(crate) fn refused(scene: impl Fn(&[&str]) -> Scene, code: u8, words: &[&str]) {
    let message = scene(&["touch", "/tmp/main-was-here", "say", "main"])
        .run()
        .expect_refusal(code);
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
}

/// The same scene, asked instead of started.
pub(crate) fn asked(scene: Scene, words: &[&str]) -> Outcome {
    scene.asking(words).run()
}
