//! `run.files`: main gets a path, and only main can read what is there.

use crate::expected::only;
use crate::harness::{Content, Outcome, Scene};

const POLICY: &str =
    r#"{ "version": 1, "run": { "files": { "KEY_FILE": "key" }, "user": "USER" } }"#;

fn scene(user: &str, mode: u32, owner: (u32, u32)) -> Scene {
    Scene::command(&[
        "/bin/sh",
        "-c",
        r#"exec /witness report read "$KEY_FILE" read /proc/1/environ"#,
    ])
    .policy(&POLICY.replace("USER", user))
    .secret_at("/run/secrets/key", mode, owner, |value| {
        format!("{value}\n")
    })
    .permits(&["key"])
}

fn path(outcome: &Outcome) -> String {
    outcome.report().environment()["KEY_FILE"].clone()
}

fn value_without_newline(outcome: &Outcome) -> Vec<u8> {
    outcome.value("key").as_bytes().to_vec()
}

#[test]
fn a_secret_that_main_can_read_stays_at_its_own_path() {
    let outcome = scene("65534:65534", 0o444, (0, 0)).run();
    assert_eq!(path(&outcome), "/run/secrets/key");
}

#[test]
fn a_secret_that_main_cannot_read_is_a_copy_for_its_eyes_only() {
    let outcome = scene("65534:65534", 0o400, (0, 0)).run();
    let path = path(&outcome);
    assert!(
        path.starts_with("/dev/shm/") && path.ends_with("/KEY_FILE"),
        "{path}"
    );
    assert_eq!(
        outcome.content(0),
        Content::Read(0o400, 65534, value_without_newline(&outcome))
    );
}

#[test]
fn the_directory_of_a_copy_is_random_and_0700() {
    let show = r#"stat -c '%a %u %g' "${KEY_FILE%/*}"; echo "${KEY_FILE%/*}""#;
    let run = || {
        let outcome = Scene::command(&["/bin/sh", "-c", show])
            .env("PATH", "/usr/bin")
            .policy(&POLICY.replace("USER", "65534:65534"))
            .secret_at("/run/secrets/key", 0o400, (0, 0), str::to_owned)
            .run()
            .expect_code(0);
        assert!(
            outcome.stdout.starts_with("700 65534 65534\n"),
            "{}",
            outcome.stdout
        );
        outcome.stdout
    };
    assert_ne!(run(), run());
}

#[test]
fn a_copy_needs_no_chown_and_no_writable_root() {
    let kept = crate::harness::capability::SETUID | crate::harness::capability::SETGID;
    let outcome = scene("app", 0o400, (0, 0))
        .read_only()
        .capabilities(kept)
        .run();
    // Root without DAC_OVERRIDE still owns the file.
    assert_eq!(
        outcome.content(0),
        Content::Read(0o400, 1000, value_without_newline(&outcome))
    );
}

#[test]
fn where_nothing_is_writable_the_value_is_a_sealed_memory_file() {
    let outcome = scene("65534:65534", 0o400, (0, 0)).nothing_writable().run();
    let path = path(&outcome);
    assert!(path.starts_with("/proc/self/fd/"), "{path}");
    let number: i32 = path
        .rsplit('/')
        .next()
        .and_then(|last| last.parse().ok())
        .expect("a number");
    let mut descriptors = outcome.report().descriptors();
    assert!(
        descriptors
            .remove(&number)
            .is_some_and(|target| target.starts_with("/memfd:"))
    );
    assert_eq!(descriptors.keys().copied().collect::<Vec<_>>(), [0, 1, 2]);
    assert!(matches!(outcome.content(0), Content::Read(_, _, bytes)
        if bytes == value_without_newline(&outcome)));
}

#[test]
fn a_memory_file_that_main_could_not_open_is_refused_and_not_promised() {
    // Its path is below /proc: without that it would lead nowhere.
    let scene = Scene::main(&["say", "main"])
        .policy(&POLICY.replace("USER", "65534:65534"))
        .secret_at("/run/secrets/key", 0o400, (0, 0), str::to_owned)
        .nothing_writable()
        .without_proc();
    let message = scene.run().expect_refusal(111);
    assert!(message.contains("`KEY_FILE`"), "{message}");
}

#[test]
fn without_proc_no_copy_goes_to_a_dev_shm_that_may_be_the_host_s() {
    let scene = Scene::main(&["report"])
        .policy(&POLICY.replace("USER", "65534:65534"))
        .secret_at("/run/secrets/key", 0o400, (0, 0), str::to_owned)
        .permits(&["key"]);
    for (scene, place) in [
        (scene.clone(), "/dev/shm/"),
        (scene.without_proc(), "/tmp/"),
    ] {
        let outcome = scene.run().expect_code(0);
        let path = outcome.report().environment()["KEY_FILE"].clone();
        assert!(path.starts_with(place), "{path}");
    }
}

#[test]
fn a_memory_file_cannot_be_changed() {
    let change =
        r#"(echo x >> "$KEY_FILE") && echo changed; (: > "$KEY_FILE") && echo cut; exit 7"#;
    let outcome = Scene::command(&["/bin/sh", "-c", change])
        .policy(&POLICY.replace("USER", "65534:65534"))
        .secret_at("/run/secrets/key", 0o400, (0, 0), str::to_owned)
        .nothing_writable()
        .run()
        .expect_code(7);
    assert_eq!(outcome.stdout, "");
}

#[test]
fn no_delivered_value_is_in_any_environment() {
    // The canary reads every /proc/*/environ; here nothing is permitted there.
    for mode in [0o400, 0o444] {
        let scene = Scene::main(&["report"]).policy(&POLICY.replace("USER", "app"));
        let outcome = scene
            .secret_at("/run/secrets/key", mode, (0, 0), str::to_owned)
            .run();
        let mut environment = outcome.report().environment();
        assert!(environment.remove("KEY_FILE").is_some());
        only(environment, &[("HOME", "/home/app")]);
    }
}

#[test]
fn a_connection_and_its_parts_can_be_files() {
    let policy = r#"{ "version": 1,
        "connections": {
          "cache": { "kind": "redis", "host": "redis", "password": "pw" },
          "db": { "kind": "postgres", "host": "db", "user": "app", "password": "pw" } },
        "run": { "files": { "CONF": "cache.conf", "PASS": "db.pgpass" }, "inherit": [] } }"#;
    let read = r#"exec /witness read "$CONF" read "$PASS" read "$PASS""#;
    let outcome = Scene::command(&["/bin/sh", "-c", read])
        .policy(policy)
        .secret_as("pw", |value| format!("{value}\n"))
        .run()
        .expect_code(0);
    let Content::Read(mode, owner, bytes) = outcome.content(0) else {
        panic!("unreadable")
    };
    assert_eq!((mode, owner), (0o400, 0));
    assert!(bytes.starts_with(b"requirepass "));
    let Content::Read(mode, owner, bytes) = outcome.content(1) else {
        panic!("unreadable")
    };
    assert_eq!((mode, owner), (0o400, 0));
    assert!(bytes.starts_with(b"db:5432:app:app:"));
}

fn copied_although(run: &str) {
    let policy = format!(
        r#"{{ "version": 1, "run": {{ "user": "app", "files": {{ "KEY_FILE": "key" }}, {run} }} }}"#
    );
    let outcome = Scene::command(&["/bin/sh", "-c", r#"exec /witness read "$KEY_FILE""#])
        .policy(&policy)
        .secret_at("/run/secrets/key", 0o400, (0, 0), str::to_owned)
        .run()
        .expect_code(0);
    let copy = Content::Read(0o400, 1000, value_without_newline(&outcome));
    assert_eq!(outcome.content(0), copy);
}

#[test]
fn the_umask_of_main_does_not_keep_its_files_from_being_made() {
    copied_although(r#""umask": "777""#);
}

#[test]
fn the_limits_of_main_do_not_keep_its_files_from_being_made() {
    copied_although(r#""limits": { "fsize": 0 }"#);
}

#[test]
fn two_files_lie_in_one_directory() {
    let policy = r#"{ "version": 1, "run": { "user": "app",
        "files": { "A_FILE": "a", "B_FILE": "b" }, "inherit": [] } }"#;
    let outcome = Scene::main(&["report"])
        .policy(policy)
        .secret_at("/run/secrets/a", 0o400, (0, 0), str::to_owned)
        .secret_at("/run/secrets/b", 0o400, (0, 0), str::to_owned)
        .run();
    let environment = outcome.report().environment();
    let directory = |name: &str| {
        environment[name]
            .rsplit_once('/')
            .map(|(head, _)| head.to_owned())
    };
    assert_eq!(directory("A_FILE"), directory("B_FILE"));
}
