//! Values that setup left in files: searched for, and dealt with by policy.
//!
//! In: the dropped values, the places, setup's user. Out: what is left, as paths
//! and forms.
//!
//! **Never:** silence about what could not be searched; a value.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::unistd::geteuid;

use super::as_user::{ask, ask_unless_stopped};
use super::places::Place;
use super::scan::{COUNTED, Counted, End, HELPERS, Limits, Options, Root, Trouble, scan};
use super::since::Mark;
use crate::collect::accounts::Identity;
use crate::policy::OnHit;
use crate::report::Reporter;
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
    /// Older files and directories that nobody could read and setup not reach.
    pub beyond: u64,
    /// Whether somebody asked PID 1 to stop meanwhile.
    is_stopped: bool,
}

/// Where and how to search.
pub struct Search<'a> {
    /// The mounts.
    pub places: &'a [Place],
    /// The directories that hold secrets on purpose.
    pub secret_directories: &'a [PathBuf],
    /// Whether what is older than the marks may hold values too.
    pub everything: bool,
    /// Setup's user and main's, who can read what root may not without its
    /// capabilities.
    pub users: [&'a Identity; 2],
    /// Where the progress of a long search is said.
    pub report: Reporter,
}

impl Search<'_> {
    /// Searches; what this process cannot read is read as setup's and main's user.
    /// A child does it each time, so that a signal to PID 1 ends it at once.
    #[must_use]
    pub fn run(&self, searcher: &Searcher) -> Traces {
        let mut asked = vec![geteuid().as_raw()];
        let mut traces = self.ask(None, searcher);
        for user in self.users {
            let is_blind = traces.left.iter().any(|trace| !trace.is_value);
            if is_blind && !traces.is_stopped && !asked.contains(&user.uid) {
                asked.push(user.uid);
                traces.join(self.ask(Some(user), searcher));
            }
        }
        traces
    }

    fn ask(&self, user: Option<&Identity>, searcher: &Searcher) -> Traces {
        let answer = ask_unless_stopped(user, &|| encode(&self.once(searcher)));
        let traces = answer.as_deref().map(decode);
        match traces {
            Ok(Some(traces)) => traces,
            Ok(None) | Err(_) => Traces {
                left: vec![Trace::lost()],
                is_stopped: answer == Err(Errno::EINTR),
                ..Traces::default()
            },
        }
    }

    fn once(&self, searcher: &Searcher) -> Traces {
        let roots: Vec<Root> = self.places.iter().map(|place| self.root(place)).collect();
        let mut said = Instant::now();
        let mut watch = |counts: &super::scan::Counts| {
            if said.elapsed() >= SILENCE {
                said = Instant::now();
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
        let unopened = COUNTED.iter().filter(|counted| counted.is_unopened());
        let mut traces = Traces {
            files: report.counts.of(Counted::Files),
            unopened: unopened.map(|counted| report.counts.of(*counted)).sum(),
            beyond: report.counts.of(Counted::BeyondReach),
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
                    Trouble::Unreadable(errno) => errno.desc().to_ascii_lowercase(),
                    Trouble::Limit(limit) => limit.word().to_owned(),
                },
                is_value: false,
            });
        }
        if report.end != End::Complete {
            traces.left.push(Trace::lost());
        }
        traces
    }

    fn root(&self, place: &Place) -> Root {
        let began = place.mark.as_ref().map(Mark::began);
        // Only setup's user knows what it cannot reach.
        let is_setup = geteuid().as_raw() == self.users[0].uid;
        Root {
            since: began.filter(|_| !self.everything),
            began: began.filter(|_| is_setup),
            ..Root::new(place.path.clone())
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Trace {
    fn lost() -> Self {
        Self {
            shown: "/".into(),
            path: PathBuf::new(),
            what: "a process of the search ended early".into(),
            is_value: false,
        }
    }
}

impl Traces {
    /// Adds what another user saw: what either could search was searched.
    fn join(&mut self, others: Self) {
        if others.left.contains(&Trace::lost()) {
            self.left.push(Trace::lost());
        } else {
            self.left
                .retain(|trace| trace.is_value || others.left.contains(trace));
        }
        for trace in others.left {
            if trace.is_value && !self.left.contains(&trace) {
                self.left.push(trace);
            }
        }
        self.files = self.files.max(others.files);
        self.unopened = self.unopened.max(others.unopened);
        self.beyond = self.beyond.max(others.beyond);
        self.is_stopped |= others.is_stopped;
    }

    /// Removes what the policy lets it remove, and returns that. A file that
    /// could not be searched cannot be removed for what it may hold.
    #[must_use]
    pub fn settle(&mut self, on_hit: OnHit, setup: &Identity) -> Vec<Trace> {
        if on_hit != OnHit::Remove {
            return Vec::new();
        }
        let is_gone = |trace: &mut Trace| trace.is_value && is_removed(&trace.path, setup);
        self.left.extract_if(.., is_gone).collect()
    }
}

/// By its owner where root without its capabilities may not.
fn is_removed(path: &Path, setup: &Identity) -> bool {
    let is_removed = || match fs::remove_file(path) {
        Ok(()) => true,
        // A file may hold several values.
        Err(error) => error.kind() == ErrorKind::NotFound,
    };
    is_removed() || ask(setup, &|| vec![u8::from(is_removed())]) == Ok(vec![1])
}

/// Three counts, then traces as fields that end with a NUL, four for each.
fn encode(traces: &Traces) -> Vec<u8> {
    let mut bytes = Vec::new();
    for count in [traces.files, traces.unopened, traces.beyond] {
        bytes.extend(count.to_le_bytes());
    }
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

fn decode(mut bytes: &[u8]) -> Option<Traces> {
    let mut count = || {
        let (first, rest) = bytes.split_first_chunk()?;
        bytes = rest;
        Some(u64::from_le_bytes(*first))
    };
    let mut traces = Traces {
        files: count()?,
        unopened: count()?,
        beyond: count()?,
        ..Traces::default()
    };
    let mut fields = bytes.split(|byte| *byte == 0);
    loop {
        let kind = fields.next()?;
        if kind.is_empty() {
            return Some(traces);
        }
        let path = PathBuf::from(OsString::from_vec(fields.next()?.to_vec()));
        traces.left.push(Trace {
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
            files: 3,
            beyond: 4,
            ..Traces::default()
        };
        let bytes = encode(&traces);
        let arrived = decode(&bytes).unwrap();
        assert_eq!(
            (arrived.left, arrived.files, arrived.beyond),
            (traces.left, 3, 4)
        );
        for cut in [0, 23, bytes.len() - 1] {
            assert!(
                decode(&bytes[..cut]).is_none(),
                "an answer that is not whole"
            );
        }
    }
}
