//! The catalogue, the claims, SECURITY.md and docs/security.md agree.
//!
//! In: the documents, the sources of the suites. Out: a failure for a row that
//! nobody judges, a claim that is not there, a hole that is not admitted.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::rows::{self, Judge};

/// Every id in a text, ranges such as `P1 to P10` written out.
fn ids_in(text: &str) -> BTreeSet<String> {
    let words: Vec<&str> = text
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let mut ids = BTreeSet::new();
    for (at, word) in words.iter().enumerate() {
        let Some((letter, number)) = id(word) else {
            continue;
        };
        ids.insert((*word).to_owned());
        if words.get(at + 1) != Some(&"to") {
            continue;
        }
        if let Some((other, last)) = words.get(at + 2).and_then(|word| id(word)) {
            assert_eq!(letter, other, "a range within one letter");
            ids.extend((number..last).map(|number| format!("{letter}{number}")));
        }
    }
    ids
}

fn id(word: &str) -> Option<(char, usize)> {
    let letter = word.chars().next().filter(char::is_ascii_uppercase)?;
    Some((letter, word[1..].parse().ok()?))
}

#[test]
fn ids_are_found_alone_and_in_ranges() {
    let ids = ids_in("E11 and P1 to P3, (S10); CAP_KILL, GPL2 and A4x are none");
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(ids, ["E11", "P1", "P2", "P3", "S10"]);
}

#[test]
fn the_page_has_every_row_of_the_catalogue_once() {
    let ids: Vec<String> = rows::rows().iter().map(|row| row.id.clone()).collect();
    let (mut sorted, mut whole) = (ids, rows::whole_catalogue());
    sorted.sort_unstable();
    whole.sort_unstable();
    assert_eq!(sorted, whole);
}

#[test]
fn every_row_that_is_not_prevented_stands_in_security_md() {
    let security = rows::document("SECURITY.md");
    let (_, section) = security
        .split_once("\n## Rows that nothing here prevents\n")
        .expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let admitted = ids_in(section);
    let open = rows::rows().iter().filter(|row| {
        row.judges
            .iter()
            .any(|judge| matches!(judge, Judge::NotPrevented))
    });
    let open: BTreeSet<String> = open.map(|row| row.id.clone()).collect();
    let conceded: BTreeSet<String> = rows::concessions()
        .iter()
        .map(|conceded| conceded.row.clone())
        .collect();
    let expected: BTreeSet<String> = open.union(&conceded).cloned().collect();
    assert_eq!(admitted, expected);
}

#[test]
fn every_claim_that_judges_a_row_exists() {
    for row in rows::rows() {
        for judge in &row.judges {
            if let Judge::Claims(claims) = judge {
                for claim in claims {
                    assert!(exists(claim), "{}: there is no `{claim}`", row.id);
                }
            }
        }
    }
}

/// Whether a suite has a test of that name, declared by a macro or not.
pub(crate) fn exists(claim: &str) -> bool {
    let mut parts = claim.split("::");
    let (Some(suite), Some(module), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let path = format!("tests/{suite}/{module}.rs");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let source = fs::read_to_string(path).unwrap_or_default();
    source.lines().any(|line| {
        let line = line.trim();
        let declared = line.strip_prefix("fn ").unwrap_or(line);
        let rest = declared.strip_prefix(name).unwrap_or("x");
        rest.starts_with("()") || rest.starts_with(':') || rest.starts_with(", \"")
    })
}

#[test]
fn every_test_that_prior_incidents_names_exists() {
    let page = rows::document("docs/prior-incidents.md");
    let named = page
        .split('`')
        .filter(|text| text.matches("::").count() == 2);
    for claim in named.filter(|text| text.is_ascii() && !text.contains(' ')) {
        assert!(exists(claim), "there is no `{claim}`");
    }
}
