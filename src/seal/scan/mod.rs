//! Looks for values in what lies on disks: contents, names, link targets,
//! attributes, Git objects and packs, gzip.
//!
//! In: roots, a `Searcher`. Out: a `Report` with paths, places, names of secrets
//! and forms; what could not be read; what was not opened.
//!
//! **Never:** a value, a followed link, a foreign mount, an opened FIFO or
//! device, a thread (helpers are forked), or memory that grows with the tree.

mod attributes;
mod contents;
mod counts;
mod delta;
mod helpers;
mod pack;
mod report;
mod source;
mod unpack;
mod walk;
mod window;
mod wire;

use std::ops::ControlFlow;
use std::path::PathBuf;

pub use counts::{COUNTED, Counted, Counts};
pub use report::{End, Finding, Limit, Missed, Place, Report, Trouble, masked, masked_path};

use crate::search::Searcher;
use report::Hit;

/// As deep as directories are entered.
pub const LEVELS: usize = 4096;
/// As long as the path of a directory that is entered may be.
pub const PATH_BYTES: usize = 64 << 10;
/// The most that is unpacked from one compressed stream.
pub const STREAM_BYTES: u64 = 256 << 20;
/// The most that is unpacked by one process of a scan.
pub const TOTAL_BYTES: u64 = 16 << 30;
/// The largest Git object that a delta is applied to.
pub const OBJECT_BYTES: usize = 32 << 20;
/// The longest chain of Git deltas that is followed.
pub const CHAIN: usize = 4096;
/// Findings that are listed; further ones are counted.
pub const FINDINGS: usize = 1000;
/// The most processes that search at once.
pub const HELPERS: usize = 4;

/// Where to look.
pub struct Root {
    /// A directory, or a file.
    pub path: PathBuf,
    /// Whether a link at this very path is followed. Links below never are.
    pub follow: bool,
    /// Whether other mounts below it are entered. The caller knows that none of
    /// them is `/proc`, `/sys` or the like.
    pub cross_mounts: bool,
    /// Leave out what did not change since: seconds and nanoseconds of the change
    /// time of a file just made on the same mount.
    pub since: Option<(i64, i64)>,
    /// The moment from which on this process's user wrote: what cannot be read, is
    /// older and out of its reach is counted only.
    pub began: Option<(i64, i64)>,
}

impl Root {
    /// Everything below a path, on its mount.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            follow: false,
            cross_mounts: false,
            since: None,
            began: None,
        }
    }
}

/// How much may be unpacked.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From one compressed stream.
    pub stream: u64,
    /// By one process of the scan.
    pub total: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stream: STREAM_BYTES,
            total: TOTAL_BYTES,
        }
    }
}

/// How to look.
pub struct Options<'a> {
    /// How much may be unpacked.
    pub limits: Limits,
    /// Directories that hold secrets on purpose: their files are counted only.
    /// Absolute and without links.
    pub secret_directories: Vec<PathBuf>,
    /// The most helper processes; 0 searches in this process.
    pub helpers: usize,
    /// Asked again and again while the scan goes on, with the sums so far;
    /// `Break` ends it.
    pub watch: &'a mut dyn FnMut(&Counts) -> ControlFlow<()>,
}

/// Searches everything below `roots`.
#[must_use]
pub fn scan(roots: &[Root], searcher: &Searcher, mut options: Options<'_>) -> Report {
    let mut report = Report::new(searcher);
    if searcher.is_empty() {
        return report;
    }
    if !helpers::scan(roots, searcher, &mut options, &mut report) {
        report = Report::new(searcher);
        let mut listener = InProcess {
            report: &mut report,
            watch: options.watch,
        };
        let what = walk::What {
            searcher,
            limits: options.limits,
            secret_directories: &options.secret_directories,
            share: walk::Share::ALL,
        };
        let counts = walk::walk(roots, &what, &mut listener);
        report.counts.merge(&counts);
    }
    report
}

/// Who is told what a walk comes across.
trait Listener {
    /// A value.
    fn found(&mut self, path: &[u8], hit: &Hit<'_>);
    /// Something that could not be searched.
    fn missed(&mut self, path: &[u8], trouble: Trouble);
    /// How far it is.
    fn progress(&mut self, counts: &Counts) -> ControlFlow<()>;
}

struct InProcess<'a> {
    report: &'a mut Report,
    watch: &'a mut dyn FnMut(&Counts) -> ControlFlow<()>,
}

impl Listener for InProcess<'_> {
    fn found(&mut self, path: &[u8], hit: &Hit<'_>) {
        self.report.found(path, hit);
    }

    fn missed(&mut self, path: &[u8], trouble: Trouble) {
        self.report.missed(path, trouble);
    }

    fn progress(&mut self, counts: &Counts) -> ControlFlow<()> {
        let flow = (self.watch)(counts);
        if flow.is_break() {
            self.report.end = End::Stopped;
        }
        flow
    }
}

#[cfg(test)]
mod tests;
