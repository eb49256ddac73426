//! A start that is cut off before any single step of PID 1, and the next one on
//! the same file system: KILL and a power failure at once, and TERM.
//!
//! What a step changes is in the page cache or on the disk for the next start
//! alike, but for what was never synchronised: `power` has claims about that.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::harness::{Layer, Scene, capability, wait_for};
use crate::hunt;
use crate::rules::{APP_GROUPS, Rules, TOKEN, has_main, mischief_with_token, sh, sh_with_token};
use crate::tracer::{Change, Cut, cut};

/// Leaves the value in its home and, until its end, in its directory; objects of
/// the kernel come after it.
const LINE: &str =
    r#"printf %s "$TOKEN" > planted; printf %s "$TOKEN" > "$HOME/x"; echo setup; rm planted"#;
const REVOKE: (&str, &str) = ("/opt/revoke", "#!/bin/sh\n: > /workspace/revoked\n");

fn rules() -> Rules {
    let objects = mischief_with_token(&["leave-objects"]);
    let rules = Rules::of(&[sh_with_token(LINE), objects, sh("echo built > out")]);
    let rules = rules.setup("skip_if", json!("/workspace/out"));
    rules.seal("on_drop", json!([REVOKE.0]))
}

pub(crate) fn usual() -> Scene {
    rules()
        .main(&["say", "main", "wait"])
        .file(REVOKE.0, 0o755, (0, 0), REVOKE.1)
}

pub(crate) fn one_user() -> Scene {
    let scene = rules().bare(&["/witness", "say", "main", "wait"]);
    let scene = scene.file(REVOKE.0, 0o755, (0, 0), REVOKE.1);
    scene.user(1000, 1000, &APP_GROUPS)
}

pub(crate) fn no_rights() -> Scene {
    let kept = capability::SETUID | capability::SETGID | capability::SETPCAP | capability::KILL;
    // A directory that root may not even look into.
    let rules = rules().directory(0o700);
    let scene = rules.bare(&["/witness", "say", "main", "wait"]);
    let scene = scene.file(REVOKE.0, 0o755, (0, 0), REVOKE.1);
    scene.capabilities(kept)
}

/// A start on what another one left: main, and nothing of the value anywhere.
#[track_caller]
pub(crate) fn expect_clean_start(scene: &Scene, layer: &Layer, cut: &Cut) {
    let mut running = scene.clone().on(layer).spawn();
    let token = running.value(TOKEN).to_owned();
    let has_ended = |running: &crate::harness::Running| running.init().has_ended();
    wait_for("main or the end", || {
        (running.has_said("main") || has_ended(&running)).then_some(())
    });
    let files = hunt::in_layer(layer, &token);
    let memory = hunt::in_memory(&running, &token);
    if !has_ended(&running) {
        running.signal(15);
    }
    let outcome = running.finish();
    assert!(
        has_main(&outcome),
        "after a cut before {:?} no start: {}{}\nthe start before: {}",
        cut.change,
        outcome.stdout,
        outcome.stderr,
        cut.outcome.stderr
    );
    assert!(files.is_empty(), "{:?}: {files:?}", cut.change);
    assert!(memory.is_empty(), "{:?}: {memory:?}", cut.change);
}

/// Whether a change is one more of many that are alike: a probe of a file system's
/// clock, or a wait after a wait.
#[derive(Default)]
pub(crate) struct Alike {
    probes: usize,
    was_wait: bool,
}

impl Alike {
    pub(crate) fn is_more(&mut self, change: &Change) -> bool {
        let is_probe = change.path.contains(".vestibule-probe-");
        let is_wait = change.call == "wait";
        self.probes += usize::from(is_probe);
        let was_wait = std::mem::replace(&mut self.was_wait, is_wait);
        (is_probe && self.probes > 4) || (is_wait && was_wait)
    }
}

/// Cuts a start off before each change, one after the other, a share of them.
fn everywhere(scene: &Scene, signal: Signal, share: usize, of: usize) -> usize {
    for number in (share..).step_by(of) {
        let layer = Layer::new();
        let (mut alike, mut left) = (Alike::default(), number);
        let found = cut(scene.clone().on(&layer), signal, &mut |change| {
            if alike.is_more(change) {
                return false;
            }
            let is_it = left == 0;
            left = left.saturating_sub(1);
            is_it
        });
        let Some(found) = found else { return number };
        if signal == Signal::SIGTERM {
            let said = format!("{:?}: {}", found.change, found.outcome.stderr);
            assert_eq!(found.outcome.code(), 143, "{said}");
        }
        assert!(!has_main(&found.outcome), "{:?}", found.change);
        expect_clean_start(scene, &layer, &found);
    }
    unreachable!("a start has an end")
}

macro_rules! everywhere {
    ($($name:ident: $scene:ident, $signal:ident, $share:literal of $of:literal;)*) => {
        $(
            #[test]
            fn $name() {
                let steps = everywhere(&$scene(), Signal::$signal, $share, $of);
                assert!(steps > 30, "{steps} steps are no setup phase");
            }
        )*
    };
}

everywhere! {
    killed_before_any_change_the_next_start_is_clean_1: usual, SIGKILL, 0 of 4;
    killed_before_any_change_the_next_start_is_clean_2: usual, SIGKILL, 1 of 4;
    killed_before_any_change_the_next_start_is_clean_3: usual, SIGKILL, 2 of 4;
    killed_before_any_change_the_next_start_is_clean_4: usual, SIGKILL, 3 of 4;
    asked_to_stop_before_any_change_there_is_no_main_and_the_next_start_is_clean_1: usual, SIGTERM, 0 of 4;
    asked_to_stop_before_any_change_there_is_no_main_and_the_next_start_is_clean_2: usual, SIGTERM, 1 of 4;
    asked_to_stop_before_any_change_there_is_no_main_and_the_next_start_is_clean_3: usual, SIGTERM, 2 of 4;
    asked_to_stop_before_any_change_there_is_no_main_and_the_next_start_is_clean_4: usual, SIGTERM, 3 of 4;
    // What differs in these is who may remove what.
    killed_as_one_user_the_next_start_is_clean_1: one_user, SIGKILL, 0 of 2;
    killed_as_one_user_the_next_start_is_clean_2: one_user, SIGKILL, 1 of 2;
    asked_to_stop_as_one_user_the_next_start_is_clean_1: one_user, SIGTERM, 0 of 2;
    asked_to_stop_as_one_user_the_next_start_is_clean_2: one_user, SIGTERM, 1 of 2;
    killed_as_root_without_rights_over_files_the_next_start_is_clean_1: no_rights, SIGKILL, 0 of 2;
    killed_as_root_without_rights_over_files_the_next_start_is_clean_2: no_rights, SIGKILL, 1 of 2;
    asked_to_stop_as_root_without_rights_over_files_the_next_start_is_clean_1: no_rights, SIGTERM, 0 of 2;
    asked_to_stop_as_root_without_rights_over_files_the_next_start_is_clean_2: no_rights, SIGTERM, 1 of 2;
}
