//! Exit codes: main's own, 128+n, and those of vestibule with their messages.

use crate::harness::{End, Scene};

#[test]
fn the_exit_code_of_main_is_passed_on() {
    for code in [0, 1, 3, 100, 111, 126, 127, 128, 255] {
        let parts = ["exit", &code.to_string()];
        assert_eq!(Scene::main(&parts).run().code(), code);
        let scene = Scene::main(&parts).secret("api").permits(&["api"]);
        assert_eq!(scene.run().code(), code);
    }
}

#[test]
fn a_signal_that_ends_main_is_128_and_its_number() {
    for signal in [1, 2, 3, 6, 9, 11, 13, 15, 31, 32, 34, 64] {
        let parts = ["die", &signal.to_string()];
        assert_eq!(Scene::main(&parts).run().code(), 128 + signal);
        let scene = Scene::main(&parts).secret("api").permits(&["api"]);
        assert_eq!(scene.run().code(), 128 + signal);
    }
}

#[test]
fn a_command_that_is_not_there_is_127() {
    for (command, words) in [
        ("nonesuch", ["`nonesuch`", "/usr/bin"]),
        ("/opt/nonesuch", ["`/opt/nonesuch`", "the path as given"]),
        ("./nonesuch", ["`./nonesuch`", "the path as given"]),
    ] {
        let message = Scene::command(&[command])
            .env("PATH", "/usr/bin")
            .run()
            .expect_refusal(127);
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }
}

#[test]
fn a_command_that_cannot_be_executed_is_126_and_the_message_names_the_cause() {
    let arm: Vec<u8> = {
        let mut head = vec![0; 64];
        head[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        head[16] = 2;
        head[18] = 183;
        head[20] = 1;
        head
    };
    let scene = |path: &str| Scene::command(&[path]);
    let cases = [
        (
            scene("/opt/p").file("/opt/p", 0o644, (0, 0), "#!/bin/sh\n"),
            "0644",
        ),
        (scene("/opt").directory("/opt", 0o755, (0, 0)), "directory"),
        (
            scene("/opt/p")
                .tmpfs("/opt", "x", "")
                .file("/opt/p", 0o755, (0, 0), "#!/bin/sh\n"),
            "noexec",
        ),
        (
            scene("/opt/p").file("/opt/p", 0o755, (0, 0), arm),
            "aarch64",
        ),
        (
            scene("/opt/p").file("/opt/p", 0o755, (0, 0), b"\0\x01\x02\x03"),
            "neither",
        ),
    ];
    for (scene, word) in cases {
        let message = scene.run().expect_refusal(126);
        assert!(message.contains(word), "{word}: {message}");
    }
}

#[test]
fn a_missing_interpreter_is_126_and_named() {
    for (head, name) in [
        ("#!/opt/python3\n", "`/opt/python3`"),
        ("#!/bin/sh\r\necho\r\n", "`/bin/sh\\r`"),
    ] {
        let scene = Scene::command(&["/opt/p"]).file("/opt/p", 0o755, (0, 0), head);
        let message = scene.run().expect_refusal(126);
        assert!(message.contains(name), "{message}");
    }
}

#[test]
fn a_policy_or_usage_mistake_is_100() {
    Scene::raw(&["--bogus", "true"]).run().expect_refusal(100);
    Scene::main(&["say", "main"])
        .policy("{")
        .run()
        .expect_refusal(100);
}

#[test]
fn a_refusal_of_the_system_is_111() {
    // One process of this user, and no more: fork fails with EAGAIN.
    let scene = Scene::main(&["say", "main"])
        .limit(6, 1, 1)
        .user(47_111, 47_111, &[]);
    let message = scene.run().expect_refusal(111);
    assert!(message.contains("process"), "{message}");
}

#[test]
fn too_large_an_environment_is_refused_with_the_way_out() {
    let mut scene = Scene::main(&["say", "main"]).limit(3, 8 << 20, 8 << 20);
    for number in 0..40 {
        let path = format!("/run/secrets/big-{number}");
        scene = scene.file(&path, 0o444, (0, 0), "x".repeat(120_000));
    }
    let outcome = scene.run();
    assert_eq!(outcome.end, End::Code(126), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("run.files"), "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "");
}

#[test]
fn codes_that_count_as_success_are_0() {
    for (code, expected) in [(143, 0), (3, 0), (4, 4)] {
        let scene = Scene::main(&["exit", &code.to_string()]).options(&["-e", "143", "-e", "3"]);
        assert_eq!(scene.run().code(), expected);
    }
}
