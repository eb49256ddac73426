//! The images in place of the public ones, made once by `images.sh`, and the
//! images of the stack, compiled once before any test builds its own.
//!
//! Out: the variables of `compose.example.yml`.

use std::fs::{self, File};
use std::process::Command;
use std::sync::OnceLock;

use crate::engine::{self, Finished};

/// The project whose images stay, so that every other build finds its layers.
const KEPT: &str = "vestibule-docker-tests";

/// The image variables of the Compose file, with every image there. What failed
/// once is not tried again; the claim that tried it shows why.
pub(crate) fn variables() -> &'static [(String, String)] {
    static VARIABLES: OnceLock<Option<Vec<(String, String)>>> = OnceLock::new();
    let made = VARIABLES.get_or_init(|| make().map_err(|said| show(&said)).ok());
    made.as_ref()
        .expect("the images, whose making one of these claims shows")
}

/// The image in one variable.
pub(crate) fn variable(name: &str) -> &'static str {
    let found = variables().iter().find(|(variable, _)| variable == name);
    &found.expect("the variable").1
}

fn make() -> Result<Vec<(String, String)>, String> {
    let script = engine::finish(engine::program("bash").arg("tests/docker/images.sh"));
    if script.code != Some(0) {
        return Err(script.said);
    }
    let variables = read_variables();
    let build = build_once(KEPT, "compose.example.yml", &variables);
    if build.code == Some(0) {
        Ok(variables)
    } else {
        Err(build.said)
    }
}

#[expect(clippy::print_stderr, reason = "a test shows what a build said")]
fn show(said: &str) {
    eprintln!("{said}");
}

fn read_variables() -> Vec<(String, String)> {
    let text = fs::read_to_string(engine::workplace().join("images.env")).expect("images.env");
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Builds the images of a Compose file under a project whose images stay. Other
/// test processes wait at the lock and then find everything built.
fn build_once(project: &str, file: &str, variables: &[(String, String)]) -> Finished {
    let lock = File::create(engine::workplace().join("build.lock")).expect("a lock file");
    lock.lock().expect("the lock");
    let mut build: Command = engine::compose();
    build.args(["-p", project, "-f", file, "build", "--force-rm"]);
    engine::finish(build.envs(variables.iter().cloned()))
}

/// The same for an example, whose variables may be others. Gives the name of the
/// image that its Compose file lets the caller name.
pub(crate) fn keep(example: &str, variables: &[(String, String)]) -> String {
    let project = format!("{KEPT}-{example}");
    let file = format!("examples/{example}/compose.yml");
    let mut variables = variables.to_vec();
    variables.retain(|(name, _)| name != "APP");
    variables.push(("APP".to_owned(), project.clone()));
    build_once(&project, &file, &variables).success("docker-compose build");
    project
}
