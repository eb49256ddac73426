//! The start line and the advice, word for word.

use std::ffi::OsString;
use std::path::PathBuf;

use caps::Capability;

use super::super::standing::{Prepares, Proved, Standing};
use super::super::tests::{Place, by_convention, given};
use super::{Advice, Summary};
use crate::exit::Exit;
use crate::json::Value;
use crate::report::Fault;

fn names(items: &[&str]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn line(summary: &Summary, standing: &Standing) -> String {
    let command = [OsString::from("app\n")];
    summary.start_line(&command, standing).text
}

fn proved() -> Standing {
    Standing::OutOfReach(Proved {
        means: vec!["an unmount", "Landlock file rules"],
        lasting: true,
        mounts_known: true,
        accepted: Vec::new(),
        tried: 31,
        prepares: Some(Prepares {
            who: "it",
            by_root: true,
            program: false,
        }),
    })
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
        line(&summary, &proved()),
        "starting `app\\n`: gives `A` and `B`; withholds `t`, out of its reach by an unmount and Landlock file rules (enforced; 31 ways tried) in this start: as root it could change what the next one trusts; Git credentials are for setup only (permit one in a policy's `run.env`); removes the variables `X`"
    );
    assert_eq!(
        line(&Summary::default(), &Standing::Nothing),
        "starting `app\\n`: no secret is given"
    );
    let no_word = Summary::default().start_line(&[], &Standing::Nothing);
    assert!(no_word.text.starts_with("starting : "));
}

#[test]
fn the_start_line_says_how_far_main_is_kept_from_it() {
    let summary = Summary {
        withheld: names(&["v"]),
        ..Summary::default()
    };
    let level = |standing| {
        let line = line(&summary, &standing);
        let (_, level) = line.split_once("withholds `v`").expect("a withheld secret");
        level.to_owned()
    };
    let by_modes = Standing::OutOfReach(Proved {
        means: vec!["file permissions"],
        lasting: false,
        mounts_known: false,
        accepted: vec![Capability::CAP_SYS_PTRACE],
        tried: 7,
        prepares: Some(Prepares {
            who: "it",
            by_root: false,
            program: true,
        }),
    });
    assert_eq!(
        level(by_modes),
        ", out of its reach by file permissions (true at start; 7 ways tried) in this start: by its capabilities it could change what the next one trusts and what a health check runs, other mounts of the files unknown without `/proc`, though the policy gives it CAP_SYS_PTRACE"
    );
    assert_eq!(
        level(Standing::EnvironmentOnly(vec![PathBuf::from("/s/v")])),
        " from its environment only, as the policy says; its user can read the files"
    );
    assert_eq!(
        level(Standing::EnvironmentOnly(Vec::new())),
        " from its environment only, as the policy says; its user cannot read the files"
    );
}

#[test]
fn the_fields_say_the_same_to_machines() {
    let fields = |standing: &Standing| {
        let line = Summary::default().start_line(&[], standing);
        serde_json::from_str::<serde_json::Value>(&Value::Object(line.fields).to_string())
            .expect("JSON")
    };
    let found: serde_json::Value = fields(&proved());
    assert_eq!(found["confinement"], "proved");
    assert_eq!(
        found["means"],
        serde_json::json!(["an unmount", "Landlock file rules"])
    );
    assert_eq!(
        (&found["enforced"], &found["tried"]),
        (&true.into(), &31.into())
    );
    assert_eq!(found["this_start_only"], true);
    assert_eq!(found["program_replaceable"], false);
    let open = fields(&Standing::EnvironmentOnly(vec![PathBuf::from("/s/v")]));
    assert_eq!(open["confinement"], "environment-only");
    assert_eq!(open["readable"], serde_json::json!(["/s/v"]));
    assert_eq!(
        fields(&Standing::Nothing)["confinement"],
        "nothing-withheld"
    );
}

#[test]
fn a_long_list_is_cut() {
    let summary = Summary {
        given: (0..30).map(|number| format!("V{number}")).collect(),
        ..Summary::default()
    };
    assert!(line(&summary, &Standing::Nothing).ends_with("`V19` and 10 more"));
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
        (
            Advice::Late(name()),
            "commands of setup with a credential follow one without: `a\\u{1b}` and `b`",
            "the order of `setup.commands`",
            "put them first: a program or a setting that one command leaves could take the credential of the next",
        ),
    ] {
        assert_eq!(
            (advice.what(), advice.place(), advice.remedy()),
            (what.into(), place.into(), remedy.into())
        );
        assert_eq!(advice.exit(), Exit::Policy);
    }
}
