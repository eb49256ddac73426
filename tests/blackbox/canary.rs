//! The canary itself: a search that could not find anything would prove nothing.

use crate::harness::{Leak, Scene};

fn leaks(parts: &[&str]) -> Vec<(String, String)> {
    let scene = Scene::main(parts).secret("api-key").permits(&["api-key"]);
    let (outcome, leaks) = scene.run_with_leaks();
    outcome.expect_code(0);
    leaks
        .into_iter()
        .map(|Leak { secret, place }| (secret, place))
        .collect()
}

fn one(place: &str) -> Vec<(String, String)> {
    vec![("api-key".to_owned(), place.to_owned())]
}

#[test]
fn a_main_that_keeps_a_permitted_value_to_itself_is_no_leak() {
    assert_eq!(leaks(&["report"]), []);
}

#[test]
fn a_value_that_a_child_prints_is_found() {
    assert_eq!(
        leaks(&["leak", "stdout", "API_KEY"]),
        one("standard output")
    );
    assert_eq!(leaks(&["leak", "stderr", "API_KEY"]), one("standard error"));
    assert_eq!(leaks(&["leak", "hex", "API_KEY"]), one("standard output"));
}

#[test]
fn a_value_that_a_child_puts_into_its_arguments_is_found_while_it_lives() {
    let found = leaks(&["leak", "arguments", "API_KEY"]);
    let in_cmdline = |(_, place): &(String, String)| place.starts_with("cmdline of process ");
    assert!(found.iter().any(in_cmdline), "{found:?}");
}

#[test]
fn a_value_that_main_has_without_permission_is_found() {
    let scene = Scene::main(&["report"]).secret("api-key");
    let (outcome, leaks) = scene.run_with_leaks();
    outcome.expect_code(0);
    let places: Vec<_> = leaks.iter().map(|leak| leak.place.as_str()).collect();
    assert!(places.contains(&"environment of main"), "{places:?}");
    assert!(
        places
            .iter()
            .any(|place| place.starts_with("environ of process ")),
        "{places:?}"
    );
}
