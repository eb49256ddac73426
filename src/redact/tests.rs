//! Claims about what leaves a text, and what stays.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use super::{hides, holds_a_secret, learn, learn_also, redacted, redacted_text};
use crate::report::quote;
use crate::secret::Secret;

fn secret(text: &str) -> Secret {
    Secret::concat(&[text.as_bytes()])
}

fn know(values: &[(&str, &str)]) {
    let values = values.iter().map(|(name, value)| (*name, secret(value)));
    let values: Vec<(&str, Secret)> = values.collect();
    learn(&mut values.iter().map(|(name, value)| (*name, value)));
}

#[test]
fn a_value_gives_way_to_its_name_in_every_form() {
    know(&[("db-password", "p@ss/w0rd-canary"), ("pin", "1234567")]);
    for (text, shown) in [
        ("/a/p@ss/w0rd-canary/b", "/a/[secret db-password]/b"),
        ("p%40ss%2Fw0rd-canary", "[secret db-password]"),
        ("x704073732f773072642d63616e617279", "x[secret db-password]"),
        ("cEBzcy93MHJkLWNhbmFyeQ==", "[secret db-password]Q=="),
        (
            "/run/env/p@ss~1w0rd-canary, line 3",
            "/run/env/[secret db-password], line 3",
        ),
        (
            "p@ss/w0rd-canaryp@ss/w0rd-canary",
            "[secret db-password][secret db-password]",
        ),
        ("p@ss/w0rd-canar", "p@ss/w0rd-canar"),
        (
            "a short value stays: 1234567",
            "a short value stays: 1234567",
        ),
    ] {
        assert_eq!(redacted_text(text), shown, "{text}");
    }
    assert!(holds_a_secret(b"=p@ss/w0rd-canary") && !holds_a_secret(b"1234567"));
}

#[test]
fn a_value_is_known_as_a_message_quotes_it() {
    let value = "back`tick\\slash-canary";
    let quoted = quote(value);
    know(&[("key", value)]);
    assert_eq!(quoted, r"`back\u{60}tick\\slash-canary`");
    assert_eq!(redacted_text(&quoted), "`[secret key]`");
    assert_eq!(quote(value), "`[secret key]`");
}

#[test]
fn what_is_no_secret_is_not_copied() {
    know(&[("db-password", "p@ss/w0rd-canary")]);
    assert!(matches!(
        redacted(b"the secret `db` is absent"),
        Cow::Borrowed(_)
    ));
}

#[test]
fn each_line_of_a_key_is_known_but_not_what_every_key_has() {
    let lines = [
        "-----BEGIN KEY-----",
        "MIIEvQIBADANBgkq",
        "Zm9vYmFyYmF6cXV4",
        "",
    ];
    know(&[("key", &lines.join("\n"))]);
    assert_eq!(redacted_text("a Zm9vYmFyYmF6cXV4 b"), "a [secret key] b");
    assert_eq!(redacted_text("KEY-----"), "KEY-----");
}

#[test]
fn what_looks_like_a_credential_is_not_shown_without_any_value() {
    know(&[]);
    for (text, shown) in [
        (
            "`ghp_A1b2C3d4E5f6G7h8J9` is absent",
            "`[credential]` is absent",
        ),
        ("https://me:word@host/r", "https://[credential]@host/r"),
        (
            "ssh://git@host/r and db-password",
            "ssh://git@host/r and db-password",
        ),
        ("LS0tLS1CRUdJTiBQUklWQVRF and more", "[credential]"),
    ] {
        assert_eq!(redacted_text(text), shown, "{text}");
    }
}

#[test]
fn a_secret_that_is_called_like_a_value_is_not_named() {
    know(&[("canary-value-one", "canary-value-one")]);
    assert_eq!(redacted_text("a canary-value-one b"), "a [secret] b");
    know(&[
        ("canary-value-two", "canary-value-one"),
        ("other", "canary-value-two"),
    ]);
    assert_eq!(redacted_text("a canary-value-one b"), "a [secret] b");
    know(&[("ghp_A1b2C3d4E5f6G7h8J9", "canary-value-one")]);
    assert_eq!(redacted_text("a canary-value-one b"), "a [secret] b");
}

#[test]
fn a_token_that_is_known_is_shown_by_its_name() {
    know(&[("github-token", "ghp_A1b2C3d4E5f6G7h8J9")]);
    assert_eq!(
        redacted_text("ghp_A1b2C3d4E5f6G7h8J9"),
        "[secret github-token]"
    );
    let more = secret("canary-value");
    learn_also(&mut [("minted", &more)].into_iter());
    assert_eq!(
        redacted_text("canary-value ghp_A1b2C3d4E5f6G7h8J9"),
        "[secret minted] [secret github-token]"
    );
    know(&[]);
    assert_eq!(redacted_text("canary-value"), "canary-value");
}

#[test]
fn no_name_in_the_documents_and_examples_is_hidden() {
    know(&[]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut waiting: Vec<PathBuf> = [
        "docs",
        "examples",
        "tests/blackbox/golden",
        "README.md",
        "SECURITY.md",
    ]
    .map(|name| root.join(name))
    .to_vec();
    let (mut words, mut hidden) = (0, Vec::new());
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
        for word in text.split(|c| !is_of_name(c)) {
            if hides(word.as_bytes()) {
                hidden.push(word.to_owned());
            }
            words += 1;
        }
    }
    assert!(words > 10_000, "{words}");
    assert_eq!(hidden, [""; 0]);
}
