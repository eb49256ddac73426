//! Whether time grows no faster than the number of secrets.
//!
//! In: rounds. Out: the start-up with 10 to 10,000 secrets, what each secret
//! costs, and the exponent of the growth.
//!
//! **Never:** a fit that hides a bend: the step from 1,000 to 10,000 decides.

use std::os::fd::AsRawFd;

use crate::peers::Roster;
use crate::process::{self, Meanwhile, Program, Standard, start};
use crate::service::silence;
use crate::stage::{Scene, Stage};
use crate::statistics::{Shuffle, Sorted};
use crate::table::{Budget, Section, Table};

/// Nothing first: what a start costs anyway. Bare would skip the hand-over, so
/// it is one secret.
const COUNTS: [usize; 5] = [1, 10, 100, 1_000, 10_000];
/// Ten times the secrets take at most ten times the time, and a little noise.
const STEEPEST: f64 = 1.1;

/// Measures every number of secrets.
pub(crate) fn measure(stage: &mut Stage, roster: &Roster, rounds: usize) -> Section {
    let scenes: Vec<Scene> = COUNTS
        .iter()
        .map(|&count| stage.prepare_many(count))
        .collect();
    let launcher = roster.ours_in(Scene::Bare);
    let program = Program::new(&launcher.with(&[stage.noop()]));
    let silence = silence();
    let standard = Standard([silence.as_raw_fd(); 3]);
    let mut samples = vec![Vec::new(); COUNTS.len()];
    let mut faults = Vec::new();
    let mut shuffle = Shuffle::new();
    for _ in 0..rounds {
        for index in shuffle.order(COUNTS.len()) {
            stage.arrange(scenes[index]);
            let mut init = start(&program, standard, Meanwhile::Suspended);
            let code = init.wait();
            let taken = process::now() - init.begun;
            samples[index].push(taken as f64 / 1000.0);
            if code != 0 && faults.is_empty() {
                faults.push(format!("{} secrets ended with {code}", COUNTS[index]));
            }
        }
    }
    let medians: Vec<f64> = samples
        .into_iter()
        .map(|one| Sorted::new(one).median())
        .collect();
    let exponent = exponent(&medians);
    Section {
        title: "Many secrets",
        method: format!(
            "Start-up of the no-op with this many secret files and no policy, median of {rounds} \
             rounds. The cost of each is what the start takes longer than with one, by number. The \
             exponent is of the step from 1,000 to 10,000: 1.00 is linear."
        ),
        tables: vec![(String::new(), table(&medians))],
        budgets: vec![Budget {
            promise: "linear up to 10,000 secrets".into(),
            measured: format!(
                "10,000 take {:.1} x the time of 1,000: exponent {exponent:.2}",
                added(&medians, 4) / added(&medians, 3)
            ),
            holds: Some(exponent <= STEEPEST && faults.is_empty()),
        }],
        faults,
    }
}

fn added(medians: &[f64], index: usize) -> f64 {
    medians[index] - medians[0]
}

fn exponent(medians: &[f64]) -> f64 {
    (added(medians, 4) / added(medians, 3)).log10()
}

fn table(medians: &[f64]) -> Table {
    let mut table = Table::new(&["secrets", "start, us", "each more, us"]);
    for (index, (count, median)) in COUNTS.iter().zip(medians).enumerate() {
        let each = added(medians, index) / (count - 1).max(1) as f64;
        let each = if index == 0 {
            "-".into()
        } else {
            format!("{each:.2}")
        };
        table.row([count.to_string(), format!("{median:.0}"), each]);
    }
    table
}
