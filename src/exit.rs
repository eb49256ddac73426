//! The exit-code contract: what a number from vestibule itself means.
//!
//! In: a refusal or a fault, already reported. Out: the number that an
//! orchestrator sees. Main's own codes and 128+n pass through `init::status`.
//!
//! **Never:** a code chosen anywhere else.

/// An exit code of vestibule itself, as documented in `docs/exit-codes.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 100: the policy or the invocation is wrong; restarting will not help.
    Policy,
    /// 101: our own bug; the panic hook printed file and line.
    Bug,
    /// 111: the system refused something; a retry may help.
    System,
    /// 120: setup failed or overran, so main was not started.
    Setup,
    /// 121: the seal refused: something of setup is left.
    Seal,
    /// 122: main could have reached a withheld secret, so it was not started.
    Proof,
    /// 126: the command was found but cannot be executed.
    NotExecutable,
    /// 127: the command was not found.
    NotFound,
}

impl Exit {
    /// The number itself.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Policy => 100,
            Self::Bug => 101,
            Self::System => 111,
            Self::Setup => 120,
            Self::Seal => 121,
            Self::Proof => 122,
            Self::NotExecutable => 126,
            Self::NotFound => 127,
        }
    }
}
