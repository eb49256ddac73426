//! No row that is marked as prevented succeeds, in any mode, with or without a
//! setup phase before main.
//!
//! A test for each row, so that a prevention which is taken out of the code
//! fails by name; the message says in which mode and by which way.

use crate::loot::Attempt;
use crate::modes::{self, MODES, Mode};
use crate::protectors::Protector;
use crate::robbery::{Robbery, robbery};
use crate::rows::{self, Judge};
use crate::setup;

/// Every theft of a row, in every mode.
fn thefts(row: &str) -> Vec<String> {
    let own = Protector::vestibule();
    let mut found = Vec::new();
    for mode in modes::all() {
        let robbery = robbery(&mode, &own);
        if let Robbery::Ended(how) = &*robbery {
            found.push(format!("{mode}: the container ended: {how}"));
        }
        for attempt in robbery.of_row(row) {
            if attempt.is_theft() && !rows::is_conceded(row, mode.name) {
                found.push(format!("{mode}: {attempt}"));
            }
        }
    }
    found
}

fn demand(row: &str) {
    let thefts = thefts(row);
    assert!(thefts.is_empty(), "row {row}:\n{}", thefts.join("\n"));
}

macro_rules! prevented {
    ($($name:ident: $row:literal;)*) => {
        /// The rows that this module judges.
        pub(crate) const JUDGED: &[&str] = &[$($row),*];

        $(
            #[test]
            fn $name() {
                demand($row);
            }
        )*
    };
}

prevented! {
    e1_mains_own_environment_and_memory: "E1";
    e2_environment_of_pid_1: "E2";
    e3_environment_of_other_processes: "E3";
    e4_memory_of_pid_1_and_others: "E4";
    e5_tracing_pid_1_and_others: "E5";
    e6_what_only_a_tracer_may_see: "E6";
    e7_capabilities_that_see_through_everything: "E7";
    e8_arguments_of_all_processes: "E8";
    e9_roots_and_directories_of_other_processes: "E9";
    e10_capabilities_that_were_given_up: "E10";
    e12_perf_and_bpf: "E12";
    f1_inherited_descriptors: "F1";
    f2_descriptors_opened_again: "F2";
    f4_descriptors_in_a_sockets_queue: "F4";
    f7_inherited_directories: "F7";
    h7_another_program_in_the_place_of_the_init: "H7";
    k5_abstract_sockets: "K5";
    l2_files_through_which_the_kernel_starts_programs: "L2";
    s1_the_mounted_file: "S1";
    s3_unmounting: "S3";
    s4_mounting_over_and_beside: "S4";
    s6_mount_namespace_of_pid_1_and_detached_mounts: "S6";
    s8_second_names_and_mounts: "S8";
    s12_namespaces_of_its_own: "S12";
    s19_file_handles: "S19";
    x1_set_uid_programs: "X1";
    z5_rights_regained: "Z5";
    z9_power_over_pid_1: "Z9";
}

#[test]
fn main_is_started_in_every_mode() {
    let own = Protector::vestibule();
    for mode in modes::all() {
        match (&*robbery(&mode, &own), mode.refusal()) {
            (Robbery::Tried(_), None) => {}
            // What nothing can hide is refused, and that is a prevention too.
            (Robbery::Refused(code, said), Some((expected, words)))
                if *code == expected && said.contains(words) => {}
            (Robbery::Tried(_), Some(_)) => panic!("{mode} starts main"),
            (Robbery::Refused(code, said), _) => panic!("{mode} is refused with {code}: {said}"),
            (Robbery::Ended(how), _) => panic!("{mode}: the container ended: {how}"),
        }
    }
}

/// Every attempt after a setup phase, with its mode in words.
fn after_setup() -> Vec<(Mode, Attempt)> {
    let own = Protector::vestibule();
    let modes = modes::all().filter(|mode| mode.has_setup);
    let tried = modes.map(|mode| (mode, robbery(&mode, &own)));
    tried
        .flat_map(|(mode, robbery)| match &*robbery {
            Robbery::Tried(attempts) => attempts.iter().map(|one| (mode, one.clone())).collect(),
            Robbery::Refused(..) | Robbery::Ended(_) => Vec::new(),
        })
        .collect()
}

#[test]
fn what_setup_had_is_nowhere_once_main_runs() {
    let found: Vec<String> = after_setup()
        .iter()
        .filter(|(_, attempt)| attempt.is_of_setup())
        .map(|(mode, attempt)| format!("{mode}: {attempt}"))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Or the claim above would say nothing.
#[test]
fn what_setup_leaves_is_there_until_the_seal() {
    let attempts = after_setup();
    for mode in modes::all().filter(|mode| mode.has_setup && mode.refusal().is_none()) {
        for row in ["K1", "K2", "K3"] {
            let is_found = attempts.iter().any(|(of, attempt)| {
                of.name == mode.name && attempt.row == row && attempt.got(setup::TOKEN)
            });
            assert!(is_found, "{mode}: {row} finds nothing before the seal");
        }
    }
}

#[test]
fn every_row_that_the_thief_judges_has_its_claim_and_its_ways() {
    let judged = rows::rows().iter();
    let judged = judged.filter(|row| row.judges.contains(&Judge::Thief));
    let mut judged: Vec<&str> = judged.map(|row| row.id.as_str()).collect();
    let mut claimed = JUDGED.to_vec();
    judged.sort_unstable();
    claimed.sort_unstable();
    assert_eq!(judged, claimed);
    let first = robbery(&MODES[0], &Protector::vestibule());
    for row in JUDGED {
        assert!(
            !first.of_row(row).is_empty(),
            "the thief has no way for {row}"
        );
    }
}

#[test]
fn what_a_container_gives_away_is_given_away() {
    // A concession that is no longer needed hides the next hole.
    let own = Protector::vestibule();
    let conceded = rows::concessions().iter();
    for conceded in conceded.filter(|conceded| !conceded.mode.starts_with("container")) {
        for mode in modes::named(&conceded.mode).both() {
            let robbery = robbery(&mode, &own);
            assert!(
                robbery
                    .of_row(&conceded.row)
                    .iter()
                    .any(|attempt| attempt.is_theft()),
                "row {} is prevented in {mode}: strike the concession",
                conceded.row,
            );
        }
    }
}
