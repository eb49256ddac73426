//! A stop: main is asked, gets its time, and nobody waits longer than needed.

use std::time::Duration;

use crate::claim::{Seen, claims};
use crate::forwarding::{line, listener};
use crate::inits::Init;
use crate::running::{Running, send, state, wait_until};
use crate::scene::{Ended, PATIENCE, Scene};

claims![
    a_stop_reaches_mains_handler_and_its_exit_code_is_ours,
    "`docker stop`: main's TERM handler exits 7",
    handled;
    a_stopped_main_does_not_block_a_stop,
    "main is SIGSTOPped, then TERM to the init: ends within 3 s (want 143)",
    stopped_main;
    a_main_that_ignores_term_is_killed_after_its_grace,
    "main ignores TERM, grace 500 ms: KILL after it (want 137)",
    grace;
    a_main_without_a_grace_has_all_the_time_it_needs,
    "main needs 1.5 s on TERM and no deadline was set: it gets them (want 8)",
    no_deadline;
    later_signals_are_forwarded_during_a_stop,
    "USR1 after TERM still reaches main",
    during_stop;
];

const SOON: Duration = Duration::from_secs(3);

/// A shell that does something on TERM and lives until then.
fn on_term(action: &str) -> String {
    format!("trap '{action}' TERM; echo ready; while :; do sleep 0.01; done")
}

/// Starts a shell, and goes on once it said that it is ready.
fn ready(scene: Scene, script: &str) -> Running {
    let running = scene.shell(script).start();
    running.expect_line("ready");
    running
}

fn handled(init: &Init) -> Seen {
    let ended = ready(Scene::of(init), &on_term("exit 7")).stop(SOON);
    Seen::new(ended.code == Some(7), ended.shown())
}

fn stopped_main(init: &Init) -> Seen {
    let running = ready(Scene::of(init), "echo ready; exec sleep 99");
    let main = running.main();
    send(main, 19);
    wait_until(PATIENCE, || (state(main) == 'T').then_some(())).expect("main is stopped");
    let ended = running.stop(SOON);
    Seen::new(ended.code == Some(143), ended.shown())
}

fn grace(init: &Init) -> Seen {
    let Some(options) = init.arguments.grace else {
        return Seen::no_option();
    };
    let ended = ready(Scene::of(init).with(options), &on_term("")).stop(SOON);
    let in_time = ended.took > Duration::from_millis(450);
    Seen::new(ended.code == Some(137) && in_time, ended.shown())
}

fn no_deadline(init: &Init) -> Seen {
    let ended = ready(Scene::of(init), &on_term("sleep 1.5; exit 8")).stop(PATIENCE);
    Seen::new(ended.code == Some(8), ended.shown())
}

fn during_stop(init: &Init) -> Seen {
    let running = listener(Scene::of(init), 10);
    send(running.pid_1(), 15);
    let asked = running.hears_often(&line(15), 1, PATIENCE);
    send(running.pid_1(), 10);
    let ended = running.end_within(SOON);
    Seen::new(asked && ended.code == Some(0), ended.shown())
}

/// vestibule with a grace of half a second.
fn half_second() -> Scene {
    Scene::of(&Init::vestibule()).with(&["--grace", "500ms"])
}

fn is_killed_in_time(ended: &Ended) {
    assert_eq!(ended.code, Some(137), "{}", ended.complained);
    let (least, most) = (Duration::from_millis(450), SOON);
    assert!(ended.took > least && ended.took < most, "{:?}", ended.took);
}

#[test]
fn term_int_and_quit_start_a_stop() {
    for number in [15, 2, 3] {
        let running = ready(
            half_second(),
            "trap '' TERM INT QUIT; echo ready; exec sleep 99",
        );
        send(running.pid_1(), number);
        is_killed_in_time(&running.end());
    }
}

/// Nothing is to happen here, so a window of twice the grace is watched.
fn outlives_its_grace(scene: Scene, numbers: &[i32]) {
    let mut running = ready(scene, "trap '' 1 10 12 15 28 34; echo ready; exec sleep 99");
    for &number in numbers {
        send(running.pid_1(), number);
    }
    let ended = wait_until(Duration::from_secs(1), || {
        (!running.is_alive()).then_some(())
    });
    assert!(ended.is_none(), "{numbers:?} ended main");
}

#[test]
fn other_signals_start_no_stop() {
    outlives_its_grace(half_second(), &[1, 10, 12, 28, 34]);
}

#[test]
fn a_stop_is_recognised_after_rewriting() {
    outlives_its_grace(half_second().with(&["-r", "TERM:USR1"]), &[15]);
    let scene = half_second().with(&["-r", "USR2:TERM"]);
    let running = ready(scene, "trap '' TERM; echo ready; exec sleep 99");
    send(running.pid_1(), 12);
    is_killed_in_time(&running.end());
}

#[test]
fn a_main_that_ends_early_ends_the_grace() {
    let scene = Scene::of(&Init::vestibule()).with(&["--grace", "10s"]);
    let ended = ready(scene, &on_term("exit 6")).stop(PATIENCE);
    assert_eq!(ended.code, Some(6));
    assert!(ended.took < SOON, "{:?}", ended.took);
}

#[test]
fn later_stop_signals_neither_shorten_nor_prolong_the_grace() {
    let running = ready(half_second(), "trap '' TERM INT; echo ready; exec sleep 99");
    for number in [15, 15, 2, 15] {
        send(running.pid_1(), number);
    }
    is_killed_in_time(&running.end());
}

#[test]
fn a_stopped_main_that_ignores_term_is_killed_after_its_grace() {
    let running = ready(half_second(), "trap '' TERM; echo ready; exec sleep 99");
    let main = running.main();
    send(main, 19);
    wait_until(PATIENCE, || (state(main) == 'T').then_some(())).expect("main is stopped");
    is_killed_in_time(&running.stop(PATIENCE));
}

#[test]
fn the_grace_can_come_from_the_variable_or_the_policy() {
    let policy = r#"{"version": 1, "run": {"grace": "500ms"}}"#;
    let prepare = format!("mount -t tmpfs tmpfs /mnt; echo '{policy}' > /mnt/policy.json");
    let vestibule = Init::vestibule();
    for scene in [
        Scene::of(&vestibule).env("VESTIBULE_GRACE", "500ms"),
        Scene::of(&vestibule)
            .before(&prepare)
            .with(&["--policy", "/mnt/policy.json"]),
    ] {
        is_killed_in_time(&ready(scene, &on_term("")).stop(PATIENCE));
    }
}

#[test]
fn with_a_stop_signal_comes_cont() {
    let running = listener(Scene::of(&Init::vestibule()), 18);
    send(running.pid_1(), 15);
    let said = running.end().said;
    assert!(
        said.contains("signal 15 ") && said.contains("signal 18 "),
        "{said}"
    );
}
