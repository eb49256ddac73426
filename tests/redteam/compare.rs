//! The same thief behind other inits, as the table of `docs/security.md`.
//!
//! In: the robberies of four modes. Out: the table, written with
//! `VESTIBULE_WRITE_DOCS=1` (`make redteam-write`), compared without.
//!
//! **Never:** a failure because of another kernel's peers, or of one that is not
//! installed: there only the column of vestibule is compared.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::claims::JUDGED;
use crate::harness::program;
use crate::loot::Came;
use crate::modes;
use crate::protectors::Protector;
use crate::robbery::robbery;
use crate::rows;

const START: &str = "<!-- comparison: written by `make redteam-write` -->\n";
const END: &str = "<!-- /comparison -->";

/// There was nothing to try.
const ABSENT: &str = "n/a";

/// The modes of the table and their letters.
const SHOWN: [(char, &str); 7] = [
    ('R', "root"),
    ('D', "root, cap_drop: ALL"),
    ('U', "root to user, files 0444"),
    ('O', "root to user, files its own"),
    ('S', "same user"),
    ('P', "privileged root"),
    ('T', "secrets mounted twice"),
];

/// Where the row leaks: the letters of modes, `no`, or `n/a`.
fn cell(row: &str, protector: &Protector) -> String {
    let mut leaks = String::new();
    let mut is_tried = false;
    for (letter, name) in SHOWN {
        // The others have no setup phase.
        let modes = modes::named(name).both().into_iter();
        let modes = modes.filter(|mode| protector.is_vestibule() || !mode.has_setup);
        let robberies: Vec<_> = modes.map(|mode| robbery(&mode, protector)).collect();
        let attempts: Vec<_> = robberies.iter().flat_map(|one| one.of_row(row)).collect();
        is_tried |= attempts.iter().any(|attempt| attempt.came != Came::Absent);
        if attempts.iter().any(|attempt| attempt.is_theft()) {
            leaks.push(letter);
        }
    }
    match (leaks.is_empty(), is_tried) {
        (false, _) => format!("**{leaks}**"),
        (true, true) => "no".into(),
        (true, false) => ABSENT.into(),
    }
}

fn kernel() -> String {
    let said = program("uname").arg("-r").output().expect("uname");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    // What follows a dash is the distribution's.
    said.trim().split('-').next().unwrap_or_default().to_owned()
}

fn region() -> String {
    let mut inits = vec![Protector::vestibule()];
    inits.extend(Protector::peers());
    let names: Vec<&str> = inits.iter().map(|init| init.name).collect();
    let letters: Vec<String> = SHOWN
        .iter()
        .map(|(letter, name)| format!("**{letter}** {name}"))
        .collect();
    let mut text = format!(
        "Letters are the containers in which the row leaks:\n{}.\nFiles are root's with mode 0444 unless the name says otherwise. Linux {}.\n\n| row | channel | {} |\n|---|---|",
        letters.join(",\n"),
        kernel(),
        names.join(" | ")
    );
    text.push_str(&"---|".repeat(names.len()));
    text.push('\n');
    let channels = rows::channels();
    for row in JUDGED {
        let mut cells: Vec<String> = inits.iter().map(|init| cell(row, init)).collect();
        // What vestibule has taken away is there to be tried behind the others.
        if cells.iter().any(|cell| cell != ABSENT) && cells[0] == ABSENT {
            cells[0] = "no".into();
        }
        let channel = channels.get(*row).map_or("", String::as_str);
        let _ = writeln!(text, "| {row} | {channel} | {} |", cells.join(" | "));
    }
    text
}

/// The lines of a region with nothing but row and vestibule's cell.
fn own_column(region: &str) -> Vec<String> {
    let lines = region.lines().filter(|line| line.starts_with("| "));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(" | ").collect();
            format!("{} {}", cells[0], cells[2])
        })
        .collect()
}

#[test]
fn the_table_beside_other_inits_is_what_the_thief_finds() {
    let page = rows::document("docs/security.md");
    let (before, rest) = page.split_once(START).expect("the start of the table");
    let (region_there, after) = rest.split_once(END).expect("the end of the table");
    let found = region();
    if env::var_os("VESTIBULE_WRITE_DOCS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md");
        fs::write(path, [before, START, &found, END, after].concat()).expect("docs can be written");
        return;
    }
    let advice = "write it anew with `make redteam-write`";
    let columns = |region: &str| {
        region
            .lines()
            .find(|line| line.starts_with("| row "))
            .map(str::to_owned)
    };
    let is_same_machine = region_there.contains(&format!("Linux {}.", kernel()));
    if is_same_machine && columns(region_there) == columns(&found) {
        assert!(region_there == found, "{advice}\n{found}");
    } else {
        assert_eq!(own_column(region_there), own_column(&found), "{advice}");
    }
}
