//! What setup's commands are called, and what they leave lying about, is in the
//! messages of PID 1: a value among it is not.

use serde_json::{Value, json};

use crate::harness::{Layer, Outcome, Scene};
use crate::rules::{APP, Rules, refusal, sh_with_token};

/// A mounted value that can be a file's name.
const VALUE: &str = "canary7fQz83hdk29xWmTb";
/// One that is mounted nowhere, as somebody writes it into a command.
const TOKEN: &str = "ghp_CANARYtok3nA1b2C3d4E5f6G7h8J9k0L1m2";

fn with_value(scene: Scene) -> Scene {
    scene.file(
        "/run/secrets/npm-token",
        0o444,
        (0, 0),
        format!("{VALUE}\n"),
    )
}

/// Whatever is wrong, eight bytes in a row are not said, as text or as JSON.
#[track_caller]
fn unsaid(scene: &Scene) -> Outcome {
    let json = with_value(scene.clone().options(&["-vv", "--log-format", "json"])).run();
    let text = with_value(scene.clone().options(&["-vv"])).run();
    for said in [&json.stderr, &json.stdout, &text.stderr, &text.stdout] {
        for value in [VALUE, TOKEN] {
            for window in value.as_bytes().windows(8) {
                let window = std::str::from_utf8(window).unwrap();
                assert!(!said.contains(window), "{said}");
            }
        }
    }
    text
}

#[test]
fn an_entry_of_setup_s_directory_that_is_a_value_is_not_named() {
    let rules = Rules::of(&[sh_with_token("echo setup")]);
    for name in [VALUE, TOKEN, &format!("a-{VALUE}-b")] {
        let scene = rules.main(&["say", "main"]);
        let scene = scene.file(&format!("/workspace/{name}"), 0o644, APP, "");
        let said = refusal(&unsaid(&scene), 100);
        assert!(said.contains("/workspace/"), "{said}");
        assert!(said.contains("is not empty"), "{said}");
    }
}

#[test]
fn a_value_that_setup_left_as_a_name_is_not_named_by_this_start_or_the_next() {
    let layer = Layer::new();
    let command = json!({
        "argv": ["/bin/sh", "-c", ": > \"/workspace/$NPM_TOKEN\""],
        "env": { "NPM_TOKEN": "npm-token" }
    });
    let rules = Rules::of(&[command]).seal("on_hit", json!("report"));
    let scene = with_value(rules.main(&["say", "main"]).on(&layer)).options(&["-vv"]);
    let first = scene.clone().run().expect_code(0);
    let first = [first.stdout, first.stderr].concat();
    assert!(
        first.contains("reported /workspace/[secret npm-token]"),
        "{first}"
    );
    let second = scene.run();
    let said = refusal(&second, 100);
    assert!(said.contains("/workspace/[secret npm-token]"), "{said}");
    for said in [&first, &second.stderr] {
        assert!(!said.contains(VALUE), "{said}");
    }
}

#[test]
fn a_command_that_is_called_by_a_value_or_has_one_as_an_argument_is_not_shown() {
    let failing = |word: &str| {
        vec![
            json!(["/bin/sh", "-c", "exit 3", word]),
            json!([format!("/none/{word}"), word]),
            json!([
                format!("/none/{word}"),
                "-H",
                format!("Authorization: token {word}")
            ]),
        ]
    };
    for command in [VALUE, TOKEN].iter().flat_map(|word| failing(word)) {
        let outcome = unsaid(&Rules::of(std::slice::from_ref(&command)).main(&["say", "main"]));
        refusal(&outcome, outcome.code());
        let plan = Rules::of(&[command]).main(&[]);
        for arguments in [
            &["plan"][..],
            &["plan", "--json"],
            &["check"],
            &["check", "--json"],
        ] {
            unsaid_by(&plan, arguments);
        }
    }
}

#[track_caller]
fn unsaid_by(scene: &Scene, arguments: &[&str]) {
    let outcome = with_value(scene.clone().asking(arguments)).run();
    for said in [&outcome.stderr, &outcome.stdout] {
        assert!(
            !said.contains(&VALUE[8..16]) && !said.contains(&TOKEN[8..16]),
            "{said}"
        );
    }
}

#[test]
fn what_a_program_gave_is_not_repeated_either() {
    let value = "minted9Kx2vLq81zRt";
    let command = json!({ "argv": ["/bin/true"], "env": { "M": "minted" } });
    let rules = Rules::of(&[command, json!([format!("/none/{value}"), value])]);
    let source: Value = json!({ "from": format!("command:/bin/echo {value}") });
    let scene = rules.secret("minted", source).main(&["say", "main"]);
    let outcome = with_value(scene.options(&["-vv"])).run();
    let said = refusal(&outcome, outcome.code());
    assert!(!outcome.stderr.contains(value), "{said}");
    assert!(said.contains("`/none/[secret minted]`"), "{said}");
}
