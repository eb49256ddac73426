//! How far long work is, in a line now and then: a file system of a network or in
//! user space may take minutes for what a disk does at once.
//!
//! In: a count, again and again. Out: a line whenever another five seconds passed.
//!
//! **Never:** a name of a file: setup chose it.

use std::time::{Duration, Instant};

use crate::report::Reporter;

/// As long nothing is said.
const SILENCE: Duration = Duration::from_secs(5);

/// Who says it.
pub(crate) struct Progress {
    report: Reporter,
    /// What is done with files, such as "removed".
    done: &'static str,
    last: Instant,
}

impl Progress {
    /// From now on.
    #[must_use]
    pub(crate) fn of(done: &'static str, report: Reporter) -> Self {
        Self {
            report,
            done,
            last: Instant::now(),
        }
    }

    /// As many files are done.
    pub(crate) fn at(&mut self, files: u64) {
        if self.last.elapsed() < SILENCE {
            return;
        }
        self.last = Instant::now();
        let text = format!("seal: {files} files {} so far", self.done);
        let fields = [("files", files.into()), ("done", self.done.into())];
        self.report.note("progress", &text, &fields);
    }
}
