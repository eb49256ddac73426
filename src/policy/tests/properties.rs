//! What holds for any text: no panic, and no key that goes unread.

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::variable;
use crate::policy::parse;
use crate::report::Fault;

const EXAMPLE: &str = include_str!("example.json");

/// Keys of the example that stand for themselves: the schema's, not names.
const KEYS: [(&str, &str); 34] = [
    ("version", "/"),
    ("secret_dirs", "/"),
    ("secrets", "/"),
    ("connections", "/"),
    ("setup", "/"),
    ("seal", "/"),
    ("run", "/"),
    ("profiles", "/"),
    ("from", "/secrets/db/"),
    ("optional", "/secrets/npm/"),
    ("kind", "/connections/database/"),
    ("host", "/connections/database/"),
    ("endpoint", "/connections/artifacts/"),
    ("access_key", "/connections/artifacts/"),
    ("secret_key", "/connections/artifacts/"),
    ("bucket", "/connections/artifacts/"),
    ("scheme", "/connections/queue/"),
    ("commands", "/setup/"),
    ("home", "/setup/"),
    ("timeout", "/setup/"),
    ("skip_if", "/setup/"),
    ("argv", "/setup/commands/0/"),
    ("username", "/setup/git/https:~1~1github.com~1acme/"),
    ("on_hit", "/seal/"),
    ("on_drop", "/seal/"),
    ("files", "/run/"),
    ("inherit", "/run/"),
    ("grace", "/run/"),
    ("signals", "/run/"),
    ("confinement", "/run/"),
    ("capabilities", "/run/"),
    ("no_new_privileges", "/run/"),
    ("limits", "/run/"),
    ("umask", "/run/"),
];

/// Parses, and builds every sentence there is to say.
fn parse_and_say(bytes: &[u8]) -> Vec<(String, String)> {
    match parse(bytes, Path::new("policy.json"), Some("worker"), &variable) {
        Ok(_) => Vec::new(),
        Err(error) => {
            assert!(!error.mistakes().is_empty());
            let said = |fault: &dyn Fault| [fault.what(), fault.place(), fault.remedy()].concat();
            said(&error);
            let mistakes = error.mistakes().iter();
            mistakes
                .map(|mistake| (mistake.place.pointer.clone(), said(mistake)))
                .collect()
        }
    }
}

/// JSON of any shape, from the words of a policy and from others.
fn json() -> impl Strategy<Value = String> {
    let words = vec![
        "env",
        "files",
        "run",
        "secrets",
        "from",
        "file:x",
        "env:X",
        "kind",
        "redis",
        "host",
        "version",
        "user",
        "0day",
        "1000",
        "profiles",
        "worker",
        "setup",
        "commands",
        "argv",
        "git",
        "limits",
        "nofile",
        "signals",
        "TERM",
        "umask",
        "027",
        "grace",
        "8s",
        "${A:-b}",
        "${",
        "a.password",
        "inherit",
        "*",
        "é",
        "\\ud800",
        "\\u0000",
        "",
    ];
    let word = select(words).prop_map(|word| format!("\"{word}\""));
    let leaf = prop_oneof![
        word.clone(),
        Just("1".to_string()),
        Just("-1.5e300".to_string()),
        Just("true".to_string()),
        Just("null".to_string()),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        let entry = (word.clone(), inner.clone()).prop_map(|(key, value)| format!("{key}:{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(entry, 0..6)
                .prop_map(|entries| format!("{{{}}}", entries.join(",\n"))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        parse_and_say(&bytes);
    }

    #[test]
    fn no_json_makes_the_parser_panic(text in json()) {
        parse_and_say(text.as_bytes());
    }

    #[test]
    fn no_damaged_policy_makes_the_parser_panic(at in any::<Index>(), byte in any::<u8>()) {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        *at.get_mut(&mut bytes) = byte;
        parse_and_say(&bytes);
    }

    #[test]
    fn a_cut_policy_ends_too_early(at in any::<Index>()) {
        let end = at.index(EXAMPLE.trim_end().len());
        let cut = EXAMPLE.get(..end).unwrap_or_default();
        prop_assert_eq!(parse_and_say(cut.as_bytes()).len(), 1);
    }

    #[test]
    fn a_renamed_key_is_refused_where_it_stands(
        (key, parent) in select(&KEYS[..]),
        letter in "[a-z_]",
    ) {
        let renamed = format!("{key}{letter}");
        let first = EXAMPLE.replacen(&format!("\"{key}\":"), &format!("\"{renamed}\":"), 1);
        let found = parse_and_say(first.as_bytes());
        let pointer = format!("{parent}{renamed}");
        let said = found.iter().find(|(at, _)| *at == pointer);
        prop_assert!(said.is_some(), "{pointer}: {found:?}");
        prop_assert!(said.unwrap().1.contains("unknown key"));
        let suggested = format!("`{key}`");
        prop_assert!(said.unwrap().1.contains(&suggested));
    }
}
