//! `run.capabilities`: exactly what main has. Without it, root beside a withheld
//! secret has what is harmless, and everybody else nothing.

use crate::harness::{Outcome, Report, Scene, capability};
use crate::level::{WITHHELD, root, start_event, start_line};

const CHOWN: u64 = 1;
const DAC_READ_SEARCH: u64 = 1 << 2;
const SYS_PTRACE: u64 = 1 << 19;
const AUDIT_WRITE: u64 = 1 << 29;
/// By number: SYS_ADMIN, SYS_PTRACE, PERFMON, BPF, CHECKPOINT_RESTORE,
/// SYS_MODULE, SYS_RAWIO, DAC_READ_SEARCH, AUDIT_WRITE.
const DANGEROUS: u64 = 1 << 21
    | SYS_PTRACE
    | 1 << 38
    | 1 << 39
    | 1 << 40
    | 1 << 16
    | 1 << 17
    | DAC_READ_SEARCH
    | AUDIT_WRITE;

fn policy(user: &str, names: &str) -> String {
    format!(
        r#"{{ "version": 1, "run": {{ "env": {{ "KEY": "api-key" }}, "user": "{user}",
            "capabilities": [{names}] }} }}"#
    )
}

fn with(user: &str, names: &str) -> Scene {
    root(&["report", "regain", "read", WITHHELD]).policy(&policy(user, names))
}

fn has(report: &Report, sets: &[&str], expected: u64) {
    for set in sets {
        assert_eq!(report.bits(set), expected, "{set}");
    }
}

#[track_caller]
fn cannot_regain(outcome: &Outcome) {
    let said = outcome.said("regained ");
    assert!(
        said.is_some_and(|said| said.ends_with("capability 0")),
        "{said:?}"
    );
}

#[test]
fn root_has_exactly_what_is_named() {
    for (names, expected) in [
        ("", 0),
        (r#""CHOWN""#, CHOWN),
        (r#""CAP_CHOWN", "KILL""#, CHOWN | capability::KILL),
    ] {
        let outcome = with("root", names).run().expect_code(0);
        has(
            &outcome.report(),
            &["permitted", "effective", "bounding"],
            expected,
        );
        has(&outcome.report(), &["inheritable", "ambient"], 0);
        cannot_regain(&outcome);
    }
}

#[test]
fn another_user_has_exactly_what_is_named_across_each_execve() {
    let name = r#""NET_BIND_SERVICE""#;
    let script = "exec /usr/bin/env /witness report regain";
    let parts = with("app", name).run().expect_code(0);
    let scene = with("app", name).asking(&["--", "/bin/sh", "-c", script]);
    for outcome in [parts, scene.run().expect_code(0)] {
        let sets = [
            "permitted",
            "effective",
            "inheritable",
            "ambient",
            "bounding",
        ];
        has(&outcome.report(), &sets, capability::NET_BIND_SERVICE);
        assert_eq!(outcome.report().numbers("uids"), [1000; 4]);
        cannot_regain(&outcome);
    }
}

#[test]
fn a_container_s_own_user_may_be_given_what_it_has() {
    let held = capability::NET_BIND_SERVICE | capability::KILL;
    let policy = r#"{ "version": 1, "run": { "env": { "KEY": "api-key" },
        "capabilities": ["NET_BIND_SERVICE"] } }"#;
    let outcome = root(&["report"])
        .policy(policy)
        .user(1000, 1000, &[])
        .ambient(held)
        .run()
        .expect_code(0);
    let sets = ["permitted", "effective", "ambient"];
    has(&outcome.report(), &sets, capability::NET_BIND_SERVICE);
}

#[test]
fn a_capability_that_the_container_lacks_is_refused_with_the_way_to_give_it() {
    for user in ["root", "app"] {
        let message = with(user, r#""SYS_TIME""#).run().expect_refusal(100);
        for word in ["CAP_SYS_TIME", "`cap_add: [SYS_TIME]`", "/run/capabilities"] {
            assert!(message.contains(word), "`{word}` is not in: {message}");
        }
    }
}

#[test]
fn a_name_that_is_no_capability_is_refused() {
    for name in [r#""CAP_EVERYTHING""#, r#""""#, "7"] {
        let message = with("root", name).run().expect_refusal(100);
        assert!(message.contains("/run/capabilities/0"), "{message}");
    }
}

#[test]
fn root_beside_a_withheld_secret_loses_what_is_dangerous() {
    for held in [capability::DOCKER, capability::ALL] {
        let outcome = root(&["report", "regain"])
            .capabilities(held)
            .run()
            .expect_code(0);
        let report = outcome.report();
        let expected = report.bits("permitted");
        assert_eq!(expected & DANGEROUS, 0);
        has(&report, &["effective", "bounding"], expected);
        if held == capability::DOCKER {
            assert_eq!(expected, held & !DANGEROUS);
        }
        cannot_regain(&outcome);
    }
}

#[test]
fn a_container_s_own_user_beside_a_withheld_secret_has_none() {
    let scene = root(&["report"]).user(1000, 1000, &[]);
    let report = scene.ambient(capability::NET_BIND_SERVICE).run().report();
    has(
        &report,
        &["permitted", "effective", "inheritable", "ambient"],
        0,
    );
}

#[test]
fn where_nothing_is_withheld_capabilities_are_the_container_s() {
    let scene = Scene::main(&["report"])
        .secret("api-key")
        .permits(&["api-key"]);
    let report = scene.capabilities(capability::DOCKER).run().report();
    has(
        &report,
        &["permitted", "effective", "bounding"],
        capability::DOCKER,
    );
}

#[test]
fn a_dangerous_capability_is_accepted_by_name_and_the_start_line_says_so() {
    for name in ["SYS_PTRACE", "DAC_READ_SEARCH"] {
        let scene = || {
            let held = capability::DOCKER | SYS_PTRACE | DAC_READ_SEARCH;
            with("root", &format!(r#""{name}""#)).capabilities(held)
        };
        let outcome = scene().run().expect_code(0);
        let line = start_line(&outcome);
        let says = format!("though the policy gives it CAP_{name}");
        assert!(line.ends_with(&says), "{line}");
        let event = start_event(scene());
        assert_eq!(
            event["accepted"],
            serde_json::json!([format!("CAP_{name}")])
        );
    }
}

#[test]
fn a_harmless_capability_is_nothing_to_accept() {
    let outcome = with("root", r#""CHOWN""#).run().expect_code(0);
    let line = start_line(&outcome);
    assert!(!line.contains("though"), "{line}");
}
