//! `vestibule scan`: is a mounted secret in these files, in any form.
//!
//! In: every secret that `collect` finds, permitted or not, and paths. Out: the
//! findings as text or as one JSON object; 0 clean, 1 found.
//!
//! **Never:** a value; a 0 although something could not be searched, or nothing
//! was searched for.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::cli::Options;
use crate::collect::container::Container;
use crate::collect::{policy_file, secrets};
use crate::exit::Exit;
use crate::init::signals::Signal;
use crate::json::Value;
use crate::report::{Fault, Reporter, answer, answer_json, boxed, escape, list, quote, said};
use crate::seal::scan::{
    self, COUNTED, Counted, Counts, End, Finding, HELPERS, Limits, Report, Root, Trouble, masked,
};
use crate::search::Searcher;
use crate::sys::real_path::real_path;
use crate::sys::signal::{self, SignalSet};

/// A search that takes longer than this says how far it is, again and again.
const SILENCE: Duration = Duration::from_secs(5);
/// The exit code for findings, as grep's and diff's: not an error of ours.
const FOUND: u8 = 1;

/// Searches, answers and returns the exit code.
#[must_use]
pub fn answer_with(options: &Options, paths: &[PathBuf]) -> u8 {
    let report = options.report;
    match prepare(options, paths) {
        Ok((roots, searcher, directories)) => {
            for name in searcher.unsearchable() {
                report.warning(&ScanFault::Short(name.clone()));
            }
            search(options, &roots, &searcher, directories)
        }
        Err(faults) => report.refusals(&faults).code(),
    }
}

/// Why nothing, or not everything, is searched.
enum ScanFault {
    Absent(Vec<u8>, Errno),
    NoSecret(Vec<PathBuf>),
    Short(String),
    HelperLost,
}

impl Fault for ScanFault {
    fn what(&self) -> String {
        match self {
            Self::Absent(_, Errno::ENOENT) => "there is no such file or directory".into(),
            Self::Absent(_, errno) => format!("cannot look at it: {}", said(*errno)),
            Self::NoSecret(_) => "there is no secret to look for".into(),
            Self::Short(name) => format!(
                "secret {} is not searched for: it has less than 8 bytes",
                quote(name)
            ),
            Self::HelperLost => "a process of the scan ended early".into(),
        }
    }

    fn place(&self) -> String {
        match self {
            Self::Absent(path, _) => quote(path),
            Self::NoSecret(searched) => {
                let searched: Vec<String> = searched
                    .iter()
                    .map(|path| quote(path.as_os_str().as_bytes()))
                    .collect();
                format!("secret directories {}", list(&searched))
            }
            Self::Short(_) => "so short a value occurs by chance".into(),
            Self::HelperLost => "what it had not searched yet is unknown".into(),
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Absent(..) => "name paths that are there".into(),
            Self::NoSecret(_) => {
                "mount the secrets, of 8 bytes or more, or name their directories by `--policy`"
                    .into()
            }
            Self::Short(_) => "use a longer value, or look for it by hand".into(),
            Self::HelperLost => "give it more memory and scan again".into(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Absent(..) | Self::NoSecret(_) | Self::Short(_) => Exit::Policy,
            Self::HelperLost => Exit::System,
        }
    }
}

type Prepared = (Vec<Root>, Searcher, Vec<PathBuf>);

fn prepare(options: &Options, paths: &[PathBuf]) -> Result<Prepared, Vec<Box<dyn Fault>>> {
    let container = Container::take_own();
    let profile = options.profile.as_deref();
    let policy = policy_file::read(options.policy.as_deref(), profile, &container)?;
    let (vault, places) = secrets(policy.as_ref(), &container)
        .map_err(|faults| faults.into_iter().map(boxed).collect::<Vec<_>>())?;
    let searcher = Searcher::new(&mut vault.values());
    if searcher.is_empty() {
        return Err(vec![boxed(ScanFault::NoSecret(places))]);
    }
    let faults: Vec<Box<dyn Fault>> = paths
        .iter()
        .filter_map(|path| Some((path, nix::sys::stat::stat(path.as_path()).err()?)))
        .map(|(path, errno)| {
            let shown = masked(path.as_os_str().as_bytes(), &searcher);
            boxed(ScanFault::Absent(shown, errno))
        })
        .collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut directories = Vec::new();
    for path in paths {
        directories.extend(places.iter().filter_map(|secret| below(path, secret)));
    }
    let roots = paths.iter().map(|path| Root {
        follow: true,
        ..Root::new(path.clone())
    });
    Ok((roots.collect(), searcher, directories))
}

/// How a walk from `root` will call a secret directory that it comes to.
fn below(root: &Path, secret: &Path) -> Option<PathBuf> {
    let (real_root, real_secret) = (real_path(root).ok()?, real_path(secret).ok()?);
    if real_root.starts_with(&real_secret) {
        return Some(root.to_path_buf());
    }
    let rest = real_secret.strip_prefix(&real_root).ok()?;
    Some(root.join(rest))
}

fn search(options: &Options, roots: &[Root], searcher: &Searcher, directories: Vec<PathBuf>) -> u8 {
    let report = options.report;
    let mut said = Instant::now();
    let mut ended_by = None;
    // Signals are blocked since the program began: they are asked for instead.
    let ends = [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM];
    let others = ends
        .iter()
        .fold(SignalSet::ALL, |set, end| set.without(end.number()));
    let ends = SignalSet(!others.0);
    let watch = &mut |counts: &Counts| {
        if said.elapsed() >= SILENCE {
            said = Instant::now();
            say_progress(report, counts);
        }
        ended_by = signal::wait(ends, Some(Duration::ZERO)).map(|arrival| arrival.signal);
        match ended_by {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    };
    let found = scan::scan(
        roots,
        searcher,
        scan::Options {
            limits: Limits::default(),
            secret_directories: directories,
            helpers: HELPERS,
            watch,
        },
    );
    if let (End::Stopped, Some(signal)) = (found.end, ended_by) {
        return signal.saturating_add(128);
    }
    if options.json {
        answer_json(&to_json(&found, searcher));
    } else {
        answer(&to_text(&found, searcher));
    }
    match found.end {
        End::HelperLost => report.refusal(&ScanFault::HelperLost).code(),
        End::Stopped | End::Complete if found.is_clean() => 0,
        End::Stopped | End::Complete => FOUND,
    }
}

fn say_progress(report: Reporter, counts: &Counts) {
    let (files, bytes) = (counts.of(Counted::Files), counts.of(Counted::Bytes));
    let text = format!("scan: {files} files, {} MB so far", bytes / 1_000_000);
    report.note(
        "scan",
        &text,
        &[("files", files.into()), ("bytes", bytes.into())],
    );
}

fn to_text(report: &Report, searcher: &Searcher) -> String {
    let mut rows = Vec::new();
    for finding in &report.findings {
        rows.push([
            escape(finding.secret.as_bytes()),
            finding.form.word().to_owned(),
            finding.place.word().to_owned(),
            place_of(finding, searcher),
        ]);
    }
    for missed in &report.missed {
        rows.push([
            "?".to_owned(),
            "not searched".to_owned(),
            reason(missed.trouble),
            escape(&missed.shown(searcher)),
        ]);
    }
    let mut widths = [0; 3];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let [secret, form, place] = widths;
    let mut text = String::new();
    for [a, b, c, d] in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{a:secret$}  {b:form$}  {c:place$}  {d}");
    }
    let _ = writeln!(text, "{}", summary(report));
    text
}

/// The path, with the byte or the attribute.
fn place_of(finding: &Finding, searcher: &Searcher) -> String {
    let mut place = escape(&finding.shown(searcher));
    let detail = escape(&finding.shown_detail(searcher));
    if !detail.is_empty() {
        let _ = write!(place, " {detail}");
    }
    let _ = write!(place, " at {}", finding.offset);
    place
}

fn reason(trouble: Trouble) -> String {
    match trouble {
        Trouble::Unreadable(errno) => said(errno),
        Trouble::Limit(limit) => limit.word().to_owned(),
    }
}

fn summary(report: &Report) -> String {
    let count = |counted| report.counts.of(counted);
    let mut text = if report.is_clean() {
        String::from("clean: ")
    } else {
        let found = u64::try_from(report.findings.len()).unwrap_or(u64::MAX);
        let missed = report.missed.len();
        let found = found.saturating_add(count(Counted::Unlisted));
        format!("found {found}, not searched {missed}: ")
    };
    let _ = write!(
        text,
        "{} files, {} directories, {} links, {} MB",
        count(Counted::Files),
        count(Counted::Directories),
        count(Counted::Links),
        count(Counted::Bytes) / 1_000_000,
    );
    for (counted, words) in [
        (Counted::SecretFiles, "files of secret directories left out"),
        (Counted::OtherMounts, "other mounts not entered"),
        (Counted::Special, "special files not opened"),
        (Counted::Unlisted, "findings not listed"),
    ] {
        if count(counted) > 0 {
            let _ = write!(text, "; {} {words}", count(counted));
        }
    }
    let unopened: Vec<String> = unopened(report)
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    if !unopened.is_empty() {
        let _ = write!(text, "; not opened: {}", list(&unopened));
    }
    text
}

fn unopened(report: &Report) -> impl Iterator<Item = (&'static str, u64)> {
    let unopened = COUNTED.iter().filter(|counted| counted.is_unopened());
    let counts = unopened.map(|counted| (counted.word(), report.counts.of(*counted)));
    counts.filter(|(_, count)| *count > 0)
}

fn to_json(report: &Report, searcher: &Searcher) -> Value {
    let findings = report.findings.iter().map(|finding| {
        let detail = finding.shown_detail(searcher);
        let attribute = (!detail.is_empty()).then(|| text_of(&detail));
        Value::Object(vec![
            ("secret", finding.secret.as_str().into()),
            ("form", finding.form.word().into()),
            ("place", finding.place.word().into()),
            ("path", text_of(&finding.shown(searcher)).into()),
            ("attribute", attribute.into()),
            ("offset", finding.offset.into()),
        ])
    });
    let missed = report.missed.iter().map(|missed| {
        Value::Object(vec![
            ("path", text_of(&missed.shown(searcher)).into()),
            ("reason", reason(missed.trouble).into()),
        ])
    });
    let counts = COUNTED.iter().map(|counted| {
        let count = report.counts.of(*counted);
        (counted.word(), count.into())
    });
    Value::Object(vec![
        ("clean", report.is_clean().into()),
        ("findings", findings.collect()),
        ("not_searched", missed.collect()),
        ("too_short", searcher.unsearchable().into()),
        ("counts", Value::Object(counts.collect())),
    ])
}

/// A path in JSON: itself, or escaped where it is no UTF-8.
fn text_of(path: &[u8]) -> String {
    let whole = OsStr::from_bytes(path).to_str();
    whole.map_or_else(|| escape(path), ToOwned::to_owned)
}
