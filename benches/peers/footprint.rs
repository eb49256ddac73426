//! What each launcher costs while nothing happens: bytes on disk, memory,
//! descriptors, wake-ups.
//!
//! In: launchers with a main that sleeps. Out: what `/proc` says of PID 1.
//!
//! **Never:** two of the same binary at once while memory is read: they would
//! share pages, and Pss would say half.

use std::fs;
use std::time::Duration;

use crate::peers::{Launcher, OURS, Roster};
use crate::process::Program;
use crate::service::{Service, program, serve};
use crate::stage::Stage;
use crate::table::{Budget, Section, Table};

const RSS_BUDGET: u64 = 320;
const DIRTY_BUDGET: u64 = 40;
const BINARY_BUDGET: u64 = 850_000;

struct Idle {
    rss: u64,
    pss: u64,
    dirty: u64,
    page_tables: u64,
    threads: u64,
    descriptors: usize,
    wake_ups: u64,
}

/// Looks at all of them; `pause` is the time in which wake-ups are counted.
pub(crate) fn measure(stage: &mut Stage, roster: &Roster, pause: Duration) -> Section {
    let launchers = roster.for_service();
    let programs: Vec<Program> = launchers
        .iter()
        .map(|launcher| program(stage, launcher, &["sleep"]))
        .collect();
    let mut faults = Vec::new();
    let mut idle = Vec::new();
    for (launcher, program) in launchers.iter().zip(&programs) {
        let seen = serve(stage, launcher, program).map(|service| look(&service));
        if seen.is_none() {
            faults.push(format!("{}: main did not begin", launcher.name));
        }
        idle.push(seen);
    }
    count_wake_ups(stage, &launchers, &programs, &mut idle, pause);
    let sizes = sizes(roster);
    Section {
        title: "Size, and PID 1 while main sleeps",
        method: format!(
            "smaps_rollup and status of PID 1, in KiB, one launcher at a time, after its start \
             has settled. Wake-ups are voluntary context switches in {} s. Pss of a dynamic \
             binary leaves out what the rest of the machine shares; in a container with its own \
             C library, Rss is the fairer figure.",
            pause.as_secs()
        ),
        budgets: budgets(&launchers, &idle, &sizes),
        tables: vec![
            ("Size on disk:".into(), size_table(&sizes)),
            ("Idle:".into(), table(&launchers, &idle)),
        ],
        faults,
    }
}

fn look(service: &Service) -> Idle {
    service.settle();
    Idle {
        rss: service.memory("Rss"),
        pss: service.memory("Pss"),
        dirty: service.memory("Private_Dirty"),
        page_tables: service.status("VmPTE"),
        threads: service.status("Threads"),
        descriptors: service.descriptors(),
        wake_ups: 0,
    }
}

/// Here all run at once: it takes as long as one.
fn count_wake_ups(
    stage: &mut Stage,
    launchers: &[Launcher],
    programs: &[Program],
    idle: &mut [Option<Idle>],
    pause: Duration,
) {
    let services: Vec<Option<Service>> = launchers
        .iter()
        .zip(programs)
        .map(|(launcher, program)| serve(stage, launcher, program))
        .collect();
    services.iter().flatten().for_each(Service::settle);
    let switches = |service: &Service| service.status("voluntary_ctxt_switches");
    let before: Vec<Option<u64>> = services
        .iter()
        .map(|one| one.as_ref().map(switches))
        .collect();
    std::thread::sleep(pause);
    for ((seen, service), before) in idle.iter_mut().zip(&services).zip(before) {
        if let (Some(seen), Some(service), Some(before)) = (seen, service, before) {
            seen.wake_ups = switches(service).saturating_sub(before);
        }
    }
}

fn sizes(roster: &Roster) -> Vec<(&'static str, u64)> {
    let size = |path| fs::metadata(path).map_or(0, |found| found.len());
    let binaries = roster.binaries().into_iter();
    binaries.map(|(name, path)| (name, size(path))).collect()
}

fn size_table(sizes: &[(&str, u64)]) -> Table {
    let mut table = Table::new(&["binary", "bytes"]);
    for (name, bytes) in sizes {
        table.row([(*name).into(), bytes.to_string()]);
    }
    table
}

fn table(launchers: &[Launcher], idle: &[Option<Idle>]) -> Table {
    let mut table = Table::new(&[
        "PID 1",
        "Rss",
        "Pss",
        "private dirty",
        "page tables",
        "threads",
        "descriptors",
        "wake-ups",
    ]);
    for (launcher, seen) in launchers.iter().zip(idle) {
        let Some(seen) = seen else { continue };
        let figures = [
            seen.rss,
            seen.pss,
            seen.dirty,
            seen.page_tables,
            seen.threads,
        ];
        let figures = figures.map(|figure| figure.to_string()).into_iter();
        let rest = [seen.descriptors.to_string(), seen.wake_ups.to_string()];
        table.row(
            [launcher.name.clone()]
                .into_iter()
                .chain(figures)
                .chain(rest),
        );
    }
    table
}

fn budgets(launchers: &[Launcher], idle: &[Option<Idle>], sizes: &[(&str, u64)]) -> Vec<Budget> {
    let ours = launchers
        .iter()
        .zip(idle)
        .filter(|(launcher, _)| launcher.is_ours());
    let ours: Vec<(&str, &Idle)> = ours
        .filter_map(|(launcher, seen)| Some((launcher.name.as_str(), seen.as_ref()?)))
        .collect();
    let worst = |what: &str, unit: &str, limit: u64, pick: fn(&Idle) -> u64| {
        let worst = ours.iter().map(|(name, seen)| (pick(seen), *name)).max();
        Budget {
            promise: format!("{what} at most {limit}{unit}"),
            measured: worst.map_or("-".into(), |(figure, name)| {
                format!("{figure}{unit} ({name})")
            }),
            holds: worst.map(|(figure, _)| figure <= limit),
        }
    };
    let bytes = sizes
        .iter()
        .find(|(name, _)| *name == OURS)
        .map_or(0, |(_, bytes)| *bytes);
    vec![
        worst("idle Rss", " KiB", RSS_BUDGET, |seen| seen.rss),
        worst("idle private dirty", " KiB", DIRTY_BUDGET, |seen| {
            seen.dirty
        }),
        worst("idle wake-ups", "", 0, |seen| seen.wake_ups),
        worst("threads", "", 1, |seen| seen.threads),
        Budget {
            promise: format!("binary at most {BINARY_BUDGET} bytes"),
            measured: format!("{bytes} bytes"),
            holds: Some(bytes <= BINARY_BUDGET),
        },
    ]
}
