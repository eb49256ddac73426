//! The command line: what was typed becomes a `Command`.
//!
//! In: the arguments, and the container variables that tini's and dumb-init's
//! users know. Out: which subcommand, with its options, and main's own command.
//!
//! **Never:** I/O, or an option taken from behind the first word that is none:
//! from there on everything is main's.

mod options;
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
use usage::{reserved, shown, unreadable};
use value::{text, value};

/// What to do.
#[derive(Debug)]
pub enum Command {
    /// Start main.
    Start(Options, Vec<OsString>),
    /// Say whether policy and secrets are right.
    Check(Options),
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

/// Subcommands that the design reserves and this version does not have.
const RESERVED: [&str; 4] = ["plan", "exec", "health", "git-credential"];

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
        if parser
            .try_raw_args()
            .is_some_and(|mut raw| raw.next_if(|word| word == "--").is_some())
        {
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
        Some("scan") => scan(options, parser),
        Some(word) if RESERVED.contains(&word) => Err(reserved(word)),
        _ => start(
            options,
            std::iter::once(first).chain(rest(&mut parser)).collect(),
        ),
    }
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
