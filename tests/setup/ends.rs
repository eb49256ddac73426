//! How setup ends other than well: never with a main.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Layer, Process, Scene, wait_for};
use crate::hunt;
use crate::rules::{Rules, mischief_with_token, refusal, sh, sh_with_token};

#[test]
fn a_command_that_fails_ends_the_start_and_is_named() {
    let rules = Rules::of(&[sh("true"), sh_with_token("exit 3"), sh("echo never")]);
    let outcome = rules.main(&["say", "main"]).run();
    let said = refusal(&outcome, 120);
    assert_eq!(outcome.stdout, "", "{said}");
    for part in ["/bin/sh", "3", "/setup/commands/1"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_command_that_a_signal_ended_is_named_with_it() {
    let rules = Rules::of(&[sh("kill -9 $$")]);
    let outcome = rules.main(&["say", "main"]).run();
    let said = refusal(&outcome, 120);
    assert!(said.contains("KILL") || said.contains('9'), "{said}");
    assert!(said.contains("/setup/commands/0"), "{said}");
}

#[test]
fn a_program_that_is_not_there_or_cannot_be_executed_is_named() {
    for (program, word) in [
        ("/nowhere/git", "/nowhere/git"),
        ("not-in-path", "not-in-path"),
        ("/etc/passwd", "/etc/passwd"),
    ] {
        let rules = Rules::of(&[json!([program, "clone"])]);
        let outcome = rules.main(&["say", "main"]).run();
        let said = refusal(&outcome, 120);
        assert!(said.contains(word), "{said}");
        assert!(said.contains("/setup/commands/0"), "{said}");
    }
}

#[test]
fn a_setup_that_takes_too_long_is_ended() {
    let rules = Rules::of(&[
        sh("sleep 0.1"),
        mischief_with_token(&["daemon", "comet", "wait"]),
    ]);
    let rules = rules.setup("timeout", json!("500ms"));
    let start = Instant::now();
    let outcome = rules.main(&["say", "main"]).run();
    let said = refusal(&outcome, 120);
    assert!(start.elapsed() < Duration::from_secs(8), "{said}");
    assert!(said.contains("500") || said.contains("timeout"), "{said}");
}

#[test]
fn the_timeout_is_for_all_commands_together() {
    let three: Vec<_> = (0..3).map(|_| sh("sleep 0.3")).collect();
    let rules = Rules::of(&three).setup("timeout", json!("600ms"));
    refusal(&rules.main(&["say", "main"]).run(), 120);
}

#[test]
fn term_during_setup_ends_with_143_at_once_and_without_main() {
    for signal in [15, 2, 3] {
        let deaf = "trap '' TERM INT QUIT HUP; echo inside; : > \"$HOME/.netrc\"; while :; do sleep 5; done";
        let rules = Rules::of(&[sh_with_token(deaf)]);
        let layer = Layer::new();
        let mut running = rules.main(&["say", "main"]).on(&layer).spawn();
        running.line("inside");
        let start = Instant::now();
        running.signal(signal);
        let outcome = running.finish();
        assert!(start.elapsed() < Duration::from_secs(3), "{signal}");
        let outcome = outcome.expect_code(128 + signal);
        assert_eq!(outcome.stdout, "inside\n", "{}", outcome.stderr);
        let value = outcome.value("token").to_owned();
        assert!(hunt::in_layer(&layer, &value).is_empty());
    }
}

#[test]
fn term_while_the_seal_searches_ends_the_search_and_there_is_no_main() {
    // Small to write, and many seconds to search: 15 GB, packed.
    let line = "head -c 250M /dev/zero | gzip -1 > 0.gz
        for n in $(seq 60); do cp 0.gz $n.gz; done; echo over";
    let rules = Rules::of(&[sh_with_token(line)]);
    let mut running = rules.main(&["say", "main"]).spawn();
    running.line("over");
    let init = running.init();
    wait_for("the end of the command", || {
        let is_ours = |process: &Process| process.program().ends_with("vestibule");
        init.children().iter().all(is_ours).then_some(())
    });
    let start = Instant::now();
    running.signal(15);
    let outcome = running.finish().expect_code(143);
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_eq!(outcome.stdout, "over\n");
}

#[test]
fn a_signal_that_stops_nothing_does_not_end_setup_and_is_not_kept_for_main() {
    // HUP, USR1, USR2, WINCH and a real-time signal: main is not made to die of
    // what was sent before there was one.
    for (signal, name) in [
        (1, "HUP"),
        (10, "USR1"),
        (12, "USR2"),
        (28, "WINCH"),
        (40, "RTMIN+6"),
    ] {
        let rules = Rules::of(&[sh("echo inside; cat /go; echo on")]);
        let scene = rules.main(&["say", "main"]).fifo("/go", 0o666);
        let mut running = scene.options(&["-v"]).spawn();
        running.line("inside");
        running.signal(signal);
        std::fs::write(running.init().path("root/go"), "").expect("the FIFO is opened");
        let outcome = running.finish().expect_code(0);
        assert_eq!(outcome.stdout, "inside\non\nmain\n", "{signal}");
        let said = format!("{name} came in before main and is not passed on");
        assert!(outcome.stderr.contains(&said), "{}", outcome.stderr);
    }
}

#[test]
fn term_reaches_a_setup_that_never_stops_writing() {
    let rules = Rules::of(&[sh(
        "echo inside; while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done",
    )]);
    let mut running = rules.main(&["say", "main"]).spawn();
    running.line("inside");
    running.signal(15);
    running.finish().expect_code(143);
}

#[test]
fn a_policy_with_setup_is_refused_when_not_pid_1() {
    let rules = Rules::of(&[sh("echo setup")]);
    for scene in [
        rules.main(&["say", "main"]).not_pid_1(),
        rules.main(&["say", "main"]).not_pid_1().options(&["-s"]),
    ] {
        let outcome = scene.run();
        let said = refusal(&outcome, 100);
        assert!(said.contains("PID 1"), "{said}");
        assert_eq!(outcome.stdout, "");
    }
}

#[test]
fn a_secret_of_setup_that_is_missing_ends_the_start_before_any_command() {
    let rules = Rules::of(&[
        sh("echo setup"),
        json!({ "argv": ["true"], "env": { "A": "absent" } }),
    ]);
    let outcome = rules.main(&["say", "main"]).run();
    let said = refusal(&outcome, 100);
    assert!(said.contains("absent"), "{said}");
    assert_eq!(outcome.stdout, "");
}

#[test]
fn without_setup_in_the_policy_nothing_of_it_happens() {
    let policy = r#"{ "version": 1, "run": {} }"#;
    let outcome = Scene::main(&["say", "main"]).policy(policy).run();
    assert_eq!(outcome.expect_code(0).stdout, "main\n");
}
