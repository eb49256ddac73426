//! `check` agrees with what a start does, and starts nothing.

use serde_json::Value;

use crate::expected::asked;
use crate::harness::Scene;

/// Scenes that a start refuses for what is there, not for what is missing.
pub(crate) fn contradictions() -> Vec<Scene> {
    let main = || Scene::main(&["touch", "/tmp/x", "say", "main"]);
    let policy = |json: &str| main().policy(json);
    vec![
        policy("{"),
        policy(r#"{ "version": 1, "setup": { "commands": [] } }"#),
        policy(r#"{ "version": 1, "run": { "user": "ghost", "env": { "A": "none" } } }"#),
        main()
            .secret("db_password")
            .env("DATABASE_URL", "postgresql://x"),
        main()
            .file("/run/secrets/empty", 0o444, (0, 0), "")
            .fifo("/run/secrets/fifo", 0o666),
        main().env("API", "op://x/y/z"),
        main().secret("api-key").secret("api_key"),
        main().env("VESTIBULE_PROFILE", "worker"),
        // Two codes at once.
        policy(r#"{ "version": 1, "secret_dirs": ["/etc/passwd"], "run": { "user": "ghost" } }"#),
    ]
}

/// Scenes that a start refuses.
fn refused() -> Vec<Scene> {
    let policy = |json: &str| Scene::main(&["touch", "/tmp/x", "say", "main"]).policy(json);
    let mut all = contradictions();
    all.push(policy(
        r#"{ "version": 1, "run": { "env": { "A": "none", "B": "nor" } } }"#,
    ));
    all.push(policy(r#"{ "version": 1, "run": { "capabilities": ["KILL"] } }"#).capabilities(0));
    all
}

/// Scenes that a start accepts.
fn accepted() -> Vec<Scene> {
    let main = || Scene::main(&["report"]);
    vec![
        main(),
        main()
            .secret("api-key")
            .secret("github-token")
            .permits(&["api-key"]),
        main().policy(r#"{ "version": 1 }"#).env("A_TOKEN", "x"),
        main().file("/run/secrets/pin", 0o444, (0, 0), "1234"),
        main()
            .secret("key")
            .policy(r#"{ "version": 1, "run": { "files": { "K": "key" } } }"#),
    ]
}

#[test]
fn what_a_start_refuses_check_refuses_with_the_same_words_and_code() {
    for scene in refused() {
        let start = scene.clone().run();
        let check = asked(scene, &["check"]);
        assert_eq!(check.end, start.end, "{}", start.stderr);
        assert_eq!(check.stderr, start.stderr);
        assert_eq!(check.stdout, "");
    }
}

#[test]
fn check_in_json_has_the_same_faults() {
    for scene in refused() {
        let start = scene.clone().options(&["--log-format", "json"]).run();
        let check = asked(scene, &["check", "--json"]);
        assert_eq!(check.end, start.end);
        assert_eq!(check.stderr, "");
        let answer: Value = serde_json::from_str(&check.stdout).expect("one object");
        assert_eq!(answer["ok"], false);
        let faults = answer["faults"].as_array().expect("a list");
        let events = start.events();
        assert_eq!(faults.len(), events.len());
        for (fault, event) in faults.iter().zip(&events) {
            for name in ["what", "where", "fix", "exit"] {
                assert_eq!(fault[name], event[name]);
            }
        }
    }
}

/// Steps that only the process of main takes: `check` has to foresee them.
fn foreseen(run: &str, shape: impl Fn(Scene) -> Scene) {
    let policy = format!(r#"{{ "version": 1, "run": {{ {run} }} }}"#);
    let scene = shape(Scene::main(&["say", "main"]).policy(&policy));
    let start = scene.clone().run().expect_refusal(100);
    let check = asked(scene, &["check"]).expect_code(100);
    assert_eq!(check.stderr, start);
}

#[test]
fn check_foresees_that_the_user_cannot_be_changed() {
    foreseen(r#""user": "app""#, |scene| scene.capabilities(0));
    foreseen(r#""user": "app""#, |scene| scene.user(4321, 4321, &[]));
}

#[test]
fn check_foresees_that_the_directory_cannot_be_entered() {
    foreseen(r#""directory": "/none""#, |scene| scene);
    foreseen(r#""user": "app", "directory": "/root""#, |scene| scene);
}

#[test]
fn check_foresees_that_a_limit_cannot_be_set() {
    let shape = |scene: Scene| scene.limit(7, 100, 100).user(4321, 4321, &[]);
    foreseen(r#""limits": { "nofile": 1000 }"#, shape);
}

#[test]
fn what_a_start_accepts_check_accepts() {
    for scene in accepted() {
        scene.clone().run().expect_code(0);
        let text = asked(scene.clone(), &["check"]).expect_code(0);
        assert!(text.stdout.starts_with("right"), "{}", text.stdout);
        let json = asked(scene, &["check", "--json"]).expect_code(0);
        let answer: Value = serde_json::from_str(&json.stdout).expect("one object");
        assert_eq!(answer["ok"], true);
        assert_eq!(json.stderr, "");
    }
}

#[test]
fn check_names_what_main_would_get_and_what_not() {
    let scene = Scene::main(&["report"])
        .secret("api-key")
        .secret("github-token");
    let json = asked(scene.clone().permits(&["api-key"]), &["check", "--json"]).expect_code(0);
    let answer: Value = serde_json::from_str(&json.stdout).expect("one object");
    assert_eq!(answer["given"], serde_json::json!(["API_KEY"]));
    assert_eq!(answer["withheld"], serde_json::json!(["github-token"]));
    let text = asked(scene, &["check"]).expect_code(0).stdout;
    assert!(
        text.contains("`API_KEY`") && text.contains("`github-token`"),
        "{text}"
    );
}

#[test]
fn check_warns_of_what_a_start_warns_of() {
    let scene = Scene::main(&["exit", "0"])
        .file("/run/secrets/pin", 0o444, (0, 0), "1234")
        .file("/run/secrets/db_password", 0o444, (0, 0), "changeme");
    let start = scene.clone().run().expect_code(0);
    let check = asked(scene.clone(), &["check"]).expect_code(0);
    let warnings = |text: &str| {
        let lines = text
            .lines()
            .filter(|line| line.starts_with("vestibule: warning: "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(warnings(&check.stderr), warnings(&start.stderr));
    assert_eq!(warnings(&check.stderr).len(), 2, "{}", check.stderr);
    let json = asked(scene, &["check", "--json"]).expect_code(0);
    let answer: Value = serde_json::from_str(&json.stdout).expect("one object");
    assert_eq!(answer["warnings"].as_array().map(Vec::len), Some(2));
}

#[test]
fn check_takes_policy_and_profile_on_either_side() {
    let scene = || {
        let policy = r#"{ "version": 1, "profiles": { "p": { "run": { "env": { "A": "a" } } } } }"#;
        Scene::main(&["report"])
            .secret("a")
            .file("/srv/p.json", 0o444, (0, 0), policy)
    };
    for words in [
        &[
            "check",
            "--policy",
            "/srv/p.json",
            "--profile",
            "p",
            "--json",
        ][..],
        &[
            "--policy",
            "/srv/p.json",
            "--profile",
            "p",
            "check",
            "--json",
        ],
    ] {
        let json = asked(scene(), words).expect_code(0);
        assert!(json.stdout.contains(r#""given":["A"]"#), "{}", json.stdout);
    }
}

#[test]
fn check_works_beside_a_foreign_pid_1_and_without_a_writable_place() {
    let scene = Scene::main(&["report"])
        .secret("api-key")
        .nothing_writable()
        .not_pid_1();
    asked(scene, &["check"]).expect_code(0);
}
