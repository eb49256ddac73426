//! Signals by name and number, and the table that rewrites them.
//!
//! In: text of an option or policy. Out: a number from 1 to 64.
//!
//! **Never:** the C library's idea of SIGRTMIN: it hides two or three of the
//! kernel's. RTMIN is 34 as Docker and systemd count.

use std::fmt;

use signal_hook::consts::FORBIDDEN;
use signal_hook::low_level::signal_name;

/// SIGRTMIN as the GNU C library counts, after its two internal signals.
const REAL_TIME_MIN: u8 = 34;
/// The kernel's last signal (signal(7)).
const REAL_TIME_MAX: u8 = 64;
/// The kernel's first real-time signal.
const KERNEL_REAL_TIME_MIN: u8 = 32;

/// A signal by number, 1 to 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signal(u8);

impl Signal {
    /// Hang-up.
    pub const HUP: Self = Self(1);
    /// Ctrl-C.
    pub const INT: Self = Self(2);
    /// Ctrl-\.
    pub const QUIT: Self = Self(3);
    /// Cannot be caught.
    pub const KILL: Self = Self(9);
    /// A write to a closed pipe.
    pub const PIPE: Self = Self(13);
    /// The polite request to end.
    pub const TERM: Self = Self(15);
    /// A child ended.
    pub const CHLD: Self = Self(17);
    /// Go on after a stop.
    pub const CONT: Self = Self(18);

    /// A signal by its number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        (1..=REAL_TIME_MAX)
            .contains(&number)
            .then_some(Self(number))
    }

    /// `TERM`, `SIGTERM`, `15`, `RTMIN+3`, `SIGRTMAX-1`; case does not matter.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Self::from_number(text.parse().ok()?);
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        if let Some(offset) = name.strip_prefix("RTMIN") {
            let above = offset_after(offset, '+')?;
            return Self::from_number(REAL_TIME_MIN.checked_add(above)?);
        }
        if let Some(offset) = name.strip_prefix("RTMAX") {
            let below = offset_after(offset, '-')?;
            let number = REAL_TIME_MAX.checked_sub(below)?;
            return Self::from_number(number).filter(|signal| signal.0 >= REAL_TIME_MIN);
        }
        (1..KERNEL_REAL_TIME_MIN)
            .map(Self)
            .find(|signal| signal.base_name() == Some(name))
    }

    /// The number, 1 to 64.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// Whether the kernel counts occurrences instead of merging them.
    #[must_use]
    pub fn is_real_time(self) -> bool {
        self.0 >= KERNEL_REAL_TIME_MIN
    }

    /// Whether it asks main to end.
    #[must_use]
    pub fn is_stop(self) -> bool {
        matches!(self, Self::TERM | Self::INT | Self::QUIT)
    }

    /// Whether a rule may name it as the signal that arrives: KILL and STOP
    /// never do, and a fault's signal tells of a bug, not of a wish.
    #[must_use]
    pub fn is_rewritable(self) -> bool {
        !FORBIDDEN.contains(&i32::from(self.0))
    }

    /// The name without `SIG`, for the 31 signals that have one.
    fn base_name(self) -> Option<&'static str> {
        match self.0 {
            // Linux has these two besides those of POSIX (signal(7)).
            16 => Some("STKFLT"),
            30 => Some("PWR"),
            number => signal_name(i32::from(number))?.strip_prefix("SIG"),
        }
    }
}

fn offset_after(text: &str, sign: char) -> Option<u8> {
    if text.is_empty() {
        return Some(0);
    }
    let digits = text.strip_prefix(sign)?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.base_name() {
            Some(name) => f.write_str(name),
            None if self.0 < REAL_TIME_MIN => write!(f, "{}", self.0),
            None => write!(f, "RTMIN+{}", self.0 - REAL_TIME_MIN),
        }
    }
}

/// Which signal main gets for each one that arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewriting {
    targets: [u8; 65],
}

impl Default for Rewriting {
    fn default() -> Self {
        let mut targets = [0; 65];
        for (number, target) in (0..).zip(&mut targets) {
            *target = number;
        }
        Self { targets }
    }
}

impl Rewriting {
    /// Lets `from` arrive as `to`, or not at all.
    pub fn set(&mut self, from: Signal, to: Option<Signal>) {
        if let Some(target) = self.targets.get_mut(usize::from(from.0)) {
            *target = to.map_or(0, Signal::number);
        }
    }

    /// What main gets for `arrived`.
    #[must_use]
    pub fn apply(&self, arrived: Signal) -> Option<Signal> {
        self.targets
            .get(usize::from(arrived.0))
            .copied()
            .and_then(Signal::from_number)
    }

    /// The whole table, for the hand-over.
    pub(super) fn targets(&self) -> &[u8; 65] {
        &self.targets
    }

    pub(super) fn from_targets(targets: [u8; 65]) -> Self {
        Self { targets }
    }

    /// The rules that differ from passing a signal on as it is.
    pub fn rules(&self) -> impl Iterator<Item = (Signal, Option<Signal>)> {
        (1..=REAL_TIME_MAX)
            .map(Signal)
            .map(|from| (from, self.apply(from)))
            .filter(|(from, to)| *to != Some(*from))
    }
}

#[cfg(test)]
mod tests {
    use super::{Rewriting, Signal};

    #[test]
    fn names_and_numbers_mean_the_same_signal() {
        for (text, number) in [
            ("TERM", 15),
            ("SIGTERM", 15),
            ("term", 15),
            ("15", 15),
            ("1", 1),
            ("64", 64),
            ("CHLD", 17),
            ("STKFLT", 16),
            ("PWR", 30),
            ("SYS", 31),
            ("IO", 29),
            ("WINCH", 28),
            ("RTMIN", 34),
            ("SIGRTMIN+3", 37),
            ("RTMIN+30", 64),
            ("RTMAX", 64),
            ("RTMAX-14", 50),
            ("32", 32),
        ] {
            assert_eq!(
                Signal::parse(text).map(Signal::number),
                Some(number),
                "{text}"
            );
        }
        for text in [
            "",
            "0",
            "65",
            "-1",
            "TERMINATE",
            "RTMIN+31",
            "RTMAX-31",
            "RTMIN3",
            "SIG",
            "RTMIN+-1",
            "1x",
        ] {
            assert_eq!(Signal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_name_reads_back_as_the_same_signal() {
        for signal in (1..=64).filter_map(Signal::from_number) {
            assert_eq!(Signal::parse(&signal.to_string()), Some(signal), "{signal}");
        }
    }

    #[test]
    fn only_catchable_signals_that_tell_of_no_fault_are_rewritable() {
        let fixed: Vec<u8> = (1..=64)
            .filter_map(Signal::from_number)
            .filter(|signal| !signal.is_rewritable())
            .map(Signal::number)
            .collect();
        assert_eq!(fixed, [4, 8, 9, 11, 19]);
    }

    #[test]
    fn a_rule_changes_one_signal_and_leaves_the_others() {
        let mut rewriting = Rewriting::default();
        rewriting.set(Signal::TERM, Some(Signal::QUIT));
        rewriting.set(Signal::HUP, None);
        assert_eq!(rewriting.apply(Signal::TERM), Some(Signal::QUIT));
        assert_eq!(rewriting.apply(Signal::HUP), None);
        assert_eq!(rewriting.apply(Signal::INT), Some(Signal::INT));
        assert_eq!(rewriting.rules().count(), 2);
    }
}
