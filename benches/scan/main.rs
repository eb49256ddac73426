//! `vestibule scan` beside `grep -rF` of the same patterns, in one run.
//!
//! In: the release binary (`VESTIBULE_BINARY`), grep, git, this machine's `/usr`.
//! Out: a table for `docs/benchmarks.md` on standard output.
//!
//! The tree is 50,000 files copied from `/usr` and a Git repository over a part
//! of them, packed. vestibule unpacks what is packed in it and grep does not; the
//! row `no packed files` is the same tree without such.
//!
//! **Never:** a cold cache: both have read the tree once before.

#![allow(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "figures are rounded when they are printed"
)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench that cannot go on ends with the reason; there is nobody to protect"
)]
#![allow(
    clippy::print_stdout,
    reason = "an ordinary program, whose output is its purpose"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "not PID 1: the standard library may start programs"
)]

mod patterns;
mod tree;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

const ROUNDS: usize = 5;

/// What one run took.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    /// User and system time, with helpers.
    processor: Duration,
}

fn main() {
    let binary = std::env::var_os("VESTIBULE_BINARY").map_or_else(
        || PathBuf::from("target/x86_64-unknown-linux-musl/release/vestibule"),
        PathBuf::from,
    );
    assert!(
        binary.is_file(),
        "set VESTIBULE_BINARY to the release binary"
    );
    let place = std::env::temp_dir().join(format!("vestibule-bench-scan-{}", std::process::id()));
    fs::create_dir(&place).expect("a new directory");
    let count = patterns::write(&place);
    println!("## Scan of a tree beside grep\n");
    println!(
        "Ten secrets of 32 characters, {count} patterns for `LC_ALL=C grep -rF -f`; vestibule also searches UTF-16, names,\n\
         link targets and attributes. Medians of {ROUNDS} rounds in turns, warm cache.\n"
    );
    println!(
        "| tree | where | vestibule | processor | grep | processor | ratio | processor ratio |"
    );
    println!("|---|---|--:|--:|--:|--:|--:|--:|");
    let whole = place.join("tree");
    let made = tree::copy(&whole, 50_000);
    compare("no packed files", &made, &place, &whole, &binary);
    let packed = tree::add_packed(&whole);
    let made = format!("{made}; {packed}");
    compare("with packed files", &made, &place, &whole, &binary);
    fs::remove_dir_all(&place).expect("the tree goes");
}

fn compare(name: &str, made: &str, place: &Path, tree: &Path, binary: &Path) {
    let policy = place.join("policy.json");
    let scan = |pinned: bool| {
        let mut command = on(pinned, binary);
        command.arg("scan").arg("--policy").arg(&policy).arg(tree);
        run(command, &[0])
    };
    let grep = |pinned: bool| {
        let mut command = on(pinned, Path::new("grep"));
        command.arg("-rF").arg("-f").arg(place.join("patterns"));
        command.arg(tree).env("LC_ALL", "C");
        run(command, &[1])
    };
    scan(true);
    grep(true);
    for pinned in [true, false] {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push((scan(pinned), grep(pinned)));
        }
        let place = if pinned { "one core" } else { "as it comes" };
        let of = |pick: &dyn Fn(&(Cost, Cost)) -> f64| median(rounds.iter().map(pick).collect());
        println!(
            "| {name} | {place} | {:.2} s | {:.2} s | {:.2} s | {:.2} s | {:.2} | {:.2} |",
            of(&|round| round.0.wall.as_secs_f64()),
            of(&|round| round.0.processor.as_secs_f64()),
            of(&|round| round.1.wall.as_secs_f64()),
            of(&|round| round.1.processor.as_secs_f64()),
            of(&|round| round.0.wall.as_secs_f64() / round.1.wall.as_secs_f64()),
            of(&|round| round.0.processor.as_secs_f64() / round.1.processor.as_secs_f64()),
        );
    }
    println!("\n{name}: {made}.\n");
}

fn on(pinned: bool, program: &Path) -> Command {
    if !pinned {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program);
    command
}

/// Runs to the end, which must be one of `codes`: nothing is there to be found.
fn run(mut command: Command, codes: &[i32]) -> Cost {
    let null = File::create("/dev/null").expect("/dev/null");
    command.stdout(Stdio::from(null)).stdin(Stdio::null());
    let before = processor_time();
    let start = Instant::now();
    let status = command.status().expect("it starts");
    let wall = start.elapsed();
    assert!(
        status.code().is_some_and(|code| codes.contains(&code)),
        "{command:?} ended with {status}"
    );
    Cost {
        wall,
        processor: processor_time().saturating_sub(before),
    }
}

/// What all children that were waited for have taken.
fn processor_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("getrusage");
    let part = |time: nix::sys::time::TimeVal| {
        let seconds = u64::try_from(time.tv_sec()).expect("no negative time");
        let micros = u64::try_from(time.tv_usec()).expect("no negative time");
        Duration::from_secs(seconds) + Duration::from_micros(micros)
    };
    part(usage.user_time()) + part(usage.system_time())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
