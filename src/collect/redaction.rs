//! What the messages of this process must not show.
//!
//! In: the vault and the container's variables. Out: `redact` knows their values.
//!
//! **Never:** a word that everybody uses, or a path: it would be hidden wherever
//! it stands, which says more of the value than it keeps.

use std::ffi::OsStr;
use std::path::Path;

use super::container::Container;
use super::conventions::{is_named_like_a_credential, normalised};
use super::credentials::looks_like_one;
use super::vault::Vault;
use crate::connection::{is_called_like, is_well_known};
use crate::redact;
use crate::secret::Secret;

/// Keeps the values of the secrets, and of variables that look like credentials,
/// out of every message from here on.
pub(super) fn learn(vault: &Vault, container: &Container) {
    redact::learn(
        &mut vault
            .values()
            .filter(|(name, value)| !is_ordinary(name, value)),
    );
    let variables = container.all().filter_map(credential);
    learn_owned(&variables.collect::<Vec<_>>());
    // A file that is called like its value gives a variable that is, too.
    let names = vault.values().map(|(name, _)| name);
    let names = names.filter(|name| redact::holds_a_secret(name.as_bytes()));
    let variables = names.map(|name| {
        let variable = normalised(name).to_ascii_uppercase();
        (variable.clone(), Secret::concat(&[variable.as_bytes()]))
    });
    learn_owned(&variables.collect::<Vec<_>>());
}

fn learn_owned(values: &[(String, Secret)]) {
    redact::learn_also(&mut values.iter().map(|(name, value)| (name.as_str(), value)));
}

/// `postgres`, or `db-password` in a file of this name.
fn is_ordinary(name: &str, value: &Secret) -> bool {
    is_well_known(value) || (is_named_like_a_credential(name) && is_called_like(name, value))
}

fn credential((name, value): (&OsStr, &OsStr)) -> Option<(String, Secret)> {
    let name = name.to_str()?;
    let is_path = name.ends_with("_FILE")
        || (value.as_encoded_bytes().starts_with(b"/") && Path::new(value).exists());
    let secret = Secret::concat(&[value.as_encoded_bytes()]);
    let is_one = looks_like_one(name, value) && !is_path && !is_ordinary(name, &secret);
    is_one.then(|| (name.to_owned(), secret))
}
