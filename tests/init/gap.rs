//! The moments in which signals get lost: before the init listens, and between
//! fork and exec of main. strace stretches them, so that nothing is left to
//! chance.
//!
//! **Never:** a claim about the instructions before the init's first own system
//! call: until then the kernel drops what PID 1 has no handler for.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::claim::{Seen, claims};
use crate::inits::Init;
use crate::running::{Running, children, status, wait_until};
use crate::scene::{PATIENCE, Scene};

claims![
    term_between_fork_and_the_new_group_is_kept_in_child_mode,
    "child mode, `setsid`/`setpgid` delayed by 300 ms: TERM in the gap ends main (want 143)",
    |init| in_the_gap(init, init.arguments.child, "setsid,setpgid");
    term_between_fork_and_the_new_group_is_kept_in_group_mode,
    "group mode, `setsid`/`setpgid` delayed by 300 ms: the same",
    |init| in_the_gap(init, init.arguments.group, "setsid,setpgid");
    term_between_fork_and_exec_is_kept_in_child_mode,
    "child mode, `execve` delayed by 300 ms: TERM before it ends main (want 143)",
    |init| in_the_gap(init, init.arguments.child, "execve");
    term_between_fork_and_exec_is_kept_in_group_mode,
    "group mode, `execve` delayed by 300 ms: the same",
    |init| in_the_gap(init, init.arguments.group, "execve");
    term_is_kept_at_every_moment_from_the_first_mask_on,
    "every system call slowed down, TERM at 16 moments after the init first blocked it (want all kept)",
    slow_motion;
    term_right_after_the_first_mask_is_kept_at_full_speed,
    "40 starts at full speed, TERM as soon as the init is seen to block it (want all kept)",
    full_speed;
];

/// strace over the whole stage, delaying these calls on their entry.
fn delayed(scene: Scene, calls: &str, fault: &str) -> Running {
    let trace = format!("trace={calls}");
    let inject = format!("inject={calls}:{fault}");
    let words = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        &trace,
        "-e",
        &inject,
    ];
    scene.start_under(&words)
}

fn in_the_gap(init: &Init, options: Option<&[&str]>, calls: &str) -> Seen {
    let Some(options) = options else {
        return Seen::no_option();
    };
    // A lost TERM shows as main's own end, 0.
    let scene = Scene::of(init).with(options).main(&["sleep", "2"]);
    let running = delayed(scene, calls, "delay_enter=300000");
    // The child is there: it sleeps in the delayed call, or is about to.
    assert!(
        wait_for_init(&running, init, |pid| !children(pid).is_empty()),
        "a child"
    );
    let ended = running.stop(PATIENCE);
    let lost = if ended.code == Some(0) { " (lost)" } else { "" };
    Seen::new(ended.code == Some(143), format!("{}{lost}", ended.shown()))
}

/// Waits until PID 1 is the init, no longer the shell that prepares, and more.
fn wait_for_init(running: &Running, init: &Init, more: impl Fn(i32) -> bool) -> bool {
    let pid = running.pid_1();
    let program = fs::canonicalize(&init.path).expect("the init exists");
    let is_init = || fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program);
    wait_until(PATIENCE, || (is_init() && more(pid)).then_some(())).is_some()
}

/// Waits until it blocks TERM, or has gone on to wait for it: a waiting
/// `rt_sigtimedwait` takes it out of the mask that `/proc` shows.
fn wait_for_mask(running: &Running, init: &Init) -> bool {
    wait_for_init(running, init, |pid| {
        let mask = u64::from_str_radix(&status(pid, "SigBlk"), 16).unwrap_or(0);
        mask & (1 << 14) != 0 || !children(pid).is_empty()
    })
}

/// How many TERMs were lost, cell and all.
fn kept(codes: &[Option<u8>]) -> Seen {
    let kept = codes.iter().filter(|code| **code == Some(143)).count();
    Seen::new(kept == codes.len(), format!("{kept} of {}", codes.len()))
}

fn slow_motion(init: &Init) -> Seen {
    // Dense at first, then up to half a second: past a hand-over.
    let moments = (0..16_u64).map(|step| Duration::from_millis(step * step * 2));
    let codes: Vec<Option<u8>> = moments
        .map(|moment| {
            let scene = Scene::of(init).main(&["sleep", "2"]);
            let running = delayed(scene, "all", "delay_exit=2000");
            assert!(wait_for_mask(&running, init), "the init blocks TERM");
            // The moment is what this claim varies; it stands for no event.
            thread::sleep(moment);
            running.stop(PATIENCE).code
        })
        .collect();
    kept(&codes)
}

fn full_speed(init: &Init) -> Seen {
    let codes: Vec<Option<u8>> = (0..40)
        .map(|_| {
            let running = Scene::of(init).main(&["sleep", "1"]).start();
            assert!(wait_for_mask(&running, init), "the init blocks TERM");
            running.stop(PATIENCE).code
        })
        .collect();
    kept(&codes)
}
