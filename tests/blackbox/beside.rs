//! `vestibule exec`: a process beside main, as `docker exec` starts one, that is
//! what main is and gets no further.

use crate::harness::{Content, Report, Scene, capability, program};
use crate::level::{
    PERMITTED, REFUSED, WITHHELD, app_policy, at_work, end, exec, health, root, root_shell, session,
};

/// What must not differ between main and a session.
fn state(report: &Report) -> Vec<String> {
    let numbers = ["uids", "gids", "groups"].map(|name| format!("{:?}", report.numbers(name)));
    let sets = [
        "permitted",
        "effective",
        "inheritable",
        "ambient",
        "bounding",
        "mask",
        "ignored",
    ];
    let sets = sets.map(|name| format!("{name} {:x}", report.bits(name)));
    let single = ["no_new_privs", "umask", "securebits", "dumpable"];
    let single = single.map(|name| format!("{name} {}", report.number(name)));
    let descriptors = format!("{:?}", report.descriptors().keys());
    [
        &numbers[..],
        &sets[..],
        &single[..],
        &[report.limits().to_string(), descriptors][..],
    ]
    .concat()
}

#[test]
fn a_session_is_what_main_is() {
    let in_container = |scene: Scene| {
        scene
            .env("PATH", "/usr/bin")
            .env("TZ", "UTC")
            .env("X_TOKEN", "t")
    };
    for policy in [
        None,
        Some(app_policy("")),
        Some(app_policy(
            r#", "umask": "027", "limits": { "nofile": 77 }, "capabilities": ["KILL"]"#,
        )),
    ] {
        let scene = in_container(root(&["report", "wait"]));
        let scene = match &policy {
            Some(policy) => scene.policy(policy),
            None => scene,
        };
        let mut running = scene.spawn();
        let main = running.report();
        running.line_behind_gate("ready");
        let outcome = running.beside(in_container(exec(&["report"]))).finish();
        let session = outcome.expect_code(0).report();
        assert_eq!(state(&session), state(&main), "{policy:?}");
        assert!(session.environment() == main.environment(), "{policy:?}");
        end(running);
    }
}

#[test]
fn a_session_is_kept_from_what_main_is_kept_from() {
    let doors = ["/proc/1/root/etc/passwd", "/proc/1/environ"];
    let parts = [
        "read", WITHHELD, "read", doors[0], "read", doors[1], "read", PERMITTED,
    ];
    for (scene, held) in [
        (root(&["wait"]), capability::DOCKER),
        (root(&["wait"]).policy(&app_policy("")), capability::DOCKER),
        (root(&["wait"]), capability::ALL),
    ] {
        let running = at_work(scene.capabilities(held));
        let outcome = running
            .beside(exec(&parts).capabilities(held))
            .finish()
            .expect_code(0);
        for index in 0..3 {
            assert_eq!(outcome.content(index), Content::Unread(REFUSED), "{index}");
        }
        assert!(matches!(outcome.content(3), Content::Read(..)));
        end(running);
    }
}

#[test]
fn a_session_can_neither_look_into_main_nor_signal_it() {
    // Both are in a Landlock domain, and neither domain is below the other
    // (landlock(7)): a limit for `vestibule exec kill`, and for debuggers.
    let running = at_work(root(&["wait"]));
    let main = running.main().inner();
    let environ = format!("/proc/{main}/environ");
    let outcome = running
        .beside(exec(&["read", &environ]))
        .finish()
        .expect_code(0);
    assert_eq!(outcome.content(0), Content::Unread(REFUSED));
    let kill = session(&["exec", "/bin/sh", "-c", "kill -0 \"$0\"", &main.to_string()]);
    let outcome = running.beside(kill).finish().expect_code(1);
    let says = "Operation not permitted";
    assert!(outcome.stderr.contains(says), "{}", outcome.stderr);
    end(running);
}

#[test]
fn a_session_starts_in_the_root_whatever_the_caller_s_directory_or_main_s() {
    let policy = app_policy(r#", "directory": "/home/app""#);
    let running = at_work(root(&["wait"]).policy(&policy));
    assert_eq!(
        String::from(
            running
                .main()
                .path("cwd")
                .read_link()
                .unwrap()
                .to_str()
                .unwrap()
        ),
        "/home/app"
    );
    let outcome = running.beside(exec(&["report"]).cwd("/tmp")).finish();
    assert_eq!(outcome.expect_code(0).report().directory(), "/");
    end(running);
}

#[test]
fn policy_and_profile_of_pid_1_hold_however_they_were_given() {
    let policy = r#"{ "version": 1, "run": { "env": { "KEY": "api-key" } },
        "profiles": { "worker": { "run": { "env": { "WORKER_KEY": "api-key" } } } } }"#;
    let scene = || root(&["wait"]).file("/etc/other.json", 0o444, (0, 0), policy);
    let by_option = scene().options(&["--policy", "/etc/other.json", "--profile", "worker"]);
    let by_variable = scene()
        .env("VESTIBULE_POLICY", "/etc/other.json")
        .env("VESTIBULE_PROFILE", "worker");
    for scene in [by_option, by_variable] {
        let running = at_work(scene);
        let outcome = running.beside(exec(&["report"])).finish().expect_code(0);
        let environment = outcome.report().environment();
        assert!(environment.contains_key("WORKER_KEY"));
        assert!(
            !environment.contains_key("API_KEY"),
            "no convention is at work"
        );
        end(running);
    }
}

#[test]
fn the_caller_s_variables_change_neither_policy_nor_profile() {
    let planted = r#"{ "version": 1, "run": { "env": { "STOLEN": "github-token" },
        "confinement": "environment-only" }, "profiles": { "p": { "run": {} } } }"#;
    for scene in [root(&["wait"]), root(&["wait"]).policy(&app_policy(""))] {
        let running = at_work(scene.file("/tmp/planted.json", 0o444, (0, 0), planted));
        let outcome = running
            .beside(
                exec(&["report", "read", WITHHELD])
                    .env("VESTIBULE_POLICY", "/tmp/planted.json")
                    .env("VESTIBULE_PROFILE", "p"),
            )
            .finish()
            .expect_code(0);
        assert!(!outcome.report().environment().contains_key("STOLEN"));
        assert_eq!(outcome.content(0), Content::Unread(REFUSED));
        end(running);
    }
}

#[test]
fn an_option_about_policy_is_not_exec_s() {
    let running = at_work(root(&["wait"]));
    for words in [
        &["exec", "--policy", "/tmp/x", "/witness"][..],
        &["exec", "--profile=x", "/witness"],
        &["exec", "-g", "/witness"],
    ] {
        let message = running.beside(session(words)).finish().expect_refusal(100);
        assert!(
            message.contains("`exec` takes policy and profile from PID 1"),
            "{message}"
        );
    }
    end(running);
}

#[test]
fn a_use_that_means_nothing_is_refused() {
    let running = at_work(root(&["wait"]));
    for (words, fix) in [
        (&["exec"][..], "vestibule exec COMMAND"),
        (&["exec", "--"], "vestibule exec COMMAND"),
        (&["exec", "--prove", "/witness"], "vestibule exec --prove"),
        (&["exec", "--json", "/witness"], "vestibule exec"),
        (&["health", "now"], "vestibule health"),
        (&["health", "--json"], "vestibule health"),
    ] {
        let message = running.beside(session(words)).finish().expect_refusal(100);
        assert!(message.contains(fix), "{words:?}: {message}");
    }
    end(running);
}

#[test]
fn a_session_ends_with_its_command_s_code_or_127_or_126() {
    let running = at_work(root(&["wait"]).file("/etc/plain", 0o644, (0, 0), "text"));
    running
        .beside(exec(&["exit", "42"]))
        .finish()
        .expect_code(42);
    let shell = session(&["exec", "--", "/bin/sh", "-c", "exit 3"]);
    running.beside(shell).finish().expect_code(3);
    for (command, code) in [("/none", 127), ("none", 127), ("/etc/plain", 126)] {
        let scene = session(&["exec", command]).env("PATH", "/usr/bin");
        running.beside(scene).finish().expect_refusal(code);
    }
    end(running);
}

#[test]
fn a_session_is_no_child_of_pid_1_and_its_end_is_none_of_its_business() {
    let running = at_work(root(&["wait"]));
    let outcome = running.beside(exec(&["report"])).finish().expect_code(0);
    assert_eq!(outcome.report().number("ppid"), 0);
    health(&running).expect_code(0);
    end(running);
}

#[test]
fn a_session_says_no_start_line() {
    let running = at_work(root(&["wait"]));
    let outcome = running.beside(exec(&["exit", "0"])).finish().expect_code(0);
    assert_eq!(outcome.stderr, "");
    end(running);
}

#[test]
fn a_foreign_user_cannot_start_a_session_as_main() {
    let running = at_work(root(&["wait"]).policy(&app_policy("")));
    let message = running
        .beside(exec(&["say", "main"]).user(4242, 4242, &[]))
        .finish()
        .expect_refusal(100);
    assert!(message.contains("CAP_SETUID"), "{message}");
    end(running);
}

#[test]
fn nsenter_itself_would_read_the_secret() {
    // The control: what `docker exec` starts without vestibule is not confined.
    let running = at_work(root(&["wait"]));
    let init = running.init().0.to_string();
    let said = program("nsenter")
        .args([
            "--target", &init, "--mount", "--pid", "test", "-r", WITHHELD,
        ])
        .status();
    assert!(said.is_ok_and(|status| status.success()));
    end(running);
}

#[test]
fn main_gains_nothing_by_a_session_of_its_own() {
    let script = format!(
        "/vestibule health && echo healthy; /vestibule exec /witness read {WITHHELD}; echo code $?"
    );
    for scene in [
        root_shell(&script),
        root_shell(&script).policy(&app_policy("")),
    ] {
        let outcome = scene.run().expect_code(0);
        assert_eq!(outcome.said("healthy"), Some(""));
        assert!(!outcome.stdout.contains("content "), "the secret was read");
        // What is withheld for the second time needs no value.
        let said = &outcome.stdout;
        assert!(said.ends_with("unread 13\ncode 0\n"), "{said}");
    }
}

#[test]
fn files_made_for_a_session_go_with_it() {
    let policy = r#"{ "version": 1, "run": { "files": { "KEY_FILE": "key" }, "user": "app" } }"#;
    let scene = Scene::main(&["wait"])
        .policy(policy)
        .secret_at("/run/secrets/key", 0o400, (0, 0), str::to_owned)
        .permits(&["key"]);
    let running = at_work(scene);
    let copies = || {
        let place = running.init().path("root/dev/shm");
        std::fs::read_dir(place).expect("/dev/shm").count()
    };
    let before = copies();
    for _ in 0..3 {
        running.beside(exec(&["exit", "0"])).finish().expect_code(0);
    }
    assert_eq!(
        copies(),
        before,
        "each session leaves a copy of the secret behind"
    );
    end(running);
}
