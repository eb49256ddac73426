//! PID 1 itself while main lives: one thread, nothing to read, nothing to leak.

use crate::harness::{Running, Scene, wait_for};

fn with_secrets() -> Running {
    let mut running = Scene::main(&["wait"])
        .options(&["-g"])
        .secret("api-key")
        .secret("github-token")
        .permits(&["api-key"])
        .env_secret("HELD")
        .policy(
            r#"{ "version": 1, "secrets": { "held": { "from": "env:HELD" } },
                 "run": { "env": { "KEY": "api-key" } } }"#,
        )
        .spawn();
    running.line("ready");
    running
}

fn end(mut running: Running) {
    running.signal(15);
    assert_eq!(running.finish().code(), 143);
}

#[test]
fn vestibule_has_one_thread() {
    for scene in [
        Scene::main(&["wait"]),
        Scene::main(&["wait"]).secret("a").permits(&["a"]),
    ] {
        let mut running = scene.spawn();
        running.line("ready");
        assert_eq!(running.init().status("Threads"), "1");
        end(running);
    }
}

#[test]
fn the_environment_of_pid_1_is_empty_once_main_runs() {
    let running = with_secrets();
    assert_eq!(running.init().environment(), Vec::<String>::new());
    end(running);
}

#[test]
fn the_arguments_of_pid_1_are_its_options_and_the_name_of_the_command() {
    let running = with_secrets();
    let arguments = running.init().arguments();
    assert!(arguments[0].ends_with("vestibule"), "{arguments:?}");
    assert!(arguments.contains(&"-g".to_owned()), "{arguments:?}");
    let [.., dashes, command, pinned] = arguments.as_slice() else {
        panic!("{arguments:?}");
    };
    assert_eq!((dashes.as_str(), command.as_str()), ("--", "/witness"));
    assert!(pinned.starts_with("pinned:"), "{arguments:?}");
    end(running);
}

#[test]
fn options_given_by_variable_are_seen_in_the_arguments_of_pid_1() {
    let mut running = Scene::main(&["wait"])
        .secret("api-key")
        .permits(&["api-key"])
        .env("VESTIBULE_GRACE", "9s")
        .env("TINI_KILL_PROCESS_GROUP", "1")
        .spawn();
    running.line("ready");
    let arguments = running.init().arguments().join(" ");
    let has_grace = ["--grace 9s", "--grace 9000ms"]
        .iter()
        .any(|form| arguments.contains(form));
    assert!(has_grace && arguments.contains("-g"), "{arguments}");
    end(running);
}

#[test]
fn no_memory_of_pid_1_holds_a_value() {
    let running = with_secrets();
    let memory = memory(&running);
    assert!(memory.len() > 4096, "the memory was read");
    for name in ["api-key", "github-token", "HELD"] {
        let value = &running.value(name).as_bytes()[..16];
        let found = memory.windows(value.len()).any(|window| window == value);
        assert!(!found, "the value of `{name}` is in the memory of PID 1");
    }
    end(running);
}

/// Everything that PID 1 has mapped and that can be read.
fn memory(running: &Running) -> Vec<u8> {
    use std::os::unix::fs::FileExt;
    let init = running.init();
    let maps = String::from_utf8(init.read("maps").expect("root can read it")).expect("text");
    let memory = std::fs::File::open(init.path("mem")).expect("root can read it");
    let mut all = Vec::new();
    for line in maps.lines().filter(|line| !line.contains("[v")) {
        let range = line
            .split(' ')
            .next()
            .and_then(|range| range.split_once('-'))
            .expect("a range");
        let number = |text| u64::from_str_radix(text, 16).expect("an address");
        let (start, end) = (number(range.0), number(range.1));
        let mut piece = vec![0; usize::try_from(end - start).expect("a size")];
        if memory.read_exact_at(&mut piece, start).is_ok() {
            all.extend(piece);
        }
    }
    all
}

#[test]
fn another_process_of_the_same_user_cannot_look_into_pid_1() {
    let read = [
        "read",
        "/proc/1/environ",
        "read",
        "/proc/1/mem",
        "read",
        "/proc/1/maps",
    ];
    let outcome = Scene::main(&read)
        .user(1000, 1000, &[1000])
        .capabilities(0)
        .secret_at("/run/secrets/api", 0o444, (1000, 1000), str::to_owned)
        .permits(&["api"])
        .run()
        .expect_code(0);
    for index in 0..3 {
        let content = outcome.content(index);
        assert!(
            matches!(content, crate::harness::Content::Unread(13)),
            "{index}: {content:?}"
        );
    }
}

#[test]
fn main_is_as_dumpable_as_any_program() {
    let report = Scene::main(&["report"])
        .secret("a")
        .permits(&["a"])
        .run()
        .report();
    assert_eq!(report.number("dumpable"), 1);
}

#[test]
fn it_works_without_proc_in_a_root_with_nothing_in_it() {
    for scene in [
        Scene::main(&["report", "exit", "9"])
            .scratch()
            .without_proc(),
        Scene::main(&["report", "exit", "9"])
            .scratch()
            .without_proc()
            .nothing_writable(),
    ] {
        assert_eq!(scene.clone().run().code(), 9);
        let outcome = scene
            .secret("api-key")
            .permits(&["api-key"])
            .run()
            .expect_code(9);
        assert_eq!(
            outcome.report().environment()["API_KEY"],
            outcome.value("api-key")
        );
    }
}

#[test]
fn it_works_without_any_capability_on_a_read_only_root() {
    let scene = Scene::main(&["report", "exit", "9"])
        .read_only()
        .capabilities(0);
    let scene = scene.no_new_privileges().user(1000, 1000, &[]);
    scene.clone().run().expect_code(9);
    scene
        .secret("api-key")
        .permits(&["api-key"])
        .run()
        .expect_code(9);
}

#[test]
fn a_binary_of_mode_0111_works_for_a_user_that_cannot_read_it() {
    let scene = || {
        let scene = Scene::main(&["report", "wait"])
            .user(1000, 1000, &[])
            .capabilities(0);
        scene.init(crate::harness::unreadable_vestibule())
    };
    for scene in [scene(), scene().secret("api-key").permits(&["api-key"])] {
        let mut running = scene.spawn();
        running.report();
        wait_for("the word", || {
            running.open_gate();
            running.has_said("ready").then_some(())
        });
        assert_eq!(running.init().status("Threads"), "1");
        running.signal(15);
        assert_eq!(running.finish().code(), 143);
    }
}
