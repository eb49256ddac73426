//! The ground that setup stands on: credentials are used only where no earlier
//! main can have been.

use serde_json::json;

use crate::harness::{Layer, Scene, capability};
use crate::rules::{APP, Rules, refusal, sh, sh_with_token};

#[track_caller]
fn expect_ground_fault(scene: Scene, word: &str) {
    let check = scene.clone().asking(&["check"]).run();
    let outcome = scene.run();
    let said = refusal(&outcome, 100);
    assert_eq!(outcome.stdout, "", "a command ran: {said}");
    assert_eq!(check.code(), 100);
    assert!(outcome.stderr.ends_with(&check.stderr), "{}", check.stderr);
    assert!(said.contains(word), "{word}: {said}");
    assert!(said.contains(r#""reuse": "trusted""#), "{said}");
}

fn with_token() -> Rules {
    Rules::of(&[sh_with_token("echo setup")])
}

#[test]
fn a_directory_that_is_not_empty_is_refused() {
    let scene = with_token().main(&["say", "main"]);
    let scene = scene.file("/workspace/.git/config", 0o644, APP, "[core]\n");
    expect_ground_fault(scene, "/workspace/.git");
}

#[test]
fn a_path_that_main_could_put_programs_into_is_refused() {
    let rules = with_token().path("/home/app/bin:/usr/bin:/bin");
    let scene = rules.main(&["say", "main"]);
    expect_ground_fault(scene.directory("/home/app/bin", 0o755, APP), "/home/app");
}

/// Root that cannot enter what others shut, as `cap_drop: ALL` leaves it.
const WITHOUT_POWER: u64 =
    capability::SETUID | capability::SETGID | capability::SETPCAP | capability::KILL;

/// A directory of programs that is main's, below one of somebody else.
fn programs_below(shut: (u32, u32), mode: u32) -> Scene {
    let rules = with_token().path("/opt/shut/bin:/usr/bin:/bin");
    let scene = rules.main(&["say", "main"]).capabilities(WITHOUT_POWER);
    let scene = scene.directory("/opt/shut/bin", 0o755, APP);
    scene.directory("/opt/shut", mode, shut)
}

#[test]
fn a_path_that_pid_1_may_not_look_at_is_looked_at_by_main_s_user() {
    // Main is in the group 2000.
    expect_ground_fault(
        programs_below((1001, 2000), 0o750),
        "could put programs into /opt/shut/bin",
    );
}

#[test]
fn a_path_that_main_s_user_may_not_look_at_either_is_no_way_for_it() {
    let outcome = programs_below((1001, 1001), 0o700).run().expect_code(0);
    assert_eq!(outcome.stdout, "setup\nmain\n");
}

#[test]
fn a_path_that_depends_on_the_directory_is_refused() {
    let rules = with_token().path(".:/usr/bin:/bin");
    expect_ground_fault(rules.main(&["say", "main"]), "PATH");
}

#[test]
fn a_home_that_is_kept_is_refused() {
    let rules = with_token().setup("home", json!("keep"));
    expect_ground_fault(rules.main(&["say", "main"]), "home");
}

#[test]
fn reuse_trusted_takes_all_of_it() {
    let rules = with_token()
        .setup("home", json!("keep"))
        .setup("reuse", json!("trusted"));
    let scene = rules.main(&["say", "main"]);
    let scene = scene.file("/workspace/old", 0o644, APP, "of an earlier main\n");
    assert_eq!(scene.run().expect_code(0).stdout, "setup\nmain\n");
}

#[test]
fn a_home_that_is_kept_is_searched() {
    let rules = Rules::of(&[sh_with_token(r#"echo "$TOKEN" > "$HOME/.netrc""#)])
        .setup("home", json!("keep"))
        .setup("reuse", json!("trusted"));
    let said = refusal(&rules.main(&["say", "main"]).run(), 121);
    assert!(said.contains("/home/app/.netrc"), "{said}");
}

#[test]
fn a_directory_that_is_not_there_is_not_made_but_named() {
    let rules = with_token().setup("directory", json!("/home/app/new/work"));
    let rules = rules.run("directory", json!("/"));
    let said = refusal(&rules.main(&["say", "main"]).run(), 120);
    assert!(said.contains("/home/app/new/work"), "{said}");
}

#[test]
fn setup_without_any_credential_may_stand_anywhere() {
    // What it needs no ground for are all three.
    let rules = Rules::of(&[sh("echo setup")]).setup("home", json!("keep"));
    let rules = rules.path("/home/app/bin:.:/usr/bin:/bin");
    let scene = rules.main(&["say", "main"]);
    let scene = scene.file("/workspace/old", 0o644, APP, "of an earlier main\n");
    assert_eq!(scene.run().expect_code(0).stdout, "setup\nmain\n");
}

#[test]
fn one_credential_in_any_command_is_enough_to_need_it() {
    for late in [
        sh_with_token("true"),
        json!({ "argv": ["/bin/true"], "ssh": ["token"] }),
        json!({ "argv": ["/bin/true"], "git": true }),
    ] {
        let address = json!({ "https://h": { "username": "u", "password": "token" } });
        let rules = Rules::of(&[sh("echo setup"), late]).setup("git", address);
        let scene = rules.main(&["say", "main"]);
        let scene = scene.file("/workspace/old", 0o644, APP, "of an earlier main\n");
        expect_ground_fault(scene, "/workspace/old");
    }
}

#[test]
fn a_setup_without_a_directory_needs_the_rest_of_the_ground() {
    let rules = with_token().without_directory();
    let scene = rules.clone().path(".:/usr/bin:/bin").main(&["say", "main"]);
    expect_ground_fault(scene, "PATH");
    let scene = rules.main(&["say", "main"]);
    let scene = scene.file("/workspace/old", 0o644, APP, "of an earlier main\n");
    assert_eq!(scene.run().expect_code(0).stdout, "setup\nmain\n");
}

#[test]
fn what_a_failed_setup_without_credentials_changed_stays() {
    let layer = Layer::new();
    let rules = Rules::of(&[sh("echo more >> old; echo new > new; exit 1")]);
    let scene = rules.main(&["say", "main"]).on(&layer);
    let scene = scene.file("/workspace/old", 0o644, APP, "somebody's work\n");
    for _ in 0..2 {
        refusal(&scene.clone().run(), 120);
        let old = std::fs::read_to_string(layer.at("/workspace/old")).expect("it is there");
        assert!(old.starts_with("somebody's work\nmore\n"), "{old}");
        assert!(layer.at("/workspace/new").exists());
    }
}

#[test]
fn a_policy_that_setup_s_user_could_change_is_refused() {
    let scene = with_token().main(&["say", "main"]);
    let outcome = scene.directory("/etc/vestibule", 0o777, (0, 0)).run();
    let said = refusal(&outcome, 100);
    assert!(said.contains("/etc/vestibule"), "{said}");
}
