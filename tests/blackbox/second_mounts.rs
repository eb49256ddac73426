//! A withheld file under a second mount that PID 1 cannot look at: root without
//! the capability to read (`cap_drop: ALL`, as the agent workspace has it), and
//! the mount below a home that is its user's alone.

use crate::harness::{Content, Outcome, Running, Scene, capability};
use crate::level::{REFUSED, at_work, end, session, start_line};

/// `cap_drop: ALL` with what it takes to become another user and to signal it.
const WORKSPACE: u64 =
    capability::SETUID | capability::SETGID | capability::SETPCAP | capability::KILL;
const APP: (u32, u32) = (1000, 1000);
const POLICY: &str = r#"{ "version": 1, "secret_dirs": ["/srv/project/secrets"],
    "run": { "user": "app" } }"#;

/// One form of a second mount: what is mounted, where, and where the token is then.
const FORMS: [(&str, &str, &str); 4] = [
    ("/srv/project/secrets/pw", "/home/app/m", "/home/app/m"),
    ("/srv/project/secrets", "/home/app/m", "/home/app/m/pw"),
    ("/srv/project", "/home/app/m", "/home/app/m/secrets/pw"),
    ("/srv", "/home/app/m", "/home/app/m/project/secrets/pw"),
];

/// Main reads these paths, as `app`; of the project it owns what it may change, and none of the names of secrets.
fn scene(reads: &[&str]) -> Scene {
    let parts: Vec<&str> = reads.iter().flat_map(|path| ["read", path]).collect();
    in_home(Scene::main(&parts))
}

fn in_home(scene: Scene) -> Scene {
    scene
        .policy(POLICY)
        .directory("/srv/project", 0o755, (0, 0))
        .secret_at("/srv/project/secrets/pw", 0o444, (0, 0), str::to_owned)
        .file("/srv/project/readme", 0o644, APP, "public")
        .directory("/home/app", 0o700, APP)
        .file("/home/app/notes", 0o600, APP, "public")
        .file("/home/app/.config/tool", 0o600, APP, "public")
        .capabilities(WORKSPACE)
}

fn mounted(scene: Scene, source: &str, point: &str) -> Scene {
    let is_file = source.ends_with("pw");
    let scene = if is_file {
        scene.file(point, 0o644, APP, "")
    } else {
        scene.directory(point, 0o755, APP)
    };
    scene.mount_again(source, point)
}

#[track_caller]
fn is_public(outcome: &Outcome, indices: impl IntoIterator<Item = usize>) {
    for index in indices {
        let content = outcome.content(index);
        let is_read = matches!(&content, Content::Read(_, _, bytes) if bytes == b"public");
        assert!(is_read, "{index}: {content:?}");
    }
}

#[track_caller]
fn is_enforced(outcome: &Outcome) {
    let line = start_line(outcome);
    assert!(
        line.contains("by Landlock file rules (enforced; "),
        "{line}"
    );
}

#[test]
fn every_form_of_a_second_mount_below_a_home_that_pid_1_cannot_enter_is_shut() {
    for (source, point, token) in FORMS {
        let reads = [
            token,
            "/home/app/notes",
            "/home/app/.config/tool",
            "/srv/project/readme",
        ];
        let outcome = mounted(scene(&reads), source, point).run().expect_code(0);
        assert_eq!(outcome.content(0), Content::Unread(REFUSED), "{source}");
        is_public(&outcome, 1..4);
        is_enforced(&outcome);
    }
}

#[test]
fn what_lies_beside_the_secrets_in_such_a_mount_stays_readable() {
    let beside = ["/home/app/m/readme", "/home/app/m/secrets/pw"];
    let scene = mounted(scene(&beside), "/srv/project", "/home/app/m");
    let outcome = scene.run().expect_code(0);
    is_public(&outcome, [0]);
    assert_eq!(outcome.content(1), Content::Unread(REFUSED));
}

#[test]
fn a_directory_inside_the_mount_that_pid_1_cannot_enter_hides_no_alias() {
    // The home is open; what shuts PID 1 out is the project's own directory.
    let scene = Scene::main(&["read", "/mnt/safe/project/pw", "read", "/mnt/safe/readme"])
        .policy(r#"{ "version": 1, "run": { "user": "app" } }"#)
        .secret_at("/srv/safe/project/pw", 0o444, (0, 0), str::to_owned)
        .file("/srv/safe/readme", 0o644, APP, "public")
        .directory("/srv/safe", 0o700, APP)
        .file("/run/secrets/pw", 0o444, (0, 0), "")
        .mount_again("/srv/safe/project/pw", "/run/secrets/pw")
        .directory("/mnt", 0o755, (0, 0))
        .mount_again("/srv", "/mnt")
        .capabilities(WORKSPACE);
    let outcome = scene.run().expect_code(0);
    assert_eq!(outcome.content(0), Content::Unread(REFUSED));
    is_public(&outcome, [1]);
    is_enforced(&outcome);
}

fn tried(running: &Running, path: &str) -> bool {
    let scene = session(&["exec", "--prove"]).capabilities(WORKSPACE);
    let outcome = running.beside(scene).finish().expect_code(0);
    outcome
        .stdout
        .contains(&format!("refused   opening `{path}`"))
}

#[test]
fn the_proof_tries_the_path_that_pid_1_could_not_see() {
    for (source, point, token) in FORMS {
        let waiting = mounted(in_home(Scene::main(&["wait"])), source, point);
        let running = at_work(waiting);
        assert!(tried(&running, token), "{source}");
        end(running);
    }
}

#[test]
fn a_directory_that_main_opens_for_itself_later_shows_no_secret() {
    let script = "cat /home/app/notes; chmod 0700 /home/app; \
        exec /witness read /home/app/m/secrets/pw read /home/app/.config/tool";
    let scene = in_home(Scene::command(&["/bin/sh", "-c", script])).env("PATH", "/usr/bin:/bin");
    let scene = mounted(scene, "/srv/project", "/home/app/m");
    let outcome = scene
        .directory("/home/app", 0o000, APP)
        .options(&["-v"])
        .run()
        .expect_code(0);
    assert_eq!(outcome.content(0), Content::Unread(REFUSED));
    // Nobody could list the directory, so nothing in it has a rule; that is said.
    assert_eq!(outcome.content(1), Content::Unread(REFUSED));
    let said = "run: main can read no file in /home/app: ";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    is_enforced(&outcome);
}

#[test]
fn file_permissions_are_no_means_where_main_owns_the_directory_that_refuses() {
    // Every path is shut by a directory, and one of these is main's to open.
    let script = "chmod 0700 /home/app; exec /witness read /home/app/m/pw";
    let scene = Scene::command(&["/bin/sh", "-c", script])
        .env("PATH", "/usr/bin:/bin")
        .policy(r#"{ "version": 1, "secret_dirs": ["/srv/s"], "run": { "user": "app" } }"#)
        .secret_at("/srv/s/pw", 0o444, (0, 0), str::to_owned)
        .directory("/srv/s", 0o755, (0, 0))
        .directory("/srv", 0o700, (0, 0))
        .directory("/home/app/m", 0o755, APP)
        .mount_again("/srv/s", "/home/app/m")
        .directory("/home/app", 0o000, APP)
        .capabilities(WORKSPACE);
    let without = scene.clone().without_landlock(38).run();
    let message = without.expect_refusal(100);
    assert!(message.contains("offers no Landlock"), "{message}");
    let outcome = scene.run().expect_code(0);
    assert_eq!(outcome.content(0), Content::Unread(REFUSED));
    is_enforced(&outcome);
}

#[test]
fn a_file_that_refuses_main_itself_needs_no_landlock_by_whatever_path() {
    let scene = mounted(
        scene(&["read", "/home/app/m/secrets/pw"]).secret_at(
            "/srv/project/secrets/pw",
            0o400,
            (0, 0),
            str::to_owned,
        ),
        "/srv/project",
        "/home/app/m",
    );
    for scene in [scene.clone(), scene.directory("/home/app", 0o000, APP)] {
        let outcome = scene.without_landlock(38).run().expect_code(0);
        let line = start_line(&outcome);
        assert!(
            line.contains("by file permissions (true at start; "),
            "{line}"
        );
    }
}

#[test]
fn a_mount_that_shows_something_else_there_stays_readable() {
    let scene = mounted(
        scene(&[
            "/home/app/m/secrets/pw",
            "/home/app/m/readme",
            "/home/app/notes",
        ]),
        "/srv/project",
        "/home/app/m",
    );
    let outcome = scene
        .file("/srv/other/pw", 0o444, (0, 0), "public")
        .mount_again("/srv/other", "/home/app/m/secrets")
        .run()
        .expect_code(0);
    is_public(&outcome, 0..3);
}

#[test]
fn a_path_that_turns_out_to_be_another_is_open_again() {
    // PID 1 lists `/opt/x`, and the one entry in it is what it cannot look at.
    let outcome = scene(&["/opt/x/m/pw"])
        .directory("/opt/x/m", 0o755, APP)
        .mount_again("/srv/project/secrets", "/opt/x/m")
        .file("/srv/other/pw", 0o444, (0, 0), "public")
        .mount_again("/srv/other", "/opt/x/m")
        .directory("/opt/x", 0o744, APP)
        .run()
        .expect_code(0);
    is_public(&outcome, [0]);
    is_enforced(&outcome);
}

#[test]
fn a_root_that_neither_may_list_stops_the_start() {
    let message = scene(&[])
        .directory("/", 0o711, (1001, 1001))
        .run()
        .expect_refusal(100);
    assert!(message.contains(": / cannot be listed: "), "{message}");
}

#[test]
fn a_home_that_pid_1_may_enter_and_not_list_is_listed_by_main() {
    let scene = mounted(
        scene(&[
            "/home/app/m/secrets/pw",
            "/home/app/notes",
            "/home/app/m/readme",
        ]),
        "/srv/project",
        "/home/app/m",
    );
    let outcome = scene
        .directory("/home/app", 0o711, APP)
        .run()
        .expect_code(0);
    assert_eq!(outcome.content(0), Content::Unread(REFUSED));
    is_public(&outcome, 1..3);
}

#[test]
fn a_home_that_pid_1_may_list_and_not_enter_is_completed_by_main() {
    let scene = mounted(
        scene(&[
            "/home/app/m/secrets/pw",
            "/home/app/notes",
            "/home/app/m/readme",
        ]),
        "/srv/project",
        "/home/app/m",
    );
    let outcome = scene
        .directory("/home/app", 0o744, APP)
        .run()
        .expect_code(0);
    assert_eq!(outcome.content(0), Content::Unread(REFUSED));
    is_public(&outcome, 1..3);
}

#[test]
fn a_directory_that_neither_may_list_costs_what_is_in_it_and_no_start() {
    let scene = mounted(
        scene(&["/opt/x/m/secrets/pw", "/opt/x/known", "/home/app/notes"]),
        "/srv/project",
        "/opt/x/m",
    );
    let outcome = scene
        .file("/opt/x/known", 0o644, (1001, 1001), "public")
        .directory("/opt/x", 0o711, (1001, 1001))
        .options(&["-v"])
        .run()
        .expect_code(0);
    assert_eq!(outcome.content(0), Content::Unread(REFUSED));
    assert_eq!(outcome.content(1), Content::Unread(REFUSED));
    is_public(&outcome, [2]);
    let said = "run: main can read no file in /opt/x: ";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
}

/// A file that a directory keeps from main, and not its own mode.
fn behind_a_shut_directory() -> Scene {
    Scene::main(&["say", "main"])
        .policy(r#"{ "version": 1, "secret_dirs": ["/srv/s"], "run": { "user": "app" } }"#)
        .secret_at("/srv/s/pw", 0o444, (0, 0), str::to_owned)
        .directory("/srv/s", 0o700, (0, 0))
        .capabilities(capability::DOCKER)
}

#[test]
fn a_directory_that_refuses_main_tells_nothing_of_the_file_s_other_names() {
    let linked = behind_a_shut_directory().hard_link("/public", "/srv/s/pw");
    let message = linked.run().expect_refusal(100);
    assert!(message.contains("hard link"), "{message}");
    let message = behind_a_shut_directory()
        .without_proc()
        .run()
        .expect_refusal(100);
    assert!(message.contains("mount `/proc`"), "{message}");
    // With every name known it is a means.
    let outcome = behind_a_shut_directory().run().expect_code(0);
    let line = start_line(&outcome);
    assert!(line.contains("by file permissions"), "{line}");
}

#[test]
fn an_unmount_does_not_take_a_hard_link_away() {
    // The mount is gone for main, and what it showed has another name.
    let scene = Scene::main(&["say", "main"])
        .policy(r#"{ "version": 1, "run": { "user": "app" } }"#)
        .secret_at("/data/pw", 0o444, (0, 0), str::to_owned)
        .hard_link("/data/other", "/data/pw")
        .file("/run/secrets/pw", 0o444, (0, 0), "")
        .mount_again("/data/pw", "/run/secrets/pw")
        .file("/srv/cover", 0o444, (0, 0), "")
        .mount_again("/srv/cover", "/data/pw");
    let message = scene.run().expect_refusal(100);
    assert!(message.contains("hard link"), "{message}");
}
