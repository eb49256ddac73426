//! Claims about what a release consists of, and about what surrounds the program.
//!
//! - `artifacts`: the files of `make release`: modes, checksums, bill of materials, image
//! - `aarch64`: the other machine's binary, in an emulator
//! - `interface`: `--help`, manual page, completions and README name the same things
//! - `pictures`: the pictures of README and docs are current, and whole in themselves
//! - `workflows`: what the forge runs is pinned, and may do little
//!
//! In: the binary under test and `target/release-artifacts`, which `make release`
//! makes. Nothing is downloaded.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot do its work has to fail"
)]

mod aarch64;
mod artifacts;
mod interface;
mod pictures;
mod workflows;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

/// A program to be started by a test, in the root of the sources.
#[expect(
    clippy::disallowed_methods,
    reason = "a test is an ordinary program, not PID 1"
)]
fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    command
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn target_directory() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A file of the sources.
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The binary under test.
fn vestibule() -> PathBuf {
    env::var_os("VESTIBULE_BINARY").map_or_else(
        || target_directory().join("x86_64-unknown-linux-musl/release/vestibule"),
        PathBuf::from,
    )
}

/// What a command says on its standard output; it has to succeed.
fn said(command: &mut Command) -> String {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

fn run(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Whether a program is there and can do this. Where it is not, a claim says so and passes, but
/// not where nothing may be left out.
#[expect(clippy::print_stderr, reason = "a skipped test says why")]
fn is_there(name: &str, arguments: &[&str]) -> bool {
    let answers = program(name)
        .args(arguments)
        .output()
        .is_ok_and(|output| output.status.success());
    if !answers {
        assert!(
            env::var_os("VESTIBULE_TEST_MANDATORY").is_none(),
            "{name} {arguments:?} fails, and nothing may be left out"
        );
        eprintln!("skipped: {name} {arguments:?} fails");
    }
    answers
}

/// An empty directory for one claim.
fn empty_directory(claim: &str) -> PathBuf {
    let place = target_directory().join("release-tests").join(claim);
    match fs::remove_dir_all(&place) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
        _ => fs::create_dir_all(&place).expect("a directory"),
    }
    place
}

/// The version that Cargo.toml gives.
const VERSION: &str = env!("CARGO_PKG_VERSION");
