//! Secrets from every source that a policy can name.

use std::fs;

use super::super::tests::{Place, by_policy, given, lines, refused};
use crate::report::Fault as _;

const ALL: &str = r#""secrets": {
    "file": {"from": "file:a.secret"},
    "raw": {"from": "file:a.secret", "raw": true},
    "variable": {"from": "env:A_VARIABLE"},
    "dotenv": {"from": "dotenv:app.env#KEY"},
    "json": {"from": "json:creds.json#/npm/token"}
  },
  "run": {"env": {"FILE": "file", "RAW": "raw", "VARIABLE": "variable", "DOTENV": "dotenv", "JSON": "json", "PLAIN": "plain"}}"#;

const FILES: [(&str, &str); 4] = [
    ("a.secret", "one\r\n"),
    ("app.env", "KEY='two'\n"),
    ("creds.json", r#"{"npm": {"token": "three"}}"#),
    ("plain", "four"),
];

#[test]
fn every_source_gives_its_value() {
    let place = Place::with(&FILES);
    let collected = given(by_policy(&place, ALL, &[("A_VARIABLE", "five\n")]));
    assert_eq!(
        lines(&collected),
        [
            "DOTENV=two",
            "FILE=one",
            "JSON=three",
            "PLAIN=four",
            "RAW=one\r\n",
            "VARIABLE=five\n"
        ]
    );
    assert!(collected.summary.withheld.is_empty());
    assert!(collected.summary.withheld_files.is_empty());
    assert_eq!(collected.summary.by_variable, ["variable"]);
}

#[test]
fn a_file_with_more_than_what_is_permitted_is_withheld() {
    let place = Place::with(&[
        ("app.env", "A=value-of-a-1\nB=value-of-b-1\n"),
        ("creds.json", r#"{"a": "value-of-c-1", "b": 1}"#),
    ]);
    let secrets = r#""secrets": {"a": {"from": "dotenv:app.env#A"}, "b": {"from": "dotenv:app.env#B"}, "c": {"from": "json:creds.json#/a"}}"#;
    let files = |run: &str| {
        let text = format!("{secrets}, \"run\": {{\"env\": {{{run}}}}}");
        let summary = given(by_policy(&place, &text, &[])).summary;
        let files: Vec<_> = summary
            .withheld_files
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        (files, summary.withheld)
    };
    let (paths, names) = files(r#""A": "a", "B": "b", "C": "c""#);
    assert_eq!(
        (paths, names),
        (vec!["creds.json".into()], vec!["creds.json".to_owned()])
    );
    let (paths, names) = files(r#""A": "a", "C": "c""#);
    assert_eq!(paths, ["app.env", "creds.json"]);
    assert_eq!(names, ["b", "creds.json"]);
    // The whole file is permitted, so all in it is.
    let (paths, names) = files(r#""A": "app.env", "C": "creds.json""#);
    assert!(paths.is_empty() && names.is_empty(), "{paths:?} {names:?}");
}

#[test]
fn two_names_of_one_file_are_one_secret() {
    let place = Place::with(&[("file", "a-shared-value")]);
    let text = r#""secrets": {"a": {"from": "file:file"}, "b": {"from": "file:file"}},
        "run": {"env": {"A": "a"}, "inherit": ["COPY"]}"#;
    let collected = given(by_policy(&place, text, &[("COPY", "a-shared-value")]));
    assert!(collected.summary.withheld.is_empty());
    assert_eq!(lines(&collected).len(), 2);
}

#[test]
fn a_mistyped_name_is_told_with_the_one_that_is_there() {
    let place = Place::with(&[("api-key", "a-long-value"), ("sub/token", "another-value")]);
    let remedy = |reference: &str| {
        let text = r#""connections": {"cache": {"kind": "redis", "host": "h", "password": "api-key"}},
            "run": {"env": {"A": "NAME"}}"#;
        let text = text.replace("NAME", reference);
        match by_policy(&place, &text, &[]) {
            Ok(_) => panic!("{reference} is not there"),
            Err(faults) => faults.first().expect("a fault").remedy(),
        }
    };
    for (reference, meant) in [("api-kye", "api-key"), ("cahe", "cache")] {
        let meant = format!("correct the name: `{meant}` is there; or mount it");
        assert!(
            remedy(reference).starts_with(&meant),
            "{}",
            remedy(reference)
        );
    }
    assert!(remedy("unlike").starts_with("correct the name, or mount it"));
}

#[test]
fn what_is_absent_is_a_fault_unless_it_may_be() {
    let place = Place::new();
    assert_eq!(
        refused(by_policy(&place, ALL, &[])),
        [
            "the secret `a.secret` is absent",
            "the secret `a.secret` is absent",
            "the container variable `A_VARIABLE` is not set",
            "the secret `app.env` is absent",
            "the secret `creds.json` is absent",
            "the secret `plain` is absent"
        ]
    );
    place.write("app.env", "OTHER=x");
    place.write("creds.json", "{}");
    let optional = ALL
        .replace("\"},", "\", \"optional\": true},")
        .replace("\"raw\": true", "\"raw\": true, \"optional\": true")
        .replace("token\"}", "token\", \"optional\": true}")
        .replace(", \"PLAIN\": \"plain\"", "");
    let named = place.path("absent");
    for variables in [
        &[][..],
        &[("A_VARIABLE", "")],
        &[("A_VARIABLE_FILE", named.as_str())],
    ] {
        let collected = given(by_policy(&place, &optional, variables));
        assert!(lines(&collected).is_empty());
        assert!(collected.summary.given.is_empty());
    }
}

#[test]
fn a_connection_without_its_optional_password_is_left_out() {
    let place = Place::new();
    let text = r#""secrets": {"p": {"from": "file:p", "optional": true}},
        "connections": {"db": {"kind": "postgres", "host": "db", "user": "app", "password": "p", "database": "app"}},
        "run": {"env": {"URL": "db", "HOST": "db.host", "PASS": "db.password"}}"#;
    assert_eq!(lines(&given(by_policy(&place, text, &[]))), ["HOST=db"]);
    place.write("p", "x\n");
    let collected = given(by_policy(
        &place,
        text,
        &[("HOST", "the policy's word goes first")],
    ));
    assert_eq!(
        lines(&collected),
        ["HOST=db", "PASS=x", "URL=postgresql://app:x@db:5432/app"]
    );
    assert_eq!(
        refused(by_policy(
            &place,
            &text.replace("file:p", "env:P"),
            &[("P", " ")]
        )),
        ["the container variable `P` has nothing but blanks"]
    );
}

#[test]
fn a_secret_that_nobody_asks_for_may_be_absent_but_not_broken() {
    let place = Place::new();
    let text = r#""secrets": {"s": {"from": "file:f"}, "d": {"from": "dotenv:e#K"}}, "run": {}"#;
    let collected = given(by_policy(&place, text, &[]));
    assert!(lines(&collected).is_empty());
    place.write("f", "");
    place.write("e", "nonsense");
    assert_eq!(
        refused(by_policy(&place, text, &[])),
        [
            "the secret `f` is empty",
            "the file `e`: line 1 is no `KEY=value`"
        ]
    );
}

#[test]
fn faults_of_a_file_with_several_values_are_told_once() {
    let place = Place::with(&[("bad.json", "{"), ("some.env", "A=1\n")]);
    fs::create_dir(place.0.join("dir.env")).unwrap();
    let text = r#""secrets": {
        "a": {"from": "json:bad.json#/a"}, "b": {"from": "json:bad.json#/b"},
        "c": {"from": "dotenv:dir.env#C"}, "d": {"from": "dotenv:dir.env#D"},
        "e": {"from": "dotenv:some.env#A"}, "f": {"from": "dotenv:some.env#F"}},
        "run": {"env": {"A": "a", "B": "b", "C": "c", "D": "d", "E": "e", "F": "f"}}"#;
    assert_eq!(
        refused(by_policy(&place, text, &[])),
        [
            "the file `bad.json`: not JSON at line 1, column 1",
            "the secret `dir.env` is a directory, not a file",
            "the file `some.env`: there is no assignment of `F`"
        ]
    );
}

#[test]
fn var_file_is_understood_for_an_env_source() {
    let place = Place::with(&[
        ("in/pass", "inside\n"),
        ("outside", "out\n"),
        ("in/empty", ""),
    ]);
    let inner = Place(place.0.join("in"));
    let text = r#""secrets": {"s": {"from": "env:PASS"}}, "run": {"env": {"X": "s"}}"#;
    let (inside, outside, empty) = (
        place.path("in/pass"),
        place.path("outside"),
        place.path("in/empty"),
    );
    for (path, value) in [(&inside, "X=inside"), (&outside, "X=out")] {
        let collected = given(by_policy(&inner, text, &[("PASS_FILE", path)]));
        assert_eq!(lines(&collected), [value]);
        assert_eq!(collected.summary.removed, ["PASS_FILE"]);
        assert!(!collected.summary.withheld_files.contains(&path.into()));
    }
    for (variables, what) in [
        (
            &[("PASS", "x"), ("PASS_FILE", inside.as_str())][..],
            "both `PASS` and `PASS_FILE` are set",
        ),
        (
            &[("PASS_FILE", "pass")],
            "`PASS_FILE` is not an absolute path",
        ),
        (
            &[("PASS_FILE", "/nowhere/pass")],
            "the secret `pass` is absent",
        ),
        (
            &[("PASS_FILE", empty.as_str())],
            "the secret `empty` is empty",
        ),
        (
            &[("PASS_FILE", "/")],
            "the secret `/` is a directory, not a file",
        ),
    ] {
        assert_eq!(refused(by_policy(&inner, text, variables)), [what]);
    }
}

#[test]
fn raw_bytes_may_be_blank_but_not_empty() {
    let place = Place::with(&[("f", "\n")]);
    let text = r#""secrets": {"s": {"from": "file:f", "raw": true}}, "run": {"env": {"X": "s"}}"#;
    assert_eq!(lines(&given(by_policy(&place, text, &[]))), ["X=\n"]);
    place.write("f", "");
    assert_eq!(
        refused(by_policy(&place, text, &[])),
        ["the secret `f` is empty"]
    );
}
