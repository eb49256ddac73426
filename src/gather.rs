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
use crate::policy::Policy;
use crate::report::{Fault, boxed};
use crate::run::prepare::{self, Preparation};

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
}

/// Reads the policy, resolves the user, collects the secrets.
pub fn gather(options: &Options) -> Result<Gathered, Vec<Box<dyn Fault>>> {
    let container = Container::from_own();
    // Effect: policy.
    let policy = policy_file::read(
        options.policy.as_deref(),
        options.profile.as_deref(),
        &container,
    )?;
    // Effect: user looked up.
    let identity = resolve_user(policy.as_ref());
    let collected = collect(policy.as_ref(), &container);
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
            if withholds {
                refuse_replaceable(policy.as_ref(), identity.as_ref())?;
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

fn resolve_user(policy: Option<&Policy>) -> Result<Option<Identity>, CollectFault> {
    let Some((policy, (user, place))) =
        policy.and_then(|policy| Some((policy, policy.run.user.as_ref()?)))
    else {
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
    identity: Option<&Identity>,
) -> Result<(), Vec<Box<dyn Fault>>> {
    let path = policy.map(|policy| policy.file.as_path());
    let own = Identity::own();
    let faults = replaceable::faults(path, identity.unwrap_or(&own), "main");
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
