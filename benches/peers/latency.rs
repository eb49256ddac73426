//! How long a signal takes through each launcher to main's handler.
//!
//! In: rounds. Out: the time from kill(2) on PID 1 to the first line of main's
//! handler, on one core and on all.
//!
//! **Never:** a bench that spins while it waits: it would hold a core that init
//! and main could use.

use std::time::Duration;

use crate::peers::{Launcher, Roster};
use crate::process::{self, Program, now};
use crate::service::{Service, program, serve};
use crate::stage::Stage;
use crate::statistics::{Shuffle, Sorted};
use crate::table::{Budget, Section, Table};

/// Runs of each launcher, each in a process of its own.
const REPEATS: usize = 3;
/// A signal that takes longer is lost.
const LIMIT: Duration = Duration::from_secs(1);
/// Figures of the same binary differ by this much from run to run.
pub(crate) const NOISE: f64 = 1.15;

#[derive(Clone, Default)]
struct Passed {
    microseconds: Vec<f64>,
    lost: usize,
}

/// Measures all of them on one core, then on all.
pub(crate) fn measure(stage: &mut Stage, roster: &Roster, signals: usize) -> Section {
    let launchers = roster.for_service();
    let programs: Vec<Program> = launchers
        .iter()
        .map(|launcher| program(stage, launcher, &["echo"]))
        .collect();
    let cores = process::cores();
    process::run_on(cores & cores.wrapping_neg());
    let pinned = repeat(stage, &launchers, &programs, signals);
    process::run_on(cores);
    let free = repeat(stage, &launchers, &programs, signals);
    let faults = [faults(&launchers, &pinned), faults(&launchers, &free)].concat();
    Section {
        title: "Forward latency",
        method: format!(
            "kill(PID 1, USR1) to the first line of main's handler, {REPEATS} x {signals}, one at \
             a time, in turns. On one core the path is the same for everybody; on several the scheduler \
             decides who wakes where."
        ),
        tables: vec![
            (
                "Pinned to one core, microseconds:".into(),
                table(&launchers, &pinned),
            ),
            ("All cores, microseconds:".into(), table(&launchers, &free)),
        ],
        budgets: vec![budget(&launchers, &pinned)],
        faults,
    }
}

fn repeat(
    stage: &mut Stage,
    launchers: &[Launcher],
    programs: &[Program],
    signals: usize,
) -> Vec<Passed> {
    let mut passed = vec![Passed::default(); launchers.len()];
    let mut shuffle = Shuffle::new();
    for _ in 0..REPEATS {
        let mut services: Vec<Option<Service>> = Vec::new();
        for (launcher, program) in launchers.iter().zip(programs) {
            services.push(serve(stage, launcher, program));
        }
        services.iter().flatten().for_each(Service::settle);
        for _ in 0..signals {
            for index in shuffle.order(launchers.len()) {
                if let Some(microseconds) = services[index].as_ref().and_then(send) {
                    passed[index].microseconds.push(microseconds);
                } else {
                    // A late answer would be taken for the next one.
                    services[index] = None;
                    passed[index].lost += 1;
                }
            }
        }
    }
    passed
}

fn send(service: &Service) -> Option<f64> {
    let before = now();
    service.init.signal(libc::SIGUSR1);
    let arrived = service.hear_within::<8>(LIMIT)?;
    let nanoseconds = u64::from_ne_bytes(arrived).saturating_sub(before);
    Some(nanoseconds as f64 / 1000.0)
}

fn faults(launchers: &[Launcher], passed: &[Passed]) -> Vec<String> {
    let ours = launchers.iter().zip(passed);
    let wrong = ours.filter(|(launcher, passed)| launcher.is_ours() && passed.lost > 0);
    wrong
        .map(|(launcher, passed)| format!("{}: lost USR1 {} times", launcher.name, passed.lost))
        .collect()
}

fn table(launchers: &[Launcher], passed: &[Passed]) -> Table {
    let mut table = Table::new(&["PID 1", "min", "median", "p99", "lost"]);
    for (launcher, passed) in launchers.iter().zip(passed) {
        let sorted = Sorted::new(passed.microseconds.clone());
        let figures = [0.0, 0.5, 0.99].map(|part| format!("{:.1}", sorted.quantile(part)));
        let name = [launcher.name.clone()].into_iter();
        table.row(name.chain(figures).chain([passed.lost.to_string()]));
    }
    table
}

fn budget(launchers: &[Launcher], passed: &[Passed]) -> Budget {
    let medians = |ours: bool| {
        launchers
            .iter()
            .zip(passed)
            .filter(move |(launcher, passed)| {
                launcher.is_ours() == ours && !passed.microseconds.is_empty()
            })
            .map(|(_, passed)| Sorted::new(passed.microseconds.clone()).median())
    };
    equal_to_best(
        "forwarding equal to the best peer",
        " us",
        medians(true),
        medians(false),
    )
}

/// Ours at its worst against the peer at its best; equal within the noise.
pub(crate) fn equal_to_best(
    promise: &str,
    unit: &str,
    ours: impl Iterator<Item = f64>,
    peers: impl Iterator<Item = f64>,
) -> Budget {
    let found = ours
        .max_by(f64::total_cmp)
        .zip(peers.min_by(f64::total_cmp));
    Budget {
        promise: format!("{promise} (within {:.0} % noise)", (NOISE - 1.0) * 100.0),
        measured: found.map_or("-".into(), |(ours, peer)| {
            format!("worst of ours {ours:.1}{unit}, best peer {peer:.1}{unit}")
        }),
        holds: found.map(|(ours, peer)| ours <= NOISE * peer),
    }
}
