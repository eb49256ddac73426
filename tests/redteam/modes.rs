//! Containers as people set them up, each with a withheld value that its main
//! could have by the container's own rights.
//!
//! In: nothing. Out: the table, twice: without a setup phase before main and with
//! one; `scenes` makes a scene of each.
//!
//! In every mode: `/run/secrets/withheld` and the variable `DROPPED` are
//! withheld, `permitted` is main's; processes of main's user hold the value
//! beside main; PID 1 inherits descriptors of it; `/suid` is a set-uid-root
//! program that reads what it is told to.

use std::fmt;

use crate::harness::capability;

/// How the withheld value lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lies {
    /// A directory of files, as Swarm mounts them, with this mode and owner.
    Mounted(u32, (u32, u32)),
    /// Behind the links that Kubernetes swaps.
    Snapshot,
    /// A file of a project directory, mounted once more below `/run/secrets`.
    InProject(u32, (u32, u32)),
    /// The whole directory mounted in a second place.
    Twice,
    /// The same, below a home that only its user may enter.
    TwiceInHome,
    /// A second name beside the project's secrets.
    HardLink,
    /// In a directory of the writable root.
    OnRoot,
    /// A mount of its own, as Compose makes it, and nowhere else.
    Alone,
    /// In a subdirectory, where nobody's rights keep it from anybody.
    Below,
    /// Added to a directory of files with mode 0400, while main runs.
    Later,
    /// Known by its name alone, without a policy.
    Conventional,
    /// A variable that looks like a credential; no policy names it, no file is there.
    Variable,
}

/// Who main is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The container's root.
    Root,
    /// Another user than PID 1's.
    Dropped,
    /// The container's user, who is nobody in particular.
    Same,
}

/// How a container has `/proc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proc {
    /// With the kernel's settings read-only, as runtimes make it.
    Guarded,
    /// As privileged containers have it.
    Open,
    /// Not at all.
    Absent,
}

/// One kind of container.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mode {
    /// Its name in messages and tables.
    pub(crate) name: &'static str,
    /// Where the withheld value is.
    pub(crate) lies: Lies,
    /// Who main is.
    pub(crate) who: Who,
    /// The bounding set.
    pub(crate) capabilities: u64,
    /// Whether the root can be written.
    pub(crate) is_read_only: bool,
    /// What there is of `/proc`.
    pub(crate) proc: Proc,
    /// What vestibule says where it starts no main, since nothing hides the file.
    refusal: Option<&'static str>,
    /// Whether the init is PID 1.
    pub(crate) is_pid_1: bool,
    /// An option that vestibule gets.
    pub(crate) option: Option<&'static str>,
    /// Whether a setup phase with a credential of its own came before main.
    pub(crate) has_setup: bool,
}

const DOCKER: Mode = Mode {
    name: "root",
    lies: Lies::Mounted(0o444, (0, 0)),
    who: Who::Root,
    capabilities: capability::DOCKER,
    is_read_only: false,
    proc: Proc::Guarded,
    refusal: None,
    is_pid_1: true,
    option: None,
    has_setup: false,
};

const DROPPED: Mode = Mode {
    who: Who::Dropped,
    ..DOCKER
};

const SAME: Mode = Mode {
    who: Who::Same,
    ..DOCKER
};

/// `cap_drop: ALL` with what it takes to become another user and to signal it: PID 1
/// cannot enter what others shut.
const WORKSPACE: u64 =
    capability::SETUID | capability::SETGID | capability::SETPCAP | capability::KILL;

/// All modes. The first of each kind stand in the table beside other inits.
pub(crate) const MODES: &[Mode] = &[
    DOCKER,
    Mode {
        name: "root to user",
        lies: Lies::Mounted(0o400, (0, 0)),
        ..DROPPED
    },
    Mode {
        name: "root to user, files 0444",
        ..DROPPED
    },
    Mode {
        name: "root to user, files its own",
        lies: Lies::Mounted(0o400, (1000, 1000)),
        ..DROPPED
    },
    Mode {
        name: "root to user, files of its group",
        lies: Lies::Mounted(0o440, (0, 2000)),
        ..DROPPED
    },
    Mode {
        name: "same user",
        ..SAME
    },
    Mode {
        name: "same user, files its own",
        lies: Lies::Mounted(0o400, (1000, 1000)),
        ..SAME
    },
    Mode {
        name: "root, cap_drop: ALL",
        capabilities: 0,
        ..DOCKER
    },
    Mode {
        name: "root to user, cap_drop: ALL but SETUID, SETGID",
        capabilities: capability::SETUID | capability::SETGID,
        ..DROPPED
    },
    Mode {
        name: "privileged root",
        capabilities: capability::ALL,
        proc: Proc::Open,
        ..DOCKER
    },
    Mode {
        name: "privileged root to user",
        capabilities: capability::ALL,
        proc: Proc::Open,
        ..DROPPED
    },
    Mode {
        name: "read-only root",
        is_read_only: true,
        ..DOCKER
    },
    Mode {
        name: "read-only root to user",
        is_read_only: true,
        ..DROPPED
    },
    Mode {
        name: "project directory with its secrets",
        lies: Lies::InProject(0o444, (1000, 1000)),
        ..DROPPED
    },
    Mode {
        name: "project directory with its secrets, root",
        lies: Lies::InProject(0o600, (1000, 1000)),
        ..DOCKER
    },
    Mode {
        name: "project directory with its secrets, same user",
        lies: Lies::InProject(0o600, (1000, 1000)),
        ..SAME
    },
    Mode {
        name: "project directory with its secrets, privileged",
        lies: Lies::InProject(0o600, (1000, 1000)),
        capabilities: capability::ALL,
        proc: Proc::Open,
        ..DOCKER
    },
    Mode {
        name: "secrets mounted twice",
        lies: Lies::Twice,
        ..DROPPED
    },
    Mode {
        name: "secrets mounted twice, in a private home, workspace's capabilities",
        lies: Lies::TwiceInHome,
        capabilities: WORKSPACE,
        ..DROPPED
    },
    Mode {
        name: "secrets mounted twice, privileged root",
        lies: Lies::Twice,
        capabilities: capability::ALL,
        proc: Proc::Open,
        ..DOCKER
    },
    Mode {
        name: "secrets mounted twice, no /proc",
        refusal: Some("/proc"),
        lies: Lies::Twice,
        proc: Proc::Absent,
        ..DROPPED
    },
    Mode {
        name: "project directory with its secrets, no /proc",
        refusal: Some("/proc"),
        lies: Lies::InProject(0o444, (1000, 1000)),
        proc: Proc::Absent,
        ..SAME
    },
    Mode {
        name: "hard link beside the secrets",
        refusal: Some("hard link"),
        lies: Lies::HardLink,
        ..DROPPED
    },
    Mode {
        name: "Kubernetes snapshot",
        lies: Lies::Snapshot,
        ..SAME
    },
    Mode {
        name: "Kubernetes snapshot, root",
        lies: Lies::Snapshot,
        ..DOCKER
    },
    Mode {
        name: "secrets on the writable root",
        lies: Lies::OnRoot,
        ..DOCKER
    },
    Mode {
        name: "secrets on the writable root, privileged",
        lies: Lies::OnRoot,
        capabilities: capability::ALL,
        proc: Proc::Open,
        ..DOCKER
    },
    Mode {
        name: "a mount of its own",
        lies: Lies::Alone,
        ..DOCKER
    },
    Mode {
        name: "a mount of its own, privileged root",
        lies: Lies::Alone,
        capabilities: capability::ALL,
        proc: Proc::Open,
        ..DOCKER
    },
    Mode {
        name: "a mount of its own, privileged root to user",
        lies: Lies::Alone,
        capabilities: capability::ALL,
        proc: Proc::Open,
        ..DROPPED
    },
    Mode {
        name: "a file below a subdirectory",
        lies: Lies::Below,
        ..DROPPED
    },
    Mode {
        name: "a file that comes later",
        lies: Lies::Later,
        ..DROPPED
    },
    Mode {
        name: "no policy",
        lies: Lies::Conventional,
        ..DOCKER
    },
    Mode {
        name: "no policy, same user",
        lies: Lies::Conventional,
        ..SAME
    },
    Mode {
        name: "a variable that looks like a credential, same user",
        lies: Lies::Variable,
        ..SAME
    },
    Mode {
        name: "a variable that looks like a credential",
        lies: Lies::Variable,
        ..DOCKER
    },
    Mode {
        name: "same user, privileged",
        capabilities: capability::ALL,
        proc: Proc::Open,
        ..SAME
    },
    Mode {
        name: "replaced by main",
        option: Some("--exec"),
        ..DOCKER
    },
    Mode {
        name: "replaced by main, same user",
        option: Some("--exec"),
        ..SAME
    },
    Mode {
        name: "not PID 1",
        is_pid_1: false,
        option: Some("-s"),
        ..DOCKER
    },
    Mode {
        name: "not PID 1, to user",
        is_pid_1: false,
        option: Some("-s"),
        ..DROPPED
    },
];

/// Every mode, without a setup phase before main and with one.
pub(crate) fn all() -> impl Iterator<Item = Mode> {
    MODES.iter().flat_map(Mode::both)
}

/// The mode of this name.
pub(crate) fn named(name: &str) -> &'static Mode {
    let found = MODES.iter().find(|mode| mode.name == name);
    found.unwrap_or_else(|| panic!("no mode `{name}`"))
}

impl Mode {
    /// Itself, and the same after a setup phase.
    pub(crate) fn both(&self) -> [Self; 2] {
        [false, true].map(|has_setup| Self { has_setup, ..*self })
    }

    /// The exit code and the words where vestibule is to start no main. What cannot
    /// be hidden from main cannot be from the first command of setup either.
    pub(crate) fn refusal(&self) -> Option<(u8, &'static str)> {
        if self.has_setup && !self.is_pid_1 {
            return Some((100, "not PID 1: nobody could kill what setup leaves"));
        }
        let code = if self.has_setup { 120 } else { 100 };
        self.refusal.map(|words| (code, words))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = if self.has_setup { " after setup" } else { "" };
        write!(f, "mode `{}`{after}", self.name)
    }
}
