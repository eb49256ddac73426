//! What is refused before anything was started, with everything at once.

use crate::expected::{golden, refused};
use crate::harness::Scene;

fn with_policy(policy: &str) -> impl Fn(&[&str]) -> Scene + '_ {
    move |parts| Scene::main(parts).policy(policy)
}

#[test]
fn every_mistake_of_a_policy_is_told_in_one_go() {
    let policy = r#"{
  "version": 2,
  "secrets": { "s": { "from": "op://x/y" }, "t": { "frm": "file:t" } },
  "connections": { "c": { "kind": "mysql" } },
  "run": {
    "env": { "LD_PRELOAD": "s", "A": "c.nothing" },
    "umask": 18,
    "user": "0day",
    "grace": 8,
    "env": {}
  },
  "extra": true
}"#;
    let message = Scene::main(&["say", "main"])
        .policy(policy)
        .run()
        .expect_refusal(100);
    golden("policy-mistakes.txt", &message);
}

#[test]
fn faults_of_files_and_of_the_user_are_told_together() {
    let policy = r#"{ "version": 1, "run": { "env": { "A": "a", "B": "b" }, "user": "ghost" } }"#;
    let scene = Scene::main(&["say", "main"]).policy(policy);
    let message = scene
        .file("/run/secrets/a", 0o444, (0, 0), "")
        .run()
        .expect_refusal(100);
    golden("faults-together.txt", &message);
}

#[test]
fn duplicate_and_unknown_keys_are_refused() {
    for (policy, word) in [
        (r#"{ "version": 1, "run": {}, "run": {} }"#, "twice"),
        (
            r#"{ "version": 1, "run": { "env": { "A": "a", "A": "b" } } }"#,
            "twice",
        ),
        (r#"{ "version": 1, "runs": {} }"#, "`runs`"),
        (
            r#"{ "version": 1, "run": { "enviroment": {} } }"#,
            "`enviroment`",
        ),
    ] {
        refused(with_policy(policy), 100, &[word]);
    }
}

#[test]
fn a_value_that_strays_into_a_policy_is_not_repeated() {
    let scene = Scene::main(&["say", "main"]).secret("api");
    let value = scene.value("api").to_owned();
    for place in [
        format!(r#"{{ "version": 1, "run": {{ "env": {{ "KEY": "{value}" }} }} }}"#),
        format!(r#"{{ "version": 1, "run": {{ "umask": "{value}" }} }}"#),
        format!(r#"{{ "version": 1, "secrets": {{ "s": {{ "from": "{value}" }} }} }}"#),
        format!(r#"{{ "version": "{value}" }}"#),
    ] {
        scene.clone().policy(&place).run().expect_refusal(100);
    }
}

#[test]
fn a_refusal_starts_no_main() {
    let scene = |parts: &[&str]| {
        Scene::main(parts).policy(r#"{ "version": 1, "run": { "env": { "A": "absent" } } }"#)
    };
    refused(scene, 100, &["`absent`"]);
    refused(|parts| scene(parts).not_pid_1(), 100, &["`absent`"]);
}

#[test]
fn neither_a_refusal_nor_check_ever_makes_a_process() {
    // A shell as PID 1: vestibule is its first child, process 2. What is there
    // afterwards, and the last number that the kernel gave away, tell the rest.
    for (arguments, code) in [
        ("-s -- /witness say main", 100),
        ("-- /witness say main", 100),
        ("check", 100),
        ("check --json", 100),
        ("--bogus", 100),
        ("--policy /none.json -s -- /witness say main", 100),
    ] {
        let look = "echo /proc/[0-9]*; read a b c d last < /proc/loadavg; echo $last";
        let script = format!("/v {arguments} >/dev/null 2>&1; echo $?; {look}");
        let outcome = Scene::raw(&["-c", &script])
            .init("/bin/sh")
            .bind(crate::harness::vestibule(), "/v")
            .secret("github-token")
            .policy(r#"{ "version": 1, "run": { "env": { "A": "absent" }, "user": "app" } }"#)
            .run();
        assert_eq!(
            outcome.stdout,
            format!("{code}\n/proc/1\n2\n"),
            "{arguments}"
        );
    }
}

#[test]
fn a_policy_that_cannot_be_read_is_refused_with_owner_and_mode() {
    let scene = |parts: &[&str]| {
        let scene = Scene::main(parts).user(1000, 1000, &[]);
        scene.file("/etc/vestibule/policy.json", 0o600, (0, 0), "{}")
    };
    refused(
        scene,
        100,
        &[
            "/etc/vestibule/policy.json",
            "owner 0:0, mode 0600",
            "uid 1000",
        ],
    );
}

#[test]
fn a_policy_that_is_no_file_is_refused_and_never_waited_for() {
    let at = "/etc/vestibule/policy.json";
    refused(|parts| Scene::main(parts).fifo(at, 0o644), 100, &[at]);
    refused(
        |parts| Scene::main(parts).directory(at, 0o755, (0, 0)),
        100,
        &[at],
    );
    let device = |parts: &[&str]| Scene::main(parts).options(&["--policy", "/dev/zero"]);
    refused(device, 100, &["/dev/zero"]);
    refused(
        |parts| Scene::main(parts).file(at, 0o644, (0, 0), ""),
        100,
        &[at],
    );
}

#[test]
fn a_secret_directory_that_cannot_be_listed_is_refused() {
    let scene = |parts: &[&str]| {
        let scene = Scene::main(parts).user(1000, 1000, &[]);
        scene.directory("/run/secrets", 0o700, (0, 0))
    };
    refused(scene, 100, &["/run/secrets", "uid 1000"]);
}

#[test]
fn a_bad_endpoint_of_the_container_is_refused_by_its_variable() {
    for (variable, value) in [
        ("POSTGRES_PORT", "70000"),
        ("POSTGRES_PORT", "five"),
        ("POSTGRES_HOST", "db/../x"),
        ("REDIS_HOST", "a b"),
    ] {
        let scene = |parts: &[&str]| {
            Scene::main(parts)
                .secret("db_password")
                .secret("redis_password")
                .env(variable, value)
        };
        refused(scene, 100, &["vestibule: "]);
    }
}
