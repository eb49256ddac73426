//! Values that setup left in files: searched for, and dealt with by policy.
//!
//! In: the dropped values, the places, setup's user. Out: what is left, as paths
//! and forms.
//!
//! **Never:** silence about what could not be searched; a value.

use std::ffi::OsString;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::as_user::ask;
use super::places::Place;
use super::scan::{Counted, End, HELPERS, Limits, Options, Root, Trouble, scan};
use crate::collect::accounts::Identity;
use crate::policy::OnHit;
use crate::report::{Reporter, said};
use crate::search::Searcher;

/// A search that takes longer than this says how far it is, again and again.
const SILENCE: Duration = Duration::from_secs(5);

/// A place where a value is, or may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The file, masked for messages.
    pub shown: String,
    /// The file itself.
    path: PathBuf,
    /// Which value in which form, or why it could not be searched.
    pub what: String,
    /// Whether a value was found, and not only a place that could not be searched.
    pub is_value: bool,
}

/// What a search found.
#[derive(Debug, Default)]
pub struct Traces {
    /// Values, and places that nobody could search.
    pub left: Vec<Trace>,
    /// Files of formats that are not opened.
    pub unopened: u64,
    /// Files that were searched.
    pub files: u64,
}

/// Where and how to search.
pub struct Search<'a> {
    /// The mounts.
    pub places: &'a [Place],
    /// The directories that hold secrets on purpose.
    pub secret_directories: &'a [PathBuf],
    /// Whether what is older than the marks may hold values too.
    pub everything: bool,
    /// Setup's user, who can read what root may not without its capabilities.
    pub setup: &'a Identity,
    /// Where the progress of a long search is said.
    pub report: Reporter,
}

impl Search<'_> {
    /// Searches; what this process cannot read is read as setup's user.
    #[must_use]
    pub fn run(&self, searcher: &Searcher) -> Traces {
        let mut traces = self.once(searcher);
        let is_blind = traces.left.iter().any(|trace| !trace.is_value);
        if is_blind && self.setup.uid != nix::unistd::geteuid().as_raw() {
            let answer = ask(self.setup, &|| encode(&self.once(searcher)));
            if let Some(others) = answer.ok().and_then(|bytes| decode(&bytes)) {
                // What either could search was searched.
                traces
                    .left
                    .retain(|trace| trace.is_value || others.contains(trace));
                for trace in others {
                    if trace.is_value && !traces.left.contains(&trace) {
                        traces.left.push(trace);
                    }
                }
            }
        }
        traces
    }

    fn once(&self, searcher: &Searcher) -> Traces {
        let roots: Vec<Root> = self.places.iter().map(|place| self.root(place)).collect();
        let mut last_said = Instant::now();
        let mut watch = |counts: &super::scan::Counts| {
            if last_said.elapsed() >= SILENCE {
                last_said = Instant::now();
                let files = counts.of(Counted::Files);
                let text = format!("seal: {files} files searched so far");
                self.report
                    .note("progress", &text, &[("files", files.into())]);
            }
            ControlFlow::Continue(())
        };
        let report = scan(
            &roots,
            searcher,
            Options {
                limits: Limits::default(),
                secret_directories: self.secret_directories.to_vec(),
                helpers: HELPERS,
                watch: &mut watch,
            },
        );
        let mut traces = Traces {
            files: report.counts.of(Counted::Files),
            ..Traces::default()
        };
        for finding in &report.findings {
            let (form, place) = (finding.form.word(), finding.place.word());
            let what = format!("`{}`, {form}, {place}", finding.secret);
            traces.left.push(Trace {
                shown: text(&finding.shown(searcher)),
                path: finding.path().to_path_buf(),
                what,
                is_value: true,
            });
        }
        for missed in &report.missed {
            traces.left.push(Trace {
                shown: text(&missed.shown(searcher)),
                path: PathBuf::from(OsString::from_vec(missed.shown(searcher))),
                what: match missed.trouble {
                    Trouble::Unreadable(errno) => said(errno),
                    Trouble::Limit(limit) => limit.word().to_owned(),
                },
                is_value: false,
            });
        }
        if report.end != End::Complete {
            traces.left.push(Trace {
                shown: "/".into(),
                path: PathBuf::new(),
                what: "a process of the search ended early".into(),
                is_value: false,
            });
        }
        traces
    }

    fn root(&self, place: &Place) -> Root {
        let since = place.mark.as_ref().filter(|_| !self.everything);
        Root {
            since: since.map(super::since::Mark::moment),
            ..Root::new(place.path.clone())
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Traces {
    /// Does what the policy says, and tells whether main may not start. A file
    /// that could not be searched cannot be removed for what it may hold.
    #[must_use]
    pub fn settle(&mut self, on_hit: OnHit) -> bool {
        match on_hit {
            OnHit::Refuse => !self.left.is_empty(),
            OnHit::Report => false,
            OnHit::Remove => {
                self.left
                    .retain(|trace| !trace.is_value || fs::remove_file(&trace.path).is_err());
                !self.left.is_empty()
            }
        }
    }
}

/// Traces as fields that end with a NUL, four for each.
fn encode(traces: &Traces) -> Vec<u8> {
    let mut bytes = Vec::new();
    for trace in &traces.left {
        let kind: &[u8] = if trace.is_value { b"value" } else { b"missed" };
        for field in [
            kind,
            trace.path.as_os_str().as_bytes(),
            trace.shown.as_bytes(),
            trace.what.as_bytes(),
        ] {
            bytes.extend_from_slice(field);
            bytes.push(0);
        }
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<Vec<Trace>> {
    let mut traces = Vec::new();
    let mut fields = bytes.split(|byte| *byte == 0);
    loop {
        let kind = fields.next()?;
        if kind.is_empty() {
            return Some(traces);
        }
        let path = PathBuf::from(OsString::from_vec(fields.next()?.to_vec()));
        traces.push(Trace {
            path,
            shown: text(fields.next()?),
            what: text(fields.next()?),
            is_value: kind == b"value",
        });
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Trace, Traces, decode, encode};

    #[test]
    fn traces_come_back_as_they_went() {
        let trace = |path: &str, is_value| Trace {
            shown: format!("shown {path}"),
            path: PathBuf::from(path),
            what: "words".into(),
            is_value,
        };
        let traces = Traces {
            left: vec![trace("/a b\n", true), trace("/c", false)],
            ..Traces::default()
        };
        assert_eq!(decode(&encode(&traces)), Some(traces.left));
        assert_eq!(decode(b""), Some(Vec::new()));
        assert_eq!(decode(b"value\0/a"), None, "an answer that is not whole");
    }
}
