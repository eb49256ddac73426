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
//! - `search`: values in foreign bytes, in every form
//! - `setup`: commands with credentials that main never sees
//! - `seal`: setup ends for good, and what it left is found
//! - `run`: the process that becomes main
//! - `init`: PID 1 while main lives
//! - `inspect`: what an operator asks
//!
//! Used by all of them: `names`, `sorted`, `secret`, `report`, `exit`, `sys`.

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
pub mod policy;
pub mod report;
pub mod run;
pub mod seal;
pub mod search;
pub mod secret;
pub mod setup;
pub mod sorted;
pub mod start;
pub mod sys;

use std::ffi::OsString;

use nix::sys::prctl;

use cli::{Command, Options};
use collect::accounts::Identity;
use gather::{Gathered, Phases, gather};
use init::guard::Guard;
use init::handover;
use init::supervise::Rules;
use inspect::{check, exec, health};
use policy::Policy;
use report::Reporter;
use run::Launch;
use seal::close::SetupGone;
use setup::phase::Phase;
use setup::work::Ended;
use start::Caller;
use sys::signal::SignalSet;

/// The whole program: arguments in, exit code out. `mask` is the signal mask
/// that the caller had. The arguments are asked for only where they are needed:
/// the reaper touches no heap.
#[must_use]
pub fn run(arguments: &dyn Fn() -> Vec<OsString>, mask: SignalSet) -> u8 {
    // Effect: memory hidden.
    start::hide_memory();
    report::install_panic_hook();
    if let Some(arrived) = handover::arrive() {
        return init::reap_for(arrived);
    }
    let caller = start::harden(mask);
    // Effect: command line.
    let words = arguments().into_iter().skip(1).collect();
    let (report, command) = cli::parse(words, &|name| std::env::var_os(name));
    match command {
        Ok(Command::Print(text)) => {
            report::answer(text);
            0
        }
        Ok(Command::Check(options)) => check::answer(&options, &caller),
        Ok(Command::Exec(options, command)) => exec::execute(&options, &command, &caller),
        Ok(Command::Health(options)) => health::answer(&options),
        Ok(Command::GitCredential(operation, socket)) => {
            setup::git::client::run(&operation, &socket, report)
        }
        Ok(Command::Scan(options, paths)) => inspect::scan::answer_with(&options, &paths),
        Ok(Command::Start(options, command)) => start_main(options, command, caller),
        Err(error) => report.refusal(&error).code(),
    }
}

fn start_main(options: Options, command: Vec<OsString>, caller: Caller) -> u8 {
    let report = options.report;
    let replace = run::is_replaced(&options);
    if let Some(error) = options.refuse_replacement(replace) {
        return report.refusal(&error).code();
    }
    let mut gathered = match gather(&options, Phases::All) {
        Ok(gathered) => gathered,
        Err(faults) => return report.refusals(&faults).code(),
    };
    // Effect: place in the family.
    ask_the_kernel(&options);
    // Effect: warnings.
    for advice in gathered.collected.summary.advice() {
        report.warning(&advice);
    }
    if replace {
        say_unsupervised(report, gathered.policy.as_ref());
    }
    let gone = match set_up(&mut gathered, caller, report) {
        Ok(gone) => gone,
        Err(code) => return code,
    };
    run::start(launch(options, command, caller, gathered, replace), &gone)
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
        confinement: policy.run.confinement.unwrap_or_default(),
        policy: policy.file.display().to_string(),
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

fn launch(
    options: Options,
    command: Vec<OsString>,
    caller: Caller,
    gathered: Gathered,
    replace: bool,
) -> Launch {
    // Without a secret there is nothing to leave behind.
    let reaper_arguments = gathered.has_secrets.then(|| options.in_force(&command));
    let uid = gathered.identity.as_ref().map(|identity| identity.uid);
    let guard = Guard::choose(uid);
    let mut rules = Rules {
        audience: options.audience,
        rewriting: options.rewriting,
        grace: options.grace,
        success: options.success,
        warn_on_reap: options.warn_on_reap,
    };
    if let Some(policy) = &gathered.policy {
        rules.adopt(&policy.run);
    }
    let (preparation, collected) = gathered.into_parts();
    let report = options.report;
    Launch {
        command,
        collected,
        preparation,
        replace,
        reaper_arguments,
        guard,
        rules,
        caller,
        report,
    }
}
