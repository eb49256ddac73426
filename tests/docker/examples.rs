//! The examples: each is brought up by the very commands that its README shows,
//! and prints what the README says.
//!
//! The files are a copy of `examples/`; what differs from a reader's machine goes
//! through variables: images that were made on the spot, a project's name, and a
//! `docker` that speaks to an older Compose.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{self, Command};

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
    image: &'static str,
}

impl Example {
    pub(crate) fn new(name: &'static str) -> Self {
        let project = format!("vestibule-example-{name}-{}", process::id());
        let copy = engine::workplace().join(&project);
        let source = engine::repository().join("examples");
        fs::create_dir_all(&copy).expect("a directory for the copy");
        let words = ["--recursive", "--no-target-directory"];
        let mut cp = engine::program("cp");
        engine::finish(cp.args(words).args([&source, &copy])).success("the copy");
        Self {
            name,
            project,
            copy,
            image: images::variable("APP_IMAGE"),
        }
    }

    /// The same upon another image than that of Python alone.
    pub(crate) fn on(mut self, image: &'static str) -> Self {
        self.image = images::variable(image);
        self
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
        let words = ["-o", "errexit", "-o", "pipefail", "-c", line];
        engine::finish(self.prepared(engine::program("bash").args(words)))
    }

    fn prepared<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let shim = engine::repository().join("tests/docker/examples");
        let path = env::var("PATH").expect("a PATH");
        command
            .current_dir(self.directory())
            .env("PATH", format!("{}:{path}", shim.display()))
            .env("COMPOSE_PROJECT_NAME", &self.project)
            .envs(images::variables().iter().cloned())
            .env("APP_IMAGE", self.image)
            .env("VESTIBULE_IMAGE", workspace::binary())
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        if self.directory().join("compose.yml").exists() {
            self.run("docker compose down --volumes --rmi local --timeout 1");
        }
        let _ = fs::remove_dir_all(&self.copy);
    }
}

#[test]
fn an_image_of_your_own() {
    if engine::answers() {
        Example::new("app-image").follow();
    }
}
