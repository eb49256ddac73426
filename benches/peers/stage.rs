//! What every launcher finds when it starts: secrets, policy, entrypoint, and
//! the small programs that play main.
//!
//! In: nothing. Out: a mount namespace of our own with a tmpfs on `/run`, in
//! which `/run/secrets` comes and goes by a rename between two launches.
//!
//! **Never:** a change outside of this namespace, but for the programs, which
//! are compiled into the build directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::mount::{MsFlags, mount};

/// Where secrets are while somebody needs them.
const SECRETS: &str = "/run/secrets";
/// The identity that `gosu` and the policy drop to: Debian's `nobody`.
const USER: &str = "nobody";
/// Its number.
pub(crate) const USER_ID: &str = "65534";
/// What the three secrets and the URLs are called in main's environment.
pub(crate) const VARIABLES: [&str; 2] = ["DATABASE_URL", "REDIS_URL"];
/// One more, which conventions and policy call alike.
pub(crate) const PLAIN_VARIABLE: &str = "MINIO_SECRET_KEY";

/// A secret that the conventions withhold.
pub(crate) const WITHHELD: &str = "/run/secrets/github-token";

const NAMES: [(&str, &str); 3] = [
    ("postgres_password", "correct-horse-battery-staple-1"),
    ("redis_password", "correct-horse-battery-staple-2"),
    ("minio_password", "correct-horse-battery-staple-3"),
];

const POLICY: &str = r#"{
  "version": 1,
  "connections": {
    "database": { "kind": "postgres", "host": "db", "user": "app", "password": "postgres_password", "database": "app" },
    "cache": { "kind": "redis", "host": "redis", "password": "redis_password", "database": 0 }
  },
  "run": {
    "env": { "DATABASE_URL": "database", "REDIS_URL": "cache", "MINIO_SECRET_KEY": "minio_password" },
    "user": "nobody"
  }
}
"#;

/// Three URLs; the token beside them is withheld.
const WHOLE_POLICY: &str = r#"{
  "version": 1,
  "connections": {
    "database": { "kind": "postgres", "host": "db", "user": "app", "password": "postgres_password", "database": "app" },
    "cache": { "kind": "redis", "host": "redis", "password": "redis_password", "database": 0 },
    "artifacts": { "kind": "minio", "endpoint": "http://minio:9000", "access_key": "app", "secret_key": "minio_password", "bucket": "artifacts" }
  },
  "run": {
    "env": { "DATABASE_URL": "database", "REDIS_URL": "cache", "MINIO_SECRET_KEY": "artifacts" },
    "user": "nobody"
  }
}
"#;

/// The same job as people write it. It encodes nothing in the URLs.
const ENTRYPOINT: &str = r#"#!/bin/sh
set -e
gosu=$1
shift
DATABASE_URL=postgresql://app:$(cat /run/secrets/postgres_password)@db:5432/app
REDIS_URL=redis://:$(cat /run/secrets/redis_password)@redis:6379/0
MINIO_SECRET_KEY=$(cat /run/secrets/minio_password)
export DATABASE_URL REDIS_URL MINIO_SECRET_KEY
exec "$gosu" nobody "$@"
"#;

/// Compiling without a C library.
const BARE: [&str; 4] = [
    "-nostdlib",
    "-ffreestanding",
    "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables",
];

/// What lies in `/run/secrets`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// There is no such directory.
    Bare,
    /// Three passwords.
    Secrets,
    /// Those, and a token that everybody may read and nobody is given.
    WholeRoad,
    /// One secret that main does not get.
    Withheld,
    /// As many secrets as this.
    Many(usize),
}

impl Scene {
    fn shelf(self) -> Option<PathBuf> {
        match self {
            Self::Bare => None,
            Self::Secrets => Some("/run/shelf/three".into()),
            Self::WholeRoad => Some("/run/shelf/whole".into()),
            Self::Withheld => Some("/run/shelf/withheld".into()),
            Self::Many(count) => Some(format!("/run/shelf/{count}").into()),
        }
    }
}

/// The prepared namespace.
pub(crate) struct Stage {
    noop: PathBuf,
    floor: PathBuf,
    actor: PathBuf,
    current: Scene,
}

impl Stage {
    /// Compiles the programs, leaves the mount namespace and prepares all.
    pub(crate) fn set() -> Self {
        let [noop, floor] = [
            (
                "noop",
                concat!(include_str!("call.h"), include_str!("noop.c")),
            ),
            (
                "floor",
                concat!(include_str!("call.h"), include_str!("floor.c")),
            ),
        ]
        .map(|(name, source)| compile(name, source, &BARE));
        let actor = compile("actor", include_str!("actor.c"), &[]);
        enter_namespace();
        for directory in ["/run/shelf", "/run/bench"] {
            fs::create_dir(directory).expect("a directory of ours");
        }
        fill(
            Scene::Secrets,
            NAMES.map(|(name, value)| (name.into(), value.into())),
        );
        let token = ("github_token", "correct-horse-battery-staple-4");
        fill(
            Scene::WholeRoad,
            NAMES
                .into_iter()
                .chain([token])
                .map(|(name, value)| (name.into(), value.into())),
        );
        let stage = Self {
            noop,
            floor,
            actor,
            current: Scene::Bare,
        };
        fs::write(stage.policy(), POLICY).expect("the policy");
        fs::write(stage.whole_policy(), WHOLE_POLICY).expect("the other policy");
        fs::write(stage.entrypoint(), ENTRYPOINT).expect("the entrypoint");
        stage
    }

    /// Makes a scene with `count` secrets, each a line of 24 bytes.
    #[expect(
        clippy::unused_self,
        reason = "there is nothing to prepare before it is"
    )]
    pub(crate) fn prepare_many(&self, count: usize) -> Scene {
        let scene = Scene::Many(count);
        let secrets = (0..count).map(|index| {
            let value = format!("value-of-secret-{index:08}");
            (format!("item_{index:05}"), value)
        });
        fill(scene, secrets);
        scene
    }

    /// Makes the scene with a withheld secret that only root can read, and the
    /// policy for a main that is somebody else.
    pub(crate) fn prepare_withheld(&self) {
        let name = WITHHELD.trim_start_matches("/run/secrets/");
        fill(
            Scene::Withheld,
            [(name.into(), "correct-horse-battery-staple-4".into())],
        );
        let directory = Scene::Withheld.shelf().expect("a scene with a secret");
        let file = directory.join(name);
        fs::set_permissions(file, fs::Permissions::from_mode(0o400)).expect("its mode");
        let policy = format!(r#"{{ "version": 1, "run": {{ "user": "{USER}" }} }}"#);
        fs::write(self.policy_of_nobody(), policy).expect("the policy");
    }

    /// The policy of that main.
    #[expect(clippy::unused_self, reason = "as for the policy")]
    pub(crate) fn policy_of_nobody(&self) -> &'static Path {
        Path::new("/run/bench/nobody.json")
    }

    /// Puts what the scene asks for in place. Two renames at most.
    pub(crate) fn arrange(&mut self, scene: Scene) {
        if scene == self.current {
            return;
        }
        if let Some(shelf) = self.current.shelf() {
            fs::rename(SECRETS, shelf).expect("the secrets go");
        }
        if let Some(shelf) = scene.shelf() {
            fs::rename(shelf, SECRETS).expect("the secrets come");
        }
        self.current = scene;
    }

    /// The lightest program.
    pub(crate) fn noop(&self) -> &str {
        text(&self.noop)
    }

    /// The program that does the least that a start of ours needs.
    pub(crate) fn floor(&self) -> &Path {
        &self.floor
    }

    /// The program with parts.
    pub(crate) fn actor(&self) -> &str {
        text(&self.actor)
    }

    /// The policy with three secrets and a user.
    #[expect(clippy::unused_self, reason = "it is there only once the stage is")]
    pub(crate) fn policy(&self) -> &'static Path {
        Path::new("/run/bench/policy.json")
    }

    /// The policy for the whole road.
    #[expect(clippy::unused_self, reason = "as for the policy")]
    pub(crate) fn whole_policy(&self) -> &'static Path {
        Path::new("/run/bench/whole.json")
    }

    /// The script that does the same.
    #[expect(clippy::unused_self, reason = "as for the policy")]
    pub(crate) fn entrypoint(&self) -> &'static Path {
        Path::new("/run/bench/entrypoint.sh")
    }

    /// The words that the storm's counter shares with us.
    #[expect(clippy::unused_self, reason = "as for the policy")]
    pub(crate) fn board(&self) -> &'static Path {
        Path::new("/run/bench/board")
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn enter_namespace() {
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let entry = format!("{USER}:x:{USER_ID}:");
    assert!(
        accounts.contains(&entry),
        "there is a user {USER} with uid {USER_ID}"
    );
    crate::process::leave_mount_namespace()
        .expect("a mount namespace of our own: measuring needs root (CAP_SYS_ADMIN, CAP_SETUID)");
    let none: Option<&str> = None;
    let all_private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(none, "/", none, all_private, none).expect("private mounts");
    mount(
        Some("tmpfs"),
        "/run",
        Some("tmpfs"),
        MsFlags::empty(),
        Some("mode=0755"),
    )
    .expect("a tmpfs on /run");
    for place in ["/var/run/secrets", "/etc/vestibule/policy.json"] {
        assert!(
            !Path::new(place).exists(),
            "{place} would disturb the bare start"
        );
    }
}

fn fill(scene: Scene, secrets: impl IntoIterator<Item = (String, String)>) {
    let shelf = scene.shelf().expect("a scene with secrets");
    fs::create_dir(&shelf).expect("a new shelf");
    for (name, value) in secrets {
        fs::write(shelf.join(name), format!("{value}\n")).expect("a secret");
    }
}

/// What a program says, or nothing if it cannot be run.
#[expect(clippy::disallowed_methods, reason = "the bench is not PID 1")]
pub(crate) fn output(program: &Path, arguments: &[&str]) -> String {
    let Ok(said) = Command::new(program).args(arguments).output() else {
        return String::new();
    };
    let text = [said.stdout, said.stderr].concat();
    String::from_utf8_lossy(&text).into()
}

/// Compiles one of the C programs with the lightest C library that there is.
#[expect(clippy::disallowed_methods, reason = "the bench is not PID 1")]
fn compile(name: &str, source: &str, options: &[&str]) -> PathBuf {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let (code, program) = (place.join(format!("{name}.c")), place.join(name));
    fs::write(&code, source).expect("the source is written");
    let mut complaints = Vec::new();
    for compiler in ["musl-gcc", "cc"] {
        let said = Command::new(compiler)
            .args(["-static", "-O2", "-Wall", "-Wextra", "-s"])
            .args(options)
            .arg("-o")
            .args([&program, &code])
            .output();
        match said {
            Ok(said) if said.status.success() => return program,
            Ok(said) => complaints.push(String::from_utf8_lossy(&said.stderr).into_owned()),
            Err(error) => complaints.push(format!("{compiler}: {error}")),
        }
    }
    panic!("{name}.c cannot be compiled:\n{}", complaints.join("\n"))
}
