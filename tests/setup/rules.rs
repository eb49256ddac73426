//! A policy with a setup phase, in the words of a claim.
//!
//! In: commands and what differs from the usual: setup and main as `app`, in
//! `/workspace`, with one secret, `token`, that main does not get. Out: a scene
//! with everything that a container has, and the triples of a refusal.
//!
//! **Never:** a value in a policy.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::harness::{End, Outcome, Scene, compile};

/// Everything that the seal does to values is done to this secret.
pub(crate) const TOKEN: &str = "token";
/// Who setup and main are.
pub(crate) const APP: (u32, u32) = (1000, 1000);
/// The groups that the account has.
pub(crate) const APP_GROUPS: [u32; 2] = [1000, 2000];
pub(crate) const PATH: &str = "/usr/bin:/bin";

/// A policy that is being written.
#[derive(Clone)]
#[must_use]
pub(crate) struct Rules {
    policy: Value,
    path: &'static str,
    directory: u32,
    has_queues: bool,
}

/// A shell's line as a command without any secret.
pub(crate) fn sh(line: &str) -> Value {
    json!(["/bin/sh", "-c", line])
}

/// A shell's line as a command with the value in `TOKEN`.
pub(crate) fn sh_with_token(line: &str) -> Value {
    json!({ "argv": ["/bin/sh", "-c", line], "env": { "TOKEN": TOKEN } })
}

/// `mischief` playing these parts, without any secret.
pub(crate) fn mischief(parts: &[&str]) -> Value {
    json!([&["/mischief"], parts].concat())
}

/// `mischief` playing these parts, with the value in `TOKEN`.
pub(crate) fn mischief_with_token(parts: &[&str]) -> Value {
    let words = mischief(parts);
    json!({ "argv": words, "env": { "TOKEN": TOKEN } })
}

/// `mischief`, compiled.
pub(crate) fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| compile("mischief", &[("mischief.c", include_str!("mischief.c"))]))
}

impl Rules {
    /// These commands, and the usual for all else.
    pub(crate) fn of(commands: &[Value]) -> Self {
        let policy = json!({
            "version": 1,
            "setup": { "commands": commands, "user": "app", "directory": "/workspace" },
            "run": { "user": "app", "directory": "/workspace" },
        });
        Self {
            policy,
            path: PATH,
            directory: 0o755,
            has_queues: true,
        }
    }

    /// A key of `setup`.
    pub(crate) fn setup(mut self, key: &str, value: Value) -> Self {
        self.policy["setup"][key] = value;
        self
    }

    /// A secret and where it is from.
    pub(crate) fn secret(mut self, name: &str, value: Value) -> Self {
        self.policy["secrets"][name] = value;
        self
    }

    /// Commands that start in their home.
    pub(crate) fn without_directory(mut self) -> Self {
        let setup = self.policy["setup"].as_object_mut().expect("an object");
        setup.remove("directory");
        self
    }

    /// A key of `seal`.
    pub(crate) fn seal(mut self, key: &str, value: Value) -> Self {
        self.policy["seal"][key] = value;
        self
    }

    /// A key of `run`.
    pub(crate) fn run(mut self, key: &str, value: Value) -> Self {
        self.policy["run"][key] = value;
        self
    }

    /// The policy's `secret_dirs`.
    pub(crate) fn secret_directories(mut self, paths: &[&str]) -> Self {
        self.policy["secret_dirs"] = json!(paths);
        self
    }

    /// The policy's `secrets`.
    pub(crate) fn secrets(mut self, secrets: Value) -> Self {
        self.policy["secrets"] = secrets;
        self
    }

    /// Setup and main as whoever PID 1 is.
    pub(crate) fn without_users(mut self) -> Self {
        for phase in ["setup", "run"] {
            self.policy[phase]
                .as_object_mut()
                .expect("a phase")
                .remove("user");
        }
        self
    }

    /// The mode of setup's directory.
    pub(crate) fn directory(mut self, mode: u32) -> Self {
        self.directory = mode;
        self
    }

    /// A container without `/dev/mqueue`.
    pub(crate) fn without_queues(mut self) -> Self {
        self.has_queues = false;
        self
    }

    /// The container's PATH.
    pub(crate) fn path(mut self, path: &'static str) -> Self {
        self.path = path;
        self
    }

    /// The scene with the witness as main.
    pub(crate) fn main(&self, parts: &[&str]) -> Scene {
        self.command(&[&["/witness"], parts].concat())
    }

    /// The scene with a shell's line as main.
    pub(crate) fn main_sh(&self, line: &str) -> Scene {
        self.command(&["/bin/sh", "-c", line])
    }

    /// The scene with any main.
    pub(crate) fn command(&self, words: &[&str]) -> Scene {
        self.bare(words)
            .capabilities(crate::harness::capability::DOCKER)
    }

    /// The same for a claim that brings capabilities and user itself.
    pub(crate) fn bare(&self, words: &[&str]) -> Scene {
        let scene = Scene::command(words)
            .policy(&self.policy.to_string())
            .bind(program(), "/mischief")
            .directory("/workspace", self.directory, APP)
            .directory("/var/tmp", 0o1777, (0, 0))
            .env("PATH", self.path)
            .secret(TOKEN);
        if self.has_queues {
            scene.message_queues()
        } else {
            scene
        }
    }
}

/// The three lines of each refusal of an outcome that ended with this code.
/// Fails if there is none, or if main was started: main says `main`.
#[track_caller]
pub(crate) fn refusal(outcome: &Outcome, code: u8) -> String {
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.end, End::Code(code), "{said}");
    assert!(!has_main(outcome), "main was started: {said}");
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    let mut found = String::new();
    for three in lines.windows(3) {
        if three[0].starts_with("vestibule: ")
            && !three[0].starts_with("vestibule: warning: ")
            && three[1].starts_with("  where: ")
            && three[2].starts_with("  fix:   ")
        {
            found.push_str(&three.join("\n"));
            found.push('\n');
        }
    }
    assert!(!found.is_empty(), "a refusal says why: {said}");
    found
}

/// Whether main said something: every main of these claims says `main` first.
pub(crate) fn has_main(outcome: &Outcome) -> bool {
    outcome.stdout.lines().any(|line| line == "main")
}
