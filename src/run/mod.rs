//! The last step: a process that is exactly what main is permitted to be.
//!
//! In: what `collect` gathered and the rules for main. Out: main, executed; or,
//! in the parent, the exit code with which it ended.
//!
//! **Never:** a command started half prepared: every step that fails ends with
//! a message and no main.

pub mod diagnosis;
pub mod execute;
pub mod files;
pub mod identity;
pub mod prepare;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use nix::unistd::{ForkResult, getpid};

use crate::cli::Options;
use crate::collect::Collected;
use crate::collect::summary::Summary;
use crate::init::supervise::{Rules, Supervisor};
use crate::init::terminal;
use crate::report::{Fault, Reporter};
use crate::start::Caller;
use crate::sys;

use prepare::Preparation;

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
        return become_main(launch);
    }
    match sys::process::fork() {
        Err(errno) => launch
            .report
            .refusal(&prepare::PrepareError::Fork(errno))
            .code(),
        Ok(ForkResult::Child) => {
            terminal::own_group(getpid());
            terminal::to_foreground();
            become_main(launch)
        }
        Ok(ForkResult::Parent { child }) => {
            // Both sides do this, so that a group signal finds the group.
            terminal::own_group(child);
            let Launch { rules, report, .. } = launch;
            Supervisor::new(child, rules, report).run()
        }
    }
}

/// Turns this process into main. Returns only if that fails, with the code.
fn become_main(launch: Launch) -> u8 {
    let Launch {
        command,
        mut collected,
        preparation,
        caller,
        report,
        ..
    } = launch;
    if let Err(error) = prepare::apply(&preparation, &caller) {
        return report.refusal(&error).code();
    }
    let kept = match files::deliver(&collected.files, &mut collected.environment) {
        Ok(kept) => kept,
        Err(error) => return report.refusal(&error).code(),
    };
    say(report, &command, &collected.summary);
    let error: Box<dyn Fault> =
        match execute::execute(&command, &collected.environment, kept, &caller) {
            Ok(never) => match never {},
            Err(error) => Box::new(error),
        };
    report.refusal(error.as_ref()).code()
}

/// The start line: what main gets, and what it does not. Said by the process
/// that becomes main, since only it knows what its user can read.
fn say(report: Reporter, command: &[OsString], summary: &Summary) {
    if summary.given.is_empty() && summary.withheld.is_empty() {
        return;
    }
    let readable: Vec<&Path> = summary
        .withheld_files
        .iter()
        .map(PathBuf::as_path)
        .filter(|path| files::is_readable(path))
        .collect();
    let line = summary.start_line(command, &readable);
    report.note("started", &line.text, &line.fields);
}
