//! What main leaves running: asked to end, given its time, never waited for
//! longer than it lives.

use std::time::Duration;

use crate::claim::{Seen, claims};
use crate::harness;
use crate::inits::Init;
use crate::running::{children, send, state, wait_until};
use crate::scene::{Ended, PATIENCE, Scene};

claims![
    leftovers_get_term_and_the_time_to_act_on_it,
    "main exits 5, leaving a process that needs 150 ms on TERM: it gets them",
    polite;
    the_init_ends_the_moment_the_last_descendant_is_gone,
    "and the init ends as soon as that process has (want under 2 s)",
    prompt;
    a_stopped_leftover_is_woken_up_to_act_on_term,
    "the process left behind is SIGSTOPped: it acts on TERM all the same",
    stopped;
    leftovers_of_a_main_that_was_stopped_get_their_time_too,
    "`docker stop`, main ends on TERM, its worker needs 150 ms: it gets them",
    worker;
];

/// Main that leaves the witness behind, and exits 5 once its input is closed.
fn leaving(init: &Init, part: &str) -> Scene {
    let witness = harness::witness();
    let script = format!("{} {part} <&- & read wait; exit 5", witness.display());
    Scene::of(init).shell(&script)
}

fn left(init: &Init, part: &str) -> Ended {
    let mut running = leaving(init, part).start();
    running.expect_line("ready");
    running.hang_up();
    running.end()
}

fn finished(ended: &Ended, code: u8) -> Seen {
    let done = ended.said.lines().any(|line| line == "done");
    let text = if done { "finished" } else { "killed" };
    let text = format!("{text}, exit {}", ended.shown());
    Seen::new(done && ended.code == Some(code), text)
}

fn polite(init: &Init) -> Seen {
    finished(&left(init, "slow 150"), 5)
}

fn prompt(init: &Init) -> Seen {
    let ended = left(init, "slow 150");
    let seen = finished(&ended, 5);
    let is_prompt = ended.took < Duration::from_secs(2);
    Seen::new(seen.right && is_prompt, seen.what)
}

fn stopped(init: &Init) -> Seen {
    let mut running = leaving(init, "slow 50").start();
    running.expect_line("ready");
    let leftover = children(running.main()).first().copied();
    let leftover = leftover.expect("main has a child");
    send(leftover, 19);
    wait_until(PATIENCE, || (state(leftover) == 'T').then_some(())).expect("it stops");
    running.hang_up();
    finished(&running.end(), 5)
}

fn worker(init: &Init) -> Seen {
    let witness = harness::witness();
    let script = format!(
        "trap 'exit 3' TERM; setsid {} slow 150 & while :; do sleep 0.01; done",
        witness.display()
    );
    let running = Scene::of(init).shell(&script).start();
    running.expect_line("ready");
    finished(&running.stop(PATIENCE), 3)
}

#[test]
fn leftovers_that_ignore_term_are_killed_after_five_seconds() {
    let script = "(trap '' TERM; echo ready; exec sleep 99) & read wait; exit 5";
    let mut running = Scene::of(&Init::vestibule()).shell(script).start();
    running.expect_line("ready");
    running.hang_up();
    let ended = running.end();
    assert_eq!(ended.code, Some(5));
    let (least, most) = (Duration::from_millis(4_800), Duration::from_secs(8));
    assert!(ended.took > least && ended.took < most, "{:?}", ended.took);
}

#[test]
fn a_leftover_that_forks_on_term_is_asked_or_killed_too() {
    let script = "(trap 'sleep 99 & exit' TERM; echo ready; while :; do sleep 0.01; done) & read wait; exit 5";
    let mut running = Scene::of(&Init::vestibule()).shell(script).start();
    running.expect_line("ready");
    running.hang_up();
    // The new process came after TERM; KILL after the leftovers' time gets it.
    assert_eq!(running.end().code, Some(5));
}

#[test]
fn a_subreaper_ends_its_own_leftovers_and_nobody_elses() {
    let witness = harness::witness();
    let script = format!(
        "setsid {} slow 150 <&- & read wait; exit 5",
        witness.display()
    );
    let scene = Scene::of(&Init::vestibule()).with(&["-s"]).not_pid_1();
    let neighbour =
        "(trap 'echo hit' TERM; while :; do sleep 0.01; [ -e /mnt/end ] && exit; done) &";
    let scene = scene.before("mount -t tmpfs tmpfs /mnt").before(neighbour);
    // Standard input of a shell's child in the background is closed, ours is not.
    let mut running = scene.shell(&format!("{script}\n")).start();
    running.expect_line("ready");
    running.hang_up();
    wait_until(PATIENCE, || (running.heard("done") > 0).then_some(())).expect("it gets its time");
    assert_eq!(running.heard("hit"), 0, "{}", running.said());
}
