//! The loop of PID 1: one signal at a time, no idle wake-ups.
//!
//! In: main's process id and the rules. Out: main's exit code, once main and
//! all that it left behind are gone.
//!
//! **Never:** an early end. Once main lives, a failing system call is a
//! warning, at most one a minute of a kind.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use nix::unistd::{Pid, getpid};

use super::channel::{News, Watch};
use super::forward::{Audience, Delivery, RETRY, pass_on, send_own};
use super::leftovers;
use super::signals::{Rewriting, Signal};
use super::status::{SuccessCodes, exit_code};
use crate::cli::Options;
use crate::exit::Exit;
use crate::policy::RunRules;
use crate::report::{Fault, Reporter};
use crate::start::{AT_WORK, ENDING, take_name};
use crate::sys::arguments::Arguments;
use crate::sys::memory;
use crate::sys::process::{Reaped, reap};
use crate::sys::signal::{Arrival, SignalSet, wait};

/// What leftovers get between TERM and KILL, and again between KILL and our
/// end, which as PID 1 makes the kernel kill whatever could not be killed.
const LEFTOVER_TIME: Duration = Duration::from_secs(5);
/// Warnings of one kind are this far apart.
const WARNING_INTERVAL: Duration = Duration::from_mins(1);
/// As many real-time signals may wait here for room in main's queue. All of a
/// user's processes share one limit (RLIMIT_SIGPENDING): only by fetching ours
/// do we make the room that main's needs, and a sender may be faster to take it.
const WAITING: usize = 65_536;
/// The kernel's real-time signals, 32 to 64, as mask bits.
const REAL_TIME: u64 = u64::MAX << 31;

/// How main is to be looked after.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Who gets the signals.
    pub audience: Audience,
    /// Which signal becomes which.
    pub rewriting: Rewriting,
    /// From the stop signal to KILL; without it main has all the time it needs.
    pub grace: Option<Duration>,
    /// Exit codes that count as 0.
    pub success: SuccessCodes,
    /// Whether each reaped orphan is reported.
    pub warn_on_reap: bool,
}

impl Rules {
    /// The rules of a start.
    #[must_use]
    pub fn of(options: &Options, run: Option<&RunRules>) -> Self {
        let mut rules = Self {
            audience: options.audience,
            rewriting: options.rewriting.clone(),
            grace: options.grace,
            success: options.success,
            warn_on_reap: options.warn_on_reap,
        };
        if let Some(run) = run {
            rules.adopt(run);
        }
        rules
    }

    /// Adds what a policy says; the command line goes before it.
    fn adopt(&mut self, run: &RunRules) {
        self.grace = self.grace.or(run.grace);
        let typed: Vec<_> = self.rewriting.rules().collect();
        for (from, to) in run.signals.iter().copied().chain(typed) {
            self.rewriting.set(from, to);
        }
    }
}

/// Main and everything below it.
pub struct Supervisor {
    main: Pid,
    rules: Rules,
    report: Reporter,
    stage: Stage,
    waiting: VecDeque<(Signal, Arrival)>,
    last_warning: Option<Instant>,
}

#[derive(Clone, Copy)]
enum Stage {
    /// Main lives; KILL is due at the given time, if a stop began and is bounded.
    Running { kill_at: Option<Instant> },
    /// Main ended with `code`; the rest was asked to end.
    Asked { code: u8, kill_at: Instant },
    /// The rest was killed; nothing is waited for after `end_at`.
    Killed { code: u8, end_at: Instant },
}

impl Supervisor {
    /// Looks after a child that was just forked.
    #[must_use]
    pub fn new(main: Pid, rules: Rules, report: Reporter) -> Self {
        let stage = Stage::Running { kill_at: None };
        Self {
            main,
            rules,
            report,
            stage,
            waiting: VecDeque::new(),
            last_warning: None,
        }
    }

    /// Runs until nobody is left; returns the exit code.
    #[must_use]
    pub fn run(mut self, watch: Watch, arguments: &Arguments) -> u8 {
        if !watch.announce() {
            while !self.is_started(&watch, arguments) {}
        }
        let mut starting = Some(watch);
        let mut may_have_ended = true;
        loop {
            // Effect: reaping.
            if may_have_ended && let Some(code) = self.reap_all() {
                return self.rules.success.apply(code);
            }
            if may_have_ended
                && let Some(watch) = &starting
                && self.is_started(watch, arguments)
            {
                // Effect: main noticed.
                starting = None;
                // The signal that said so is still there; what else it may stand for
                // is looked at once more, and after that comes the wait alone.
                let child = SignalSet(1 << (Signal::CHLD.number() - 1));
                let _ = wait(child, Some(Duration::ZERO));
                if let Some(code) = self.reap_all() {
                    return self.rules.success.apply(code);
                }
                // Effect: code released.
                memory::release_start();
            }
            let arrival = wait(self.awaited(), self.time_left());
            if let Some(arrival) = arrival {
                // Effect: forwarding.
                self.take(arrival);
            }
            // Each end raises CHLD, and what ends before it is fetched is reaped
            // with it; a time-out costs nothing to look as well.
            may_have_ended = arrival.is_none_or(|arrival| arrival.signal == Signal::CHLD.number());
            self.pass_waiting_on();
            if let Some(code) = self.act_on_time() {
                return self.rules.success.apply(code);
            }
        }
    }

    /// Takes the news of main's process; whether the last of it has come. How it is
    /// confined becomes readable before PID 1's name says that main is there.
    fn is_started(&self, watch: &Watch, arguments: &Arguments) -> bool {
        loop {
            match watch.news() {
                News::None => return false,
                News::Confined(confined) => arguments.overwrite_end(confined.text()),
                News::Over => {
                    if matches!(self.stage, Stage::Running { .. }) {
                        take_name(AT_WORK);
                    }
                    return true;
                }
            }
        }
    }

    /// All signals; but once enough real-time signals wait for room in main's
    /// queue, further ones wait in the kernel's, in order.
    fn awaited(&self) -> SignalSet {
        if self.waiting.len() < WAITING {
            SignalSet::ALL
        } else {
            SignalSet(!REAL_TIME)
        }
    }

    fn time_left(&self) -> Option<Duration> {
        let deadline = match self.stage {
            Stage::Running { kill_at } => kill_at,
            Stage::Asked { kill_at, .. } => Some(kill_at),
            Stage::Killed { end_at, .. } => Some(end_at),
        };
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        if self.waiting.is_empty() {
            left
        } else {
            Some(left.map_or(RETRY, |left| left.min(RETRY)))
        }
    }

    /// Reaps whatever has ended. The exit code, once no child is left.
    fn reap_all(&mut self) -> Option<u8> {
        let mut has_main_ended = false;
        loop {
            match reap() {
                Ok(Reaped::Ended(pid, end)) if pid == self.main => {
                    self.main_ended(exit_code(end));
                    has_main_ended = true;
                }
                Ok(Reaped::Ended(pid, _)) => self.orphan_ended(pid),
                Ok(Reaped::NoChildren) => return Some(self.final_code()),
                Ok(Reaped::NoneYet) | Err(_) => {
                    if has_main_ended {
                        ask_leftovers();
                    }
                    return None;
                }
            }
        }
    }

    fn final_code(&self) -> u8 {
        match self.stage {
            Stage::Asked { code, .. } | Stage::Killed { code, .. } => code,
            // Main cannot vanish unseen: SIGCHLD is not ignored and nobody else
            // waits for it.
            Stage::Running { .. } => Exit::Bug.code(),
        }
    }

    fn main_ended(&mut self, code: u8) {
        take_name(ENDING);
        self.waiting.clear();
        self.stage = Stage::Asked {
            code,
            kill_at: Instant::now() + LEFTOVER_TIME,
        };
    }

    fn orphan_ended(&self, pid: Pid) {
        if matches!(self.stage, Stage::Killed { .. }) {
            // A subreaper's walk can miss a process that forks meanwhile.
            leftovers::signal_all(Signal::KILL);
        }
        // As tini's users know it, `-vv` says that too.
        if self.rules.warn_on_reap || self.report.verbosity >= 2 {
            let text = format!("reaped the orphan {pid}");
            self.report
                .note("reaped", &text, &[("pid", pid.as_raw().into())]);
        }
    }

    fn take(&mut self, arrival: Arrival) {
        let Some(arrived) = Signal::from_number(arrival.signal) else {
            return;
        };
        if !is_for_main(arrived, &arrival) {
            return;
        }
        let Stage::Running { kill_at } = self.stage else {
            return;
        };
        let Some(signal) = self.rules.rewriting.apply(arrived) else {
            return;
        };
        if self.report.verbosity >= 2 {
            let text = format!("passed {signal} on to main");
            self.report
                .note("forwarded", &text, &[("signal", signal.to_string().into())]);
        }
        if signal.is_real_time() && !self.waiting.is_empty() {
            self.waiting.push_back((signal, arrival));
        } else {
            match pass_on(self.main, self.rules.audience, signal, &arrival) {
                Delivery::Done => {}
                Delivery::Later => self.waiting.push_back((signal, arrival)),
                Delivery::Forbidden => self.warn_forbidden(signal),
            }
        }
        if signal.is_stop() {
            send_own(self.main, self.rules.audience, Signal::CONT);
            let kill_at = kill_at.or_else(|| Some(Instant::now() + self.rules.grace?));
            self.stage = Stage::Running { kill_at };
        }
    }

    /// Real-time signals keep their order, so each waits for those before it.
    fn pass_waiting_on(&mut self) {
        while let Some((signal, arrival)) = self.waiting.front().copied() {
            match pass_on(self.main, self.rules.audience, signal, &arrival) {
                Delivery::Later => return,
                Delivery::Done => {}
                Delivery::Forbidden => self.warn_forbidden(signal),
            }
            self.waiting.pop_front();
        }
        // An idle PID 1 keeps no room for a storm that is over.
        self.waiting = VecDeque::new();
    }

    /// Carries out what is due. The exit code, once waiting has no sense.
    fn act_on_time(&mut self) -> Option<u8> {
        let now = Instant::now();
        match self.stage {
            // Effect: grace over.
            Stage::Running { kill_at: Some(at) } if at <= now => {
                self.stage = Stage::Running { kill_at: None };
                self.report
                    .note("killed", "main outlasted its grace and was killed", &[]);
                if send_own(self.main, self.rules.audience, Signal::KILL) == Delivery::Forbidden {
                    self.warn_forbidden(Signal::KILL);
                }
            }
            Stage::Asked { code, kill_at } if kill_at <= now => {
                leftovers::signal_all(Signal::KILL);
                self.stage = Stage::Killed {
                    code,
                    end_at: now + LEFTOVER_TIME,
                };
            }
            // Effect: end.
            Stage::Killed { code, end_at } if end_at <= now => return Some(code),
            Stage::Running { .. } | Stage::Asked { .. } | Stage::Killed { .. } => {}
        }
        None
    }

    fn warn_forbidden(&mut self, signal: Signal) {
        let now = Instant::now();
        if self
            .last_warning
            .is_none_or(|last| now - last >= WARNING_INTERVAL)
        {
            self.last_warning = Some(now);
            self.report.warning(&ForbiddenSignal {
                main: self.main,
                signal,
            });
        }
    }
}

/// Asks what main left to end. Only where something is left: `kill(-1)` looks at
/// every process of the host.
fn ask_leftovers() {
    // Effect: leftovers asked.
    leftovers::signal_all(Signal::TERM);
    // A stopped process acts on TERM only when it goes on.
    leftovers::signal_all(Signal::CONT);
}

/// Not every signal that PID 1 fetches is a message for main: the kernel's own
/// CHLD is for us, and so is the PIPE that a write of ours to a closed stderr
/// raises.
fn is_for_main(arrived: Signal, arrival: &Arrival) -> bool {
    match arrived {
        Signal::CHLD => arrival.is_from_process(),
        Signal::PIPE => arrival.sender() != getpid().as_raw(),
        _ => true,
    }
}

struct ForbiddenSignal {
    main: Pid,
    signal: Signal,
}

impl Fault for ForbiddenSignal {
    fn what(&self) -> String {
        format!(
            "main did not get {}: the kernel refuses it (EPERM)",
            self.signal
        )
    }

    fn place(&self) -> String {
        format!("process {}, which runs as another user", self.main)
    }

    fn remedy(&self) -> String {
        "give the container CAP_KILL (compose: `cap_add: [KILL]`), or start it as main's user"
            .into()
    }

    fn exit(&self) -> Exit {
        Exit::System
    }
}
