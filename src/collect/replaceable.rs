//! Whether setup or main could change what the next start trusts: the policy,
//! this binary, the two account files, which name of a secret leads to which file.
//!
//! In: a path and an identity. Out: the first thing that lets the identity
//! change or replace the file: the file itself, an entry on the way to it, or a
//! directory where it is missing; or a step that nobody could judge. Owner, mode and mount of each step decide, up
//! to the root of the file's mount: what is mounted comes back with a restart.
//!
//! **Never:** an answer for an identity with capabilities; root is asked about
//! apart. A second way to the same file (another mount, a hard link) is another
//! path to ask about.

mod asked;
mod walk;

use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::accounts::Identity;
use super::file::Ownership;
use super::policy_file;
use super::wording::shown_path;
use crate::exit::Exit;
use crate::report::{Fault, said};
use crate::sys::process::executed_path;

pub use asked::{Ask, find};
pub use walk::{Unjudged, steps};

/// Who a user's name and number are read from, for every start.
const ACCOUNTS: [&str; 2] = ["/etc/passwd", "/etc/group"];

/// What lets an identity change a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weakness {
    /// The file, or the directory that holds a step on the way to it.
    pub path: PathBuf,
    /// Whose it is.
    pub ownership: Ownership,
    /// What the identity could do there.
    pub way: Way,
}

/// How a file could be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The file (or directory) itself could be written to.
    Write,
    /// An entry of a directory could be replaced.
    Replace,
    /// The file is missing, and could be made.
    Create,
}

/// What a file is to a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Policy,
    Binary,
    Accounts,
    /// A directory with secret files: whoever can rename them, or make a link to one,
    /// chooses under which name its value is read.
    Secrets,
    Program,
    /// What such a program needs: an interpreter, a loader, a library's place.
    Needed,
}

/// What speaks against trusting a file.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Weak(Weakness),
    Unjudged(Unjudged),
}

/// A file that setup's or main's user could change before the next start, or may be
/// able to.
#[derive(Debug)]
pub struct ReplaceableFault {
    role: Role,
    file: PathBuf,
    found: Found,
    uid: u32,
    who: &'static str,
    /// Whether setup has been: before it nobody had let them.
    is_after_setup: bool,
}

/// What every start trusts, as the paths were when this one began.
#[derive(Debug)]
pub struct Trusted(Vec<(Role, PathBuf)>);

impl Trusted {
    /// With this policy and these directories with secrets. A default policy that is
    /// missing could be made.
    #[must_use]
    pub fn by(policy: Option<&Path>, secrets: &[PathBuf]) -> Self {
        let policy = policy.unwrap_or(Path::new(policy_file::DEFAULT));
        let mut files = vec![(Role::Policy, policy.to_path_buf())];
        files.extend(own_paths().into_iter().map(|path| (Role::Binary, path)));
        files.extend(ACCOUNTS.map(|path| (Role::Accounts, PathBuf::from(path))));
        files.extend(secrets.iter().map(|path| (Role::Secrets, path.clone())));
        Self(files)
    }

    /// Every file that the identity could change, one fault for each place to mend.
    /// Root has none: it is asked about by `is_writable_for_root` and
    /// `own_program_of_root`.
    #[must_use]
    pub fn faults(
        &self,
        identity: &Identity,
        who: &'static str,
        ask: Ask,
    ) -> Vec<ReplaceableFault> {
        faults_of(&self.0, identity, who, ask)
    }

    /// The same once setup is over: what could not be changed before it.
    #[must_use]
    pub fn faults_after_setup(
        &self,
        identity: &Identity,
        who: &'static str,
        ask: Ask,
    ) -> Vec<ReplaceableFault> {
        let mut faults = self.faults(identity, who, ask);
        for fault in &mut faults {
            fault.is_after_setup = true;
        }
        faults
    }

    /// Whether root could change the policy, an account file or which name of a secret
    /// leads to which file: then it can prepare the next start, and what is guaranteed
    /// holds for this one alone.
    #[must_use]
    pub fn is_writable_for_root(&self, ask: Ask) -> bool {
        let root = Identity::root();
        let mut files = self.0.iter();
        files.any(|(role, file)| *role != Role::Binary && find(file, &root, ask) != Ok(None))
    }
}

/// Whether the identity, root included, could change what one of these directories
/// with secrets holds.
#[must_use]
pub fn can_change_secrets(secrets: &[PathBuf], identity: &Identity, ask: Ask) -> bool {
    let mut secrets = secrets.iter();
    secrets.any(|directory| find(directory, identity, ask) != Ok(None))
}

/// The same as `Trusted::faults` for a program that the policy names for vestibule
/// itself, and for what that program needs.
#[must_use]
pub fn program(
    path: &Path,
    needed: &[PathBuf],
    identity: &Identity,
    who: &'static str,
    ask: Ask,
) -> Vec<ReplaceableFault> {
    let needed = needed.iter().map(|path| (Role::Needed, path.clone()));
    let files = [(Role::Program, path.to_path_buf())].into_iter();
    let files: Vec<_> = files.chain(needed).collect();
    faults_of(&files, identity, who, ask)
}

fn faults_of(
    files: &[(Role, PathBuf)],
    identity: &Identity,
    who: &'static str,
    ask: Ask,
) -> Vec<ReplaceableFault> {
    let mut faults: Vec<ReplaceableFault> = Vec::new();
    for (role, file) in files.iter().filter(|_| identity.uid != 0) {
        let found = match find(file, identity, ask) {
            Ok(None) => continue,
            Ok(Some(weakness)) => Found::Weak(weakness),
            Err(unjudged) => Found::Unjudged(unjudged),
        };
        // A binary that is not at this path any more is not started from it, and a
        // directory that main makes has what main put there.
        let may_be_absent = matches!(role, Role::Binary | Role::Secrets);
        let is_gone = may_be_absent && found.is_creatable();
        let is_known = |known: &ReplaceableFault| known.found.place() == found.place();
        if !is_gone && !faults.iter().any(is_known) {
            faults.push(ReplaceableFault {
                role: *role,
                file: file.clone(),
                found,
                uid: identity.uid,
                who,
                is_after_setup: false,
            });
        }
    }
    faults
}

/// The paths by which this program was started, if root could put another one there:
/// what runs it beside main (a health check, `vestibule exec`) would run that.
#[must_use]
pub fn own_program_of_root(ask: Ask) -> Option<Vec<PathBuf>> {
    let root = Identity::root();
    let paths = own_paths();
    let is_weak = |path: &PathBuf| find(path, &root, ask) != Ok(None);
    paths.iter().any(is_weak).then_some(paths)
}

/// Where this program is. The first may be a link to the second, and then both ways
/// count.
fn own_paths() -> Vec<PathBuf> {
    let executed = executed_path();
    let linked = std::fs::read_link("/proc/self/exe").ok();
    let mut paths: Vec<PathBuf> = executed.into_iter().chain(linked).collect();
    paths.dedup();
    paths
}

impl Found {
    fn place(&self) -> &Path {
        match self {
            Self::Weak(weakness) => &weakness.path,
            Self::Unjudged(unjudged) => &unjudged.step,
        }
    }

    fn is_creatable(&self) -> bool {
        matches!(self, Self::Weak(weakness) if weakness.way == Way::Create)
    }
}

impl Weakness {
    fn place(&self) -> String {
        let Ownership { uid, gid, mode } = self.ownership;
        format!(
            "{} (owner {uid}:{gid}, mode {mode:04o})",
            shown_path(&self.path)
        )
    }

    /// What to change, if `uid` is who could use it.
    fn remedy(&self, uid: u32, is_after_setup: bool) -> String {
        let Self {
            path,
            ownership,
            way,
        } = self;
        let path = shown_path(path);
        let mend = if ownership.uid == uid {
            format!("give {path} to root (chown 0:0)")
        } else if ownership.mode & 0o022 == 0 {
            format!("take the access list from {path} (setfacl -b)")
        } else {
            let mode = ownership.mode & !0o022;
            format!("take the write bits from {path} (chmod {mode:04o})")
        };
        let other = match way {
            Way::Write => "mount it read-only (`:ro`)",
            Way::Replace | Way::Create => {
                "make the file system read-only (compose: `read_only: true`; a mount: `:ro`)"
            }
        };
        if is_after_setup {
            return format!(
                "{mend} at the end of setup, or {other}; then make the container anew: a volume keeps what setup made"
            );
        }
        format!("{mend}, or {other}")
    }
}

impl Fault for ReplaceableFault {
    fn what(&self) -> String {
        let (file, who) = (shown_path(&self.file), self.who);
        let trust = match self.role {
            Role::Program => "vestibule is to run it",
            Role::Needed => "a program that vestibule is to run needs it",
            Role::Policy | Role::Binary | Role::Accounts => "the next start trusts it",
            Role::Secrets => "the next start trusts the names in it",
        };
        let way = match &self.found {
            Found::Unjudged(_) => {
                return format!("whether {who} can change {file} cannot be told, and {trust}");
            }
            Found::Weak(weakness) => match weakness.way {
                Way::Write => "can be changed",
                Way::Replace => "can be replaced",
                Way::Create => "could be made",
            },
        };
        let when = if self.is_after_setup {
            "after setup, "
        } else {
            ""
        };
        format!("{when}{file} {way} by {who}, and {trust}")
    }

    fn place(&self) -> String {
        let place = match &self.found {
            Found::Weak(weakness) => weakness.place(),
            Found::Unjudged(unjudged) => unjudged.place(),
        };
        format!("{place}; {} is uid {}", self.who, self.uid)
    }

    fn remedy(&self) -> String {
        match &self.found {
            Found::Weak(weakness) => weakness.remedy(self.uid, self.is_after_setup),
            Found::Unjudged(unjudged) => unjudged.remedy(),
        }
    }

    fn exit(&self) -> Exit {
        match &self.found {
            Found::Weak(_) => Exit::Policy,
            Found::Unjudged(unjudged) => unjudged.exit(),
        }
    }
}

impl Unjudged {
    /// What stood in the way, for messages.
    #[must_use]
    pub fn place(&self) -> String {
        format!(
            "looking at {}: {}",
            shown_path(&self.step),
            said(self.errno)
        )
    }

    /// What to change.
    #[must_use]
    pub fn remedy(&self) -> String {
        if self.is_refusal() {
            "let PID 1 search the directories above it (chmod a+x), or become that user to look (compose: `cap_add: [SETUID, SETGID]`)".into()
        } else {
            "a restart may help".into()
        }
    }

    /// A refusal stays until somebody changes it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if self.is_refusal() {
            Exit::Policy
        } else {
            Exit::System
        }
    }

    fn is_refusal(&self) -> bool {
        matches!(self.errno, Errno::EACCES | Errno::ELOOP)
    }
}

#[cfg(test)]
mod tests;
