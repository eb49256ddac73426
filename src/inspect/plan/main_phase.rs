//! The run phase of a plan: main as a process.
//!
//! In: what a start would give main, and the rules for its process. Out: one
//! part.
//!
//! **Never:** a promise about confinement: what is out of reach is tried in each
//! start, and by `check`.

use super::sheet::Sheet;
use super::{Plan, put_duration, put_path, put_user};
use crate::collect::accounts::Identity;
use crate::init::forward::Audience;
use crate::init::signals::Signal;
use crate::init::supervise::Rules;
use crate::policy::{Confinement, Delivery};
use crate::report::{escape, lossy, quote};
use crate::run::confine::{available, is_program_replaceable};
use crate::run::prepare::Preparation;

impl Plan<'_> {
    pub(super) fn put_run(&self, sheet: &mut Sheet) {
        let preparation = self.found.gathered.preparation();
        let identity = preparation.identity.clone().unwrap_or_else(Identity::own);
        let words = self.command.iter();
        let words: Vec<String> = words.map(|word| word.to_string_lossy().into()).collect();
        sheet.begin("run", "run: main");
        let words = self.put_words(sheet, "command", &words);
        sheet.line("command", &words);
        let user = self.run.user.as_ref().map(|(user, _)| user);
        put_user(sheet, &identity, user);
        let directory = self.run.directory.as_ref().map(|(path, _)| lossy(path));
        sheet.fact("directory", directory.as_deref());
        self.put_deliveries(sheet);
        self.put_variables(sheet);
        self.put_withheld(sheet);
        self.put_confinement(sheet, &preparation, &identity);
        put_process(sheet, &preparation);
        self.put_supervision(sheet);
        sheet.end();
    }

    fn put_deliveries(&self, sheet: &mut Sheet) {
        sheet.table("env");
        for entry in &self.run.env {
            self.put_delivery(sheet, entry, false);
        }
        sheet.end_table("secrets as variables");
        sheet.table("files");
        for entry in &self.run.files {
            self.put_delivery(sheet, entry, true);
        }
        sheet.end_table("secrets as files, by the variable that has the path");
    }

    /// A variable of main's with a secret, or with the path of one.
    fn put_delivery(&self, sheet: &mut Sheet, entry: &Delivery, is_file: bool) {
        let collected = &self.found.gathered.collected;
        let variable = entry.variable.as_str();
        let is_given = collected.summary.given.iter().any(|name| name == variable);
        sheet.row();
        let mut words = self.put_given(sheet, Some(variable), &entry.reference, is_given);
        if is_file {
            let mut files = collected.files.iter();
            let file = files.find(|file| file.variable == entry.variable);
            let original = file.and_then(|file| file.original.as_ref());
            put_path(sheet, "path", original);
            words.push_str(match (is_given, original) {
                (false, _) => "",
                (true, Some(_)) => ": its own file if main can read it, else a copy",
                (true, None) => ": a new file on a tmpfs",
            });
        }
        let rule = self.put_rule_of(sheet, entry);
        let secret = entry.reference.secret(self.connections);
        let place = secret.map_or_else(String::new, |name| self.origin(name).words());
        let there = if is_given { "" } else { "not there" };
        sheet.end_row(&[variable, &words, &place, &rule, there]);
    }

    fn put_withheld(&self, sheet: &mut Sheet) {
        let of_setup = self.asked_by_setup();
        sheet.table("withheld");
        for withheld in self.found.vault.all_withheld() {
            let name = withheld.name.as_ref();
            let is_of_setup = of_setup.iter().any(|(asked, _)| asked.as_str() == name);
            let (words, why) = if is_of_setup {
                ("for setup alone", "setup")
            } else {
                withheld.reason.words()
            };
            let path = withheld.path.map(lossy);
            sheet.row();
            sheet.text("name", Some(name));
            sheet.text("path", path.as_deref());
            sheet.text("why", Some(why));
            sheet.list("by");
            sheet.item("environment", "");
            if path.is_some() {
                sheet.item("confinement", "");
            }
            sheet.end_list("");
            let shown = path.map_or_else(String::new, |path| escape(path.as_bytes()));
            sheet.end_row(&[&quote(name), &shown, words]);
        }
        sheet.end_table("withheld, from its environment and, by confinement, as files");
    }

    /// By what main would be kept from the rest, as far as it can be told.
    fn put_confinement(&self, sheet: &mut Sheet, preparation: &Preparation, main: &Identity) {
        let reach = &self.found.gathered.collected.reach;
        let (level, words) = match preparation.confinement {
            _ if !reach.withholds => ("nothing-withheld", "nothing that is there is withheld"),
            Confinement::Required => (
                "required",
                "required: every known way is tried before main starts, else no main (122)",
            ),
            Confinement::EnvironmentOnly => (
                "environment-only",
                "environment-only: main may be able to read the files",
            ),
        };
        sheet.text("confinement", Some(level));
        sheet.line("confinement", words);
        sheet.list("means");
        if level == "required" {
            let kept = preparation.kept_capabilities();
            for means in available(reach, main, main.is_root() || kept.outlives_root()) {
                sheet.item(means.words(), ", ");
            }
        }
        sheet.end_list("means here");
        let is_for_this_start = reach.this_start_only || is_program_replaceable(reach);
        sheet.flag("this_start_only", is_for_this_start);
    }

    fn put_supervision(&self, sheet: &mut Sheet) {
        let rules = Rules::of(self.options, self.policy.map(|policy| &policy.run));
        let is_supervised = !self.options.replace;
        let is_group = rules.audience == Audience::Group;
        sheet.flag("supervised", is_supervised);
        sheet.text("signals_to", Some(if is_group { "group" } else { "main" }));
        sheet.line(
            "signals",
            match (is_supervised, is_group) {
                (false, _) => "vestibule becomes main (`--exec`): the rest has no effect",
                (true, true) => "each one goes to main's process group",
                (true, false) => "each one goes to main alone",
            },
        );
        sheet.table("rewrites");
        for (from, to) in rules.rewriting.rules() {
            let (from, to) = (from.to_string(), to.map(|to| to.to_string()));
            sheet.row();
            sheet.text("from", Some(&from));
            sheet.text("to", to.as_deref());
            sheet.end_row(&[&from, "becomes", to.as_deref().unwrap_or("nothing")]);
        }
        sheet.end_table("rewritten signals");
        sheet.list("stop_signals");
        for signal in (1..=64).filter_map(Signal::from_number) {
            if rules.rewriting.apply(signal).is_some_and(Signal::is_stop) {
                sheet.item(&signal.to_string(), ", ");
            }
        }
        sheet.end_list("stop signals");
        put_duration(sheet, ["grace_ms", "grace"], rules.grace);
        sheet.line("exit code", "main's own, 128 + n for signal n");
        sheet.list("exit_as_zero");
        for code in rules.success.codes() {
            sheet.item(&code.to_string(), ", ");
        }
        sheet.end_list("reported as 0");
    }
}

fn put_process(sheet: &mut Sheet, preparation: &Preparation) {
    let (rule, named) = preparation.kept_capabilities().words();
    sheet.text("capabilities", Some(rule));
    sheet.line(
        "capabilities",
        match rule {
            "untouched" => "the container's",
            "without" => "the container's, without these",
            _ if named.is_empty() => "none",
            _ => "these",
        },
    );
    sheet.list("capabilities_named");
    for capability in &named {
        sheet.item(capability, ", ");
    }
    sheet.end_list("these");
    let is_set = preparation.no_new_privileges;
    sheet.flag("no_new_privileges", is_set);
    sheet.line("no new privileges", if is_set { "set" } else { "not set" });
    let umask = preparation.umask.map(|mask| format!("{mask:03o}"));
    sheet.fact("umask", umask.as_deref());
    sheet.table("limits");
    for rule in &preparation.limits {
        // The entry is called as the limit is.
        let name = rule.place.pointer.rsplit('/').next().unwrap_or_default();
        sheet.row();
        sheet.text("limit", Some(name));
        sheet.number("value", rule.value);
        let value = rule.value.map(|value| value.to_string());
        sheet.end_row(&[name, value.as_deref().unwrap_or("unlimited")]);
    }
    sheet.end_table("limits");
}
