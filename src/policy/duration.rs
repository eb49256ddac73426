//! Durations as people write them: `500ms`, `8s`, `2m`, `1h`.
//!
//! In: text of the policy or of `--grace`. Out: a `Duration` of at most one
//! year, so that no clock arithmetic further on can overflow.
//!
//! **Never:** a bare number, since half of its readers would take seconds for
//! milliseconds; a fraction; a sum such as `1m30s`.

use std::fmt;
use std::time::Duration;

/// The longest duration: one year of 365 days.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// Why a text is not a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationError {
    /// A number without a unit.
    NoUnit,
    /// Neither a number nor a known unit.
    NotADuration,
    /// More than a year.
    TooLong,
}

impl DurationError {
    /// What to change, for the third line of a message.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NoUnit => "add the unit: `ms`, `s`, `m` or `h`, for example `8s`",
            Self::NotADuration => {
                "write one whole number and its unit: `500ms`, `8s`, `2m`, `1h`; `0s` is none"
            }
            Self::TooLong => "write at most `8760h`, which is a year",
        }
    }
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoUnit => "the duration has no unit",
            Self::NotADuration => "this is not a duration",
            Self::TooLong => "the duration is longer than a year",
        })
    }
}

/// A duration in milliseconds; `as_millis` counts beyond what 64 bits hold.
#[must_use]
pub fn milliseconds(duration: Duration) -> u64 {
    let whole = duration.as_secs().saturating_mul(1000);
    whole.saturating_add(duration.subsec_millis().into())
}

/// Reads `500ms`, `8s`, `2m`, `1h` or `0s`.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text
        .split_at_checked(end)
        .ok_or(DurationError::NotADuration)?;
    if digits.is_empty() {
        return Err(DurationError::NotADuration);
    }
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "" => return Err(DurationError::NoUnit),
        _ => return Err(DurationError::NotADuration),
    };
    // Digits alone fail to parse only where they overflow.
    let number: u64 = digits.parse().map_err(|_| DurationError::TooLong)?;
    number
        .checked_mul(milliseconds)
        .map(Duration::from_millis)
        .filter(|duration| *duration <= LONGEST)
        .ok_or(DurationError::TooLong)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::DurationError::{NoUnit, NotADuration, TooLong};
    use super::parse_duration;

    #[test]
    fn every_unit_is_read() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("8s", 8_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("0s", 0),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        assert_eq!(parse_duration("8760h"), Ok(Duration::from_hours(8760)));
    }

    #[test]
    fn anything_else_is_refused() {
        for (text, error) in [
            ("8", NoUnit),
            ("", NotADuration),
            ("s", NotADuration),
            ("-8s", NotADuration),
            ("+8s", NotADuration),
            ("1.5s", NotADuration),
            ("1m30s", NotADuration),
            ("8 s", NotADuration),
            ("8S", NotADuration),
            ("8d", NotADuration),
            ("8µs", NotADuration),
            ("٣s", NotADuration),
            ("8761h", TooLong),
            ("99999999999999999999s", TooLong),
            ("18446744073709551615h", TooLong),
        ] {
            assert_eq!(parse_duration(text), Err(error), "{text}");
        }
    }

    #[test]
    fn each_error_says_what_and_how_to_mend_it() {
        for error in [NoUnit, NotADuration, TooLong] {
            assert!(error.to_string().contains("duration"));
            assert!(error.remedy().contains('`'));
        }
    }
}
