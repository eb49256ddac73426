//! How fast each launcher reaps ten thousand orphans.
//!
//! In: a number of orphans. Out: the time until not one is left, while they end,
//! and when all were zombies before init looks.
//!
//! **Never:** a count of what is left by `/proc`: reading it would take longer
//! than the reaping. Main asks for each number until the kernel has freed it.

use crate::latency::equal_to_best;
use crate::peers::{Launcher, Roster};
use crate::process::Program;
use crate::service::{ASKED, LIMIT, program, serve};
use crate::stage::Stage;
use crate::statistics::{Shuffle, Sorted};
use crate::table::{Section, Table};

const REPEATS: usize = 3;
/// Whether init is stopped until all are zombies.
const KINDS: [&str; 2] = ["live", "held"];

/// Milliseconds of each launcher, for each kind.
type Times = Vec<[Vec<f64>; 2]>;

/// Measures all of them.
pub(crate) fn measure(stage: &mut Stage, roster: &Roster, orphans: usize) -> Section {
    let launchers = roster.for_rest();
    let amount = orphans.to_string();
    let programs: Vec<[Program; 2]> = launchers
        .iter()
        .map(|one| KINDS.map(|kind| program(stage, one, &["orphans", &amount, kind])))
        .collect();
    let mut times: Times = vec![[Vec::new(), Vec::new()]; launchers.len()];
    let mut faults = Vec::new();
    let mut shuffle = Shuffle::new();
    for _ in 0..REPEATS {
        for index in shuffle.order(launchers.len()) {
            for (kind, program) in programs[index].iter().enumerate() {
                match reap(stage, &launchers[index], program, kind == 1) {
                    Ok(milliseconds) => times[index][kind].push(milliseconds),
                    Err(fault) => faults.push(fault),
                }
            }
        }
    }
    let held = |ours: bool| {
        let all = launchers.iter().zip(&times);
        all.filter(move |(one, times)| one.is_ours() == ours && !times[1].is_empty())
            .map(|(_, times)| Sorted::new(times[1].clone()).median())
    };
    let promise = "reaping equal to the best peer";
    Section {
        title: "Reaping orphans",
        method: format!(
            "{orphans} orphans end at once; time until the last number is free again. Live: from \
             their release. Zombies: init is stopped until all have ended, then continued; this is \
             the reaping alone. Median of {REPEATS}, milliseconds."
        ),
        budgets: vec![equal_to_best(promise, " ms", held(true), held(false))],
        tables: vec![(String::new(), table(&launchers, &times))],
        faults,
    }
}

fn reap(
    stage: &mut Stage,
    launcher: &Launcher,
    program: &Program,
    held: bool,
) -> Result<f64, String> {
    let wrong = |what: &str| format!("{}: {what}", launcher.name);
    let service = serve(stage, launcher, program);
    let mut service = service.ok_or_else(|| wrong("the orphans could not be made"))?;
    if held {
        service.init.stop();
    }
    service.tell();
    let taken = service
        .hear::<8>()
        .ok_or_else(|| wrong("orphans were left"))?;
    match service.init.wait_within(LIMIT) {
        Some(ASKED) => Ok(u64::from_ne_bytes(taken) as f64 / 1e6),
        other => Err(wrong(&format!(
            "after reaping main's exit code was {other:?}"
        ))),
    }
}

fn table(launchers: &[Launcher], times: &Times) -> Table {
    let mut table = Table::new(&["PID 1", "live", "zombies"]);
    for (launcher, times) in launchers.iter().zip(times) {
        let medians = times.each_ref().map(|times| {
            let median = Sorted::new(times.clone()).median();
            if times.is_empty() {
                "-".into()
            } else {
                format!("{median:.1}")
            }
        });
        table.row([launcher.name.clone()].into_iter().chain(medians));
    }
    table
}
