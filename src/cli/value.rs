//! The values of options and variables, read strictly.
//!
//! In: the text that was given, and by whom. Out: the value, or a mistake that
//! says what would be one.
//!
//! **Never:** a default for a value that cannot be read.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use lexopt::Parser;

use super::usage::UsageError;
use crate::init::signals::Signal;
use crate::policy::duration::parse_duration;
use crate::report::{Format, quote};

pub(super) fn value(option: &str, parser: &mut Parser) -> Result<OsString, UsageError> {
    parser.value().map_err(|_| UsageError {
        what: format!("`{option}` needs a value"),
        place: "the end of the command line".into(),
        remedy: "`vestibule --help` shows what it takes".into(),
    })
}

pub(super) fn text(option: &str, parser: &mut Parser) -> Result<String, UsageError> {
    readable(option, &value(option, parser)?)
}

pub(super) fn readable(source: &str, value: &OsStr) -> Result<String, UsageError> {
    value
        .to_str()
        .map(String::from)
        .ok_or_else(|| wrong(source, value, "valid UTF-8"))
}

pub(super) fn number(source: &str, value: &OsStr) -> Result<u8, UsageError> {
    value
        .to_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| wrong(source, value, "a number from 0 to 255"))
}

pub(super) fn duration(source: &str, value: &OsStr) -> Result<Duration, UsageError> {
    let text = readable(source, value)?;
    parse_duration(&text)
        .map_err(|_| wrong(source, value, "a duration such as `500ms`, `8s` or `2m`"))
}

pub(super) fn signal(source: &str, text: &str) -> Result<Signal, UsageError> {
    Signal::parse(text).ok_or_else(|| {
        wrong(
            source,
            OsStr::new(text),
            "a signal such as `TERM`, `15` or `RTMIN+3`",
        )
    })
}

pub(super) fn format_named(text: &str) -> Result<Format, UsageError> {
    match text {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        _ => Err(wrong("--log-format", OsStr::new(text), "`text` or `json`")),
    }
}

fn wrong(source: &str, value: &OsStr, expected: &str) -> UsageError {
    let kind = if source.starts_with('-') {
        "option"
    } else {
        "variable"
    };
    UsageError {
        what: format!("`{source}` cannot be {}", quote(value.as_encoded_bytes())),
        place: format!("{kind} `{source}`"),
        remedy: format!("give {expected}"),
    }
}
