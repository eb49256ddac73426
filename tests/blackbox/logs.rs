//! `--log-format json`: each line of standard error is one object with stable
//! names.

use serde_json::Value;

use crate::harness::Scene;

fn names(event: &Value) -> Vec<&str> {
    event
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

fn json(scene: Scene) -> Vec<Value> {
    scene.options(&["--log-format", "json"]).run().events()
}

#[test]
fn the_start_line_has_the_names_of_what_was_given_and_withheld() {
    let scene = Scene::main(&["exit", "0"])
        .secret("api-key")
        .secret("github-token");
    let events = json(scene.permits(&["api-key"]));
    let started = events
        .iter()
        .find(|event| event["event"] == "started")
        .expect("a start line");
    assert_eq!(
        names(started),
        [
            "accepted",
            "command",
            "confinement",
            "enforced",
            "event",
            "given",
            "means",
            "mounts_known",
            "removed",
            "this_start_only",
            "tried",
            "withheld"
        ]
    );
    assert_eq!(started["command"], "/witness");
    assert_eq!(started["given"], serde_json::json!(["API_KEY"]));
    assert_eq!(started["withheld"], serde_json::json!(["github-token"]));
    assert_eq!(started["confinement"], "proved");
    assert_eq!(started["enforced"], true);
}

#[test]
fn refusals_have_what_where_fix_and_the_exit_code() {
    for scene in [
        Scene::command(&["/none"]),
        Scene::main(&["say", "main"]).policy(r#"{ "version": 2, "x": 1, "run": { "y": 2 } }"#),
        Scene::main(&["say", "main"]).file("/run/secrets/empty", 0o444, (0, 0), ""),
    ] {
        let outcome = scene.options(&["--log-format", "json"]).run();
        let events = outcome.events();
        assert!(!events.is_empty());
        for event in &events {
            assert_eq!(event["event"], "refusal");
            assert_eq!(names(event), ["event", "exit", "fix", "what", "where"]);
            assert_eq!(event["exit"], outcome.code());
        }
    }
}

#[test]
fn warnings_have_what_where_and_fix() {
    let scene = Scene::main(&["exit", "0"]).file("/run/secrets/pin", 0o444, (0, 0), "1234");
    let events = json(scene);
    let warning = events
        .iter()
        .find(|event| event["event"] == "warning")
        .expect("a warning");
    assert_eq!(names(warning), ["event", "fix", "what", "where"]);
    assert!(
        warning["what"]
            .as_str()
            .is_some_and(|what| what.contains("`pin`"))
    );
}

#[test]
fn every_line_is_one_object_at_every_verbosity() {
    let scene = Scene::main(&["orphans", "2", "signals", "10"]);
    let scene = scene
        .options(&["-vvv", "-w", "--log-format", "json"])
        .secret("a")
        .permits(&["a"]);
    let mut running = scene.spawn();
    running.line("ready");
    running.signal(10);
    let events = running.finish().expect_code(0).events();
    for event in &events {
        assert!(event["event"].is_string(), "{event}");
    }
    let kinds: Vec<_> = events
        .iter()
        .filter_map(|event| event["event"].as_str())
        .collect();
    assert!(
        kinds.contains(&"forwarded") && kinds.contains(&"reaped"),
        "{kinds:?}"
    );
}

#[test]
fn hostile_names_cannot_break_a_line() {
    let scene = || {
        let scene =
            Scene::main(&["exit", "0"]).file("/run/secrets/a\nb\x1b[31m", 0o444, (0, 0), "x");
        scene.file("/run/secrets/\u{202e}gpj", 0o444, (0, 0), "y")
    };
    json(scene());
    let outcome = scene().run();
    assert!(!outcome.stderr.contains('\x1b'), "{:?}", outcome.stderr);
    assert!(!outcome.stderr.contains('\u{202e}'), "{:?}", outcome.stderr);
    let is_ours = |line: &str| line.starts_with("vestibule: ") || line.starts_with("  ");
    assert!(outcome.stderr.lines().all(is_ours), "{:?}", outcome.stderr);
}

#[test]
fn usage_mistakes_are_json_too_once_it_was_asked_for() {
    let outcome = Scene::raw(&["--log-format", "json", "--bogus"]).run();
    assert_eq!(outcome.code(), 100);
    assert_eq!(outcome.events()[0]["event"], "refusal");
}
