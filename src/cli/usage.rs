//! Mistakes on the command line, in words.
//!
//! In: the option, variable or word in question. Out: what, where, fix.
//!
//! **Never:** a mistake without the way to mend it.

use lexopt::Arg;

use crate::exit::Exit;
use crate::report::{Fault, quote};

/// A mistake on the command line or in a variable of the same meaning.
#[derive(Debug)]
pub struct UsageError {
    pub(super) what: String,
    pub(super) place: String,
    pub(super) remedy: String,
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

pub(super) fn unknown(option: &str) -> UsageError {
    UsageError {
        what: format!("there is no option {}", quote(option)),
        place: "before the command".into(),
        remedy: "`vestibule --help` lists the options; an option of the command comes after it, or after `--`".into(),
    }
}

pub(super) fn unreadable(error: &lexopt::Error) -> UsageError {
    UsageError {
        what: "an option was given a value that it does not take".into(),
        place: quote(error.to_string()),
        remedy: "`vestibule --help` lists the options".into(),
    }
}

pub(super) fn shown(argument: &Arg<'_>) -> String {
    match argument {
        Arg::Short(letter) => quote(format!("-{letter}")),
        Arg::Long(name) => quote(format!("--{name}")),
        Arg::Value(word) => quote(word.as_encoded_bytes()),
    }
}

pub(super) fn no_command() -> UsageError {
    UsageError {
        what: "there is no command to start".into(),
        place: "the end of the command line".into(),
        remedy: "name the real process: `vestibule [OPTIONS] [--] COMMAND [ARG...]`; `vestibule --help` lists the options".into(),
    }
}

pub(super) fn not_of_check(argument: &str) -> UsageError {
    UsageError {
        what: format!("`check` does not take {argument}"),
        place: "after `check`".into(),
        remedy: "`check` takes `--policy FILE`, `--profile NAME` and `--json`; to run a program called `check` write `vestibule -- check`".into(),
    }
}

pub(super) fn not_of_plan(argument: &str) -> UsageError {
    UsageError {
        what: format!("`plan` does not take {argument}"),
        place: "after `plan`".into(),
        remedy: "`plan` takes `--policy FILE`, `--profile NAME`, `--json` and `-- COMMAND...`; to run a program called `plan` write `vestibule -- plan`".into(),
    }
}

pub(super) fn not_of_exec(argument: &str) -> UsageError {
    UsageError {
        what: format!("`exec` does not take {argument}"),
        place: "after `exec`".into(),
        remedy: "`exec` takes policy and profile from PID 1; an option of the command comes after it; to run a program called `exec` write `vestibule -- exec`".into(),
    }
}

pub(super) fn exec_of_what() -> UsageError {
    UsageError {
        what: "`exec` takes either a command or `--prove`".into(),
        place: "after `exec`".into(),
        remedy: "write `vestibule exec COMMAND [ARG...]`, or `vestibule exec --prove [--json]`"
            .into(),
    }
}

pub(super) fn not_of_health(argument: &str) -> UsageError {
    UsageError {
        what: format!("`health` does not take {argument}"),
        place: "after `health`".into(),
        remedy:
            "write `vestibule health`; to run a program called `health` write `vestibule -- health`"
                .into(),
    }
}

pub(super) fn not_for_people() -> UsageError {
    UsageError {
        what: "`git-credential` is not called as git calls it".into(),
        place: "after `git-credential`".into(),
        remedy: "vestibule starts git with all that is needed; to run a program called `git-credential` write `vestibule -- git-credential`".into(),
    }
}

pub(super) fn not_of_scan(argument: &str) -> UsageError {
    UsageError {
        what: format!("`scan` does not take {argument}"),
        place: "after `scan`".into(),
        remedy: "`scan` takes `--policy FILE`, `--profile NAME`, `--json` and paths; a path that begins with `-` comes after `--`; to run a program called `scan` write `vestibule -- scan`".into(),
    }
}

pub(super) fn no_path() -> UsageError {
    UsageError {
        what: "`scan` was given no path".into(),
        place: "the end of the command line".into(),
        remedy: "name the directories and files to search: `vestibule scan PATH...`".into(),
    }
}
