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
//! - `run`: the process that becomes main
//! - `init`: PID 1 while main lives
//! - `seal`: what is left behind
//! - `search`: values in foreign bytes, in every form
//! - `inspect`: what an operator asks
//!
//! Used by all of them: `names`, `secret`, `report`, `exit`, `sys`.

pub mod cli;
pub mod collect;
pub mod connection;
pub mod environment;
pub mod exit;
pub mod init;
pub mod inspect;
mod json;
pub mod names;
pub mod policy;
pub mod report;
pub mod run;
pub mod seal;
pub mod search;
pub mod secret;
pub mod start;
pub mod sys;

use std::ffi::OsString;

use nix::sys::prctl;

use cli::{Command, Options};
use collect::accounts::{Accounts, Identity};
use collect::container::Container;
use collect::fault::{CollectFault, asked_by};
use collect::summary::Summary;
use collect::{Collected, collect, policy_file};
use init::guard::Guard;
use init::handover;
use init::supervise::Rules;
use inspect::check::{self, Outcome};
use policy::Policy;
use report::{Fault, Reporter, boxed};
use run::Launch;
use run::prepare::{self, Preparation};
use start::Caller;
use sys::signal::SignalSet;

/// The whole program: arguments in, exit code out. `mask` is the signal mask
/// that the caller had. The arguments are asked for only where they are needed:
/// the reaper touches no heap.
#[must_use]
pub fn run(arguments: &dyn Fn() -> Vec<OsString>, mask: SignalSet) -> u8 {
    start::hide_memory();
    report::install_panic_hook();
    if let Some(arrived) = handover::arrive() {
        return init::reap_for(arrived);
    }
    let caller = start::harden(mask);
    let words = arguments().into_iter().skip(1).collect();
    let (report, command) = cli::parse(words, &|name| std::env::var_os(name));
    match command {
        Ok(Command::Print(text)) => {
            report::answer(text);
            0
        }
        Ok(Command::Check(options)) => {
            let outcome = rehearse(&options, &caller).map_or_else(Outcome::Refused, Outcome::Ready);
            check::answer_with(&outcome, options.json, options.report)
        }
        Ok(Command::Scan(options, paths)) => inspect::scan::answer_with(&options, &paths),
        Ok(Command::Start(options, command)) => start_main(options, command, caller),
        Err(error) => report.refusal(&error).code(),
    }
}

/// A start up to the point where main's process would begin. Becoming main's
/// user needs no other process: this one ends anyway.
fn rehearse(options: &Options, caller: &Caller) -> Result<Option<Summary>, Vec<Box<dyn Fault>>> {
    let Gathered {
        policy,
        identity,
        collected,
        has_secrets,
    } = gather(options)?;
    let preparation = preparation(policy, identity, &collected.summary);
    prepare::take_identity(&preparation, caller).map_err(|error| vec![boxed(error)])?;
    Ok(has_secrets.then_some(collected.summary))
}

fn preparation(
    policy: Option<Policy>,
    identity: Option<Identity>,
    summary: &Summary,
) -> Preparation {
    let no_new_privileges = !summary.withheld.is_empty();
    let mut preparation = Preparation {
        identity,
        no_new_privileges,
        ..Preparation::default()
    };
    if let Some(policy) = policy {
        preparation.adopt(policy);
    }
    preparation
}

/// What `collect` finds for these options.
struct Gathered {
    policy: Option<Policy>,
    identity: Option<Identity>,
    collected: Collected,
    /// Whether there is anything to say about secrets.
    has_secrets: bool,
}

fn gather(options: &Options) -> Result<Gathered, Vec<Box<dyn Fault>>> {
    let container = Container::from_own();
    let policy = policy_file::read(
        options.policy.as_deref(),
        options.profile.as_deref(),
        &container,
    )?;
    let identity = resolve_user(policy.as_ref());
    let collected = collect(policy.as_ref(), &container);
    match (identity, collected) {
        (Ok(identity), Ok(collected)) => {
            let withheld = collected
                .as_ref()
                .is_some_and(|found| !found.summary.withheld.is_empty());
            if let Some(error) = prepare::refuse_privileges(policy.as_ref(), withheld) {
                return Err(vec![boxed(error)]);
            }
            let has_secrets = collected.is_some();
            let collected = collected.unwrap_or_else(|| Collected::bare(&container));
            Ok(Gathered {
                policy,
                identity,
                collected,
                has_secrets,
            })
        }
        (identity, collected) => {
            let faults = collected
                .err()
                .unwrap_or_default()
                .into_iter()
                .chain(identity.err());
            Err(faults.map(boxed).collect())
        }
    }
}

fn resolve_user(policy: Option<&Policy>) -> Result<Option<Identity>, CollectFault> {
    let Some((policy, (user, place))) =
        policy.and_then(|policy| Some((policy, policy.run.user.as_ref()?)))
    else {
        return Ok(None);
    };
    let resolved = Accounts::read()
        .resolve(user)
        .map_err(|problem| CollectFault::Account {
            problem,
            asked: asked_by(policy, place),
        })?;
    Ok(Some(resolved))
}

fn start_main(options: Options, command: Vec<OsString>, caller: Caller) -> u8 {
    let report = options.report;
    let replace = run::is_replaced(&options);
    if let Some(error) = options.refuse_replacement(replace) {
        return report.refusal(&error).code();
    }
    let gathered = match gather(&options) {
        Ok(gathered) => gathered,
        Err(faults) => return report.refusals(&faults).code(),
    };
    ask_the_kernel(&options);
    for advice in gathered.collected.summary.advice() {
        report.warning(&advice);
    }
    if replace {
        say_unsupervised(report, gathered.policy.as_ref());
    }
    run::start(launch(options, command, caller, gathered, replace))
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
    let Gathered {
        policy,
        identity,
        mut collected,
        has_secrets,
    } = gathered;
    if let Some(identity) = &identity {
        collected.set_home(&identity.home);
    }
    // Without a secret there is nothing to leave behind.
    let reaper_arguments = has_secrets.then(|| options.in_force(&command));
    let guard = Guard::choose(identity.as_ref().map(|identity| identity.uid));
    let mut rules = Rules {
        audience: options.audience,
        rewriting: options.rewriting,
        grace: options.grace,
        success: options.success,
        warn_on_reap: options.warn_on_reap,
    };
    if let Some(policy) = &policy {
        rules.adopt(&policy.run);
    }
    let preparation = preparation(policy, identity, &collected.summary);
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
