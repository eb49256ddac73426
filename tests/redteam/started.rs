//! A container of a kind, laid out on this machine and started by the engine, with
//! the thief as a main that still waits.
//!
//! In: a kind, and what is PID 1 in it. Out: a container at work, gone with its
//! value.
//!
//! **Never:** a container that outlives its test, nor a value in an argument.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use crate::engine::{self, Finished, docker, finish, program};
use crate::harness;
use crate::kinds::{AS_GOOD_AS_PRIVILEGED, Container};
use crate::loot::{self, Attempt, Thief};
use crate::robbery::{thief, veiled};
use crate::server::{Server, image};
use crate::setup::{self, GROUND};

/// What runs as PID 1.
#[derive(Clone, Copy)]
pub(crate) enum Init<'a> {
    Vestibule,
    /// The same, with a setup phase before main that clones from this server.
    AfterSetup(&'a Server),
    Tini,
}

impl<'a> Init<'a> {
    pub(crate) fn server(self) -> Option<&'a Server> {
        match self {
            Self::AfterSetup(server) => Some(server),
            Self::Vestibule | Self::Tini => None,
        }
    }
}

/// Waits until the test says that everything is in its place.
const WAIT: &str = "echo main; while [ ! -e /tmp/begin ]; do sleep 0.02; done; exec /thief";

/// A container at work.
pub(crate) struct Scene {
    pub(crate) name: String,
    kind: &'static str,
    pub(crate) directory: PathBuf,
}

impl Scene {
    pub(crate) fn said(&self) -> String {
        docker(&["logs", &self.name]).said
    }

    /// A setup phase ends whatever is beside PID 1 before.
    pub(crate) fn wait_for_main(&self) {
        engine::wait_for("main", || {
            let said = self.said();
            let is_there = said.lines().any(|line| line == "main");
            let state = ["inspect", "--format", "{{.State.Status}}", &self.name];
            assert!(
                is_there || docker(&state).said.trim() != "exited",
                "{}: {said}",
                self.kind
            );
            is_there.then_some(())
        });
    }

    /// What the thief comes to in a session by these words.
    pub(crate) fn session(&self, words: &[&str]) -> Vec<Attempt> {
        let said = docker(&[&["exec", &self.name], words].concat()).said;
        let attempts = loot::parse(&said, Thief::Session);
        attempts.unwrap_or_else(|| panic!("{}: no end of the thief: {said}", self.kind))
    }
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

pub(crate) fn value() -> String {
    format!("{}/+%@:#{}", random(), random())
}

impl Container {
    /// Starts it, with the thief as a main that still waits.
    pub(crate) fn start(&self, init: Init) -> Scene {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("vestibule-redteam-{}-{number}", std::process::id());
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
        let scene = Scene {
            name,
            kind: self.name,
            directory,
        };
        self.lay_out(&scene.directory, init.server());
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
            init.server().map_or("none", Server::network),
        ]);
        run.args(options);
        for mount in self.mounts(&scene.directory, init) {
            run.args(["--volume", &mount]);
        }
        run.arg("--env-file").arg(scene.directory.join("variables"));
        run.args(["--entrypoint", "/protector", &image("WORKSPACE_IMAGE")]);
        match init {
            Init::Vestibule | Init::AfterSetup(_) => run.args(["--", "/bin/sh", "-c", WAIT]),
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

    fn lay_out(&self, directory: &Path, server: Option<&Server>) {
        let (withheld, dropped) = (value(), value());
        let (mode, owner) = self.file;
        let secrets = directory.join("project/secrets");
        write(&secrets.join("withheld"), mode, owner, &withheld);
        write(&secrets.join("permitted"), 0o444, 0, &value());
        let variables = format!("DROPPED={dropped}\n");
        write(&directory.join("variables"), 0o600, 0, &variables);
        let session = format!("HELD={withheld}\n");
        write(&directory.join("session"), 0o600, 0, &session);
        let mut policy = json!({
            "version": 1, "secrets": { "dropped": { "from": "env:DROPPED" } },
            "run": { "env": { "PERMITTED": "permitted" }, "confinement": "required" },
        });
        if let Some(user) = self.user {
            policy["run"]["user"] = user.into();
        }
        let mut key = veiled("withheld", &withheld);
        key.push_str(&veiled("dropped", &dropped));
        key.push_str("p /run/secrets/withheld\nv /protector\nu /suid\n");
        if self.has_project {
            key.push_str("a /workspace/secrets/withheld\n");
        }
        if let Some(server) = server {
            policy["setup"] = setup::phase(self.user, Some(setup::CLONE), &[]);
            write(&directory.join(setup::TOKEN), mode, owner, &server.token);
            fs::create_dir(directory.join("ground")).expect("a directory");
            let owner = if self.is_root() { 0 } else { 1000 };
            chown(directory.join("ground"), Some(owner), Some(owner)).expect("its owner");
            key.push_str(&veiled(setup::TOKEN, &server.token));
            key.push_str("a /run/secrets/of-setup\n");
        }
        write(
            &directory.join("policy.json"),
            0o444,
            0,
            &policy.to_string(),
        );
        write(&directory.join("key"), 0o444, 0, &key);
        fs::copy(thief(), directory.join("suid")).expect("a copy");
        let path = directory.join("suid");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o4755);
        fs::set_permissions(path, mode).expect("the set-uid bit");
    }

    fn mounts(&self, directory: &Path, init: Init) -> Vec<String> {
        let ours = |name: &str, target: &str| format!("{}/{name}:{target}:ro", directory.display());
        let protector = match init {
            Init::Vestibule | Init::AfterSetup(_) => harness::vestibule(),
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
        if init.server().is_some() {
            mounts.push(ours(setup::TOKEN, "/run/secrets/of-setup"));
            mounts.push(format!("{}/ground:{GROUND}", directory.display()));
        }
        mounts
    }

    pub(crate) fn is_root(&self) -> bool {
        self.user.is_none() && !self.options.contains(&"--user")
    }
}
