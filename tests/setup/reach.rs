//! What a command cannot reach: the secret files, and PID 1.

use serde_json::json;

use crate::harness::{Scene, capability};
use crate::rules::{APP_GROUPS, Rules, mischief, mischief_with_token};

const CLOSED: [&str; 6] = [
    "/run/secrets/token",
    "/run/secrets/other",
    "/var/run/secrets/token",
    "/proc/1/root/run/secrets/token",
    "/proc/1/environ",
    "/proc/1/mem",
];

fn parts() -> Vec<&'static str> {
    CLOSED.iter().flat_map(|path| ["open", path]).collect()
}

/// Each path with what opening it gave, for each command.
fn tried(scene: Scene) -> Vec<(String, i32)> {
    let scene = scene.secret("other").link("/var/run", "/run");
    let outcome = scene.run().expect_code(0);
    let lines = outcome.stdout.lines();
    let tried = lines.filter_map(|line| line.strip_prefix("open ")?.split_once(' '));
    tried
        .map(|(path, error)| (path.to_owned(), error.parse().expect("a number")))
        .collect()
}

fn expect_refusals(scene: Scene, times: usize) {
    let tried = tried(scene);
    assert_eq!(tried.len(), CLOSED.len() * times, "{tried:?}");
    for (path, error) in tried {
        assert!([1, 13].contains(&error), "{path} gave {error}");
    }
}

#[test]
fn a_command_reads_no_secret_file_and_nothing_of_pid_1() {
    let rules = Rules::of(&[mischief(&parts()), mischief_with_token(&parts())]);
    expect_refusals(rules.main(&["say", "main"]), 2);
}

#[test]
fn a_command_of_root_does_neither() {
    let rules = Rules::of(&[mischief(&parts()), mischief_with_token(&parts())]);
    let rules = rules.setup("user", json!("root"));
    let scene = rules.main(&["say", "main"]);
    expect_refusals(scene.directory("/workspace", 0o755, (0, 0)), 2);
}

#[test]
fn nor_does_one_where_all_are_one_user_without_capabilities() {
    let rules = Rules::of(&[mischief(&parts()), mischief_with_token(&parts())]);
    let scene = rules.bare(&["/witness", "say", "main"]);
    expect_refusals(scene.user(1000, 1000, &APP_GROUPS), 2);
}

#[test]
fn commands_have_fewer_capabilities_than_pid_1_and_get_none_back() {
    let rules = Rules::of(&[json!(["/witness", "report"])]);
    for user in ["root", "app"] {
        let rules = rules.clone().setup("user", json!(user));
        let scene = rules.main(&["say", "main"]);
        let scene = scene.directory("/workspace", 0o777, (0, 0));
        let report = scene.run().expect_code(0).report();
        assert_eq!(report.number("no_new_privs"), 1, "{user}");
        let held = report.bits("permitted");
        let pid_1 = capability::DOCKER;
        assert!(held & !pid_1 == 0 && held != pid_1, "{user}: {held:x}");
        assert_eq!(report.bits("ambient"), 0, "{user}");
        if user == "app" {
            assert_eq!(held, 0);
        }
    }
}

#[test]
fn commands_find_every_signal_open_and_at_its_default() {
    let rules = Rules::of(&[json!(["/witness", "report"])]);
    let report = rules.main(&["say", "main"]).run().expect_code(0).report();
    for set in ["mask", "pending", "ignored", "caught"] {
        assert_eq!(report.bits(set), 0, "{set}");
    }
    assert_eq!(report.limit(4), (0, 0), "no core file");
}

#[test]
fn ordinary_programs_work_in_a_command() {
    let line = "set -e; mkdir -p a/b; echo x > a/b/c; cp -r a d; ls /etc > /dev/null
        cat /etc/passwd | sort > \"$HOME/s\"; head -c 9 /dev/urandom > /tmp/t; rm /tmp/t
        /usr/bin/git init -q r; cd r; /usr/bin/git -c user.name=n -c user.email=e commit -q --allow-empty -m m
        chmod 700 .; ln -s b c; rm -rf ../d; echo works";
    let rules = Rules::of(&[crate::rules::sh(line)]);
    let outcome = rules.main(&["say", "main"]).run();
    assert_eq!(outcome.stdout, "works\nmain\n", "{}", outcome.stderr);
}
