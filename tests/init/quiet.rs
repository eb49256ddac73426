//! PID 1 at rest: small, asleep, and without anything worth reading.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::claim::{Seen, claims};
use crate::inits::Init;
use crate::running::{Running, state, status, wait_until};
use crate::scene::{PATIENCE, Scene};

claims![
    an_idle_init_never_wakes_up,
    "idle for 3 s: context switches of PID 1 (want 0)",
    wake_ups;
    pid_1_has_one_thread,
    "threads of PID 1 (want 1)",
    threads;
    pid_1_shows_no_secret_in_environment_or_arguments,
    "a secret that main gets: found in PID 1's environment or arguments?",
    secret;
];

/// The init with main asleep.
fn idle(init: &Init) -> Running {
    let running = Scene::of(init).shell("echo ready; exec sleep 99").start();
    running.expect_line("ready");
    let pid = running.pid_1();
    let main = running.main();
    let asleep = || (status(main, "Name") == "sleep" && state(pid) == 'S').then_some(());
    wait_until(PATIENCE, asleep).expect("both are asleep");
    running
}

fn switches(pid: i32) -> u64 {
    ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"]
        .map(|field| status(pid, field).parse::<u64>().unwrap_or(0))
        .iter()
        .sum()
}

fn wake_ups(init: &Init) -> Seen {
    let running = idle(init);
    let pid = running.pid_1();
    let before = switches(pid);
    // The claim is that nothing happens, so a fixed time is watched.
    thread::sleep(Duration::from_secs(3));
    let count = switches(pid) - before;
    Seen::new(count == 0, count.to_string())
}

fn threads(init: &Init) -> Seen {
    let count = status(idle(init).pid_1(), "Threads");
    Seen::new(count == "1", count)
}

const SECRET: &str = "c4nary-7f1e9d02ab";

/// The value as a file where the init reads files, else as a variable.
fn with_secret(init: &Init) -> Scene {
    let scene = Scene::of(init);
    if init.arguments.reads_secret_files {
        scene.before(&format!(
            "mkdir -p /run/secrets; mount -t tmpfs tmpfs /run/secrets; echo {SECRET} > /run/secrets/api_key"
        ))
    } else {
        scene.env("API_KEY", SECRET)
    }
}

fn secret(init: &Init) -> Seen {
    let running = with_secret(init).shell("echo ready; exec sleep 99").start();
    running.expect_line("ready");
    let holds = |pid: i32, file: &str| {
        let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains(SECRET)
    };
    let (init, main) = (running.pid_1(), running.main());
    // During exec there is nothing to be read.
    let given = wait_until(PATIENCE / 10, || holds(main, "environ").then_some(())).is_some();
    let shown = holds(init, "environ") || holds(init, "cmdline");
    let text = match (given, shown) {
        (true, false) => "no",
        (true, true) => "yes",
        (false, _) => "main has none",
    };
    Seen::new(given && !shown, text)
}
