//! What commands leave running or in the kernel: gone before the next command,
//! and gone before main.

use serde_json::json;

use crate::harness::{capability, wait_for};
use crate::hunt;
use crate::rules::{APP_GROUPS, Rules, mischief, mischief_with_token, sh};

const ALONE: &str = "others 0";

#[test]
fn a_daemon_with_the_value_is_gone_before_the_next_command_and_before_main() {
    let rules = Rules::of(&[
        mischief_with_token(&["daemon"]),
        mischief(&["others"]),
        mischief_with_token(&["daemon"]),
    ]);
    let outcome = rules.command(&["/mischief", "say", "main", "others"]).run();
    let outcome = outcome.expect_code(0);
    assert_eq!(outcome.stdout, format!("{ALONE}\nmain\n{ALONE}\n"));
}

#[test]
fn a_chain_of_forks_does_not_outrun_the_seal() {
    let comets = ["comet"; 3];
    let rules = Rules::of(&[
        mischief_with_token(&comets),
        mischief(&["others"]),
        mischief_with_token(&comets),
    ]);
    for round in 0..10 {
        let outcome = rules.command(&["/mischief", "say", "main", "others"]).run();
        let outcome = outcome.expect_code(0);
        let wanted = format!("{ALONE}\nmain\n{ALONE}\n");
        assert_eq!(outcome.stdout, wanted, "round {round}");
    }
}

#[test]
fn a_command_that_ends_badly_leaves_nothing_running_either() {
    let rules = Rules::of(&[mischief_with_token(&["daemon", "comet", "exit", "3"])]);
    let outcome = rules.main(&["say", "main"]).run();
    crate::rules::refusal(&outcome, 120);
}

/// States in which a process may try to outlast a signal.
const KINDS: [&str; 5] = ["stopped", "traced", "vfork", "reaper", "nested"];

#[test]
fn no_state_of_a_process_outlasts_the_seal() {
    for kind in KINDS {
        let rules = Rules::of(&[
            mischief_with_token(&[kind, "others"]),
            mischief(&["others"]),
            mischief_with_token(&[kind]),
        ]);
        let outcome = rules.command(&["/mischief", "say", "main", "others"]).run();
        let outcome = outcome.expect_code(0);
        let lines: Vec<&str> = outcome.stdout.lines().collect();
        assert_ne!(lines[0], ALONE, "{kind} does not outlast its maker");
        assert_eq!(lines[1..], [ALONE, "main", ALONE], "{kind}");
    }
}

#[test]
fn nobody_s_memory_holds_the_value_whatever_its_last_holders_were() {
    let rules = Rules::of(&[mischief_with_token(
        &[&KINDS[..], &["daemon", "comet"]].concat(),
    )]);
    let rules = rules.run("user", json!("root"));
    for user in ["app", "root"] {
        let rules = rules.clone().setup("user", json!(user));
        let scene = rules.directory(0o777).main(&["say", "main", "wait"]);
        let mut running = scene.spawn();
        running.line("ready");
        let value = running.value("token").to_owned();
        assert_eq!(
            hunt::in_memory(&running, &value),
            Vec::<i32>::new(),
            "{user}"
        );
        running.signal(15);
        running.finish().expect_code(143);
    }
}

/// A name for keys of this run alone: the user's keyrings are the machine's.
fn key_name() -> String {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    format!("vestibule-test-{}-{number}", std::process::id())
}

/// Whether the kernel has keyrings, and main of this user finds in them what it
/// has put there. Without that the claim says nothing, and says so.
#[expect(clippy::print_stderr, reason = "a skipped test says why")]
fn has_keyrings(name: &str) -> bool {
    let rules = Rules::of(&[sh("true")]);
    let scene = rules.command(&["/mischief", "leave-keys", name, "keys", name]);
    let outcome = scene.run().expect_code(0);
    // ENOSYS, or EPERM where the machine's own filter refuses.
    let left = outcome.said("left").expect("it tried").trim().to_owned();
    let is_refused = left.split(' ').all(|error| ["1", "38"].contains(&error));
    if is_refused {
        eprintln!("skipped: the kernel lets nobody have a keyring");
        return false;
    }
    let found = outcome.said("keys ").expect("it looked");
    assert!(!found.starts_with("0 "), "left {left}, found {found}");
    true
}

#[test]
fn no_keyring_that_main_has_holds_what_setup_left() {
    let name = key_name();
    if !has_keyrings(&name) {
        return;
    }
    for (user, main) in [("app", "app"), ("root", "root"), ("root", "app")] {
        let rules = Rules::of(&[mischief_with_token(&["leave-keys", &name])]);
        let rules = rules.setup("user", json!(user)).run("user", json!(main));
        let scene = rules.directory(0o777);
        let scene = scene.command(&["/mischief", "say", "main", "keys", &name]);
        let outcome = scene.run().expect_code(0);
        assert_eq!(outcome.said("left"), Some(" 1 1 1 1 1"), "{user}");
        let found = outcome.said("keys ").expect("it looked");
        assert!(found.starts_with("0 "), "{user} left {found} for {main}");
    }
}

#[test]
fn a_session_entered_during_setup_is_ended_with_it() {
    // An exec session: entered from outside, child of nobody here.
    let rules = Rules::of(&[sh("echo inside; cat /go")]);
    let scene = rules.main(&["say", "main", "wait"]).fifo("/go", 0o666);
    let mut running = scene.spawn();
    running.line("inside");
    let init = running.init();
    let target = init.0.to_string();
    let mut session = crate::harness::program("nsenter")
        .args(["--target", &target, "--pid", "--mount", "--ipc"])
        .args(["/mischief", "wait"])
        .spawn()
        .expect("nsenter is there");
    // nsenter forks: PID 1, the shell, cat, and the session's process.
    wait_for("the session", || {
        let entered =
            |process: &crate::harness::Process| process.arguments() == ["/mischief", "wait"];
        running.processes().iter().any(entered).then_some(())
    });
    std::fs::write(init.path("root/go"), "").expect("the FIFO is opened");
    running.line("main");
    let ended = wait_for("the end of the session", || {
        session.try_wait().expect("our child")
    });
    assert!(!ended.success(), "{ended}");
    running.signal(15);
    running.finish().expect_code(143);
}

#[test]
fn nobody_s_memory_holds_the_value_when_main_runs() {
    let rules = Rules::of(&[mischief_with_token(&["daemon", "comet"])]);
    let mut running = rules.main(&["say", "main", "wait"]).spawn();
    running.line("ready");
    let value = running.value("token").to_owned();
    assert_eq!(hunt::in_memory(&running, &value), Vec::<i32>::new());
    let main = running.main();
    assert!(hunt::in_files(main, &value).is_empty());
    running.signal(15);
    running.finish().expect_code(143);
}

#[test]
fn objects_in_the_kernel_and_in_dev_shm_are_gone_before_main() {
    let rules = Rules::of(&[mischief_with_token(&["leave-objects", "objects"])]);
    let outcome = rules
        .command(&["/mischief", "say", "main", "objects"])
        .run();
    let outcome = outcome.expect_code(0);
    assert_eq!(
        outcome.stdout,
        "objects shm 1 sem 1 msg 1 queues 1 files 1\nmain\n\
         objects shm 0 sem 0 msg 0 queues 0 files 0\n"
    );
}

#[test]
fn what_was_in_dev_shm_before_setup_stays() {
    let rules = Rules::of(&[mischief_with_token(&["leave-objects"])]);
    let scene = rules.main_sh("echo main; ls /dev/shm");
    let scene = scene.file("/dev/shm/older", 0o644, (0, 0), "of somebody else");
    assert_eq!(scene.run().expect_code(0).stdout, "main\nolder\n");
}

#[test]
fn without_the_capability_kill_a_foreign_daemon_is_killed_or_main_is_not_started() {
    // `cap_drop: ALL` with SETUID and SETGID: kill(-1) says yes and kills nobody.
    let kept = capability::SETUID | capability::SETGID | capability::SETPCAP;
    let rules = Rules::of(&[
        mischief_with_token(&["daemon", "comet"]),
        mischief(&["others"]),
    ]);
    let scene = rules.bare(&["/mischief", "say", "main", "others"]);
    let outcome = scene.capabilities(kept).run();
    if crate::rules::has_main(&outcome) {
        let wanted = format!("{ALONE}\nmain\n{ALONE}\n");
        assert_eq!(outcome.stdout, wanted, "{}", outcome.stderr);
    } else {
        let said = crate::rules::refusal(&outcome, outcome.code());
        assert!([111, 121].contains(&outcome.code()), "{said}");
    }
}

#[test]
fn one_user_for_everything_and_no_capability_is_sealed_as_well() {
    let rules = Rules::of(&[
        mischief_with_token(&["daemon", "comet", "leave-objects"]),
        mischief(&["others"]),
    ]);
    let scene = rules.bare(&["/mischief", "say", "main", "others", "objects"]);
    let outcome = scene.user(1000, 1000, &APP_GROUPS).run().expect_code(0);
    assert_eq!(
        outcome.stdout,
        format!("{ALONE}\nmain\n{ALONE}\nobjects shm 0 sem 0 msg 0 queues 0 files 0\n")
    );
}

#[test]
fn a_core_file_is_never_written() {
    let rules = Rules::of(&[mischief_with_token(&["die", "11"])]);
    let layer = crate::harness::Layer::new();
    let scene = rules.main(&["say", "main"]).limit(4, u64::MAX, u64::MAX);
    let value = scene.value("token").to_owned();
    let outcome = scene.on(&layer).run();
    crate::rules::refusal(&outcome, 120);
    assert!(hunt::in_layer(&layer, &value).is_empty());
}
