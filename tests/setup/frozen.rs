//! A process that not even KILL ends: there is no main beside it.
//!
//! A freezer of cgroup version 1 makes one of it, in the state of a process that
//! waits for a device; in version 2 a frozen process does end.

use std::fs;
use std::path::PathBuf;

use crate::harness::{Process, wait_for};
use crate::rules::{Rules, refusal, sh, sh_with_token};

/// A cgroup of the machine below, outside of the scene.
struct Freezer(PathBuf);

impl Freezer {
    /// `None`, and said so: no version 1, or it may not be written.
    #[expect(clippy::print_stderr, reason = "a skipped test says why")]
    fn new() -> Option<Self> {
        let name = format!("vestibule-{}", std::process::id());
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
    let leftover = wait_for("the leftover", || {
        let is_leftover = |process: &Process| process.arguments() == ["sleep", "99"];
        running.processes().into_iter().find(is_leftover)
    });
    freezer.freeze(leftover);
    fs::write(running.init().path("root/go"), "").expect("the FIFO is opened");
    let said = running.complaint("vestibule: processes are left that KILL did not end: ");
    assert!(said.contains("`sleep` (pid"), "{said}");
    assert_eq!(leftover.status("State"), "D (disk sleep)");
    // The kernel does not let PID 1 go while one of its namespace lives.
    freezer.thaw();
    let outcome = running.finish();
    let said = refusal(&outcome, 121);
    assert!(said.contains("storage or device"), "{said}");
    assert_eq!(outcome.stdout, "inside\n", "no other command and no main");
}
