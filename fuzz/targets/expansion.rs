//! `${NAME}` in a policy's strings: as a second reading of the rules says, and
//! never a credential.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule::fuzzing::expand;
use vestibule::names::VariableName;
use vestibule::sorted::Set;
use vestibule_fuzz::{Canary, fields, is_fit_to_print};

const CREDENTIALS: [&str; 6] = [
    "GH_TOKEN",
    "API_KEY",
    "APP_SECRET",
    "AWS_CREDENTIALS",
    "pgpassword_old",
    "DbPasswd",
];

fuzz_target!(|input: &[u8]| {
    let canary = Canary::of(input);
    let [value, text] = fields(input).map(|field| String::from_utf8_lossy(field).into_owned());
    let variable = |name: &str| match name {
        "A" => Some(value.clone()),
        "EMPTY" => Some(String::new()),
        name if name == "SOURCE" || CREDENTIALS.contains(&name) => {
            Some(String::from_utf8_lossy(canary.as_bytes()).into_owned())
        }
        _ => None,
    };
    let source = VariableName::parse("SOURCE").expect("a name");
    let found = expand(&text, &variable, &Set::from_iter([source]));
    match &found {
        Ok(expanded) => assert!(!canary.is_in(expanded), "a credential was expanded"),
        Err(problem) => {
            is_fit_to_print(&problem.to_string());
            assert!(!canary.is_in(format!("{problem} {problem:?}")));
        }
    }
    assert_eq!(found.ok(), expected(&text, &variable));
});

/// The rules once more, letter by letter. `None` is a mistake.
fn expected(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if rest.starts_with("$${") {
            expanded.push_str("${");
            rest = &rest[3..];
        } else if rest.starts_with("${") {
            let end = rest.find('}')?;
            expanded.push_str(&inside(&rest[2..end], variable)?);
            rest = &rest[end + 1..];
        } else if rest.starts_with("$$") {
            // Two dollars are two dollars, and only the second one may begin
            // something.
            expanded.push('$');
            rest = &rest[1..];
        } else {
            expanded.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    Some(expanded)
}

fn inside(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let (name, default) = match text.find(":-") {
        Some(at) => (&text[..at], Some(&text[at + 2..])),
        None => (text, None),
    };
    let is_name = !name.is_empty()
        && !name.as_bytes()[0].is_ascii_digit()
        && name
            .bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
    let upper = name.to_uppercase();
    let is_credential = upper.contains("PASSWORD")
        || upper.contains("PASSWD")
        || upper
            .rsplit_once('_')
            .is_some_and(|(_, word)| matches!(word, "TOKEN" | "KEY" | "SECRET" | "CREDENTIALS"));
    if !is_name
        || is_credential
        || name == "SOURCE"
        || default.is_some_and(|text| text.contains("${"))
    {
        return None;
    }
    let value = variable(name);
    match default {
        Some(default) => Some(
            value
                .filter(|value| !value.is_empty())
                .unwrap_or_else(|| default.into()),
        ),
        None => value,
    }
}
