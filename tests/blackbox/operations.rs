//! Claims about `docs/operations.md`: the list of effects is that of the code.
//!
//! The code has `// Effect: NAME.` where a step is taken, the list has the same
//! name in bold. What the words after it say, a reviewer has to compare.

use std::fs;
use std::path::{Path, PathBuf};

const MARKER: &str = "// Effect: ";

/// A marker, and the function that it stands in.
struct Marked {
    name: String,
    function: (PathBuf, usize),
}

#[test]
fn every_effect_of_the_list_stands_once_in_the_code_and_no_other() {
    let mut listed = listed();
    let mut marked: Vec<_> = marked().into_iter().map(|marked| marked.name).collect();
    listed.sort();
    marked.sort();
    assert_eq!(listed, marked, "left: docs/operations.md, right: src");
}

#[test]
fn effects_of_one_function_have_the_order_of_the_list() {
    let listed = listed();
    let place = |marked: &Marked| listed.iter().position(|name| *name == marked.name);
    for pair in marked().windows(2) {
        let [first, second] = pair else { continue };
        assert!(
            first.function != second.function || place(first) < place(second),
            "`{}` stands before `{}` in {}",
            first.name,
            second.name,
            first.function.0.display()
        );
    }
}

#[test]
fn the_effects_are_numbered_without_a_gap() {
    let text = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let numbers = text.lines().filter_map(numbered).map(|(number, _)| number);
    assert!(numbers.eq(1..=listed().len()));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `7. **Name.** What it does`
fn numbered(line: &str) -> Option<(usize, String)> {
    let (number, rest) = line.split_once(". **")?;
    let (name, _) = rest.split_once(".**")?;
    Some((number.parse().ok()?, name.to_lowercase()))
}

/// The names of the list, in its order.
fn listed() -> Vec<String> {
    let text = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let names = text.lines().filter_map(numbered).map(|(_, name)| name);
    names.collect()
}

/// The markers of all sources, file by file and from top to bottom.
fn marked() -> Vec<Marked> {
    let mut found = Vec::new();
    let mut waiting = vec![root().join("src")];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            waiting.extend(entries.map(|entry| entry.unwrap().path()));
            continue;
        }
        let mut function = 0;
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            if line.contains("fn ") && line.trim_end().ends_with(['{', '(']) {
                function = number;
            } else if let Some(name) = line.trim().strip_prefix(MARKER) {
                found.push(Marked {
                    name: name.trim_end_matches('.').to_lowercase(),
                    function: (path.clone(), function),
                });
            }
        }
    }
    found
}
