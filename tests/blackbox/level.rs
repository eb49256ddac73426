//! Words that the claims about confinement have in common: a withheld secret
//! beside a permitted one, and the start line.

use serde_json::Value;

use crate::harness::{Outcome, Running, Scene, capability};

/// EACCES: the kernel refuses.
pub(crate) const REFUSED: i32 = 13;
/// ENOENT: it is gone.
pub(crate) const GONE: i32 = 2;
/// ENOSYS and EPERM: a kernel without Landlock, a filter against it.
pub(crate) const WITHOUT: [u8; 2] = [38, 1];
/// What the conventions withhold.
pub(crate) const WITHHELD: &str = "/run/secrets/github-token";
/// What they give.
pub(crate) const PERMITTED: &str = "/run/secrets/api-key";

/// The witness as root with Docker's capabilities; one secret is withheld.
pub(crate) fn root(parts: &[&str]) -> Scene {
    confined(Scene::main(parts))
}

/// A shell script in its place.
pub(crate) fn root_shell(script: &str) -> Scene {
    confined(Scene::command(&["/bin/sh", "-c", script])).env("PATH", "/usr/bin:/bin")
}

fn confined(scene: Scene) -> Scene {
    let scene = scene.secret("github-token").secret("api-key");
    scene.permits(&["api-key"]).capabilities(capability::DOCKER)
}

/// Main as the user `app`; a policy gives it `api-key` and these other keys of
/// `run`.
pub(crate) fn app_policy(more: &str) -> String {
    format!(
        r#"{{ "version": 1, "run": {{ "env": {{ "KEY": "api-key" }}, "user": "app" {more} }} }}"#
    )
}

/// The line that says how far main is kept from what it does not get.
#[track_caller]
pub(crate) fn start_line(outcome: &Outcome) -> &str {
    let mut lines = outcome.stderr.lines();
    let found = lines.find(|line| line.starts_with("vestibule: starting "));
    found.unwrap_or_else(|| panic!("no start line: {}", outcome.stderr))
}

/// The same in JSON.
#[track_caller]
pub(crate) fn start_event(scene: Scene) -> Value {
    let outcome = scene.options(&["--log-format", "json"]).run();
    let mut events = outcome.events().into_iter();
    let found = events.find(|event| event["event"] == "started");
    found.unwrap_or_else(|| panic!("no start line: {}", outcome.stderr))
}

/// A scene whose main says "ready" and then waits.
pub(crate) fn at_work(scene: Scene) -> Running {
    let mut running = scene.spawn();
    running.line_behind_gate("ready");
    running.until_noticed();
    running
}

/// Ends a main that waits.
#[track_caller]
pub(crate) fn end(mut running: Running) -> Outcome {
    running.signal(15);
    running.finish().expect_code(143)
}

/// A session of `docker exec` with Docker's capabilities.
pub(crate) fn session(arguments: &[&str]) -> Scene {
    Scene::raw(arguments).capabilities(capability::DOCKER)
}

/// `vestibule exec` with the witness playing these parts.
pub(crate) fn exec(parts: &[&str]) -> Scene {
    session(&[&["exec", "/witness"], parts].concat())
}

/// `vestibule health` beside what runs.
pub(crate) fn health(running: &Running) -> Outcome {
    running.beside(session(&["health"])).finish()
}
