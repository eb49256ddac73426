//! Why withheld secrets cannot be put out of reach, in an operator's words.
//!
//! In: what stood in the way. Out: a `Fault` that names the knob to turn.
//!
//! **Never:** a refusal without a way out: there are always three, the user,
//! the file's mode and a weaker level by name.

use std::path::PathBuf;

use nix::errno::Errno;
use nix::unistd::geteuid;

use super::landlock::NoRules;
use crate::exit::Exit;
use crate::pin::Confined;
use crate::report::{Fault, lossy, said};

/// Why main was not started.
#[derive(Debug)]
pub enum ConfineError {
    /// Main could read this file, and there is nothing to keep it from it.
    NoMeans {
        /// The file.
        path: PathBuf,
        /// Why Landlock could not.
        reason: NoRules,
    },
    /// This file has another name, which could be anywhere.
    Linked(PathBuf),
    /// This file may have other paths, by which main could read it.
    MountsUnknown(PathBuf),
    /// A mount with secrets is in use by this very process.
    Held(PathBuf),
    /// Landlock is there, but a step of it was refused.
    Landlock(Errno),
    /// Main was confined in another way than this session would be.
    Changed {
        /// As PID 1 shows it.
        main: Confined,
        /// The same for the session.
        session: Confined,
    },
}

impl Fault for ConfineError {
    fn what(&self) -> String {
        match self {
            Self::NoMeans { path, reason } => {
                let path = lossy(path);
                let reason = match reason {
                    NoRules::NoLandlock => format!("{} offers no Landlock", kernel()),
                    NoRules::Unlisted(directory, errno) => {
                        format!("{} cannot be listed: {}", lossy(directory), said(*errno))
                    }
                    NoRules::Refused(errno) => format!("Landlock refused a rule: {}", said(*errno)),
                };
                format!(
                    "main could read the withheld secret `{path}`, and nothing here can hide it: {reason}"
                )
            }
            Self::Linked(path) => format!(
                "the withheld secret `{}` is a hard link: main could read it by its other name",
                lossy(path)
            ),
            Self::MountsUnknown(path) => format!(
                "main could read the withheld secret `{}` by another mount, and not all mounts are known",
                lossy(path)
            ),
            Self::Held(point) => format!(
                "cannot unmount `{}` for main: something still holds it",
                lossy(point)
            ),
            Self::Changed { .. } => "this session cannot be confined as main is".into(),
            Self::Landlock(errno) => {
                format!(
                    "cannot keep main from the withheld secrets: Landlock refused: {}",
                    said(*errno)
                )
            }
        }
    }

    fn place(&self) -> String {
        match self {
            Self::NoMeans { .. } => format!("main would run as uid {}", geteuid()),
            Self::Linked(path) => format!("{}, by the number of its links", lossy(path)),
            Self::MountsUnknown(_) => "/proc/self/mountinfo".into(),
            Self::Held(_) => "umount(2), in a mount namespace of main's own".into(),
            Self::Landlock(_) => "landlock_restrict_self(2)".into(),
            Self::Changed { main, session } => format!(
                "the last argument of PID 1 ends with {main}, this session's would with {session}"
            ),
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::NoMeans { .. } => "run main as another user (`run.user`) and mount the file with mode 0400, or use Linux 5.13 or newer and an engine whose seccomp profile allows Landlock, or do not mount it here; `\"confinement\": \"environment-only\"` in the policy's `run` accepts it".into(),
            Self::Linked(_) => "copy the file instead of linking it, or mount it with mode 0400 for root and run main as another user (`run.user`)".into(),
            Self::MountsUnknown(_) => "mount `/proc` in the container and let its root be a mount (no chroot), or mount the file with mode 0400 for root and run main as another user (`run.user`)".into(),
            Self::Held(_) => "start the container in a directory outside its secrets".into(),
            Self::Changed { .. } => "restart the container: its mounts, or what there is to hide, have changed since main was started; a session has to have the container's own capabilities (no `--privileged`)".into(),
            Self::Landlock(_) => "let the seccomp profile allow the landlock system calls, or none of them".into(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NoMeans { .. }
            | Self::Linked(_)
            | Self::MountsUnknown(_)
            | Self::Changed { .. } => Exit::Policy,
            Self::Held(_) | Self::Landlock(_) => Exit::System,
        }
    }
}

/// The kernel by its version, which tells an old one from a seccomp profile.
fn kernel() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease");
    release.map_or_else(
        |_| "the kernel".into(),
        |release| ["Linux ", release.trim_end()].concat(),
    )
}
