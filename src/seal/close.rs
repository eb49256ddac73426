//! The seal: one way, in this order: kill, wipe, revoke, kill again, search, judge
//! again.
//!
//! In: what setup had and where it could write. Out: a `SetupGone`, without
//! which no main is started; or every trace that is left.
//!
//! **Never:** a step left out because an earlier one failed: all that is wrong
//! is said at once, and the journal keeps the refusal. But what outlasts KILL may
//! wait for a disk: that is not waited for as well.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use super::as_user::ask;
use super::disks;
use super::journal::Journal;
use super::kernel_objects::Snapshot;
use super::kill;
use super::places::Place;
use super::residue::{self, Places, Residue, clean};
use super::stop;
use super::trace::{self, Kind, Search, Trace};
use super::wording::{SLOW, UNSEEN, shown_path, unseen_place};
use crate::collect::accounts::Identity;
use crate::exit::Exit;
use crate::json::Value;
use crate::policy::{OnHit, SealRules};
use crate::report::{Fault, Reporter, boxed};
use crate::search::Searcher;
use crate::setup::before::Before;
use crate::setup::home::Home;
use crate::setup::work::Ended;

/// What to do about a process that ended early.
const AGAIN: &str = "a restart may help; else more memory";

/// As long either search may take, the one for settings and the one for values.
pub(super) const PATIENCE: Duration = Duration::from_hours(1);

/// Setup is over: nothing of it lives, and nothing of its values is left where
/// main could find it. Only `Seal::close` makes one.
#[must_use = "main is started by showing it"]
pub struct SetupGone(());

impl SetupGone {
    /// There was no setup phase.
    pub(crate) fn never_was() -> Self {
        Self(())
    }
}

/// Everything that the seal needs to know.
pub struct Seal<'a> {
    /// What has to hold as it did before setup.
    pub before: Rc<Before>,
    /// What the policy says.
    pub rules: &'a SealRules,
    /// Setup's user.
    pub setup: &'a Identity,
    /// Main's user, who can read what neither root nor setup's user may.
    pub main: &'a Identity,
    /// Home directories to look into: a kept one, and that of main.
    pub homes: Vec<PathBuf>,
    /// Setup's own home, and those of starts that were cut off, to be removed.
    pub private: Vec<Home>,
    /// Where setup could write, with the moment before it began.
    pub places: Vec<Place>,
    /// Whether those moments are certain. If not, a main may have written them
    /// down: what is older is searched as well, and root removes nothing.
    pub is_certain: bool,
    /// The kernel's objects of that moment.
    pub objects: Snapshot,
    /// The dropped values.
    pub dropped: &'a [(String, crate::secret::Secret)],
    /// The directories that hold secrets on purpose.
    pub secret_directories: &'a [PathBuf],
    /// Where messages go.
    pub report: Reporter,
}

/// Something that the seal found, or could not do.
#[derive(Debug)]
enum SealFault {
    Value(Trace),
    Residue(Residue),
    MoreResidues(u64),
    Unseen,
}

impl Seal<'_> {
    /// Closes the door. `revoke` runs the policy's `on_drop`. Whoever asks PID 1
    /// to stop ends it, and the journal says what is still owed.
    pub fn close(
        mut self,
        journal: Journal,
        revoke: &mut dyn FnMut() -> Result<(), Ended>,
    ) -> Result<SetupGone, Ended> {
        let mut faults: Vec<Box<dyn Fault>> = Vec::new();
        // Effect: setup over.
        self.step("kill");
        let mut is_over = self.kill(&mut faults);
        // Effect: traces wiped.
        self.step("wipe");
        self.wipe(&mut faults);
        stop::heed()?;
        // Effect: revoked.
        if !self.rules.on_drop.is_empty() {
            self.step("revoke");
        }
        let is_revoked = match revoke() {
            Ok(()) => true,
            Err(Ended::Refused(more)) => {
                faults.extend(more);
                false
            }
            // The journal stays as it is.
            Err(stopped) => return Err(stopped),
        };
        is_over = if is_over {
            self.kill(&mut faults)
        } else {
            // What outlasted the first kill has been told, and has had its time.
            kill::everything_again(Some(self.setup.uid)).is_ok()
        };
        stop::heed()?;
        // Effect: searched.
        self.step("search");
        self.search(&mut faults);
        stop::heed()?;
        // Effect: judged again.
        faults.extend(self.before.faults());
        // Effect: journal closed.
        let settled = if is_over {
            disks::settle(&self.places, self.users())
        } else {
            Ok(())
        };
        stop::heed()?;
        if faults.is_empty() {
            settled?;
            return Ok(journal.close().map(|()| SetupGone(()))?);
        }
        let refuse = |()| journal.refuse(is_revoked).map_err(boxed);
        if let Err(fault) = settled.map_err(boxed).and_then(refuse) {
            faults.push(fault);
        }
        Err(Ended::Refused(faults))
    }

    /// The search alone, for values alone, where nobody knows whether a setup that
    /// is skipped was sealed. What cannot be searched is a warning: there may never
    /// have been anything.
    pub fn look_again(self) -> Result<SetupGone, Ended> {
        let mut faults: Vec<Box<dyn Fault>> = Vec::new();
        self.step("search");
        for trace in self.search_values(&self.searcher()) {
            if matches!(trace.kind, Kind::Unseen | Kind::Limit) {
                self.report.warning(&SealFault::Value(trace));
            } else {
                self.say(SealFault::Value(trace), &mut faults);
            }
        }
        stop::heed()?;
        if faults.is_empty() {
            Ok(SetupGone(()))
        } else {
            Err(Ended::Refused(faults))
        }
    }

    /// What comes next, for `-v`.
    fn step(&self, step: &str) {
        let text = ["seal: ", step].concat();
        self.report
            .detail(1, "seal", &text, &[("step", step.into())]);
    }

    /// Whether nobody is left.
    fn kill(&self, faults: &mut Vec<Box<dyn Fault>>) -> bool {
        let Err(fault) = kill::everything(Some(self.setup.uid)) else {
            return true;
        };
        faults.push(boxed(fault.shown(&self.searcher())));
        false
    }

    fn wipe(&mut self, faults: &mut Vec<Box<dyn Fault>>) {
        for home in std::mem::take(&mut self.private) {
            let wiped = home.remove(self.setup, self.report);
            if !wiped.is_complete() {
                faults.push(boxed(wiped.shown(&self.searcher())));
            }
        }
        let cleared = self.objects.clear(self.setup);
        if !cleared.is_complete(self.objects.is_shared()) {
            faults.push(boxed(cleared.shown(&self.searcher())));
        }
    }

    fn search(&self, faults: &mut Vec<Box<dyn Fault>>) {
        let searcher = self.searcher();
        // First: a setting is cut out of its file, for a value the file goes.
        self.search_settings(&searcher, faults);
        for trace in self.search_values(&searcher) {
            self.say(SealFault::Value(trace), faults);
        }
    }

    /// What is left of values, and what could not be searched.
    fn search_values(&self, searcher: &Searcher) -> Vec<Trace> {
        let search = Search {
            places: &self.places,
            secret_directories: self.secret_directories,
            everything: !self.is_certain,
            users: self.users(),
            report: self.report,
            patience: PATIENCE,
        };
        let mut traces = search.run(searcher);
        if stop::is_asked() {
            return Vec::new();
        }
        traces.acquit(&self.places, self.setup);
        let text = format!(
            "seal: {} files searched, {} of formats that are not opened, {} older ones out of setup's reach",
            traces.files, traces.unopened, traces.beyond
        );
        let fields = [
            ("files", traces.files.into()),
            ("unopened", traces.unopened.into()),
            ("older", traces.beyond.into()),
        ];
        self.report.detail(1, "searched", &text, &fields);
        if self.rules.on_hit == OnHit::Remove {
            let is_gone = |path: &Path| self.is_done(&|| trace::remove(path, &self.places));
            for trace in traces.settle(&is_gone) {
                self.tell_removed(&SealFault::Value(trace));
            }
        }
        traces.left
    }

    fn searcher(&self) -> Searcher {
        let values = self.dropped.iter();
        Searcher::new(&mut values.map(|(name, value)| (name.as_str(), value)))
    }

    /// Whether a removal succeeds: by us, or by setup's user where root without its
    /// capabilities may not. By a word that main could have forged, no root.
    fn is_done(&self, work: &dyn Fn() -> bool) -> bool {
        let by_setup = || ask(self.setup, &|| vec![u8::from(work())]) == Ok(vec![1]);
        if self.is_certain {
            work() || by_setup()
        } else {
            self.setup.uid != 0 && by_setup()
        }
    }

    /// Who can read what we may not, setup's user first.
    fn users(&self) -> [&'_ Identity; 2] {
        [self.setup, self.main]
    }

    fn search_settings(&self, searcher: &Searcher, faults: &mut Vec<Box<dyn Fault>>) {
        // A file that was mounted by itself is searched for values only.
        let roots = self.places.iter().map(|place| place.path.clone());
        let roots: Vec<PathBuf> = roots.filter(|path| path.is_dir()).collect();
        let marks = self.places.iter().filter_map(|place| place.mark);
        let places = Places {
            roots: &roots,
            homes: &self.homes,
            marks: &marks.collect::<Vec<_>>(),
            report: Some(self.report),
            patience: PATIENCE,
            setup: self.setup,
        };
        if stop::is_asked() {
            return;
        }
        let Ok(found) = residue::look_as(&places, &self.users()) else {
            return self.say(SealFault::Unseen, faults);
        };
        let more = found.more;
        let settled = residue::settle(found, &|residue| {
            self.rules.on_hit == OnHit::Remove && self.is_done(&|| clean(residue).is_ok())
        });
        for residue in settled.cleaned {
            self.tell_removed(&SealFault::Residue(residue.shown(searcher)));
        }
        for residue in settled.kept {
            self.say(SealFault::Residue(residue.shown(searcher)), faults);
        }
        if more != 0 {
            self.say(SealFault::MoreResidues(more), faults);
        }
    }

    /// What the policy lets pass is one line; code that setup planted, which can
    /// get no more than main itself, is a warning.
    fn say(&self, fault: SealFault, faults: &mut Vec<Box<dyn Fault>>) {
        if !fault.is_hit() {
            self.report.warning(&fault);
        } else if self.rules.on_hit == OnHit::Report {
            self.tell_reported(&fault);
        } else {
            faults.push(boxed(fault));
        }
    }

    fn tell_removed(&self, fault: &SealFault) {
        let (text, fields) = fault.told("removed");
        self.report.note("removed", &text, &fields);
    }

    fn tell_reported(&self, fault: &SealFault) {
        let (text, fields) = fault.told("reported");
        self.report.note("reported", &text, &fields);
    }
}

impl SealFault {
    /// A line about it, and the same for machines.
    fn told(&self, action: &str) -> (String, [(&'static str, Value); 2]) {
        let (what, place) = (self.what(), self.place());
        let text = [action, " ", &place, ": ", &what].concat();
        (text, [("what", what.into()), ("where", place.into())])
    }

    fn is_hit(&self) -> bool {
        match self {
            Self::Residue(residue) => residue.kind.is_credential(),
            Self::Value(_) | Self::MoreResidues(_) | Self::Unseen => true,
        }
    }
}

impl Fault for SealFault {
    fn what(&self) -> String {
        match self {
            Self::Value(trace) if trace.is_value() => {
                format!("setup left a secret in a file: {}", trace.what)
            }
            Self::Value(trace) => format!("a file could not be searched: {}", trace.what),
            Self::Residue(residue) => residue.what(),
            Self::MoreResidues(more) => format!("setup left {more} more traces"),
            Self::Unseen => "what setup left could not be looked at as its user".into(),
        }
    }

    fn place(&self) -> String {
        match self {
            Self::Value(trace) if trace.kind == Kind::Unseen => {
                unseen_place(Path::new(&trace.shown))
            }
            Self::Residue(residue) if residue.kind == residue::Kind::Unreadable => {
                unseen_place(&residue.path)
            }
            Self::Value(trace) => shown_path(Path::new(&trace.shown)),
            Self::Residue(residue) => residue.place(),
            Self::MoreResidues(_) | Self::Unseen => "the mounts that setup could write to".into(),
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Value(trace) => match trace.kind {
                Kind::Value => "let the command that wrote it take the credential another way (`\"git\": true`, `env`), or remove the file at its end; `\"on_hit\": \"remove\"` in `seal` does that",
                Kind::Unseen => UNSEEN,
                Kind::Limit => "remove it at the end of setup, or unpack it there: plain files have no limit; `\"on_hit\": \"report\"` in `seal` starts main all the same",
                Kind::Lost => AGAIN,
                Kind::Overran => SLOW,
            },
            Self::Residue(residue) => return residue.remedy(),
            Self::MoreResidues(_) => "mend those that are named, and start again",
            Self::Unseen => AGAIN,
        }
        .into()
    }

    fn exit(&self) -> Exit {
        Exit::Seal
    }
}
