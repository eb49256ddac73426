//! `vestibule exec`: another process with run's identity and confinement.
//!
//! In: a command, and the options that PID 1 was started with. Out: the command,
//! as main would be; or, with `--prove`, every attempt of the proof.
//!
//! **Never:** a start before main's; anything that the caller's directory or
//! variables could change about policy and profile; anything that main could have
//! changed since its own start, or means by which main is not confined.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt::Write as _;

use nix::unistd::{Pid, chdir};

use super::changed::Changed;
use super::pid1;
use crate::cli::Options;
use crate::exit::Exit;
use crate::gather::{Gathered, Phases, gather};
use crate::json::Value;
use crate::pin::Confined;
use crate::report::{Fault, answer, answer_json, boxed, quote};
use crate::run::AlmostMain;
use crate::run::confine::prove::Attempt;
use crate::run::files::Copies;
use crate::start::Caller;

/// Replaces this process by the command; returns only an exit code for why not,
/// or for the proof.
#[must_use]
pub fn execute(options: &Options, command: &[OsString], caller: &Caller) -> u8 {
    // Main may have made what lies in the directory that we were started in.
    let _ = chdir("/");
    let in_force = match pid1::in_force() {
        Ok(in_force) => in_force,
        Err(reason) => return options.report.refusal(&reason).code(),
    };
    let gathered = match gather(&in_force.options, Phases::MainOnly) {
        Ok(gathered) => gathered,
        Err(faults) => return options.report.refusals(&faults).code(),
    };
    if let Some(changed) = Changed::since_the_start(in_force.pin, &gathered) {
        return options.report.refusal(&changed).code();
    }
    let pinned = in_force.pin.map(|pin| pin.confined);
    let done = if options.prove {
        prove(gathered, pinned, options, caller)
    } else {
        become_command(gathered, pinned, command, caller).map(|never| match never {})
    };
    done.unwrap_or_else(|fault| options.report.refusal(fault.as_ref()).code())
}

fn become_command(
    gathered: Gathered,
    pinned: Option<Confined>,
    command: &[OsString],
    caller: &Caller,
) -> Result<Infallible, Box<dyn Fault>> {
    let reaper = reaper(&gathered);
    let (mut preparation, collected) = gathered.into_parts();
    preparation.directory = None;
    preparation.copies = Copies::InMemory;
    preparation.pinned = pinned;
    let almost = AlmostMain::become_it(collected, &preparation, caller)?;
    let (almost, proof) = almost.prove(reaper).map_err(boxed)?;
    almost.execute(command, &preparation, caller, &proof)
}

/// Without any secret PID 1 is not executed anew: there is nothing in it.
fn reaper(gathered: &Gathered) -> Option<Pid> {
    gathered.pinned.map(|_| Pid::from_raw(1))
}

/// `--prove`: the attempts that let main start, made again and all shown.
fn prove(
    gathered: Gathered,
    pinned: Option<Confined>,
    options: &Options,
    caller: &Caller,
) -> Result<u8, Box<dyn Fault>> {
    let reaper = reaper(&gathered);
    let (mut preparation, collected) = gathered.into_parts();
    preparation.directory = None;
    preparation.copies = Copies::InMemory;
    preparation.pinned = pinned;
    let withheld = collected.summary.withheld.clone();
    let almost = AlmostMain::become_it(collected, &preparation, caller)?;
    let mut attempts = Vec::new();
    let almost = almost.try_all(reaper, &mut |attempt| attempts.push(attempt));
    let level = if almost.is_environment_only() {
        "environment-only"
    } else if withheld.is_empty() {
        "nothing-withheld"
    } else if attempts.iter().all(|attempt| attempt.outcome.is_refusal()) {
        "proved"
    } else {
        "failed"
    };
    if options.json {
        answer_json(&to_json(level, &withheld, &attempts));
    } else {
        answer(&to_text(level, &withheld, &attempts));
    }
    Ok(if level == "failed" {
        Exit::Proof.code()
    } else {
        0
    })
}

fn to_text(level: &str, withheld: &[String], attempts: &[Attempt]) -> String {
    let withheld: Vec<String> = withheld.iter().map(quote).collect();
    let mut text = format!("{level}: {} ways tried", attempts.len());
    if !withheld.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(text, " to {}", crate::report::list(&withheld));
    }
    text.push('\n');
    for attempt in attempts {
        let Attempt {
            channel, target, ..
        } = attempt;
        let word = attempt.outcome.word();
        let _ = writeln!(text, "  {word:9} {channel} {}", quote(target));
    }
    text
}

fn to_json(level: &str, withheld: &[String], attempts: &[Attempt]) -> Value {
    let attempts = attempts.iter().map(|attempt| {
        Value::Object(vec![
            ("channel", attempt.channel.into()),
            ("target", attempt.target.as_str().into()),
            ("outcome", attempt.outcome.word().into()),
        ])
    });
    Value::Object(vec![
        ("confinement", level.into()),
        ("withheld", withheld.into()),
        ("attempts", attempts.collect()),
    ])
}
