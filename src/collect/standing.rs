//! How far main is kept from what it does not get.
//!
//! In: what the proof rests on. Out: the words for it, and named fields.
//!
//! **Never:** "out of reach" for a level at which nothing was tried.

use std::fmt::Write as _;
use std::path::PathBuf;

use caps::Capability;
use serde_json::Value;

use crate::report::list;

/// How far main is kept from what it does not get.
#[derive(Debug)]
pub enum Standing {
    /// Nothing is withheld.
    Nothing,
    /// The policy accepts that main reads withheld files: it can read these.
    EnvironmentOnly(Vec<PathBuf>),
    /// Every known way to a withheld secret was tried and refused.
    OutOfReach {
        /// By what.
        means: Vec<&'static str>,
        /// Whether that holds for main's life, or only as long as nobody changes
        /// a file's mode from outside.
        lasting: bool,
        /// Whether the list of mounts could be read.
        mounts_known: bool,
        /// Dangerous capabilities that the policy gives main.
        accepted: Vec<Capability>,
        /// How many ways were tried.
        tried: usize,
    },
}

impl Standing {
    /// The end of "withholds NAMES".
    pub(super) fn words(&self) -> String {
        let (means, lasting, mounts_known, accepted, tried) = match self {
            Self::Nothing => return String::new(),
            Self::EnvironmentOnly(readable) if readable.is_empty() => {
                return " from its environment only, as the policy says; its user cannot read the files".into();
            }
            Self::EnvironmentOnly(_) => {
                return " from its environment only, as the policy says; its user can read the files".into();
            }
            Self::OutOfReach {
                means,
                lasting,
                mounts_known,
                accepted,
                tried,
            } => (means, lasting, mounts_known, accepted, tried),
        };
        let mut text = String::from(", out of its reach");
        if !means.is_empty() {
            let means: Vec<String> = means.iter().map(ToString::to_string).collect();
            let _ = write!(text, " by {}", list(&means));
        }
        let span = if *lasting {
            "enforced"
        } else {
            "true at start"
        };
        let _ = write!(text, " ({span}; {tried} ways tried)");
        if !mounts_known {
            text.push_str(", other mounts of the files unknown without `/proc`");
        }
        if !accepted.is_empty() {
            let accepted: Vec<String> = accepted.iter().map(ToString::to_string).collect();
            let _ = write!(text, ", though the policy gives it {}", list(&accepted));
        }
        text
    }

    /// The level as a sentence of its own, where something is withheld.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        let words = self.words();
        let words = words.trim_start_matches([',', ' ']);
        (!words.is_empty()).then(|| format!("withheld {words}"))
    }

    /// The level for machines.
    #[must_use]
    pub fn fields(&self) -> Vec<(&'static str, Value)> {
        let texts = |items: &[Capability]| {
            let items = items.iter().map(ToString::to_string);
            Value::from(items.collect::<Vec<_>>())
        };
        match self {
            Self::Nothing => vec![("confinement", "nothing-withheld".into())],
            Self::EnvironmentOnly(readable) => {
                let readable = readable.iter().map(|path| path.display().to_string());
                vec![
                    ("confinement", "environment-only".into()),
                    ("readable", readable.collect::<Vec<_>>().into()),
                ]
            }
            Self::OutOfReach {
                means,
                lasting,
                mounts_known,
                accepted,
                tried,
            } => vec![
                ("confinement", "proved".into()),
                ("means", means.clone().into()),
                ("enforced", (*lasting).into()),
                ("tried", (*tried).into()),
                ("mounts_known", (*mounts_known).into()),
                ("accepted", texts(accepted)),
            ],
        }
    }
}
