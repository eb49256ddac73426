//! The command line: usage, `--exec`, and a vestibule that is not PID 1.

use crate::expected::golden;
use crate::harness::{End, Scene, wait_for};

#[test]
fn usage_mistakes_are_told_in_three_lines() {
    let mut told = String::new();
    for arguments in [
        &[][..],
        &["--"],
        &["--bogus", "true"],
        &["-x", "true"],
        &["-e", "256", "true"],
        &["-e"],
        &["-p", "NOPE", "true"],
        &["-r", "TERM", "true"],
        &["-r", "KILL:TERM", "true"],
        &["-r", "TERM:NOPE", "true"],
        &["--grace", "8", "true"],
        &["--log-format", "xml", "true"],
        &["--exec", "-g", "true"],
        &["--exec", "-e", "3", "true"],
        &["--exec", "-r", "TERM:QUIT", "true"],
        &["--exec", "--grace", "8s", "true"],
        &["plan", "true"],
        &["plan", "--bogus"],
        &["exec", "true"],
        &["exec"],
        &["exec", "--json", "true"],
        &["exec", "--bogus", "true"],
        &["health", "now"],
        &["scan"],
        &["scan", "--bogus"],
        &["scan", "/"],
        &["git-credential", "get"],
        &["check", "--bogus"],
        &["check", "true"],
    ] {
        let message = Scene::raw(arguments)
            .env("PATH", "/usr/bin")
            .run()
            .expect_refusal(100);
        told.extend(["$ vestibule ", &arguments.join(" "), "\n", &message, "\n"]);
    }
    golden("usage.txt", &told);
}

#[test]
fn an_unknown_option_is_an_error_that_names_the_two_dashes() {
    let message = Scene::raw(&["--inspect", "node"]).run().expect_refusal(100);
    assert!(
        message.contains("`--inspect`") && message.contains("`--`"),
        "{message}"
    );
}

#[test]
fn help_version_and_licence_go_to_standard_output() {
    for (option, word) in [
        ("-h", "vestibule [OPTIONS] [--] COMMAND"),
        ("--help", "VESTIBULE_POLICY"),
        ("-V", concat!("vestibule ", env!("CARGO_PKG_VERSION"), "\n")),
        (
            "--version",
            concat!("vestibule ", env!("CARGO_PKG_VERSION"), "\n"),
        ),
        ("-l", "Apache"),
    ] {
        let outcome = Scene::raw(&[option]).run().expect_code(0);
        assert!(outcome.stdout.contains(word), "{option}");
        assert_eq!(outcome.stderr, "");
    }
}

#[test]
fn with_exec_main_takes_the_place_of_vestibule() {
    for secret in [false, true] {
        let scene = Scene::main(&["report", "say", "told", "wait"]).options(&["--exec"]);
        let scene = if secret {
            scene.secret("api").permits(&["api"])
        } else {
            scene
        };
        let mut running = scene.not_pid_1().spawn();
        let init = running.init();
        assert_eq!(
            running.report().number("pid"),
            2,
            "the first after the foreign PID 1"
        );
        wait_for("the word", || {
            running.open_gate();
            running.has_said("told").then_some(())
        });
        assert!(running.signal_to(init, 9));
        assert_eq!(running.finish().end, End::Signal(9));
    }
    let outcome = Scene::main(&["report", "exit", "4"])
        .options(&["--exec"])
        .run()
        .expect_code(4);
    assert_eq!(outcome.report().number("pid"), 1);
}

#[test]
fn a_vestibule_that_is_not_pid_1_is_replaced_by_main() {
    let scene = Scene::main(&["report", "exit", "5"])
        .not_pid_1()
        .secret("api")
        .permits(&["api"]);
    let outcome = scene.run().expect_code(5);
    assert_eq!(
        outcome.report().number("pid"),
        2,
        "the first after the foreign PID 1"
    );
}

#[test]
fn as_a_subreaper_it_stays_and_supervises() {
    let parts = ["report", "orphans", "3", "exit", "6"];
    let outcome = Scene::main(&parts)
        .options(&["-s", "-w"])
        .not_pid_1()
        .run()
        .expect_code(6);
    assert_eq!(
        outcome.report().number("ppid"),
        2,
        "vestibule, beside a foreign PID 1"
    );
    assert_eq!(
        outcome.stderr.matches("reaped the orphan").count(),
        3,
        "{}",
        outcome.stderr
    );
    let by_variable = Scene::main(&["report"])
        .env("TINI_SUBREAPER", "")
        .not_pid_1()
        .run();
    assert_eq!(by_variable.report().number("ppid"), 2);
}

#[test]
fn supervising_options_without_supervision_are_a_usage_error() {
    for options in [
        &["-g"][..],
        &["-e", "3"],
        &["-r", "TERM:QUIT"],
        &["--grace", "8s"],
    ] {
        let scene = Scene::main(&["say", "main"]).options(options).not_pid_1();
        let message = scene.run().expect_refusal(100);
        assert!(message.contains(options[0]), "{message}");
    }
}

#[test]
fn the_parent_death_signal_is_accepted() {
    let outcome = Scene::main(&["exit", "0"])
        .options(&["-p", "SIGTERM"])
        .run();
    assert_eq!(outcome.code(), 0, "{}", outcome.stderr);
}

#[test]
fn the_name_it_is_called_by_does_not_matter() {
    for name in ["", "init", "check", "-g"] {
        assert_eq!(
            Scene::main(&["exit", "2"]).named(name).run().code(),
            2,
            "{name}"
        );
    }
}

#[test]
fn mistakes_in_variables_are_told_by_their_name() {
    for (name, value) in [
        ("VESTIBULE_GRACE", "8"),
        ("TINI_VERBOSITY", "loud"),
        ("VESTIBULE_GRACE", "-1s"),
    ] {
        let message = Scene::main(&["say", "main"])
            .env(name, value)
            .run()
            .expect_refusal(100);
        assert!(message.contains(name), "{message}");
    }
}
