//! A process that not even KILL ends: there is no main beside it.
//!
//! A freezer of cgroup version 1 makes one of it, in the state of a process that
//! waits for a device; in version 2 a frozen process does end.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Layer, Process, Running, wait_for};
use crate::rules::{Rules, refusal, sh, sh_with_token};

/// How it is told.
const LEFT: &str = "vestibule: processes are left that KILL did not end: ";

/// A cgroup of the machine below, outside of the scene.
struct Freezer(PathBuf);

impl Freezer {
    /// `None`, and said so: no version 1, or it may not be written.
    #[expect(clippy::print_stderr, reason = "a skipped test says why")]
    fn new() -> Option<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("vestibule-{}-{number}", std::process::id());
        let place = PathBuf::from("/sys/fs/cgroup/freezer").join(name);
        if fs::create_dir(&place).is_ok() && place.join("freezer.state").exists() {
            return Some(Self(place));
        }
        eprintln!("skipped: no freezer of cgroup version 1 can be had");
        None
    }

    fn freeze(&self, process: Process) {
        let state = self.0.join("freezer.state");
        fs::write(self.0.join("cgroup.procs"), process.0.to_string()).expect("it is moved");
        fs::write(&state, "FROZEN").expect("it is frozen");
        wait_for("the freezer", || {
            let state = fs::read_to_string(&state).ok()?;
            (state == "FROZEN\n").then_some(())
        });
    }

    fn thaw(&self) {
        fs::write(self.0.join("freezer.state"), "THAWED").expect("it is thawed");
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        self.thaw();
        let _ = fs::remove_dir(&self.0);
    }
}

fn leftover(running: &Running) -> Process {
    let is_leftover = |process: &Process| process.arguments() == ["sleep", "99"];
    wait_for("the leftover", || {
        running.processes().into_iter().find(is_leftover)
    })
}

#[test]
fn a_process_that_kill_does_not_end_is_named_and_there_is_no_main() {
    let Some(freezer) = Freezer::new() else {
        return;
    };
    let line = r#"sh -c 'printf %s "$TOKEN" > planted; exec sleep 99' & echo inside; cat /go"#;
    let rules = Rules::of(&[sh_with_token(line), sh("echo next")]);
    let mut running = rules.main(&["say", "main"]).fifo("/go", 0o666).spawn();
    // Thawed before the scene is ended, also by a claim that fails.
    let freezer = freezer;
    running.line("inside");
    let leftover = leftover(&running);
    freezer.freeze(leftover);
    fs::write(running.init().path("root/go"), "").expect("the FIFO is opened");
    let said = running.complaint(LEFT);
    assert!(said.contains("`sleep` (pid"), "{said}");
    assert_eq!(leftover.status("State"), "D (disk sleep)");
    // The kernel does not let PID 1 go while one of its namespace lives.
    freezer.thaw();
    let outcome = running.finish();
    let said = refusal(&outcome, 121);
    assert!(said.contains("storage or device"), "{said}");
    assert_eq!(outcome.stdout, "inside\n", "no other command and no main");
}

#[test]
fn one_that_outlasts_the_seal_is_told_once_and_nothing_is_revoked_again() {
    let Some(freezer) = Freezer::new() else {
        return;
    };
    let layer = Layer::new();
    let rules = Rules::of(&[sh_with_token("echo setup")]);
    let rules = rules.seal("on_drop", json!(["/opt/revoke"]));
    let script = "#!/bin/sh\nsleep 99 & echo revoked; cat /go\n";
    let scene = rules.main(&["say", "main"]).fifo("/go", 0o666).on(&layer);
    let scene = scene.file("/opt/revoke", 0o755, (0, 0), script);
    let mut running = scene.clone().spawn();
    // Thawed before the scene is ended, also by a claim that fails.
    let freezer = freezer;
    running.line("revoked");
    freezer.freeze(leftover(&running));
    let start = Instant::now();
    fs::write(running.init().path("root/go"), "").expect("the FIFO is opened");
    let said = running.complaint(LEFT);
    // It is waited for in all steps together as long as in one.
    assert!(start.elapsed() < Duration::from_secs(19));
    assert!(said.contains("`sleep` (pid"), "{said}");
    freezer.thaw();
    let outcome = running.finish();
    let said = refusal(&outcome, 121);
    assert_eq!(outcome.stderr.matches(LEFT).count(), 1, "{said}");
    assert!(!said.contains("not revoked"), "{said}");
    assert_eq!(outcome.stdout, "setup\nrevoked\n");
    let outcome = scene.run().expect_code(0);
    assert_eq!(outcome.stdout, "main\n", "it was through, and revoked");
}
