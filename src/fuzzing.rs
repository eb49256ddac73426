//! Doors for the fuzz targets, into rooms that are closed to everybody else.
//!
//! In: bytes that a target made up. Out: what the room made of them, as it is;
//! what must hold of it stands in the target.
//!
//! **Never:** part of a program: it is compiled only with `--cfg fuzzing`.

use std::path::{Path, PathBuf};

use crate::collect::container::Container;
use crate::collect::directory::Scopes;
use crate::collect::fault::CollectFault;
use crate::collect::file::FileProblem;
use crate::collect::mounted::{self, Newline};
use crate::collect::{Collected, collect_from};
use crate::init::state::{STATE_BYTES, State};
use crate::names::VariableName;
use crate::policy::expansion::{self, Variables};
use crate::policy::{Policy, Problem};
use crate::secret::Secret;
use crate::sorted::Set;

/// A secret with these bytes.
#[must_use]
pub fn secret(bytes: &[u8]) -> Secret {
    Secret::concat(&[bytes])
}

/// The bytes of a secret.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "a target compares values that it made up"
)]
pub fn clear(secret: &Secret) -> &[u8] {
    secret.expose()
}

/// Whether `text` gives the secret away.
#[must_use]
pub fn occurs(secret: &Secret, text: &[u8]) -> bool {
    secret.occurs_in(text)
}

/// What a secret file with these bytes delivers.
pub fn file_value(bytes: &[u8], raw: bool) -> Result<Secret, FileProblem> {
    mounted::finished(secret(bytes), Newline::of(raw))
}

/// Everything up to main's environment, with `directory` as the only one of
/// secrets.
pub fn collect_below(
    directory: &Path,
    policy: Option<&Policy>,
    container: &Container,
) -> Result<Option<Collected>, Vec<CollectFault>> {
    let scopes = Scopes::among(&[], vec![PathBuf::from(directory)], container)
        .map_err(|fault| vec![fault])?;
    let setup = policy.and_then(|policy| policy.setup.as_ref());
    collect_from(&scopes, policy, container, setup)
}

/// A policy's string with its variables expanded.
pub fn expand(
    text: &str,
    value: &dyn Fn(&str) -> Option<String>,
    sources: &Set<VariableName>,
) -> Result<String, Problem> {
    expansion::expand(text, Variables { value, sources })
}

/// How many bytes the reaper's state has.
pub const STATE: usize = STATE_BYTES;

/// The reaper's state in these bytes.
#[must_use]
pub fn state(bytes: &[u8; STATE]) -> Option<State> {
    State::decode(bytes)
}

/// The bytes of the reaper's state.
#[must_use]
pub fn state_bytes(state: &State) -> [u8; STATE] {
    state.encode()
}
