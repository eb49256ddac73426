//! Containers as an engine is told to make them.
//!
//! In: nothing. Out: the table; `containers` runs the thief in each.

/// What `--privileged` means, for an engine that was itself denied a capability
/// and so cannot give all.
pub(crate) const AS_GOOD_AS_PRIVILEGED: &[&str] = &[
    "--cap-add",
    "ALL",
    "--cap-drop",
    "SYS_RESOURCE",
    "--device-cgroup-rule",
    "a *:* rwm",
    "--security-opt",
    "seccomp=unconfined",
    "--security-opt",
    "apparmor=unconfined",
    "--security-opt",
    "systempaths=unconfined",
];

/// One kind of container.
pub(crate) struct Container {
    /// Its name in messages and in the concessions.
    pub(crate) name: &'static str,
    /// What `docker run` is told.
    pub(crate) options: &'static [&'static str],
    /// `run.user` of the policy.
    pub(crate) user: Option<&'static str>,
    /// Mode and owner of the withheld file.
    pub(crate) file: (u32, u32),
    /// Whether the project's directory is mounted, with its secrets in it.
    pub(crate) has_project: bool,
}

const PLAIN: Container = Container {
    name: "container, root",
    options: &[],
    user: None,
    file: (0o444, 0),
    has_project: false,
};

pub(crate) const CONTAINERS: &[Container] = &[
    PLAIN,
    Container {
        name: "container, root to user",
        user: Some("1000:1000"),
        file: (0o400, 0),
        ..PLAIN
    },
    Container {
        name: "container, root to user, files 0444",
        user: Some("1000:1000"),
        ..PLAIN
    },
    Container {
        name: "container, root to user, files its own",
        user: Some("1000:1000"),
        file: (0o600, 1000),
        ..PLAIN
    },
    Container {
        name: "container, same user",
        options: &["--user", "1000:1000"],
        ..PLAIN
    },
    Container {
        name: "container, same user, files its own",
        options: &["--user", "1000:1000"],
        file: (0o600, 1000),
        ..PLAIN
    },
    Container {
        name: "container, root, cap_drop: ALL",
        options: &["--cap-drop", "ALL"],
        ..PLAIN
    },
    Container {
        name: "container, root to user, cap_drop: ALL but SETUID, SETGID",
        options: &[
            "--cap-drop",
            "ALL",
            "--cap-add",
            "SETUID",
            "--cap-add",
            "SETGID",
        ],
        user: Some("1000:1000"),
        ..PLAIN
    },
    Container {
        name: "container, privileged root",
        options: &["--privileged"],
        ..PLAIN
    },
    Container {
        name: "container, privileged root to user",
        options: &["--privileged"],
        user: Some("1000:1000"),
        ..PLAIN
    },
    Container {
        name: "container, read-only root, hardened user",
        options: &[
            "--read-only",
            "--tmpfs",
            "/tmp",
            "--tmpfs",
            "/var/tmp",
            "--user",
            "1000:1000",
            "--cap-drop",
            "ALL",
            "--security-opt",
            "no-new-privileges",
        ],
        ..PLAIN
    },
    Container {
        name: "container, without seccomp",
        options: &["--security-opt", "seccomp=unconfined"],
        ..PLAIN
    },
    Container {
        name: "container, SYS_ADMIN and SYS_PTRACE",
        options: &[
            "--cap-add",
            "SYS_ADMIN",
            "--cap-add",
            "SYS_PTRACE",
            "--cap-add",
            "DAC_READ_SEARCH",
        ],
        ..PLAIN
    },
    Container {
        name: "container, project directory with its secrets",
        user: Some("1000:1000"),
        file: (0o600, 1000),
        has_project: true,
        ..PLAIN
    },
    Container {
        name: "container, project directory with its secrets, root",
        file: (0o600, 1000),
        has_project: true,
        ..PLAIN
    },
];
