//! The command line: what was typed becomes a `Command`.
//!
//! In: the arguments, and the container variables that tini's and dumb-init's
//! users know. Out: which subcommand, with its options, and main's own command.
//!
//! **Never:** I/O, or an option taken from behind the first word that is none:
//! from there on everything is main's.

use std::ffi::{CString, OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser};

use crate::exit::Exit;
use crate::init::forward::Audience;
use crate::init::signals::{Rewriting, Signal};
use crate::init::status::SuccessCodes;
use crate::policy::duration::parse_duration;
use crate::report::{Fault, Format, Reporter, quote};

/// What to do.
#[derive(Debug)]
pub enum Command {
    /// Start main.
    Start(Options, Vec<OsString>),
    /// Say whether policy and secrets are right.
    Check(Options),
    /// Print a text and end.
    Print(&'static str),
}

/// The options in force, from arguments and variables.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one flag of the command line"
)]
pub struct Options {
    /// `--policy` or `VESTIBULE_POLICY`.
    pub policy: Option<PathBuf>,
    /// `--profile` or `VESTIBULE_PROFILE`.
    pub profile: Option<String>,
    /// `--grace` or `VESTIBULE_GRACE`.
    pub grace: Option<Duration>,
    /// `--exec`: replace vestibule by the command.
    pub replace: bool,
    /// `-g`: who gets the signals.
    pub audience: Audience,
    /// `-s`: adopt orphans when not PID 1.
    pub subreaper: bool,
    /// `-p`: the signal for vestibule when its parent ends.
    pub parent_death: Option<Signal>,
    /// `-e`: exit codes that count as success.
    pub success: SuccessCodes,
    /// `-r`: signal rewriting.
    pub rewriting: Rewriting,
    /// `-w`: report each reaped orphan.
    pub warn_on_reap: bool,
    /// `--log-format` and `-v`.
    pub report: Reporter,
    /// `--json`, for subcommands that answer on stdout.
    pub json: bool,
    /// The first option given that only a supervising vestibule can carry out.
    pub supervising: Option<&'static str>,
}

/// A mistake on the command line or in a variable of the same meaning.
#[derive(Debug)]
pub struct UsageError {
    what: String,
    place: String,
    remedy: String,
}

impl Fault for UsageError {
    fn what(&self) -> String {
        self.what.clone()
    }

    fn place(&self) -> String {
        self.place.clone()
    }

    fn remedy(&self) -> String {
        self.remedy.clone()
    }

    fn exit(&self) -> Exit {
        Exit::Policy
    }
}

/// The text of `--help`.
pub const HELP: &str = include_str!("../docs/help.txt");
/// The text of `--version`.
pub const VERSION: &str = concat!("vestibule ", env!("CARGO_PKG_VERSION"), "\n");
/// The text of `-l`.
pub const LICENCE: &str = concat!(
    include_str!("../LICENSE-MIT"),
    "\nor, at your option, the Apache License 2.0: https://www.apache.org/licenses/LICENSE-2.0\n"
);

/// Subcommands that the design reserves and this version does not have.
const RESERVED: [&str; 5] = ["plan", "exec", "health", "scan", "git-credential"];

/// Reads arguments (without the program's own name) and variables.
pub fn parse(
    arguments: Vec<OsString>,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Command, UsageError> {
    let mut options = Options::from_variables(variable)?;
    let mut parser = Parser::from_args(arguments);
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

fn start(options: Options, command: Vec<OsString>) -> Result<Command, UsageError> {
    if command.is_empty() {
        return Err(UsageError {
            what: "there is no command to start".into(),
            place: "the end of the command line".into(),
            remedy: "name the real process: `vestibule [OPTIONS] [--] COMMAND [ARG...]`; `vestibule --help` lists the options".into(),
        });
    }
    Ok(Command::Start(options, command))
}

fn check(mut options: Options, mut parser: Parser) -> Result<Command, UsageError> {
    while let Some(argument) = parser.next().map_err(|error| unreadable(&error))? {
        match argument {
            Arg::Long("json") => options.json = true,
            Arg::Long("policy") => options.policy = Some(value("--policy", &mut parser)?.into()),
            Arg::Long("profile") => options.profile = Some(text("--profile", &mut parser)?),
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Print(HELP)),
            other @ (Arg::Short(_) | Arg::Long(_) | Arg::Value(_)) => {
                return Err(UsageError {
                    what: format!("`check` does not take {}", shown(&other)),
                    place: "after `check`".into(),
                    remedy: "`check` takes `--policy FILE`, `--profile NAME` and `--json`; to run a program called `check` write `vestibule -- check`".into(),
                });
            }
        }
    }
    Ok(Command::Check(options))
}

impl Options {
    /// An option that needs a supervising vestibule is a mistake where it is to
    /// be replaced by the command.
    #[must_use]
    pub fn refuse_replacement(&self, replaced: bool) -> Option<UsageError> {
        let option = self.supervising.filter(|_| replaced)?;
        let (reason, other) = if self.replace {
            ("with `--exec` vestibule is gone", "leave out `--exec`")
        } else {
            (
                "when it is not PID 1 vestibule becomes the command",
                "add `-s`, or start it as PID 1",
            )
        };
        Some(UsageError {
            what: format!("`{option}` has no effect: {reason} once the command runs"),
            place: format!("option `{option}`"),
            remedy: format!("leave out `{option}`, or {other}"),
        })
    }

    /// The reaper's argument vector: people see it in `ps`, and it says which
    /// policy and profile are in force, wherever they were given. Of the command
    /// only its name: arguments can be long, and main shows them itself.
    #[must_use]
    pub fn in_force(&self, command: &[OsString]) -> Vec<CString> {
        let mut words: Vec<OsString> = vec!["vestibule".into()];
        let mut option = |name: &str, value: OsString| words.extend([name.into(), value]);
        if let Some(policy) = &self.policy {
            option("--policy", policy.into());
        }
        if let Some(profile) = &self.profile {
            option("--profile", profile.into());
        }
        if let Some(grace) = self.grace {
            option("--grace", format!("{}ms", grace.as_millis()).into());
        }
        if let Some(signal) = self.parent_death {
            option("-p", signal.to_string().into());
        }
        for code in self.success.codes() {
            option("-e", code.to_string().into());
        }
        for (from, to) in self.rewriting.rules() {
            let to = to.map_or_else(|| "0".to_owned(), |to| to.to_string());
            option("-r", format!("{from}:{to}").into());
        }
        if self.report.format == Format::Json {
            option("--log-format", "json".into());
        }
        let flags = [
            ("-g", self.audience == Audience::Group),
            ("-s", self.subreaper),
            ("-w", self.warn_on_reap),
        ];
        words.extend(
            flags
                .iter()
                .filter(|(_, is_set)| *is_set)
                .map(|(flag, _)| OsString::from(flag)),
        );
        words.extend((0..self.report.verbosity).map(|_| OsString::from("-v")));
        words.push("--".into());
        words.extend(command.first().cloned());
        words
            .into_iter()
            .filter_map(|word| CString::new(word.into_encoded_bytes()).ok())
            .collect()
    }

    fn from_variables(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, UsageError> {
        let is_on = |name: &str| variable(name).is_some_and(|value| value == "1");
        let mut options = Self {
            policy: variable("VESTIBULE_POLICY")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
            profile: None,
            grace: None,
            replace: false,
            audience: Audience::Main,
            subreaper: variable("TINI_SUBREAPER").is_some(),
            parent_death: None,
            success: SuccessCodes::default(),
            rewriting: Rewriting::default(),
            warn_on_reap: false,
            report: Reporter::default(),
            json: false,
            supervising: None,
        };
        if variable("TINI_KILL_PROCESS_GROUP").is_some() || is_on("DUMB_INIT_SETSID") {
            options.audience = Audience::Group;
        }
        if let Some(profile) = variable("VESTIBULE_PROFILE").filter(|name| !name.is_empty()) {
            options.profile = Some(readable("VESTIBULE_PROFILE", &profile)?);
        }
        if let Some(grace) = variable("VESTIBULE_GRACE") {
            options.grace = Some(duration("VESTIBULE_GRACE", &grace)?);
        }
        if let Some(level) = variable("TINI_VERBOSITY") {
            // tini's 1 is its silent default; each step above it is one `-v`.
            let level: u8 = number("TINI_VERBOSITY", &level)?;
            options.report.verbosity = level.saturating_sub(1);
        }
        if is_on("DUMB_INIT_DEBUG") {
            options.report.verbosity = options.report.verbosity.max(2);
        }
        Ok(options)
    }

    fn take_short(&mut self, letter: char, parser: &mut Parser) -> Result<(), UsageError> {
        match letter {
            'g' => self.supervise("-g", |options| options.audience = Audience::Group),
            'c' => self.audience = Audience::Main,
            's' => self.subreaper = true,
            'w' => self.supervise("-w", |options| options.warn_on_reap = true),
            'v' => self.report.verbosity = self.report.verbosity.saturating_add(1),
            'p' => self.parent_death = Some(signal("-p", &text("-p", parser)?)?),
            'e' => {
                let code = number("-e", &value("-e", parser)?)?;
                self.supervise("-e", |options| options.success.insert(code));
            }
            'r' => self.rewrite("-r", parser)?,
            _ => return Err(unknown(&format!("-{letter}"))),
        }
        Ok(())
    }

    fn take_long(&mut self, name: &str, parser: &mut Parser) -> Result<(), UsageError> {
        match name {
            "policy" => self.policy = Some(value("--policy", parser)?.into()),
            "profile" => self.profile = Some(text("--profile", parser)?),
            "grace" => {
                let grace = duration("--grace", &value("--grace", parser)?)?;
                self.supervise("--grace", |options| options.grace = Some(grace));
            }
            "exec" => self.replace = true,
            "rewrite" => self.rewrite("--rewrite", parser)?,
            "single-child" => self.audience = Audience::Main,
            "verbose" => self.report.verbosity = self.report.verbosity.saturating_add(1),
            "log-format" => self.report.format = format_named(&text("--log-format", parser)?)?,
            _ => return Err(unknown(&format!("--{name}"))),
        }
        Ok(())
    }

    fn supervise(&mut self, option: &'static str, set: impl FnOnce(&mut Self)) {
        self.supervising.get_or_insert(option);
        set(self);
    }

    fn rewrite(&mut self, option: &'static str, parser: &mut Parser) -> Result<(), UsageError> {
        let rule = text(option, parser)?;
        let (from, to) = rule.split_once(':').ok_or_else(|| UsageError {
            what: format!("{} is not a rewriting rule", quote(&rule)),
            place: format!("option `{option}`"),
            remedy: format!("write `{option} FROM:TO`, for example `{option} TERM:QUIT`; `{option} HUP:0` drops HUP"),
        })?;
        let from = signal(option, from)?;
        if !from.is_rewritable() {
            return Err(UsageError {
                what: format!("{from} cannot be rewritten"),
                place: format!("option `{option}`"),
                remedy: "KILL and STOP never reach vestibule; ILL, FPE and SEGV report a fault"
                    .into(),
            });
        }
        let to = if to == "0" {
            None
        } else {
            Some(signal(option, to)?)
        };
        self.supervise(option, |options| options.rewriting.set(from, to));
        Ok(())
    }
}

fn value(option: &str, parser: &mut Parser) -> Result<OsString, UsageError> {
    parser.value().map_err(|_| UsageError {
        what: format!("`{option}` needs a value"),
        place: "the end of the command line".into(),
        remedy: "`vestibule --help` shows what it takes".into(),
    })
}

fn text(option: &str, parser: &mut Parser) -> Result<String, UsageError> {
    readable(option, &value(option, parser)?)
}

fn readable(source: &str, value: &OsStr) -> Result<String, UsageError> {
    value
        .to_str()
        .map(String::from)
        .ok_or_else(|| wrong(source, value, "valid UTF-8"))
}

fn number(source: &str, value: &OsStr) -> Result<u8, UsageError> {
    value
        .to_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| wrong(source, value, "a number from 0 to 255"))
}

fn duration(source: &str, value: &OsStr) -> Result<Duration, UsageError> {
    let text = readable(source, value)?;
    parse_duration(&text)
        .map_err(|_| wrong(source, value, "a duration such as `500ms`, `8s` or `2m`"))
}

fn signal(source: &str, text: &str) -> Result<Signal, UsageError> {
    Signal::parse(text).ok_or_else(|| {
        wrong(
            source,
            OsStr::new(text),
            "a signal such as `TERM`, `15` or `RTMIN+3`",
        )
    })
}

fn format_named(text: &str) -> Result<Format, UsageError> {
    match text {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        _ => Err(wrong("--log-format", OsStr::new(text), "`text` or `json`")),
    }
}

fn wrong(source: &str, value: &OsStr, expected: &str) -> UsageError {
    let kind = if source.starts_with('-') {
        "option"
    } else {
        "variable"
    };
    UsageError {
        what: format!("`{source}` cannot be {}", quote(value.as_encoded_bytes())),
        place: format!("{kind} `{source}`"),
        remedy: format!("give {expected}"),
    }
}

fn unknown(option: &str) -> UsageError {
    UsageError {
        what: format!("there is no option {}", quote(option)),
        place: "before the command".into(),
        remedy: "`vestibule --help` lists the options; an option of the command comes after it, or after `--`".into(),
    }
}

fn unreadable(error: &lexopt::Error) -> UsageError {
    UsageError {
        what: "an option was given a value that it does not take".into(),
        place: quote(error.to_string()),
        remedy: "`vestibule --help` lists the options".into(),
    }
}

fn reserved(word: &str) -> UsageError {
    UsageError {
        what: format!("the subcommand `{word}` is not in this version"),
        place: "the first word after the options".into(),
        remedy: format!("to run a program called `{word}` write `vestibule -- {word}`"),
    }
}

fn shown(argument: &Arg<'_>) -> String {
    match argument {
        Arg::Short(letter) => quote(format!("-{letter}")),
        Arg::Long(name) => quote(format!("--{name}")),
        Arg::Value(word) => quote(word.as_encoded_bytes()),
    }
}
