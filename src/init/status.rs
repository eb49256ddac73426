//! How main's end becomes our exit code.
//!
//! In: how the child ended, and the codes that count as success. Out: one byte.
//!
//! **Never:** a guess: 128+n holds for every signal, real-time ones too.

use crate::sys::process::End;

/// The code that shells and orchestrators know: its own, or 128 plus the
/// signal (POSIX.1-2017, 2.8.2 and shell practice).
#[must_use]
pub fn exit_code(end: End) -> u8 {
    match end {
        End::Exited(code) => code,
        End::Killed(signal) => 128_u8.saturating_add(signal),
    }
}

/// Exit codes that are to be reported as 0 (`-e`), one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SuccessCodes([u64; 4]);

impl SuccessCodes {
    /// Counts `code` as success.
    pub fn insert(&mut self, code: u8) {
        if let Some(word) = self.0.get_mut(usize::from(code / 64)) {
            *word |= 1 << (code % 64);
        }
    }

    /// `code`, or 0 if it counts as success.
    #[must_use]
    pub fn apply(self, code: u8) -> u8 {
        if self.contains(code) { 0 } else { code }
    }

    /// The codes that were inserted, in order.
    pub fn codes(self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).filter(move |&code| self.contains(code))
    }

    /// The codes as bits, for the hand-over.
    pub(super) fn words(self) -> [u64; 4] {
        self.0
    }

    pub(super) fn from_words(words: [u64; 4]) -> Self {
        Self(words)
    }

    fn contains(self, code: u8) -> bool {
        self.0
            .get(usize::from(code / 64))
            .is_some_and(|word| word & (1 << (code % 64)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::{SuccessCodes, exit_code};
    use crate::sys::process::End;

    #[test]
    fn a_signal_is_128_plus_its_number_up_to_the_last_real_time_one() {
        assert_eq!(exit_code(End::Exited(42)), 42);
        assert_eq!(exit_code(End::Killed(15)), 143);
        assert_eq!(exit_code(End::Killed(64)), 192);
    }

    #[test]
    fn remapping_one_code_leaves_all_others_alone() {
        for chosen in 0..=u8::MAX {
            let mut codes = SuccessCodes::default();
            codes.insert(chosen);
            for code in 0..=u8::MAX {
                assert_eq!(codes.apply(code), if code == chosen { 0 } else { code });
            }
            assert_eq!(codes.codes().collect::<Vec<_>>(), [chosen]);
        }
    }
}
