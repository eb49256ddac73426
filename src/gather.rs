//! What every start, and everything that imitates one, begins with.
//!
//! In: the options. Out: the policy, main's identity and all that `collect`
//! finds; or every fault at once.
//!
//! **Never:** a process that outlives its question.

use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::cli::Options;
use crate::collect::accounts::{Accounts, Identity};
use crate::collect::container::Container;
use crate::collect::conventions::Conventions;
use crate::collect::fault::{CollectFault, asked_by};
use crate::collect::reach::{BY_MAIN, BY_SETUP, OwnProgram, Reach};
use crate::collect::replaceable::{Trusted, own_program_of_root};
use crate::collect::setup::to_look_for;
use crate::collect::vault::Vault;
use crate::collect::{self, Collected, Survey, policy_file};
use crate::pin::Inputs;
use crate::policy::{Place, Policy, SetupRules, UserSpec};
use crate::report::{Fault, boxed};
use crate::run::capabilities::OVER_FILES;
use crate::run::identity::IdentityStep;
use crate::run::prepare::{self, Preparation, PrepareError};
use crate::seal::as_user::ask;
use crate::setup::need::Need;
use crate::setup::own_program;

/// What `collect` finds for these options.
pub struct Gathered {
    /// The policy, if there is one.
    pub policy: Option<Policy>,
    /// Who main is to be, if the policy names a user.
    pub identity: Option<Identity>,
    /// Values, files and names.
    pub collected: Collected,
    /// What main is started from, where there is anything to say about secrets.
    pub pinned: Option<Inputs>,
    /// The directories with secret files.
    pub secret_places: Vec<PathBuf>,
    /// As whom setup runs, and what is to be done about it in this start.
    pub setup: Option<(Identity, Need)>,
    /// What setup must not open to main, if anything is withheld.
    pub trusted: Option<Trusted>,
}

/// Which phases a caller imitates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phases {
    /// Setup, if it is to run, and main.
    All,
    /// Main alone: setup has been.
    MainOnly,
}

/// What a secret that is not there means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// There is no start without it.
    Fault,
    /// It may come later: nothing is to be started.
    Borne,
}

/// What was gathered, and by which road.
pub struct Surveyed {
    /// What a start would go on with.
    pub gathered: Gathered,
    /// The container's own variables.
    pub container: Container,
    /// The secrets, and which of them main gets.
    pub vault: Vault,
    /// The rules, where no policy gives them.
    pub conventions: Conventions,
    /// The secret directories that were looked for, from wide to narrow.
    pub directories: Vec<PathBuf>,
    /// The absences that were borne.
    pub absences: Vec<CollectFault>,
}

/// Reads the policy, resolves the user, collects the secrets.
pub fn gather(options: &Options, phases: Phases) -> Result<Gathered, Vec<Box<dyn Fault>>> {
    survey(options, phases, Absence::Fault).map(|surveyed| surveyed.gathered)
}

/// The same, with what it was made from.
pub fn survey(
    options: &Options,
    phases: Phases,
    absence: Absence,
) -> Result<Surveyed, Vec<Box<dyn Fault>>> {
    let container = Container::take_own();
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
    let setup = setup_in(rules, policy.as_ref()).map_err(|fault| {
        collect::learn_values(policy.as_ref(), &container);
        vec![boxed(fault)]
    })?;
    let has_work = matches!(setup, Some((_, Need::Run | Need::Owed(_))));
    let working = rules.filter(|_| has_work);
    let found = collect::survey(policy.as_ref(), &container, working);
    // Effect: faults told.
    let (mut found, identity) = all_right(found, identity, absence)?;
    let withholds = found.withholds();
    let secret_places = found.places();
    let file = policy.as_ref().map(|policy| policy.file.as_path());
    // Effect: next start trusted.
    let trust = Trust {
        policy: policy.as_ref(),
        main: identity.clone().unwrap_or_else(Identity::own),
        setup: setup.as_ref().map(|(identity, _)| identity),
        working,
        trusted: withholds.then(|| Trusted::by(file, &secret_places)),
    };
    trust.refuse(absence)?;
    let pinned = found.pinned(policy.as_ref(), &trust.main);
    let collected = found.collected.take();
    let mut collected = collected.unwrap_or_else(|| Collected::bare(&container));
    if let (Some((_, Need::Doubt(_))), Some(rules), Some(policy)) = (&setup, rules, &policy) {
        let (vault, directories) = (&found.vault, &found.directories);
        collected.setup = Some(to_look_for(rules, policy, vault, directories));
    }
    trust.note_what_is_prepared(&mut collected.reach, options);
    let trusted = trust.trusted;
    if let Some(identity) = &identity {
        collected.set_home(&identity.home);
    }
    Ok(Surveyed {
        gathered: Gathered {
            policy,
            identity,
            collected,
            pinned,
            secret_places,
            setup,
            trusted,
        },
        container,
        vault: found.vault,
        conventions: found.conventions,
        directories: found.directories,
        absences: found.faults,
    })
}

type Refusals = Vec<Box<dyn Fault>>;

/// Both, if nothing is wrong with either; what is borne stays among the faults.
fn all_right(
    found: Result<Survey, CollectFault>,
    identity: Result<Option<Identity>, CollectFault>,
    absence: Absence,
) -> Result<(Survey, Option<Identity>), Refusals> {
    let mut faults = Vec::new();
    let found = found.map_err(|fault| faults.push(fault));
    match (found, identity) {
        (Ok(found), Ok(identity)) if found.is_right(absence) => Ok((found, identity)),
        (found, identity) => {
            faults.extend(found.into_iter().flat_map(|found| found.faults));
            faults.extend(identity.err());
            Err(faults.into_iter().map(boxed).collect())
        }
    }
}

impl Survey {
    fn withholds(&self) -> bool {
        let collected = self.collected.as_ref();
        collected.is_some_and(|collected| collected.reach.withholds)
    }

    /// The directories that were looked into, and those of files from elsewhere.
    fn places(&self) -> Vec<PathBuf> {
        let mut places = self.directories.clone();
        for parent in self.vault.files().filter_map(Path::parent) {
            if !places.iter().any(|place| place == parent) {
                places.push(parent.to_path_buf());
            }
        }
        places
    }

    /// What main is started from, if there is anything but the container's variables.
    fn pinned(&self, policy: Option<&Policy>, main: &Identity) -> Option<Inputs> {
        self.collected.as_ref()?;
        // Effect: inputs pinned.
        let digest = policy.map(|policy| policy.digest);
        let directories = self.directories.iter().map(PathBuf::as_path);
        let paths = self.vault.given_files().chain(directories).collect();
        let ids = (main.uid, main.gid, main.groups.as_slice());
        Some(Inputs::of(digest, ids, paths))
    }

    fn is_right(&self, absence: Absence) -> bool {
        let is_borne = |fault: &CollectFault| absence == Absence::Borne && fault.is_absence();
        self.faults.iter().all(is_borne)
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
struct Trust<'a> {
    policy: Option<&'a Policy>,
    main: Identity,
    setup: Option<&'a Identity>,
    /// The rules, if setup is to run.
    working: Option<&'a SetupRules>,
    /// If something is withheld.
    trusted: Option<Trusted>,
}

impl Trust<'_> {
    fn refuse(&self, absence: Absence) -> Result<(), Vec<Box<dyn Fault>>> {
        let withholds = self.trusted.is_some();
        if let Some(error) = prepare::refuse_privileges(self.policy, withholds) {
            return Err(vec![boxed(error)]);
        }
        if let Some(trusted) = &self.trusted {
            let setup = self.setup.map(|setup| (setup, "setup"));
            for (user, who) in [(&self.main, "main")].into_iter().chain(setup) {
                let faults = trusted.faults(user, who, ask);
                if !faults.is_empty() {
                    return Err(faults.into_iter().map(boxed).collect());
                }
            }
        }
        self.refuse_work(absence)
    }

    /// Users that nobody here can become, and programs that the policy lets
    /// vestibule itself run.
    fn refuse_work(&self, absence: Absence) -> Result<(), Vec<Box<dyn Fault>>> {
        let (Some(policy), Some(rules), Some(setup)) = (self.policy, self.working, self.setup)
        else {
            return Ok(());
        };
        // Effect: programs judged.
        // Once setup is at work it would look like the want of a home, or of a right to
        // read. A want of processes or memory is no matter of the user.
        for (identity, user) in &[(setup, &rules.user), (&self.main, &policy.run.user)] {
            if absence == Absence::Fault
                && let Some((_, place)) = user
                && let Err(errno @ (Errno::EPERM | Errno::EINVAL)) = ask(identity, &Vec::new)
            {
                let (step, entry) = (IdentityStep::Trial, asked_by(policy, place));
                let fault = PrepareError::Identity(step, identity.uid, errno, entry);
                return Err(vec![boxed(fault)]);
            }
        }
        let users = [(setup, "setup"), (&self.main, "main")];
        let faults = own_program::faults(policy, rules, users);
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }

    /// Whether owners and modes are nothing to main.
    fn is_of_root(&self) -> bool {
        let named = self
            .policy
            .and_then(|policy| policy.run.capabilities.as_ref());
        let named = named.map_or(&[][..], Vec::as_slice);
        self.main.is_root() || named.iter().any(|one| OVER_FILES.contains(one))
    }

    /// Who could prepare the next start: main, or a setup of root that runs in this
    /// one; and whether main could put another program in the place of this one.
    fn note_what_is_prepared(&self, reach: &mut Reach, options: &Options) {
        let Some(trusted) = &self.trusted else { return };
        let is_of_root = self.is_of_root();
        let setup = self.setup.filter(|_| self.working.is_some());
        let is_setup_of_root = setup.is_some_and(Identity::is_root);
        reach.prepared_by = if is_of_root { BY_MAIN } else { BY_SETUP };
        reach.this_start_only =
            (is_of_root || is_setup_of_root) && trusted.is_writable_for_root(ask);
        if is_of_root {
            reach.program = own_program_of_root(ask).map(|paths| OwnProgram {
                paths,
                stays: !options.replace,
            });
        }
    }
}

impl Gathered {
    /// What is changed about main's process.
    #[must_use]
    pub fn preparation(&self) -> Preparation {
        let mut preparation = Preparation {
            identity: self.identity.clone(),
            withholds: self.collected.reach.withholds,
            no_new_privileges: self.collected.reach.withholds,
            ..Preparation::default()
        };
        if let Some(policy) = &self.policy {
            preparation.adopt(policy);
        }
        preparation
    }

    /// The same, and what main gets.
    #[must_use]
    pub fn into_parts(self) -> (Preparation, Collected) {
        (self.preparation(), self.collected)
    }
}
