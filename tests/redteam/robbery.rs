//! A thief as main, in one mode, behind one protector.
//!
//! In: both. Out: what it tried and what came of it, or why it was not started.
//!
//! The value's veiled halves are in a file, so that no search of the thief's can
//! find what the test itself brought into the container.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use crate::harness::{self, End, Scene};
use crate::loot::{self, Attempt};
use crate::modes::Mode;
use crate::protectors::Protector;

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
pub(crate) fn robbery(mode: &'static Mode, protector: &Protector) -> Arc<Robbery> {
    type Once = Arc<OnceLock<Arc<Robbery>>>;
    static DONE: Mutex<Option<HashMap<(String, String), Once>>> = Mutex::new(None);
    let once = {
        let mut done = DONE
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let done = done.get_or_insert_with(HashMap::new);
        let key = (mode.name.to_owned(), protector.name.to_owned());
        Arc::clone(done.entry(key).or_default())
    };
    Arc::clone(once.get_or_init(|| Arc::new(commit(mode.scene(protector)))))
}

/// Runs the scene whose main is the thief.
pub(crate) fn commit(scene: Scene) -> Robbery {
    // The accomplices hold the value where all can see it; what the harness
    // finds there is no leak of the init's.
    let (outcome, _) = scene.run_with_leaks();
    match (loot::parse(&outcome.stdout), outcome.end) {
        (Some(attempts), _) => Robbery::Tried(attempts),
        (None, End::Code(code)) if !outcome.stdout.contains("attack ") => {
            Robbery::Refused(code, outcome.stderr)
        }
        (None, end) => Robbery::Ended(format!("{end:?}: {}", outcome.stderr)),
    }
}
