//! Traces that setup left in files: credentials in Git's configuration, the
//! files of other tools, code that main would run, rights that files give.
//!
//! In: the trees that setup could write to, home directories, the marks of their
//! mounts. Out: every trace that is not older than setup, by file and line; on
//! demand the file without it. Known forms are found here; a value in any other
//! place is the scan's to find.
//!
//! **Never:** a credential in a `Residue`, a change to anything but the trace, a
//! link followed. What cannot be looked at is a finding too.

mod artefact;
mod blame;
mod carry;
mod clean;
mod descend;
mod file;
mod git;
mod git_config;
mod places;
mod settle;
mod walk;

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::geteuid;

use super::as_user::ask_unless_stopped;
use super::scan::masked_path;
use super::since::Mark;
use super::wording::{SLOW, UNSEEN, shown_path};
use crate::collect::accounts::Identity;
use crate::exit::Exit;
use crate::report::{Fault, Reporter};
use crate::search::Searcher;

pub use clean::{CleanFault, clean};
pub use settle::{Settled, settle};

/// A trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Residue {
    /// The file.
    pub path: PathBuf,
    /// The line, for a trace within a file.
    pub line: Option<u32>,
    /// What it is.
    pub kind: Kind,
    /// Whether `clean` knows a way that changes nothing else.
    pub can_clean: bool,
}

/// What a trace is. The comment names the row of the threat list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// G1: user info in a URL of a Git configuration.
    GitUrl,
    /// G2: user info in the URL of a submodule.
    SubmoduleUrl,
    /// G3: an HTTP header, usually `Authorization`.
    ExtraHeader,
    /// G4: a credential helper, or the name to log in with.
    CredentialSetting,
    /// G4: what `credential.helper store` writes.
    CredentialStore,
    /// G5: the helper that keeps credentials in a process.
    CredentialCache,
    /// G6: a `.netrc`.
    Netrc,
    /// G10: user info in a base URL that takes others' place.
    InsteadOf,
    /// G11: another file whose settings count.
    Include,
    /// G14: the file of another tool in which it keeps credentials.
    ToolCredential,
    /// G15: user info in a URL of a lock file or a record of an installation.
    ArtefactUrl,
    /// G16: the history of a shell or a client.
    History,
    /// X1: a set-user-id or set-group-id program.
    SetId,
    /// X1: a program with capabilities of its own.
    FileCapability,
    /// X2: a library that every dynamic program would load.
    Preload,
    /// X3: a program that Git would start.
    GitCommand,
    /// X3: an executable hook.
    GitHook,
    /// X3: a file that a shell or another program obeys at its start.
    StartFile,
    /// Nobody could look at it.
    Unreadable,
    /// The look took too long and ended there.
    Unfinished,
}

/// What was looked at, and what was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The traces, in the order of their discovery.
    pub residues: Vec<Residue>,
    /// As many more as are not in the list.
    pub more: u64,
    /// As many files and directories were looked at.
    pub seen: u64,
}

/// Where to look.
pub struct Places<'a> {
    /// Trees that setup could write to.
    pub roots: &'a [PathBuf],
    /// Home directories, of setup if it is kept and of main's user.
    pub homes: &'a [PathBuf],
    /// The marks of the mounts in question. On a mount without one everything
    /// counts as new.
    pub marks: &'a [Mark],
    /// Where the progress of a long look is said.
    pub report: Option<Reporter>,
    /// How long it may take.
    pub patience: Duration,
    /// Setup's user: what it could not have written is no trace of it.
    pub setup: &'a Identity,
}

/// Looks at all the trees, each on its own mount and no further.
#[must_use]
pub fn look(places: &Places<'_>) -> Found {
    walk::look(places)
}

/// The same with the eyes of other users too, for a root that may not read
/// everything: what any could look at was looked at. In children, so that a signal
/// to PID 1 ends it at once (EINTR).
pub fn look_as(places: &Places<'_>, users: &[&Identity]) -> nix::Result<Found> {
    let look = |user| {
        let bytes = ask_unless_stopped(user, &|| carry::encode(&walk::look(places)))?;
        carry::decode(&bytes).ok_or(Errno::ECHILD)
    };
    let mut asked = vec![geteuid().as_raw()];
    let mut found = look(None)?;
    for user in users {
        let is_blind = found.residues.iter().any(Residue::is_unread);
        if is_blind && !asked.contains(&user.uid) {
            asked.push(user.uid);
            found.join(&look(Some(user))?);
        }
    }
    // Main's user can look, and not ask.
    blame::acquit(&mut found.residues, 0, places.setup);
    Ok(found)
}

impl Kind {
    /// The row of the threat list.
    #[must_use]
    pub fn row(self) -> &'static str {
        match self {
            Self::GitUrl => "G1",
            Self::SubmoduleUrl => "G2",
            Self::ExtraHeader => "G3",
            Self::CredentialSetting | Self::CredentialStore => "G4",
            Self::CredentialCache => "G5",
            Self::Netrc => "G6",
            Self::InsteadOf => "G10",
            Self::Include => "G11",
            Self::ToolCredential => "G14",
            Self::ArtefactUrl => "G15",
            Self::History => "G16",
            Self::SetId | Self::FileCapability => "X1",
            Self::Preload => "X2",
            Self::GitCommand | Self::GitHook | Self::StartFile => "X3",
            Self::Unreadable | Self::Unfinished => "Z6",
        }
    }

    /// Whether it can give main a credential. The others are code or rights that
    /// setup planted, which `no_new_privs` and a fresh home make harmless.
    #[must_use]
    pub fn is_credential(self) -> bool {
        !matches!(
            self,
            Self::SetId
                | Self::FileCapability
                | Self::Preload
                | Self::GitCommand
                | Self::GitHook
                | Self::StartFile
        )
    }

    fn text(self) -> &'static str {
        match self {
            Self::GitUrl => "a URL with user info in a Git configuration",
            Self::SubmoduleUrl => "a submodule's URL with user info",
            Self::ExtraHeader => "an HTTP header in a Git configuration",
            Self::CredentialSetting => "a credential setting of Git",
            Self::CredentialStore => "stored Git credentials",
            Self::CredentialCache => "Git's credential cache",
            Self::Netrc => "a .netrc",
            Self::InsteadOf => "a URL with user info that stands in for others",
            Self::Include => "another file included in a Git configuration",
            Self::ToolCredential => "a file in which a tool keeps credentials",
            Self::ArtefactUrl => "a URL with user info in what was installed",
            Self::History => "a history of commands",
            Self::SetId => "a set-user-id or set-group-id program",
            Self::FileCapability => "a program with capabilities",
            Self::Preload => "a library for every program",
            Self::GitCommand => "a program that Git would start",
            Self::GitHook => "a Git hook",
            Self::StartFile => "a file that programs obey at their start",
            Self::Unreadable => "a file or directory that could not be looked at",
            Self::Unfinished => "more than could be looked at within an hour",
        }
    }
}

impl Residue {
    fn new(path: &Path, line: Option<u32>, kind: Kind, can_clean: bool) -> Self {
        Self {
            path: path.to_path_buf(),
            line,
            kind,
            // What was installed to be run is named, and stays.
            can_clean: can_clean && kind.is_credential(),
        }
    }

    /// The same for messages: no value in its path.
    #[must_use]
    pub fn shown(mut self, searcher: &Searcher) -> Self {
        self.path = masked_path(&self.path, searcher);
        self
    }
}

impl Fault for Residue {
    fn what(&self) -> String {
        // It need not be setup's: a mount of another user may be older.
        let left = if matches!(self.kind, Kind::Unreadable | Kind::Unfinished) {
            "there is"
        } else {
            "setup left"
        };
        format!("{left} {} ({})", self.kind.text(), self.kind.row())
    }

    fn place(&self) -> String {
        let path = shown_path(&self.path);
        match self.line {
            Some(line) => format!("{path}:{line}"),
            None => path,
        }
    }

    fn remedy(&self) -> String {
        if self.kind == Kind::Unreadable {
            return UNSEEN.into();
        }
        if self.kind == Kind::Unfinished {
            return SLOW.into();
        }
        let git = "give Git its credential by `setup.git` instead";
        let remove = if self.can_clean {
            "remove it at the end of setup, or let the seal do it: `\"on_hit\": \"remove\"`"
        } else {
            "remove it at the end of setup"
        };
        match self.kind {
            Kind::GitUrl
            | Kind::SubmoduleUrl
            | Kind::ExtraHeader
            | Kind::CredentialSetting
            | Kind::CredentialStore
            | Kind::CredentialCache
            | Kind::InsteadOf => format!("{git}, or {remove}"),
            Kind::Netrc
            | Kind::Include
            | Kind::ToolCredential
            | Kind::ArtefactUrl
            | Kind::History
            | Kind::SetId
            | Kind::FileCapability
            | Kind::Preload
            | Kind::GitCommand
            | Kind::GitHook
            | Kind::StartFile
            | Kind::Unreadable
            | Kind::Unfinished => remove.into(),
        }
    }

    fn exit(&self) -> Exit {
        Exit::Seal
    }
}

#[cfg(test)]
mod tests;
