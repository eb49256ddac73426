//! Little rights: other users, no capabilities, no `/proc`, nothing writable.

use std::time::Duration;

use crate::claim::{Seen, claims};
use crate::harness;
use crate::inits::Init;
use crate::running::{Running, send, status, wait_until};
use crate::scene::{PATIENCE, Scene};

claims![
    a_signal_that_the_kernel_forbids_does_not_end_the_init,
    "no CAP_KILL, main is another user: after a USR1 the init lives to see main's exit 42",
    forbidden;
    the_init_works_without_proc,
    "`/proc` not mounted: exit 42, TERM forwarded",
    without_proc;
    the_init_works_on_a_read_only_root,
    "read-only root: exit 42",
    read_only;
    the_init_works_without_rights,
    "uid 65534, no capabilities, no_new_privs: exit 42, TERM forwarded",
    without_rights;
    the_init_works_with_hardly_any_limits,
    "at most 32 open files and 8 MiB of address space: exit 42",
    tight;
];

/// What takes CAP_KILL away from a root process: it is not in the bounding set
/// when the next program is executed.
const WITHOUT_KILL: [&str; 2] = ["setpriv", "--bounding-set=-kill"];
const WITHOUT_RIGHTS: [&str; 7] = [
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--no-new-privs",
    "--bounding-set=-all",
    "--inh-caps=-all",
];

/// An init without CAP_KILL whose main took another user by itself, waits for a
/// line and ends with 42.
fn with_foreign_main(init: &Init) -> Running {
    let shell = "echo ready; read wait; exit 42";
    let main = [
        "setpriv",
        "--reuid=65534",
        "--clear-groups",
        "/bin/sh",
        "-c",
        shell,
    ];
    let running = Scene::of(init).through(&WITHOUT_KILL).main(&main).start();
    running.expect_line("ready");
    running
}

fn forbidden(init: &Init) -> Seen {
    let mut running = with_foreign_main(init);
    let pid = running.pid_1();
    send(pid, 10);
    // Fetched, by whatever means the init fetches signals.
    let fetched = || (status(pid, "ShdPnd") == "0000000000000000").then_some(());
    wait_until(PATIENCE, fetched);
    running.hang_up();
    let ended = running.end_within(Duration::from_secs(3));
    Seen::new(ended.code == Some(42), ended.shown())
}

/// A cell for two things: a code, and TERM to main.
fn works(scene: &Scene) -> Seen {
    let ended = scene.clone().shell("exit 42").run();
    let running = scene.clone().shell("echo ready; exec sleep 99").start();
    running.expect_line("ready");
    let stopped = running.stop(PATIENCE);
    let right = ended.code == Some(42) && stopped.code == Some(143);
    Seen::new(right, format!("{} {}", ended.shown(), stopped.shown()))
}

fn without_proc(init: &Init) -> Seen {
    works(&Scene::of(init).before("mount -t tmpfs tmpfs /proc"))
}

fn without_rights(init: &Init) -> Seen {
    works(&Scene::of(init).through(&WITHOUT_RIGHTS))
}

fn read_only(init: &Init) -> Seen {
    let scene = Scene::of(init).before("mount -o remount,ro,bind /");
    let ended = scene.shell("touch /here 2>&- && exit 1; exit 42").run();
    Seen::new(ended.code == Some(42), ended.shown())
}

fn tight(init: &Init) -> Seen {
    let scene = Scene::of(init).through(&["prlimit", "--nofile=32", "--as=8388608"]);
    let ended = scene.shell("exit 42").run();
    Seen::new(ended.code == Some(42), ended.shown())
}

/// A scene whose main becomes another user by policy, and says what it gets.
fn as_another_user(scene: Scene) -> Scene {
    let policy = r#"{"version": 1, "run": {"user": "65534:65534"}}"#;
    let prepare = format!("mount -t tmpfs tmpfs /mnt; echo '{policy}' > /mnt/policy.json");
    let witness = harness::witness();
    let witness = witness.to_str().expect("a path in UTF-8");
    scene
        .before(&format!("{prepare}; cp {witness} /mnt/witness"))
        .with(&["--policy", "/mnt/policy.json"])
        .main(&["/mnt/witness", "signals", "15"])
}

fn every_kind_arrives(scene: Scene) {
    let running = as_another_user(scene).start();
    running.expect_line("ready");
    assert_eq!(
        status(running.main(), "Uid")
            .split_ascii_whitespace()
            .next(),
        Some("65534")
    );
    for number in [1, 10, 28, 34, 64] {
        send(running.pid_1(), number);
        let line = format!("signal {number} ");
        let came = running.hears_often(&line, 1, Duration::from_secs(2));
        assert!(came, "{number}: {}", running.complained());
    }
    let ended = running.stop(PATIENCE);
    assert_eq!(ended.code, Some(0), "{}", ended.complained);
}

#[test]
fn main_under_another_user_gets_every_signal() {
    every_kind_arrives(Scene::of(&Init::vestibule()));
}

#[test]
fn main_under_another_user_gets_every_signal_without_cap_kill() {
    every_kind_arrives(Scene::of(&Init::vestibule()).through(&WITHOUT_KILL));
}

#[test]
fn a_main_under_another_user_that_ignores_term_is_killed_after_its_grace() {
    for around in [&WITHOUT_KILL[..], &[]] {
        let scene = as_another_user(Scene::of(&Init::vestibule()).through(around));
        let running = scene
            .with(&["--grace", "300ms"])
            .shell("trap '' TERM; echo ready; exec sleep 99")
            .start();
        running.expect_line("ready");
        let ended = running.stop(Duration::from_secs(5));
        assert_eq!(ended.code, Some(137), "{around:?}: {}", ended.complained);
    }
}

#[test]
fn a_forbidden_signal_is_told_once_a_minute_at_most() {
    let mut running = with_foreign_main(&Init::vestibule());
    let pid = running.pid_1();
    for _ in 0..5 {
        send(pid, 10);
        let fetched = || (status(pid, "ShdPnd") == "0000000000000000").then_some(());
        wait_until(PATIENCE, fetched).expect("fetched");
    }
    running.hang_up();
    let complained = running.end().complained;
    assert_eq!(complained.matches("warning:").count(), 1, "{complained}");
    assert!(
        complained.contains("USR1") && complained.contains("CAP_KILL"),
        "{complained}"
    );
}
