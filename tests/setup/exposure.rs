//! Each program of setup is a copy of PID 1, dumpable while it proves: it has its
//! own values in memory then and nobody else's, however many PID 1 holds.
//!
//! In each such moment the process is stopped and all of its memory is searched.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use crate::harness::{Scene, at_each_exposure, each_region, found_in_memory, occurrences, program};
use crate::room;
use crate::rules::{Rules, TOKEN};

/// What `/opt/mint` gives.
const MINTED: &str = "d1a5c0ffee5eed77d1a5c0ffee5eed77";
/// A variable of the container that main gets, so that a command does too.
const PASSED: &str = "a77e57ed0b5e55ed";

/// A private key as `ssh-keygen` makes it, and a piece of its secret part.
fn key() -> (String, String) {
    let place = tempfile();
    let words = ["-q", "-t", "ed25519", "-N", "", "-f"];
    room::run(program("ssh-keygen").args(words).arg(&place));
    let key = fs::read_to_string(&place).expect("the key");
    fs::remove_file(&place).expect("the key is removed");
    fs::remove_file(place.with_extension("pub")).expect("the public half is removed");
    // The public half comes first, and once more after the secret seed.
    let line = key.lines().nth(4).expect("the secret part");
    let piece = line[40..56].to_owned();
    (key, piece)
}

fn tempfile() -> std::path::PathBuf {
    let name = format!("exposed-key-{}", std::process::id());
    std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Commands that each have a value of their own.
fn scene(key: &str) -> Scene {
    let one = json!({ "argv": ["/bin/true"], "env": { "A": "one" } });
    let asking = json!({ "argv": ["/bin/true"], "git": true, "ssh": ["key"] });
    let two = json!({ "argv": ["/bin/true"], "env": { "B": "two", "C": "minted" } });
    let git = json!({ "https://example.com/": { "username": "x", "password": "password" } });
    let rules = Rules::of(&[one, asking, two])
        .setup("git", git)
        .seal("on_drop", json!(["/bin/true"]))
        .secret("minted", json!({ "from": "command:/opt/mint" }))
        .secret("variable", json!({ "from": "env:SOURCE" }))
        .run("inherit", json!(["PATH", "PASSED"]))
        .run("env", json!({ "GIVEN": "given" }));
    let mint = format!("#!/bin/sh\necho {MINTED}\n");
    let mut scene = rules
        .main(&["say", "main"])
        .file("/opt/mint", 0o755, (0, 0), mint)
        .file("/run/secrets/key", 0o444, (0, 0), key)
        .env("PASSED", PASSED)
        .env_secret("SOURCE");
    for name in ["one", "two", "password", "given"] {
        scene = scene.secret(name);
    }
    // Its forms do not fit into what is kept for small values.
    scene = scene.secret_as("large", |value| value.repeat(3000));
    scene.permits(&["given"])
}

#[test]
fn a_program_of_setup_has_its_own_values_in_memory_while_it_proves_and_no_others() {
    let (key, piece) = key();
    let running = scene(&key).held().spawn();
    let mut needles = vec![
        ("key", piece),
        ("minted", MINTED[..16].into()),
        ("passed", PASSED.into()),
    ];
    for name in ["one", "two", "password", "given", "SOURCE", "large", TOKEN] {
        let value = running.value(name);
        needles.push((name, value[..16].into()));
        needles.push((name, value[value.len() - 16..].into()));
    }
    let searched: Vec<&[u8]> = needles
        .iter()
        .map(|(_, needle)| needle.as_bytes())
        .collect();
    let mut found: BTreeMap<i32, Vec<&str>> = BTreeMap::new();
    at_each_exposure(&running, &mut |process| {
        let held = found.entry(process.inner()).or_default();
        held.extend(
            found_in_memory(process, &searched)
                .iter()
                .map(|at| needles[*at].0),
        );
        held.sort_unstable();
        held.dedup();
    });
    running.finish().expect_code(0);
    let found: Vec<Vec<&str>> = found.into_values().collect();
    let expected: [&[&str]; 8] = [
        // The program that mints, then the commands, the second with an agent.
        &[],
        &["one", "passed"],
        &[],
        &[],
        &["passed"],
        &["minted", "passed", "two"],
        // The one that revokes, then main.
        &[],
        &["given", "passed"],
    ];
    assert_eq!(found, expected);
}

/// The masks of PID 1 know each four bytes of a value, with two small numbers.
#[test]
fn it_has_no_piece_of_what_the_output_is_searched_with() {
    let command = json!({ "argv": ["/bin/true"], "env": { "A": "one" } });
    let scene = Rules::of(&[command]).main(&["say", "main"]);
    let running = scene.secret("one").secret("other").held().spawn();
    let value = running.value("other").to_owned();
    let is_small = |number: &[u8]| number.len() == 4 && number[2..] == [0, 0];
    let mut grams = 0;
    let moments = at_each_exposure(&running, &mut |process| {
        each_region(process, &mut |bytes| {
            for gram in value.as_bytes()[..16].windows(4) {
                let behind = occurrences(bytes, gram);
                grams += behind
                    .filter_map(|behind| behind.get(..8))
                    .filter(|behind| behind.chunks(4).all(is_small))
                    .count();
            }
        });
    });
    running.finish().expect_code(0);
    assert!(moments >= 4 && grams == 0, "{grams} in {moments} moments");
}

#[test]
fn so_it_is_where_setup_and_main_are_root() {
    let command = json!({ "argv": ["/bin/true"], "env": { "A": "one" } });
    let scene = Rules::of(&[command]).without_users().main(&["say", "main"]);
    let running = scene.secret("one").secret("other").held().spawn();
    let values = ["one", "other"].map(|name| running.value(name)[..16].to_owned());
    let searched = values.each_ref().map(String::as_bytes);
    let mut counts = [0, 0];
    at_each_exposure(&running, &mut |process| {
        for at in found_in_memory(process, &searched) {
            counts[at] += 1;
        }
    });
    running.finish().expect_code(0);
    assert!(counts[0] >= 2 && counts[1] == 0, "{counts:?}");
}
