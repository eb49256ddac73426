//! One run of `compose.example.yml`, under a project name of its own and with
//! secrets of its own; it is taken down when it goes out of scope, also when a
//! claim failed.
//!
//! **Never:** a second Compose file. What differs goes through its variables.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::Value;

use crate::engine::{self, Finished};
use crate::images;
use crate::passwords::{self, PASSWORDS};

/// The services of the stack.
pub(crate) const SERVICES: [&str; 4] = ["app", "postgres", "redis", "minio"];

/// A project of Compose and the directory of its secrets.
pub(crate) struct Stack {
    project: String,
    directory: PathBuf,
    secrets: PathBuf,
    images: &'static [(String, String)],
}

impl Stack {
    /// A project that runs nothing yet, its images built and its secrets written.
    pub(crate) fn prepared(name: &str) -> Self {
        // One that goes and its successor may overlap.
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let project = format!("vestibule-{name}-{}-{number}", process::id());
        let directory = engine::workplace().join(&project);
        let secrets = directory.join("secrets");
        let stack = Self {
            project,
            directory,
            secrets,
            images: images::variables(),
        };
        write_secrets(&stack.secrets, str::to_owned);
        stack
            .compose(&["build", "--force-rm"])
            .success("docker-compose build");
        stack
    }

    /// The whole stack, with every service healthy.
    pub(crate) fn running(name: &str) -> Self {
        let stack = Self::prepared(name);
        let up = stack.compose(&["up", "-d"]);
        if up.code != Some(0) {
            let logs = stack.compose(&["logs", "--no-color"]).said;
            panic!(
                "the stack does not start: {}",
                passwords::printable(&(up.said + &logs))
            );
        }
        stack.wait_until_healthy("app");
        stack
    }

    /// The stack that claims share which only look at it. It goes with the last
    /// of them.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Stack>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let stack = Arc::new(Self::running("shared"));
            *shared = Arc::downgrade(&stack);
            stack
        })
    }

    /// The file on this machine that holds a secret.
    pub(crate) fn secret(&self, name: &str) -> PathBuf {
        self.secrets.join(format!("{name}.secret"))
    }

    /// A directory for what else a claim needs, gone with the stack.
    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The network that Compose made for it.
    pub(crate) fn network(&self) -> String {
        format!("{}_stack", self.project)
    }

    /// Compose for this project.
    pub(crate) fn compose(&self, arguments: &[&str]) -> Finished {
        self.compose_with_secrets(&self.secrets, arguments)
    }

    /// The same with secrets from elsewhere.
    pub(crate) fn compose_with_secrets(&self, secrets: &Path, arguments: &[&str]) -> Finished {
        engine::finish(self.command().env("SECRETS_DIR", secrets).args(arguments))
    }

    /// The container of a service, whether it runs or not. Compose's own list
    /// has the containers of `run` in it as well.
    pub(crate) fn container(&self, service: &str) -> String {
        let labels = [
            format!("label=com.docker.compose.project={}", self.project),
            format!("label=com.docker.compose.service={service}"),
            "label=com.docker.compose.oneoff=False".to_owned(),
        ];
        let filters = labels.iter().flat_map(|label| ["--filter", label]);
        let list: Vec<_> = ["ps", "--all", "--quiet"]
            .into_iter()
            .chain(filters)
            .collect();
        let id = engine::docker(&list).success("docker ps").trim().to_owned();
        assert!(!id.is_empty(), "{service} has no container");
        id
    }

    /// What `docker inspect` says of the container of a service.
    pub(crate) fn inspect(&self, service: &str) -> Value {
        let said = engine::docker(&["inspect", &self.container(service)]).success("inspect");
        let mut all: Vec<Value> = serde_json::from_str(&said).expect("JSON from docker inspect");
        all.remove(0)
    }

    /// Both outputs of a service so far.
    pub(crate) fn logs(&self, service: &str) -> String {
        engine::docker(&["logs", &self.container(service)]).success("docker logs")
    }

    /// A command among the processes of a service, as root with the capability
    /// to look into each: what it cannot see there, nobody can.
    pub(crate) fn omniscient(&self, service: &str, command: &[&str]) -> Finished {
        let processes = format!("container:{}", self.container(service));
        let image = self.image(service);
        let (program, arguments) = command.split_first().expect("a command");
        let run = [
            ["run", "--rm"],
            ["--pid", &processes],
            ["--cap-add", "SYS_PTRACE"],
            ["--user", "0"],
            ["--entrypoint", program],
        ];
        engine::docker(&[run.concat().as_slice(), &[image.as_str()], arguments].concat())
    }

    /// The id of the image that a service runs.
    pub(crate) fn image(&self, service: &str) -> String {
        let inspected = self.inspect(service);
        inspected["Image"]
            .as_str()
            .expect("the id of an image")
            .to_owned()
    }

    /// Waits until a service has ended, and gives its exit code.
    pub(crate) fn wait_until_ended(&self, service: &str) -> i64 {
        engine::wait_for(&format!("the end of {service}"), || {
            let state = &self.inspect(service)["State"];
            (state["Status"] == "exited")
                .then(|| state["ExitCode"].as_i64())
                .flatten()
        })
    }

    fn wait_until_healthy(&self, service: &str) {
        engine::wait_for(&format!("the health of {service}"), || {
            let state = &self.inspect(service)["State"];
            assert_eq!(
                state["Status"],
                "running",
                "{service} ended: {}",
                passwords::printable(&self.logs(service))
            );
            (state["Health"]["Status"] == "healthy").then_some(())
        });
    }

    fn command(&self) -> Command {
        let mut command = engine::compose();
        command
            .args(["-p", &self.project, "-f", "compose.example.yml"])
            .envs(self.images.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let arguments = [
            "down",
            "--volumes",
            "--rmi",
            "local",
            "--timeout",
            "1",
            "--remove-orphans",
        ];
        self.compose(&arguments);
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Writes the secrets as the Compose file advises: 0444 in a 0700 directory.
pub(crate) fn write_secrets(directory: &Path, change: impl Fn(&str) -> String) {
    fs::create_dir_all(directory).expect("a directory for secrets");
    fs::set_permissions(directory, Permissions::from_mode(0o700)).expect("its mode");
    for password in &PASSWORDS {
        let file = directory.join(format!("{}.secret", password.name));
        fs::write(&file, change(password.value) + "\n").expect("a secret");
        fs::set_permissions(&file, Permissions::from_mode(0o444)).expect("its mode");
    }
}
