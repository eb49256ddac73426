//! A hundred thousand signals in one go.
//!
//! In: a number of signals. Out: how many main received, when the last one came,
//! what it cost PID 1, and whether everybody still answers afterwards.
//!
//! **Never:** a real-time signal that is lost before PID 1 has it: the bench
//! queues each and tries again while the kernel's queue is full. What main then
//! misses, PID 1 has lost, and for ours that is a fault.

use std::time::Duration;

use crate::peers::{Launcher, Roster};
use crate::process::{Board, Process, now};
use crate::service::{ASKED, LIMIT, program, serve};
use crate::stage::Stage;
use crate::table::{Section, Table};

/// RTMIN+2 as the kernel counts.
const REAL_TIME: i32 = 36;
/// Nothing more comes after as long a silence.
const SILENCE: Duration = Duration::from_millis(500);

/// The words of `struct board` in actor.c.
const USR1_COUNT: usize = 0;
const REAL_TIME_COUNT: usize = 1;
const USR2_COUNT: usize = 2;
const LAST: usize = 3;

struct Weathered {
    received: u64,
    sent_after: f64,
    settled_after: f64,
    init_time: f64,
    later_signal: bool,
    end: Option<i32>,
}

/// Sends both storms through all of them.
pub(crate) fn measure(stage: &mut Stage, roster: &Roster, signals: u64) -> Section {
    let launchers = roster.for_service();
    let board = Board::create(stage.board());
    let mut faults = Vec::new();
    let mut tables = Vec::new();
    for (signal, name) in [
        (REAL_TIME, "RTMIN+2, queued"),
        (libc::SIGUSR1, "USR1, coalesced"),
    ] {
        let mut table = Table::new(&[
            "PID 1",
            "received",
            "sent, ms",
            "settled, ms",
            "PID 1's CPU, ms",
            "USR2 later",
            "TERM later",
        ]);
        for launcher in &launchers {
            match weather(stage, launcher, &board, signal, signals) {
                Some(seen) => {
                    faults.extend(judge(launcher, &seen, signal, signals));
                    table.row(row(launcher, &seen));
                }
                None => faults.push(format!("{}: main did not begin", launcher.name)),
            }
        }
        tables.push((format!("{name}:"), table));
    }
    Section {
        title: "Signal storm",
        method: format!(
            "{signals} signals to PID 1 in a tight loop; then USR2, then TERM, which main answers \
             with exit code {ASKED}. Of a signal that is not real-time one at most is pending, so \
             few arrive, by design."
        ),
        tables,
        budgets: Vec::new(),
        faults,
    }
}

fn weather(
    stage: &mut Stage,
    launcher: &Launcher,
    board: &Board,
    signal: i32,
    signals: u64,
) -> Option<Weathered> {
    let place = stage.board().display().to_string();
    let program = program(stage, launcher, &["count", &place]);
    let mut service = serve(stage, launcher, &program)?;
    service.settle();
    let count = || {
        board.read(if signal == REAL_TIME {
            REAL_TIME_COUNT
        } else {
            USR1_COUNT
        })
    };
    let (count_before, usr2_before) = (count(), board.read(USR2_COUNT));
    let time_before = service.time_on_core();
    let begin = now();
    for _ in 0..signals {
        service.init.queue(signal);
    }
    let sent = now();
    await_silence(&|| count());
    let init_time = service.time_on_core() - time_before;
    let milliseconds = |end: u64| end.saturating_sub(begin) as f64 / 1e6;
    let settled_after = milliseconds(board.read(LAST));
    let received = count() - count_before;
    service.init.signal(libc::SIGUSR2);
    let later_signal = becomes_true(&|| board.read(USR2_COUNT) > usr2_before);
    Some(Weathered {
        received,
        sent_after: milliseconds(sent),
        settled_after,
        init_time: init_time as f64 / 1e6,
        later_signal,
        end: end(&mut service.init),
    })
}

fn end(init: &mut Process) -> Option<i32> {
    init.signal(libc::SIGTERM);
    init.wait_within(LIMIT)
}

/// Waits until the count has not changed for a while.
fn await_silence(count: &dyn Fn() -> u64) {
    let mut last = (count(), now());
    while u128::from(now() - last.1) < SILENCE.as_nanos() {
        std::thread::sleep(Duration::from_millis(5));
        let current = count();
        if current != last.0 {
            last = (current, now());
        }
    }
}

fn becomes_true(condition: &dyn Fn() -> bool) -> bool {
    let begin = now();
    while !condition() {
        if u128::from(now() - begin) > SILENCE.as_nanos() * 4 {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

fn judge(launcher: &Launcher, seen: &Weathered, signal: i32, signals: u64) -> Vec<String> {
    if !launcher.is_ours() {
        return Vec::new();
    }
    let lost = signal == REAL_TIME && seen.received != signals;
    let verdicts = [
        (
            lost,
            format!(
                "lost real-time signals: {} of {signals} arrived",
                seen.received
            ),
        ),
        (!seen.later_signal, "lost USR2 after the storm".into()),
        (
            seen.end != Some(ASKED),
            format!("TERM after the storm ended with {:?}", seen.end),
        ),
    ];
    let wrong = verdicts.into_iter().filter(|(wrong, _)| *wrong);
    wrong
        .map(|(_, what)| format!("{}: {what}", launcher.name))
        .collect()
}

fn row(launcher: &Launcher, seen: &Weathered) -> Vec<String> {
    vec![
        launcher.name.clone(),
        seen.received.to_string(),
        format!("{:.0}", seen.sent_after),
        format!("{:.0}", seen.settled_after),
        format!("{:.0}", seen.init_time),
        if seen.later_signal { "yes" } else { "no" }.into(),
        seen.end
            .map_or("none".into(), |code| format!("exit {code}")),
    ]
}
