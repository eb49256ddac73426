//! `plan` says what a start does, also before the secrets are there.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::check;
use crate::expected::{asked, golden};
use crate::harness::Scene;

/// The policy of the design, for the accounts of a scene.
const EXAMPLE: &str = include_str!("plan/example.json");

fn plan(scene: Scene, words: &[&str]) -> Value {
    let outcome = asked(scene, &[&["plan", "--json"], words].concat()).expect_code(0);
    assert_eq!(outcome.stderr, "");
    serde_json::from_str(&outcome.stdout).expect("one object")
}

/// What people and what machines see of one scene, as golden files.
fn shown(name: &str, scene: &Scene, words: &[&str]) {
    let text = asked(scene.clone(), &[&["plan"], words].concat()).expect_code(0);
    assert_eq!(text.stderr, "");
    for line in text.stdout.lines() {
        assert!(line.chars().count() <= 100, "too long: {line}");
        assert!(!line.ends_with(' '), "a blank at the end: {line}");
    }
    golden(&format!("plan-{name}.txt"), &text.stdout);
    let json = serde_json::to_string_pretty(&plan(scene.clone(), words)).unwrap();
    golden(&format!("plan-{name}.json"), &format!("{json}\n"));
}

/// The names in a table of the plan, in those rows that have `flag`.
fn names<'v>(table: &'v Value, name: &str, flag: &str) -> BTreeSet<&'v str> {
    let rows = table.as_array().expect("a table").iter();
    let rows = rows.filter(|row| row[flag] == true);
    rows.map(|row| row[name].as_str().expect("a name"))
        .collect()
}

fn usual() -> Scene {
    Scene::main(&["report"])
        .secret("db-password")
        .secret("github-token")
        .secret("anthropic_api_key")
        .secret_as("tls-key", |value| format!("{value}\n{value}\n"))
        .secret_as("2fa", str::to_owned)
        .secret_at("/run/secrets/team/token", 0o444, (0, 0), str::to_owned)
        .permits(&["db-password", "anthropic_api_key", "tls-key"])
        .env("PATH", "/usr/bin")
        .env("POSTGRES_HOST", "db.internal")
}

fn example() -> Scene {
    Scene::main(&["report"])
        .policy(EXAMPLE)
        .env("PATH", "/usr/bin:/bin")
        .env("LANG", "C.UTF-8")
        .env("DEBUG", "1")
}

fn example_with_secrets() -> Scene {
    example()
        .env_secret("ANTHROPIC_API_KEY")
        .secret("db-password.secret")
        .secret("redis-password")
        .secret("minio-password")
        .secret("mq-password")
        .secret("github-token")
        .secret("app-private-key")
        .secret_as("app.env", |value| format!("SMTP_PASSWORD='{value}'\nX=1\n"))
        .secret_as("creds.json", |value| {
            json!({ "npm": { "token": value } }).to_string()
        })
}

#[test]
fn the_usual_names_are_explained_without_a_policy() {
    let scene = usual().env("TLS_KEY_FILE", "/run/secrets/tls-key");
    shown("usual", &scene, &["--", "node", "server.js"]);
}

#[test]
fn the_whole_example_of_the_design_is_explained() {
    shown(
        "example",
        &example_with_secrets(),
        &["--", "node", "server.js"],
    );
}

#[test]
fn without_secrets_a_plan_says_what_it_would_need() {
    shown("missing", &example(), &[]);
    let plan = plan(example(), &[]);
    assert_eq!(plan["ready"], false);
    let text = asked(example(), &["plan"]).expect_code(0).stdout;
    let need = "needs secret `db` from /run/secrets/db-password.secret: not there";
    assert!(text.contains(need), "{text}");
}

#[test]
fn a_profile_has_a_plan_of_its_own() {
    let scene = example_with_secrets().not_pid_1();
    shown("worker", &scene, &["--profile", "worker"]);
}

#[test]
fn a_file_that_a_variable_names_is_needed_without_a_policy() {
    let scene = Scene::main(&["report"]).env("API_KEY_FILE", "/run/secrets/api-key");
    let plan = plan(scene, &[]);
    assert_eq!(plan["ready"], false);
    assert_eq!(plan["needs"][0]["path"], "/run/secrets/api-key");
}

#[test]
fn without_anything_a_plan_passes_everything() {
    let plan = plan(Scene::main(&["report"]).env("A_TOKEN", "x"), &[]);
    assert_eq!(plan["ready"], true);
    assert_eq!(plan["secret_dirs"], json!(["/run/secrets"]));
    assert_eq!(plan["setup"], Value::Null);
    assert_eq!(
        names(&plan["run"]["variables"], "variable", "passes"),
        ["A_TOKEN"].into()
    );
}

#[test]
fn every_field_of_a_plan_is_documented() {
    fn fields(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| {
                found.insert(name.clone());
                fields(value, found);
            }),
            Value::Array(items) => items.iter().for_each(|item| fields(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = BTreeSet::new();
    fields(&plan(example_with_secrets(), &[]), &mut found);
    fields(&plan(usual(), &[]), &mut found);
    let docs = include_str!("../../docs/plan.md");
    found.retain(|name| !docs.contains(&format!("`{name}`")));
    assert!(found.is_empty(), "not in docs/plan.md: {found:?}");
}

/// Scenes that a start accepts, each with a main that reports.
fn started() -> Vec<Scene> {
    let policy = |json: &str| {
        Scene::main(&["report"])
            .policy(json)
            .secret("api-key")
            .secret("other")
            .env("PATH", "/usr/bin")
            .env("LANG", "C")
            .env("API_KEY", "from the container")
            .env("GITHUB_TOKEN", "x")
    };
    let values = r#""env": { "KEY": "api-key" }"#;
    let given = |json: &str| policy(json).permits(&["api-key"]);
    let other = policy(r#"{ "version": 1 }"#);
    let value = other.value("other").to_owned();
    vec![
        usual(),
        usual()
            .env("TLS_KEY_FILE", "/run/secrets/tls-key")
            .env("HOME", "/x"),
        Scene::main(&["report"]).env("A", "1"),
        other.env("COPY", value),
        given(&format!(r#"{{ "version": 1, "run": {{ {values} }} }}"#)),
        given(&format!(
            r#"{{ "version": 1, "run": {{ {values}, "user": "app" }} }}"#
        ))
        .env("HOME", "/x"),
        given(&format!(
            r#"{{ "version": 1, "run": {{ {values}, "inherit": ["L*", "GITHUB_TOKEN"] }} }}"#
        )),
        given(
            r#"{ "version": 1, "run": { "files": { "KEY": "api-key", "API_KEY": "api-key" } } }"#,
        ),
        given(&format!(
            r#"{{ "version": 1, "secrets": {{ "none": {{ "from": "file:none", "optional": true }},
             "tok": {{ "from": "env:GITHUB_TOKEN" }} }},
             "run": {{ {values}, "files": {{ "NONE": "none" }} }} }}"#
        )),
        given(&format!(
            r#"{{ "version": 1, "setup": {{ "commands": [{{ "argv": ["true"], "env": {{ "X": "other" }} }}],
             "user": "nobody" }}, "run": {{ {values}, "user": "app" }} }}"#
        )),
        given(&format!(
            r#"{{ "version": 1, "run": {{ {values}, "confinement": "environment-only" }} }}"#
        )),
    ]
}

#[test]
fn a_plan_has_the_names_that_main_then_has_and_no_other() {
    for scene in started() {
        let plan = plan(scene.clone(), &[]);
        let outcome = scene
            .options(&["--log-format", "json"])
            .run()
            .expect_code(0);
        let run = &plan["run"];
        let mut planned = names(&run["variables"], "variable", "passes");
        let secrets =
            &names(&run["env"], "variable", "given") | &names(&run["files"], "variable", "given");
        planned.extend(&secrets);
        let environment = outcome.report().environment();
        let main: BTreeSet<&str> = environment.keys().map(String::as_str).collect();
        assert_eq!(planned, main, "left: plan, right: main");
        let events = outcome.events();
        let Some(started) = events.iter().find(|event| event["event"] == "started") else {
            assert!(secrets.is_empty());
            continue;
        };
        let list = |value: &Value| -> BTreeSet<String> {
            let all = value.as_array().expect("a list").iter();
            all.map(|name| name.as_str().expect("a name").to_owned())
                .collect()
        };
        assert_eq!(
            list(&started["given"]),
            secrets.iter().map(ToString::to_string).collect()
        );
        let withheld = run["withheld"].as_array().expect("a table").iter();
        let withheld: BTreeSet<_> = withheld
            .map(|row| row["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(list(&started["withheld"]), withheld);
        let level = match started["confinement"].as_str() {
            Some("proved") => "required",
            other => other.expect("a level"),
        };
        assert_eq!(run["confinement"], level);
        if level == "required" {
            let (used, planned) = (list(&started["means"]), list(&run["means"]));
            assert!(used.is_subset(&planned), "{used:?} of {planned:?}");
        }
        if let Some(started) = started.get("this_start_only") {
            assert_eq!(run["this_start_only"], *started);
        }
    }
}

#[test]
fn a_plan_has_the_paths_of_the_files_that_main_then_has() {
    let policy = r#"{ "version": 1, "run": { "files": { "WHOLE": "api-key", "LINE": "cache.conf" } },
        "connections": { "cache": { "kind": "redis", "host": "r", "password": "api-key" } } }"#;
    let scene = Scene::main(&["report"])
        .policy(policy)
        .secret("api-key")
        .permits(&["api-key"]);
    let plan = plan(scene.clone(), &[]);
    let environment = scene.run().expect_code(0).report().environment();
    let files = &plan["run"]["files"];
    assert_eq!(files[0]["variable"], "WHOLE");
    assert_eq!(files[0]["path"], environment["WHOLE"].as_str());
    assert_eq!(files[1]["path"], Value::Null);
    assert!(environment["LINE"].starts_with("/dev/shm/"));
}

#[test]
fn what_contradicts_itself_is_told_as_check_tells_it() {
    for scene in check::contradictions() {
        let check = asked(scene.clone(), &["check"]);
        let plan = asked(scene.clone(), &["plan"]);
        assert_eq!((plan.end, &plan.stderr), (check.end, &check.stderr));
        assert_eq!(plan.stdout, "");
        let check = asked(scene.clone(), &["check", "--json"]);
        let plan = asked(scene, &["plan", "--json"]);
        assert_eq!((plan.end, &plan.stdout), (check.end, &check.stdout));
    }
}

#[test]
fn a_plan_is_made_where_nothing_can_be_written_or_hidden() {
    let scene = usual().nothing_writable().without_landlock(38).not_pid_1();
    let plan = plan(scene, &[]);
    assert_eq!(plan["run"]["confinement"], "required");
    assert_eq!(plan["run"]["means"], json!([]));
}

#[test]
fn a_word_of_a_command_that_holds_a_secret_is_not_repeated() {
    let scene = Scene::main(&["report"]).secret("api-key");
    let word = format!("--key={}", scene.value("api-key"));
    let plan = plan(scene, &["--", "serve", &word]);
    assert_eq!(plan["run"]["command"], json!(["serve", "[a secret]"]));
}

#[test]
fn names_in_a_plan_cannot_steer_a_terminal() {
    let scene = Scene::main(&["report"])
        .file("/run/secrets/a\nb\x1b[31m", 0o444, (0, 0), "x")
        .file("/run/secrets/\u{202e}gpj", 0o444, (0, 0), "y");
    for words in [&["plan"][..], &["plan", "--json"]] {
        let told = asked(scene.clone(), words).expect_code(0).stdout;
        assert!(!told.contains(['\x1b', '\u{202e}']), "{told:?}");
    }
}
