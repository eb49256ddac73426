//! The options of a start, and how each is taken.
//!
//! In: one option at a time, and the variables of the same meaning. Out: the
//! options in force, also as the reaper shows them.
//!
//! **Never:** a value that is checked later: what is wrong is said here.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::Parser;

use super::usage::{self, UsageError};
use super::value::{duration, format_named, number, readable, signal, text, value};
use crate::init::forward::Audience;
use crate::init::signals::{Rewriting, Signal};
use crate::init::status::SuccessCodes;
use crate::policy::duration::milliseconds;
use crate::redact;
use crate::report::{Format, Reporter, quote};

/// The options in force, from arguments and variables.
#[derive(Clone, Debug, Default)]
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
    /// `exec --prove`: show the proof instead of running a command.
    pub prove: bool,
    /// The first option given that only a supervising vestibule can carry out.
    pub supervising: Option<&'static str>,
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

    /// What the reaper's argument vector has to say must not be a secret's value:
    /// main could read it there.
    #[must_use]
    pub fn refuse_showing(&self) -> Option<UsageError> {
        let policy = self.policy.as_ref().map(|path| path.as_os_str());
        let profile = self.profile.as_ref().map(OsStr::new);
        let mut words = [("--policy", policy), ("--profile", profile)].into_iter();
        let (option, _) = words.find(|(_, word)| {
            word.is_some_and(|word| redact::holds_a_secret(word.as_encoded_bytes()))
        })?;
        Some(UsageError {
            what: format!("`{option}` holds the value of a secret, and PID 1's arguments show it"),
            place: format!("option `{option}`, or the variable of the same meaning"),
            remedy: "rename what it names".into(),
        })
    }

    /// The reaper's argument vector: people see it in `ps`, and it says which
    /// policy and profile are in force, wherever they were given. Of the command
    /// only its name, unless that is a secret: arguments can be long, and main shows
    /// them itself.
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
            option("--grace", format!("{}ms", milliseconds(grace)).into());
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
        let name = command
            .first()
            .map(|word| redact::redacted(word.as_encoded_bytes()));
        words.extend(name.map(|name| OsString::from_vec(name.into_owned())));
        words
            .into_iter()
            .filter_map(|word| CString::new(word.into_encoded_bytes()).ok())
            .collect()
    }

    /// Takes what variables say; arguments come later and go before them.
    pub(super) fn take_variables(
        &mut self,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<(), UsageError> {
        let is_on = |name: &str| variable(name).is_some_and(|value| value == "1");
        let text_of = |name: &str| variable(name).filter(|value| !value.is_empty());
        self.policy = text_of("VESTIBULE_POLICY").map(PathBuf::from);
        self.subreaper = variable("TINI_SUBREAPER").is_some();
        if variable("TINI_KILL_PROCESS_GROUP").is_some() || is_on("DUMB_INIT_SETSID") {
            self.audience = Audience::Group;
        }
        if let Some(profile) = text_of("VESTIBULE_PROFILE") {
            self.profile = Some(readable("VESTIBULE_PROFILE", &profile)?);
        }
        if let Some(grace) = variable("VESTIBULE_GRACE") {
            self.grace = Some(duration("VESTIBULE_GRACE", &grace)?);
        }
        if let Some(level) = variable("TINI_VERBOSITY") {
            // tini's 1 is its silent default; each step above it is one `-v`.
            let level: u8 = number("TINI_VERBOSITY", &level)?;
            self.report.verbosity = level.saturating_sub(1);
        }
        if is_on("DUMB_INIT_DEBUG") {
            self.report.verbosity = self.report.verbosity.max(2);
        }
        Ok(())
    }

    pub(super) fn take_short(
        &mut self,
        letter: char,
        parser: &mut Parser,
    ) -> Result<(), UsageError> {
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
            _ => return Err(usage::unknown(&format!("-{letter}"))),
        }
        Ok(())
    }

    pub(super) fn take_long(&mut self, name: &str, parser: &mut Parser) -> Result<(), UsageError> {
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
            _ => return Err(usage::unknown(&format!("--{name}"))),
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
