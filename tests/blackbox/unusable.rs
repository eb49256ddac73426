//! Files that are no usable secret: each is refused by name, owner, mode, our
//! uid and the way out, and none of them makes a start wait.

use crate::expected::{asked, golden};
use crate::harness::{Outcome, Scene};

/// One file of every kind, in a container that runs as uid 1000.
fn all() -> Scene {
    let at = |name: &str| format!("/run/secrets/{name}");
    let file =
        |scene: Scene, name: &str, content: &[u8]| scene.file(&at(name), 0o444, (0, 0), content);
    let scene = Scene::main(&["say", "main"]).user(1000, 1000, &[]);
    let scene = file(scene, "a-empty", b"");
    let scene = file(scene, "a-newline", b"\n");
    let scene = file(scene, "blank", b" \t\n \n");
    let scene = file(scene, "byte-order-mark", b"\xef\xbb\xbfvalue\n");
    let scene = file(scene, "too-large", &vec![b'x'; (1 << 20) + 1]);
    let scene = file(scene, "reference", b"op://vault/item\n");
    scene
        .secret_at(&at("foreign-0400"), 0o400, (0, 0), str::to_owned)
        .secret_at(&at("foreign-0440"), 0o440, (7, 8), str::to_owned)
        .secret_at(&at("own-0000"), 0, (1000, 1000), str::to_owned)
        .fifo(&at("fifo"), 0o666)
        .socket(&at("socket"))
        .device(&at("device"))
        .link(&at("dangling"), "nowhere")
        .link(&at("circle"), "circle")
        .link(&at("way-out"), "/etc/passwd")
        .link(&at("way-up"), "../../etc/passwd")
}

#[test]
fn every_kind_of_unusable_file_is_told_in_one_go() {
    let message = all().run().expect_refusal(100);
    golden("unusable-files.txt", &message);
}

#[test]
fn check_tells_the_same() {
    let start = all().run().expect_refusal(100);
    let check = asked(all(), &["check"]).expect_code(100);
    assert_eq!(check.stderr, start);
}

#[test]
fn what_lies_in_a_subdirectory_is_withheld_and_not_an_error() {
    let at = "/run/secrets/sub/deep/token";
    let scene = Scene::main(&["report"]).secret_at(at, 0o400, (0, 0), |value| format!("{value}\n"));
    let value = scene.value("token").to_owned();
    let outcome = scene.env("COPY", format!("<{value}>")).run().expect_code(0);
    assert!(
        outcome.report().environment().is_empty(),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("`sub/deep/token`"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_directory_that_a_policy_asks_for_is_refused() {
    let policy = r#"{ "version": 1, "run": { "env": { "SUB": "sub" } } }"#;
    let scene = Scene::main(&["say", "main"]).policy(policy);
    let message = scene
        .directory("/run/secrets/sub", 0o755, (0, 0))
        .run()
        .expect_refusal(100);
    assert!(
        message.contains("`sub`") && message.contains("directory"),
        "{message}"
    );
}

fn given(scene: Scene) -> Outcome {
    let outcome = scene.permits(&["value"]).run();
    let environment = outcome.report().environment();
    assert_eq!(environment["VALUE"], outcome.value("value"));
    outcome
}

#[test]
fn hard_links_and_links_inside_the_directory_are_files_like_any() {
    let hidden =
        |scene: Scene| scene.secret_at("/run/secrets/.hidden/value", 0o444, (0, 0), str::to_owned);
    given(hidden(Scene::main(&["report"])).link("/run/secrets/value", ".hidden/value"));
    let scene = hidden(Scene::main(&["report"]));
    given(scene.hard_link("/run/secrets/value", "/run/secrets/.hidden/value"));
}

#[test]
fn a_file_that_only_root_may_read_is_read_by_root() {
    let at = |mode, owner| {
        let scene = Scene::main(&["report"]);
        scene.secret_at("/run/secrets/value", mode, owner, str::to_owned)
    };
    given(at(0o400, (0, 0)));
    given(at(0o000, (7, 7)));
}

#[test]
fn exactly_one_mebibyte_is_read_and_delivered_as_a_file() {
    let policy = r#"{ "version": 1, "run": { "files": { "BIG_FILE": "big" }, "user": "app" } }"#;
    let outcome = Scene::command(&["/bin/sh", "-c", "/usr/bin/wc -c < \"$BIG_FILE\""])
        .policy(policy)
        .file("/run/secrets/big", 0o400, (0, 0), vec![b'x'; 1 << 20])
        .run()
        .expect_code(0);
    assert_eq!(outcome.stdout.trim(), "1048576");
}

#[test]
fn a_mounted_secret_is_never_changed() {
    let show = "stat -c '%a %u %g %s %Y' /srv/s/a /srv/s/b; cat /srv/s/b | wc -c";
    let policy = r#"{ "version": 1, "secret_dirs": ["/srv/s"],
        "run": { "env": { "A": "a" }, "user": "app" } }"#;
    let outcome = Scene::command(&["/bin/sh", "-c", show])
        .env("PATH", "/usr/bin:/bin")
        .policy(policy)
        .file("/srv/s/a", 0o640, (3, 4), "value-of-a\n")
        .file("/srv/s/b", 0o604, (5, 6), "value-of-b\n")
        .run();
    let lines: Vec<_> = outcome.stdout.lines().collect();
    assert!(lines[0].starts_with("640 3 4 11 "), "{}", outcome.stdout);
    assert!(lines[1].starts_with("604 5 6 11 "), "{}", outcome.stdout);
}
