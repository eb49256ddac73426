//! A thief as main, in one mode, behind one protector.
//!
//! In: both. Out: what it tried and what came of it, or why it was not started.
//!
//! The value's veiled halves are in a file, so that no search of the thief's can
//! find what the test itself brought into the container.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use crate::harness::{self, End, Outcome, Running, Scene};
use crate::loot::{self, Attempt, Thief};
use crate::modes::{Lies, Mode};
use crate::protectors::Protector;
use crate::scenes::GATE;
use crate::setup::TOKEN;

/// Who holds the value beside main.
const ACCOMPLICES: &[&str] = &["environment", "descriptor", "memory", "abstract"];

/// How a robbery went.
#[derive(Clone, Debug)]
pub(crate) enum Robbery {
    /// Main was started and tried all its ways.
    Tried(Vec<Attempt>),
    /// Main was not started: nothing to rob.
    Refused(u8, String),
    /// Main was started and its container ended under it.
    Ended(String),
}

impl Robbery {
    /// What came of a row's ways.
    pub(crate) fn of_row(&self, row: &str) -> Vec<&Attempt> {
        match self {
            Self::Tried(attempts) => attempts
                .iter()
                .filter(|attempt| attempt.row == row)
                .collect(),
            Self::Refused(..) | Self::Ended(_) => Vec::new(),
        }
    }
}

/// The program, compiled.
pub(crate) fn thief() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        harness::compile(
            "thief",
            &[
                ("thief.h", include_str!("thief/thief.h")),
                ("thief.c", include_str!("thief/thief.c")),
                ("process.c", include_str!("thief/process.c")),
                ("files.c", include_str!("thief/files.c")),
                ("mounts.c", include_str!("thief/mounts.c")),
                ("kernel.c", include_str!("thief/kernel.c")),
                ("power.c", include_str!("thief/power.c")),
                ("place.c", include_str!("thief/place.c")),
                ("accomplice.c", include_str!("thief/accomplice.c")),
            ],
        )
    })
}

/// A value in the words of the thief's key file: its two halves, veiled.
pub(crate) fn veiled(name: &str, value: &str) -> String {
    let halves = [
        &value.as_bytes()[..16],
        &value.as_bytes()[value.len() - 16..],
    ];
    let halves = halves.map(|half| {
        half.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{:02x}", byte ^ 0x5a);
            text
        })
    });
    format!("canary {name} {} {}\n", halves[0], halves[1])
}

/// The robbery of this mode behind this protector, carried out once.
pub(crate) fn robbery(mode: &Mode, protector: &Protector) -> Arc<Robbery> {
    type Once = Arc<OnceLock<Arc<Robbery>>>;
    static DONE: Mutex<Option<HashMap<(String, String), Once>>> = Mutex::new(None);
    let once = {
        let mut done = DONE
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let done = done.get_or_insert_with(HashMap::new);
        let key = (mode.to_string(), protector.name.to_owned());
        Arc::clone(done.entry(key).or_default())
    };
    let rob = || mode.rob(protector, ACCOMPLICES, "required", &[]);
    Arc::clone(once.get_or_init(|| Arc::new(rob())))
}

impl Mode {
    /// The thief as main, beside these accomplices. With a setup phase before main
    /// it is a command of it too, and a session beside main, both for these rows or
    /// all.
    pub(crate) fn rob(
        &self,
        protector: &Protector,
        accomplices: &[&str],
        confinement: &str,
        rows: &[&str],
    ) -> Robbery {
        let scene = self.scene(protector, accomplices, confinement, rows);
        if !self.has_setup {
            return commit(scene);
        }
        let mut running = scene.clone().spawn();
        let mut of_session = Vec::new();
        if running.line_if_any("main").is_some() {
            self.bring_neighbours(&running, &scene, accomplices);
            of_session = self.of_session(&running, scene, rows);
            let gate = running.init().path(&format!("root{GATE}"));
            fs::write(gate, "").expect("main waits at the gate");
        }
        let (outcome, leaks) = running.finish_with_leaks();
        let said = leaks.iter().find(|leak| leak.secret == TOKEN);
        assert!(said.is_none(), "{self}: setup's credential is in {said:?}");
        match judge(&outcome, true) {
            Robbery::Tried(mut attempts) => {
                attempts.extend(of_session);
                Robbery::Tried(attempts)
            }
            other @ (Robbery::Refused(..) | Robbery::Ended(_)) => other,
        }
    }

    fn bring_neighbours(&self, running: &Running, scene: &Scene, accomplices: &[&str]) {
        let words = self.neighbours(accomplices).join(" ");
        // They stay, and must not keep our pipes open.
        let script = format!("exec /thief accomplice {words} -- /bin/true > /dev/null 2>&1");
        let scene = scene
            .clone()
            .asking(&["accomplice", "--", "/bin/sh", "-c", &script]);
        running.beside(scene).finish().expect_code(0);
    }

    /// What the thief comes to as `vestibule exec`.
    fn of_session(&self, running: &Running, scene: Scene, rows: &[&str]) -> Vec<Attempt> {
        let words = ["accomplice", "--", "/init", "exec", "--", "/thief"];
        let scene = scene.asking(&[&words, rows].concat());
        let (outcome, _) = running.beside(scene).finish_with_leaks();
        if self.option == Some("--exec") {
            assert_eq!(outcome.end, End::Code(100), "{self}: {}", outcome.stderr);
            return Vec::new();
        }
        if self.lies == Lies::Later {
            // What main is hidden from by permissions is not hidden from a session by
            // more, and the session's own proof sees that they no longer suffice.
            assert_eq!(outcome.end, End::Code(122), "{self}: {}", outcome.stderr);
            return Vec::new();
        }
        // A session of the harness has Landlock where a filter keeps it from main alone;
        // it would be confined by more than main is, and is refused.
        let has_no_landlock = ["fu----", "fp----"].map(|means| format!("ends with {means}:"));
        if has_no_landlock
            .iter()
            .any(|means| outcome.stderr.contains(means))
        {
            assert_eq!(outcome.end, End::Code(100), "{self}: {}", outcome.stderr);
            return Vec::new();
        }
        let attempts = loot::parse(&outcome.stdout, Thief::Session);
        attempts.unwrap_or_else(|| panic!("{self}: no end of the session: {}", outcome.stderr))
    }
}

/// Runs the scene whose main is the thief.
pub(crate) fn commit(scene: Scene) -> Robbery {
    // The accomplices hold the value where all can see it; what the harness
    // finds there is no leak of the init's.
    judge(&scene.run_with_leaks().0, false)
}

fn judge(outcome: &Outcome, has_setup: bool) -> Robbery {
    let is_main = |said: &str| said.contains(if has_setup { loot::MAIN } else { "attack " });
    match (loot::of_container(&outcome.stdout, has_setup), outcome.end) {
        (Some(attempts), _) => Robbery::Tried(attempts),
        (None, End::Code(code)) if !is_main(&outcome.stdout) => {
            Robbery::Refused(code, outcome.stderr.clone())
        }
        (None, end) => Robbery::Ended(format!("{end:?}: {}", outcome.stderr)),
    }
}
