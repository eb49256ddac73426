//! Main's arguments and environment block, byte for byte.

use crate::harness::Scene;

#[test]
fn the_command_reaches_main_untouched() {
    let words: [&[u8]; 9] = [
        b"report",
        b"--",
        b"",
        b" ",
        b"--policy=x",
        b"-g",
        b"a\nb\x1b[31m",
        b"\xff\xfe not UTF-8",
        b"${HOME} $(id) `id` %s *",
    ];
    let mut command = vec![b"/witness".as_slice()];
    command.extend(words);
    let texts: Vec<_> = command
        .iter()
        .map(|word| std::os::unix::ffi::OsStrExt::from_bytes(word))
        .collect();
    let texts: Vec<&std::ffi::OsStr> = texts;
    assert_eq!(Scene::command(&texts).run().report().arguments(), command);
    // Without `--`, and with a start that has secrets.
    let scene = Scene::raw(&texts).secret("api-key").permits(&["api-key"]);
    assert_eq!(scene.run().report().arguments(), command);
}

#[test]
fn options_end_at_the_first_word_that_is_none() {
    let outcome = Scene::raw(&["/bin/sh", "-c", "exit 3"]).run();
    assert_eq!(outcome.code(), 3);
    let outcome = Scene::raw(&["-v", "/bin/sh", "-e", "-c", "exit 4"]).run();
    assert_eq!(outcome.code(), 4);
}

#[test]
fn a_command_named_like_a_subcommand_is_reached_with_two_dashes() {
    for name in ["check", "plan", "exec", "health", "scan", "git-credential"] {
        let outcome = Scene::raw(&["--", name])
            .env("PATH", "/opt/bin")
            .bind("/bin/true", &format!("/opt/bin/{name}"))
            .run();
        assert_eq!(outcome.code(), 0, "{name}: {}", outcome.stderr);
    }
}

#[test]
fn the_command_is_searched_in_the_path_that_main_will_have() {
    let scene = |path: &str| {
        Scene::command(&["prog"])
            .env("PATH", path)
            .file("/opt/a/prog", 0o644, (0, 0), "#!/bin/sh\nexit 1\n")
            .file("/opt/b/prog", 0o755, (0, 0), "#!/bin/sh\nexit 2\n")
            .file("/opt/c/prog", 0o755, (0, 0), "#!/bin/sh\nexit 3\n")
    };
    assert_eq!(
        scene("/opt/a:/opt/b:/opt/c").run().code(),
        2,
        "what cannot be executed is passed"
    );
    assert_eq!(scene("/none:/opt/c:/opt/b").run().code(), 3);
    let outcome = scene("/opt/a").run();
    assert_eq!(outcome.code(), 126, "{}", outcome.stderr);
    assert_eq!(
        scene("").cwd("/opt/b").run().code(),
        2,
        "an empty entry is the directory"
    );
}

#[test]
fn without_a_path_the_usual_directories_are_searched() {
    assert_eq!(Scene::command(&["true"]).run().code(), 0);
}

#[test]
fn a_script_without_an_interpreter_line_is_run_by_the_shell() {
    let scene = Scene::command(&["/opt/script", "5"]);
    let scene = scene.file("/opt/script", 0o755, (0, 0), "exit $1\n");
    assert_eq!(scene.run().code(), 5);
}

#[test]
fn an_entry_of_131071_bytes_is_given_and_one_byte_more_is_refused_early() {
    let scene = |size: usize| {
        let value = "x".repeat(size - "BIG_ONE=".len());
        Scene::main(&["report"]).file("/run/secrets/big-one", 0o444, (0, 0), value)
    };
    let environment = scene(131_071).run().report().environment();
    assert_eq!(environment["BIG_ONE"].len(), 131_071 - "BIG_ONE=".len());
    let message = scene(131_072).run().expect_refusal(100);
    assert!(
        message.contains("`BIG_ONE`") && message.contains("run.files"),
        "{message}"
    );
}

#[test]
fn a_value_with_a_nul_is_refused_for_a_variable_and_fine_as_a_file() {
    let scene = || {
        let scene = Scene::command(&["/bin/sh", "-c", r#"exec /witness read "$KEY_FILE""#]);
        scene.file("/run/secrets/key", 0o444, (0, 0), b"a\0b")
    };
    let message = scene().run().expect_refusal(100);
    assert!(message.contains("NUL"), "{message}");
    let policy = r#"{ "version": 1, "run": { "files": { "KEY_FILE": "key" } } }"#;
    let outcome = scene().policy(policy).run().expect_code(0);
    assert!(
        matches!(outcome.content(0), crate::harness::Content::Read(_, _, bytes)
        if bytes == b"a\0b")
    );
}

#[test]
fn odd_entries_of_the_environment_do_no_harm() {
    let outcome = Scene::main(&["report"])
        .env_entry(b"NO_SIGN")
        .env_entry(b"=C:=x")
        .env_entry(b"BYTES=\xff\x80")
        .env("LANG", "C")
        .run()
        .expect_code(0);
    let entries = outcome.report().entries();
    assert!(entries.contains(&b"LANG=C".to_vec()));
    assert!(entries.contains(&b"BYTES=\xff\x80".to_vec()));
}

#[test]
fn of_a_variable_that_is_there_twice_the_withheld_value_gets_through_by_neither() {
    let scene = Scene::main(&["report"]).secret("github-token");
    let value = scene.value("github-token").to_owned();
    let with = |first: &str, second: &str| {
        let scene = scene.clone().env("COPY", first).env("COPY", second);
        scene.run().expect_code(0);
    };
    with(&value, "harmless");
    with("harmless", &value);
}
