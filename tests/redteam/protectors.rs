//! Who stands between the thief and the secrets: vestibule, and what people use
//! in its place, each in the way its own users would.
//!
//! In: nothing but this table. Out: the command that makes the thief main.
//!
//! **Never:** a peer at a disadvantage of its own: each gets the permitted value
//! to main, and takes the other out of the environment before.

use std::path::{Path, PathBuf};

use crate::harness;

/// The entrypoint script that such containers have: the permitted secret becomes
/// a variable, the one for set-up alone is removed.
const ENTRYPOINT: &str = "unset DROPPED; PERMITTED=$(cat /run/secrets/permitted); \
    export PERMITTED; exec \"$@\"";

/// One way to start main.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Protector {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// The program that becomes PID 1.
    pub(crate) path: PathBuf,
    /// Words between it and the entrypoint script.
    words: &'static [&'static str],
}

impl Protector {
    /// The one that is to hold.
    pub(crate) fn vestibule() -> Self {
        Self::new("vestibule", harness::vestibule(), &["--"])
    }

    /// The others, as far as this machine has them.
    pub(crate) fn peers() -> Vec<Self> {
        [
            Self::new("sh entrypoint", "/bin/sh", &[]),
            Self::new("tini", "/usr/bin/tini-static", &["--"]),
            Self::new("dumb-init", "/usr/bin/dumb-init", &["--"]),
            Self::new("catatonit", "/usr/bin/catatonit", &["--"]),
        ]
        .into_iter()
        .filter(|peer| peer.path.exists())
        .collect()
    }

    /// An init that is given the thief and nothing else: not even the variable is
    /// taken out.
    pub(crate) fn careless() -> Self {
        Self::new("careless", "/usr/bin/tini-static", &["--"])
    }

    fn new(name: &'static str, path: impl AsRef<Path>, words: &'static [&'static str]) -> Self {
        Self {
            name,
            path: path.as_ref().to_owned(),
            words,
        }
    }

    pub(crate) fn is_vestibule(&self) -> bool {
        self.name == "vestibule"
    }

    /// Everything after the program's own name, for a main that runs as `user`.
    pub(crate) fn command(&self, user: Option<&str>) -> Vec<String> {
        let mut words: Vec<String> = self.words.iter().map(ToString::to_string).collect();
        if !self.is_vestibule() && self.name != "careless" {
            if !self.path.ends_with("sh") {
                words.push("/bin/sh".into());
            }
            words.extend(["-c".into(), ENTRYPOINT.into(), "entrypoint".into()]);
            if let Some(user) = user {
                words.extend(["gosu".into(), user.into()]);
            }
        }
        words.push("/thief".into());
        words
    }
}
