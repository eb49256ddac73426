//! The process that becomes main is dumpable while it proves: main's user may look
//! into it then. Of all values it has only main's at that moment.
//!
//! Each claim stops it there and searches all of its memory for every value, by
//! pieces of 16 bytes that each stand in it many times. That the search would find
//! a value shows the one that main gets.

use std::collections::BTreeMap;

use crate::harness::{HOLD, Running, Scene, at_each_exposure, capability, found_in_memory};
use crate::level::{at_work, end};

/// Main gets this one.
const GIVEN: &str = "given";
/// A policy in which each kind of source has a value that main does not get.
const POLICY: &str = r#"{ "version": 1,
    "secrets": {
        "variable": { "from": "env:SOURCE" },
        "json-part": { "from": "json:parts.json#/a/b" },
        "dotenv-part": { "from": "dotenv:parts.env#A" } },
    "run": { "env": { "GIVEN": "given" }, "inherit": ["PATH"] USER } }"#;
/// Bytes of values: one that fits a small block, one larger than any of these, one
/// that fills pages.
const SIZES: [(&str, usize); 3] = [("small", 100), ("medium", 20_000), ("large", 100_000)];

/// A value as long as this, in which each piece stands again and again.
fn long(value: &str, size: usize) -> String {
    let unit = value.replace(|letter: char| !letter.is_ascii_hexdigit(), "");
    unit.repeat(size.div_ceil(unit.len()))
}

/// A start that withholds all kinds of values in all sizes.
fn scene(arguments: &[&str], user: &str) -> Scene {
    let mut scene = Scene::raw(arguments)
        .capabilities(capability::DOCKER)
        .policy(&POLICY.replace("USER", user))
        .env("PATH", "/usr/bin:/bin")
        .secret(GIVEN)
        .permits(&[GIVEN]);
    for (name, size) in SIZES {
        scene = scene.secret_as(&format!("file-{name}"), |value| long(value, size));
        let variable = format!("variable-{name}");
        scene = scene.planted(&variable);
        let value = long(scene.value(&variable), size);
        scene = scene.env(&variable.replace('-', "_"), value);
    }
    scene = scene.secret_as("parts.json", |value| {
        let [part, rest] = [long(value, 300), long(value, 30_000)];
        format!(r#"{{"a": {{"b": "{part}\n\u00e4{part}"}}, "c": "{rest}"}}"#)
    });
    scene = scene.secret_as("parts.env", |value| {
        let [part, rest] = [long(value, 300), long(value, 30_000)];
        format!("A=\"{part}\\n{part}\"\nB={rest}\n# {part}\n")
    });
    scene = scene.planted("SOURCE");
    let value = long(scene.value("SOURCE"), 200);
    scene.env("SOURCE", value)
}

/// Who held which value in a moment in which it was dumpable.
fn held(running: &Running, names: &[&str]) -> (usize, BTreeMap<String, usize>) {
    let values: Vec<(&str, String)> = names
        .iter()
        .map(|name| (*name, long(running.value(name), 1)))
        .collect();
    let mut needles: Vec<(&str, &[u8])> = values
        .iter()
        .flat_map(|(name, value)| value.as_bytes().chunks_exact(16).map(|half| (*name, half)))
        .collect();
    // The mark of a value has its size; a large one stands nowhere else.
    let size = long(running.value(names[0]), SIZES[2].1)
        .len()
        .to_le_bytes();
    needles.push(("a size", &size));
    let searched: Vec<&[u8]> = needles.iter().map(|(_, needle)| *needle).collect();
    let mut found = BTreeMap::new();
    let moments = at_each_exposure(running, &mut |process| {
        for at in found_in_memory(process, &searched) {
            *found.entry(needles[at].0.to_owned()).or_default() += 1;
        }
    });
    (moments, found)
}

/// Only the value that main gets is there, in each of the moments.
#[track_caller]
fn expect_only_the_given_one(running: &Running) {
    let mut names = vec!["parts.json", "parts.env", "SOURCE"];
    let sized: Vec<String> = SIZES
        .iter()
        .flat_map(|(size, _)| [format!("file-{size}"), format!("variable-{size}")])
        .collect();
    names.extend(sized.iter().map(String::as_str));
    names.push(GIVEN);
    let (moments, found) = held(running, &names);
    assert!(moments >= 2, "it was never dumpable");
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        [GIVEN],
        "in {moments} moments"
    );
}

const APP: &str = r#", "user": "app""#;
const MAIN: [&str; 3] = ["/witness", "say", "main"];

#[test]
fn a_start_has_only_the_values_of_main_in_memory_while_it_proves() {
    for user in [APP, ""] {
        let running = scene(&[&["--"], &MAIN[..]].concat(), user).held().spawn();
        expect_only_the_given_one(&running);
        running.finish().expect_code(0);
    }
}

#[test]
fn so_has_a_start_that_supervises_nothing() {
    for (words, is_first) in [(&["--exec", "--"][..], true), (&["--"], false)] {
        let held = scene(&[words, &MAIN].concat(), APP).held();
        let held = if is_first { held } else { held.not_pid_1() };
        let running = held.spawn();
        expect_only_the_given_one(&running);
        running.finish().expect_code(0);
    }
}

/// Beside a main that could look into it, and started with the container's variables.
#[test]
fn so_has_a_session_beside_main_and_its_proof() {
    let arguments = ["--", "/witness", "say", "ready", "wait"];
    for user in [APP, ""] {
        let scene = scene(&arguments, user).fifo(HOLD, 0o666);
        let running = at_work(scene.clone());
        for words in [&["exec", "--prove"][..], &[&["exec"], &MAIN[..]].concat()] {
            let beside = running.beside(scene.clone().asking(words).held());
            expect_only_the_given_one(&beside);
            beside.finish().expect_code(0);
        }
        end(running);
    }
}

#[test]
fn so_has_a_check() {
    for user in [APP, ""] {
        let running = scene(&["check"], user).held().spawn();
        expect_only_the_given_one(&running);
        running.finish().expect_code(0);
    }
}

/// The proof reads what other processes show of their variables: main could do that
/// as well, but nobody has it from the prover.
#[test]
fn what_the_proof_read_of_other_processes_is_gone() {
    let policy = r#"{ "version": 1, "run": { "inherit": ["NEIGHBOUR"], "user": "app" } }"#;
    let words = ["--", "/witness", "say", "ready", "wait"];
    let scene = Scene::raw(&words)
        .capabilities(capability::DOCKER)
        .policy(policy)
        .without_landlock(38)
        .secret_at("/run/secrets/withheld", 0o400, (0, 0), str::to_owned)
        .planted("NEIGHBOUR")
        .permits(&["NEIGHBOUR"])
        .fifo(HOLD, 0o666);
    let neighbour = scene.value("NEIGHBOUR").to_owned();
    let running = at_work(scene.clone().env("NEIGHBOUR", &neighbour));
    let session = running.beside(scene.asking(&["exec", "--prove"]).held());
    let (moments, found) = held(&session, &["NEIGHBOUR"]);
    let outcome = session.finish().expect_code(0);
    let main = format!(
        "harmless  reading `/proc/{}/environ`",
        running.main().inner()
    );
    assert!(outcome.stdout.contains(&main), "{}", outcome.stdout);
    assert!(moments >= 2 && found.is_empty(), "{found:?}");
    end(running);
}
