//! `vestibule health`: 0 while main runs, and never before it; who asks `exec`
//! too early, or beside somebody else's PID 1, is refused as well.

use std::fs::File;
use std::io::Read;

use crate::harness::{Running, Scene, wait_for};
use crate::level::{at_work, end, exec, health, root, root_shell, session};

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
        running.until_noticed();
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

#[test]
fn anybody_may_ask_for_health() {
    let running = at_work(root(&["wait"]));
    let nobody = session(&["health"]).user(65534, 65534, &[]).capabilities(0);
    running.beside(nobody).finish().expect_code(0);
    end(running);
}

#[test]
fn an_orphan_by_the_name_of_a_start_is_not_taken_for_main() {
    // It is PID 1's child by the time that its parent has ended.
    let orphan = "(printf vestibule:start > /proc/self/comm; cat /tmp/gate; :) & ";
    let script = format!("mkfifo /tmp/gate; ({orphan}) ; echo ready; exec cat /tmp/gate");
    for scene in [root_shell(&script), bare_shell(&script)] {
        let mut running = scene.spawn();
        running.line_behind_gate("ready");
        running.until_noticed();
        wait_for("the orphan", || {
            let named = |one: &crate::harness::Process| one.status("Name") == "vestibule:start";
            running.init().children().iter().any(named).then_some(())
        });
        health(&running).expect_code(0);
        running.signal(15);
        running.finish();
    }
}

#[test]
fn main_may_call_itself_what_it_likes() {
    for name in ["vestibule:start", "vestibule:end", "vestibule"] {
        let script = format!(
            "printf {name} > /proc/$$/comm; mkfifo /tmp/gate; echo ready; read line < /tmp/gate"
        );
        for scene in [root_shell(&script), bare_shell(&script)] {
            let mut running = scene.spawn();
            running.line("ready");
            running.until_noticed();
            assert_eq!(running.main().status("Name"), name);
            health(&running).expect_code(0);
            for words in [&["exec", "/witness", "exit", "0"][..], &["exec", "--prove"]] {
                running.beside(session(words)).finish().expect_code(0);
            }
            running.signal(15);
            running.finish();
        }
    }
}

#[test]
fn what_main_left_is_not_main() {
    let script = "mkfifo /tmp/gate; (trap '' TERM; echo > /tmp/gate; read line < /tmp/gate) &
        read line < /tmp/gate; echo ready; exit 3";
    for scene in [root_shell(script), bare_shell(script)] {
        let mut running = scene.spawn();
        running.line("ready");
        let init = running.init();
        wait_for("main's end", || {
            (init.status("Name") == "vestibule:end").then_some(())
        });
        let outcome = health(&running);
        assert_eq!(outcome.code(), 1);
        assert!(
            outcome.stderr.contains("main has ended"),
            "{}",
            outcome.stderr
        );
        let said = running.beside(exec(&["exit", "0"])).finish();
        assert!(said.expect_refusal(111).contains("main has ended"));
        running.finish().expect_code(3);
    }
}

fn bare_shell(script: &str) -> Scene {
    Scene::command(&["/bin/sh", "-c", script]).env("PATH", "/usr/bin:/bin")
}
