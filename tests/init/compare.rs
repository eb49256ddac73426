//! `make compare-inits`: every claim, put to vestibule and to the inits that
//! this machine has, as a table on standard output and in
//! `docs/compare-inits.md`.
//!
//! In: the claims of all modules. Out: the table; and a failure if there is a
//! row in which another init is right and vestibule is not.
//!
//! **Never:** a failure because of what another init does.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::claim::{Claim, Seen};
use crate::inits::Init;
use crate::programs::{output_of, version_of};

/// Longer text, the message of a check that gave up, is cut in a cell.
const CELL: usize = 90;

/// All rows, in the order of the table.
fn claims() -> Vec<&'static Claim> {
    [
        crate::ends::CLAIMS,
        crate::refusals::CLAIMS,
        crate::state::CLAIMS,
        crate::forwarding::CLAIMS,
        crate::group::CLAIMS,
        crate::gap::CLAIMS,
        crate::rewriting::CLAIMS,
        crate::stop::CLAIMS,
        crate::leftovers::CLAIMS,
        crate::reaping::CLAIMS,
        crate::rights::CLAIMS,
        crate::terminal::CLAIMS,
        crate::quiet::CLAIMS,
    ]
    .concat_rows()
}

trait ConcatRows {
    fn concat_rows(self) -> Vec<&'static Claim>;
}

impl<const N: usize> ConcatRows for [&'static [Claim]; N] {
    fn concat_rows(self) -> Vec<&'static Claim> {
        self.into_iter().flatten().collect()
    }
}

#[test]
#[ignore = "compares with other inits: make compare-inits"]
fn no_other_init_is_right_where_vestibule_is_not() {
    let own = [Init::vestibule(), Init::vestibule_with_secret()];
    let inits: Vec<Init> = own.into_iter().chain(Init::peers()).collect();
    // A check that panics is a cell of the table; its message is there.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let rows: Vec<(&Claim, Vec<Seen>)> = claims()
        .into_iter()
        .map(|claim| (claim, inits.iter().map(|init| claim.put_to(init)).collect()))
        .collect();
    std::panic::set_hook(hook);
    let table = table(&inits, &rows);
    show(&table);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compare-inits.md");
    fs::write(&file, document(&inits, &table)).expect("docs can be written");
    let behind: Vec<&str> = rows
        .iter()
        .filter(|(_, cells)| is_behind(cells))
        .map(|(claim, _)| claim.name)
        .collect();
    assert!(
        behind.is_empty(),
        "another init is right, we are not: {behind:?}"
    );
}

/// Whether one of the first two, which are ours, is wrong where another is right.
fn is_behind(cells: &[Seen]) -> bool {
    let (own, others) = cells.split_at(2);
    own.iter().any(|seen| !seen.right) && others.iter().any(|seen| seen.right)
}

fn table(inits: &[Init], rows: &[(&Claim, Vec<Seen>)]) -> String {
    let names: Vec<&str> = inits.iter().map(|init| init.name.as_str()).collect();
    let mut text = format!("| claim | {} |\n|---|", names.join(" | "));
    text.push_str(&"---|".repeat(names.len()));
    text.push('\n');
    for (claim, cells) in rows {
        let cells: Vec<String> = cells.iter().map(cell).collect();
        let title = claim.title.replace('|', "\\|");
        let _ = writeln!(text, "| {title} | {} |", cells.join(" | "));
    }
    let right: Vec<String> = (0..inits.len())
        .map(|column| {
            let count = rows.iter().filter(|(_, cells)| cells[column].right).count();
            format!("{count} of {}", rows.len())
        })
        .collect();
    let _ = writeln!(text, "| **right** | {} |", right.join(" | "));
    text
}

fn cell(seen: &Seen) -> String {
    let text: String = seen.what.chars().take(CELL).collect();
    let text = text.replace('|', "\\|").replace('\n', " ");
    if seen.right {
        text
    } else {
        format!("**✗ {text}**")
    }
}

fn document(inits: &[Init], table: &str) -> String {
    let versions: Vec<String> = inits
        .iter()
        .map(|init| format!("- {}: {}", init.name, version_of(init)))
        .collect();
    format!(
        "# vestibule beside other inits\n\n\
         Written by `make compare-inits` on {}, Linux {}. Every row is put to each init by the same\n\
         code (`tests/init/`), as PID 1 of fresh namespaces unless the row says otherwise, in each\n\
         init's own option letters. **✗** marks what is not as wanted; \"no option\" means that the\n\
         init does not offer it. A row in which another init is right and vestibule is not fails\n\
         the run. `INIT_TO_COMPARE=/path/to/init` adds a column.\n\n{}\n\n{table}",
        output_of("date", &["-u", "+%Y-%m-%d"]),
        output_of("uname", &["-r"]),
        versions.join("\n"),
    )
}

#[expect(clippy::print_stdout, reason = "the table is this program's answer")]
fn show(table: &str) {
    println!("{table}");
}
