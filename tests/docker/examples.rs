//! The examples: each is brought up by the very commands that its README shows,
//! and prints what the README says.
//!
//! The files are a copy of `examples/`; what differs from a reader's machine goes
//! through variables: images that were made on the spot, a project's name, and a
//! `docker` that speaks to an older Compose.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::engine::{self, Finished};
use crate::images;
use crate::transcript;
use crate::workspace;

/// A copy of the examples in which one of them is followed; it goes with all
/// that Compose made of it.
pub(crate) struct Example {
    name: &'static str,
    project: String,
    copy: PathBuf,
    variables: Vec<(String, String)>,
}

impl Example {
    /// An example of Python programs.
    pub(crate) fn new(name: &'static str) -> Self {
        Self::upon("APP_IMAGE", name)
    }

    /// An example upon the image in this variable, its own images built.
    pub(crate) fn upon(image: &'static str, name: &'static str) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let project = format!("vestibule-example-{name}-{}-{number}", process::id());
        let copy = engine::workplace().join(&project);
        let source = engine::repository().join("examples");
        let mut cp = engine::program("cp");
        cp.args(["--recursive", "--no-target-directory"]);
        engine::finish(cp.args([&source, &copy])).success("the copy");
        let mut variables = images::variables().to_vec();
        let mut add = |name: &str, value: &str| variables.push((name.to_owned(), value.to_owned()));
        add("APP_IMAGE", images::variable(image));
        add("VESTIBULE_IMAGE", &workspace::binary());
        add("COMPOSE_PROJECT_NAME", &project);
        add("APP", &project);
        let example = Self {
            name,
            project,
            copy,
            variables,
        };
        if example.has_services() {
            images::keep(name, &example.variables);
        }
        example
    }

    /// The name of what is made for it: Compose's project, an image, a container.
    pub(crate) fn project(&self) -> &str {
        &self.project
    }

    /// The example's directory.
    pub(crate) fn directory(&self) -> PathBuf {
        self.copy.join(self.name)
    }

    /// Runs every command of the README, and claims that it prints what it shows.
    #[track_caller]
    pub(crate) fn follow(&self) {
        let readme = fs::read_to_string(self.directory().join("README.md")).expect("its README");
        let steps = transcript::steps(&readme);
        assert!(!steps.is_empty(), "the README shows no command");
        for step in steps {
            step.holds(&self.run(&step.command));
        }
    }

    /// A line of shell in the example's directory.
    pub(crate) fn run(&self, line: &str) -> Finished {
        let shim = engine::repository().join("tests/docker/examples");
        let path = env::var("PATH").expect("a PATH");
        let mut shell = engine::program("bash");
        shell
            .args(["-o", "errexit", "-o", "pipefail", "-c", line])
            .current_dir(self.directory())
            .envs(self.variables.iter().cloned())
            .env("PATH", format!("{}:{path}", shim.display()));
        engine::finish(&mut shell)
    }

    fn has_services(&self) -> bool {
        self.directory().join("compose.yml").exists()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        if self.has_services() {
            self.run("docker compose down --volumes --rmi local --timeout 1");
        }
        // One that Compose does not take for its own.
        self.run("docker image rm $APP $APP-installer");
        let _ = fs::remove_dir_all(&self.copy);
    }
}

#[test]
fn an_image_of_your_own() {
    if engine::answers() {
        Example::new("app-image").follow();
    }
}

#[test]
fn rootless_on_a_read_only_root() {
    if engine::answers() {
        Example::new("rootless").follow();
    }
}

#[test]
fn from_a_shell_entrypoint() {
    if engine::answers() {
        Example::new("from-shell").follow();
    }
}

#[test]
fn from_tini_and_gosu() {
    if engine::answers() {
        Example::upon("PROGRAMS_IMAGE", "from-tini-gosu").follow();
    }
}

#[test]
fn from_file_variables() {
    if engine::answers() {
        Example::new("from-file-variables").follow();
    }
}

#[test]
fn migration_web_and_worker_from_one_image() {
    if engine::answers() {
        Example::new("profiles").follow();
    }
}

/// A swarm of one machine, left again if it was not there before.
struct Swarm(bool);

impl Swarm {
    fn joined() -> Self {
        let words = ["swarm", "init", "--advertise-addr", "127.0.0.1"];
        Self(engine::docker(&words).code == Some(0))
    }
}

impl Drop for Swarm {
    fn drop(&mut self) {
        engine::docker(&["stack", "rm", "example"]);
        let secrets = ["example-db-password", "example-admin-token"];
        engine::docker(&[&["secret", "rm"][..], &secrets].concat());
        if self.0 {
            engine::docker(&["swarm", "leave", "--force"]);
        }
    }
}

#[test]
fn a_swarm_stack_with_the_secrets_of_swarm() {
    if engine::answers() {
        let example = Example::new("swarm");
        let _swarm = Swarm::joined();
        example.follow();
    }
}
