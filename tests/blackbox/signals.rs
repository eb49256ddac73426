//! Mask and ignored signals: exactly the caller's, never a third thing.

use crate::harness::Scene;

fn bit(signal: u8) -> u64 {
    1 << (signal - 1)
}

/// The kernel lets nobody block or ignore these two.
fn possible(bits: u64) -> u64 {
    bits & !bit(9) & !bit(19)
}

/// A start of each kind: bare, with a secret, replaced by main.
fn kinds(parts: &[&str]) -> [Scene; 3] {
    [
        Scene::main(parts),
        Scene::main(parts).secret("api").permits(&["api"]),
        Scene::main(parts).options(&["--exec"]),
    ]
}

#[test]
fn nothing_blocked_and_nothing_ignored_stays_so() {
    for scene in kinds(&["report"]) {
        let report = scene.run().report();
        for set in ["mask", "ignored", "caught", "pending"] {
            assert_eq!(report.bits(set), 0, "{set}");
        }
    }
}

#[test]
fn the_mask_is_given_back_to_the_bit() {
    let masks = [
        u64::MAX,
        bit(17),
        bit(32) | bit(33) | bit(34),
        bit(1) | bit(13) | bit(15) | bit(64),
    ];
    for mask in masks {
        for scene in kinds(&["report"]) {
            assert_eq!(
                scene.mask(mask).run().report().bits("mask"),
                possible(mask),
                "{mask:x}"
            );
        }
    }
}

#[test]
fn ignored_signals_are_given_back_ignored_and_no_others() {
    let sets: [&[u8]; 5] = [
        &[17],
        &[13],
        &[32, 33, 34],
        &[1, 2, 3, 15, 40, 64],
        &[13, 17, 20, 21, 22],
    ];
    for set in sets {
        let wanted = set.iter().fold(0, |bits, signal| bits | bit(*signal));
        for scene in kinds(&["report"]) {
            let report = scene.ignoring(set).run().report();
            assert_eq!(report.bits("ignored"), wanted, "{set:?}");
            assert_eq!(report.bits("caught"), 0, "{set:?}");
        }
    }
}

#[test]
fn all_signals_ignored_at_once_are_given_back() {
    let all: Vec<u8> = (1..=64)
        .filter(|signal| ![9, 19].contains(signal))
        .collect();
    for scene in kinds(&["report"]) {
        assert_eq!(
            scene.ignoring(&all).run().report().bits("ignored"),
            possible(u64::MAX)
        );
    }
}

#[test]
fn an_ignored_or_blocked_sigchld_does_not_hide_the_end_of_main() {
    for code in [0, 3, 255] {
        let parts = ["exit", &code.to_string()];
        for scene in kinds(&parts) {
            let (ignoring, blocking) = (scene.clone().ignoring(&[17]), scene.mask(bit(17)));
            assert_eq!(ignoring.run().code(), code);
            assert_eq!(blocking.run().code(), code);
        }
    }
}

#[test]
fn a_queued_real_time_signal_arrives_with_its_value() {
    for scene in [
        Scene::main(&["signals", "15"]),
        Scene::main(&["signals", "15"])
            .secret("api")
            .permits(&["api"]),
    ] {
        let mut running = scene.spawn();
        running.line("ready");
        for value in [7, 8, 9] {
            running.queue(40, value);
        }
        // A standard signal goes before real-time ones that wait with it.
        running.line("signal 40 value 9 ");
        running.signal(15);
        let outcome = running.finish().expect_code(0);
        let came: Vec<_> = outcome
            .stdout
            .lines()
            .filter_map(|line| line.strip_prefix("signal 40 value "))
            .collect();
        let values: Vec<_> = came
            .iter()
            .filter_map(|rest| rest.split(' ').next())
            .collect();
        assert_eq!(values, ["7", "8", "9"]);
    }
}
