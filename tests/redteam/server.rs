//! A private repository that a setup phase clones: git's own `http-backend` in a
//! container that one network alone knows as github.com, and that leads nowhere.
//!
//! In: images of `tests/docker/images.sh`. Out: a network and the one token that
//! the server takes.
//!
//! **Never:** a server that outlives its test, nor the token in an argument.

use std::fs;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::engine::{self, docker, finish, program};

/// The server at work.
pub(crate) struct Server {
    name: String,
    /// What it takes for a credential.
    pub(crate) token: String,
}

impl Server {
    pub(crate) fn start(token: String) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("vestibule-redteam-git-{}-{number}", std::process::id());
        let server = Self { name, token };
        let network = server.network();
        docker(&["network", "create", "--internal", network]).success("a network");
        let mut run = program("docker");
        run.args(["run", "--detach", "--name", &server.name])
            .args(["--network", network, "--network-alias", "github.com"])
            .args(["--env", "TOKEN", &image("GIT_SERVER_IMAGE")])
            .env("TOKEN", &server.token);
        finish(&mut run).success("the git server");
        engine::wait_for("the git server", || {
            let said = docker(&["logs", &server.name]).said;
            said.lines().any(|line| line == "443").then_some(())
        });
        server
    }

    /// The network on which it is github.com.
    pub(crate) fn network(&self) -> &str {
        &self.name
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        docker(&["rm", "--force", "--volumes", &self.name]);
        docker(&["network", "rm", &self.name]);
    }
}

/// The image in a variable of `images.env`.
pub(crate) fn image(variable: &str) -> String {
    static MADE: OnceLock<String> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        finish(program("bash").arg("tests/docker/images.sh")).success("tests/docker/images.sh");
        fs::read_to_string(engine::workplace().join("images.env")).expect("images.env")
    });
    let lines = made.lines().filter_map(|line| line.split_once('='));
    let mut images = lines.filter(|(name, _)| *name == variable);
    images.next().expect("an image").1.to_owned()
}
