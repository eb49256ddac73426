//! What main inherits: exactly what the init was given, never a third thing.

use std::time::Duration;

use crate::claim::{Seen, claims, demand};
use crate::inits::Init;
use crate::running::{status, wait_until};
use crate::scene::{PATIENCE, Scene};

claims![
    main_gets_an_empty_mask_from_a_clean_caller,
    "caller blocks and ignores nothing: main's mask and ignored signals (want none)",
    clean_caller;
    main_gets_exactly_the_mask_and_the_ignored_signals_of_the_caller,
    "caller blocks ILL TERM TTIN RTMIN, ignores INT SEGV PIPE TTOU: main the same",
    odd_caller;
    ignored_sigchld_at_start_does_not_hide_mains_end,
    "started with SIGCHLD ignored: main's exit 42 is seen",
    child_ignored;
    blocked_sigchld_at_start_does_not_hide_mains_end,
    "started with SIGCHLD and TERM blocked: main's exit 42 is seen",
    child_blocked;
    term_reaches_a_main_that_was_started_with_everything_blocked,
    "started with all signals blocked: TERM still gets to main",
    all_blocked;
    limits_umask_and_directory_of_the_caller_are_mains,
    "limits (core, files, pending signals), umask and directory of the caller are main's",
    limits;
    an_inherited_descriptor_is_not_kept_open_by_the_init,
    "descriptor 9 is inherited: the init does not keep it open",
    descriptor;
    closed_standard_descriptors_do_no_harm,
    "started with stdin, stdout and stderr closed: exit 42",
    closed_standard;
];

/// A cell: what main's signal state differs in.
fn signal_state(scene: Scene, wanted: (u64, u64)) -> Seen {
    let ended = scene.main(&["cat", "/proc/self/status"]).run();
    let set = |field: &str| {
        let line = ended.said.lines().find_map(|line| line.strip_prefix(field));
        line.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok())
    };
    let found = (set("SigBlk:"), set("SigIgn:"));
    let shown = |set: Option<u64>| set.map_or_else(|| "?".into(), numbers);
    Seen::new(
        found == (Some(wanted.0), Some(wanted.1)),
        format!(
            "blocks {{{}}} ignores {{{}}}",
            shown(found.0),
            shown(found.1)
        ),
    )
}

/// The signals of a mask.
fn numbers(mask: u64) -> String {
    let list: Vec<String> = (1..=64)
        .filter(|number| mask & bit(*number) != 0)
        .map(|number| number.to_string())
        .collect();
    list.join(",")
}

fn bit(number: u32) -> u64 {
    1 << (number - 1)
}

fn bits(numbers: &[u32]) -> u64 {
    numbers.iter().map(|&number| bit(number)).sum()
}

fn clean_caller(init: &Init) -> Seen {
    signal_state(Scene::of(init), (0, 0))
}

fn odd_caller(init: &Init) -> Seen {
    let scene = Scene::of(init).through(&[
        "env",
        "--block-signal=ILL,TERM,TTIN,RTMIN",
        "--ignore-signal=INT,SEGV,PIPE,TTOU",
    ]);
    signal_state(scene, (bits(&[4, 15, 21, 34]), bits(&[2, 11, 13, 22])))
}

/// Short, since a hang is what some inits do here.
const HANG: Duration = Duration::from_secs(3);

fn ends_with_42(scene: Scene) -> Seen {
    let code = scene.shell("exit 42").code_within(HANG);
    Seen::new(code == "42", code)
}

fn child_ignored(init: &Init) -> Seen {
    ends_with_42(Scene::of(init).through(&["env", "--ignore-signal=CHLD"]))
}

fn child_blocked(init: &Init) -> Seen {
    ends_with_42(Scene::of(init).through(&["env", "--block-signal=CHLD,TERM"]))
}

fn all_blocked(init: &Init) -> Seen {
    let scene = Scene::of(init).through(&["env", "--block-signal"]);
    // Main opens its own ears; what it inherits is another claim's matter.
    let listen = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done";
    let main = ["env", "--default-signal=TERM", "/bin/sh", "-c", listen];
    let running = scene.main(&main).start();
    running.expect_line("ready");
    let ended = running.stop(HANG);
    Seen::new(ended.code == Some(7), ended.shown())
}

fn limits(init: &Init) -> Seen {
    let scene = Scene::of(init)
        .before("cd /usr; umask 0031; ulimit -S -c 4096; ulimit -n 1234")
        .through(&["prlimit", "--sigpending=777"]);
    let script = "pwd; umask; ulimit -S -c; ulimit -n; grep pending /proc/self/limits";
    let ended = scene.shell(script).run();
    let words: Vec<&str> = ended.said.split_ascii_whitespace().collect();
    let wanted = "/usr 0031 4096 1234 Max pending signals 777 777 signals";
    Seen::new(words.join(" ") == wanted, words.join(" "))
}

/// The descriptors that a process has open, `None` once it is gone.
fn descriptors(pid: i32) -> Option<Vec<i32>> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let mut numbers: Vec<i32> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    Some(numbers)
}

fn descriptor(init: &Init) -> Seen {
    let scene = Scene::of(init).before("exec 9</etc/passwd");
    let mut running = scene.shell("echo ready; read wait").start();
    running.expect_line("ready");
    let open = descriptors(running.pid_1()).unwrap_or_default();
    running.hang_up();
    let has = |number| open.contains(&number);
    let text = if has(9) { "kept open" } else { "closed" };
    Seen::new(!has(9) && has(0) && has(2), text)
}

fn closed_standard(init: &Init) -> Seen {
    let scene = Scene::of(init).before("exec 0<&- 1>&- 2>&-");
    let code = scene.shell("exit 42").code_within(HANG);
    Seen::new(code == "42", code)
}

#[test]
fn main_gets_closed_standard_descriptors_closed() {
    demand("stdin and stderr closed", |init| {
        let scene = Scene::of(init).before("exec 0<&- 2>&-");
        let ended = scene.main(&["ls", "-x", "/proc/self/fd"]).run();
        // `ls` itself opens the directory: at the lowest free number, 0.
        let words: Vec<&str> = ended.said.split_ascii_whitespace().collect();
        Seen::same(&words, &vec!["0", "1"])
    });
}

#[test]
fn neither_init_nor_main_holds_an_inherited_descriptor() {
    let scene = Scene::of(&Init::vestibule()).before("exec 9</etc/passwd 8</etc/group");
    let mut running = scene.main(&["sh", "-c", "echo ready; read wait"]).start();
    running.expect_line("ready");
    // The connection to main closes once PID 1 has noticed that main was executed.
    let init = running.pid_1();
    let noticed = wait_until(PATIENCE, || {
        (status(init, "Name") == "vestibule").then_some(())
    });
    noticed.expect("PID 1 notices main");
    for (who, pid) in [("init", init), ("main", running.main())] {
        assert_eq!(descriptors(pid), Some(vec![0, 1, 2]), "{who}");
    }
    running.hang_up();
}

#[test]
fn main_gets_ignored_sigchld_back() {
    let scene = Scene::of(&Init::vestibule()).through(&["env", "--ignore-signal=CHLD"]);
    let seen = signal_state(scene, (0, bit(17)));
    assert!(seen.right, "{}", seen.what);
}

#[test]
fn the_init_itself_ignores_nothing_and_blocks_everything() {
    let running = Scene::of(&Init::vestibule())
        .shell("echo ready; exec sleep 100")
        .start();
    running.expect_line("ready");
    let init = running.pid_1();
    let field = |name| wait_until(PATIENCE, || Some(status(init, name)));
    // KILL and STOP cannot be blocked. A waiting `rt_sigtimedwait` takes the
    // signals that it waits for out of the mask that `/proc` shows.
    assert_eq!(field("SigIgn").as_deref(), Some("0000000000000000"));
    assert_eq!(field("SigCgt").as_deref(), Some("0000000000000000"));
}
