//! `--log-format json`: each line of standard error is one object with stable
//! names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

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
            "program_replaceable",
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
    for outcome in [
        scene().options(&["-v", "--log-format", "json"]).run(),
        scene().asking(&["check", "--json"]).run(),
    ] {
        for line in [outcome.stdout, outcome.stderr].concat().lines() {
            assert!(!line.contains(['\x1b', '\u{202e}']), "{line:?}");
            let whole: Value = serde_json::from_str(line).expect("an object");
            assert!(whole.is_object());
        }
    }
    let events = json(scene());
    let withheld = &events.last().expect("a start line")["withheld"];
    assert!(
        withheld.to_string().contains('\u{202e}'),
        "the name comes back: {withheld}"
    );
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

#[test]
fn a_message_cannot_steer_a_terminal_whatever_stands_in_it() {
    for name in [
        "/tmp/\u{202e}x",
        "/tmp/\u{2066}x\u{9b}31m",
        "/tmp/\x1b[31m\nx",
        "/tmp/\u{200f}x",
    ] {
        let scene = || Scene::command(&[name]).file(name, 0o644, (0, 0), "");
        for scene in [scene(), scene().options(&["--log-format", "json"])] {
            let said = scene.run().stderr;
            let steers =
                |c: char| c != '\n' && (c.is_control() || ('\u{200e}'..='\u{2069}').contains(&c));
            assert!(!said.contains(steers), "{said:?}");
            assert!([1, 3].contains(&said.lines().count()), "{said:?}");
        }
    }
}

/// The rows of docs/logs.md: event, and its fields.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let quoted = |text: &str| -> Vec<String> {
        text.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let rows = include_str!("../../docs/logs.md").lines();
    let rows = rows.filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        let name = quoted(cells[1]).remove(0);
        (name, quoted(cells[4]).into_iter().collect())
    })
    .collect()
}

/// The name in each call that writes a message.
fn in_the_source() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut waiting = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            waiting.extend(entries.map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let text: String = text.split_whitespace().collect();
        for call in ["report.note(", "report.detail(", "self.three_lines("] {
            for (at, _) in text.match_indices(call) {
                let words =
                    text[at + call.len()..].trim_start_matches(|c: char| c != '"' && c != ')');
                let name = words.split('"').nth(1).unwrap_or_default();
                let is_name =
                    !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
                assert!(
                    is_name,
                    "an event without a plain name in {}: {name}",
                    path.display()
                );
                names.insert(name.to_owned());
            }
        }
    }
    names
}

#[test]
fn the_documented_events_are_those_of_the_source() {
    let documented: BTreeSet<_> = documented().into_keys().collect();
    assert_eq!(
        documented,
        in_the_source(),
        "left: docs/logs.md, right: src"
    );
}

#[test]
fn every_event_has_the_documented_fields_and_no_other() {
    let documented = documented();
    let policy = r#"{ "version": 1, "run": { "env": { "KEY": "api-key" }, "user": "app" },
        "setup": { "commands": [["true"]], "user": "nobody" } }"#;
    let options = ["-vv", "-w", "--log-format", "json"];
    let with = |parts: &[&str]| Scene::main(parts).options(&options);
    let scenes = [
        with(&["orphans", "1"])
            .secret("api-key")
            .secret("other")
            .env_secret("GITHUB_TOKEN")
            .policy(policy)
            .permits(&["api-key"]),
        with(&["exit", "0"]).file("/run/secrets/pin", 0o444, (0, 0), "1234"),
        with(&["exit", "0"]).not_pid_1().secret("a").permits(&["a"]),
        with(&["exit", "0"]).policy("{"),
    ];
    let mut seen = BTreeSet::new();
    for scene in scenes {
        for event in scene.run().events() {
            let name = event["event"].as_str().expect("a name").to_owned();
            for field in names(&event).into_iter().filter(|field| *field != "event") {
                assert!(documented[&name].contains(field), "{name}: {field}");
            }
            seen.insert(name);
        }
    }
    let explained = [
        "policy",
        "gives",
        "withholds",
        "removes",
        "main",
        "command",
        "seal",
        "searched",
    ];
    for name in
        explained
            .into_iter()
            .chain(["supervising", "started", "reaped", "warning", "refusal"])
    {
        assert!(seen.contains(name), "{name} was not seen among {seen:?}");
    }
}

#[test]
fn an_ordinary_start_says_one_line_and_a_bare_one_none() {
    let scene = Scene::main(&["exit", "0"]).secret("a").permits(&["a"]);
    assert_eq!(scene.run().stderr.lines().count(), 1);
    assert_eq!(Scene::main(&["exit", "0"]).env("A", "1").run().stderr, "");
}

#[test]
fn verbosely_a_start_says_what_was_decided_and_why() {
    let policy = r#"{ "version": 1, "run": { "env": { "KEY": "api-key" } } }"#;
    let scene = Scene::main(&["exit", "0"])
        .policy(policy)
        .secret("api-key")
        .secret("other")
        .env("GITHUB_TOKEN", "x")
        .permits(&["api-key"])
        .options(&["-v"]);
    let said = scene.run().expect_code(0).stderr;
    for line in [
        "collect: the policy is `/etc/vestibule/policy.json`",
        "collect: gives `KEY`, by /etc/vestibule/policy.json at /run/env/KEY, line 1",
        "collect: withholds `other`: no rule gives it to main",
        "collect: removes `GITHUB_TOKEN`: it looks like a credential, and `inherit` does not name it",
        "run: main is 0:0, capabilities: without CAP_SYS_ADMIN,",
        "run: main is process 2",
    ] {
        assert!(
            said.contains(&format!("vestibule: {line}")),
            "{line} is not in: {said}"
        );
    }
    assert!(!said.contains("passed"), "{said}");
}
