//! Exactly what main's process will see as its environment.
//!
//! In: harmless container variables and permitted values. Out: the block for
//! execve(2), wiped when dropped.
//!
//! **Never:** an edit of our own environment; a filtered copy that could let
//! something through by omission.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;

use crate::names::VariableName;
use crate::secret::Secret;
use crate::sorted::Map;

/// The most bytes that execve(2) takes as one `NAME=value` without its NUL
/// (`MAX_ARG_STRLEN`, 32 pages, less one).
pub const ENTRY_BYTES: usize = 131_071;

/// Why a value cannot be a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueProblem {
    /// A NUL byte ends a variable's value.
    Nul,
    /// `NAME=value` is over the kernel's limit.
    TooLong,
}

/// Variables by name, each a finished `NAME=value` with its NUL.
#[derive(Default)]
pub struct Environment {
    entries: Map<Vec<u8>, Secret>,
}

impl Environment {
    /// Binds a permitted value to a variable.
    pub fn bind(&mut self, variable: &VariableName, value: &Secret) -> Result<(), ValueProblem> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the value becomes part of main's environment"
        )]
        let value = value.expose();
        if value.contains(&0) {
            return Err(ValueProblem::Nul);
        }
        let name = variable.as_str().as_bytes();
        if name.len() + 1 + value.len() > ENTRY_BYTES {
            return Err(ValueProblem::TooLong);
        }
        self.insert(name, value);
        Ok(())
    }

    /// Sets a variable that is no secret, as the container gave it.
    pub fn set(&mut self, name: &OsStr, value: &OsStr) {
        self.insert(name.as_bytes(), value.as_bytes());
    }

    fn insert(&mut self, name: &[u8], value: &[u8]) {
        self.entries
            .insert(name.to_vec(), Secret::concat(&[name, b"=", value, b"\0"]));
    }

    /// The same variables once more.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let entries = self.entries.iter();
        Self {
            entries: entries
                .map(|(name, entry)| (name.clone(), entry.duplicate()))
                .collect(),
        }
    }

    /// Takes variables out whose names are not `passed`.
    pub fn retain(&mut self, is_passed: &dyn Fn(&OsStr) -> bool) {
        self.entries
            .retain(|name, _| is_passed(OsStr::from_bytes(name)));
    }

    /// Whether a variable of that name is there.
    #[must_use]
    pub fn has(&self, name: &OsStr) -> bool {
        self.entries.contains_key(name.as_bytes())
    }

    /// The search path for commands, which is no secret.
    #[must_use]
    pub fn search_path(&self) -> Option<&OsStr> {
        let entry = self.entries.get(b"PATH".as_slice())?;
        #[expect(
            clippy::disallowed_methods,
            reason = "PATH comes from the container, not from a secret"
        )]
        let line = entry.expose();
        let value = line.strip_prefix(b"PATH=")?.strip_suffix(b"\0")?;
        Some(OsStr::from_bytes(value))
    }

    /// The block for execve(2).
    #[must_use]
    pub fn block(&self) -> Vec<&CStr> {
        #[expect(
            clippy::disallowed_methods,
            reason = "execve(2) copies the block to main's stack"
        )]
        self.entries
            .values()
            .filter_map(|entry| CStr::from_bytes_with_nul(entry.expose()).ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::{ENTRY_BYTES, Environment, ValueProblem};
    use crate::names::VariableName;
    use crate::secret::Secret;

    fn bind(size: usize, fill: u8) -> Result<usize, ValueProblem> {
        let mut environment = Environment::default();
        let name = VariableName::parse("NAME").expect("a name");
        environment.bind(&name, &Secret::concat(&[&vec![fill; size]]))?;
        Ok(environment
            .block()
            .first()
            .map_or(0, |line| line.to_bytes().len()))
    }

    #[test]
    fn one_entry_may_have_131071_bytes_and_no_more() {
        let name_and_sign = "NAME=".len();
        assert_eq!(bind(ENTRY_BYTES - name_and_sign, b'x'), Ok(ENTRY_BYTES));
        assert_eq!(
            bind(ENTRY_BYTES - name_and_sign + 1, b'x'),
            Err(ValueProblem::TooLong)
        );
        assert_eq!(bind(3, 0), Err(ValueProblem::Nul));
    }

    #[test]
    fn the_block_has_what_was_put_in_and_nothing_else() {
        let mut environment = Environment::default();
        environment.set(OsStr::new("PATH"), OsStr::new("/bin"));
        environment.set(OsStr::new("A"), OsStr::new("1"));
        environment.set(OsStr::new("A"), OsStr::new("2"));
        let lines: Vec<_> = environment
            .block()
            .iter()
            .map(|line| line.to_bytes().to_vec())
            .collect();
        assert_eq!(lines, [b"A=2".to_vec(), b"PATH=/bin".to_vec()]);
        assert_eq!(environment.search_path(), Some(OsStr::new("/bin")));
    }
}
