//! `run.user`: another user for good, and nothing left to go back with.

use crate::harness::{Outcome, Report, Scene, capability};

fn policy(user: &str) -> String {
    format!(r#"{{ "version": 1, "run": {{ "user": {user} }} }}"#)
}

fn as_user(user: &str) -> Outcome {
    let parts = [
        "report",
        "regain",
        "read",
        "/proc/1/environ",
        "read",
        "/proc/1/mem",
    ];
    Scene::main(&parts)
        .policy(&policy(user))
        .run()
        .expect_code(0)
}

fn is(report: &Report, uid: i64, gid: i64, groups: &[i64]) {
    assert_eq!(report.numbers("uids"), [uid; 4]);
    assert_eq!(report.numbers("gids"), [gid; 4]);
    let mut held = report.numbers("groups");
    held.sort_unstable();
    assert_eq!(held, groups);
}

#[test]
fn a_name_brings_its_group_its_supplementary_groups_and_its_home() {
    let report = as_user(r#""app""#).report();
    is(&report, 1000, 1000, &[1000, 2000]);
    assert_eq!(report.environment()["HOME"], "/home/app");
}

#[test]
fn a_number_with_an_entry_is_the_same_user() {
    for user in [r#""1000""#, "1000"] {
        let report = as_user(user).report();
        is(&report, 1000, 1000, &[1000, 2000]);
        assert_eq!(report.environment()["HOME"], "/home/app");
    }
}

#[test]
fn an_explicit_group_is_the_only_one() {
    is(&as_user(r#""app:nogroup""#).report(), 1000, 65534, &[65534]);
    let report = as_user(r#""4321:4322""#).report();
    is(&report, 4321, 4322, &[4322]);
    assert_eq!(report.environment()["HOME"], "/");
}

#[test]
fn a_home_of_the_container_does_not_survive_the_change_of_user() {
    let scene = Scene::main(&["report"])
        .policy(&policy(r#""app""#))
        .env("HOME", "/root");
    assert_eq!(scene.run().report().environment()["HOME"], "/home/app");
}

#[test]
fn a_user_that_is_nobody_certain_is_refused() {
    for (user, word) in [
        (r#""0day""#, "0day"),
        (r#""4321""#, "group"),
        (r#""ghost""#, "`ghost`"),
        (r#""app:ghosts""#, "`ghosts`"),
        (r#""-1""#, "user"),
        (r#""""#, "empty"),
        (r#""4294967295""#, "4294967294"),
        (r#""app:""#, "empty"),
    ] {
        let scene = Scene::main(&["say", "main"]).policy(&policy(user));
        let message = scene.run().expect_refusal(100);
        assert!(message.contains(word), "{user}: {message}");
        assert!(message.contains("/run/user"), "{user}: {message}");
    }
}

#[test]
fn numbers_need_no_accounts_at_all() {
    let scene = Scene::main(&["report"])
        .scratch()
        .policy(&policy(r#""65534:65534""#));
    is(&scene.run().report(), 65534, 65534, &[65534]);
}

#[test]
fn after_the_drop_every_capability_set_is_empty() {
    for user in [r#""app""#, r#""65534:65534""#] {
        let report = as_user(user).report();
        for set in [
            "effective",
            "permitted",
            "inheritable",
            "ambient",
            "bounding",
        ] {
            assert_eq!(report.bits(set), 0, "{set} of {user}");
        }
    }
}

#[test]
fn there_is_no_way_back() {
    for user in [r#""app""#, r#""65534:65534""#] {
        let outcome = as_user(user);
        assert_eq!(
            outcome.said("regained "),
            Some("user 0 group 0 capability 0")
        );
    }
}

#[test]
fn a_user_that_keeps_ambient_capabilities_loses_them_too() {
    let held = capability::NET_BIND_SERVICE | capability::SETUID | capability::SETGID;
    let kept = held | capability::SETPCAP;
    let scene = Scene::main(&["report", "regain"]).policy(&policy(r#""1000:1000""#));
    let outcome = scene.user(1000, 1000, &[1000]).ambient(kept).run();
    let report = outcome.report();
    for set in ["effective", "permitted", "inheritable", "ambient"] {
        assert_eq!(report.bits(set), 0, "{set}");
    }
    assert_eq!(
        outcome.said("regained "),
        Some("user 0 group 0 capability 0")
    );
}

#[test]
fn docker_s_capabilities_suffice_for_the_drop() {
    let scene = Scene::main(&["report"]).policy(&policy(r#""app""#));
    let report = scene.capabilities(capability::DOCKER).run().report();
    is(&report, 1000, 1000, &[1000, 2000]);
    assert_eq!(report.bits("bounding"), 0);
}

#[test]
fn a_container_that_already_runs_as_the_user_needs_no_capability() {
    let scene = Scene::main(&["report"]).policy(&policy(r#""app""#));
    let outcome = scene
        .user(1000, 1000, &[1000, 2000])
        .capabilities(0)
        .no_new_privileges()
        .run();
    is(&outcome.report(), 1000, 1000, &[1000, 2000]);
}

#[test]
fn a_drop_without_the_capabilities_is_refused_with_both_ways_out() {
    let scene = || Scene::main(&["touch", "/tmp/x", "say", "main"]).policy(&policy(r#""app""#));
    for scene in [scene().capabilities(0), scene().user(4242, 4242, &[])] {
        let message = scene.run().expect_refusal(100);
        assert!(
            message.contains("SETUID") && message.contains("`user:`"),
            "{message}"
        );
    }
}

#[test]
fn without_a_user_main_is_who_the_container_is() {
    let scene = Scene::main(&["report"])
        .env("HOME", "/srv")
        .user(4321, 4322, &[7, 8]);
    let report = scene.run().report();
    is(&report, 4321, 4322, &[7, 8]);
    assert_eq!(report.environment()["HOME"], "/srv");
}

#[test]
fn withheld_secrets_disarm_set_uid_programs() {
    let report = Scene::main(&["report"])
        .secret("github-token")
        .run()
        .report();
    assert_eq!(report.number("no_new_privs"), 1);
    let report = Scene::main(&["report"]).run().report();
    assert_eq!(
        report.number("no_new_privs"),
        0,
        "without secrets nothing is changed"
    );
    let policy = r#"{ "version": 1, "run": { "no_new_privileges": true } }"#;
    let report = Scene::main(&["report"]).policy(policy).run().report();
    assert_eq!(report.number("no_new_privs"), 1);
}

#[test]
fn main_of_another_user_cannot_look_into_pid_1() {
    let outcome = as_user(r#""app""#);
    for index in [0, 1] {
        let content = outcome.content(index);
        assert!(
            matches!(content, crate::harness::Content::Unread(13)),
            "{content:?}"
        );
    }
}
