//! The rest of the command line: texts, mistakes, variables.

use crate::inits::Init;
use crate::scene::{Ended, Scene};

/// vestibule with these words, `--` only if among them.
fn with_words(words: &[&str]) -> Ended {
    Scene::of(&Init::vestibule())
        .without_separator()
        .main(words)
        .run()
}

/// Refused as usage: 100, three lines, nothing started.
fn is_refused(words: &[&str], hint: &str) {
    let ended = with_words(words);
    assert_eq!(ended.code, Some(100), "{words:?}: {}", ended.complained);
    assert_eq!(ended.said, "", "{words:?}");
    assert_eq!(ended.complained.lines().count(), 3, "{}", ended.complained);
    assert!(
        ended.complained.contains(hint),
        "{words:?}: {}",
        ended.complained
    );
}

#[test]
fn help_goes_to_standard_output_and_names_every_option() {
    for option in ["-h", "--help"] {
        let ended = with_words(&[option]);
        assert_eq!((ended.code, ended.complained.as_str()), (Some(0), ""));
        for letter in [
            "-g", "-c", "-r", "-e", "-s", "-p", "-v", "-w", "-h", "-V", "-l", "--grace", "--exec",
        ] {
            assert!(ended.said.contains(letter), "{letter}");
        }
    }
}

#[test]
fn the_version_names_the_program() {
    for option in ["-V", "--version"] {
        let ended = with_words(&[option]);
        assert_eq!(ended.code, Some(0));
        assert_eq!(
            ended.said,
            concat!("vestibule ", env!("CARGO_PKG_VERSION"), "\n")
        );
    }
}

#[test]
fn the_licence_is_the_licence_file() {
    let ended = with_words(&["-l"]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.said.starts_with(include_str!("../../LICENSE-MIT")));
}

#[test]
fn no_command_is_a_usage_error() {
    is_refused(&[], "[--] COMMAND");
    is_refused(&["--"], "[--] COMMAND");
    is_refused(&["-w"], "[--] COMMAND");
}

#[test]
fn an_unknown_option_is_an_error_that_names_the_double_dash() {
    for option in ["-z", "--yolo", "-gz"] {
        is_refused(&[option, "true"], "`--`");
    }
}

#[test]
fn a_second_double_dash_is_a_command() {
    let ended = with_words(&["--", "--", "true"]);
    assert_eq!(ended.code, Some(127), "{}", ended.complained);
}

#[test]
fn commands_named_like_options_or_subcommands_follow_a_double_dash() {
    for name in [
        "check",
        "plan",
        "exec",
        "health",
        "scan",
        "-h",
        "--version",
        "-s",
    ] {
        let prepare = format!(
            "mount -t tmpfs tmpfs /mnt; printf '#!/bin/sh\\nexit 21\\n' > '/mnt/{name}'; chmod 755 /mnt/*; PATH=/mnt:$PATH"
        );
        let scene = Scene::of(&Init::vestibule()).before(&prepare);
        assert_eq!(scene.main(&[name]).run().code, Some(21), "{name}");
    }
}

#[test]
fn options_end_at_the_first_word_that_is_none() {
    let ended = with_words(&["-g", "printf", "%s ", "-g", "-h", "--grace", "--", "-e"]);
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.said, "-g -h --grace -- -e ");
}

#[test]
fn malformed_values_are_refused() {
    for words in [
        ["-e", "256"],
        ["-e", "-1"],
        ["-e", "x"],
        ["-e", ""],
        ["-p", "0"],
        ["-p", "65"],
        ["-p", "NOPE"],
        ["--grace", "soon"],
        ["--grace", "-1s"],
        ["--log-format", "xml"],
    ] {
        is_refused(&[words[0], words[1], "--", "true"], words[0]);
    }
}

#[test]
fn what_only_a_supervisor_can_do_is_refused_with_exec() {
    for words in [
        &["-g"][..],
        &["-e", "1"],
        &["-r", "15:2"],
        &["--grace", "1s"],
    ] {
        is_refused(&[&["--exec"], words, &["--", "true"]].concat(), "--exec");
    }
}

#[test]
fn exec_replaces_vestibule_by_the_command() {
    let ended = with_words(&["--exec", "--", "sh", "-c", "echo $$"]);
    assert_eq!((ended.code, ended.said.as_str()), (Some(0), "1\n"));
}

/// Whether a run with these options and variables tells of a forwarded signal.
fn tells(options: &[&str], variables: &[(&str, &str)]) -> bool {
    let scene = Scene::of(&Init::vestibule()).with(options);
    let scene = variables
        .iter()
        .fold(scene, |scene, (name, value)| scene.env(name, value));
    let running = scene
        .shell("trap 'exit 0' USR1; echo ready; while :; do sleep 0.01; done")
        .start();
    running.expect_line("ready");
    running.signal(10);
    let complained = running.end().complained;
    assert!(
        complained.is_empty() || complained.contains("USR1"),
        "{complained}"
    );
    !complained.is_empty()
}

#[test]
fn messages_come_only_when_asked_for() {
    assert!(!tells(&[], &[]));
    assert!(!tells(&[], &[("TINI_VERBOSITY", "1")]));
    assert!(tells(&["-vvv"], &[]));
    assert!(tells(&["-v", "--verbose"], &[]));
    assert!(tells(&[], &[("TINI_VERBOSITY", "3")]));
    assert!(tells(&[], &[("DUMB_INIT_DEBUG", "1")]));
}

#[test]
fn a_malformed_variable_is_refused_by_its_name() {
    for (name, value) in [("TINI_VERBOSITY", "loud"), ("VESTIBULE_GRACE", "soon")] {
        let ended = Scene::of(&Init::vestibule())
            .env(name, value)
            .main(&["true"])
            .run();
        assert_eq!(ended.code, Some(100), "{name}");
        assert!(ended.complained.contains(name), "{}", ended.complained);
    }
}

#[test]
fn two_minutes_of_grace_are_said_as_2m() {
    let ended = Scene::of(&Init::vestibule())
        .with(&["--grace=2m"])
        .main(&["true"])
        .run();
    assert_eq!(ended.code, Some(0), "{}", ended.complained);
}
