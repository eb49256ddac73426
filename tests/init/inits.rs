//! The inits that the claims are pointed at: where each lies, and by which of
//! its own options it is told what a claim needs.
//!
//! In: nothing but this table, and `INIT_TO_COMPARE` for one more. Out: `Init`s.
//!
//! **Never:** a claim that knows an init by name. What an init has no option
//! for is `None`, and its row says so.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::harness;

/// One init, as the claims see it.
#[derive(Clone, Debug)]
pub(crate) struct Init {
    /// Its name in the table.
    pub(crate) name: String,
    /// The program.
    pub(crate) path: PathBuf,
    /// How it is called, per thing that it is asked for.
    pub(crate) arguments: Arguments,
    /// Whether there is a secret, with which vestibule hands over to a small
    /// reaper: every claim has to hold across that, too.
    pub(crate) has_secret: bool,
}

/// Options that mean the same thing in each init's own letters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arguments {
    /// Signals go to main alone.
    pub(crate) child: Option<&'static [&'static str]>,
    /// Signals go to main's process group.
    pub(crate) group: Option<&'static [&'static str]>,
    /// Adopt orphans without being PID 1.
    pub(crate) subreaper: Option<&'static [&'static str]>,
    /// Get USR1 when the parent ends.
    pub(crate) parent_death: Option<&'static [&'static str]>,
    /// Say each orphan that was reaped.
    pub(crate) warn_on_reap: Option<&'static [&'static str]>,
    /// The option that counts an exit code as success; the code follows.
    pub(crate) success: Option<&'static str>,
    /// The option that rewrites a signal; `FROM:TO` in numbers follows.
    pub(crate) rewrite: Option<&'static str>,
    /// KILL main half a second after a stop began.
    pub(crate) grace: Option<&'static [&'static str]>,
    /// Whether secrets come as files; other inits' users put them in variables.
    pub(crate) reads_secret_files: bool,
}

const NONE: Arguments = Arguments {
    child: Some(&[]),
    group: None,
    subreaper: None,
    parent_death: None,
    warn_on_reap: None,
    success: None,
    rewrite: None,
    grace: None,
    reads_secret_files: false,
};

const TINI: Arguments = Arguments {
    group: Some(&["-g"]),
    subreaper: Some(&["-s"]),
    parent_death: Some(&["-p", "SIGUSR1"]),
    warn_on_reap: Some(&["-w"]),
    success: Some("-e"),
    ..NONE
};

const DUMB_INIT: Arguments = Arguments {
    child: Some(&["-c"]),
    group: Some(&[]),
    rewrite: Some("-r"),
    ..NONE
};

const CATATONIT: Arguments = Arguments {
    group: Some(&["-g"]),
    // It always is one.
    subreaper: Some(&[]),
    ..NONE
};

const VESTIBULE: Arguments = Arguments {
    rewrite: Some("-r"),
    grace: Some(&["--grace", "500ms"]),
    reads_secret_files: true,
    parent_death: Some(&["-p", "USR1"]),
    ..TINI
};

impl Init {
    /// The one that every claim must hold for.
    pub(crate) fn vestibule() -> Self {
        Self::new("vestibule", harness::vestibule(), VESTIBULE)
    }

    /// The same, with a secret to keep.
    pub(crate) fn vestibule_with_secret() -> Self {
        let name = "vestibule + secret".into();
        Self {
            name,
            has_secret: true,
            ..Self::vestibule()
        }
    }

    /// The others, as far as this machine has them.
    pub(crate) fn peers() -> Vec<Self> {
        let known = [
            ("tini", "/usr/bin/tini", TINI),
            ("tini-static", "/usr/bin/tini-static", TINI),
            ("dumb-init", "/usr/bin/dumb-init", DUMB_INIT),
            ("catatonit", "/usr/bin/catatonit", CATATONIT),
        ];
        let known = known
            .into_iter()
            .map(|(name, path, arguments)| Self::new(name, path, arguments));
        // Any other init can be put to the same questions.
        let named = std::env::var_os("INIT_TO_COMPARE").map(PathBuf::from);
        let named = named.into_iter().map(|path| {
            let name = path.file_name().unwrap_or(OsStr::new("init")).as_bytes();
            Self::new(&String::from_utf8_lossy(name), &path, NONE)
        });
        known
            .chain(named)
            .filter(|init| init.path.exists())
            .collect()
    }

    fn new(name: &str, path: impl AsRef<Path>, arguments: Arguments) -> Self {
        Self {
            name: name.into(),
            path: path.as_ref().into(),
            arguments,
            has_secret: false,
        }
    }
}
