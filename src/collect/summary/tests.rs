//! The start line and the advice, word for word.

use std::ffi::OsString;
use std::path::Path;

use super::super::tests::{Place, by_convention, given};
use super::{Advice, Summary};
use crate::exit::Exit;
use crate::report::Fault;

fn names(items: &[&str]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn line(summary: &Summary, readable: &[&Path]) -> String {
    summary
        .start_line(&[OsString::from("app\n")], readable)
        .text
}

#[test]
fn the_start_line_says_what_became_of_each_name() {
    let summary = Summary {
        given: names(&["A", "B"]),
        withheld: names(&["t"]),
        withheld_files: vec!["/run/secrets/t".into()],
        git: names(&["t"]),
        removed: names(&["X"]),
        ..Summary::default()
    };
    assert_eq!(
        line(&summary, &[]),
        "starting `app\\n`: gives `A` and `B`; withholds `t` from its environment, and its user cannot read the files; Git credentials are for setup only (permit one in a policy's `run.env`); removes the variables `X`"
    );
    let path = Path::new("/run/secrets/t");
    assert!(line(&summary, &[path]).contains(", but its user can read the files"));
    let fields = summary.start_line(&[OsString::from("app")], &[path]).fields;
    let readable = fields.iter().find(|(name, _)| *name == "readable");
    assert_eq!(readable.unwrap().1, serde_json::json!(["/run/secrets/t"]));
    assert_eq!(
        line(&Summary::default(), &[]),
        "starting `app\\n`: no secret is given"
    );
    assert!(
        Summary::default()
            .start_line(&[], &[])
            .text
            .starts_with("starting : ")
    );
}

#[test]
fn without_files_nothing_is_said_about_files() {
    let summary = Summary {
        withheld: names(&["v"]),
        ..Summary::default()
    };
    assert_eq!(
        line(&summary, &[]),
        "starting `app\\n`: no secret is given; withholds `v` from its environment"
    );
}

#[test]
fn a_long_list_is_cut() {
    let summary = Summary {
        given: (0..30).map(|number| format!("V{number}")).collect(),
        ..Summary::default()
    };
    assert!(line(&summary, &[]).ends_with("`V19` and 10 more"));
}

#[test]
fn what_deserves_attention_is_found() {
    let place = Place::with(&[
        ("db_password", "changeme"),
        ("pin", "1234"),
        ("1st", "a-long-value"),
        ("api_key", "api_key"),
        ("sub/pin", "x"),
    ]);
    let summary = given(by_convention(&place, &[])).summary;
    assert_eq!(
        summary.advice(),
        [
            Advice::Placeholders(names(&["api_key", "db_password"])),
            Advice::Undeliverable(names(&["1st"])),
            Advice::Short(names(&["api_key", "pin", "sub/pin"])),
        ]
    );
    assert!(Summary::default().advice().is_empty());
}

#[test]
fn advice_says_what_where_and_how() {
    let name = || names(&["a\u{1b}", "b"]);
    for (advice, what, place, remedy) in [
        (
            Advice::Placeholders(name()),
            "well-known placeholders are in use as secrets: `a\\u{1b}` and `b`",
            "the values of these secrets",
            "put a value of your own into each",
        ),
        (
            Advice::ByVariable(name()),
            "secrets came by container variable: `a\\u{1b}` and `b`",
            "the container's configured environment",
            "mount them as files: `docker inspect` and `docker exec` still show what a variable held",
        ),
        (
            Advice::Short(name()),
            "values under 8 bytes cannot be searched for or masked: `a\\u{1b}` and `b`",
            "the values of these secrets",
            "use longer values, at least 8 bytes",
        ),
        (
            Advice::Undeliverable(name()),
            "no variable can be named after these secrets, so they are withheld: `a\\u{1b}` and `b`",
            "the names of the secret files, by convention",
            "rename them to letters, digits, `-` and `_`, or name them in a policy",
        ),
    ] {
        assert_eq!(
            (advice.what(), advice.place(), advice.remedy()),
            (what.into(), place.into(), remedy.into())
        );
        assert_eq!(advice.exit(), Exit::Policy);
    }
}
