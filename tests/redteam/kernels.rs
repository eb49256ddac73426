//! A kernel that offers no Landlock: what needs it is not started, and what file
//! permissions hold stays held.
//!
//! In: the modes, behind a filter that shuts Landlock away. Out: a refusal, or a
//! thief that gets nothing from PID 1 and nothing from the file.

use crate::loot::Attempt;
use crate::modes;
use crate::protectors::Protector;
use crate::robbery::{Robbery, commit};

fn without_landlock(mode: &str) -> Robbery {
    let scene =
        modes::named(mode).scene_with(&Protector::vestibule(), &["no-landlock"], "required");
    commit(scene)
}

#[test]
fn a_main_that_could_read_the_file_is_not_started() {
    for mode in [
        "root",
        "root, cap_drop: ALL",
        "root to user, files 0444",
        "root to user, files its own",
        "same user",
        "project directory with its secrets",
        "no policy",
    ] {
        match without_landlock(mode) {
            Robbery::Refused(100, said) => {
                assert!(said.contains("Landlock"), "mode `{mode}`: {said}");
            }
            other @ (Robbery::Tried(_) | Robbery::Refused(..) | Robbery::Ended(_)) => {
                panic!("mode `{mode}`: {other:?}")
            }
        }
    }
}

/// What neither needs Landlock nor an accomplice.
const HELD: &[&str] = &[
    "E1", "E2", "E4", "E5", "E6", "E7", "E8", "E9", "E10", "E12", "F1", "F2", "F4", "F7", "S1",
    "S3", "S4", "S6", "S12", "S19", "X1", "Z5",
];

fn expect_held(mode: &str) {
    let Robbery::Tried(attempts) = without_landlock(mode) else {
        panic!("mode `{mode}`: main is started");
    };
    let thefts: Vec<String> = attempts
        .iter()
        .filter(|attempt| HELD.contains(&attempt.row.as_str()) && attempt.is_theft())
        .map(Attempt::to_string)
        .collect();
    assert!(thefts.is_empty(), "mode `{mode}`: {}", thefts.join("\n"));
}

#[test]
fn file_permissions_alone_keep_the_file_and_pid_1_from_another_user() {
    expect_held("root to user");
}

#[test]
fn an_unmount_alone_keeps_the_file_and_pid_1_from_root() {
    expect_held("a mount of its own, privileged root");
    expect_held("a mount of its own, privileged root to user");
}
