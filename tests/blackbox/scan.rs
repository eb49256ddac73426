//! `scan` finds planted values and never says one. The harness searches all that
//! vestibule says for them.

use std::fmt::Write as _;

use serde_json::Value;

use crate::expected::{asked, encoded};
use crate::harness::Scene;

/// A scene with one secret and a place to search.
fn scene() -> Scene {
    Scene::raw::<&str>(&[])
        .secret("token")
        .directory("/tree", 0o755, (0, 0))
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// The whole answer of a scan that finds something.
fn findings(scene: Scene, arguments: &[&str]) -> Value {
    let arguments = [&["scan", "--json"], arguments].concat();
    let outcome = asked(scene, &arguments).expect_code(1);
    let answer: Value = serde_json::from_str(&outcome.stdout).expect("one object");
    assert_eq!(answer["clean"], false);
    answer
}

#[test]
fn a_clean_tree_is_0_and_says_what_was_searched() {
    let scene = scene().file("/tree/file", 0o644, (0, 0), "nothing");
    let outcome = asked(scene, &["scan", "/tree"]).expect_code(0);
    assert_eq!(
        outcome.stdout,
        "clean: 1 files, 1 directories, 0 links, 0 MB\n"
    );
    assert_eq!(outcome.stderr, "");
}

#[test]
fn a_value_is_1_and_said_by_name_form_and_place() {
    let scene = scene();
    let text = format!("x={}\n", scene.value("token"));
    let scene = scene.file("/tree/deep/file", 0o644, (0, 0), &text);
    let outcome = asked(scene, &["scan", "/tree"]).expect_code(1);
    let expected = "token  plain  content  /tree/deep/file at 2\n\
        found 1, not searched 0: 1 files, 2 directories, 0 links, 0 MB\n";
    assert_eq!(outcome.stdout, expected);
}

#[test]
fn every_form_is_named_in_json() {
    let scene = scene();
    let value = scene.value("token").to_owned();
    let escaped = value.replace('/', "\\/");
    let scene = scene
        .file("/tree/1", 0o644, (0, 0), encoded(&value))
        .file("/tree/2", 0o644, (0, 0), hex(&value))
        .file("/tree/3", 0o644, (0, 0), escaped);
    let answer = findings(scene, &["/tree"]);
    let found = answer["findings"].as_array().expect("a list");
    let forms: Vec<&str> = found
        .iter()
        .map(|finding| {
            assert_eq!(finding["secret"], "token");
            assert_eq!(finding["place"], "content");
            finding["form"].as_str().expect("a word")
        })
        .collect();
    assert_eq!(forms, ["percent-encoded", "hex", "json-escaped"]);
    assert_eq!(answer["counts"]["files"], 3);
}

#[test]
fn a_name_that_is_the_value_is_not_said() {
    let scene = scene();
    let name = hex(scene.value("token"));
    let scene = scene
        .file(&format!("/tree/{name}"), 0o644, (0, 0), "")
        .link("/tree/link", &format!("/none/{name}"));
    let answer = findings(scene, &["/tree"]);
    let places: Vec<(&str, &str)> = answer["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().expect("a text");
            (text("path"), text("place"))
        })
        .collect();
    let expected = [
        ("/tree/[secret token]", "name"),
        ("/tree/link", "link target"),
    ];
    assert_eq!(places, expected);
}

#[test]
fn a_path_that_is_not_there_is_refused_without_a_value() {
    let scene = scene();
    let path = format!("/none/{}", hex(scene.value("token")));
    let message = asked(scene, &["scan", &path]).expect_refusal(100);
    assert!(message.contains("`/none/[secret token]`"), "{message}");
}

#[test]
fn the_mounted_secrets_themselves_are_no_finding() {
    for path in ["/run", "/run/secrets", "/run/secrets/token", "/"] {
        let outcome = asked(scene(), &["scan", "--json", path]);
        let answer: Value = serde_json::from_str(&outcome.stdout).expect("one object");
        assert_eq!(answer["findings"], Value::Array(vec![]), "{path}");
        let left_out = &answer["counts"];
        let seen = [&left_out["secret_files"], &left_out["other_mounts"]];
        assert!(seen.iter().any(|count| **count != 0), "{path}");
    }
}

#[test]
fn a_copy_beside_the_mounted_secrets_is_a_finding() {
    let scene = scene();
    let text = scene.value("token").to_owned();
    let answer = findings(
        scene.file("/run/copy", 0o644, (0, 0), text),
        &["/run", "/run/secrets"],
    );
    assert_eq!(answer["findings"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer["findings"][0]["path"], "/run/copy");
    assert_eq!(answer["counts"]["secret_files"], 1);
}

#[test]
fn a_withheld_and_a_permitted_value_are_both_searched_for() {
    let scene = Scene::main(&["report"])
        .secret("api-key")
        .secret("github-token")
        .permits(&["api-key"])
        .directory("/tree", 0o755, (0, 0));
    let text = format!("{}{}", scene.value("api-key"), scene.value("github-token"));
    let answer = findings(scene.file("/tree/x", 0o644, (0, 0), &text), &["/tree"]);
    assert_eq!(answer["findings"].as_array().map(Vec::len), Some(2));
}

#[test]
fn without_a_secret_or_a_path_nothing_is_called_clean() {
    let message = asked(Scene::raw::<&str>(&[]), &["scan", "/usr/include"]).expect_refusal(100);
    assert!(message.contains("no secret to look for"), "{message}");
    let message = asked(scene(), &["scan"]).expect_refusal(100);
    assert!(message.contains("no path"), "{message}");
}

#[test]
fn a_value_too_short_to_be_searched_for_is_said() {
    let scene = scene().file("/run/secrets/pin", 0o444, (0, 0), "1234");
    let outcome = asked(scene.clone(), &["scan", "/tree"]).expect_code(0);
    assert!(outcome.stderr.contains("`pin`"), "{}", outcome.stderr);
    let outcome = asked(scene, &["scan", "--json", "/tree"]).expect_code(0);
    let answer: Value = serde_json::from_str(&outcome.stdout).expect("one object");
    assert_eq!(answer["too_short"][0], "pin");
}

#[test]
fn a_large_tree_is_searched_by_helpers_with_the_same_answer() {
    let mut scene = scene().without_proc();
    let text = hex(scene.value("token"));
    for number in 0..300 {
        let content = if number % 100 == 7 { &*text } else { "nothing" };
        scene = scene.file(&format!("/tree/{number}"), 0o644, (0, 0), content);
    }
    let answer = findings(scene, &["/tree"]);
    assert_eq!(answer["counts"]["files"], 300);
    assert_eq!(answer["counts"]["directories"], 1);
    let found = answer["findings"].as_array().expect("a list").iter();
    let paths: Vec<&str> = found
        .map(|finding| finding["path"].as_str().expect("a path"))
        .collect();
    assert_eq!(paths, ["/tree/107", "/tree/207", "/tree/7"]);
}

#[test]
fn what_may_not_be_read_is_no_clean_tree() {
    let scene = scene()
        .file("/tree/shut", 0o600, (0, 0), "nothing")
        .user(1000, 1000, &[]);
    let answer = findings(scene, &["/tree"]);
    assert_eq!(answer["not_searched"][0]["path"], "/tree/shut");
    assert_eq!(answer["not_searched"][0]["reason"], "permission denied");
}
