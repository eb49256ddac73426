//! Small texts with a rule each: names, durations, signals, what looks like a
//! credential.
#![no_main]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Component;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use vestibule::collect::conventions::{Fate, fate, is_named_like_a_credential};
use vestibule::collect::credentials::looks_like_one;
use vestibule::collect::source::reference_form;
use vestibule::connection::Part;
use vestibule::init::signals::Signal;
use vestibule::names::{SecretName, SecretPath, VariableName};
use vestibule::policy::duration::parse_duration;
use vestibule_fuzz::is_fit_to_print;

fuzz_target!(|input: &[u8]| {
    let value = OsStr::from_bytes(input);
    let _ = looks_like_one("PLAIN", value);
    assert!(looks_like_one("DB_PASSWORD", value));
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    is_a_secret_s_name(text);
    is_a_path_of_names(text);
    is_a_variable_s_name(text);
    is_a_duration(text);
    is_a_signal(text);
    assert!(Part::parse(text).is_none_or(|part| part.as_str() == text));
    if let Some(form) = reference_form(text) {
        assert!(text.contains(':') || form.contains("SOPS"));
    }
});

fn is_a_secret_s_name(text: &str) {
    let is_name = (1..=255).contains(&text.len())
        && !text.starts_with('.')
        && !text.chars().any(|c| c == '/' || c.is_control());
    match SecretName::parse(text) {
        Ok(name) => {
            assert!(is_name);
            assert_eq!(name.as_str(), text);
            is_fit_to_print(&name.to_string());
            if fate(text) == Fate::Main {
                let variable = text.rsplit_once('.').map_or(text, |(stem, _)| stem);
                let variable = variable.replace('-', "_");
                assert!(VariableName::parse(&variable).is_ok());
            }
            let _ = is_named_like_a_credential(text);
        }
        Err(error) => {
            assert!(!is_name);
            is_fit_to_print(&error.to_string());
        }
    }
}

fn is_a_path_of_names(text: &str) {
    let is_path = text.split('/').all(|part| SecretName::parse(part).is_ok());
    match SecretPath::parse(text) {
        Ok(path) => {
            assert!(is_path);
            is_fit_to_print(&path.to_string());
            let mut parts = path.as_path().components();
            assert!(parts.all(|part| matches!(part, Component::Normal(_))));
        }
        Err(error) => {
            assert!(!is_path);
            is_fit_to_print(&error.to_string());
        }
    }
}

fn is_a_variable_s_name(text: &str) {
    let is_name = text
        .bytes()
        .all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
        && text
            .bytes()
            .next()
            .is_some_and(|byte| !byte.is_ascii_digit());
    match VariableName::parse(text) {
        Ok(name) => assert!(is_name && name.as_str() == text),
        Err(error) => {
            assert!(!is_name);
            is_fit_to_print(&error.to_string());
        }
    }
}

fn is_a_duration(text: &str) {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    let theirs = units.into_iter().find_map(|(unit, milliseconds)| {
        let digits = text.strip_suffix(unit)?;
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = digits.parse().ok().filter(|_| is_number)?;
        let year = Duration::from_hours(365 * 24);
        let all = Duration::from_millis(number.checked_mul(milliseconds)?);
        Some(all).filter(|all| *all <= year)
    });
    assert_eq!(parse_duration(text).ok(), theirs);
}

fn is_a_signal(text: &str) {
    let Some(signal) = Signal::parse(text) else {
        return;
    };
    assert!((1..=64).contains(&signal.number()));
    assert_eq!(Signal::parse(&signal.to_string()), Some(signal));
    assert_eq!(Signal::parse(&signal.number().to_string()), Some(signal));
    let lower = text.to_ascii_lowercase();
    assert_eq!(Signal::parse(&lower), Some(signal), "case does not matter");
}
