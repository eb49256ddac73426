//! What happened to which name: the start line, and what `check` answers.
//!
//! In: the vault after every rule was carried out. Out: names, sorted by fate,
//! and the sentences made of them.
//!
//! **Never:** a value: there is none in here.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::standing::Standing;
use super::vault::{Reason, Vault};
use crate::connection::is_placeholder;
use crate::exit::Exit;
use crate::json::Value;
use crate::names::SecretName;
use crate::report::{Fault, Reporter, list, lossy, quote};
use crate::secret::Secret;

/// Names only: what was given, what was not.
#[derive(Debug, Default)]
pub struct Summary {
    /// Variables that carry a secret or the path of one.
    pub given: Vec<String>,
    /// Secrets that main does not get.
    pub withheld: Vec<String>,
    /// The files of those.
    pub withheld_files: Vec<PathBuf>,
    /// Among them, Git credentials that a convention withheld.
    pub git: Vec<String>,
    /// Among them, files whose names are no variables'.
    pub undeliverable: Vec<String>,
    /// Container variables that were taken out.
    pub removed: Vec<String>,
    /// Secrets that came by container variable.
    pub by_variable: Vec<String>,
    /// Why, for `-v`.
    pub reasons: Reasons,
    /// Values too short to be searched for.
    pub short: Vec<String>,
    /// Well-known placeholders.
    pub placeholders: Vec<String>,
    /// Commands of setup with a credential that follow one without.
    pub late: Vec<String>,
}

/// Why what was given, withheld and removed was, each in the same order.
#[derive(Debug, Default)]
pub struct Reasons {
    /// The entry, or the convention.
    pub given: Vec<String>,
    /// In words.
    pub withheld: Vec<&'static str>,
    /// In words.
    pub removed: Vec<&'static str>,
}

/// The start line.
pub struct StartLine {
    /// For people.
    pub text: String,
    /// For machines.
    pub fields: Vec<(&'static str, Value)>,
}

/// Something that an operator should mend although main is started.
#[derive(Debug, PartialEq, Eq)]
pub enum Advice {
    /// Values that everybody knows.
    Placeholders(Vec<String>),
    /// Secrets that `docker inspect` shows.
    ByVariable(Vec<String>),
    /// Values too short to be found inside others.
    Short(Vec<String>),
    /// Files that no variable could be made for.
    Undeliverable(Vec<String>),
    /// Commands that could be robbed by the one before.
    Late(Vec<String>),
}

impl Summary {
    /// Adds what the vault knows once every rule was carried out.
    pub fn describe(&mut self, vault: &Vault) {
        for (name, held) in vault.all() {
            if held.variable.is_some() {
                self.by_variable.push(name.as_str().to_owned());
            }
            self.describe_value(name.as_str(), &held.value);
        }
        for file in vault.unlisted() {
            if let Some(value) = &file.value {
                self.describe_value(&file.name, value);
            }
            match file.reason {
                Reason::Git => self.git.push(file.name.clone()),
                Reason::NoVariable => self.undeliverable.push(file.name.clone()),
                Reason::NotAsked | Reason::HoldsMore | Reason::Public => {}
            }
        }
        for withheld in vault.all_withheld() {
            self.withheld.push(withheld.name.into_owned());
            self.reasons.withheld.push(withheld.reason.words().0);
        }
        let files = vault.withheld_files();
        let files = files.iter().copied();
        self.withheld_files = files.map(Path::to_path_buf).collect();
    }

    fn describe_value(&mut self, name: &str, value: &Secret) {
        if value.is_short() {
            self.short.push(name.to_owned());
        }
        if SecretName::parse(name).is_ok_and(|name| is_placeholder(&name, value)) {
            self.placeholders.push(name.to_owned());
        }
    }

    /// Whether there is nothing to say about secrets.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.given.is_empty() && self.withheld.is_empty()
    }

    /// The start line.
    #[must_use]
    pub fn start_line(&self, command: &[OsString], standing: &Standing) -> StartLine {
        let word = command.first();
        let mut fields = vec![
            ("command", word.map(lossy).into()),
            ("given", self.given.as_slice().into()),
            ("withheld", self.withheld.as_slice().into()),
            ("removed", self.removed.as_slice().into()),
        ];
        fields.extend(standing.fields());
        StartLine {
            text: self.start_text(word, standing),
            fields,
        }
    }

    fn start_text(&self, word: Option<&OsString>, standing: &Standing) -> String {
        let name = word.map(|word| quote(word.as_encoded_bytes()));
        let mut text = format!("starting {}: ", name.unwrap_or_default());
        match self.given.as_slice() {
            [] => text.push_str("no secret is given"),
            // Writing to a String cannot fail.
            given => drop(write!(text, "gives {}", names(given))),
        }
        if !self.withheld.is_empty() {
            let withheld = names(&self.withheld);
            let _ = write!(text, "; withholds {withheld}{}", standing.words());
        }
        if !self.git.is_empty() {
            text.push_str(
                "; Git credentials are for setup only (permit one in a policy's `run.env`)",
            );
        }
        if !self.removed.is_empty() {
            let _ = write!(text, "; removes the variables {}", names(&self.removed));
        }
        text
    }

    /// What was decided about each name, for `-v`.
    pub fn explain(&self, report: Reporter) {
        for (name, rule) in self.given.iter().zip(&self.reasons.given) {
            let text = format!("collect: gives {}, by {rule}", quote(name));
            let fields = [
                ("variable", name.as_str().into()),
                ("rule", rule.as_str().into()),
            ];
            report.detail(1, "gives", &text, &fields);
        }
        for (name, why) in self.withheld.iter().zip(&self.reasons.withheld) {
            let text = format!("collect: withholds {}: {why}", quote(name));
            let fields = [("secret", name.as_str().into()), ("why", (*why).into())];
            report.detail(1, "withholds", &text, &fields);
        }
        for (name, why) in self.removed.iter().zip(&self.reasons.removed) {
            let text = format!("collect: removes {}: {why}", quote(name));
            let fields = [("variable", name.as_str().into()), ("why", (*why).into())];
            report.detail(1, "removes", &text, &fields);
        }
    }

    /// What to mend, worst first.
    #[must_use]
    pub fn advice(&self) -> Vec<Advice> {
        [
            Advice::Placeholders(self.placeholders.clone()),
            Advice::ByVariable(self.by_variable.clone()),
            Advice::Undeliverable(self.undeliverable.clone()),
            Advice::Short(self.short.clone()),
            Advice::Late(self.late.clone()),
        ]
        .into_iter()
        .filter(|advice| !advice.names().is_empty())
        .collect()
    }
}

impl Advice {
    fn names(&self) -> &[String] {
        match self {
            Self::Placeholders(names)
            | Self::ByVariable(names)
            | Self::Short(names)
            | Self::Undeliverable(names)
            | Self::Late(names) => names,
        }
    }
}

/// Names in backticks, as a sentence has them; a long list is cut.
fn names(items: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut quoted: Vec<String> = items.iter().take(SHOWN).map(quote).collect();
    if items.len() > SHOWN {
        quoted.push(format!("{} more", items.len() - SHOWN));
    }
    list(&quoted)
}

impl Fault for Advice {
    fn what(&self) -> String {
        let names = names(self.names());
        match self {
            Self::Placeholders(_) => {
                format!("well-known placeholders are in use as secrets: {names}")
            }
            Self::ByVariable(_) => format!("secrets came by container variable: {names}"),
            Self::Short(_) => {
                format!("values under 8 bytes cannot be searched for or masked: {names}")
            }
            Self::Undeliverable(_) => format!(
                "no variable can be named after these secrets, so they are withheld: {names}"
            ),
            Self::Late(_) => {
                format!("commands of setup with a credential follow one without: {names}")
            }
        }
    }

    fn place(&self) -> String {
        match self {
            Self::Placeholders(_) | Self::Short(_) => "the values of these secrets".into(),
            Self::ByVariable(_) => "the container's configured environment".into(),
            Self::Undeliverable(_) => "the names of the secret files, by convention".into(),
            Self::Late(_) => "the order of `setup.commands`".into(),
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Placeholders(_) => "put a value of your own into each".into(),
            Self::ByVariable(_) => {
                "mount them as files: `docker inspect` and `docker exec` still show what a variable held".into()
            }
            Self::Short(_) => "use longer values, at least 8 bytes".into(),
            Self::Undeliverable(_) => "rename them to letters, digits, `-` and `_`, or name them in a policy".into(),
            Self::Late(_) => "put them first: a program or a setting that one command leaves could take the credential of the next".into(),
        }
    }

    fn exit(&self) -> Exit {
        Exit::Policy
    }
}

#[cfg(test)]
mod tests;
