//! The container's variables in a plan: which ones main gets, and why not the
//! others.
//!
//! In: the container's environment and the rules that a start passes it by. Out:
//! a table, and for people two lines.
//!
//! **Never:** what a variable holds.

use std::ffi::OsStr;

use super::Plan;
use super::sheet::Sheet;
use crate::collect::container::{Inherited, Passing, Removal, Verdict};
use crate::report::{escape, quote};

/// What becomes of a variable.
struct Fate<'a> {
    passes: bool,
    why: &'static str,
    /// Why it is kept back although nobody left it out.
    words: &'static str,
    /// The secret that it holds.
    secret: Option<&'a str>,
}

impl Fate<'_> {
    fn new(passes: bool, why: &'static str, words: &'static str) -> Self {
        Self {
            passes,
            why,
            words,
            secret: None,
        }
    }
}

impl Plan<'_> {
    pub(super) fn put_variables(&self, sheet: &mut Sheet) {
        let (mut passed, mut left) = (Vec::new(), Vec::new());
        sheet.table("variables");
        for (name, fate) in self.fates() {
            sheet.row();
            sheet.text("variable", Some(&name));
            sheet.flag("passes", fate.passes);
            sheet.text("why", Some(fate.why));
            sheet.text("secret", fate.secret);
            let shown = escape(name.as_bytes());
            if fate.words.is_empty() {
                sheet.end_row(&[]);
                let list = if fate.passes { &mut passed } else { &mut left };
                list.push(shown);
            } else {
                let secret = fate.secret.map(quote).unwrap_or_default();
                sheet.end_row(&[&shown, fate.words, &secret]);
            }
        }
        sheet.end_table("variables of the container, kept back");
        sheet.line("passed", &passed.join(", "));
        sheet.line("not in `inherit`", &left.join(", "));
    }

    /// Each of the container's variables, and HOME where vestibule sets it, by
    /// name.
    fn fates(&self) -> Vec<(String, Fate<'_>)> {
        let passing = Passing {
            rules: self.run,
            policy: self.policy,
            vault: &self.found.vault,
        };
        let given = &self.found.gathered.collected.summary.given;
        let is_given = |name: &str| given.iter().any(|given| given == name);
        let mut fates: Vec<(String, Fate<'_>)> = Vec::new();
        if self.found.gathered.identity.is_some() && !is_given("HOME") {
            fates.push(("HOME".into(), Fate::new(true, "user", "")));
        }
        for (name, value) in self.found.container.all() {
            let shown = name.to_string_lossy();
            let found = fates.binary_search_by(|(known, _)| known.as_str().cmp(&shown));
            let Err(at) = found else { continue };
            let fate = if is_given(&shown) {
                Fate::new(false, "replaced", "a secret takes its place")
            } else {
                judged(&passing, name, value)
            };
            fates.insert(at, (shown.into_owned(), fate));
        }
        fates
    }
}

fn judged<'a>(passing: &Passing<'a>, name: &OsStr, value: &OsStr) -> Fate<'a> {
    match passing.judge(name, value) {
        Verdict::Pass(Inherited::ByName) => Fate::new(true, "named", ""),
        Verdict::Pass(Inherited::ByPattern) => Fate::new(true, "pattern", ""),
        Verdict::Pass(Inherited::WithoutList | Inherited::No) => Fate::new(true, "harmless", ""),
        Verdict::NotInherited => Fate::new(false, "not-inherited", ""),
        Verdict::Removed(removal) => {
            let (words, why) = removal.words();
            let mut fate = Fate::new(false, why, words);
            if let Removal::Holds(secret) = removal {
                fate.secret = Some(secret);
            }
            fate
        }
        // A fault, with which there is no plan.
        Verdict::Contradiction(_) => Fate::new(false, "withheld-value", ""),
    }
}
