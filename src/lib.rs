//! vestibule: PID 1 for containers with secrets.
//!
//! The map, in reading order; data flows downwards:
//!
//! - `start`: what the caller gave us, noted and hardened
//! - `cli`: what was typed
//! - `policy`: what is permitted
//! - `collect`: what is there
//! - `connection`: values assembled from an endpoint and a secret
//! - `environment`: what main will see
//! - `gather`: the rooms up to here, in one step
//! - `pin`: what a start was made from, as digests that PID 1 shows
//! - `search`: values in foreign bytes, in every form
//! - `setup`: commands with credentials that main never sees
//! - `seal`: setup ends for good, and what it left is found
//! - `run`: the process that becomes main
//! - `init`: PID 1 while main lives
//! - `inspect`: what an operator asks
//!
//! Used by all of them: `names`, `sorted`, `secret`, `redact`, `report`, `exit`,
//! `sys`.

pub mod cli;
pub mod collect;
pub mod connection;
pub mod environment;
pub mod exit;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod gather;
pub mod init;
pub mod inspect;
pub mod json;
pub mod names;
pub mod pin;
pub mod policy;
pub mod redact;
pub mod report;
pub mod run;
pub mod seal;
pub mod search;
pub mod secret;
pub mod setup;
pub mod sorted;
pub mod start;
pub mod sys;

use std::ffi::{OsStr, OsString};

use nix::sys::prctl;

use cli::{Command, Options};
use collect::accounts::Identity;
use collect::container::Container;
use exit::Exit;
use gather::{Gathered, Phases, gather};
use init::guard::Guard;
use init::handover::{self, OwnProgram};
use init::supervise::Rules;
use inspect::{check, exec, health, plan};
use pin::{Confined, Pin};
use policy::Policy;
use report::{Reporter, lossy, quote};
use run::Launch;
use seal::close::SetupGone;
use setup::phase::Phase;
use setup::work::Ended;
use start::Caller;
use sys::arguments::Arguments;
use sys::signal::SignalSet;

/// The whole program: arguments in, exit code out. `mask` is the signal mask
/// that the caller had. The arguments are asked for only where they are needed:
/// the reaper touches no heap.
#[must_use]
pub fn run(arguments: &Arguments, mask: SignalSet) -> u8 {
    // Effect: memory hidden.
    start::hide_memory();
    report::install_panic_hook();
    if let Some(arrived) = handover::arrive() {
        return init::reap_for(arrived, arguments);
    }
    let caller = start::harden(mask);
    // Effect: command line.
    let words = || arguments.words().into_iter().skip(1).collect();
    let (report, command) = cli::parse(words(), &|name| std::env::var_os(name));
    match command {
        Ok(Command::Print(text)) => {
            report::answer(text);
            0
        }
        Ok(Command::Check(options)) => check::answer(&options, &caller),
        Ok(Command::Exec(options, command)) => exec::execute(&options, &command, &caller),
        Ok(Command::Plan(options, command)) => plan::answer(&options, &command),
        Ok(Command::Health(options)) => health::answer(&options),
        Ok(Command::GitCredential(operation, socket)) => {
            setup::git::client::run(&operation, &socket, report)
        }
        Ok(Command::Scan(options, paths)) => inspect::scan::answer_with(&options, &paths),
        Ok(Command::Start(options, command)) => start_main(&options, command, caller, arguments),
        Err(_) => refuse_usage(words()),
    }
}

/// Says what is wrong with the command line. Its words are quoted and cut as they
/// are read, so they are read again once it is known what must not be shown.
fn refuse_usage(words: Vec<OsString>) -> u8 {
    let container = Container::take_own();
    collect::learn_values(None, &container);
    let (report, command) = cli::parse(words, &|name| container.get(name).map(OsStr::to_owned));
    match command {
        Err(error) => report.refusal(&error).code(),
        Ok(_) => Exit::Bug.code(),
    }
}

fn start_main(
    options: &Options,
    command: Vec<OsString>,
    caller: Caller,
    arguments: &Arguments,
) -> u8 {
    let report = options.report;
    let replace = run::is_replaced(options);
    if let Some(error) = options.refuse_replacement(replace) {
        return report.refusal(&error).code();
    }
    let mut gathered = match gather(options, Phases::All) {
        Ok(gathered) => gathered,
        Err(faults) => return report.refusals(&faults).code(),
    };
    if let Some(error) = options.refuse_showing() {
        return report.refusal(&error).code();
    }
    explain(&gathered, options);
    // Effect: place in the family.
    ask_the_kernel(options);
    // Effect: warnings.
    for advice in gathered.collected.summary.advice() {
        report.warning(&advice);
    }
    if replace {
        // Then nobody executes this file any more, and it can be written to.
        gathered
            .collected
            .reach
            .program
            .iter_mut()
            .for_each(|program| program.stays = false);
        say_unsupervised(report, gathered.policy.as_ref());
    }
    // Effect: own program opened.
    // Without a secret there is nothing to leave behind.
    let inputs = gathered.pinned.filter(|_| !replace);
    let reaper = inputs.map(|inputs| {
        let pin = Pin {
            inputs,
            confined: Confined::UNKNOWN,
        };
        let mut words = options.in_force(&command);
        words.extend(pin.word());
        OwnProgram::open().map(|program| (program, words))
    });
    let reaper = match reaper.transpose() {
        Ok(reaper) => reaper,
        Err(error) => return report.refusal(&error).code(),
    };
    let gone = match set_up(&mut gathered, caller, report) {
        Ok(gone) => gone,
        Err(code) => return code,
    };
    let (rules, guard) = looking_after(options, &gathered);
    let (preparation, collected) = gathered.into_parts();
    let launch = Launch {
        command,
        collected,
        preparation,
        replace,
        reaper,
        guard,
        rules,
        caller,
        report,
    };
    run::start(launch, &gone, arguments)
}

/// What was decided so far, for `-v`.
fn explain(gathered: &Gathered, options: &Options) {
    let report = options.report;
    if report.verbosity == 0 {
        return;
    }
    let file = gathered.policy.as_ref();
    let file = file.map(|policy| lossy(&policy.file));
    let text = match (&file, &options.profile) {
        (None, _) => "collect: there is no policy, so the usual names decide".to_owned(),
        (Some(file), None) => format!("collect: the policy is {}", quote(file)),
        (Some(file), Some(profile)) => {
            format!(
                "collect: the policy is {}, profile {}",
                quote(file),
                quote(profile)
            )
        }
    };
    let fields = [
        ("file", file.into()),
        ("profile", options.profile.clone().into()),
    ];
    report.note("policy", &text, &fields);
    gathered.collected.summary.explain(report);
    gathered.preparation().explain(report);
}

/// The setup phase, if the policy has one, and its seal.
fn set_up(gathered: &mut Gathered, caller: Caller, report: Reporter) -> Result<SetupGone, u8> {
    let material = gathered.collected.setup.take();
    let (Some(policy), Some((identity, need))) = (&gathered.policy, gathered.setup.take()) else {
        return Ok(SetupGone::never_was());
    };
    let Some(rules) = &policy.setup else {
        return Ok(SetupGone::never_was());
    };
    let main = gathered.identity.clone().unwrap_or_else(Identity::own);
    let phase = Phase {
        rules,
        seal: &policy.seal,
        setup: identity,
        main,
        material: material.unwrap_or_default(),
        trusted: gathered.trusted.take(),
        confinement: policy.run.confinement.unwrap_or_default(),
        policy: lossy(&policy.file),
        caller,
        report,
    };
    phase.carry_out(need).map_err(|ended| match ended {
        Ended::Refused(faults) => report.refusals(&faults).code(),
        Ended::Stopped(signal) => {
            report.note(
                "stopped",
                "setup was asked to stop; main was not started",
                &[],
            );
            signal.saturating_add(128)
        }
    })
}

/// A policy is shared by all starts of an image, so its `grace` and `signals` are
/// no mistake in one that nobody supervises; but they are not left out silently.
fn say_unsupervised(report: Reporter, policy: Option<&Policy>) {
    let has_rules =
        policy.is_some_and(|policy| policy.run.grace.is_some() || !policy.run.signals.is_empty());
    let text = "the command replaces vestibule, so nobody supervises it";
    if has_rules {
        report.note(
            "unsupervised",
            &format!("{text}: `grace` and `signals` have no effect"),
            &[],
        );
    } else {
        report.detail(1, "unsupervised", text, &[]);
    }
}

/// `-s` and `-p`. Kernels from 3.4 on refuse neither.
fn ask_the_kernel(options: &Options) {
    if options.subreaper {
        let _ = prctl::set_child_subreaper(true);
    }
    if let Some(signal) = options.parent_death {
        sys::process::set_parent_death_signal(signal.number());
    }
}

fn looking_after(options: &Options, gathered: &Gathered) -> (Rules, Guard) {
    let uid = gathered.identity.as_ref().map(|identity| identity.uid);
    let run = gathered.policy.as_ref().map(|policy| &policy.run);
    (Rules::of(options, run), Guard::choose(uid))
}
