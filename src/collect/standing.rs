//! How far main is kept from what it does not get.
//!
//! In: what the proof rests on. Out: the words for it, and named fields.
//!
//! **Never:** "out of reach" for a level at which nothing was tried.

use std::fmt::Write as _;
use std::path::PathBuf;

use caps::Capability;

use crate::json::Value;

use crate::report::{list, lossy};

/// How far main is kept from what it does not get.
#[derive(Debug)]
pub enum Standing {
    /// Nothing is withheld.
    Nothing,
    /// The policy accepts that main reads withheld files: it can read these.
    EnvironmentOnly(Vec<PathBuf>),
    /// Every known way to a withheld secret was tried and refused.
    OutOfReach(Proved),
}

/// What was proved, and what it rests on.
#[derive(Debug, Default)]
pub struct Proved {
    /// By what main is kept from the files.
    pub means: Vec<&'static str>,
    /// Whether that holds for main's life, or only as long as nobody changes a
    /// file's mode from outside.
    pub lasting: bool,
    /// Whether the list of mounts could be read.
    pub mounts_known: bool,
    /// Dangerous capabilities that the policy gives main.
    pub accepted: Vec<Capability>,
    /// How many ways were tried.
    pub tried: usize,
    /// Whether main, or a setup that ran in this start, can prepare what the next one
    /// trusts.
    pub prepares: Option<Prepares>,
}

/// Somebody whom owners and modes do not stop, on a writable file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepares {
    /// Who, in a line about main.
    pub who: &'static str,
    /// Whether that is because it is root, and not by its capabilities.
    pub by_root: bool,
    /// Whether it can put another program in the place of this one, too, which a
    /// health check runs as long as main lives.
    pub program: bool,
}

impl Standing {
    /// The end of "withholds NAMES".
    pub(super) fn words(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::EnvironmentOnly(readable) => {
                let can = if readable.is_empty() { "cannot" } else { "can" };
                format!(
                    " from its environment only, as the policy says; its user {can} read the files"
                )
            }
            Self::OutOfReach(proved) => proved.words(),
        }
    }

    /// The level as a line of `check`, where something is withheld.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        let words = self.words();
        let words = words.trim_start_matches([',', ' ']);
        (!words.is_empty()).then(|| format!("how:      {words}"))
    }

    /// The level for machines.
    #[must_use]
    pub fn fields(&self) -> Vec<(&'static str, Value)> {
        match self {
            Self::Nothing => vec![("confinement", "nothing-withheld".into())],
            Self::EnvironmentOnly(readable) => {
                let readable = readable.iter().map(lossy);
                vec![
                    ("confinement", "environment-only".into()),
                    ("readable", readable.collect()),
                ]
            }
            Self::OutOfReach(proved) => vec![
                ("confinement", "proved".into()),
                ("means", proved.means.iter().copied().collect()),
                ("enforced", proved.lasting.into()),
                ("this_start_only", proved.prepares.is_some().into()),
                (
                    "program_replaceable",
                    proved.prepares.is_some_and(|one| one.program).into(),
                ),
                ("tried", proved.tried.into()),
                ("mounts_known", proved.mounts_known.into()),
                ("accepted", names(&proved.accepted).as_slice().into()),
            ],
        }
    }
}

impl Proved {
    fn words(&self) -> String {
        let mut text = String::from(", out of its reach");
        if !self.means.is_empty() {
            let means: Vec<String> = self.means.iter().map(ToString::to_string).collect();
            // Writing to a String cannot fail.
            let _ = write!(text, " by {}", list(&means));
        }
        let span = if self.lasting {
            "enforced"
        } else {
            "true at start"
        };
        let _ = write!(text, " ({span}; {} ways tried)", self.tried);
        if let Some(Prepares {
            who,
            by_root,
            program,
        }) = self.prepares
        {
            let power = if by_root {
                "as root"
            } else {
                "by its capabilities"
            };
            let more = if program {
                " and what a health check runs"
            } else {
                ""
            };
            let _ = write!(
                text,
                " in this start: {power} {who} could change what the next one trusts{more}"
            );
        }
        if !self.mounts_known {
            text.push_str(", other mounts of the files unknown without `/proc`");
        }
        if !self.accepted.is_empty() {
            let accepted = list(&names(&self.accepted));
            let _ = write!(text, ", though the policy gives it {accepted}");
        }
        text
    }
}

fn names(capabilities: &[Capability]) -> Vec<String> {
    capabilities.iter().map(ToString::to_string).collect()
}
