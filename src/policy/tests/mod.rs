//! Claims about whole policies; each room has its own beside its code.

mod example;
mod golden;
mod mistakes;
mod profiles;
mod properties;
mod schema;
mod setup;
mod tables;

use std::path::Path;

use super::{Policy, PolicyError, parse};

/// The container's variables in these tests. Two have a canary as value.
fn variable(name: &str) -> Option<String> {
    match name {
        "POSTGRES_PORT" => Some("5433".into()),
        "DIRECTORY" => Some("/workspace".into()),
        "TRICK" => Some("${DIRECTORY}".into()),
        "EMPTY" => Some(String::new()),
        "DB_PASSWORD" | "PLAIN" => Some("hunter2".into()),
        _ => None,
    }
}

fn parsed_as(text: &str, profile: Option<&str>) -> Result<Policy, PolicyError> {
    parse(
        text.as_bytes(),
        Path::new("/etc/vestibule/policy.json"),
        profile,
        &variable,
    )
}

fn parsed(text: &str) -> Policy {
    parsed_as(text, None).unwrap()
}

/// The policy with only this `run`.
fn run(run: &str) -> String {
    format!(r#"{{"version": 1, "run": {run}}}"#)
}

/// Pointer, line and what, for each mistake.
fn mistakes(text: &str) -> Vec<(String, usize, String)> {
    mistakes_as(text, None)
}

fn mistakes_as(text: &str, profile: Option<&str>) -> Vec<(String, usize, String)> {
    let Err(error) = parsed_as(text, profile) else {
        return Vec::new();
    };
    assert!(
        !error.mistakes().is_empty(),
        "an error without a mistake: {text}"
    );
    error
        .mistakes()
        .iter()
        .map(|mistake| {
            (
                mistake.place.pointer.clone(),
                mistake.place.line,
                mistake.to_string(),
            )
        })
        .collect()
}

/// Asserts that exactly this is wrong, and where.
#[track_caller]
fn refuses(text: &str, pointer: &str, what: &str) {
    let found = mistakes(text);
    let wanted = [(pointer.to_string(), 1, what.to_string())];
    assert_eq!(found, wanted, "{text}");
}
