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
pub mod secret;
pub mod start;
pub mod sys;

use std::ffi::OsString;

use nix::sys::prctl;

use cli::{Command, Options};
use collect::accounts::{Accounts, Identity};
use collect::container::Container;
use collect::fault::CollectFault;
use collect::{Collected, collect, policy_file};
use init::supervise::Rules;
use inspect::check::{self, Outcome};
use policy::Policy;
use report::{Fault, Reporter};
use run::Launch;
use run::prepare::Preparation;
use start::Caller;
use sys::signal::SignalSet;

/// The whole program: arguments in, exit code out. `mask` is the signal mask
/// that the caller had.
#[must_use]
pub fn run(arguments: Vec<OsString>, mask: SignalSet) -> u8 {
    report::install_panic_hook();
    let caller = start::harden(mask);
    let words = arguments.into_iter().skip(1).collect();
    match cli::parse(words, &|name| std::env::var_os(name)) {
        Ok(Command::Print(text)) => {
            report::answer(text);
            0
        }
        Ok(Command::Check(options)) => {
            let outcome = match gather(&options) {
                Ok(gathered) => {
                    Outcome::Ready(gathered.has_secrets.then_some(gathered.collected.summary))
                }
                Err(faults) => Outcome::Refused(faults),
            };
            check::answer_with(&outcome, options.json, options.report)
        }
        Ok(Command::Start(options, command)) => start_main(options, command, caller),
        Err(error) => Reporter::default().refusal(&error).code(),
    }
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
            Err(faults
                .map(|fault| Box::new(fault) as Box<dyn Fault>)
                .collect())
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
            asked: format!("{} at {place}", policy.file.display()),
        })?;
    Ok(Some(resolved))
}

fn start_main(options: Options, command: Vec<OsString>, caller: Caller) -> u8 {
    let report = options.report;
    let gathered = match gather(&options) {
        Ok(gathered) => gathered,
        Err(faults) => {
            let exits = faults.iter().map(|fault| report.refusal(fault.as_ref()));
            return exits.min().map_or(0, exit::Exit::code);
        }
    };
    if options.subreaper {
        // Refused only by kernels before 3.4; PID 1 has no need of it.
        let _ = prctl::set_child_subreaper(true);
    }
    if gathered.has_secrets {
        for advice in gathered.collected.summary.advice() {
            report.warning(&advice);
        }
    }
    run::start(launch(options, command, caller, gathered))
}

fn launch(options: Options, command: Vec<OsString>, caller: Caller, gathered: Gathered) -> Launch {
    let Gathered {
        policy,
        identity,
        mut collected,
        ..
    } = gathered;
    if let Some(identity) = &identity {
        collected.set_home(&identity.home);
    }
    let replace = run::is_replaced(&options);
    let mut rules = Rules {
        audience: options.audience,
        rewriting: options.rewriting,
        grace: options.grace,
        success: options.success,
        warn_on_reap: options.warn_on_reap,
    };
    let no_new_privileges = !collected.summary.withheld.is_empty();
    let mut preparation = Preparation {
        identity,
        no_new_privileges,
        ..Preparation::default()
    };
    if let Some(policy) = policy {
        rules.adopt(&policy.run);
        preparation.adopt(policy);
    }
    Launch {
        command,
        collected,
        preparation,
        replace,
        rules,
        caller,
        report: options.report,
    }
}
