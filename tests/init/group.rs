//! Whom a signal reaches: main alone, or all of its process group.

use crate::claim::{Seen, claims};
use crate::harness;
use crate::inits::Init;
use crate::running::send;
use crate::scene::{PATIENCE, Scene};

claims![
    child_mode_leaves_grandchildren_alone,
    "child mode: USR1 reaches main, not a grandchild in its group",
    child_mode;
    group_mode_reaches_grandchildren,
    "group mode: USR1 reaches main and a grandchild in its group",
    group_mode;
    term_in_group_mode_ends_whole_pipelines,
    "group mode: TERM ends main and the four processes of two pipelines",
    pipelines;
    a_grandchild_in_another_session_is_reached_at_the_end,
    "a grandchild in a session of its own gets TERM once main has ended",
    other_session;
];

/// Main answers USR1 by sending USR2 to its child: what the child got from the
/// init came before that (lower numbers go first), so nothing is waited for.
fn who_gets_usr1(scene: Scene) -> String {
    let witness = harness::witness();
    let script = format!(
        "trap 'echo main; kill -12 $child' USR1\n\
         {} signals 12 & child=$!; echo known\n\
         while :; do wait; done",
        witness.display()
    );
    let running = scene.shell(&script).start();
    running.expect_line("ready");
    running.expect_line("known");
    send(running.pid_1(), 10);
    assert!(
        running.hears_often("signal 12 ", 1, PATIENCE),
        "main answers"
    );
    let grandchild = running.heard("signal 10 ") > 0;
    if grandchild { "both" } else { "main" }.into()
}

fn child_mode(init: &Init) -> Seen {
    let Some(options) = init.arguments.child else {
        return Seen::no_option();
    };
    let reached = who_gets_usr1(Scene::of(init).with(options));
    Seen::new(reached == "main", reached)
}

fn group_mode(init: &Init) -> Seen {
    let Some(options) = init.arguments.group else {
        return Seen::no_option();
    };
    let reached = who_gets_usr1(Scene::of(init).with(options));
    Seen::new(reached == "both", reached)
}

fn pipelines(init: &Init) -> Seen {
    let Some(options) = init.arguments.group else {
        return Seen::no_option();
    };
    let script = "sleep 99 | sleep 99 & sleep 99 | sleep 99 & echo ready; sleep 99";
    let running = Scene::of(init).with(options).shell(script).start();
    running.expect_line("ready");
    let ended = running.stop(PATIENCE);
    Seen::new(ended.code == Some(143), ended.shown())
}

fn other_session(init: &Init) -> Seen {
    let script = "setsid sh -c 'trap \"echo asked; exit\" TERM; echo ready; while :; do sleep 0.01; done' &\n\
                  read wait; exit 5";
    let mut running = Scene::of(init).shell(script).start();
    running.expect_line("ready");
    running.hang_up();
    let ended = running.end();
    let asked = ended.said.contains("asked");
    let text = format!(
        "{}, exit {}",
        if asked { "asked" } else { "not asked" },
        ended.shown()
    );
    Seen::new(asked && ended.code == Some(5), text)
}

#[test]
fn tini_kill_process_group_means_group_mode() {
    let scene = Scene::of(&Init::vestibule()).env("TINI_KILL_PROCESS_GROUP", "");
    assert_eq!(who_gets_usr1(scene), "both");
}

#[test]
fn dumb_init_setsid_chooses_the_mode() {
    for (value, reached) in [("1", "both"), ("0", "main")] {
        let scene = Scene::of(&Init::vestibule()).env("DUMB_INIT_SETSID", value);
        assert_eq!(who_gets_usr1(scene), reached, "DUMB_INIT_SETSID={value}");
    }
}

#[test]
fn an_option_goes_before_the_variable_of_the_same_meaning() {
    for option in ["-c", "--single-child"] {
        let scene = Scene::of(&Init::vestibule())
            .env("TINI_KILL_PROCESS_GROUP", "1")
            .with(&[option]);
        assert_eq!(who_gets_usr1(scene), "main", "{option}");
    }
}
