//! What every start, and everything that imitates one, begins with.
//!
//! In: the options. Out: the policy, main's identity and all that `collect`
//! finds; or every fault at once.
//!
//! **Never:** a process.

use crate::cli::Options;
use crate::collect::accounts::{Accounts, Identity};
use crate::collect::container::Container;
use crate::collect::fault::{CollectFault, asked_by};
use crate::collect::{Collected, collect, policy_file, replaceable};
use crate::policy::{Place, Policy, SetupRules, UserSpec};
use crate::report::{Fault, boxed};
use crate::run::prepare::{self, Preparation};
use crate::setup::own_program;
use crate::setup::phase::Need;

/// What `collect` finds for these options.
pub struct Gathered {
    /// The policy, if there is one.
    pub policy: Option<Policy>,
    /// Who main is to be, if the policy names a user.
    pub identity: Option<Identity>,
    /// Values, files and names.
    pub collected: Collected,
    /// Whether there is anything to say about secrets.
    pub has_secrets: bool,
    /// As whom setup runs, and what is to be done about it in this start.
    pub setup: Option<(Identity, Need)>,
}

/// Which phases a caller imitates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phases {
    /// Setup, if it is to run, and main.
    All,
    /// Main alone: setup has been.
    MainOnly,
}

/// Reads the policy, resolves the user, collects the secrets.
pub fn gather(options: &Options, phases: Phases) -> Result<Gathered, Vec<Box<dyn Fault>>> {
    let container = Container::from_own();
    // Effect: policy.
    let policy = policy_file::read(
        options.policy.as_deref(),
        options.profile.as_deref(),
        &container,
    )?;
    // Effect: user looked up.
    let user = policy.as_ref().and_then(|policy| policy.run.user.as_ref());
    let identity = resolve(user, policy.as_ref());
    let rules = policy.as_ref().and_then(|policy| policy.setup.as_ref());
    let rules = rules.filter(|_| phases == Phases::All);
    let setup = setup_in(rules, policy.as_ref()).map_err(|fault| vec![boxed(fault)])?;
    let has_work = matches!(setup, Some((_, Need::Run | Need::Owed(_))));
    let working = rules.filter(|_| has_work);
    let collected = collect(policy.as_ref(), &container, working);
    // Effect: faults told.
    match (identity, collected) {
        (Ok(identity), Ok(collected)) => {
            let withholds = collected
                .as_ref()
                .is_some_and(|found| found.reach.withholds);
            // Effect: next start trusted.
            if let Some(error) = prepare::refuse_privileges(policy.as_ref(), withholds) {
                return Err(vec![boxed(error)]);
            }
            let main = identity.clone().unwrap_or_else(Identity::own);
            if withholds {
                refuse_replaceable(policy.as_ref(), &main, "main")?;
                if let Some((setup, _)) = &setup {
                    refuse_replaceable(policy.as_ref(), setup, "setup")?;
                }
            }
            if let (Some(policy), Some(rules), Some((user, _))) = (&policy, working, &setup) {
                let faults = own_program::faults(policy, rules, [(user, "setup"), (&main, "main")]);
                if !faults.is_empty() {
                    return Err(faults);
                }
            }
            let has_secrets = collected.is_some();
            let this_start_only =
                withholds && is_root_on_writable(policy.as_ref(), identity.as_ref());
            let mut collected = collected.unwrap_or_else(|| Collected::bare(&container));
            collected.reach.this_start_only = this_start_only;
            if let Some(identity) = &identity {
                collected.set_home(&identity.home);
            }
            Ok(Gathered {
                policy,
                identity,
                collected,
                has_secrets,
                setup,
            })
        }
        (identity, collected) => {
            let faults = collected
                .err()
                .unwrap_or_default()
                .into_iter()
                .chain(identity.err());
            Err(faults.map(boxed).collect())
        }
    }
}

/// As whom setup runs, by default main's user, and what is to be done about it.
fn setup_in(
    rules: Option<&SetupRules>,
    policy: Option<&Policy>,
) -> Result<Option<(Identity, Need)>, CollectFault> {
    let Some((rules, policy)) = rules.zip(policy) else {
        return Ok(None);
    };
    let user = rules.user.as_ref().or(policy.run.user.as_ref());
    let identity = resolve(user, Some(policy))?;
    let identity = identity.unwrap_or_else(Identity::own);
    let need = Need::of(rules, &identity);
    Ok(Some((identity, need)))
}

fn resolve(
    user: Option<&(UserSpec, Place)>,
    policy: Option<&Policy>,
) -> Result<Option<Identity>, CollectFault> {
    let Some(((user, place), policy)) = user.zip(policy) else {
        return Ok(None);
    };
    let resolved = Accounts::read()
        .resolve(user)
        .map_err(|problem| CollectFault::Account {
            problem,
            asked: asked_by(policy, place),
        })?;
    Ok(Some(resolved))
}

/// Who could change the policy, this binary or the account files could give
/// itself what this start withholds, at the next one.
fn refuse_replaceable(
    policy: Option<&Policy>,
    identity: &Identity,
    who: &'static str,
) -> Result<(), Vec<Box<dyn Fault>>> {
    let path = policy.map(|policy| policy.file.as_path());
    let faults = replaceable::faults(path, identity, who);
    if faults.is_empty() {
        return Ok(());
    }
    Err(faults.into_iter().map(boxed).collect())
}

fn is_root_on_writable(policy: Option<&Policy>, identity: Option<&Identity>) -> bool {
    let path = policy.map(|policy| policy.file.as_path());
    let own = Identity::own();
    replaceable::is_root_on_writable(path, identity.unwrap_or(&own))
}

impl Gathered {
    /// What is changed about main's process.
    #[must_use]
    pub fn into_parts(self) -> (Preparation, Collected) {
        let mut preparation = Preparation {
            identity: self.identity,
            withholds: self.collected.reach.withholds,
            no_new_privileges: self.collected.reach.withholds,
            ..Preparation::default()
        };
        if let Some(policy) = self.policy {
            preparation.adopt(policy);
        }
        (preparation, self.collected)
    }
}
