//! Whether setup has to run in this start.
//!
//! In: the rules, and what earlier starts left on the disks. Out: what is to be
//! done about setup.
//!
//! **Never:** setup skipped on the word of `skip_if` alone: setup itself may have
//! made it before it was cut off.

use std::path::Path;

use crate::collect::accounts::Identity;
use crate::policy::SetupRules;
use crate::seal::as_user::ask;
use crate::seal::journal::{self, Doubt, Owed};

/// What is to be done about setup in this start.
pub enum Need {
    /// Run it.
    Run,
    /// `skip_if` holds.
    Skip,
    /// The same, but nobody knows whether an earlier setup was sealed.
    Doubt(Doubt),
    /// An earlier start did not come to its end.
    Owed(Box<Owed>),
}

impl Need {
    /// Looks for a journal first: what it says counts more than `skip_if`.
    #[must_use]
    pub fn of(rules: &SetupRules, setup: &Identity) -> Self {
        let directory = rules.directory.as_ref().map(|(path, _)| path.as_path());
        if let Some(owed) = journal::find(directory, setup) {
            return Self::Owed(Box::new(owed));
        }
        let Some(skip_if) = rules.skip_if.as_ref().filter(|path| exists(path, setup)) else {
            return Self::Run;
        };
        // Without a credential there is nothing to look for.
        let doubt = || journal::doubt(directory, skip_if, setup);
        let doubt = rules.has_credentials().then(doubt).flatten();
        doubt.map_or(Self::Skip, Self::Doubt)
    }
}

/// Whether it is there, for us or for setup's user.
pub(super) fn exists(path: &Path, setup: &Identity) -> bool {
    let as_setup = |_| ask(setup, &|| vec![u8::from(path.exists())]) == Ok(vec![1]);
    path.try_exists().unwrap_or_else(as_setup)
}
