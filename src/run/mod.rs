//! The last step: a process that is exactly what main is permitted to be.
//!
//! In: what `collect` gathered and the rules for main. Out: main, executed; or,
//! in the parent, the exit code with which it ended.
//!
//! **Never:** a command started half prepared: every step that fails ends with
//! a message and no main.

pub mod capabilities;
pub mod confine;
pub mod diagnosis;
pub mod execute;
pub mod files;
pub mod identity;
pub mod prepare;
pub mod terminal_filter;

use std::convert::Infallible;
use std::ffi::{CString, OsString};

use nix::unistd::{ForkResult, Pid, getpid, getppid};

use crate::cli::Options;
use crate::collect::Collected;
use crate::init;
use crate::init::guard::Guard;
use crate::init::handover::{self, Gate, Handover};
use crate::init::state::State;
use crate::init::supervise::{Rules, Supervisor};
use crate::init::terminal;
use crate::report::{Fault, Reporter, boxed};
use crate::start::Caller;
use crate::sys;

use confine::Hiding;
use confine::prove::{Circumstances, prove};
use prepare::{Preparation, PrepareError};

/// Everything that main needs.
pub struct Launch {
    /// The command and its arguments.
    pub command: Vec<OsString>,
    /// Its environment, its files, and the names for the start line.
    pub collected: Collected,
    /// What is changed about the process.
    pub preparation: Preparation,
    /// Whether to be replaced by main instead of supervising it.
    pub replace: bool,
    /// The reaper's argument vector; `None` where nothing has to be left behind.
    pub reaper_arguments: Option<Vec<CString>>,
    /// How PID 1 stays able to signal main.
    pub guard: Guard,
    /// How to look after main.
    pub rules: Rules,
    /// What the caller's signals and limits were.
    pub caller: Caller,
    /// Where messages go.
    pub report: Reporter,
}

/// Whether vestibule has to become the command: nobody re-parents orphans to
/// it, and no runtime sends it signals that a child could not get itself.
#[must_use]
pub fn is_replaced(options: &Options) -> bool {
    options.replace || (getpid().as_raw() != 1 && !options.subreaper)
}

/// Starts main, and stays until it and all it left behind are gone.
#[must_use]
pub fn start(launch: Launch) -> u8 {
    if launch.replace {
        return become_main(launch, None);
    }
    let channel = launch
        .reaper_arguments
        .as_ref()
        .map(|_| handover::prepare())
        .transpose();
    let (handover, gate) = match channel {
        Ok(channel) => channel.unzip(),
        Err(error) => return launch.report.refusal(&error).code(),
    };
    match sys::process::fork() {
        Err(errno) => launch.report.refusal(&PrepareError::Fork(errno)).code(),
        Ok(ForkResult::Child) => {
            // Only PID 1 may hold the writing end, or its end would go unseen.
            drop(handover);
            terminal::own_group(getpid());
            terminal::to_foreground();
            become_main(launch, gate)
        }
        Ok(ForkResult::Parent { child }) => {
            drop(gate);
            // Both sides do this, so that a group signal finds the group.
            terminal::own_group(child);
            look_after(child, launch, handover)
        }
    }
}

/// PID 1 from here on: as a reaper executed anew, or, without any secret, as it
/// is.
fn look_after(main: Pid, launch: Launch, handover: Option<Handover>) -> u8 {
    let Launch {
        rules,
        report,
        guard,
        reaper_arguments,
        collected,
        ..
    } = launch;
    drop(collected);
    if let Some((handover, arguments)) = handover.zip(reaper_arguments) {
        let state = State {
            main,
            guard,
            rules,
            report,
        };
        return report.refusal(&handover.execute(&state, &arguments)).code();
    }
    init::release_directory();
    Supervisor::new(main, rules, report).run()
}

/// Turns this process into main. Returns only if that fails, with the code.
fn become_main(launch: Launch, gate: Option<Gate>) -> u8 {
    let report = launch.report;
    match try_to_become_main(launch, gate) {
        Ok(never) => match never {},
        Err(error) => report.refusal(error.as_ref()).code(),
    }
}

fn try_to_become_main(launch: Launch, gate: Option<Gate>) -> Result<Infallible, Box<dyn Fault>> {
    let Launch {
        command,
        mut collected,
        preparation,
        caller,
        report,
        ..
    } = launch;
    let reaper = gate.as_ref().map(|_| getppid());
    let kept = preparation.kept_capabilities();
    let level = preparation.confinement;
    let hiding = Hiding::prepare(&collected.reach, level).map_err(boxed)?;
    prepare::take_identity(&preparation, &caller).map_err(boxed)?;
    let delivered = files::deliver(&collected.files, &mut collected.environment).map_err(boxed)?;
    let hidden = hiding
        .enter(delivered.directory.as_deref())
        .map_err(boxed)?;
    if let Some(gate) = gate {
        gate.wait().map_err(boxed)?;
    }
    let proof = prove(&Circumstances {
        hidden: &hidden,
        reach: &collected.reach,
        reaper,
        capabilities: &kept,
        descriptors: &delivered.kept,
    });
    let proof = proof.map_err(boxed)?;
    if !collected.summary.is_silent() {
        let line = collected.summary.start_line(&command, proof.standing());
        report.note("started", &line.text, &line.fields);
    }
    prepare::settle(&preparation).map_err(boxed)?;
    execute::execute(
        &command,
        &collected.environment,
        delivered.kept,
        &caller,
        &proof,
    )
    .map_err(boxed)
}
