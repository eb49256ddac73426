//! The setup phase of a plan, and the seal behind it.
//!
//! In: the rules of setup, and what is to be done about them in this start.
//! Out: two parts.
//!
//! **Never:** a word of a command that gives a secret away.

use super::secrets::State;
use super::sheet::Sheet;
use super::{Plan, put_duration, put_user};
use crate::names::SecretName;
use crate::policy::{CommandRule, Home, OnHit, Reference, Reuse, SetupRules};
use crate::report::{escape, quote};
use crate::setup::need::Need;

impl<'a> Plan<'a> {
    fn need(&self) -> Option<&Need> {
        self.found.gathered.setup.as_ref().map(|(_, need)| need)
    }

    /// Whether this start would run setup, or owes its seal.
    pub(super) fn is_setup_due(&self) -> bool {
        matches!(self.need(), Some(Need::Run | Need::Owed(_)))
    }

    pub(super) fn put_setup(&self, sheet: &mut Sheet, rules: &'a SetupRules) {
        let (state, title) = match self.need() {
            Some(Need::Skip) => ("skip", "setup: skipped, what `skip_if` names is there"),
            Some(Need::Doubt(_)) => (
                "doubt",
                "setup: skipped, what `skip_if` names is there; what it may have left is searched for",
            ),
            Some(Need::Owed(_)) => (
                "owed",
                "setup: an earlier start did not reach its end; its seal comes first",
            ),
            Some(Need::Run) | None => ("run", "setup: before main, one command after the other"),
        };
        sheet.begin("setup", title);
        sheet.text("state", Some(state));
        if let Some((identity, _)) = &self.found.gathered.setup {
            let user = rules.user.as_ref().or(self.run.user.as_ref());
            put_user(sheet, identity, user.map(|(user, _)| user));
        }
        put_ground(sheet, rules);
        self.put_commands(sheet, rules);
        sheet.table("gets");
        for (number, command) in (1..).zip(&rules.commands) {
            self.put_variables_of(sheet, number, command);
            self.put_credentials_of(sheet, number, command, rules);
        }
        sheet.end_table("credentials");
        sheet.end();
    }

    fn put_commands(&self, sheet: &mut Sheet, rules: &SetupRules) {
        sheet.table("commands");
        for (number, command) in (1..).zip(&rules.commands) {
            sheet.row();
            sheet.number("command", Some(number));
            let words = self.put_words(sheet, "argv", &command.argv);
            let rule = self.put_rule(sheet, &command.place);
            sheet.end_row(&[&number.to_string(), &words, &rule]);
        }
        sheet.end_table("commands");
    }

    /// A command, without words that hold a secret's value: somebody may have
    /// written one there. Once more for people.
    pub(super) fn put_words(&self, sheet: &mut Sheet, key: &str, words: &[String]) -> String {
        let mut shown = String::new();
        sheet.list(key);
        for word in words {
            let mut values = self.found.vault.values();
            let is_secret = values.any(|(_, value)| value.occurs_in(word.as_bytes()));
            let word = if is_secret { "[a secret]" } else { word };
            sheet.item(word, " ");
            shown.extend([
                if shown.is_empty() { "" } else { " " },
                &escape(word.as_bytes()),
            ]);
        }
        sheet.end_list("");
        shown
    }

    fn put_variables_of(&self, sheet: &mut Sheet, number: u64, command: &'a CommandRule) {
        for entry in &command.env {
            let variable = entry.variable.as_str();
            let secret = entry.reference.secret(self.connections);
            let is_there = secret.is_none_or(|name| self.is_there(name));
            sheet.row();
            sheet.number("command", Some(number));
            sheet.text("as", Some("env"));
            let what = self.put_given(sheet, Some(variable), &entry.reference, is_there);
            let rule = self.put_rule(sheet, &entry.place);
            let words = [variable, " from ", &what].concat();
            sheet.end_row(&[&number.to_string(), &words, &rule]);
        }
    }

    fn put_credentials_of(
        &self,
        sheet: &mut Sheet,
        number: u64,
        command: &'a CommandRule,
        rules: &'a SetupRules,
    ) {
        let keys = command.ssh.iter().map(|name| (name, None, &command.place));
        let git = rules.git.iter().filter(|_| command.git);
        let git = git.map(|rule| (&rule.password, Some(rule), &rule.place));
        for (name, git, place) in keys.chain(git) {
            sheet.row();
            sheet.number("command", Some(number));
            sheet.text("as", Some(if git.is_some() { "git" } else { "ssh" }));
            let reference = Reference::Secret(name.clone());
            let what = self.put_given(sheet, None, &reference, self.is_there(name));
            let rule = self.put_rule(sheet, place);
            let mut words = ["SSH key ", &what, ", in an agent"].concat();
            if let Some(git) = git {
                let url = git.address.to_string();
                sheet.text("url", Some(&url));
                sheet.text("user", Some(&git.username));
                let (user, url) = (quote(&git.username), escape(url.as_bytes()));
                words = ["git password ", &what, " of ", &user, " for ", &url].concat();
            }
            sheet.end_row(&[&number.to_string(), &words, &rule]);
        }
    }

    fn is_there(&self, name: &'a SecretName) -> bool {
        matches!(self.origin(name).state, State::Found | State::Later)
    }

    pub(super) fn put_seal(&self, sheet: &mut Sheet, rules: &SetupRules) {
        let Some(seal) = self.policy.map(|policy| &policy.seal) else {
            return;
        };
        sheet.begin(
            "seal",
            "seal: all of setup is killed; what it left is wiped and searched",
        );
        let of_main = self.asked_by_main();
        let mut dropped: Vec<&SecretName> = Vec::new();
        sheet.list("dropped");
        for (name, _) in rules.secrets(self.connections) {
            if !dropped.contains(&name) && !of_main.iter().any(|(asked, _)| *asked == name) {
                dropped.push(name);
                sheet.item(name.as_str(), ", ");
            }
        }
        sheet.end_list("dropped");
        let (on_hit, words) = match seal.on_hit {
            OnHit::Refuse => ("refuse", "no main (121)"),
            OnHit::Remove => ("remove", "its file is removed"),
            OnHit::Report => ("report", "a warning, and main starts"),
        };
        sheet.text("on_hit", Some(on_hit));
        sheet.line("if one is found", words);
        let on_drop = self.put_words(sheet, "on_drop", &seal.on_drop);
        sheet.line("revoked by", &on_drop);
        sheet.end();
    }
}

fn put_ground(sheet: &mut Sheet, rules: &SetupRules) {
    let directory = rules
        .directory
        .as_ref()
        .map(|(path, _)| crate::report::lossy(path));
    sheet.fact("directory", directory.as_deref());
    let (home, words) = match rules.home {
        Home::Private => ("private", "a new one, removed by the seal"),
        Home::Keep => ("keep", "main's, searched by the seal"),
    };
    sheet.text("home_rule", Some(home));
    sheet.line("home", words);
    put_duration(sheet, ["timeout_ms", "timeout"], rules.timeout);
    let skip_if = rules.skip_if.as_ref().map(crate::report::lossy);
    sheet.fact("skip_if", skip_if.as_deref());
    let is_trusted = rules.reuse == Reuse::Trusted;
    sheet.flag("reuse_trusted", is_trusted);
    sheet.line(
        "ground",
        if is_trusted {
            "what an earlier main left is trusted"
        } else {
            "what an earlier main could have prepared is refused"
        },
    );
    sheet.line(
        "confinement",
        "each command, like main, for what it does not get itself; no_new_privs; killed before the next",
    );
}
