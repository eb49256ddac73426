//! `vestibule exec` and `vestibule health`: what `docker exec` and a health
//! check start beside main, and never before it.

use std::fs::File;
use std::io::Read;

use serde_json::Value;

use crate::harness::{Content, Outcome, Report, Running, Scene, capability, program, wait_for};
use crate::level::{PERMITTED, REFUSED, WITHHELD, app_policy, at_work, end, root, root_shell};

/// A session of `docker exec` with Docker's capabilities.
fn session(arguments: &[&str]) -> Scene {
    Scene::raw(arguments).capabilities(capability::DOCKER)
}

/// `vestibule exec` with the witness playing these parts.
fn exec(parts: &[&str]) -> Scene {
    session(&[&["exec", "/witness"], parts].concat())
}

fn health(running: &Running) -> Outcome {
    running.beside(session(&["health"])).finish()
}

fn proof(running: &Running) -> Value {
    let outcome = running
        .beside(session(&["exec", "--prove", "--json"]))
        .finish();
    assert_eq!(outcome.stderr, "");
    let proof = outcome.expect_code(0).stdout;
    serde_json::from_str(&proof).expect("JSON")
}

#[test]
fn while_main_runs_it_is_healthy_and_nothing_is_said() {
    for scene in [root(&["wait"]), Scene::main(&["wait"])] {
        let running = at_work(scene);
        let outcome = health(&running).expect_code(0);
        assert_eq!(
            (outcome.stdout, outcome.stderr),
            (String::new(), String::new())
        );
        end(running);
    }
}

/// Lets a process that complains into a full pipe go on.
fn unjam(running: &Running, path: &str) -> File {
    let mut pipe = File::open(running.init().path(&format!("root{path}"))).expect("the pipe");
    pipe.read_exact(&mut [0; 4096]).expect("what fills it");
    pipe
}

#[track_caller]
fn is_too_early(running: &Running) {
    let outcome = health(running);
    assert_eq!(outcome.code(), 1);
    let reason = "main has not been started yet";
    assert!(outcome.stderr.contains(reason), "{}", outcome.stderr);
    for words in [
        &["exec", "/witness", "say", "main"][..],
        &["exec", "--prove"],
    ] {
        let message = running.beside(session(words)).finish().expect_refusal(111);
        assert!(message.contains(reason), "{message}");
    }
}

#[test]
fn before_main_there_is_no_health_and_no_session() {
    // The first waits in `collect`, to warn of a short value; the second as main
    // but for the program, to say the start line.
    let warned = root(&["say", "ready", "wait"]).file("/run/secrets/pin", 0o444, (0, 0), "1234");
    for scene in [warned, root(&["say", "ready", "wait"])] {
        let running = scene.jammed("/tmp/jam").spawn();
        let init = running.init();
        wait_for("a full pipe", || {
            let all = running.processes();
            let waiting = |name| all.iter().any(|one| one.status("Name") == name);
            let is_writing = all.iter().any(|one| {
                one.read("wchan")
                    .is_ok_and(|place| String::from_utf8_lossy(&place).contains("pipe"))
                    || one
                        .read("syscall")
                        .is_ok_and(|call| call.starts_with(b"1 "))
            });
            (waiting("vestibule:start") && is_writing).then_some(())
        });
        is_too_early(&running);
        let pipe = unjam(&running, "/tmp/jam");
        let mut running = running;
        running.line_behind_gate("ready");
        health(&running).expect_code(0);
        assert_eq!(init.status("Name"), "vestibule");
        drop(pipe);
        end(running);
    }
}

#[test]
fn beside_another_pid_1_both_refuse() {
    let replaced = Scene::raw(&["--exec", "--", "/witness", "wait"]).secret("api-key");
    let below_another = Scene::main(&["wait"]).secret("api-key").not_pid_1();
    for scene in [replaced, below_another] {
        let mut running = scene.permits(&["api-key"]).spawn();
        running.line("ready");
        for words in [
            &["exec", "/witness", "say", "main"][..],
            &["exec", "--prove"],
        ] {
            let message = running.beside(session(words)).finish().expect_refusal(100);
            assert!(
                message.contains("PID 1 of this container is not vestibule"),
                "{message}"
            );
            assert!(message.contains("`--init`"), "{message}");
        }
        assert_eq!(health(&running).code(), 1);
        // A PID 1 without a handler heeds nothing else.
        running.signal(9);
        running.finish();
    }
}

#[test]
fn without_proc_nobody_can_tell() {
    let open = r#"{ "version": 1, "run": { "confinement": "environment-only" } }"#;
    let running = at_work(root(&["wait"]).policy(open).without_proc());
    let message = running
        .beside(exec(&["say", "main"]))
        .finish()
        .expect_refusal(100);
    assert!(message.contains("mount `/proc`"), "{message}");
    assert_eq!(health(&running).code(), 1);
    end(running);
}

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
fn a_session_may_not_look_into_main_nor_main_into_it_where_the_user_may_not() {
    // Two domains beside each other: neither is below the other (landlock(7)).
    let running = at_work(root(&["wait"]));
    let main = running.main().inner();
    let environ = format!("/proc/{main}/environ");
    let outcome = running
        .beside(exec(&["read", &environ]))
        .finish()
        .expect_code(0);
    assert_eq!(outcome.content(0), Content::Unread(REFUSED));
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
fn the_proof_can_be_shown_while_main_runs() {
    let running = at_work(root(&["wait"]));
    let outcome = running
        .beside(session(&["exec", "--prove"]))
        .finish()
        .expect_code(0);
    let first = outcome.stdout.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("proved: ") && first.ends_with("`github-token`"),
        "{first}"
    );
    assert!(
        outcome
            .stdout
            .contains("refused   opening `/run/secrets/github-token`")
    );
    let proof = proof(&running);
    assert_eq!(proof["confinement"], "proved");
    assert_eq!(proof["withheld"], serde_json::json!(["github-token"]));
    let attempts = proof["attempts"].as_array().expect("a list");
    assert!(attempts.len() > 20);
    for attempt in attempts {
        assert!(
            ["refused", "absent", "harmless"]
                .iter()
                .any(|word| attempt["outcome"] == *word),
            "{attempt}"
        );
        assert!(attempt["channel"].is_string() && attempt["target"].is_string());
    }
    end(running);
}

#[test]
fn the_proof_says_what_the_policy_accepts() {
    let policy = r#"{ "version": 1, "run": { "env": { "KEY": "api-key" },
        "capabilities": ["SYS_PTRACE"] } }"#;
    let held = capability::DOCKER | 1 << 19;
    let running = at_work(root(&["wait"]).policy(policy).capabilities(held));
    let scene = session(&["exec", "--prove", "--json"]).capabilities(held);
    let outcome = running.beside(scene).finish().expect_code(0);
    let proof: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let accepted: Vec<&Value> = proof["attempts"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|attempt| attempt["outcome"] == "accepted")
        .map(|attempt| &attempt["target"])
        .collect();
    assert_eq!(accepted, ["CAP_SYS_PTRACE"]);
    end(running);
}

#[test]
fn the_proof_claims_nothing_where_nothing_was_tried() {
    let waived = r#"{ "version": 1, "run": { "env": { "KEY": "api-key" },
        "confinement": "environment-only" } }"#;
    let open = Scene::main(&["wait"])
        .secret("api-key")
        .permits(&["api-key"]);
    for (scene, level) in [
        (root(&["wait"]).policy(waived), "environment-only"),
        (open, "nothing-withheld"),
        (Scene::main(&["wait"]), "nothing-withheld"),
    ] {
        let running = at_work(scene);
        let proof = proof(&running);
        assert_eq!(proof["confinement"], level);
        assert_eq!(proof["attempts"], serde_json::json!([]));
        end(running);
    }
}

#[test]
fn a_session_is_refused_where_a_secret_has_got_another_name() {
    // Somebody outside gives the file a second name that main can read.
    let running = at_work(
        Scene::main(&["wait"])
            .policy(r#"{ "version": 1, "secret_dirs": ["/secrets"] }"#)
            .secret_at("/secrets/pw", 0o444, (0, 0), str::to_owned)
            .capabilities(capability::DOCKER),
    );
    let secrets = running.init().path("root/secrets/pw");
    let public = running.init().path("root/public");
    std::fs::hard_link(secrets, public).expect("a second name");
    for words in [
        &["exec", "--prove"][..],
        &["exec", "/witness", "say", "main"],
    ] {
        let message = running.beside(session(words)).finish().expect_refusal(100);
        assert!(message.contains("/secrets/pw"), "{message}");
    }
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
        assert!(
            ["code 0", "code 100"]
                .iter()
                .any(|code| outcome.stdout.contains(code)),
            "{} {}",
            outcome.stdout,
            outcome.stderr
        );
    }
}

#[test]
fn anybody_may_ask_for_health() {
    let running = at_work(root(&["wait"]));
    let nobody = session(&["health"]).user(65534, 65534, &[]).capabilities(0);
    running.beside(nobody).finish().expect_code(0);
    end(running);
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
