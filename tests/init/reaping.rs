//! Orphans: adopted, reaped, all of them.

use std::time::Duration;

use crate::claim::{Seen, claims};
use crate::harness;
use crate::inits::Init;
use crate::running::{Running, children, send, state, wait_until};
use crate::scene::{PATIENCE, Scene};

claims![
    a_thousand_orphans_are_reaped,
    "1,000 orphans that end at once: all reaped",
    thousand;
    ten_thousand_zombies_with_one_pending_sigchld_are_reaped,
    "init stopped until it has 10,000 zombies and one pending SIGCHLD: all reaped",
    ten_thousand;
    mains_end_among_many_others_is_not_missed,
    "init stopped while 1,000 orphans and main (exit 42) end: 42 seen",
    coalesced;
    a_subreaper_adopts_orphans_without_being_pid_1,
    "not PID 1, asked to be a subreaper: an orphan becomes its child",
    subreaper;
    each_reaped_orphan_is_reported_on_request,
    "asked to report what it reaps: one line for each of 5 orphans",
    reported;
    the_death_of_the_parent_reaches_main_as_the_chosen_signal,
    "not PID 1, asked for USR1 when its parent dies: main gets it",
    parent_death;
];

/// Main leaves orphans, then does something else.
fn orphans(init: &Init, count: usize, then: &[&str]) -> Scene {
    let witness = harness::witness();
    let count = count.to_string();
    let mut words = vec![
        witness.to_str().expect("a path in UTF-8"),
        "orphans",
        &count,
    ];
    words.extend(then);
    Scene::of(init).main(&words)
}

/// How many children the init has besides main, once there are none any more
/// or patience ends.
fn unreaped(running: &Running) -> usize {
    let init = running.pid_1();
    let others = || children(init).len().saturating_sub(1);
    wait_until(Duration::from_secs(10), || (others() == 0).then_some(()));
    others()
}

fn thousand(init: &Init) -> Seen {
    let running = orphans(init, 1_000, &["wait"]).start();
    running.expect_line("ready");
    let left = unreaped(&running);
    Seen::new(left == 0, format!("{left} left"))
}

fn ten_thousand(init: &Init) -> Seen {
    const COUNT: usize = 10_000;
    let witness = harness::witness();
    let script = format!(
        "echo up; read wait; exec {} orphans {COUNT} wait",
        witness.display()
    );
    let mut running = Scene::of(init).shell(&script).start();
    running.expect_line("up");
    let init = running.pid_1();
    send(init, 19);
    wait_until(PATIENCE, || (state(init) == 'T').then_some(())).expect("the init stops");
    running.tell("\n");
    running.expect_line("ready");
    let zombies = children(init).len().saturating_sub(1);
    send(init, 18);
    let left = unreaped(&running);
    Seen::new(
        zombies == COUNT && left == 0,
        format!("{zombies} zombies, {left} left"),
    )
}

fn coalesced(init: &Init) -> Seen {
    let witness = harness::witness();
    let script = format!(
        "echo up; read wait; exec {} orphans 1000 exit 42",
        witness.display()
    );
    let mut running = Scene::of(init).shell(&script).start();
    running.expect_line("up");
    let (init, main) = (running.pid_1(), running.main());
    send(init, 19);
    wait_until(PATIENCE, || (state(init) == 'T').then_some(())).expect("the init stops");
    running.tell("\n");
    wait_until(PATIENCE, || (state(main) == 'Z').then_some(())).expect("main ends");
    send(init, 18);
    let ended = running.end_within(Duration::from_secs(5));
    Seen::new(ended.code == Some(42), ended.shown())
}

const ORPHAN: &str = "sh -c 'sleep 99 & :'; echo ready; exec sleep 99";

/// Whether the init, a child of the stage's PID 1, has adopted the orphan.
fn adopts(scene: Scene) -> bool {
    let running = scene.not_pid_1().shell(ORPHAN).start();
    running.expect_line("ready");
    let init = running.main();
    wait_until(Duration::from_secs(1), || {
        (children(init).len() == 2).then_some(())
    })
    .is_some()
}

fn subreaper(init: &Init) -> Seen {
    let Some(options) = init.arguments.subreaper else {
        return Seen::no_option();
    };
    let adopted = adopts(Scene::of(init).with(options));
    Seen::new(adopted, if adopted { "adopted" } else { "elsewhere" })
}

fn reported(init: &Init) -> Seen {
    let Some(options) = init.arguments.warn_on_reap else {
        return Seen::no_option();
    };
    let running = orphans(init, 5, &["wait"]).with(options).start();
    running.expect_line("ready");
    unreaped(&running);
    let count = || running.complained().matches("eaped").count();
    wait_until(Duration::from_secs(2), || (count() >= 5).then_some(()));
    Seen::new(count() == 5, format!("{} lines", count()))
}

fn parent_death(init: &Init) -> Seen {
    let Some(options) = init.arguments.parent_death else {
        return Seen::no_option();
    };
    let witness = harness::witness();
    let witness = witness.to_str().expect("a path in UTF-8");
    // Not its last command, so the shell stays as the init's parent.
    let between = ["/bin/sh", "-c", "\"$@\"\nexit $?", "between"];
    let scene = Scene::of(init).with(init.arguments.subreaper.unwrap_or_default());
    let scene = scene.with(options).not_pid_1().through(&between);
    let running = scene.main(&[witness, "signals", "10"]).start();
    running.expect_line("ready");
    let parent = running.main();
    send(parent, 9);
    let came = running.hears_often("signal 10 ", 1, Duration::from_secs(2));
    Seen::new(came, if came { "came" } else { "never came" })
}

#[test]
fn tini_subreaper_means_the_same_as_s() {
    assert!(adopts(
        Scene::of(&Init::vestibule()).env("TINI_SUBREAPER", "")
    ));
}

#[test]
fn without_s_and_not_pid_1_vestibule_becomes_the_command() {
    let scene = Scene::of(&Init::vestibule()).not_pid_1();
    let running = scene.shell("echo ready; exec sleep 99").start();
    running.expect_line("ready");
    let replaced = running.main();
    let name = || (crate::running::status(replaced, "Name") == "sleep").then_some(());
    assert!(wait_until(PATIENCE, name).is_some(), "it is main itself");
    assert!(
        !adopts(Scene::of(&Init::vestibule())),
        "the test can tell the difference"
    );
}

#[test]
fn orphans_are_silent_unless_asked_for() {
    let running = orphans(&Init::vestibule(), 5, &["wait"]).start();
    running.expect_line("ready");
    assert_eq!(unreaped(&running), 0);
    assert_eq!(running.stop(PATIENCE).complained, "");
}

#[test]
fn orphans_that_end_at_random_times_are_all_reaped() {
    let script = "i=0; while [ $i -lt 100 ]; do sh -c \"sleep 0.0$i &\"; i=$((i+1)); done; echo ready; exec sleep 99";
    let running = Scene::of(&Init::vestibule()).shell(script).start();
    running.expect_line("ready");
    assert_eq!(unreaped(&running), 0);
}
