//! A kernel that offers no Landlock: what needs it is not started, and what file
//! permissions hold stays held.
//!
//! In: the modes, behind a filter that shuts Landlock away. Out: a refusal, or a
//! thief that gets nothing from PID 1 and nothing from the file.

use crate::loot::Attempt;
use crate::modes::{self, Mode};
use crate::protectors::Protector;
use crate::robbery::Robbery;

/// What came of it without a setup phase before main and with one.
fn without_landlock(mode: &str) -> [(Mode, Robbery); 2] {
    let own = Protector::vestibule();
    let robbed = |mode: Mode| (mode, mode.rob(&own, &["no-landlock"], "required", HELD));
    modes::named(mode).both().map(robbed)
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
        for (mode, robbery) in without_landlock(mode) {
            // With a setup phase it is the first command of it that cannot be confined.
            let expected = if mode.has_setup { 120 } else { 100 };
            match robbery {
                Robbery::Refused(code, said) if code == expected => {
                    assert!(said.contains("Landlock"), "{mode}: {said}");
                }
                other @ (Robbery::Tried(_) | Robbery::Refused(..) | Robbery::Ended(_)) => {
                    panic!("{mode}: {other:?}")
                }
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
    for (mode, robbery) in without_landlock(mode) {
        let Robbery::Tried(attempts) = robbery else {
            panic!("{mode}: main is started, and not {robbery:?}");
        };
        let thefts: Vec<String> = attempts
            .iter()
            .filter(|attempt| HELD.contains(&attempt.row.as_str()) && attempt.is_theft())
            .map(Attempt::to_string)
            .collect();
        assert!(thefts.is_empty(), "{mode}: {}", thefts.join("\n"));
    }
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
