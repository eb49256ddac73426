//! Start-up, size, signals and reaping beside the peers, in one run.
//!
//! In: the release binary (`VESTIBULE_BINARY`, or the static release build) and
//! the inits of this machine. Out: tables on standard output and, after a whole
//! run, `docs/benchmarks.md`.
//!
//! `cargo bench --bench peers [-- [--quick] [PART...]]`; parts are `start`,
//! `idle`, `window`, `latency`, `reap`, `storm`, `many`, `open`, `relay`. Needs root.
//!
//! **Never:** a failure for a missed budget, which is a result; wrong behaviour
//! is one.

#![allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
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
    clippy::print_stderr,
    reason = "an ordinary program, whose output is its purpose"
)]

mod footprint;
mod latency;
mod machine;
mod opening;
mod peers;
mod process;
mod reaping;
mod relaying;
mod report;
mod scale;
mod service;
mod stage;
mod start_up;
mod statistics;
mod storm;
mod table;
mod window;

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use peers::Roster;
use stage::Stage;
use table::Section;

const BUILD: &str = "cargo build --release --target x86_64-unknown-linux-musl";

/// How much of each is done.
struct Effort {
    rounds: usize,
    pause: Duration,
    sweeps: usize,
    steps: usize,
    latency_signals: usize,
    orphans: usize,
    storm_signals: u64,
    scale_rounds: usize,
    open_rounds: usize,
    relayed_mebibytes: usize,
    relay_rounds: usize,
}

const WHOLE: Effort = Effort {
    rounds: 1_000,
    pause: Duration::from_secs(10),
    sweeps: 4,
    steps: 250,
    latency_signals: 1_500,
    orphans: 10_000,
    storm_signals: 100_000,
    scale_rounds: 21,
    open_rounds: 1_000,
    relayed_mebibytes: 256,
    relay_rounds: 5,
};

/// Enough to see that everything works.
const QUICK: Effort = Effort {
    rounds: 50,
    pause: Duration::from_secs(2),
    sweeps: 1,
    steps: 25,
    latency_signals: 50,
    orphans: 500,
    storm_signals: 5_000,
    scale_rounds: 3,
    open_rounds: 10,
    relayed_mebibytes: 16,
    relay_rounds: 1,
};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| words.iter().any(|other| other == word);
    if !has("--bench") {
        println!("peers: measures only under `cargo bench`");
        return ExitCode::SUCCESS;
    }
    let effort = if has("--quick") { QUICK } else { WHOLE };
    let parts: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let load = machine::load();
    let roster = Roster::find(binary());
    let mut stage = Stage::set();
    let sections = measure(&mut stage, &roster, &effort, &parts);
    let text = report::text(&roster, &sections, &load);
    println!("{text}");
    if !has("--quick") && parts.is_empty() {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/benchmarks.md");
        std::fs::write(&place, &text).expect("docs/benchmarks.md is written");
    }
    let faults: Vec<&String> = sections
        .iter()
        .flat_map(|section| &section.faults)
        .collect();
    for fault in &faults {
        eprintln!("peers: wrong: {fault}");
    }
    ExitCode::from(u8::from(!faults.is_empty()))
}

fn measure(stage: &mut Stage, roster: &Roster, effort: &Effort, parts: &[&str]) -> Vec<Section> {
    type Part<'a> = (&'a str, &'a dyn Fn(&mut Stage) -> Section);
    let all: [Part; 9] = [
        ("start", &|stage| {
            start_up::measure(stage, roster, effort.rounds)
        }),
        ("idle", &|stage| {
            footprint::measure(stage, roster, effort.pause)
        }),
        ("window", &|stage| {
            window::measure(stage, roster, effort.sweeps, effort.steps)
        }),
        ("latency", &|stage| {
            latency::measure(stage, roster, effort.latency_signals)
        }),
        ("reap", &|stage| {
            reaping::measure(stage, roster, effort.orphans)
        }),
        ("storm", &|stage| {
            storm::measure(stage, roster, effort.storm_signals)
        }),
        ("many", &|stage| {
            scale::measure(stage, roster, effort.scale_rounds)
        }),
        ("open", &|stage| {
            opening::measure(stage, roster, effort.open_rounds)
        }),
        ("relay", &|_| {
            relaying::measure(effort.relayed_mebibytes, effort.relay_rounds)
        }),
    ];
    for part in parts {
        assert!(
            all.iter().any(|(name, _)| name == part),
            "there is no part {part}"
        );
    }
    all.iter()
        .filter(|(name, _)| parts.is_empty() || parts.contains(name))
        .map(|(name, measure)| {
            eprintln!("peers: {name}");
            measure(stage)
        })
        .collect()
}

/// The binary under test.
fn binary() -> PathBuf {
    let built = || {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        let below = format!(
            "{}-unknown-linux-musl/release/vestibule",
            std::env::consts::ARCH
        );
        root.join(target).join(below)
    };
    let path = std::env::var_os("VESTIBULE_BINARY").map_or_else(built, PathBuf::from);
    assert!(
        path.is_file(),
        "{} is not there; run `{BUILD}`",
        path.display()
    );
    installed(&path)
}

/// A copy, written as an image's layers are unpacked, in pieces of 32 KiB. A linker
/// writes its output a page at a time, the page cache keeps that, and the kernel
/// maps such a file at a higher price than those of the peers, which were
/// installed.
fn installed(built: &Path) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vestibule");
    let _ = std::fs::remove_file(&path);
    let bytes = std::fs::read(built).expect("the binary can be read");
    let mut copy = File::create(&path).expect("a copy");
    for piece in bytes.chunks(32 * 1024) {
        copy.write_all(piece).expect("room for the copy");
    }
    // What is not on the disk yet would count as private dirty.
    copy.sync_all().expect("a copy on the disk");
    let executable = std::fs::Permissions::from_mode(0o755);
    copy.set_permissions(executable).expect("its mode");
    path
}
