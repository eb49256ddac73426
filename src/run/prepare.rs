//! The process becomes main, apart from the program itself.
//!
//! In: limits, identity, umask, directory. Out: a process that has them, with
//! nothing left by which it could get the old ones back.
//!
//! **Never:** a step skipped because it failed.

use std::path::PathBuf;

use caps::Capability;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, rlim_t, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, geteuid};

use super::capabilities::{Kept, Main};
use super::files::Copies;
use super::identity::{self, IdentityStep};
use super::terminal_filter;
use crate::collect::accounts::Identity;
use crate::exit::Exit;
use crate::pin::Confined;
use crate::policy::{Confinement, LimitRule, Policy};
use crate::report::{Fault, Reporter, lossy, said};
use crate::start::Caller;

/// What is changed about main's process.
#[derive(Debug, Default)]
pub struct Preparation {
    /// Resource limits.
    pub limits: Vec<LimitRule>,
    /// Who it runs as.
    pub identity: Option<Identity>,
    /// The file mode creation mask.
    pub umask: Option<u32>,
    /// The working directory, with the policy's entry.
    pub directory: Option<(PathBuf, String)>,
    /// How strictly withheld secrets must be out of reach.
    pub confinement: Confinement,
    /// The capabilities that the policy names.
    pub capabilities: Option<Vec<Capability>>,
    /// Where copies of secrets may lie.
    pub copies: Copies,
    /// Whether a secret is withheld.
    pub withholds: bool,
    /// Whether set-uid programs lose their power (PR_SET_NO_NEW_PRIVS).
    pub no_new_privileges: bool,
    /// The policy's file, for messages.
    pub policy: String,
    /// How main was confined, where this process is to be confined no other way.
    pub pinned: Option<Confined>,
}

impl Preparation {
    /// Adds what a policy says.
    pub fn adopt(&mut self, policy: &Policy) {
        let file = lossy(&policy.file);
        self.limits.clone_from(&policy.run.limits);
        self.umask = policy.run.umask;
        let directory = policy.run.directory.as_ref();
        self.directory =
            directory.map(|(path, place)| (path.clone(), format!("{file} at {place}")));
        self.confinement = policy.run.confinement.unwrap_or_default();
        self.capabilities.clone_from(&policy.run.capabilities);
        self.no_new_privileges |= policy.run.no_new_privileges == Some(true);
        self.policy = file;
    }

    /// What main keeps of the container's capabilities.
    #[must_use]
    pub fn kept_capabilities(&self) -> Kept {
        let main = match &self.identity {
            Some(identity) if identity.is_root() => Main::Root,
            Some(_) => Main::Other,
            None if geteuid().is_root() => Main::Root,
            None => Main::Container,
        };
        Kept::choose(self.capabilities.as_deref(), self.withholds, main)
    }
}

impl Preparation {
    /// What main will be as a process, for `-v`.
    pub fn explain(&self, report: Reporter) {
        let main = self.identity.clone().unwrap_or_else(Identity::own);
        let (uid, gid) = (main.uid, main.gid);
        let (rule, named) = self.kept_capabilities().words();
        let mut text = format!("run: main is {uid}:{gid}, capabilities: {rule}");
        if !named.is_empty() {
            text.extend([" ", &named.join(", ")]);
        }
        if self.no_new_privileges {
            text.push_str("; no_new_privs is set");
        }
        let fields = [
            ("uid", uid.into()),
            ("gid", gid.into()),
            ("capabilities", rule.into()),
            ("named", named.into()),
            ("no_new_privileges", self.no_new_privileges.into()),
        ];
        report.detail(1, "main", &text, &fields);
    }
}

/// A step that the system refused.
#[derive(Debug)]
pub enum PrepareError {
    /// fork(2).
    Fork(Errno),
    /// setrlimit(2), for this limit.
    Limit(String, Errno),
    /// A step of the user drop, and the policy's entry.
    Identity(IdentityStep, u32, Errno, String),
    /// A capability that the policy names and the container lacks.
    NoCapability(Capability, String),
    /// chdir(2), to this directory.
    Directory(PathBuf, Errno, String),
    /// PR_SET_NO_NEW_PRIVS.
    NoNewPrivileges(Errno),
    /// The policy keeps set-uid programs powerful although it withholds secrets.
    PrivilegesKept(String),
    /// The filter for the terminal's input.
    TerminalFilter(Errno),
}

/// `no_new_privileges: false` beside a withheld secret: a set-uid program could
/// read it for main.
#[must_use]
pub fn refuse_privileges(policy: Option<&Policy>, withheld: bool) -> Option<PrepareError> {
    let policy = policy.filter(|policy| withheld && policy.run.no_new_privileges == Some(false))?;
    Some(PrepareError::PrivilegesKept(lossy(&policy.file)))
}

/// The steps that need privileges, then those that main's own rights decide:
/// afterwards the process is main's user, in main's directory.
pub fn take_identity(preparation: &Preparation, caller: &Caller) -> Result<(), PrepareError> {
    // Effect: limits raised.
    let (soft, hard) = caller.core_limit;
    let _ = setrlimit(Resource::RLIMIT_CORE, soft, hard);
    // Only raising a limit needs privileges; lowering waits, because what is
    // still to be done must not fail for a limit that is meant for main.
    for limit in preparation.limits.iter().filter(|limit| is_raised(limit)) {
        set(limit, &preparation.policy)?;
    }
    become_user(preparation)?;
    // Effect: directory entered.
    if let Some((directory, place)) = &preparation.directory {
        chdir(directory)
            .map_err(|errno| PrepareError::Directory(directory.clone(), errno, place.clone()))?;
    }
    // Effect: no new privileges.
    if preparation.no_new_privileges {
        prctl::set_no_new_privs().map_err(PrepareError::NoNewPrivileges)?;
    }
    // Effect: terminal filter.
    if preparation.identity.is_some() && terminal_filter::is_needed() {
        terminal_filter::install().map_err(PrepareError::TerminalFilter)?;
    }
    Ok(())
}

/// Groups, gid, uid and capabilities, in the order in which each step may still
/// be taken.
fn become_user(preparation: &Preparation) -> Result<(), PrepareError> {
    let uid = preparation.identity.as_ref().map(|identity| identity.uid);
    let uid = uid.unwrap_or_else(|| geteuid().as_raw());
    let policy = || preparation.policy.clone();
    let entry = || format!("{} at /run/user", preparation.policy);
    let refused = |(step, errno)| PrepareError::Identity(step, uid, errno, entry());
    let kept = preparation.kept_capabilities();
    if let Some(missing) = kept.missing() {
        return Err(PrepareError::NoCapability(missing, policy()));
    }
    // Effect: bounding set.
    kept.limit_future();
    // Effect: identity.
    if let Some(identity) = &preparation.identity {
        identity::assume(identity, &kept).map_err(refused)?;
    }
    // Effect: capabilities.
    kept.limit_present(uid == 0)
        .map_err(|errno| refused((IdentityStep::Capabilities, errno)))?;
    // Effect: no way back.
    let identity = preparation.identity.as_ref();
    identity.map_or(Ok(()), |identity| {
        identity::verify(identity, &kept).map_err(refused)
    })
}

/// The last touch before the program: what would only hinder us until then.
pub fn settle(preparation: &Preparation) -> Result<(), PrepareError> {
    // Effect: limits and umask.
    for limit in &preparation.limits {
        set(limit, &preparation.policy)?;
    }
    if let Some(mask) = preparation.umask {
        umask(Mode::from_bits_truncate(mask));
    }
    Ok(())
}

fn is_raised(limit: &LimitRule) -> bool {
    getrlimit(limit.resource).is_ok_and(|(_, hard)| value_of(limit) > hard)
}

/// The kernel writes "unlimited" as the largest number.
fn value_of(limit: &LimitRule) -> rlim_t {
    limit.value.unwrap_or(RLIM_INFINITY)
}

fn set(limit: &LimitRule, policy: &str) -> Result<(), PrepareError> {
    let value = value_of(limit);
    setrlimit(limit.resource, value, value)
        .map_err(|errno| PrepareError::Limit(format!("{policy} at {}", limit.place), errno))
}

impl Fault for PrepareError {
    fn what(&self) -> String {
        match self {
            Self::Fork(errno) => format!("cannot start a process: {}", said(*errno)),
            Self::Limit(_, errno) => format!("cannot set a resource limit: {}", said(*errno)),
            Self::Identity(step, uid, errno, _) => {
                format!(
                    "cannot become uid {uid}: {} failed: {}",
                    step.name(),
                    said(*errno)
                )
            }
            Self::Directory(path, errno, _) => {
                format!(
                    "cannot enter the directory {}: {}",
                    lossy(path),
                    said(*errno)
                )
            }
            Self::NoCapability(capability, _) => {
                format!("main is to have {capability}, which the container does not have")
            }
            Self::NoNewPrivileges(errno) => format!("cannot set no_new_privs: {}", said(*errno)),
            Self::PrivilegesKept(_) => {
                "`no_new_privileges` is false, so a set-uid program could read the withheld secrets"
                    .into()
            }
            Self::TerminalFilter(errno) => {
                format!(
                    "cannot keep main's user from typing into the terminal: {}",
                    said(*errno)
                )
            }
        }
    }

    fn place(&self) -> String {
        match self {
            Self::Fork(_) => "the start of main".into(),
            Self::Limit(place, _)
            | Self::Identity(_, _, _, place)
            | Self::Directory(_, _, place) => {
                format!("{place}; as uid {}", geteuid())
            }
            Self::NoCapability(_, policy) => format!("{policy} at /run/capabilities"),
            Self::NoNewPrivileges(_) => "prctl(PR_SET_NO_NEW_PRIVS)".into(),
            Self::PrivilegesKept(policy) => format!("{policy} at /run/no_new_privileges"),
            Self::TerminalFilter(_) => "prctl(PR_SET_SECCOMP), for TIOCSTI".into(),
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Fork(_) => "raise the container's process limit (`pids_limit`) or its memory".into(),
            Self::Limit(..) => {
                "a limit over the container's own needs CAP_SYS_RESOURCE; raise it there (compose: `ulimits:`)".into()
            }
            Self::Identity(IdentityStep::Regain, ..) => "report this: the kernel let an old identity come back".into(),
            Self::Identity(_, _, Errno::EINVAL, _) => {
                "choose a user and groups that the container's user namespace has (/proc/self/uid_map, /proc/self/gid_map)".into()
            }
            Self::Identity(..) => {
                "changing the user needs CAP_SETUID and CAP_SETGID (compose: `cap_add: [SETUID, SETGID]`), or start the container as that user (`user:`) and leave `user` out of the policy".into()
            }
            Self::Directory(..) => "create it in the image, let that user enter it, or correct the path".into(),
            Self::NoCapability(capability, _) => {
                let name = capability.to_string();
                let name = name.trim_start_matches("CAP_");
                format!("give it to the container (compose: `cap_add: [{name}]`), or take it out of the list")
            }
            Self::NoNewPrivileges(_) => "Linux 3.5 or newer is needed".into(),
            Self::PrivilegesKept(_) => "leave the key out, or permit or unmount every secret".into(),
            Self::TerminalFilter(_) => {
                "run the container without a terminal (`tty: false`), or set the host's sysctl dev.tty.legacy_tiocsti to 0".into()
            }
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Fork(_) | Self::NoNewPrivileges(_) | Self::TerminalFilter(_) => Exit::System,
            Self::Directory(_, errno, _)
                if !matches!(errno, Errno::ENOENT | Errno::EACCES | Errno::ENOTDIR) =>
            {
                Exit::System
            }
            Self::Limit(..)
            | Self::Identity(..)
            | Self::NoCapability(..)
            | Self::Directory(..)
            | Self::PrivilegesKept(_) => Exit::Policy,
        }
    }
}
