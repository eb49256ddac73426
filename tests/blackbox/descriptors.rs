//! Main has 0, 1 and 2 as the container had them, and no other descriptor.

use std::collections::BTreeMap;

use crate::harness::Scene;

fn kinds(parts: &[&str]) -> [Scene; 3] {
    [
        Scene::main(parts),
        Scene::main(parts).secret("api").permits(&["api"]),
        Scene::main(parts).options(&["--exec"]),
    ]
}

fn numbers(descriptors: &BTreeMap<i32, String>) -> Vec<i32> {
    descriptors.keys().copied().collect()
}

#[test]
fn main_has_the_three_standard_descriptors_and_no_other() {
    for scene in kinds(&["report"]) {
        let scene = scene
            .open(3, "/dev/null")
            .open(17, "/dev/zero")
            .open(99, "/dev/null");
        let scene = scene.closed(3).open(4, "/dev/zero");
        assert_eq!(numbers(&scene.run().report().descriptors()), [0, 1, 2]);
    }
}

#[test]
fn a_closed_standard_input_stays_closed() {
    for scene in kinds(&["report"]) {
        assert_eq!(
            numbers(&scene.closed(0).run().report().descriptors()),
            [1, 2]
        );
    }
}

#[test]
fn closed_outputs_stay_closed_and_do_not_change_the_end() {
    for scene in kinds(&["report", "exit", "5"]) {
        assert_eq!(
            numbers(&scene.closed(2).run().expect_code(5).report().descriptors()),
            [0, 1]
        );
    }
    for scene in kinds(&["exit", "6"]) {
        assert_eq!(scene.closed(0).closed(1).closed(2).run().code(), 6);
    }
}

#[test]
fn a_refusal_with_a_closed_standard_error_keeps_its_code() {
    let scene = || Scene::command(&["/none"]).secret("api");
    assert_eq!(scene().closed(2).run().code(), 127);
    assert_eq!(scene().closed(0).closed(1).closed(2).run().code(), 127);
    assert_eq!(Scene::raw(&["--bogus"]).closed(2).run().code(), 100);
}

#[test]
fn a_full_standard_error_delays_nothing_and_changes_nothing() {
    let outcome = Scene::main(&["exit", "7"])
        .secret("github-token")
        .open(2, "/dev/full")
        .run();
    assert_eq!(outcome.code(), 7);
}

#[test]
fn standard_input_reaches_main() {
    for secret in [false, true] {
        let scene = Scene::command(&["/bin/cat"]).stdin(b"line 1\nline 2");
        let scene = if secret {
            scene.secret("api").permits(&["api"])
        } else {
            scene
        };
        assert_eq!(scene.run().stdout, "line 1\nline 2");
    }
}

#[test]
fn vestibule_writes_nothing_to_the_standard_output_of_main() {
    let scene = Scene::main(&["exit", "0"])
        .options(&["-v", "-v", "-v", "-w"])
        .secret("github-token");
    let outcome = scene.secret("short-one").run_with_leaks().0;
    assert_eq!(outcome.stdout, "");
    assert_ne!(outcome.stderr, "");
}

#[test]
fn pid_1_keeps_no_descriptor_but_the_standard_three() {
    for scene in [
        Scene::main(&["wait"]),
        Scene::main(&["wait"]).secret("api").permits(&["api"]),
        Scene::main(&["wait"]).policy(r#"{ "version": 1, "run": { "user": "app" } }"#),
    ] {
        let mut running = scene.open(5, "/dev/zero").spawn();
        running.line("ready");
        running.until_noticed();
        assert_eq!(numbers(&running.init().descriptors()), [0, 1, 2]);
        running.signal(15);
        assert_eq!(running.finish().code(), 143);
    }
}
