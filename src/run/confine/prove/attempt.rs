//! One attempt to reach a withheld secret, and how it ended.
//!
//! In: what a system call answered. Out: whether that is a refusal.
//!
//! **Never:** what was read.

use nix::errno::Errno;

use crate::report::said;

/// One attempt.
#[derive(Debug)]
pub struct Attempt {
    /// How, for people: `open`, `ptrace`.
    pub channel: &'static str,
    /// What was tried.
    pub target: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What to change if it did not end in a refusal.
    pub remedy: &'static str,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// EACCES or EPERM.
    Refused,
    /// There is no such file or process, or it holds nothing.
    Absent,
    /// It opened, and what was read is none of the withheld values.
    Harmless,
    /// The policy names the capability that opens this way.
    Accepted,
    /// It succeeded.
    Reached,
    /// It failed with this, which is no refusal.
    Unclear(Errno),
}

impl Outcome {
    /// What the answer of a system call means, for one that must not succeed.
    pub(super) fn of<T>(answer: &nix::Result<T>) -> Self {
        match answer {
            Ok(_) => Self::Reached,
            Err(Errno::EACCES | Errno::EPERM) => Self::Refused,
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ESRCH) => Self::Absent,
            Err(errno) => Self::Unclear(*errno),
        }
    }

    /// Whether main may be started in spite of it.
    #[must_use]
    pub fn is_refusal(self) -> bool {
        !matches!(self, Self::Reached | Self::Unclear(_))
    }

    /// One word for `--json`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Absent => "absent",
            Self::Harmless => "harmless",
            Self::Accepted => "accepted",
            Self::Reached => "reached",
            Self::Unclear(_) => "unclear",
        }
    }

    /// The outcome as the end of a sentence.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Refused => "was refused".into(),
            Self::Absent => "found nothing".into(),
            Self::Harmless => "found nothing withheld".into(),
            Self::Accepted => "is accepted by the policy".into(),
            Self::Reached => "succeeded".into(),
            Self::Unclear(errno) => {
                format!("was not refused but failed: {}", said(errno))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::Outcome;

    #[test]
    fn only_a_refusal_or_nothing_there_lets_main_start() {
        for errno in [
            Errno::EACCES,
            Errno::EPERM,
            Errno::ENOENT,
            Errno::ENOTDIR,
            Errno::ESRCH,
        ] {
            assert!(Outcome::of::<()>(&Err(errno)).is_refusal(), "{errno}");
        }
        for errno in [
            Errno::EIO,
            Errno::ELOOP,
            Errno::ENOSYS,
            Errno::EMFILE,
            Errno::EINVAL,
        ] {
            assert!(!Outcome::of::<()>(&Err(errno)).is_refusal(), "{errno}");
        }
        assert!(!Outcome::of(&Ok(())).is_refusal());
    }
}
