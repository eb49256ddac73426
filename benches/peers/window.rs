//! How long after its start a launcher still loses a TERM.
//!
//! In: sweeps over the moments after clone(2). Out: how many TERM were lost: the
//! launcher knew nothing of them, and main ran to its normal end.
//!
//! **Never:** an answer other than 143 that is taken for a loss, or for none.

use std::os::fd::AsRawFd;

use crate::peers::{Launcher, Roster};
use crate::process::{Meanwhile, Process, Program, Standard, now, sleep_until, start};
use crate::service::{program, silence};
use crate::stage::Stage;
use crate::statistics::Shuffle;
use crate::table::{Budget, Section, Table};

/// From one moment to the next.
const STEP_MICROSECONDS: usize = 10;
/// The moments of one sweep.
const STEPS: usize = 250;
/// Main's normal end comes this late: well after the last TERM.
const MAIN_MILLISECONDS: &str = "30";
/// The design's own limit, in microseconds.
const BUDGET: f64 = 300.0;
/// TERM's end.
const TERMINATED: i32 = 128 + libc::SIGTERM;

#[derive(Clone, Default)]
struct Losses {
    lost: usize,
    tries: usize,
    /// When the last lost one was sent, in microseconds.
    latest: u64,
    other: Vec<i32>,
}

impl Losses {
    /// The time in which TERM was lost, per sweep.
    fn window(&self) -> f64 {
        let span = (STEPS * STEP_MICROSECONDS) as f64;
        self.lost as f64 * span / self.tries.max(1) as f64
    }
}

/// Sweeps over all launchers.
pub(crate) fn measure(stage: &mut Stage, roster: &Roster, sweeps: usize, steps: usize) -> Section {
    let launchers = roster.for_service();
    let programs: Vec<Program> = launchers
        .iter()
        .map(|launcher| program(stage, launcher, &["last", MAIN_MILLISECONDS]))
        .collect();
    let mut losses = vec![Losses::default(); launchers.len()];
    let mut shuffle = Shuffle::new();
    let silence = silence();
    let standard = Standard([silence.as_raw_fd(); 3]);
    for step in (0..sweeps * steps).map(|index| index % steps) {
        let offset = step * STEPS * STEP_MICROSECONDS / steps;
        for index in shuffle.order(launchers.len()) {
            stage.arrange(launchers[index].scene);
            let init = start(&programs[index], standard, Meanwhile::GoesOn);
            try_once(init, offset as u64, &mut losses[index]);
        }
    }
    let faults = faults(&launchers, &losses);
    Section {
        title: "Lost TERM",
        method: format!(
            "TERM sent to PID 1 at {steps} moments from 0 to {} microseconds after clone(), {sweeps} \
             sweeps. Lost: main ran to its normal end. The window is the share that was lost, as time.",
            STEPS * STEP_MICROSECONDS
        ),
        tables: vec![(String::new(), table(&launchers, &losses))],
        budgets: budgets(&launchers, &losses),
        faults,
    }
}

fn try_once(mut init: Process, offset: u64, losses: &mut Losses) {
    let moment = init.begun + offset * 1000;
    sleep_until(moment);
    let sent = (now() - init.begun) / 1000;
    init.signal(libc::SIGTERM);
    losses.tries += 1;
    match init.wait() {
        0 => {
            losses.lost += 1;
            losses.latest = losses.latest.max(sent);
        }
        TERMINATED => {}
        other => losses.other.push(other),
    }
}

fn faults(launchers: &[Launcher], losses: &[Losses]) -> Vec<String> {
    let ours = launchers
        .iter()
        .zip(losses)
        .filter(|(launcher, _)| launcher.is_ours());
    let wrong = ours.filter(|(_, losses)| !losses.other.is_empty());
    let text = |(launcher, losses): (&Launcher, &Losses)| {
        format!(
            "{}: TERM at the start ended with {:?}",
            launcher.name, losses.other
        )
    };
    wrong.map(text).collect()
}

fn table(launchers: &[Launcher], losses: &[Losses]) -> Table {
    let mut table = Table::new(&[
        "PID 1",
        "lost",
        "of",
        "window, us",
        "latest lost, us",
        "other ends",
    ]);
    for (launcher, losses) in launchers.iter().zip(losses) {
        table.row([
            launcher.name.clone(),
            losses.lost.to_string(),
            losses.tries.to_string(),
            format!("{:.0}", losses.window()),
            losses.latest.to_string(),
            losses.other.len().to_string(),
        ]);
    }
    table
}

fn budgets(launchers: &[Launcher], losses: &[Losses]) -> Vec<Budget> {
    let side = |ours: bool| {
        let all = launchers.iter().zip(losses);
        all.filter(move |(launcher, _)| launcher.is_ours() == ours)
            .map(|(launcher, losses)| (losses.window(), launcher.name.as_str()))
    };
    let worst_of_ours = side(true).max_by(|a, b| a.0.total_cmp(&b.0));
    let best_of_peers = side(false).min_by(|a, b| a.0.total_cmp(&b.0));
    let shown = |found: Option<(f64, &str)>| {
        found.map_or("-".into(), |(window, name)| {
            format!("{window:.0} us ({name})")
        })
    };
    vec![
        Budget {
            promise: "lost-TERM window below the best peer's".into(),
            measured: format!(
                "{}, best peer {}",
                shown(worst_of_ours),
                shown(best_of_peers)
            ),
            holds: worst_of_ours
                .zip(best_of_peers)
                .map(|(ours, peer)| ours.0 < peer.0),
        },
        Budget {
            promise: format!("lost-TERM window at most {BUDGET} us"),
            measured: shown(worst_of_ours),
            holds: worst_of_ours.map(|(window, _)| window <= BUDGET),
        },
    ]
}
