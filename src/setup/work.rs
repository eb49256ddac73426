//! One command of setup with what it may have: variables, git's credentials, an
//! SSH agent, a masked output.
//!
//! In: its rule and its values. Out: its end, with its output passed on.
//!
//! **Never:** a credential after it: all that is left of it is killed.

use std::ffi::{OsStr, OsString};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::unistd::Uid;

use super::command::{Standard, Starter, nothing};
use super::fault::SetupFault;
use super::git::agent::Agent;
use super::git::answer::Password;
use super::git::environment;
use super::git::server::CredentialServer;
use super::home::{self, Home};
use super::phase::DEFAULT_PATH;
use super::relay::{Masking, Relay};
use super::watch::{Watch, Watched};
use crate::collect::setup::CommandMaterial;
use crate::environment::Environment;
use crate::names::SecretName;
use crate::policy::{CommandRule, Home as HomeRule, SetupRules};
use crate::report::{Fault, boxed};
use crate::seal::kill;
use crate::secret::Secret;
use crate::sorted::Map;
use crate::sys::process::{End, executed_path};

/// How long output that was written before the end may take to be passed on.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no main.
pub enum Ended {
    /// For these reasons.
    Refused(Vec<Box<dyn Fault>>),
    /// Somebody asked for it, with this signal.
    Stopped(u8),
}

impl<F: Fault + 'static> From<F> for Ended {
    fn from(fault: F) -> Self {
        Self::Refused(vec![boxed(fault)])
    }
}

/// A command and all that it needs.
pub(super) struct Work<'a> {
    pub(super) rules: &'a SetupRules,
    pub(super) values: &'a Map<SecretName, Secret>,
    pub(super) starter: &'a Starter,
    pub(super) home: &'a Home,
    pub(super) rule: &'a CommandRule,
    pub(super) masking: &'a Masking,
    pub(super) until: Option<Instant>,
}

impl Work<'_> {
    /// Runs the command to its end, and ends all that it leaves.
    pub(super) fn run(&self, material: CommandMaterial) -> Result<(), Ended> {
        self.starter.before.refuse_moved()?;
        // Effect: command run.
        let watched = self.watch(material);
        // Effect: command over.
        // Before the next one, whatever became of this one.
        let killed = kill::everything(Some(self.starter.identity.uid));
        killed.map_err(|fault| self.masking.shown(fault))?;
        let (watched, relay) = watched?;
        relay.finish(PATIENCE);
        self.judge(watched)
    }

    fn watch(&self, material: CommandMaterial) -> Result<(Watched, Relay<'_>), Ended> {
        let CommandMaterial {
            mut environment,
            mut reach,
            late,
        } = material;
        for (variable, name) in &late {
            if let Some(value) = self.values.get(name) {
                // A minted value is a line: it has no NUL, and a limit.
                let _ = environment.bind(variable, value);
            }
        }
        self.furnish(&mut environment);
        let server = self.server(&mut environment)?;
        let agent = self.agent(&mut environment, &mut reach)?;
        let user = Uid::from_raw(self.starter.identity.uid);
        let (relay, ends) =
            Relay::open(self.masking, Some(user)).map_err(system("making pipes"))?;
        let standard = Standard {
            input: nothing(OFlag::O_RDONLY).map_err(system("opening /dev/null"))?,
            output: ends.output,
            error: ends.error,
        };
        let words: Vec<OsString> = self.rule.argv.iter().map(OsString::from).collect();
        let main = self
            .starter
            .start(&words, environment, &mut reach, standard)?;
        let passwords = |name: &SecretName| {
            let value = self.values.get(name)?;
            Some(Password {
                value,
                expires: None,
            })
        };
        let watch = Watch {
            main,
            relay,
            server,
            passwords: &passwords,
            until: self.until,
            report: self.starter.report,
        };
        let watched = watch.until_end().map_err(system("watching a command"))?;
        // It ends with all else; this only says that it is not needed any more.
        drop(agent);
        Ok(watched)
    }

    fn judge(&self, watched: Watched) -> Result<(), Ended> {
        let place = format!("{} at {}", self.starter.policy, self.rule.place);
        let program = self.rule.argv.first().cloned().unwrap_or_default();
        match watched {
            Watched::Ended(End::Exited(0)) => Ok(()),
            Watched::Ended(end) => Err(SetupFault::Failed {
                place,
                program,
                end,
            }
            .into()),
            Watched::Overran => Err(SetupFault::Overran { place, program }.into()),
            Watched::Stopped(signal) => Err(Ended::Stopped(signal)),
        }
    }

    /// Variables that every command has.
    fn furnish(&self, environment: &mut Environment) {
        if self.rules.home == HomeRule::Private {
            environment.retain(&home::is_passed);
            self.home.bind(environment);
        } else {
            let kept = &self.starter.identity.home;
            environment.set(OsStr::new("HOME"), kept.as_os_str());
        }
        if environment.search_path().is_none() {
            environment.set(OsStr::new("PATH"), OsStr::new(DEFAULT_PATH));
        }
    }

    fn server(&self, environment: &mut Environment) -> Result<Option<CredentialServer>, Ended> {
        if !self.rule.git {
            return Ok(None);
        }
        environment.retain(&environment::is_passed);
        let user = self.starter.identity.uid;
        let server = CredentialServer::open_anywhere(user, &self.rules.git)?;
        let vestibule = std::fs::read_link("/proc/self/exe").ok();
        let vestibule = vestibule.or_else(executed_path).unwrap_or_default();
        for (name, value) in environment::variables(&vestibule, server.socket())? {
            environment.set(&name, &value);
        }
        Ok(Some(server))
    }

    fn agent(
        &self,
        environment: &mut Environment,
        reach: &mut crate::collect::reach::Reach,
    ) -> Result<Option<Agent>, Ended> {
        if self.rule.ssh.is_empty() {
            return Ok(None);
        }
        let keys = self.rule.ssh.iter();
        let keys = keys.filter_map(|name| Some((name, self.values.get(name)?)));
        let keys: Vec<(&SecretName, &Secret)> = keys.collect();
        let mut launch = |program| self.starter.start_program(program, reach);
        let agent = Agent::start(&keys, &self.home.path, &mut launch)?;
        let private = (self.rules.home == HomeRule::Private).then_some(self.home.path.as_path());
        for (name, value) in agent.environment(private) {
            environment.set(OsStr::new(name), &value);
        }
        Ok(Some(agent))
    }
}

fn system(step: &'static str) -> impl Fn(nix::errno::Errno) -> SetupFault {
    move |errno| SetupFault::System { step, errno }
}
