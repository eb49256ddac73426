//! Signals on their way through the init to main: every one, in order, counted.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use crate::claim::{Seen, claims};
use crate::harness;
use crate::inits::Init;
use crate::running::{Running, children, queue, send, state, status, wait_until};
use crate::scene::{PATIENCE, Scene};

claims![
    every_catchable_signal_reaches_main,
    "signals 1 to 64 but KILL STOP CHLD TSTP TTIN TTOU: each reaches main",
    every_signal;
    tstp_ttin_and_ttou_reach_main,
    "TSTP, TTIN, TTOU sent to the init: main's handler gets each",
    stop_signals;
    a_storm_of_real_time_signals_arrives_whole_and_in_order,
    "100,000 queued RTMIN+2 with values 1 to 100,000: all reach main, in order, with value",
    real_time_storm;
    no_real_time_signal_is_lost_while_mains_queue_is_full,
    "1,000 queued RTMIN+2 through queues limited to 200, main stopped at first: none lost",
    full_queue;
    a_storm_of_usr1_leaves_the_init_alive_and_listening,
    "100,000 USR1, then USR2, then TERM: both later ones reach main",
    merging_storm;
    the_value_of_a_queued_signal_is_kept,
    "sigqueue(RTMIN+1, 4242): main sees the value",
    value;
];

/// Main as the witness that names every signal it gets, until `last` came.
pub(crate) fn listener(scene: Scene, last: i32) -> Running {
    let witness = harness::witness();
    let witness = witness.to_str().expect("a path in UTF-8");
    let running = scene.main(&[witness, "signals", &last.to_string()]).start();
    running.expect_line("ready");
    running
}

/// The beginning of the witness's line for a signal.
pub(crate) fn line(number: i32) -> String {
    format!("signal {number} ")
}

/// Long enough for a signal that comes; not waited for when it does.
const NOT_COMING: Duration = Duration::from_millis(400);

/// Sends each signal and lists those that main did not get.
fn not_forwarded(running: &Running, numbers: impl Iterator<Item = i32>) -> Vec<i32> {
    let init = running.pid_1();
    numbers
        .filter(|&number| {
            let before = running.heard(&line(number));
            send(init, number);
            !running.hears_often(&line(number), before + 1, NOT_COMING)
        })
        .collect()
}

fn every_signal(init: &Init) -> Seen {
    // 63 ends the listener; it has its turn last.
    let running = listener(Scene::of(init), 63);
    let numbers = (1..=64).filter(|number| !matches!(number, 9 | 17 | 19..=22 | 63));
    let mut missing = not_forwarded(&running, numbers);
    send(running.pid_1(), 63);
    let ended = running.end();
    if ended.code != Some(0) {
        missing.push(63);
    }
    Seen::none_of(&missing, "missing")
}

fn stop_signals(init: &Init) -> Seen {
    let running = listener(Scene::of(init), 64);
    let missing = not_forwarded(&running, [20, 21, 22].into_iter());
    Seen::none_of(&missing, "missing")
}

/// Queues a signal with each of these values, as fast as there is room. False if
/// there is none for too long.
fn queue_all(pid: i32, number: i32, mut values: RangeInclusive<usize>) -> bool {
    let deadline = Instant::now() + PATIENCE;
    values.all(|value| {
        while !queue(pid, number, value) {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::yield_now();
        }
        true
    })
}

/// The values with which a signal came, in order.
fn values(said: &str, number: i32) -> Vec<usize> {
    said.lines()
        .filter_map(|found| found.strip_prefix(&format!("signal {number} value ")))
        .filter_map(|rest| rest.split(' ').next()?.parse().ok())
        .collect()
}

fn real_time_storm(init: &Init) -> Seen {
    const STORM: usize = 100_000;
    let running = listener(Scene::of(init), 64);
    let pid = running.pid_1();
    let sent = queue_all(pid, 36, 1..=STORM);
    // The last in line: lower numbers go first (signal(7)).
    wait_until(PATIENCE, || queue(pid, 64, 0).then_some(()));
    let said = running.end().said;
    let in_order = values(&said, 36).into_iter().eq(1..=STORM);
    let count = values(&said, 36).len();
    let order = if in_order { "in order" } else { "values lost" };
    Seen::new(sent && in_order, format!("{count}, {order}"))
}

/// Fills main's queue while main is stopped, then goes on while main works it
/// off: the init must hold back what main has no room for.
fn full_queue(init: &Init) -> Seen {
    const COUNT: usize = 1_000;
    let scene = Scene::of(init).through(&["prlimit", "--sigpending=200"]);
    let running = listener(scene, 64);
    let (pid, main) = (running.pid_1(), running.main());
    send(main, 19);
    wait_until(PATIENCE, || (state(main) == 'T').then_some(())).expect("main is stopped");
    // The limit counts what all processes of the user have pending.
    let room = || (1..=COUNT).find(|&value| !queue(pid, 36, value));
    let first_refused = room().expect("the queue gets full");
    send(main, 18);
    let sent = queue_all(pid, 36, first_refused..=COUNT);
    if sent {
        wait_until(PATIENCE, || queue(pid, 64, 0).then_some(())).expect("room for the last");
    }
    let heard = running.said();
    let said = if sent { running.end().said } else { heard };
    let found = values(&said, 36);
    let in_order = found.iter().copied().eq(1..=COUNT);
    let order = if in_order { "in order" } else { "values lost" };
    let stuck = if sent { "" } else { ", stuck" };
    Seen::new(sent && in_order, format!("{}, {order}{stuck}", found.len()))
}

fn merging_storm(init: &Init) -> Seen {
    let running = listener(Scene::of(init), 15);
    let pid = running.pid_1();
    for _ in 0..100_000 {
        send(pid, 10);
    }
    send(pid, 12);
    let later = running.hears_often(&line(12), 1, PATIENCE);
    let ended = running.stop(PATIENCE);
    let text = format!(
        "USR2 {}, ends {}",
        if later { "came" } else { "lost" },
        ended.shown()
    );
    Seen::new(later && ended.code == Some(0), text)
}

fn value(init: &Init) -> Seen {
    let running = listener(Scene::of(init), 35);
    queue(running.pid_1(), 35, 4242);
    let said = running.end().said;
    let found = values(&said, 35);
    Seen::new(found == [4242], format!("{found:?}"))
}

#[test]
fn sigchld_from_a_process_is_forwarded_and_the_kernels_own_is_not() {
    let witness = harness::witness();
    let witness = witness.to_str().expect("a path in UTF-8");
    let main = [witness, "orphans", "20", "signals", "64"];
    let running = Scene::of(&Init::vestibule()).main(&main).start();
    running.expect_line("ready");
    let pid = running.pid_1();
    // The kernel merges it with one that is pending still.
    let is_quiet = || children(pid).len() == 1 && status(pid, "ShdPnd") == "0000000000000000";
    wait_until(PATIENCE, || is_quiet().then_some(())).expect("all reaped");
    send(pid, 17);
    assert!(running.hears_often(&line(17), 1, PATIENCE), "the sent one");
    send(pid, 64);
    let ended = running.end();
    assert_eq!(
        ended.said.matches("signal 17 ").count(),
        1,
        "{}",
        ended.said
    );
}

#[test]
fn signals_arrive_in_the_order_in_which_they_were_sent() {
    let running = listener(Scene::of(&Init::vestibule()), 15);
    let order = [10, 1, 12, 64, 34, 28, 2, 3];
    for number in order {
        send(running.pid_1(), number);
        assert!(running.hears_often(&line(number), 1, PATIENCE), "{number}");
    }
    let said = running.stop(PATIENCE).said;
    let came: Vec<i32> = said
        .lines()
        .filter_map(|found| {
            found
                .strip_prefix("signal ")?
                .split(' ')
                .next()?
                .parse()
                .ok()
        })
        // With INT, QUIT and TERM comes a CONT: a stopped main must act on them.
        .filter(|&number| number != 18)
        .collect();
    assert_eq!(came, [10, 1, 12, 64, 34, 28, 2, 3, 15]);
}
