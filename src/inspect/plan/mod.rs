//! `vestibule plan`: what each phase would get, from where and by which rule.
//!
//! In: what a start would gather, with absent secrets borne. Out: the plan, for
//! people or as JSON. The rooms of a start say what is in it; here are words.
//!
//! **Never:** a value, a process, a change to anything; a plan where a start
//! would be refused for another reason than an absence.

mod main_phase;
mod secrets;
mod setup_phase;
mod sheet;
mod variables;

use crate::sorted::Map;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::check;
use crate::cli::Options;
use crate::collect::accounts::Identity;
use crate::gather::{Absence, Phases, Surveyed, survey};
use crate::names::SecretName;
use crate::policy::{
    ConnectionRule, Delivery, Place, Policy, Reference, RunRules, SetupRules, UserSpec,
};
use crate::report::{answer as print, lossy, quote};
use sheet::Sheet;

/// The version of the JSON.
const FORMAT: u64 = 1;

/// Prints the plan, and returns the exit code: 0, or that of the first fault.
#[must_use]
pub fn answer(options: &Options, command: &[OsString]) -> u8 {
    let found = match survey(options, Phases::All, Absence::Borne) {
        Ok(found) => found,
        Err(faults) => return check::refuse(faults, options),
    };
    let policy = found.gathered.policy.as_ref();
    let (run, connections) = match policy {
        Some(policy) => (&policy.run, &policy.connections),
        None => (&found.conventions.run, &found.conventions.connections),
    };
    let plan = Plan {
        options,
        command,
        found: &found,
        policy,
        run,
        connections,
    };
    print(&plan.written());
    0
}

/// All that the plan is read from.
struct Plan<'a> {
    options: &'a Options,
    command: &'a [OsString],
    found: &'a Surveyed,
    policy: Option<&'a Policy>,
    run: &'a RunRules,
    connections: &'a Map<String, ConnectionRule>,
}

impl<'a> Plan<'a> {
    fn written(&self) -> String {
        let is_ready = self.found.absences.is_empty();
        let title = if is_ready {
            "plan: what a start would do"
        } else {
            "plan: what a start would do, once the secrets that it needs are there"
        };
        let mut sheet = Sheet::new(self.options.json, title);
        sheet.number("plan", Some(FORMAT));
        sheet.flag("ready", is_ready);
        let policy = self.policy.map(|policy| lossy(&policy.file));
        sheet.fact("policy", policy.as_deref());
        if policy.is_none() {
            sheet.line("policy", "none: the usual names decide");
        }
        sheet.fact("profile", self.options.profile.as_deref());
        sheet.list("secret_dirs");
        for directory in &self.found.directories {
            sheet.item(&lossy(directory), ", ");
        }
        sheet.end_list("secret dirs");
        self.put_secrets(&mut sheet);
        self.put_connections(&mut sheet);
        if let Some(setup) = self.setup_rules() {
            self.put_setup(&mut sheet, setup);
            self.put_seal(&mut sheet, setup);
        } else {
            sheet.text("setup", None);
            sheet.text("seal", None);
        }
        self.put_run(&mut sheet);
        sheet.finish()
    }

    fn setup_rules(&self) -> Option<&'a SetupRules> {
        self.policy?.setup.as_ref()
    }

    /// The secrets that setup may use, each with the entry that asks.
    fn asked_by_setup(&self) -> Vec<(&'a SecretName, &'a Place)> {
        let rules = self.setup_rules();
        rules.map_or_else(Vec::new, |rules| rules.secrets(self.connections))
    }

    /// The same for main.
    fn asked_by_main(&self) -> Vec<(&'a SecretName, &'a Place)> {
        let entries = self.run.env.iter().chain(&self.run.files);
        let mut asked = Vec::new();
        for entry in entries {
            let name = entry.reference.secret(self.connections);
            asked.extend(name.map(|name| (name, &entry.place)));
        }
        asked
    }

    /// `rule` and `line` of a row; words for people.
    fn put_rule(&self, sheet: &mut Sheet, place: &Place) -> String {
        if self.policy.is_none() {
            put_rule_cells(sheet, Some("convention"), None);
            return "by its name".into();
        }
        put_rule_cells(sheet, Some(&place.pointer), Some(place.line))
    }

    /// The same for an entry that a convention may have made of a `VAR_FILE`.
    fn put_rule_of(&self, sheet: &mut Sheet, entry: &Delivery) -> String {
        let variable = entry.variable.as_str();
        let variable = variable.strip_suffix("_FILE").unwrap_or(variable);
        let is_named = |name: &SecretName| {
            let named = self.found.vault.named.get(name);
            named.is_some_and(|named| named.iter().any(|one| one.as_str() == variable))
        };
        if let Reference::Secret(name) = &entry.reference
            && self.policy.is_none()
            && is_named(name)
        {
            let variable = [variable, "_FILE"].concat();
            put_rule_cells(sheet, Some(&variable), None);
            return ["by ", &variable].concat();
        }
        self.put_rule(sheet, &entry.place)
    }

    /// What somebody gets: `variable`, `secret`, `connection`, `part` and `given`
    /// of a row; words for people.
    fn put_given(
        &self,
        sheet: &mut Sheet,
        variable: Option<&str>,
        reference: &Reference,
        is_given: bool,
    ) -> String {
        let secret = reference.secret(self.connections).map(SecretName::as_str);
        let (connection, part) = match reference {
            Reference::Secret(_) => (None, None),
            Reference::Connection(name, part) => (Some(name.as_str()), Some(part.as_str())),
        };
        sheet.text("variable", variable);
        sheet.text("secret", secret);
        sheet.text("connection", connection);
        sheet.text("part", part);
        sheet.flag("given", is_given);
        let named = secret.map(quote).unwrap_or_default();
        let Some((connection, part)) = connection.zip(part) else {
            return named;
        };
        let with = if secret.is_some() { " with " } else { "" };
        [part, " of ", &quote(connection), with, &named].concat()
    }
}

fn put_rule_cells(sheet: &mut Sheet, rule: Option<&str>, line: Option<usize>) -> String {
    let line = line.map(|line| u64::try_from(line).unwrap_or_default());
    sheet.text("rule", rule);
    sheet.number("line", line);
    line.map_or_else(String::new, |line| ["line ", &line.to_string()].concat())
}

/// A path, if there is one.
fn put_path(sheet: &mut Sheet, key: &str, path: Option<&PathBuf>) {
    sheet.text(key, path.map(lossy).as_deref());
}

/// Who somebody is.
fn put_user(sheet: &mut Sheet, identity: &Identity, spec: Option<&UserSpec>) {
    let user = spec.map(|spec| spec.user.as_str());
    sheet.text("user", user);
    sheet.number("uid", Some(identity.uid.into()));
    sheet.number("gid", Some(identity.gid.into()));
    sheet.text("home", Some(&lossy(&identity.home)));
    let number = |id: u32| id.to_string();
    let mut words = [&number(identity.uid), ":", &number(identity.gid)].concat();
    if let Some(user) = user {
        words = [user, " (", &words, ")"].concat();
    }
    sheet.line("user", &words);
    sheet.list("groups");
    for group in &identity.groups {
        sheet.item(&number(*group), ", ");
    }
    let is_own = identity.groups.as_slice() == [identity.gid];
    sheet.end_list(if is_own { "" } else { "groups" });
}

/// A duration, for machines in milliseconds.
fn put_duration(sheet: &mut Sheet, keys: [&str; 2], duration: Option<Duration>) {
    let [key, label] = keys;
    let count = duration.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    sheet.number(key, count);
    let Some(count) = count else {
        return sheet.line(label, "none");
    };
    let (unit, name) = match count {
        _ if count.is_multiple_of(60_000) => (60_000, " min"),
        _ if count.is_multiple_of(1000) => (1000, " s"),
        _ => (1, " ms"),
    };
    sheet.line(label, &[&(count / unit).to_string(), name].concat());
}
