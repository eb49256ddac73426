//! On a terminal: one key press is one signal, job control works.

use std::time::{Duration, Instant};

use crate::claim::{Seen, claims};
use crate::harness::{End, Process, Running, Scene};
use crate::inits::Init;
use crate::running::{state, wait_until};
use crate::scene::PATIENCE;

claims![
    one_ctrl_c_is_one_sigint,
    "10 Ctrl-C on the terminal: main gets this many SIGINT (want 10)",
    ctrl_c;
    ctrl_z_stops_main_and_cont_wakes_it,
    "Ctrl-Z on the terminal: main's state (want T)",
    ctrl_z;
    a_shell_on_the_terminal_has_job_control,
    "`bash -m -i`: a job stopped by Ctrl-Z, `fg`, Ctrl-C, `exit 9` (want 9, no complaint)",
    bash_jobs;
    dash_on_the_terminal_has_job_control,
    "the same with an interactive `dash`",
    dash_jobs;
    end_of_file_gets_through_the_terminal,
    "`cat; exit 4` on a terminal, a line and Ctrl-D (want 4, the line seen)",
    end_of_file;
    main_has_the_terminal,
    "main is the terminal's foreground group and can open `/dev/tty`",
    foreground;
];

const CTRL_C: &[u8] = b"\x03";
const CTRL_D: &[u8] = b"\x04";
const CTRL_Z: &[u8] = b"\x1a";
const CTRL_BACKSLASH: &[u8] = b"\x1c";

/// The init with this main on a terminal of its own.
fn on_terminal(init: &Init, main: &[&str]) -> Running {
    let words = [&["--"], main].concat();
    let scene = Scene::raw(&words).init(&init.path).terminal();
    scene
        .env("PATH", "/usr/bin:/bin")
        .env("TERM", "dumb")
        .spawn()
}

fn shell(init: &Init, script: &str) -> Running {
    on_terminal(init, &["/bin/sh", "-c", script])
}

/// The witness prints each signal; a second one for the same key press comes
/// within a fixed time or never, so that time is watched after each.
fn ctrl_c(init: &Init) -> Seen {
    const WATCHED: Duration = Duration::from_millis(60);
    let mut running = shell(init, "stty -echo; exec /witness signals 3");
    running.line("ready");
    for _ in 0..10 {
        running.press(CTRL_C);
        running.line("signal 2 ");
        let pressed = Instant::now();
        while pressed.elapsed() < WATCHED {
            std::thread::yield_now();
        }
    }
    running.press(CTRL_BACKSLASH);
    let said = running.finish().stdout;
    let count = said.matches("signal 2 ").count();
    Seen::new(count == 10, count.to_string())
}

fn ctrl_z(init: &Init) -> Seen {
    let mut running = shell(init, "echo ready; exec sleep 99");
    running.line("ready");
    let Process(main) = running.main();
    running.press(CTRL_Z);
    let stops = || (state(main) == 'T').then_some(());
    let stopped = wait_until(Duration::from_secs(1), stops).is_some();
    let letter = state(main);
    running.signal_to(Process(main), 18);
    let awake = wait_until(PATIENCE, || (state(main) == 'S').then_some(())).is_some();
    Seen::new(stopped && awake, letter.to_string())
}

fn jobs(init: &Init, main: &[&str]) -> Seen {
    let mut running = on_terminal(init, main);
    running.press(b"echo; echo up; sleep 99; echo af''ter\n");
    running.line("up");
    let asleep = || {
        let mut all = running.processes().into_iter();
        all.find(|process| process.status("Name") == "sleep")
    };
    let job = wait_until(PATIENCE, asleep).expect("the job runs");
    running.press(CTRL_Z);
    let stopped = wait_until(Duration::from_secs(2), || {
        (state(job.0) == 'T').then_some(())
    });
    running.press(b"echo; echo st''ill; fg\n");
    running.line("still");
    wait_until(Duration::from_secs(2), || {
        (state(job.0) == 'S').then_some(())
    });
    running.press(CTRL_C);
    let gone = || (state(job.0) == '-').then_some(());
    let interrupted = wait_until(Duration::from_secs(2), gone).is_some();
    running.press(b"exit 9\n");
    let outcome = running.finish();
    let complaint = ["job control", "tty"]
        .iter()
        .any(|word| outcome.stdout.contains(word));
    let right = stopped.is_some() && interrupted && !complaint && outcome.end == End::Code(9);
    Seen::new(
        right,
        if complaint {
            "complains".into()
        } else {
            format!("{:?}", outcome.end)
        },
    )
}

fn bash_jobs(init: &Init) -> Seen {
    jobs(init, &["/bin/bash", "--norc", "-m", "-i"])
}

fn dash_jobs(init: &Init) -> Seen {
    jobs(init, &["/bin/dash", "-i"])
}

fn end_of_file(init: &Init) -> Seen {
    let mut running = shell(init, "echo ready; cat; exit 4");
    running.line("ready");
    running.press(b"a line\n");
    // Its echo, then what `cat` wrote.
    running.line("a line");
    running.line("a line");
    running.press(CTRL_D);
    let end = running.finish().end;
    Seen::new(end == End::Code(4), format!("{end:?}"))
}

fn foreground(init: &Init) -> Seen {
    let mut running = on_terminal(init, &["/witness", "report", "read", "/dev/tty", "wait"]);
    let report = running.report();
    let is_foreground = report.number("foreground") == report.number("pgid");
    let is_leader = report.number("sid") == report.number("pid");
    let answer = running.line("");
    let opened = answer.starts_with("unread 11") || answer.starts_with("content");
    let yes = |answer| if answer { "yes" } else { "no" };
    Seen::new(
        is_foreground && opened,
        format!(
            "foreground {}, /dev/tty {}, own session {}",
            yes(is_foreground),
            yes(opened),
            yes(is_leader)
        ),
    )
}

#[test]
fn ctrl_c_ends_a_main_with_130() {
    let mut running = shell(&Init::vestibule(), "echo ready; exec sleep 99");
    running.line("ready");
    running.press(CTRL_C);
    running.finish().expect_code(130);
}

/// A byte pushed into the terminal's input, as if somebody had typed it.
fn pushes_input(scene: Scene) -> u8 {
    scene.terminal().env("PATH", "/usr/bin:/bin").run().code()
}

#[test]
fn a_main_under_another_user_cannot_type_into_the_terminal() {
    // TIOCSTI, by its number in asm-generic/ioctls.h.
    let main = [
        "perl",
        "-e",
        "my $x = \"x\"; exit(ioctl(STDIN, 0x5412, $x) ? 21 : 22)",
    ];
    let policy = r#"{"version": 1, "run": {"user": "app"}}"#;
    assert_eq!(pushes_input(Scene::command(&main).policy(policy)), 22);
    // Without a drop it is main's own affair, which also tests the test.
    let legacy = std::fs::read_to_string("/proc/sys/dev/tty/legacy_tiocsti");
    if legacy.is_ok_and(|text| text.trim() == "1") {
        assert_eq!(pushes_input(Scene::command(&main)), 21);
    }
}
