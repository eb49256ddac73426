//! How a scene ended and what was said in it.
//!
//! In: the end, both outputs. Out: the parts that claims look at.
//!
//! **Never:** an end that only looks like a code: a killed init has none.

use serde_json::Value;

use super::canary::Canary;
use super::report::{Content, Report};

/// How an init ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With this exit code.
    Code(u8),
    /// By this signal.
    Signal(u8),
}

impl End {
    pub(super) fn parse(kind: &str, number: &str) -> Self {
        let number = number.parse().expect("a code or a signal");
        match kind {
            "exit" => Self::Code(number),
            _ => Self::Signal(number),
        }
    }
}

/// A scene that is over.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// How the init ended.
    pub(crate) end: End,
    /// Everything on standard output.
    pub(crate) stdout: String,
    /// Everything on standard error.
    pub(crate) stderr: String,
    /// The values that were planted.
    pub(crate) canary: Canary,
}

impl Outcome {
    /// The exit code; fails if a signal ended the init.
    pub(crate) fn code(&self) -> u8 {
        match self.end {
            End::Code(code) => code,
            End::Signal(signal) => panic!("signal {signal} ended the init; {}", self.stderr),
        }
    }

    /// Fails unless the init ended with `code`; shows what it said.
    #[track_caller]
    pub(crate) fn expect_code(self, code: u8) -> Self {
        assert_eq!(self.end, End::Code(code), "{}{}", self.stdout, self.stderr);
        self
    }

    /// A refusal: this code, three lines on standard error, and nothing on
    /// standard output, since main would have said something.
    #[track_caller]
    pub(crate) fn expect_refusal(self, code: u8) -> String {
        assert_eq!(self.end, End::Code(code), "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "", "main was started; {}", self.stderr);
        let starts = ["vestibule: ", "  where: ", "  fix:   "];
        for (line, start) in self.stderr.lines().zip(starts.iter().cycle()) {
            assert!(
                line.starts_with(start),
                "not of three lines: {}",
                self.stderr
            );
        }
        assert_eq!(
            self.stderr.lines().count() % 3,
            0,
            "not of three lines: {}",
            self.stderr
        );
        assert!(!self.stderr.is_empty(), "a refusal says why");
        self.stderr
    }

    /// What the witness found.
    #[track_caller]
    pub(crate) fn report(&self) -> Report {
        let line = self.said("report ");
        Report::parse(line.unwrap_or_else(|| panic!("no report: {}{}", self.stdout, self.stderr)))
    }

    /// What the witness found in the n-th file that it was to read.
    #[track_caller]
    pub(crate) fn content(&self, index: usize) -> Content {
        let is_answer = |line: &&str| line.starts_with("content ") || line.starts_with("unread ");
        let line = self.stdout.lines().filter(is_answer).nth(index);
        Content::parse(line.unwrap_or_else(|| panic!("no file was read: {}", self.stdout)))
    }

    /// The rest of the first line on standard output that starts so.
    pub(crate) fn said(&self, start: &str) -> Option<&str> {
        self.stdout
            .lines()
            .find_map(|line| line.strip_prefix(start))
    }

    /// Standard error as JSON, one object a line.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        self.stderr.lines().map(parse).collect()
    }

    /// A planted value.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.canary.value(name)
    }
}
