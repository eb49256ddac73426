//! The setup phase from its first command to the closed door.
//!
//! In: the rules, the values, and what an earlier start still owes. Out: a
//! `SetupGone`; or an exit code, with every reason said and no main.
//!
//! **Never:** a command on ground that an earlier main could have prepared; a
//! value that is still here when main's process begins.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use nix::unistd::getpid;

use super::before::Before;
use super::command::Starter;
use super::fault::SetupFault;
use super::ground;
use super::home::Home;
use super::need::{Need, exists};
use super::own_program::{mint, revoke};
use super::relay::Masking;
use super::remains::{self, By};
use super::work::{Ended, Work};
use crate::collect::accounts::Identity;
use crate::collect::replaceable::Trusted;
use crate::collect::setup::SetupMaterial;
use crate::policy::{CommandRule, Confinement, SealRules, SetupRules};
use crate::report::{Reporter, quote};
use crate::seal::as_user::ask;
use crate::seal::close::{Seal, SetupGone};
use crate::seal::journal::{self, Doubt, Journal, JournalFault, Memory, Owed, State};
use crate::seal::kernel_objects::{
    MESSAGE_QUEUES, Older, Remover, SYSTEM_V_OBJECTS, Snapshot, unlisted,
};
use crate::seal::kill;
use crate::seal::places::{self, Place};
use crate::seal::since::{Mark, mount_of};
use crate::seal::stop;
use crate::seal::wipe::{Wiped, empty};
use crate::start::Caller;

/// Where programs are looked for when nobody says.
pub(super) const DEFAULT_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Everything that the phase needs.
pub struct Phase<'a> {
    /// What to run.
    pub rules: &'a SetupRules,
    /// What closes it.
    pub seal: &'a SealRules,
    /// As whom its commands run.
    pub setup: Identity,
    /// As whom main will run.
    pub main: Identity,
    /// Its values.
    pub material: SetupMaterial,
    /// What it must not open to main.
    pub trusted: Option<Trusted>,
    /// How strictly secrets must be out of its commands' reach.
    pub confinement: Confinement,
    /// The policy's file, for messages.
    pub policy: String,
    /// What the caller's signals and limits were.
    pub caller: Caller,
    /// Where messages go.
    pub report: Reporter,
}

/// The moment before setup began on the mount that this directory is on.
fn began_in(directory: &Path, memory: &Memory) -> Option<Mark> {
    let mount = mount_of(directory).ok()?;
    let mut points = memory.marks.iter().map(|(point, _)| point);
    let point = points.find(|point| mount_of(point).is_ok_and(|found| found == mount))?;
    Mark::at(point, memory.began(point)?).ok()
}

impl Phase<'_> {
    /// Does what is needed.
    pub fn carry_out(mut self, need: Need) -> Result<SetupGone, Ended> {
        if getpid().as_raw() != 1 {
            let place = self.place();
            return Err(SetupFault::NotFirst { place }.into());
        }
        let report = self.report;
        if matches!(need, Need::Skip) {
            let text = "setup is skipped: `skip_if` is there";
            report.note("setup", text, &[("state", "skip".into())]);
            return Ok(SetupGone::never_was());
        }
        let before = self.hold()?;
        let gone = match need {
            Need::Owed(owed) => self.make_up_for(*owed, &before),
            Need::Doubt(doubt) => self.look_again(doubt, &before),
            Need::Run | Need::Skip => self.run(&before),
        }?;
        stop::discard_others(report);
        // Main would be made only to be ended.
        stop::heed()?;
        Ok(gone)
    }

    fn place(&self) -> String {
        format!("{} at {}", self.policy, self.rules.place)
    }

    fn hold(&mut self) -> Result<Rc<Before>, SetupFault> {
        let rules = (self.rules, self.seal);
        let users = [&self.main, &self.setup];
        let trusted = self.trusted.take();
        Before::hold(trusted, users, &self.material, rules, &self.policy).map(Rc::new)
    }

    /// Setup is skipped, and may have taken its journal away. What is older is not
    /// known, so the values alone are looked for, and found ones count.
    fn look_again(&self, doubt: Doubt, before: &Rc<Before>) -> Result<SetupGone, Ended> {
        let why = doubt.word();
        let text = format!(
            "setup is skipped: `skip_if` is there; all that can be written is searched, as {why}"
        );
        self.report.note(
            "setup",
            &text,
            &[("state", "doubt".into()), ("why", why.into())],
        );
        for (secret, place) in &self.material.unknown {
            self.report.warning(&SetupFault::Unsearched {
                place: place.clone(),
                secret: secret.clone(),
            });
        }
        let mut seal = self.seal_of(Vec::new(), self.places(), Snapshot::take(), before);
        seal.is_certain = false;
        seal.look_again()
    }

    /// An earlier start ended within setup or its seal. Nothing of it runs any
    /// more, but its files are there.
    fn make_up_for(self, owed: Owed, before: &Rc<Before>) -> Result<SetupGone, Ended> {
        // Effect: owed work.
        let text =
            "an earlier start ended before its seal: everything that can be written is searched";
        self.report.note("setup", text, &[("state", "owed".into())]);
        // A directory without its journal is another one by now, such as a tmpfs.
        let is_lost = self.rules.directory.is_some() && owed.is_of_layer();
        let is_complete = owed.is_complete() && !is_lost;
        let is_revoked = owed.state != Some(State::RefusedUnrevoked);
        if !is_complete {
            if let Some((directory, _)) = &self.rules.directory
                && owed.memory.directories.contains(directory)
            {
                remains::restore(directory, &self.setup);
            }
            if self.needs_clean_ground() {
                self.clear_directory(&owed);
            }
        }
        let homes = owed.memory.homes.iter();
        let homes: Vec<Home> = homes
            .filter_map(|since| Home::left(since, &self.setup))
            .collect();
        let remover = self.remover(owed.is_certain);
        let objects = Snapshot::owed(self.setup.uid, owed.memory.older.as_ref(), remover);
        let mut seal = self.seal_of(homes, self.places_of(&owed), objects, before);
        seal.is_certain = owed.is_certain;
        let gone = seal.close(owed.into_journal(&self.setup), &mut || {
            if is_revoked {
                return Ok(());
            }
            revoke(&self.starter(None, before), self.seal, &self.material)
        })?;
        // What the seal had refused is gone by now, and setup had been through.
        if is_complete {
            Ok(gone)
        } else {
            self.run(before)
        }
    }

    /// By another's word no object goes but what that one could remove as well.
    fn remover(&self, is_certain: bool) -> Remover {
        if is_certain || self.setup.uid == self.main.uid {
            Remover::Anyone
        } else if self.setup.uid == 0 {
            Remover::Nobody
        } else {
            Remover::Setup
        }
    }

    /// Where setup can write, as the mounts were before it began.
    fn places(&self) -> Vec<Place> {
        let directory = self.rules.directory.as_ref().map(|(path, _)| path);
        let usual = ["/var/tmp", "/tmp"].map(Path::new);
        let homes = [&self.setup.home, &self.main.home];
        let others = directory.into_iter().chain(homes).map(PathBuf::as_path);
        let others: Vec<&Path> = others.chain(usual).collect();
        let mut places = places::writable(&self.setup, &others);
        // A secret's file may be a mount of its own, and is no trace.
        places.retain(|place| !self.material.files.contains(&place.path));
        places
    }

    /// The same, as they were before the setup of an earlier start. Without any
    /// moment nothing can have run: the journal was not whole yet.
    fn places_of(&self, owed: &Owed) -> Vec<Place> {
        let mut places = self.places();
        if !owed.memory.marks.is_empty() {
            for place in &mut places {
                let began = owed.memory.began(&place.path);
                place.mark = began.and_then(|began| Mark::at(&place.path, began).ok());
            }
        }
        places
    }

    /// What an unfinished setup left in its directory, which was empty before.
    fn clear_directory(&self, owed: &Owed) {
        let Some((directory, _)) = &self.rules.directory else {
            return;
        };
        // Who writes to the directory could forge what the journal says, and not
        // the time at which its file was written.
        let of_file = || Mark::of_file(&directory.join(journal::FILE));
        let is_ours = of_file().is_ok() || owed.is_of_layer();
        let mark = || match of_file() {
            Ok(mark) => (!owed.memory.directories.is_empty()).then_some(mark),
            Err(_) => began_in(directory, &owed.memory),
        };
        let by = if is_ours { By::All } else { By::Users };
        if let Some(mark) = mark() {
            remains::clear(directory, &[mark], by, &self.setup, self.report);
        } else {
            // PID 1 may be kept out of what is above the directory; setup's user is not.
            let clear = || {
                if let Some(mark) = mark() {
                    let _: Wiped = empty(directory, &mark, self.report);
                }
                Vec::new()
            };
            let _ = ask(&self.setup, &clear);
        }
    }

    fn run(mut self, before: &Rc<Before>) -> Result<SetupGone, Ended> {
        // Effect: ground judged.
        let faults = ground::faults(self.rules, &self.material, &self.setup, &self.main);
        if !faults.is_empty() {
            return Err(Ended::Refused(faults));
        }
        let until = self
            .rules
            .timeout
            .and_then(|timeout| Instant::now().checked_add(timeout));
        let places = self.places();
        let objects = Snapshot::take();
        self.say_unlisted();
        // Effect: home made.
        let home = Home::make(&self.setup)?;
        // Effect: journal begun.
        let journal = match self.begin_journal(&home, &places) {
            Ok(journal) => journal,
            Err(fault) => {
                let _ = home.remove(&self.setup, self.report);
                return Err(fault.into());
            }
        };
        let starter = self.starter(Some(&home), before);
        match self.run_commands(&starter, &home, until) {
            Ok(()) => {}
            Err(ended) => {
                self.give_up(&home, &places, &objects);
                return Err(ended);
            }
        }
        let seal = self.seal_of(vec![home], places, objects, before);
        seal.close(journal, &mut || revoke(&starter, self.seal, &self.material))
    }

    /// Notes what is about to begin. The home is there and empty already, so that
    /// the journal can name it.
    fn begin_journal(&self, home: &Home, places: &[Place]) -> Result<Journal, JournalFault> {
        let directory = self
            .rules
            .directory
            .as_ref()
            .map(|(path, _)| path.as_path());
        let marks = places.iter().filter_map(|place| {
            let began = place.mark.as_ref()?.began();
            Some((place.path.clone(), began))
        });
        let memory = Memory {
            directories: directory
                .filter(|path| exists(path, &self.setup))
                .iter()
                .map(|path| path.to_path_buf())
                .collect(),
            homes: vec![home.since()],
            marks: marks.collect(),
            older: Some(Older::of(self.setup.uid)),
        };
        Journal::begin(directory, memory, &self.setup)
    }

    /// Ends everything and takes away what it wrote; the search is owed by the
    /// next start, which finds the journal.
    fn give_up(&self, home: &Home, places: &[Place], objects: &Snapshot) {
        // What outlasted the first kill has been told, and has had its time.
        let _ = kill::everything_again(Some(self.setup.uid));
        let _ = home.remove(&self.setup, self.report);
        // The next start may be in the same namespace; what is left is owed by it.
        let _ = objects.clear(&self.setup);
        if self.needs_clean_ground()
            && let Some((directory, _)) = &self.rules.directory
        {
            let marks: Vec<Mark> = places.iter().filter_map(|place| place.mark).collect();
            remains::clear(directory, &marks, By::All, &self.setup, self.report);
        }
    }

    fn needs_clean_ground(&self) -> bool {
        ground::is_needed(self.rules)
    }

    fn run_commands(
        &mut self,
        starter: &Starter,
        home: &Home,
        until: Option<Instant>,
    ) -> Result<(), Ended> {
        // Effect: secrets minted.
        let minted = mint(starter, &mut self.material);
        stop::heed()?;
        minted?;
        let mut all = self.material.all.iter();
        let mut all = all.by_ref().map(|(name, value)| (name.as_str(), value));
        let masking = Masking::new(&mut all);
        let commands = std::mem::take(&mut self.material.commands);
        for (number, (rule, material)) in (1_u64..).zip(self.rules.commands.iter().zip(commands)) {
            self.say_command(number, rule);
            let work = Work {
                rules: self.rules,
                values: &self.material.values,
                starter,
                home,
                rule,
                masking: &masking,
                until,
            };
            work.run(material)?;
            stop::heed()?;
        }
        Ok(())
    }

    /// What commands cannot make here, for `-v`: one that needs it says less.
    fn say_unlisted(&self) {
        let unlisted = unlisted();
        for (is_unlisted, kind, list) in [
            (unlisted.queues, "POSIX message queues", MESSAGE_QUEUES),
            (unlisted.objects, "System V objects", SYSTEM_V_OBJECTS),
        ] {
            if is_unlisted {
                let text = format!("setup can make no {kind}: {list} does not list them");
                let fields = [("kind", kind.into()), ("list", list.into())];
                self.report.detail(1, "objects", &text, &fields);
            }
        }
    }

    fn say_command(&self, number: u64, rule: &CommandRule) {
        let (program, uid) = (rule.argv.first().cloned(), self.setup.uid);
        let named = quote(program.as_deref().unwrap_or_default());
        let at = rule.place.to_string();
        let text = format!("setup: command {number}, {named} at {at}, as uid {uid}");
        let fields = [
            ("command", number.into()),
            ("program", program.into()),
            ("rule", at.into()),
            ("uid", uid.into()),
        ];
        self.report.detail(1, "command", &text, &fields);
    }

    fn starter(&self, home: Option<&Home>, before: &Rc<Before>) -> Starter {
        let (directory, place) = if let Some((path, at)) = &self.rules.directory {
            (path.clone(), format!("{} at {at}", self.policy))
        } else {
            let home = home.map_or_else(|| "/".into(), |home| home.path.clone());
            (home, self.place())
        };
        Starter {
            identity: self.setup.clone(),
            directory: (directory, place),
            opened: None,
            before: before.clone(),
            confinement: self.confinement,
            policy: self.policy.clone(),
            caller: self.caller,
            unlisted: unlisted(),
            report: self.report,
        }
    }

    fn seal_of(
        &self,
        private: Vec<Home>,
        places: Vec<Place>,
        objects: Snapshot,
        before: &Rc<Before>,
    ) -> Seal<'_> {
        Seal {
            before: before.clone(),
            rules: self.seal,
            setup: &self.setup,
            main: &self.main,
            homes: vec![self.main.home.clone(), self.setup.home.clone()],
            private,
            places,
            is_certain: true,
            objects,
            dropped: &self.material.dropped,
            secret_directories: &self.material.directories,
            report: self.report,
        }
    }
}
