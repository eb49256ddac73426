//! The binary for aarch64, in Debian's emulator: it answers as the one for this
//! machine does, and hands over what it should.

use std::fs;
use std::path::Path;
use std::process::Output;

use super::artifacts::artifact;
use super::{VERSION, empty_directory, is_there, program, run, vestibule};

const EMULATOR: &str = "qemu-aarch64-static";
/// Percent-encoded it is another text.
const PASSWORD: &str = "made/up#for@the%claim";
const ENCODED: &str = "made%2Fup%23for%40the%25claim";

/// A policy over a directory of secrets of its own, all of them permitted: the
/// emulator has no Landlock to hide one from root.
fn policy(place: &Path) -> String {
    let secrets = place.join("secrets");
    fs::create_dir(&secrets).expect("a directory");
    fs::write(secrets.join("db-password"), PASSWORD).expect("a secret");
    let text = format!(
        r#"{{
  "version": 1,
  "secret_dirs": ["{}"],
  "connections": {{
    "database": {{ "kind": "postgres", "host": "db", "user": "app", "password": "db-password" }}
  }},
  "run": {{ "env": {{ "DATABASE_URL": "database" }}, "inherit": ["PATH"] }}
}}"#,
        secrets.display()
    );
    let path = place.join("policy.json");
    fs::write(&path, text).expect("a policy");
    path.to_str().expect("a name").to_owned()
}

/// What the emulated binary answers.
fn emulated(arguments: &[&str]) -> Output {
    run(program(EMULATOR)
        .arg(artifact("-aarch64"))
        .args(arguments)
        .env("NOTHING", "of the test's"))
}

/// The answer, which has to be the same here.
fn same(arguments: &[&str]) -> Output {
    let here = run(program(vestibule())
        .args(arguments)
        .env("NOTHING", "of the test's"));
    let there = emulated(arguments);
    let show = |output: &Output| {
        format!(
            "{:?}\n{}{}",
            output.status.code(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    };
    assert_eq!(show(&there), show(&here), "{arguments:?}");
    there
}

#[test]
fn on_aarch64_it_answers_as_here() {
    if !is_there(EMULATOR, &["-version"]) {
        return;
    }
    let place = empty_directory("aarch64-answers");
    let policy = policy(&place);
    let version = same(&["--version"]);
    assert_eq!(
        version.stdout,
        format!("vestibule {VERSION}\n").into_bytes()
    );
    same(&["--help"]);
    let right = same(&["check", "--policy", &policy]);
    assert!(right.status.success());
    same(&["check", "--json", "--policy", &policy]);
    // A version without it says so, as everywhere.
    same(&["plan", "--policy", &policy]);
    fs::write(place.join("secrets/db-password"), "").expect("an empty secret");
    let refused = same(&["check", "--policy", &policy]);
    assert_eq!(refused.status.code(), Some(100));
}

#[test]
fn on_aarch64_it_becomes_the_command_and_gives_it_the_url() {
    if !is_there(EMULATOR, &["-version"]) {
        return;
    }
    let policy = policy(&empty_directory("aarch64-exec"));
    let output = emulated(&["--policy", &policy, "--exec", "env"]);
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).expect("text");
    let mut found: Vec<&str> = lines.lines().collect();
    found.retain(|line| !line.starts_with("PATH="));
    let url = format!("DATABASE_URL=postgresql://app:{ENCODED}@db:5432/app");
    // A value that is not there would be shown by assert_eq.
    assert!(found == [url.as_str()], "its environment is another");
}
