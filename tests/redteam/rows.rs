//! The catalogue of attacks, as `docs/security.md` has it: the page is the list.
//!
//! In: the page's tables. Out: rows, each with its judge, and the modes in which
//! a container itself gives a row away.
//!
//! **Never:** a row that is dropped in silence: their number is fixed below.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// How many rows each letter has: the whole catalogue.
const LETTERS: &[(char, usize)] = &[
    ('E', 12),
    ('F', 7),
    ('P', 10),
    ('S', 20),
    ('G', 16),
    ('K', 7),
    ('L', 4),
    ('X', 5),
    ('H', 7),
    ('N', 3),
    ('U', 6),
    ('Z', 14),
];

/// Who finds out whether a row is prevented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judge {
    /// A claim of `claims`, in all modes.
    Thief,
    /// These tests, `suite::module::name`.
    Claims(Vec<String>),
    /// Nobody: it is not prevented, and SECURITY.md says why.
    NotPrevented,
}

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// `E2`.
    pub(crate) id: String,
    /// Its judges; a row may have the thief and other claims.
    pub(crate) judges: Vec<Judge>,
}

/// A row that a kind of container gives away.
#[derive(Clone, Debug)]
pub(crate) struct Concession {
    /// `L2`.
    pub(crate) row: String,
    /// The mode, or a start of its name with `…`.
    pub(crate) mode: String,
}

/// A document of the repository.
pub(crate) fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|_| panic!("{name} can be read"))
}

/// The cells of each line of the table below a heading.
fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, section) = page.split_once(heading).expect("the section");
    let section = section.split("\n#").next().unwrap_or_default();
    let lines = section.lines().filter(|line| line.starts_with("| "));
    lines
        .skip(1)
        .map(|line| {
            let cells = line.trim_matches('|').split(" | ");
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

/// All rows, in the order of the page.
pub(crate) fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let page = document("docs/security.md");
        let lines = table(&page, "\n### All rows\n");
        lines.iter().map(|cells| row(cells)).collect()
    })
}

fn row(cells: &[String]) -> Row {
    let [id, _, _, judge] = cells else {
        panic!("a row has four cells: {cells:?}");
    };
    let mut judges = Vec::new();
    if judge.starts_with("the thief") {
        judges.push(Judge::Thief);
    }
    let claims = judge.split('`').filter(|text| text.contains("::"));
    let claims: Vec<String> = claims.map(str::to_owned).collect();
    if !claims.is_empty() {
        judges.push(Judge::Claims(claims));
    }
    match judge.as_str() {
        "not prevented" => judges.push(Judge::NotPrevented),
        _ => assert!(!judges.is_empty(), "{id} is judged by `{judge}`"),
    }
    Row {
        id: id.clone(),
        judges,
    }
}

/// What each row is about, by its id.
pub(crate) fn channels() -> BTreeMap<String, String> {
    let page = document("docs/security.md");
    let lines = table(&page, "\n### All rows\n").into_iter();
    lines
        .map(|cells| (cells[0].clone(), cells[1].clone()))
        .collect()
}

/// The rows that containers give away.
pub(crate) fn concessions() -> &'static [Concession] {
    static CONCESSIONS: OnceLock<Vec<Concession>> = OnceLock::new();
    CONCESSIONS.get_or_init(|| {
        let page = document("docs/security.md");
        let lines = table(&page, "\n### Where a container itself gives a row away\n");
        let concession = |cells: &Vec<String>| Concession {
            row: cells[0].clone(),
            mode: cells[1].clone(),
        };
        lines.iter().map(concession).collect()
    })
}

/// Whether a row is expected to fail in a mode.
pub(crate) fn is_conceded(row: &str, mode: &str) -> bool {
    concessions()
        .iter()
        .any(|conceded| conceded.row == row && conceded.mode == mode)
}

/// `E1`, `E2` and so on: what the page must have.
pub(crate) fn whole_catalogue() -> Vec<String> {
    let mut ids = Vec::new();
    for (letter, count) in LETTERS {
        ids.extend((1..=*count).map(|number| format!("{letter}{number}")));
    }
    ids
}
