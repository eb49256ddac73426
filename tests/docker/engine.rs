//! The programs that the tests run, `docker` and `docker-compose` first, and
//! the wait for what they bring about.
//!
//! In: arguments. Out: what the program said, or a panic that says what it
//! refused. Messages pass through `passwords::printable`.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::passwords;

/// How long anything here may take that is not a build.
const DEADLINE: Duration = Duration::from_mins(2);

/// What a finished program said, and how it ended.
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
}

impl Finished {
    /// Standard output and standard error, if the program ended with 0.
    pub(crate) fn success(self, what: &str) -> String {
        assert_eq!(
            self.code,
            Some(0),
            "{what}: {}",
            passwords::printable(&self.said)
        );
        self.said
    }
}

/// The root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where these tests write: below `target`, which git ignores. It is there.
pub(crate) fn workplace() -> PathBuf {
    let place = repository().join("target/docker-images");
    std::fs::create_dir_all(&place).expect("a directory of ours");
    place
}

/// A program, run in the repository and with the classic builder, the only one
/// that every engine has.
#[expect(
    clippy::disallowed_methods,
    reason = "a test is an ordinary program, not PID 1"
)]
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command
        .current_dir(repository())
        .env("DOCKER_BUILDKIT", "0")
        .env("COMPOSE_DOCKER_CLI_BUILD", "0")
        .stdin(Stdio::null());
    command
}

/// Runs a program to its end, its two outputs taken together.
pub(crate) fn finish(command: &mut Command) -> Finished {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the program starts");
    let said = [stdout, stderr].concat();
    Finished {
        code: status.code(),
        said: String::from_utf8_lossy(&said).into_owned(),
    }
}

/// `docker` with these arguments.
pub(crate) fn docker(arguments: &[&str]) -> Finished {
    finish(program("docker").args(arguments))
}

/// Compose as a program of its own, or as the plugin that replaced it.
pub(crate) fn compose() -> Command {
    let alone = program("docker-compose")
        .arg("version")
        .stdout(Stdio::null())
        .status();
    if alone.is_ok_and(|status| status.success()) {
        return program("docker-compose");
    }
    let mut plugin = program("docker");
    plugin.arg("compose");
    plugin
}

/// Whether an engine answers. Where none does, a test says so and passes, but
/// not where the whole suite is mandatory.
#[expect(clippy::print_stderr, reason = "a skipped test says why")]
pub(crate) fn answers() -> bool {
    let answer = program("docker")
        .args(["version", "--format", "{{.Server.Version}}"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if answer.is_ok_and(|status| status.success()) {
        return true;
    }
    assert!(
        env::var_os("CI").is_none(),
        "no Docker engine answers, and with CI set these tests are mandatory"
    );
    eprintln!("skipped: no Docker engine answers");
    false
}

/// Looks until `condition` gives something, or panics at the deadline.
pub(crate) fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(outcome) = condition() {
            return outcome;
        }
        assert!(start.elapsed() < DEADLINE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(100));
    }
}
