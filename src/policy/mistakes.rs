//! What can be wrong with a policy, and all of it at once.
//!
//! In: problems with their places, as the reading finds them. Out: a
//! `PolicyError` whose mistakes stand in the file's order and say what, where
//! and how to mend it (`wording` has the sentences).
//!
//! **Never:** text that could be a value pasted into a policy: a problem keeps
//! names, keys and types, and the file's line leads to the rest.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::connection::FieldError;
use crate::exit::Exit;
use crate::names::{NameError, VariableName};
use crate::report::Fault;

use super::duration::DurationError;
use super::rules::Rule;
use super::{Place, printable, wording};

/// Everything that is wrong with one policy; at least one mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    file: PathBuf,
    mistakes: Vec<Mistake>,
}

/// One thing that is wrong, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    file: PathBuf,
    /// The node in question.
    pub place: Place,
    /// The column where the text stops being a policy at all.
    pub column: Option<usize>,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A name breaks its rule; the second field says what to do about it.
    BadName(NameError, &'static str),
    /// A text is not a duration.
    Duration(DurationError),
    /// The same key stands twice in one object.
    Duplicate(String),
    /// `${NAME}` of a variable that is named like a credential.
    ExpandsCredential(VariableName),
    /// `${NAME}` of a variable that is the source of a secret.
    ExpandsSource(VariableName),
    /// A connection's field is wrong, in the words of `connection`.
    Field(FieldError),
    /// A key that has to be there is not.
    Missing(&'static str),
    /// A connection does not have the part that a reference names.
    NoPart {
        /// The connection's name.
        connection: String,
        /// The part that it lacks.
        part: String,
        /// The parts that it has.
        parts: Vec<&'static str>,
    },
    /// There is no profile of the wanted name among these.
    NoProfile(String, Vec<String>),
    /// A reference to a secret store, by its prefix.
    NoResolver(&'static str),
    /// A text that should name a secret breaks this rule.
    NotASecret(&'static str),
    /// A text is none of the words that are known here.
    NotOneOf(String, &'static [&'static str]),
    /// A rule that says everything by itself.
    Rule(&'static Rule),
    /// A connection is called like a secret or like a part of a reference.
    TakenName(String),
    /// A variable stands in `env` and in `files`.
    TwiceDelivered(VariableName),
    /// A key that is not known here.
    UnknownKey(String, &'static [&'static str]),
    /// `${NAME}` of a variable that the container does not have.
    Unset(VariableName),
    /// The JSON type is wrong: expected, found.
    WrongType(&'static str, &'static str),
}

impl PolicyError {
    /// `mistakes` in the file's order.
    pub(super) fn new(file: &Path, mistakes: Vec<Mistake>) -> Self {
        Self {
            file: file.into(),
            mistakes,
        }
    }

    /// All mistakes in the file's order.
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl Mistake {
    /// `problem` at a node of `file`.
    pub(super) fn at(file: &Path, place: Place, problem: Problem) -> Self {
        Self {
            file: file.into(),
            place,
            column: None,
            problem,
        }
    }

    /// A rule that the text breaks before there is any node.
    pub(super) fn in_text(
        file: &Path,
        (line, column): (usize, usize),
        rule: &'static Rule,
    ) -> Self {
        let place = Place {
            pointer: String::new(),
            line,
        };
        let problem = Problem::Rule(rule);
        Self {
            file: file.into(),
            place,
            column: Some(column),
            problem,
        }
    }
}

impl Fault for Mistake {
    fn what(&self) -> String {
        self.problem.to_string()
    }

    fn place(&self) -> String {
        let file = printable(&self.file.to_string_lossy());
        match self.column {
            Some(column) => format!("{file}, line {}, column {column}", self.place.line),
            None => format!("{file} at {}", self.place),
        }
    }

    fn remedy(&self) -> String {
        wording::remedy(&self.problem)
    }

    fn exit(&self) -> Exit {
        Exit::Policy
    }
}

impl Fault for PolicyError {
    fn what(&self) -> String {
        match self.mistakes.as_slice() {
            [only] => only.what(),
            several => format!("the policy has {} mistakes", several.len()),
        }
    }

    fn place(&self) -> String {
        match self.mistakes.as_slice() {
            [only] => only.place(),
            _ => printable(&self.file.to_string_lossy()),
        }
    }

    fn remedy(&self) -> String {
        match self.mistakes.as_slice() {
            [only] => only.remedy(),
            _ => "mend them all; `vestibule check` lists each with its line".into(),
        }
    }

    fn exit(&self) -> Exit {
        Exit::Policy
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what())
    }
}
