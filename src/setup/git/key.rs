//! Whether a secret is a private key that an agent takes without asking.
//!
//! In: the secret's bytes. Out: nothing, or what is wrong in words that help;
//! `ssh-add` itself would ask for a passphrase where nobody can answer.
//!
//! **Never:** a key taken apart: what is in it is `ssh-add`'s business.

use std::fmt;

/// More than any key, and less than a pipe takes at once (pipe(7)).
pub(super) const KEY_BYTES: usize = 32 * 1024;

/// The first line's words for a private key.
const BEGIN: &str = "-----BEGIN ";
const OPENSSH: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
/// `openssh-key-v1`, NUL, and the length and text of the cipher's name `none`,
/// in base64 as every such key starts (OpenSSH, PROTOCOL.key).
const NO_CIPHER: &str = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU";

/// Why a secret cannot be added to an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyProblem {
    /// Lines end with a carriage return.
    CarriageReturns,
    /// The last line is missing.
    Cut,
    /// It is something else.
    NotAKey,
    /// A passphrase would be needed.
    Passphrase,
    /// The public half.
    Public,
    /// PuTTY's own form.
    Putty,
    /// Over 32 KiB.
    TooLong,
}

impl KeyProblem {
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::CarriageReturns => {
                "save it with Unix line ends, for example by `sed -i 's/\\r$//'`"
            }
            Self::Cut => {
                "copy the whole file, from `-----BEGIN` to the end of the line with `-----END`"
            }
            Self::NotAKey | Self::TooLong => "give the private key's file as `ssh-keygen` made it",
            Self::Passphrase => {
                "give a deploy key of its own without one: `ssh-keygen -t ed25519 -N ''`"
            }
            Self::Public => "give the private half: the file without `.pub`",
            Self::Putty => "convert it: `puttygen KEY.ppk -O private-openssh-new`",
        }
    }
}

impl fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CarriageReturns => "is a private key with Windows line ends",
            Self::Cut => "is a private key without its end",
            Self::NotAKey => "is no private SSH key",
            Self::Passphrase => "is a private key with a passphrase",
            Self::Public => "is a public SSH key",
            Self::Putty => "is a key in PuTTY's form",
            Self::TooLong => "is too long for a private key",
        })
    }
}

/// Refuses what `ssh-add` would refuse without saying why.
pub(super) fn check(bytes: &[u8]) -> Result<(), KeyProblem> {
    if bytes.len() > KEY_BYTES {
        return Err(KeyProblem::TooLong);
    }
    let text = str::from_utf8(bytes).map_err(|_| KeyProblem::NotAKey)?;
    let first = text.lines().next().unwrap_or_default();
    if ["ssh-", "ecdsa-", "sk-"]
        .iter()
        .any(|kind| first.starts_with(kind))
    {
        return Err(KeyProblem::Public);
    }
    if first.starts_with("PuTTY-User-Key-File") {
        return Err(KeyProblem::Putty);
    }
    if !first.starts_with(BEGIN) || !first.ends_with("PRIVATE KEY-----") {
        return Err(KeyProblem::NotAKey);
    }
    if text.contains('\r') {
        return Err(KeyProblem::CarriageReturns);
    }
    if !first
        .replacen("BEGIN", "END", 1)
        .eq(text.lines().last().unwrap_or_default())
    {
        return Err(KeyProblem::Cut);
    }
    let body = text.lines().nth(1).unwrap_or_default();
    let is_open = if first == OPENSSH {
        body.starts_with(NO_CIPHER)
    } else {
        !first.contains(" ENCRYPTED ") && !body.contains("ENCRYPTED")
    };
    if is_open {
        Ok(())
    } else {
        Err(KeyProblem::Passphrase)
    }
}
