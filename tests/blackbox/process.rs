//! Umask, limits, directory: what the policy says, and otherwise exactly what
//! the container had.

use crate::harness::{Scene, wait_for};

/// Numbers of getrlimit(2).
const FSIZE: u8 = 1;
const CORE: u8 = 4;
const NOFILE: u8 = 7;
const SIGPENDING: u8 = 11;

fn with(run: &str) -> Scene {
    let policy = format!(r#"{{ "version": 1, "run": {{ {run} }} }}"#);
    Scene::main(&["report"]).policy(&policy)
}

#[test]
fn a_policy_sets_umask_directory_and_limits() {
    let run = r#""umask": "027", "directory": "/home/app", "limits": { "nofile": 77, "core": 0 }"#;
    let report = with(run).run().report();
    assert_eq!(report.number("umask"), 0o027);
    assert_eq!(report.directory(), "/home/app");
    assert_eq!(report.limit(usize::from(NOFILE)), (77, 77));
    assert_eq!(report.limit(usize::from(CORE)), (0, 0));
}

#[test]
fn without_a_policy_umask_directory_and_limits_are_the_container_s() {
    let scene = Scene::main(&["report"]).umask(0o5).cwd("/tmp");
    let scene = scene.limit(NOFILE, 123, 456).limit(SIGPENDING, 7, 9);
    let report = scene.secret("api").permits(&["api"]).run().report();
    assert_eq!(report.number("umask"), 0o5);
    assert_eq!(report.directory(), "/tmp");
    assert_eq!(report.limit(usize::from(NOFILE)), (123, 456));
    assert_eq!(report.limit(usize::from(SIGPENDING)), (7, 9));
}

#[test]
fn every_limit_is_given_back_as_it_was() {
    // The witness started by the stage itself, and by vestibule.
    let direct = Scene::raw(&["report"])
        .init(crate::harness::witness())
        .run()
        .report();
    let through = Scene::main(&["report"])
        .secret("api")
        .permits(&["api"])
        .run()
        .report();
    assert_eq!(through.limits(), direct.limits());
    for number in ["umask", "securebits", "death_signal", "dumpable"] {
        assert_eq!(through.number(number), direct.number(number), "{number}");
    }
    assert_eq!(through.bits("effective"), direct.bits("effective"));
    assert_eq!(through.bits("bounding"), direct.bits("bounding"));
}

#[test]
fn no_limit_that_main_could_run_with_refuses_a_start_with_a_secret() {
    // fsize, rss, nproc, memlock, msgqueue, sigpending, nice, rtprio, rttime.
    for resource in [FSIZE, 5, 6, 8, SIGPENDING, 12, 13, 14, 15] {
        let scene = Scene::main(&["report", "exit", "7"]).limit(resource, 0, 0);
        scene.clone().run().expect_code(7);
        let outcome = scene.secret("api").permits(&["api"]).run().expect_code(7);
        assert_eq!(outcome.report().limit(usize::from(resource)), (0, 0));
    }
}

#[test]
fn the_core_limit_is_given_back_exactly_and_is_0_in_pid_1() {
    for (soft, hard) in [(0, 0), (0, 5000), (4000, 5000), (u64::MAX, u64::MAX)] {
        for has_secret in [false, true] {
            let scene = Scene::main(&["report", "wait"]).limit(CORE, soft, hard);
            let mut running = if has_secret {
                scene.secret("api").permits(&["api"]).spawn()
            } else {
                scene.spawn()
            };
            assert_eq!(running.report().limit(usize::from(CORE)), (soft, hard));
            assert_eq!(running.init().limit("Max core file size").0, "0");
            let main = running.main();
            wait_for("the gate", || {
                (!has_secret || running.open_gate()).then_some(())
            });
            running.line("ready");
            assert!(running.signal_to(main, 9));
            assert_eq!(running.finish().code(), 137);
        }
    }
}

#[test]
fn the_directory_is_entered_with_the_rights_of_main() {
    let policy = |directory: &str| {
        format!(r#"{{ "version": 1, "run": {{ "user": "app", "directory": "{directory}" }} }}"#)
    };
    let scene = |directory: &str| {
        let scene = Scene::main(&["touch", "/tmp/x", "report"]).policy(&policy(directory));
        scene.directory("/closed", 0o700, (0, 0))
    };
    assert_eq!(scene("/home/app").run().report().directory(), "/home/app");
    for directory in ["/closed", "/none", "/etc/passwd"] {
        let message = scene(directory).run().expect_refusal(100);
        assert!(
            message.contains(directory) && message.contains("1000"),
            "{message}"
        );
    }
}

#[test]
fn a_limit_over_the_container_s_own_is_refused() {
    let policy = r#"{ "version": 1, "run": { "limits": { "nofile": 1000 } } }"#;
    let scene = Scene::main(&["touch", "/tmp/x", "report"]).policy(policy);
    let message = scene
        .limit(NOFILE, 100, 100)
        .user(4321, 4321, &[])
        .run()
        .expect_refusal(100);
    assert!(message.contains("/run/limits/nofile"), "{message}");
}

#[test]
fn main_leads_a_process_group_in_the_session_of_pid_1() {
    for scene in [
        Scene::main(&["report"]),
        Scene::main(&["report"]).secret("api").permits(&["api"]),
    ] {
        let report = scene.run().report();
        assert_eq!(report.number("pgid"), report.number("pid"));
        assert_eq!(report.number("ppid"), 1);
        assert_eq!(report.number("sid"), 1);
        assert_eq!(report.number("subreaper"), 0);
    }
}

#[test]
fn main_is_in_the_foreground_of_its_terminal_and_one_ctrl_c_is_one_signal() {
    for secret in [false, true] {
        let scene = Scene::main(&["report", "signals", "15"]).terminal();
        let scene = if secret {
            scene.secret("api-key").permits(&["api-key"])
        } else {
            scene
        };
        let mut running = scene.spawn();
        let report = running.report();
        assert_eq!(report.number("foreground"), report.number("pgid"));
        wait_for("the word", || {
            running.open_gate();
            running.has_said("ready").then_some(())
        });
        running.press(b"\x03");
        // The terminal shows the key before it.
        running.line("^Csignal 2 ");
        running.signal(15);
        running.line("signal 15 ");
        let outcome = running.finish().expect_code(0);
        assert_eq!(
            outcome.stdout.matches("signal 2 ").count(),
            1,
            "{}",
            outcome.stdout
        );
    }
}
