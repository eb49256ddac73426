//! Values that setup left in files: searched for, and dealt with by policy.
//!
//! In: the dropped values, the places, setup's user. Out: what is left, as paths
//! and forms.
//!
//! **Never:** silence about what could not be searched; a value.

mod acquit;

use std::ffi::OsString;
use std::fs;
use std::mem;
use std::ops::ControlFlow;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, lstat};
use nix::unistd::geteuid;

use super::as_user::ask_unless_stopped;
use super::places::Place;
use super::progress::Progress;
use super::scan::{
    COUNTED, Counted, End, HELPERS, Limit, Limits, Missed, Options, Root, Trouble, scan,
};
use super::since::Mark;
use crate::collect::accounts::Identity;
use crate::report::{Reporter, said};
use crate::search::Searcher;
use crate::sys::statx::Mount;

/// A place where a value is, or may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The file, masked for messages.
    pub shown: String,
    /// The file itself.
    path: PathBuf,
    /// Which value in which form, or why it could not be searched.
    pub what: String,
    /// What is to be done about it depends on this.
    pub kind: Kind,
}

/// What a search has to say of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value was found there.
    Value,
    /// Nobody could read it.
    Unseen,
    /// It is beyond a limit of the search.
    Limit,
    /// The search ended before its end.
    Lost,
    /// It took too long.
    Overran,
}

impl Kind {
    /// The letter of an answer.
    fn letter(self) -> u8 {
        match self {
            Self::Value => b'v',
            Self::Unseen => b'u',
            Self::Limit => b'l',
            Self::Lost => b'e',
            Self::Overran => b'o',
        }
    }

    fn of(letter: u8) -> Option<Self> {
        let all = [
            Self::Value,
            Self::Unseen,
            Self::Limit,
            Self::Lost,
            Self::Overran,
        ];
        all.into_iter().find(|kind| kind.letter() == letter)
    }
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
    /// Whether what is older than the marks may hold values too: they are not
    /// certain.
    pub everything: bool,
    /// Setup's user and main's, who can read what root may not without its
    /// capabilities.
    pub users: [&'a Identity; 2],
    /// Where the progress of a long search is said.
    pub report: Reporter,
    /// How long it may take.
    pub patience: Duration,
}

impl Search<'_> {
    /// Searches; what this process cannot read is read as setup's and main's user.
    /// A child does it each time, so that a signal to PID 1 ends it at once.
    #[must_use]
    pub fn run(&self, searcher: &Searcher) -> Traces {
        let mut asked = vec![geteuid().as_raw()];
        let mut traces = self.ask(None, searcher);
        for user in self.users {
            let is_blind = traces.left.iter().any(Trace::is_blind);
            if is_blind && !traces.is_stopped && !asked.contains(&user.uid) {
                asked.push(user.uid);
                traces.join(&self.ask(Some(user), searcher));
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
        let began = Instant::now();
        let mut progress = Progress::of("searched", self.report);
        let mut watch = |counts: &super::scan::Counts| {
            progress.at(counts.of(Counted::Files));
            if began.elapsed() > self.patience {
                return ControlFlow::Break(());
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
                kind: Kind::Value,
            });
        }
        let missed = report.missed.iter();
        traces
            .left
            .extend(missed.map(|missed| Trace::missed(missed, searcher)));
        match report.end {
            End::Complete => {}
            End::Stopped => traces.left.push(Trace::overran()),
            End::HelperLost => traces.left.push(Trace::lost()),
        }
        let unlisted = report.counts.of(Counted::Unlisted);
        if unlisted != 0 {
            traces.left.push(Trace::unlisted(unlisted));
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
    fn missed(missed: &Missed, searcher: &Searcher) -> Self {
        let (what, kind) = match missed.trouble {
            Trouble::Unreadable(errno) => (said(errno), Kind::Unseen),
            // Another user may have searched all of them.
            Trouble::Limit(limit @ Limit::Troubles) => (limit.word().to_owned(), Kind::Unseen),
            Trouble::Limit(limit) => (limit.word().to_owned(), Kind::Limit),
        };
        Self {
            shown: text(&missed.shown(searcher)),
            // With names in place of values nobody knows what is below what.
            path: missed.path().to_path_buf(),
            what,
            kind,
        }
    }

    fn lost() -> Self {
        Self {
            shown: "/".into(),
            path: PathBuf::new(),
            what: "a process of the search ended early".into(),
            kind: Kind::Lost,
        }
    }
}

impl Trace {
    fn overran() -> Self {
        Self {
            what: "the search took longer than an hour".into(),
            kind: Kind::Overran,
            ..Self::lost()
        }
    }

    /// More values, in files that are not named: nothing can remove them.
    fn unlisted(more: u64) -> Self {
        Self {
            shown: "/".into(),
            path: "/".into(),
            what: format!("{more} more findings"),
            kind: Kind::Value,
        }
    }

    /// Whether another user may see more. A limit is everybody's.
    fn is_blind(&self) -> bool {
        matches!(self.kind, Kind::Unseen | Kind::Lost)
    }

    /// Whether it is in what these did not see. The path of a search that was lost is
    /// empty, and the start of every other: it may have missed anything.
    fn is_unseen_by(&self, others: &[Self]) -> bool {
        let mut blind = others.iter().filter(|other| other.is_blind());
        blind.any(|other| self.path.starts_with(&other.path))
    }

    /// Whether the other one says nothing more: why a place was refused is all the
    /// same.
    fn says(&self, other: &Self) -> bool {
        let is_same = self.kind == other.kind && self.path == other.path;
        is_same && (self.kind == Kind::Unseen || self.what == other.what)
    }

    /// Whether a value was found, and not only a place that could not be searched.
    #[must_use]
    pub fn is_value(&self) -> bool {
        self.kind == Kind::Value
    }
}

impl Traces {
    /// Adds what another user saw. Of what could not be searched only that goes which
    /// the other did search: below what neither could enter, each saw other places.
    fn join(&mut self, others: &Self) {
        let mine = mem::take(&mut self.left);
        for (traces, by) in [(&mine, &others.left), (&others.left, &mine)] {
            for trace in traces {
                let is_left = trace.kind != Kind::Unseen || trace.is_unseen_by(by);
                if is_left && !self.left.iter().any(|known| known.says(trace)) {
                    self.left.push(trace.clone());
                }
            }
        }
        self.files = self.files.max(others.files);
        self.unopened = self.unopened.max(others.unopened);
        self.beyond = self.beyond.max(others.beyond);
        self.is_stopped |= others.is_stopped;
    }

    /// Takes out what `remove` removes, and returns that. A file that could not be
    /// searched cannot be removed for what it may hold.
    #[must_use]
    pub fn settle(&mut self, remove: &dyn Fn(&Path) -> bool) -> Vec<Trace> {
        let is_gone = |trace: &mut Trace| trace.is_value() && remove(&trace.path);
        self.left.extract_if(.., is_gone).collect()
    }
}

/// Removes a file that changed since setup began, if nobody has yet: it may hold
/// several values. What is older may be the host's.
pub fn remove(path: &Path, places: &[Place]) -> bool {
    let stat = match lstat(path) {
        Ok(stat) => stat,
        Err(errno) => return errno == Errno::ENOENT,
    };
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mount = open(path, flags, Mode::empty()).and_then(Mount::of);
    let mut marks = places.iter().filter_map(|place| place.mark);
    marks.any(|mark| mount.is_ok_and(|mount| mark.is_for(mount)) && mark.may_be_before(&stat))
        && fs::remove_file(path).is_ok()
}

/// Three counts, then for each trace the letter of its kind and three fields that
/// end with a NUL.
fn encode(traces: &Traces) -> Vec<u8> {
    let mut bytes = Vec::new();
    for count in [traces.files, traces.unopened, traces.beyond] {
        bytes.extend(count.to_le_bytes());
    }
    for trace in &traces.left {
        bytes.push(trace.kind.letter());
        for field in [
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
        let Some((letter, path)) = fields.next()?.split_first() else {
            return Some(traces);
        };
        let kind = Kind::of(*letter)?;
        traces.left.push(Trace {
            path: PathBuf::from(OsString::from_vec(path.to_vec())),
            shown: text(fields.next()?),
            what: text(fields.next()?),
            kind,
        });
    }
}

#[cfg(test)]
mod tests;
