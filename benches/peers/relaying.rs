//! How fast setup's output passes the mask.
//!
//! In: MiB of a made-up build log in which every thousandth line has a value.
//! Out: the relay beside `cat`, which looks at nothing, and `sed` with as many
//! expressions as the relay looks for forms.
//!
//! The relay runs in a thread of the bench, by the loop that PID 1 has; the
//! others are processes. All read one pipe and write another.
//!
//! **Never:** a figure for output that has a value in it, or too little.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollTimeout, poll};
use nix::sys::resource::{UsageWho, getrusage};
use nix::unistd::pipe2;
use vestibule::collect::directory;
use vestibule::search::Searcher;
use vestibule::secret::Secret;
use vestibule::setup::relay::{Masking, Relay, Which};

use crate::statistics::{Shuffle, Sorted};
use crate::table::{Section, Table};

const MIB: usize = 1 << 20;
/// Gives about 250 forms to look for.
const VALUES: usize = 32;
/// `sed` gets this part of the log, or nobody would wait for it.
const PART_FOR_SED: usize = 64;
/// A line in so many has a value.
const RARE: usize = 1_000;

/// A worker between two pipes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Worker {
    Cat,
    Relay,
    Sed,
}

const WORKERS: [(Worker, &str); 3] = [
    (Worker::Cat, "cat"),
    (Worker::Relay, "relay"),
    (Worker::Sed, "sed"),
];

/// What all workers are given.
struct Log {
    values: Vec<String>,
    masking: Masking,
    forms: usize,
    /// One MiB, and a little for the last line.
    block: Vec<u8>,
    /// How often a value stands in it.
    occurrences: usize,
}

/// What one worker needed.
struct Sample {
    seconds: f64,
    cpu_seconds: f64,
    given: usize,
    seen: usize,
}

/// Measures everybody in turns.
pub(crate) fn measure(mebibytes: usize, rounds: usize) -> Section {
    let log = write_log();
    let mut rates = vec![Vec::new(); WORKERS.len()];
    let mut costs = vec![Vec::new(); WORKERS.len()];
    let mut faults = Vec::new();
    let mut shuffle = Shuffle::new();
    for _ in 0..rounds {
        for index in shuffle.order(WORKERS.len()) {
            let (worker, name) = WORKERS[index];
            let blocks = match worker {
                Worker::Cat | Worker::Relay => mebibytes,
                Worker::Sed => mebibytes.div_ceil(PART_FOR_SED),
            };
            let sample = run(worker, &log, blocks);
            let expected = match worker {
                Worker::Cat => sample.given,
                Worker::Relay | Worker::Sed => masked_size(&log, blocks),
            };
            if sample.seen != expected && faults.is_empty() {
                faults.push(format!("{name}: {} bytes, not {expected}", sample.seen));
            }
            let megabytes = sample.given as f64 / 1e6;
            rates[index].push(megabytes / sample.seconds);
            costs[index].push(sample.cpu_seconds * 1e6 / megabytes);
        }
    }
    Section {
        title: "Relaying setup's output",
        method: format!(
            "{mebibytes} MiB of a build log through a pipe, the worker, and another pipe, median of \
             {rounds} rounds in turns; every {RARE}th line has a value. The relay looks for {} forms \
             of {VALUES} values, sed replaces by as many expressions and has a {PART_FOR_SED}th of \
             the log. The relay is a thread of the bench with PID 1's loop.",
            log.forms
        ),
        tables: vec![(String::new(), table(&rates, &costs))],
        budgets: Vec::new(),
        faults,
    }
}

fn table(rates: &[Vec<f64>], costs: &[Vec<f64>]) -> Table {
    let mut table = Table::new(&["worker", "MB/s", "its CPU, us for each MB"]);
    for ((rates, costs), (_, name)) in rates.iter().zip(costs).zip(WORKERS) {
        table.row([
            name.into(),
            format!("{:.0}", Sorted::new(rates.clone()).median()),
            format!("{:.0}", Sorted::new(costs.clone()).median()),
        ]);
    }
    table
}

fn write_log() -> Log {
    let values: Vec<String> = (0..VALUES).map(value).collect();
    let names: Vec<String> = (0..VALUES).map(name).collect();
    let secrets: Vec<Secret> = values.iter().map(|value| secret(value)).collect();
    let pairs = || names.iter().map(String::as_str).zip(&secrets);
    let forms = Searcher::for_lines(&mut pairs()).patterns();
    let mut block = Vec::new();
    let mut lines = 0;
    let mut occurrences = 0;
    while block.len() < MIB {
        lines += 1;
        if lines % RARE == 0 {
            let value = &values[occurrences % VALUES];
            let _ = writeln!(
                block,
                "fatal: https://x-access-token:{value}@example.org: 403"
            );
            occurrences += 1;
        } else {
            write_line(&mut block, lines);
        }
    }
    Log {
        masking: Masking::new(&mut pairs()),
        values,
        forms,
        block,
        occurrences,
    }
}

/// A line as package managers and compilers write it.
fn write_line(to: &mut Vec<u8>, number: usize) {
    let _ = match number % 5 {
        0 => writeln!(
            to,
            "\x1b[0m\x1b[32m\x1b[1m   Compiling\x1b[0m unicode-width v0.{number}.1"
        ),
        1 => writeln!(
            to,
            "npm http fetch GET 200 https://registry.example.org/@types%2fnode/{number} 113ms (cache hit)"
        ),
        2 => writeln!(
            to,
            "[{number}/8123] /usr/bin/c++ -O2 -fPIC -Iinclude -MD -o src/part{number}.o -c ../src/part{number}.cc"
        ),
        3 => write!(
            to,
            "\rReceiving objects: {}% ({number}/40213), 12.4 MiB | 3.1 MiB/s",
            number % 100
        ),
        _ => writeln!(
            to,
            "\n#{number} sha256:{:064x} 1.2MB / 3.4MB",
            number * 7_919
        ),
    };
}

/// Twenty-four characters, other ones for each number.
fn value(number: usize) -> String {
    let mut state = number as u64 + 1;
    let mut letter = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"[(state >> 33) as usize % 57]
    };
    (0..24).map(|_| char::from(letter())).collect()
}

/// Of one length, so that the size of the output is known.
fn name(number: usize) -> String {
    format!("token-{number:02}")
}

/// Values can only be read from files.
fn secret(value: &str) -> Secret {
    let path = std::path::Path::new("/run/relayed-value");
    fs::write(path, value).expect("a file on our tmpfs");
    directory::read_path(path).unwrap_or_else(|_| panic!("the file can be read"))
}

fn masked_size(log: &Log, blocks: usize) -> usize {
    let marker = format!("***{}***", name(0)).len();
    let change = log.values[0].len() - marker;
    (log.block.len() - log.occurrences * change) * blocks
}

/// The log through one worker.
fn run(worker: Worker, log: &Log, blocks: usize) -> Sample {
    thread::scope(|scope| {
        let write = |mut to: File| {
            for _ in 0..blocks {
                to.write_all(&log.block).expect("the worker reads");
            }
        };
        let begun = Instant::now();
        let (seen, cpu_seconds) = if worker == Worker::Relay {
            let (out, to) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
            let (ends_sender, ends) = std::sync::mpsc::channel();
            let masking = &log.masking;
            let relay = scope.spawn(move || relay_all(masking, to, &ends_sender));
            scope.spawn(move || write(ends.recv().expect("the relay's pipe")));
            let seen = drain(out.into());
            (seen, relay.join().expect("the relay ends"))
        } else {
            let before = cpu(UsageWho::RUSAGE_CHILDREN);
            let mut child = command(worker, log)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("the worker starts");
            let to: OwnedFd = child.stdin.take().expect("its input").into();
            let out: OwnedFd = child.stdout.take().expect("its output").into();
            scope.spawn(move || write(to.into()));
            let seen = drain(out.into());
            child.wait().expect("the worker ends");
            (seen, cpu(UsageWho::RUSAGE_CHILDREN) - before)
        };
        Sample {
            seconds: begun.elapsed().as_secs_f64(),
            cpu_seconds,
            given: log.block.len() * blocks,
            seen,
        }
    })
}

#[expect(clippy::disallowed_methods, reason = "the bench is not PID 1")]
fn command(worker: Worker, log: &Log) -> Command {
    let mut command = Command::new(if worker == Worker::Sed { "sed" } else { "cat" });
    if worker == Worker::Sed {
        command.env("LC_ALL", "C");
        for number in 0..log.forms {
            let name = name(number % VALUES);
            command
                .arg("-e")
                .arg(format!("s/{}/***{name}***/g", value(number)));
        }
    }
    command
}

/// PID 1's loop, as far as it concerns the relay. Returns its processor time.
fn relay_all(masking: &Masking, to: OwnedFd, ends_sender: &std::sync::mpsc::Sender<File>) -> f64 {
    let before = cpu(UsageWho::RUSAGE_THREAD);
    let (mut relay, ends) =
        Relay::between(masking, None, (to.as_fd(), to.as_fd())).expect("two pipes");
    drop(ends.error);
    ends_sender
        .send(ends.output.into())
        .expect("the writer waits");
    while !relay.is_done() {
        let patience = relay.deadline().map_or(PollTimeout::NONE, |deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
        });
        let [output, error] = relay.fds();
        let both = [(Which::Output, output), (Which::Error, error)];
        let (names, mut fds): (Vec<Which>, Vec<PollFd>) = both
            .into_iter()
            .filter_map(|(which, fd)| Some((which, fd?)))
            .unzip();
        poll(&mut fds, patience).expect("poll");
        let ready: Vec<bool> = fds.iter().map(|fd| fd.any() == Some(true)).collect();
        for (which, _) in names.into_iter().zip(ready).filter(|(_, ready)| *ready) {
            relay.on_ready(which);
        }
        relay.on_idle(Instant::now());
    }
    drop(relay);
    // The end for whoever reads.
    drop(to);
    cpu(UsageWho::RUSAGE_THREAD) - before
}

fn drain(mut from: File) -> usize {
    let mut room = vec![0; 128 * 1024];
    let mut seen = 0;
    loop {
        match from.read(&mut room).expect("a pipe") {
            0 => return seen,
            count => seen += count,
        }
    }
}

fn cpu(who: UsageWho) -> f64 {
    let usage = getrusage(who).expect("getrusage");
    [usage.user_time(), usage.system_time()]
        .iter()
        .map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6)
        .sum()
}
