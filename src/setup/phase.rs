//! The setup phase from its first command to the closed door.
//!
//! In: the rules, the values, and what an earlier start still owes. Out: a
//! `SetupGone`; or an exit code, with every reason said and no main.
//!
//! **Never:** a command on ground that an earlier main could have prepared; a
//! value that is still here when main's process begins.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Instant;

use nix::unistd::getpid;

use super::command::Starter;
use super::fault::SetupFault;
use super::ground::Ground;
use super::home::Home;
use super::own_program::{mint, revoke};
use super::relay::Masking;
use super::work::{Ended, Work};
use crate::collect::accounts::Identity;
use crate::collect::setup::SetupMaterial;
use crate::policy::{CommandRule, Confinement, Home as HomeRule, Reuse, SealRules, SetupRules};
use crate::report::{Reporter, boxed, quote};
use crate::seal::close::{Seal, SetupGone};
use crate::seal::journal::{self, Journal, Owed, State};
use crate::seal::kernel_objects::Snapshot;
use crate::seal::kill;
use crate::seal::places::{self, Place};
use crate::seal::since::Mark;
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
    /// How strictly secrets must be out of its commands' reach.
    pub confinement: Confinement,
    /// The policy's file, for messages.
    pub policy: String,
    /// What the caller's signals and limits were.
    pub caller: Caller,
    /// Where messages go.
    pub report: Reporter,
}

/// What is to be done about setup in this start.
pub enum Need {
    /// Run it.
    Run,
    /// `skip_if` holds.
    Skip,
    /// An earlier start did not come to its end.
    Owed(Owed),
}

impl Need {
    /// Looks for a journal first: what it says counts more than `skip_if`.
    #[must_use]
    pub fn of(rules: &SetupRules) -> Self {
        let directory = rules.directory.as_ref().map(|(path, _)| path.as_path());
        if let Some(owed) = journal::find(directory) {
            Self::Owed(owed)
        } else if rules.skip_if.as_ref().is_some_and(|path| path.exists()) {
            Self::Skip
        } else {
            Self::Run
        }
    }
}

impl Phase<'_> {
    /// Does what is needed.
    pub fn carry_out(self, need: Need) -> Result<SetupGone, Ended> {
        if getpid().as_raw() != 1 {
            let place = self.place();
            return Err(SetupFault::NotFirst { place }.into());
        }
        match need {
            Need::Skip => {
                let text = "setup is skipped: `skip_if` is there";
                self.report.note("setup", text, &[("state", "skip".into())]);
                Ok(SetupGone::never_was())
            }
            Need::Run => self.run(),
            Need::Owed(owed) => self.make_up_for(owed),
        }
    }

    fn place(&self) -> String {
        format!("{} at {}", self.policy, self.rules.place)
    }

    /// An earlier start ended within setup or its seal. Nothing of it runs any
    /// more, but its files are there.
    fn make_up_for(self, owed: Owed) -> Result<SetupGone, Ended> {
        let text =
            "an earlier start ended before its seal: everything that can be written is searched";
        self.report.note("setup", text, &[("state", "owed".into())]);
        let is_complete = owed.state == Some(State::Refused);
        if !is_complete && self.rules.reuse == Reuse::Refused {
            self.clear_directory(&owed);
        }
        let seal = self.seal_of(None, places::writable(), None);
        let gone = seal.close(owed.into_journal(), &mut || Ok(()));
        let gone = gone.map_err(Ended::Refused)?;
        // What the seal had refused is gone by now, and setup had been through.
        if is_complete { Ok(gone) } else { self.run() }
    }

    /// What an unfinished setup left in its directory, which was empty before.
    fn clear_directory(&self, owed: &Owed) {
        let Some((directory, _)) = &self.rules.directory else {
            return;
        };
        let journal = directory.join(journal::FILE);
        if let Ok(mark) = Mark::of_file(&journal)
            && !owed.directories.is_empty()
        {
            let _: Wiped = empty(directory, &mark);
        }
    }

    fn run(mut self) -> Result<SetupGone, Ended> {
        self.judge_ground()?;
        let until = self
            .rules
            .timeout
            .and_then(|timeout| Instant::now().checked_add(timeout));
        let directories = self.rules.directory.iter().map(|(path, _)| path.clone());
        let places = places::writable();
        let objects = Snapshot::take();
        let beside = self
            .rules
            .directory
            .as_ref()
            .map_or(Path::new("/"), |(path, _)| path.as_path());
        let journal = Journal::begin(beside, &directories.collect::<Vec<_>>())
            .map_err(|fault| Ended::Refused(vec![boxed(fault)]))?;
        let home = Home::make(&self.setup)?;
        match self.run_commands(&home, until) {
            Ok(()) => {}
            Err(ended) => {
                self.give_up(&home, &places);
                return Err(ended);
            }
        }
        let starter = self.starter(&home);
        let seal = self.seal_of(Some(home), places, Some(objects));
        let mut revoke = || revoke(&starter, self.seal, &self.material);
        seal.close(journal, &mut revoke).map_err(Ended::Refused)
    }

    /// Ends everything and takes away what it wrote; the search is owed by the
    /// next start, which finds the journal.
    fn give_up(&self, home: &Home, places: &[Place]) {
        if let Err(fault) = kill::everything(Some(self.setup.uid)) {
            self.report.warning(&fault);
        }
        let _ = home.remove(&self.setup);
        if self.rules.reuse == Reuse::Refused
            && let Some((directory, _)) = &self.rules.directory
        {
            let marks = places.iter().filter_map(|place| place.mark.as_ref());
            for mark in marks {
                let _: Wiped = empty(directory, mark);
            }
        }
    }

    /// Refuses what an earlier main could have prepared.
    fn judge_ground(&self) -> Result<(), Ended> {
        if self.rules.reuse == Reuse::Trusted {
            return Ok(());
        }
        let faults = match &self.rules.directory {
            Some((directory, _)) => {
                let path = self.material.commands.first();
                let path = path.and_then(|command| command.environment.search_path());
                let ground = Ground {
                    directory,
                    has_private_home: self.rules.home == HomeRule::Private,
                    path: path.unwrap_or(OsStr::new(DEFAULT_PATH)),
                    main: &self.main,
                };
                ground.faults()
            }
            None => Vec::new(),
        };
        if faults.is_empty() {
            return Ok(());
        }
        Err(Ended::Refused(faults.into_iter().map(boxed).collect()))
    }

    fn run_commands(&mut self, home: &Home, until: Option<Instant>) -> Result<(), Ended> {
        let starter = self.starter(home);
        mint(&starter, &mut self.material, self.rules)?;
        let mut all = self.material.all.iter();
        let mut all = all.by_ref().map(|(name, value)| (name.as_str(), value));
        let masking = Masking::new(&mut all);
        let commands = std::mem::take(&mut self.material.commands);
        for (number, (rule, material)) in (1_u64..).zip(self.rules.commands.iter().zip(commands)) {
            self.say_command(number, rule);
            let work = Work {
                rules: self.rules,
                values: &self.material.values,
                starter: &starter,
                home,
                rule,
                masking: &masking,
                until,
            };
            let ended = work.run(material);
            // Before the next one, whatever became of this one.
            kill::everything(Some(self.setup.uid))
                .map_err(|fault| Ended::Refused(vec![boxed(fault)]))?;
            ended?;
        }
        Ok(())
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

    fn starter(&self, home: &Home) -> Starter {
        let place = self.place();
        let (directory, place) = match &self.rules.directory {
            Some((path, at)) => (path.clone(), format!("{} at {at}", self.policy)),
            None => (home.path.clone(), place),
        };
        Starter {
            identity: self.setup.clone(),
            directory: (directory, place),
            confinement: self.confinement,
            policy: self.policy.clone(),
            caller: self.caller,
            report: self.report,
        }
    }

    fn seal_of(
        &self,
        home: Option<Home>,
        places: Vec<Place>,
        objects: Option<Snapshot>,
    ) -> Seal<'_> {
        Seal {
            rules: self.seal,
            setup: &self.setup,
            homes: vec![self.main.home.clone(), self.setup.home.clone()],
            home,
            places,
            objects,
            dropped: &self.material.dropped,
            secret_directories: &self.material.directories,
            report: self.report,
        }
    }
}
