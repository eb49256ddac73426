//! The report: one text for the terminal and for `docs/benchmarks.md`.
//!
//! In: sections. Out: what was measured on what, the tables, and the budgets.
//!
//! **Never:** a word on why a budget was missed: the tool cannot know that.

use std::fmt::Write;

use crate::machine;
use crate::peers::Roster;
use crate::table::{Section, Table};

const HEAD: &str = "# Benchmarks

Written by `make bench`; do not edit. All launchers are measured in turns within one run, so
that only their ratios count: the figures themselves belong to the machine below, and two rows of
the same binary show how much of a difference is noise.
";

/// The whole report. `load` is what the machine was busy with before.
pub(crate) fn text(roster: &Roster, sections: &[Section], load: &str) -> String {
    let mut text = HEAD.to_owned();
    let missing = match roster.missing.as_slice() {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    let head = [
        ("Date", machine::today()),
        ("Machine", machine::describe()),
        ("One CPUID instruction", machine::cpuid()),
        ("Load before the run", load.to_owned()),
        ("Versions", roster.versions().join(", ")),
        ("Peers not on this machine", missing),
    ];
    text.push('\n');
    for (name, value) in head {
        let _ = writeln!(text, "- {name}: {value}");
    }
    let _ = write!(text, "\n## Budgets\n\n{}", budgets(sections));
    for section in sections {
        let _ = writeln!(text, "\n## {}\n\n{}", section.title, section.method);
        for (caption, table) in &section.tables {
            if !caption.is_empty() {
                let _ = writeln!(text, "\n{caption}");
            }
            let _ = write!(text, "\n{table}");
        }
        for fault in &section.faults {
            let _ = writeln!(text, "\nWrong: {fault}");
        }
    }
    text
}

fn budgets(sections: &[Section]) -> Table {
    let mut table = Table::new(&["budget", "measured", "holds"]);
    for budget in sections.iter().flat_map(|section| &section.budgets) {
        let holds = match budget.holds {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not measured",
        };
        table.row([
            budget.promise.clone(),
            budget.measured.clone(),
            holds.into(),
        ]);
    }
    table
}
