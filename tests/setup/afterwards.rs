//! Main after a real setup phase: confined and proved as without one.

use serde_json::json;

use crate::harness::{Content, Scene, capability};
use crate::hunt;
use crate::rules::{APP_GROUPS, Rules, mischief_with_token, sh, sh_with_token};

const TRIED: [&str; 6] = [
    "/run/secrets/token",
    "/var/run/secrets/token",
    "/proc/1/root/run/secrets/token",
    "/proc/1/environ",
    "/proc/1/mem",
    "/proc/1/fd/0",
];

fn parts() -> Vec<&'static str> {
    let mut parts = vec!["report", "regain"];
    parts.extend(TRIED.iter().flat_map(|path| ["read", path]));
    parts
}

#[track_caller]
fn expect_out_of_reach(scene: Scene) {
    let outcome = scene.link("/var/run", "/run").run().expect_code(0);
    for (index, path) in TRIED.iter().enumerate() {
        match outcome.content(index) {
            Content::Unread(error) => assert!([1, 2, 13].contains(&error), "{path}: {error}"),
            Content::Read(..) => panic!("main reads {path}"),
        }
    }
    assert_eq!(
        outcome.said("regained user "),
        Some("0 group 0 capability 0")
    );
    let report = outcome.report();
    assert_eq!(report.number("no_new_privs"), 1);
    let variables = report.environment();
    assert!(!variables.contains_key("TOKEN"), "{:?}", variables.keys());
    let descriptors = report.descriptors();
    assert!(
        descriptors.keys().all(|number| *number < 3),
        "{descriptors:?}"
    );
}

#[test]
fn a_main_of_setup_s_user_reaches_nothing() {
    let rules = Rules::of(&[mischief_with_token(&["daemon", "comet", "leave-objects"])]);
    expect_out_of_reach(rules.main(&parts()));
}

#[test]
fn a_main_of_another_user_than_setup_reaches_nothing() {
    let rules = Rules::of(&[mischief_with_token(&["daemon", "comet", "leave-objects"])]);
    let rules = rules.setup("user", json!("nobody"));
    expect_out_of_reach(rules.main(&parts()).directory("/workspace", 0o777, (0, 0)));
}

#[test]
fn a_main_where_all_are_one_user_without_capabilities_reaches_nothing() {
    let rules = Rules::of(&[mischief_with_token(&["daemon", "comet"])]);
    let scene = rules.bare(&[&["/witness"][..], &parts()].concat());
    expect_out_of_reach(scene.user(1000, 1000, &APP_GROUPS));
}

/// Commands that get the token from git and as a variable, and put it wherever
/// the seal has to clear: home, processes, objects of the kernel.
fn busy() -> Rules {
    let ask = r#"printf 'protocol=https\nhost=github.com\npath=acme/app.git\n\n' |
        git credential fill > "$HOME/.filled" && grep -q ^password= "$HOME/.filled" && echo filled"#;
    let asking = json!({ "argv": ["/bin/sh", "-c", ask], "git": true });
    let leaving = sh_with_token(
        r#"mkdir -p "$HOME/.config/gh"; echo "$TOKEN" | tee "$HOME/.netrc" > "$HOME/.config/gh/hosts.yml"
        echo "$TOKEN"; (echo "$TOKEN"; sleep 1000) & python3 -c "
import os, socket, time
s = socket.socket(socket.AF_UNIX); s.bind('\0' + os.environ['TOKEN'][:40].encode('ascii', 'ignore').decode()); s.listen()
f = os.memfd_create('x'); os.write(f, os.environ['TOKEN'].encode())
if os.fork(): print('bound')
else: time.sleep(1000)
""#,
    );
    let objects = mischief_with_token(&["leave-objects", "daemon", "comet"]);
    let git = json!({ "https://github.com/acme": { "username": "u", "password": "token" } });
    Rules::of(&[asking, leaving, objects]).setup("git", git)
}

#[track_caller]
fn expect_nothing_anywhere(scene: Scene) {
    let mut running = scene.spawn();
    for line in ["filled", "***token***", "bound", "ready"] {
        running.line(line);
    }
    let value = running.value("token").to_owned();
    assert_eq!(hunt::everywhere(&running, &value), Vec::<String>::new());
    running.signal(15);
    // What was said is searched at the end of each scene.
    running.finish().expect_code(143);
}

const WAITING: [&str; 4] = ["/witness", "say", "main", "wait"];

#[test]
fn nothing_of_the_token_is_anywhere_after_setup_of_root_and_of_a_user() {
    let rules = busy().directory(0o777);
    for (setup, main) in [
        ("root", "root"),
        ("app", "app"),
        ("root", "app"),
        ("nobody", "app"),
    ] {
        let rules = rules.clone().setup("user", json!(setup));
        expect_nothing_anywhere(rules.run("user", json!(main)).command(&WAITING));
    }
}

#[test]
fn nothing_of_the_token_is_anywhere_where_all_is_one_user_without_capabilities() {
    expect_nothing_anywhere(busy().bare(&WAITING).user(1000, 1000, &APP_GROUPS));
    let root = busy().without_users().directory(0o777);
    let scene = root.bare(&WAITING);
    expect_nothing_anywhere(scene.capabilities(0));
}

/// The user has no account, so its home is `/`, in which nothing is its own.
#[test]
fn a_home_that_is_a_read_only_root_is_no_finding() {
    let rules = busy().without_users();
    let scene = rules.bare(&WAITING).user(1234, 1234, &[]);
    let scene =
        scene
            .tmpfs("/var/tmp", "", "mode=1777")
            .tmpfs("/workspace", "", "mode=0755,uid=1234");
    expect_nothing_anywhere(scene.read_only());
}

#[test]
fn the_search_finds_what_is_there() {
    // Or the claims above would say nothing.
    let rules = Rules::of(&[sh("true")]).run("env", json!({ "TOKEN": "token" }));
    let parts = [
        "leave-objects",
        "daemon",
        "file",
        "/tmp/x",
        "say",
        "main",
        "wait",
    ];
    let scene = rules.command(&[&["/mischief"][..], &parts].concat());
    let mut running = scene.permits(&["token"]).spawn();
    running.line("main");
    let value = running.value("token").to_owned();
    let found = hunt::everywhere(&running, &value).join("\n");
    for place in [
        "tmp/x",
        "dev/shm/left",
        "environ of",
        "memory of",
        "sysvipc/shm",
        "sysvipc/sem",
        "sysvipc/msg",
        "the queue",
    ] {
        assert!(found.contains(place), "{place} is not found: {found}");
    }
    running.signal(9);
    running.finish();
}

#[test]
fn main_gets_its_mask_its_limits_and_its_signals_as_without_setup() {
    let with = Rules::of(&[sh_with_token("true")]).main(&["report"]);
    let change = |scene: Scene| {
        scene
            .mask(0x4000)
            .ignoring(&[13])
            .limit(4, 0, 5000)
            .umask(0o7)
    };
    let report = change(with).run().expect_code(0).report();
    let policy = r#"{ "version": 1, "run": { "user": "app", "directory": "/workspace" } }"#;
    let without = Scene::main(&["report"])
        .policy(policy)
        .capabilities(capability::DOCKER)
        .directory("/workspace", 0o755, (1000, 1000))
        .env("PATH", crate::rules::PATH)
        .secret("token");
    let plain = change(without).run().expect_code(0).report();
    for set in [
        "mask",
        "ignored",
        "caught",
        "pending",
        "effective",
        "bounding",
        "ambient",
    ] {
        assert_eq!(report.bits(set), plain.bits(set), "{set}");
    }
    assert_eq!(report.limits(), plain.limits());
    for number in [
        "umask",
        "dumpable",
        "securebits",
        "death_signal",
        "subreaper",
    ] {
        assert_eq!(report.number(number), plain.number(number), "{number}");
    }
    assert_eq!(report.environment(), plain.environment());
    assert_eq!(report.directory(), plain.directory());
}

#[test]
fn pid_1_is_the_same_small_reaper_as_without_setup() {
    let rules = Rules::of(&[sh_with_token("true")]);
    let mut running = rules.main(&["say", "main", "wait"]).spawn();
    running.line("ready");
    let init = running.init();
    assert!(init.environment().is_empty());
    assert_eq!(init.status("Threads"), "1");
    let held = u64::from_str_radix(&init.status("CapEff"), 16).expect("a number");
    assert_eq!(held & !capability::KILL, 0, "{held:x}");
    assert!(init.descriptors().keys().all(|number| *number < 3));
    let value = running.value("token").to_owned();
    assert!(crate::hunt::in_memory(&running, &value).is_empty());
    running.signal(15);
    running.finish().expect_code(143);
}

#[test]
fn a_signal_that_came_in_during_setup_is_not_left_for_main() {
    let rules = Rules::of(&[crate::rules::sh("echo inside; cat /go")]);
    let scene = rules.main(&["report", "say", "main"]).fifo("/go", 0o666);
    let mut running = scene.spawn();
    running.line("inside");
    running.signal(28);
    std::fs::write(running.init().path("root/go"), "").expect("the FIFO is opened");
    let report = running.finish().expect_code(0).report();
    assert_eq!(report.bits("pending"), 0);
}

#[test]
fn a_main_that_is_root_is_named_as_holding_for_this_start_only() {
    let rules = Rules::of(&[sh_with_token("true")]).run("user", json!("root"));
    let rules = rules.setup("user", json!("root"));
    let scene = rules.main(&["say", "main"]);
    let scene = scene.directory("/workspace", 0o755, (0, 0));
    let outcome = scene.run().expect_code(0);
    assert!(
        outcome.stderr.contains("in this start"),
        "{}",
        outcome.stderr
    );
}
