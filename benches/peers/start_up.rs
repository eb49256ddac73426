//! How long a command takes to start through each launcher.
//!
//! In: rounds. Out: medians of the whole run and of the time until main's first
//! instruction, on all cores and on one.
//!
//! **Never:** a launcher that is measured while it does less than its job: each
//! is tried first, and a wrong end is a fault.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::AsRawFd;
use std::time::Duration;

use crate::peers::{CHAIN, Launcher, OURS, OURS_WHOLE, OURS_WITH_USER, REFERENCE, Roster};
use crate::process::{self, Meanwhile, Program, Standard, pipe, read_within, start};
use crate::service::{program, silence};
use crate::stage::{PLAIN_VARIABLE, Scene, Stage, USER_ID, VARIABLES};
use crate::statistics::{Shuffle, Sorted, paired_ratio};
use crate::table::{Budget, Section, Table};

/// What one launcher took, round by round, in microseconds.
#[derive(Default)]
pub(crate) struct Samples {
    whole: Vec<f64>,
    until_main: Vec<f64>,
}

/// Measures all of them on all cores and on one.
pub(crate) fn measure(stage: &mut Stage, roster: &Roster, rounds: usize) -> Section {
    let launchers = roster.for_start(stage);
    let mut faults = check_jobs(stage, &launchers);
    let cores = process::cores();
    let free = run_rounds(stage, &launchers, rounds, &mut faults);
    process::run_on(cores & cores.wrapping_neg());
    let pinned = run_rounds(stage, &launchers, rounds, &mut faults);
    process::run_on(cores);
    let budgets = budgets(&launchers, &free, &pinned);
    Section {
        title: "Start-up of a static no-op as PID 1",
        method: format!(
            "clone(CLONE_NEWPID, CLONE_VFORK) to the end of PID 1, and to main's first \
             instruction; {rounds} rounds, each in another order. The ratio is the median of the \
             ratios to {REFERENCE} of the same round. The three secrets are files; they become \
             two URLs and one variable; on the whole road three URLs, and a fourth file, mode 0644, is \
             withheld by Landlock file rules and tried. The chain is the same job in shell, without encoding. \
             The floor is a program without a C library that makes main's process, executes itself anew \
             and does nothing else: what a PID 1 with a memory of its own costs before any work."
        ),
        tables: vec![
            ("All cores, microseconds:".into(), table(&launchers, &free)),
            (
                "Pinned to one core, microseconds:".into(),
                table(&launchers, &pinned),
            ),
        ],
        budgets,
        faults,
    }
}

/// Every launcher has to do what its row claims.
fn check_jobs(stage: &mut Stage, launchers: &[Launcher]) -> Vec<String> {
    let mut faults = Vec::new();
    for launcher in launchers {
        let drops = [OURS_WITH_USER, OURS_WHOLE, CHAIN].contains(&launcher.name.as_str());
        let mut part = vec!["expect", if drops { USER_ID } else { "0" }];
        if matches!(launcher.scene, Scene::Secrets | Scene::WholeRoad) {
            part.extend(VARIABLES);
            part.push(PLAIN_VARIABLE);
        }
        let program = program(stage, launcher, &part);
        stage.arrange(launcher.scene);
        let (silence, mut complaints) = (silence(), scratch());
        let standard = [
            silence.as_raw_fd(),
            silence.as_raw_fd(),
            complaints.as_raw_fd(),
        ];
        let code = start(&program, Standard(standard), Meanwhile::Suspended).wait();
        if code != 0 {
            let mut text = String::new();
            complaints.rewind().expect("a file");
            complaints.read_to_string(&mut text).expect("a message");
            faults.push(format!(
                "{}: the job ended with {code}: {}",
                launcher.name,
                text.trim()
            ));
        }
    }
    faults
}

fn scratch() -> File {
    let mut options = File::options();
    let options = options.read(true).write(true).create(true).truncate(true);
    options
        .open("/run/bench/complaints")
        .expect("a scratch file")
}

fn run_rounds(
    stage: &mut Stage,
    launchers: &[Launcher],
    rounds: usize,
    faults: &mut Vec<String>,
) -> Vec<Samples> {
    let programs: Vec<Program> = launchers
        .iter()
        .map(|launcher| Program::new(&launcher.with(&[stage.noop()])))
        .collect();
    let mut samples: Vec<Samples> = launchers.iter().map(|_| Samples::default()).collect();
    let mut shuffle = Shuffle::new();
    let (output, output_end) = pipe();
    let silence = silence();
    let standard = Standard([
        silence.as_raw_fd(),
        output_end.as_raw_fd(),
        silence.as_raw_fd(),
    ]);
    for _ in 0..rounds {
        for index in shuffle.order(launchers.len()) {
            stage.arrange(launchers[index].scene);
            let mut init = start(&programs[index], standard, Meanwhile::Suspended);
            let code = init.wait();
            let end = process::now();
            let Some(main) = first_instruction(&output).filter(|_| code == 0) else {
                faults.push(format!(
                    "{}: a no-op ended with {code}",
                    launchers[index].name
                ));
                return samples;
            };
            samples[index].whole.push(microseconds(init.begun, end));
            samples[index]
                .until_main
                .push(microseconds(init.begun, main));
        }
    }
    samples
}

fn first_instruction(output: &File) -> Option<u64> {
    let bytes = read_within::<16>(output, Duration::ZERO)?;
    let (seconds, nanoseconds) = bytes.split_first_chunk::<8>()?;
    let (nanoseconds, _) = nanoseconds.split_first_chunk::<8>()?;
    Some(u64::from_ne_bytes(*seconds) * 1_000_000_000 + u64::from_ne_bytes(*nanoseconds))
}

fn microseconds(begin: u64, end: u64) -> f64 {
    end.saturating_sub(begin) as f64 / 1000.0
}

fn find<'a>(launchers: &[Launcher], samples: &'a [Samples], name: &str) -> Option<&'a Samples> {
    let index = launchers
        .iter()
        .position(|launcher| launcher.name == name)?;
    samples.get(index)
}

fn ratio(launchers: &[Launcher], samples: &[Samples], name: &str, to: &str) -> Option<f64> {
    let of = find(launchers, samples, name)?;
    let to = find(launchers, samples, to)?;
    Some(paired_ratio(&of.whole, &to.whole))
}

fn table(launchers: &[Launcher], samples: &[Samples]) -> Table {
    let heading = format!("x {REFERENCE}");
    let mut table = Table::new(&[
        "launcher",
        "median",
        "p10",
        "p90",
        &heading,
        "until main",
        &heading,
    ]);
    let reference = find(launchers, samples, REFERENCE);
    for (launcher, of) in launchers.iter().zip(samples) {
        let (whole, until_main) = (
            Sorted::new(of.whole.clone()),
            Sorted::new(of.until_main.clone()),
        );
        let against = |pick: fn(&Samples) -> &[f64]| {
            reference.map_or("-".into(), |to| {
                format!("{:.2}", paired_ratio(pick(of), pick(to)))
            })
        };
        table.row([
            launcher.name.clone(),
            format!("{:.0}", whole.median()),
            format!("{:.0}", whole.quantile(0.1)),
            format!("{:.0}", whole.quantile(0.9)),
            against(|samples| &samples.whole),
            format!("{:.0}", until_main.median()),
            against(|samples| &samples.until_main),
        ]);
    }
    table
}

fn budgets(launchers: &[Launcher], free: &[Samples], pinned: &[Samples]) -> Vec<Budget> {
    let shown = |ratio: Option<f64>| ratio.map_or("-".into(), |ratio| format!("{ratio:.2}"));
    let bare = ratio(launchers, free, OURS, REFERENCE);
    let bare_pinned = ratio(launchers, pinned, OURS, REFERENCE);
    let whole = |promise: &str, samples: &[Samples], to: &str, limit: f64| {
        let found = ratio(launchers, samples, OURS_WHOLE, to);
        Budget {
            promise: format!("{promise} at most {limit} x {to}"),
            measured: shown(found),
            holds: found.map(|ratio| ratio <= limit),
        }
    };
    vec![
        Budget {
            promise: format!("bare start at most 0.8 x {REFERENCE}"),
            measured: format!("{} (pinned {})", shown(bare), shown(bare_pinned)),
            holds: bare.map(|ratio| ratio <= 0.8),
        },
        whole("whole road", free, REFERENCE, 1.1),
        whole("whole road, one core,", pinned, REFERENCE, 1.4),
        whole("whole road", free, CHAIN, 0.2),
    ]
}
