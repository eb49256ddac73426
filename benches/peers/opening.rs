//! What confinement costs main for as long as it lives: open(2) and close(2) of
//! a file, at several depths.
//!
//! In: rounds. Out: the time of one pair below each means, and its ratio to the
//! same in the same round where nothing is withheld.
//!
//! **Never:** a main that is confined less than its row says: each tries.

use std::fs;

use crate::peers::{Launcher, OURS, Roster};
use crate::process::{Program, cores, run_on};
use crate::service::{Service, program, serve};
use crate::stage::{Scene, Stage, WITHHELD};
use crate::statistics::{Shuffle, Sorted, paired_ratio};
use crate::table::{Section, Table};

/// How many directories lie above the file, below one that a rule allows.
const DEPTHS: [usize; 3] = [1, 5, 10];
/// Pairs of calls in one sample.
const PAIRS: usize = 200;
/// Below which means; the first is what the ratios are taken to, and the second,
/// which is the same, shows the noise.
const NAMES: [&str; 4] = [
    "nothing withheld",
    "nothing withheld, once more",
    "Landlock file rules",
    "file permissions, Landlock domain",
];

/// Nanoseconds of each pair, by means and depth.
type Samples = Vec<[Vec<f64>; DEPTHS.len()]>;

/// Measures all of them.
pub(crate) fn measure(stage: &mut Stage, roster: &Roster, rounds: usize) -> Section {
    stage.prepare_withheld();
    let paths = DEPTHS.map(make_file);
    let amount = PAIRS.to_string();
    let part: Vec<&str> = ["open", &amount, WITHHELD]
        .into_iter()
        .chain(paths.iter().map(String::as_str))
        .collect();
    let launchers = launchers(stage, roster);
    let programs: Vec<Program> = launchers
        .iter()
        .map(|launcher| program(stage, launcher, &part))
        .collect();
    let mut samples: Samples = vec![Default::default(); NAMES.len()];
    // All on one core: the neighbours of another would decide the ratio.
    let all = cores();
    run_on(all & all.wrapping_neg());
    let mut faults = Vec::new();
    let services: Vec<Option<Service>> = launchers
        .iter()
        .zip(&programs)
        .map(|(launcher, program)| serve(stage, launcher, program))
        .collect();
    let mut shuffle = Shuffle::new();
    for _ in 0..rounds {
        for index in shuffle.order(NAMES.len()) {
            let Some(service) = &services[index] else {
                continue;
            };
            service.tell();
            for depth in &mut samples[index] {
                match service.hear::<8>() {
                    Some(taken) => depth.push(u64::from_ne_bytes(taken) as f64 / PAIRS as f64),
                    None => faults.push(format!("{}: main ended", NAMES[index])),
                }
            }
        }
    }
    run_on(all);
    for (name, service) in NAMES.iter().zip(&services) {
        if service.is_none() {
            faults.push(format!("{name}: main was not started, or read the secret"));
        }
    }
    Section {
        title: "Cost of confinement on open",
        method: format!(
            "open(O_RDONLY) and close of one file by main, {PAIRS} pairs a sample, {rounds} \
             rounds, each in another order; the median of one pair. Depth is the number of \
             directories between the file and the one that a rule allows: the kernel looks for a \
             rule in each of them. The ratio is the median of the ratios to the first row in the \
             same round, all on one core. Only open, rename and link are looked at; reading and writing cost \
             nothing more, whatever the means. Nanoseconds."
        ),
        budgets: Vec::new(),
        tables: vec![(String::new(), table(&samples))],
        faults,
    }
}

/// In the order of `NAMES`.
fn launchers(stage: &Stage, roster: &Roster) -> [Launcher; NAMES.len()] {
    let policy = stage.policy_of_nobody().display().to_string();
    let mut with_user = roster.ours_in(Scene::Withheld);
    with_user.words.splice(1..1, ["--policy".into(), policy]);
    let mut all = [
        roster.ours_in(Scene::Bare),
        roster.ours_in(Scene::Bare),
        roster.ours_in(Scene::Withheld),
        with_user,
    ];
    for (launcher, name) in all.iter_mut().zip(NAMES) {
        launcher.name = format!("{OURS}, {name}");
    }
    all
}

/// A file as many directories below one that exists when main starts.
fn make_file(depth: usize) -> String {
    let directory = format!("/run/bench/depth-{depth}{}", "/below".repeat(depth - 1));
    fs::create_dir_all(&directory).expect("directories of ours");
    let path = format!("{directory}/file");
    fs::write(&path, "text").expect("a file of ours");
    path
}

fn table(samples: &Samples) -> Table {
    let depths = DEPTHS.map(|depth| [format!("depth {depth}"), "ratio".into()]);
    let heading: Vec<String> = [String::from("confined by")]
        .into_iter()
        .chain(depths.into_iter().flatten())
        .collect();
    let heading: Vec<&str> = heading.iter().map(String::as_str).collect();
    let mut table = Table::new(&heading);
    for (name, own) in NAMES.iter().zip(samples) {
        let cells = own.iter().zip(&samples[0]).flat_map(|(own, plain)| {
            [
                format!("{:.0}", Sorted::new(own.clone()).median()),
                format!("{:.2}", paired_ratio(own, plain)),
            ]
        });
        table.row([(*name).to_owned()].into_iter().chain(cells));
    }
    table
}
