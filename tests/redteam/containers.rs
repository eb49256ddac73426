//! The same thief in containers of a real engine, with its seccomp profile, its
//! mounts and its devices.
//!
//! In: the Docker engine of this machine, an image of `tests/docker/images.sh`.
//! Out: no theft in any mode. A machine without an engine skips these claims and
//! says so, unless `CI` is set.
//!
//! In every container a session of `docker exec` holds the value in its
//! environment before the thief begins.
//!
//! **Never:** a container that outlives its test, nor a value in an argument.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::claims::JUDGED;
use crate::engine::{self, Finished, docker, finish, program};
use crate::harness;
use crate::kinds::{AS_GOOD_AS_PRIVILEGED, CONTAINERS, Container};
use crate::loot::{self, Attempt};
use crate::robbery::{thief, veiled};
use crate::rows;

/// What runs as PID 1.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Init {
    Vestibule,
    Tini,
}

/// Waits until the test says that everything is in its place.
const WAIT: &str = "while [ ! -e /tmp/begin ]; do sleep 0.02; done; exec /thief";

/// A container at work.
struct Scene {
    name: String,
    directory: PathBuf,
}

impl Drop for Scene {
    fn drop(&mut self) {
        docker(&["rm", "--force", "--volumes", &self.name]);
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn write(path: &Path, mode: u32, owner: u32, content: &str) {
    let parent = path.parent().expect("a directory");
    fs::create_dir_all(parent).expect("the directory is made");
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .expect("a new file");
    file.write_all(content.as_bytes()).expect("it is written");
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
        .expect("its mode");
    chown(path, Some(owner), Some(owner)).expect("its owner");
}

fn random() -> String {
    let mut bytes = [0; 8];
    let mut source = fs::File::open("/dev/urandom").expect("/dev/urandom");
    source.read_exact(&mut bytes).expect("random bytes");
    format!("{:016x}", u64::from_le_bytes(bytes))
}

fn image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| {
        finish(program("bash").arg("tests/docker/images.sh")).success("tests/docker/images.sh");
        let made = fs::read_to_string(engine::workplace().join("images.env")).expect("images.env");
        let image = made
            .lines()
            .find_map(|line| line.strip_prefix("REDIS_IMAGE="));
        image.expect("an image with a shell").to_owned()
    })
}

impl Container {
    /// Starts it, with the thief as a main that still waits.
    fn start(&self, init: Init) -> Scene {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("vestibule-redteam-{}-{number}", std::process::id());
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
        let scene = Scene { name, directory };
        self.lay_out(&scene.directory);
        let started = self.run(&scene, init, self.options);
        if started.code == Some(0) {
            return scene;
        }
        assert!(
            self.options == ["--privileged"] && started.said.contains("unable to apply caps"),
            "{}: {}",
            self.name,
            started.said
        );
        docker(&["rm", "--force", &scene.name]);
        self.run(&scene, init, AS_GOOD_AS_PRIVILEGED)
            .success(self.name);
        scene
    }

    fn run(&self, scene: &Scene, init: Init, options: &[&str]) -> Finished {
        let mut run = program("docker");
        run.args([
            "run",
            "--detach",
            "--name",
            &scene.name,
            "--network",
            "none",
        ]);
        run.args(options);
        for mount in self.mounts(&scene.directory, init) {
            run.args(["--volume", &mount]);
        }
        run.arg("--env-file").arg(scene.directory.join("variables"));
        run.args(["--entrypoint", "/protector", image()]);
        match init {
            Init::Vestibule => run.args(["--", "/bin/sh", "-c", WAIT]),
            Init::Tini => {
                let user = self.user.map_or(String::new(), |_| {
                    "setpriv --reuid 1000 --regid 1000 --clear-groups".into()
                });
                let script = format!("unset DROPPED; exec {user} /bin/sh -c '{WAIT}'");
                run.args(["--", "/bin/sh", "-c", &script])
            }
        };
        finish(&mut run)
    }

    fn lay_out(&self, directory: &Path) {
        let value = || format!("{}/+%@:#{}", random(), random());
        let (withheld, dropped) = (value(), value());
        let (mode, owner) = self.file;
        write(
            &directory.join("project/secrets/withheld"),
            mode,
            owner,
            &withheld,
        );
        write(
            &directory.join("project/secrets/permitted"),
            0o444,
            0,
            &value(),
        );
        write(
            &directory.join("variables"),
            0o600,
            0,
            &format!("DROPPED={dropped}\n"),
        );
        write(
            &directory.join("session"),
            0o600,
            0,
            &format!("HELD={withheld}\n"),
        );
        let user = self
            .user
            .map_or(String::new(), |user| format!(r#""user": "{user}","#));
        let policy = format!(
            r#"{{ "version": 1, "secrets": {{ "dropped": {{ "from": "env:DROPPED" }} }},
                "run": {{ {user} "env": {{ "PERMITTED": "permitted" }}, "confinement": "required" }} }}"#
        );
        write(&directory.join("policy.json"), 0o444, 0, &policy);
        let alias = if self.has_project {
            "a /workspace/secrets/withheld\n"
        } else {
            ""
        };
        let key = [
            &veiled("withheld", &withheld),
            &veiled("dropped", &dropped),
            "p /run/secrets/withheld\nv /protector\nu /suid\n",
            alias,
        ];
        write(&directory.join("key"), 0o444, 0, &key.concat());
        fs::copy(thief(), directory.join("suid")).expect("a copy");
        let path = directory.join("suid");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o4755);
        fs::set_permissions(path, mode).expect("the set-uid bit");
    }

    fn mounts(&self, directory: &Path, init: Init) -> Vec<String> {
        let ours = |name: &str, target: &str| format!("{}/{name}:{target}:ro", directory.display());
        let protector = match init {
            Init::Vestibule => harness::vestibule(),
            Init::Tini => Path::new("/usr/bin/tini-static"),
        };
        let mut mounts = vec![
            ours("project/secrets/withheld", "/run/secrets/withheld"),
            ours("project/secrets/permitted", "/run/secrets/permitted"),
            ours("policy.json", "/etc/vestibule/policy.json"),
            ours("key", "/thief.key"),
            ours("suid", "/suid"),
            format!("{}:/thief:ro", thief().display()),
            format!("{}:/protector:ro", protector.display()),
        ];
        if self.has_project {
            mounts.push(format!("{}/project:/workspace", directory.display()));
        }
        mounts
    }

    /// Lets the thief begin, beside a session that holds the value, and waits
    /// for its report.
    fn rob(&self, init: Init) -> Vec<Attempt> {
        let scene = self.start(init);
        let session = scene.directory.join("session");
        let mut exec = program("docker");
        exec.args([
            "exec",
            "--detach",
            "--user",
            if self.is_root() { "0:0" } else { "1000:1000" },
        ]);
        exec.arg("--env-file").arg(session);
        exec.args([&scene.name, "sleep", "600"]);
        let said = || docker(&["logs", &scene.name]).said;
        let held = finish(&mut exec);
        assert_eq!(held.code, Some(0), "{}: {}", self.name, said());
        docker(&["exec", &scene.name, "touch", "/tmp/begin"]).success(self.name);
        docker(&["wait", &scene.name]).success(self.name);
        let said = said();
        loot::parse(&said).unwrap_or_else(|| panic!("{}: the thief did not end: {said}", self.name))
    }

    fn is_root(&self) -> bool {
        self.user.is_none() && !self.options.contains(&"--user")
    }

    fn expect_nothing(&self, attempts: &[Attempt], through: &str) {
        let thefts = attempts.iter().filter(|attempt| {
            let is_judged = attempt.row == "S16" || JUDGED.contains(&attempt.row.as_str());
            is_judged && attempt.is_theft() && !rows::is_conceded(&attempt.row, self.name)
        });
        let thefts: Vec<String> = thefts
            .map(|attempt| format!("mode `{}`{through}: {attempt}", self.name))
            .collect();
        assert!(thefts.is_empty(), "{}", thefts.join("\n"));
    }
}

#[test]
fn no_prevented_row_succeeds_in_any_container() {
    if !engine::answers() {
        return;
    }
    let mut failures = String::new();
    for container in CONTAINERS {
        let attempts = container.rob(Init::Vestibule);
        let judged = std::panic::catch_unwind(|| container.expect_nothing(&attempts, ""));
        if let Err(panic) = judged {
            failures.push_str(panic.downcast_ref::<String>().map_or("?", String::as_str));
            failures.push('\n');
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn devices_of_the_machine_are_out_of_reach() {
    if !engine::answers() {
        return;
    }
    for name in [
        "container, root",
        "container, same user",
        "container, without seccomp",
    ] {
        let container = CONTAINERS.iter().find(|container| container.name == name);
        let attempts = container.expect("the container").rob(Init::Vestibule);
        let theft = attempts
            .iter()
            .find(|attempt| attempt.row == "S16" && attempt.is_theft());
        assert!(
            theft.is_none(),
            "{name}: {}",
            theft.map_or(String::new(), ToString::to_string)
        );
    }
}

#[test]
fn the_same_rows_succeed_behind_an_ordinary_init() {
    if !engine::answers() || !Path::new("/usr/bin/tini-static").exists() {
        return;
    }
    let robbed = |container: &Container, expected: &[&str]| {
        let attempts = container.rob(Init::Tini);
        for row in expected {
            let mut of_row = attempts.iter().filter(|attempt| attempt.row == *row);
            assert!(
                of_row.any(Attempt::is_theft),
                "{}: {row} proves nothing",
                container.name
            );
        }
    };
    robbed(&CONTAINERS[0], &["E2", "E3", "E4", "E9", "S1"]);
    robbed(&CONTAINERS[2], &["E3", "S1"]);
    robbed(&CONTAINERS[4], &["E2", "E3", "E4", "S1"]);
    let privileged = CONTAINERS
        .iter()
        .find(|one| one.name == "container, privileged root");
    let privileged = privileged.expect("the container");
    robbed(privileged, &["E7", "S4", "S12", "S19", "L2"]);
    if opens_a_disk() {
        robbed(privileged, &["S16"]);
    }
}

/// Whether this machine lets its own root open a disk; one that is itself a
/// container does not, and then no container of it can.
fn opens_a_disk() -> bool {
    let disks = fs::read_to_string("/proc/partitions").unwrap_or_default();
    let names = disks
        .lines()
        .filter_map(|line| line.split_ascii_whitespace().nth(3));
    let mut paths = names.map(|name| Path::new("/dev").join(name));
    paths.any(|path| fs::File::open(path).is_ok())
}

/// What a session of the operator's finds: by itself the secret, and through
/// `vestibule exec` nothing.
#[test]
fn a_session_is_confined_by_vestibule_exec_and_not_without() {
    if !engine::answers() {
        return;
    }
    for name in [
        "container, root",
        "container, root to user, files 0444",
        "container, same user",
    ] {
        let container = CONTAINERS.iter().find(|container| container.name == name);
        let container = container.expect("the container");
        let scene = container.start(Init::Vestibule);
        let plain = docker(&["exec", &scene.name, "/thief", "S1"]).said;
        let plain = loot::parse(&plain).expect("the thief came to its end");
        assert!(
            plain.iter().any(Attempt::is_theft),
            "{name}: plain exec is as it was"
        );
        let through = ["exec", &scene.name, "/protector", "exec", "--", "/thief"];
        let said = docker(&through).said;
        let attempts = loot::parse(&said);
        let attempts = attempts.unwrap_or_else(|| panic!("{name}: no end of the thief: {said}"));
        container.expect_nothing(&attempts, " through exec");
    }
}
