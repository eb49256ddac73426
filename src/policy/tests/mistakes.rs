//! Every mistake, with its pointer and its sentence.

use std::path::Path;

use super::{mistakes, parsed_as, refuses, run};
use crate::policy::parse;
use crate::report::Fault as _;

/// `entry` as the only entry of `key`.
fn top(key: &str, entry: &str) -> String {
    format!(r#"{{"version": 1, "{key}": {entry}}}"#)
}

fn secret(entry: &str) -> String {
    top("secrets", &format!(r#"{{"s": {entry}}}"#))
}

fn connection(entry: &str) -> String {
    top("connections", &format!(r#"{{"c": {entry}}}"#))
}

/// A policy with a database, and this `run`.
fn with_database(run: &str) -> String {
    format!(
        r#"{{"version": 1, "run": {run}, "connections": {{"db":
            {{"kind": "postgres", "host": "h", "user": "u", "password": "pw"}}}}}}"#
    )
}

#[test]
fn a_text_that_is_no_policy_is_one_mistake_with_line_and_column() {
    for (text, place, what) in [
        ("", "line 1, column 1", "the policy is empty"),
        (
            "{\n  \"version\": 1,\n}",
            "line 3, column 1",
            "a comma before a closing bracket is not JSON",
        ),
        (
            "{\"version\": 1} {}",
            "line 1, column 16",
            "something follows the end of the policy",
        ),
    ] {
        let error = parsed_as(text, None).unwrap_err();
        assert_eq!(error.what(), what);
        assert_eq!(
            error.place(),
            format!("/etc/vestibule/policy.json, {place}")
        );
    }
}

#[test]
fn the_top_level_is_an_object_of_version_1() {
    refuses("[]", "", "expected an object, found an array");
    refuses("1", "", "expected an object, found a number");
    refuses("null", "", "expected an object, found null");
    refuses("{}", "", "`version` is missing");
    for version in ["2", "\"1\"", "1.0", "true", "null", "-1", "1e0"] {
        let text = format!(r#"{{"version": {version}}}"#);
        refuses(&text, "/version", "vestibule reads policies of version 1");
    }
}

#[test]
fn the_second_of_two_equal_keys_is_the_mistake_with_its_own_line() {
    let text = "{\"version\": 1,\n \"run\": {\"env\": {\n  \"A\": \"a\",\n  \"A\": \"b\"}}}";
    let found = mistakes(text);
    assert_eq!(
        found,
        [(
            "/run/env/A".into(),
            4,
            "the key `A` stands here twice".into()
        )]
    );
}

#[test]
fn strings_are_whole_and_without_nul() {
    let half = "a `\\u` escape stands for half a character";
    refuses(&run(r#"{"directory": "/\ud800"}"#), "/run/directory", half);
    refuses(&run(r#"{"env": {"\udc00": "x"}}"#), "/run/env", half);
    refuses(
        &run(r#"{"directory": "/a\u0000b"}"#),
        "/run/directory",
        "the string has a NUL",
    );
}

#[test]
fn sources_have_a_known_form() {
    for (from, what) in [
        ("hunter2", "this is no source of a secret"),
        ("", "this is no source of a secret"),
        ("File:x", "this is no source of a secret"),
        ("https://vault/x", "this is no source of a secret"),
        ("file:", "this is not the name of a secret: it is empty"),
        (
            "file:/run/x",
            "this is not the name of a secret: it is empty",
        ),
        (
            "file:../x",
            "this is not the name of a secret: it starts with a dot",
        ),
        ("file:env:X", "a source can stand under `secrets` only"),
        ("file:${X}", "container variables do not expand here"),
        ("env:", "`env:` is not followed by the name of a variable"),
        ("env:1X", "`env:` is not followed by the name of a variable"),
        ("env:${X}", "container variables do not expand here"),
        ("dotenv:app.env", "`dotenv:` needs a file and a key"),
        ("dotenv:app.env#", "`dotenv:` needs a file and a key"),
        ("dotenv:app.env#A=b", "`dotenv:` needs a file and a key"),
        ("dotenv:app.env#A B", "`dotenv:` needs a file and a key"),
        ("dotenv:#A", "this is not the name of a secret: it is empty"),
        ("json:x.json", "`json:` needs a file and a JSON pointer"),
        ("json:x.json#npm", "`json:` needs a file and a JSON pointer"),
        ("json:x.json#/~2", "`json:` needs a file and a JSON pointer"),
        (
            "json:/a/x.json#/a",
            "this is not the name of a secret: it is empty",
        ),
        (
            "dotenv:a/../app.env#A",
            "this is not the name of a secret: it starts with a dot",
        ),
        (
            "command:mint",
            "`command:` is not followed by an absolute path",
        ),
        ("command:/mint 'a b'", "`command:` is not read by a shell"),
    ] {
        refuses(
            &secret(&format!(r#"{{"from": "{from}"}}"#)),
            "/secrets/s/from",
            what,
        );
    }
    refuses(&secret("{}"), "/secrets/s", "`from` is missing");
}

#[test]
fn references_to_secret_stores_are_refused_wherever_a_secret_is_named() {
    for (text, prefix) in [
        ("op://vault/item", "op://"),
        ("vault:secret/data/db", "vault:"),
        (
            "arn:aws:secretsmanager:eu-west-1:1:secret:db",
            "arn:aws:secretsmanager:",
        ),
        ("arn:aws:ssm:eu-west-1:1:parameter/db", "arn:aws:ssm:"),
        ("ENC[AES256_GCM,data:x]", "ENC["),
        ("sops:db.enc", "sops:"),
        ("fernet:gAAAA", "fernet:"),
        ("gcp:secretmanager:projects/p", "gcp:secretmanager:"),
        ("berglas://bucket/db", "berglas://"),
        ("sm://project/db", "sm://"),
    ] {
        let what = format!("`{prefix}` needs a resolver, and there is no resolver yet");
        refuses(
            &secret(&format!(r#"{{"from": "{text}"}}"#)),
            "/secrets/s/from",
            &what,
        );
        refuses(
            &run(&format!(r#"{{"env": {{"A": "{text}"}}}}"#)),
            "/run/env/A",
            &what,
        );
        let text = format!(r#"{{"kind": "redis", "host": "h", "password": "{text}"}}"#);
        refuses(&connection(&text), "/connections/c/password", &what);
    }
}

#[test]
fn names_follow_their_rules() {
    let dot = "`.x` is not a name: it starts with a dot";
    refuses(
        &top("secrets", r#"{".x": {"from": "file:x"}}"#),
        "/secrets/.x",
        dot,
    );
    let what = "a connection's name has only letters, digits, `_` and `-`";
    for name in ["", "a.b", "a b", "ä"] {
        let entry = r#"{"kind": "redis", "host": "h"}"#;
        let text = top("connections", &format!(r#"{{"{name}": {entry}}}"#));
        refuses(&text, &format!("/connections/{name}"), what);
    }
    for (name, what) in [
        ("", "`` is not a name: it is empty"),
        ("1A", "`1A` is not a name: it starts with a digit"),
        (
            "A-B",
            "`A-B` is not a name: a variable's name has only letters, digits and `_`",
        ),
    ] {
        for key in ["env", "files"] {
            let text = run(&format!(r#"{{"{key}": {{"{name}": "x"}}}}"#));
            refuses(&text, &format!("/run/{key}/{name}"), what);
        }
    }
}

#[test]
fn secrets_and_connections_share_one_set_of_names() {
    for name in ["db", "db.password", "db.mc_host"] {
        let text = format!(
            r#"{{"version": 1, "secrets": {{"{name}": {{"from": "file:x"}}, "db.pem": {{"from": "file:x"}}}},
              "connections": {{"db": {{"kind": "redis", "host": "h", "password": "p"}}}}}}"#
        );
        let what = format!("`{name}` is both a connection's and a secret's name");
        refuses(&text, &format!("/secrets/{name}"), &what);
    }
}

#[test]
fn a_field_that_the_kind_does_not_have_is_refused_at_its_place() {
    let found = mistakes(&connection(
        r#"{"kind": "redis", "host": "h", "bucket": "b"}"#,
    ));
    assert_eq!(
        (found.len(), found[0].0.as_str()),
        (1, "/connections/c/bucket")
    );
    assert!(found[0].2.starts_with("`bucket`: "), "{found:?}");
}

#[test]
fn a_variable_that_is_a_source_is_not_expanded_even_in_front_of_it() {
    let text =
        r#"{"version": 1, "secret_dirs": ["/${PLAIN}"], "secrets": {"s": {"from": "env:PLAIN"}}}"#;
    refuses(
        text,
        "/secret_dirs/0",
        "`PLAIN` is the source of a secret and is not expanded",
    );
}

#[test]
fn references_mean_something() {
    for (reference, what) in [
        ("db.pasword", "the connection `db` has no part `pasword`"),
        ("db.bucket", "the connection `db` has no part `bucket`"),
        ("db.", "the connection `db` has no part ``"),
        (
            "a/b",
            "this is not the name of a secret: it has a slash or a control character",
        ),
        ("", "this is not the name of a secret: it is empty"),
        ("file:x", "a source can stand under `secrets` only"),
        ("${X}", "container variables do not expand here"),
    ] {
        for key in ["env", "files"] {
            let text = with_database(&format!(r#"{{"{key}": {{"A": "{reference}"}}}}"#));
            refuses(&text, &format!("/run/{key}/A"), what);
        }
    }
}

#[test]
fn a_wrong_connection_is_one_mistake_and_not_one_more_for_each_reference() {
    let text = r#"{"version": 1, "connections": {"c": {"kind": "redis"}},
        "run": {"env": {"A": "c", "B": "c.password", "C": "c.nothing"}}}"#;
    refuses(text, "/connections/c", "`host` is missing");
}

#[test]
fn what_comes_from_a_command_does_not_reach_main() {
    let text = |reference: &str| {
        format!(
            r#"{{"version": 1, "secrets": {{"s": {{"from": "command:/x"}}}}, "connections":
              {{"c": {{"kind": "redis", "host": "h", "password": "s"}}}}, "run": {{"env":
              {{"A": "{reference}"}}}}}}"#
        )
    };
    let what = "this secret comes from a command and is for the setup phase only";
    for reference in ["s", "c", "c.password"] {
        assert_eq!(
            mistakes(&text(reference)),
            [("/run/env/A".into(), 3, what.into())]
        );
    }
}

#[test]
fn variables_that_break_the_start_are_never_made_from_a_secret() {
    for (name, what) in [
        (
            "LD_PRELOAD",
            "the loader reads `LD_` variables in every program and prints their values in errors",
        ),
        (
            "LD_X",
            "the loader reads `LD_` variables in every program and prints their values in errors",
        ),
        (
            "PATH",
            "`PATH` and `HOME` decide what runs and are never made from a secret",
        ),
        (
            "HOME",
            "`PATH` and `HOME` decide what runs and are never made from a secret",
        ),
    ] {
        for key in ["env", "files"] {
            let text = run(&format!(r#"{{"{key}": {{"{name}": "x"}}}}"#));
            refuses(&text, &format!("/run/{key}/{name}"), what);
        }
    }
}

#[test]
fn arguments_of_commands_are_left_as_they_are() {
    let text = top(
        "setup",
        r#"{"commands": [["sh", "-c", "echo ${NONE} ${"]]}"#,
    );
    assert_eq!(mistakes(&text), []);
}

#[test]
fn all_mistakes_are_reported_at_once_in_the_files_order() {
    let text = r#"{
  "version": 2,
  "profiles": { "w": { "run": { "user": "0day" } } },
  "run": {
    "env": { "A": "c.nothing", "B": "a/b" },
    "inherit": "PATH",
    "grace": 8
  },
  "secrets": {
    "c": { "from": "plain" },
    "d": { "form": "file:d" }
  },
  "connections": {
    "c": { "kind": "redis", "host": "h", "port": 0 }
  },
  "x": 1
}"#;
    let found: Vec<_> = mistakes(text)
        .into_iter()
        .map(|(at, line, _)| (at, line))
        .collect();
    let wanted = [
        ("/version", 2),
        ("/profiles/w/run/user", 3),
        ("/run/env/B", 5),
        ("/run/inherit", 6),
        ("/run/grace", 7),
        ("/secrets/c", 10),
        ("/secrets/c/from", 10),
        ("/secrets/d", 11),
        ("/secrets/d/form", 11),
        ("/connections/c/port", 14),
        ("/x", 16),
    ];
    assert_eq!(
        found,
        wanted.map(|(pointer, line)| (pointer.to_string(), line))
    );
    assert_eq!(
        parsed_as(text, None).unwrap_err().what(),
        "the policy has 11 mistakes"
    );
}

#[test]
fn a_value_that_was_pasted_into_a_policy_is_never_repeated() {
    for text in [
        secret(r#"{"from": "hunter2/canary"}"#),
        secret(r#"{"from": "file:/hunter2/canary"}"#),
        secret(r#""hunter2""#),
        connection(r#"{"kind": "redis", "host": "app:hunter2@redis", "password": "hunter2/x"}"#),
        connection(r#"{"kind": "url", "host": "${DB_PASSWORD}"}"#),
        run(r#"{"env": {"A": "postgres://app:hunter2@db/app"}}"#),
        run(r#"{"env": {"A": ["hunter2"]}}"#),
        run(r#"{"directory": "hunter2"}"#),
        run(r#"{"umask": "hunter2", "grace": "hunter2", "user": "hunter 2"}"#),
        top(
            "setup",
            r#"{"git": {"https://x:hunter2@github.com": {}, "https://x:hunter2@github.com": {}}}"#,
        ),
        top("setup", r#"{"https://x:hunter2@github.com": {}}"#),
        run(r#"{"env": {"hunter2\nin lines": "x"}, "hunter2\nin lines": 1}"#),
        secret(r#"{"from": "file:x", "hunter2\r\nin lines": 1, "hunter2\r\nin lines": 1}"#),
        connection(r#"{"kind": "hunter2\nin lines"}"#),
        r#"{"version": 1, "password": hunter2}"#.into(),
        "{\"version\": 1} hunter2".into(),
    ] {
        let error = parsed_as(&text, None).unwrap_err();
        for mistake in error.mistakes() {
            let lines = [mistake.what(), mistake.place(), mistake.remedy()].concat();
            assert!(!lines.contains("hunter2"), "{lines}");
        }
        if !text.contains("in lines") {
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
}

#[test]
fn odd_names_reach_a_terminal_only_escaped() {
    let text = run(r#"{"env": {"A\u001b[31m": "x"}}"#);
    let error = parse(text.as_bytes(), Path::new("/etc/\u{202e}x"), None, &|_| {
        None
    })
    .unwrap_err();
    assert_eq!(
        error.place(),
        r"`/etc/\u{202e}x` at `/run/env/A\u{1b}[31m`, line 1"
    );
    assert_eq!(error.mistakes()[0].place.pointer, "/run/env/A\u{1b}[31m");
}
