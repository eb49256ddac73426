//! An attack that never succeeds proves nothing: each row that the thief judges
//! succeeds where nobody prevents it, so that its failure elsewhere means
//! something.
//!
//! In: the modes behind other inits, and scenes in which everything lies open.
//! Out: for each row a place where it works.
//!
//! **Never:** a row without a control, but for those that this kernel refuses to
//! everybody.

use std::collections::BTreeSet;
use std::fs;
use std::sync::OnceLock;

use crate::claims::JUDGED;
use crate::harness::{Scene, capability};
use crate::loot::Attempt;
use crate::modes::{self, MODES};
use crate::protectors::Protector;
use crate::robbery::{Robbery, commit, robbery};
use crate::scenes::Open;

/// What lies open: everything that anybody could leave behind.
const LEFT_BEHIND: &[&str] = &[
    "environment",
    "arguments",
    "descriptor",
    "memory",
    "abstract",
    "socket",
    "shared",
    "queue",
    "left",
];

/// Rows that succeeded somewhere.
fn succeeded() -> &'static BTreeSet<String> {
    static FOUND: OnceLock<BTreeSet<String>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mut found = BTreeSet::new();
        for scene in open_scenes() {
            note(&mut found, &commit(scene));
        }
        for peer in Protector::peers() {
            for mode in MODES {
                if JUDGED.iter().any(|row| !found.contains(*row)) {
                    note(&mut found, &robbery(mode, &peer));
                }
            }
        }
        found
    })
}

fn note(found: &mut BTreeSet<String>, robbery: &Robbery) {
    if let Robbery::Tried(attempts) = robbery {
        let thefts = attempts.iter().filter(|attempt| attempt.is_theft());
        found.extend(thefts.map(|attempt| attempt.row.clone()));
    }
}

/// Scenes that no container should look like, each open to a row that ordinary
/// peers prevent too.
fn open_scenes() -> Vec<Scene> {
    let plain = Protector::careless();
    let root = &MODES[0];
    let same = modes::named("same user");
    vec![
        root.open(&plain, LEFT_BEHIND, Open::Nothing),
        // A cover over the secrets, and a main that may take it away.
        modes::named("privileged root").open(&plain, &[], Open::Covered),
        // A user that kept the power to be root again.
        same.open(&plain, &[], Open::Nothing)
            .ambient(capability::SETUID),
        // Standard input that holds the value.
        root.open(&plain, &[], Open::Fed),
    ]
}

/// Why this machine refuses a row to everybody.
fn excuse(row: &str) -> Option<&'static str> {
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    let is_restricted = matches!(scope.trim(), "2" | "3");
    (is_restricted && matches!(row, "E4" | "E5")).then_some("Yama refuses tracing")
}

#[test]
fn every_row_that_the_thief_judges_succeeds_somewhere() {
    let found = succeeded();
    let never: Vec<&&str> = JUDGED
        .iter()
        .filter(|row| !found.contains(**row) && excuse(row).is_none())
        .collect();
    assert!(never.is_empty(), "these rows prove nothing: {never:?}");
}

#[test]
fn rows_that_nothing_prevents_are_tried_and_succeed_too() {
    let found = succeeded();
    for row in ["A1", "F5", "K1", "K2", "K3", "K6"] {
        assert!(
            found.contains(row),
            "{row} is listed as open, and was in vain"
        );
    }
}

/// What is held without Landlock, and without a file out of reach.
const HELD: &[&str] = &["E1", "E2", "F1", "F4", "F7", "Z5"];

#[test]
fn environment_only_gives_the_files_away_and_nothing_else() {
    let own = Protector::vestibule();
    for name in ["root", "root to user, files 0444", "same user"] {
        for mode in modes::named(name).both() {
            let robbery = mode.rob(&own, &[], "environment-only", &[&["S1"], HELD].concat());
            let Robbery::Tried(attempts) = robbery else {
                panic!("{mode} starts main, and not {robbery:?}");
            };
            let is_open = |row: &str| {
                let mut of_row = attempts.iter().filter(|attempt| attempt.row == row);
                of_row.any(Attempt::is_theft)
            };
            assert!(is_open("S1"), "{mode}: the file is as it was");
            for row in HELD {
                assert!(!is_open(row), "{mode}: {row} is held without Landlock");
            }
        }
    }
}
