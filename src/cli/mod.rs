//! The command line: what was typed becomes a `Command`.
//!
//! In: the arguments, and the container variables that tini's and dumb-init's
//! users know. Out: which subcommand, with its options, and main's own command.
//!
//! **Never:** I/O, or an option taken from behind the first word that is none:
//! from there on everything is main's.

pub mod options;
mod usage;
mod value;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser};

pub use options::Options;
pub use usage::UsageError;

use crate::report::Reporter;
use usage::{shown, unreadable};
use value::{text, value};

/// What to do.
#[derive(Debug)]
pub enum Command {
    /// Start main.
    Start(Options, Vec<OsString>),
    /// Say whether policy and secrets are right.
    Check(Options),
    /// Become COMMAND beside main; with `--prove`, show the proof.
    Exec(Options, Vec<OsString>),
    /// Say what a start would do, with this command if one is given.
    Plan(Options, Vec<OsString>),
    /// Say whether main has been started.
    Health(Options),
    /// Be git's helper: the operation, and the socket to ask at.
    GitCredential(OsString, PathBuf),
    /// Search these paths for the mounted secrets.
    Scan(Options, Vec<PathBuf>),
    /// Print a text and end.
    Print(&'static str),
}

/// The text of `--help`.
pub const HELP: &str = include_str!("../../docs/help.txt");
/// The text of `--version`.
pub const VERSION: &str = concat!("vestibule ", env!("CARGO_PKG_VERSION"), "\n");
/// The text of `-l`.
pub const LICENCE: &str = concat!(
    include_str!("../../LICENSE-MIT"),
    "\nor, at your option, the Apache License 2.0: https://www.apache.org/licenses/LICENSE-2.0\n"
);

/// Reads arguments (without the program's own name) and variables. How to report
/// comes along, since a mistake is to be said as was asked for before it.
pub fn parse(
    arguments: Vec<OsString>,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> (Reporter, Result<Command, UsageError>) {
    let mut options = Options::default();
    let command = options
        .take_variables(variable)
        .and_then(|()| read(&mut options, Parser::from_args(arguments)));
    (options.report, command)
}

fn read(options: &mut Options, mut parser: Parser) -> Result<Command, UsageError> {
    let first = loop {
        // `--` ends the options: even a command named like a subcommand follows.
        if is_dashes(&mut parser) {
            return start(options, rest(&mut parser));
        }
        match parser.next().map_err(|error| unreadable(&error))? {
            Some(Arg::Value(word)) => break word,
            None => return start(options, Vec::new()),
            Some(Arg::Short('h') | Arg::Long("help")) => return Ok(Command::Print(HELP)),
            Some(Arg::Short('V') | Arg::Long("version")) => return Ok(Command::Print(VERSION)),
            Some(Arg::Short('l')) => return Ok(Command::Print(LICENCE)),
            Some(Arg::Short(letter)) => options.take_short(letter, &mut parser)?,
            Some(Arg::Long(name)) => {
                let name = name.to_owned();
                options.take_long(&name, &mut parser)?;
            }
        }
    };
    match first.to_str() {
        Some("check") => check(options, parser),
        Some("exec") => exec(options, parser),
        Some("health") => health(options, parser),
        Some("git-credential") => git_credential(parser),
        Some("scan") => scan(options, parser),
        Some("plan") => plan(options, parser),
        _ => start(
            options,
            std::iter::once(first).chain(rest(&mut parser)).collect(),
        ),
    }
}

/// Takes a `--`, if one comes next.
fn is_dashes(parser: &mut Parser) -> bool {
    let raw = parser.try_raw_args();
    raw.is_some_and(|mut raw| raw.next_if(|word| word == "--").is_some())
}

fn rest(parser: &mut Parser) -> Vec<OsString> {
    parser.raw_args().map(Iterator::collect).unwrap_or_default()
}

fn start(options: &Options, command: Vec<OsString>) -> Result<Command, UsageError> {
    if command.is_empty() {
        return Err(usage::no_command());
    }
    Ok(Command::Start(options.clone(), command))
}

/// As for a start, options end at the first word that is none.
fn exec(options: &mut Options, mut parser: Parser) -> Result<Command, UsageError> {
    let command = loop {
        if is_dashes(&mut parser) {
            break rest(&mut parser);
        }
        match parser.next().map_err(|error| unreadable(&error))? {
            Some(Arg::Value(word)) => {
                break std::iter::once(word).chain(rest(&mut parser)).collect();
            }
            None => break Vec::new(),
            Some(Arg::Long("prove")) => options.prove = true,
            Some(Arg::Long("json")) => options.json = true,
            Some(Arg::Short('h') | Arg::Long("help")) => return Ok(Command::Print(HELP)),
            Some(other @ (Arg::Short(_) | Arg::Long(_))) => {
                return Err(usage::not_of_exec(&shown(&other)));
            }
        }
    };
    if options.prove != command.is_empty() || (options.json && !options.prove) {
        return Err(usage::exec_of_what());
    }
    Ok(Command::Exec(options.clone(), command))
}

fn health(options: &Options, mut parser: Parser) -> Result<Command, UsageError> {
    match parser.next().map_err(|error| unreadable(&error))? {
        None => Ok(Command::Health(options.clone())),
        Some(Arg::Short('h') | Arg::Long("help")) => Ok(Command::Print(HELP)),
        Some(other) => Err(usage::not_of_health(&shown(&other))),
    }
}

fn check(options: &mut Options, mut parser: Parser) -> Result<Command, UsageError> {
    while let Some(argument) = parser.next().map_err(|error| unreadable(&error))? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Print(HELP)),
            Arg::Long(name) if ASKING.contains(&name) => {
                let name = name.to_owned();
                ask(options, &name, &mut parser)?;
            }
            other @ (Arg::Short(_) | Arg::Long(_) | Arg::Value(_)) => {
                return Err(usage::not_of_check(&shown(&other)));
            }
        }
    }
    Ok(Command::Check(options.clone()))
}

/// As for a start, a command ends the options.
fn plan(options: &mut Options, mut parser: Parser) -> Result<Command, UsageError> {
    loop {
        if is_dashes(&mut parser) {
            return Ok(Command::Plan(options.clone(), rest(&mut parser)));
        }
        match parser.next().map_err(|error| unreadable(&error))? {
            None => return Ok(Command::Plan(options.clone(), Vec::new())),
            Some(Arg::Short('h') | Arg::Long("help")) => return Ok(Command::Print(HELP)),
            Some(Arg::Long(name)) if ASKING.contains(&name) => {
                let name = name.to_owned();
                ask(options, &name, &mut parser)?;
            }
            Some(other @ (Arg::Short(_) | Arg::Long(_) | Arg::Value(_))) => {
                return Err(usage::not_of_plan(&shown(&other)));
            }
        }
    }
}

/// `git-credential --socket PATH OPERATION`, as `setup::git::environment` tells
/// git to say it.
fn git_credential(mut parser: Parser) -> Result<Command, UsageError> {
    let mut socket = None;
    let mut operation = None;
    while let Some(argument) = parser.next().map_err(|error| unreadable(&error))? {
        match argument {
            Arg::Long("socket") => socket = Some(value("--socket", &mut parser)?.into()),
            Arg::Value(word) if operation.is_none() => operation = Some(word),
            Arg::Short(_) | Arg::Long(_) | Arg::Value(_) => return Err(usage::not_for_people()),
        }
    }
    match (operation, socket) {
        (Some(operation), Some(socket)) => Ok(Command::GitCredential(operation, socket)),
        _ => Err(usage::not_for_people()),
    }
}

fn scan(options: &mut Options, mut parser: Parser) -> Result<Command, UsageError> {
    let mut paths = Vec::new();
    while let Some(argument) = parser.next().map_err(|error| unreadable(&error))? {
        match argument {
            Arg::Value(path) => paths.push(PathBuf::from(path)),
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Print(HELP)),
            Arg::Long(name) if ASKING.contains(&name) => {
                let name = name.to_owned();
                ask(options, &name, &mut parser)?;
            }
            other @ (Arg::Short(_) | Arg::Long(_)) => {
                return Err(usage::not_of_scan(&shown(&other)));
            }
        }
    }
    if paths.is_empty() {
        return Err(usage::no_path());
    }
    Ok(Command::Scan(options.clone(), paths))
}

/// The options of the subcommands that ask.
const ASKING: [&str; 3] = ["json", "policy", "profile"];

fn ask(options: &mut Options, name: &str, parser: &mut Parser) -> Result<(), UsageError> {
    match name {
        "policy" => options.policy = Some(value("--policy", parser)?.into()),
        "profile" => options.profile = Some(text("--profile", parser)?),
        _ => options.json = true,
    }
    Ok(())
}
