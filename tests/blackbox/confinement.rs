//! A withheld file is out of main's reach by every path, and nothing else is.

use crate::harness::{Content, Outcome, Scene, capability};
use crate::level::{
    GONE, PERMITTED, REFUSED, WITHHELD, app_policy, root, root_shell, start_event, start_line,
};

#[track_caller]
fn is_value(outcome: &Outcome, index: usize, name: &str) {
    let Content::Read(_, _, bytes) = outcome.content(index) else {
        panic!("`{name}` cannot be read");
    };
    assert!(bytes.starts_with(outcome.value(name).as_bytes()), "{name}");
}

#[track_caller]
fn is_refused(outcome: &Outcome, indices: impl IntoIterator<Item = usize>) {
    for index in indices {
        assert_eq!(outcome.content(index), Content::Unread(REFUSED), "{index}");
    }
}

#[test]
fn root_reads_its_own_secret_in_its_place_and_not_the_one_beside_it() {
    let outcome = root(&["read", PERMITTED, "read", WITHHELD])
        .run()
        .expect_code(0);
    is_value(&outcome, 0, "api-key");
    is_refused(&outcome, [1]);
    let line = start_line(&outcome);
    assert!(
        line.contains("by Landlock file rules (enforced; "),
        "{line}"
    );
}

#[test]
fn another_user_reads_its_own_secret_in_its_place_and_not_the_one_beside_it() {
    let scene = root(&["read", PERMITTED, "read", WITHHELD]);
    let outcome = scene.policy(&app_policy("")).run().expect_code(0);
    is_value(&outcome, 0, "api-key");
    is_refused(&outcome, [1]);
    let line = start_line(&outcome);
    assert!(
        line.contains("by Landlock file rules (enforced; "),
        "{line}"
    );
}

#[test]
fn a_container_s_own_user_is_kept_from_a_withheld_file_too() {
    let scene = root(&[
        "read",
        PERMITTED,
        "read",
        WITHHELD,
        "read",
        "/proc/1/root/etc/passwd",
    ]);
    let outcome = scene.user(1000, 1000, &[]).run().expect_code(0);
    is_value(&outcome, 0, "api-key");
    is_refused(&outcome, [1, 2]);
}

#[test]
fn a_file_of_mode_0400_is_left_to_file_permissions() {
    let outcome = Scene::main(&["read", WITHHELD])
        .secret_at(WITHHELD, 0o400, (0, 0), str::to_owned)
        .policy(r#"{ "version": 1, "run": { "user": "app" } }"#)
        .capabilities(capability::DOCKER)
        .run()
        .expect_code(0);
    is_refused(&outcome, [0]);
    let line = start_line(&outcome);
    let means = "by file permissions and a Landlock domain (true at start; ";
    assert!(line.contains(means), "{line}");
}

#[test]
fn the_owner_of_a_withheld_file_cannot_give_itself_the_right() {
    let script = format!("chmod 0444 {WITHHELD}; exec /witness read {WITHHELD}");
    let outcome = Scene::command(&["/bin/sh", "-c", &script])
        .env("PATH", "/usr/bin:/bin")
        .secret_at(WITHHELD, 0o400, (1000, 1000), str::to_owned)
        .policy(r#"{ "version": 1, "run": { "user": "app" } }"#)
        .capabilities(capability::DOCKER)
        .run()
        .expect_code(0);
    is_refused(&outcome, [0]);
    let line = start_line(&outcome);
    assert!(line.contains("(enforced; "), "{line}");
}

#[test]
fn where_main_starts_with_sys_admin_a_mount_with_withheld_secrets_only_is_gone() {
    let door = format!("/proc/1/root{WITHHELD}");
    let outcome = Scene::main(&["read", WITHHELD, "read", &door])
        .secret("github-token")
        .run()
        .expect_code(0);
    assert_eq!(outcome.content(0), Content::Unread(GONE));
    is_refused(&outcome, [1]);
    let line = start_line(&outcome);
    assert!(line.contains("by an unmount"), "{line}");
}

#[test]
fn an_unmount_is_main_s_alone() {
    let mut running = crate::level::at_work(Scene::main(&["wait"]).secret("github-token"));
    let init = running.init().read(&format!("root{WITHHELD}"));
    assert!(init.is_ok(), "PID 1 still has what `exec` has to read");
    let main = running.main().read(&format!("root{WITHHELD}"));
    assert!(main.is_err());
    running.signal(15);
    running.finish().expect_code(143);
}

#[test]
fn every_second_mount_of_a_withheld_file_is_shut() {
    for kept in [capability::DOCKER, capability::ALL] {
        let paths = ["/mnt/copy/github-token", "/mnt/one"];
        let outcome = root(&["read", paths[0], "read", paths[1], "read", "/mnt/other"])
            .directory("/mnt/copy", 0o755, (0, 0))
            .file("/mnt/one", 0o644, (0, 0), "")
            .file("/mnt/other", 0o644, (0, 0), "public")
            .mount_again("/run/secrets", "/mnt/copy")
            .mount_again(WITHHELD, "/mnt/one")
            .capabilities(kept)
            .run()
            .expect_code(0);
        is_refused(&outcome, [0, 1]);
        assert!(matches!(outcome.content(2), Content::Read(..)));
    }
}

#[test]
fn a_mount_of_what_lies_above_the_secrets_is_shut_where_they_are() {
    let seen = ["/mnt/secrets/pw", "/mnt/readme", "/srv/data/secrets/pw"];
    let outcome = Scene::main(&["read", seen[0], "read", seen[1], "read", seen[2]])
        .policy(r#"{ "version": 1, "secret_dirs": ["/srv/data/secrets"] }"#)
        .secret_at("/srv/data/secrets/pw", 0o444, (0, 0), str::to_owned)
        .file("/srv/data/readme", 0o444, (0, 0), "public")
        .directory("/mnt", 0o755, (0, 0))
        .mount_again("/srv/data", "/mnt")
        .capabilities(capability::DOCKER)
        .run()
        .expect_code(0);
    is_refused(&outcome, [0, 2]);
    assert!(matches!(outcome.content(1), Content::Read(..)));
}

#[test]
fn without_proc_it_is_said_that_other_mounts_are_unknown() {
    let outcome = root(&["read", WITHHELD, "read", PERMITTED])
        .without_proc()
        .run()
        .expect_code(0);
    is_refused(&outcome, [0]);
    is_value(&outcome, 1, "api-key");
    let line = start_line(&outcome);
    assert!(
        line.contains("other mounts of the files unknown without `/proc`"),
        "{line}"
    );
    let event = start_event(root(&["exit", "0"]).without_proc());
    assert_eq!(event["mounts_known"], false);
}

#[test]
fn a_second_name_of_a_permitted_file_does_not_withhold_it() {
    let policy = r#"{ "version": 1, "run": { "env": { "A": "a" }, "user": "app" } }"#;
    let scene = Scene::main(&["read", "/run/secrets/a"])
        .policy(policy)
        .secret("a")
        .permits(&["a"])
        .capabilities(capability::DOCKER);
    let hard = scene.clone().hard_link("/run/secrets/b", "/run/secrets/a");
    let soft = scene.link("/run/secrets/b", "a");
    for scene in [hard, soft] {
        is_value(&scene.run().expect_code(0), 0, "a");
    }
}

#[test]
fn a_name_outside_the_secrets_for_a_withheld_file_stops_the_start() {
    // The rule for that name is a rule for the file.
    let scene = Scene::main(&["say", "main"])
        .policy(r#"{ "version": 1, "secret_dirs": ["/secrets"] }"#)
        .secret_at("/secrets/pw", 0o444, (0, 0), str::to_owned)
        .hard_link("/public", "/secrets/pw")
        .capabilities(capability::DOCKER);
    let message = scene.run().expect_refusal(122);
    assert!(message.contains("/secrets/pw"), "{message}");
}

#[test]
fn main_cannot_move_or_link_a_withheld_file_to_where_it_could_read_it() {
    let script = "cd /secrets; ln pw /tmp/a; ln pw /srv/b; mv pw /srv/c; ln -s /secrets/pw /srv/d
        mv /secrets /elsewhere; exec /witness read /srv/b read /srv/c read /srv/d \
        read /elsewhere/pw read /tmp/a";
    let outcome = Scene::command(&["/bin/sh", "-c", script])
        .env("PATH", "/usr/bin:/bin")
        .policy(r#"{ "version": 1, "secret_dirs": ["/secrets"] }"#)
        .secret_at("/secrets/pw", 0o444, (0, 0), str::to_owned)
        .directory("/srv", 0o755, (0, 0))
        .capabilities(capability::DOCKER)
        .run()
        .expect_code(0);
    for index in 0..5 {
        let content = outcome.content(index);
        assert!(matches!(content, Content::Unread(_)), "{index}");
    }
    assert_eq!(outcome.content(3), Content::Unread(REFUSED));
}

#[test]
fn a_secret_that_is_mounted_later_is_withheld_too() {
    let scene = Scene::main(&["say", "ready", "gate", "read", "/secrets/new"]);
    let mut running = scene
        .policy(r#"{ "version": 1, "secret_dirs": ["/secrets"] }"#)
        .secret_at("/secrets/pw", 0o444, (0, 0), str::to_owned)
        .capabilities(capability::DOCKER)
        .spawn();
    running.line("ready");
    let later = running.init().path("root/secrets/new");
    std::fs::write(later, "later").expect("the host adds a file");
    is_refused(&running.finish().expect_code(0), [0]);
}

#[test]
fn a_directory_that_is_permitted_as_a_whole_survives_kubernetes_swap() {
    let read = "/secrets/app/key";
    let policy = r#"{ "version": 1, "secret_dirs": ["/secrets/app", "/secrets/git"],
        "run": { "files": { "KEY_FILE": "key" } } }"#;
    let scene = Scene::main(&[
        "read",
        read,
        "say",
        "ready",
        "gate",
        "read",
        read,
        "read",
        "/secrets/git/token",
    ])
    .policy(policy)
    .secret_at("/secrets/app/..1/key", 0o444, (0, 0), str::to_owned)
    .link("/secrets/app/..data", "..1")
    .link(read, "..data/key")
    .secret_at("/secrets/git/token", 0o444, (0, 0), str::to_owned)
    .permits(&["key"])
    .capabilities(capability::DOCKER);
    let mut running = scene.spawn();
    running.line("ready");
    let app = running.init().path("root/secrets/app");
    std::fs::create_dir(app.join("..2")).expect("a new version");
    std::fs::write(app.join("..2/key"), "renewed").expect("a new value");
    std::os::unix::fs::symlink("..2", app.join("..data_tmp")).expect("a link");
    std::fs::rename(app.join("..data_tmp"), app.join("..data")).expect("the swap");
    std::fs::remove_dir_all(app.join("..1")).expect("the old version goes");
    let outcome = running.finish().expect_code(0);
    is_value(&outcome, 0, "key");
    assert!(matches!(outcome.content(1), Content::Read(_, _, bytes) if bytes == b"renewed"));
    is_refused(&outcome, [2]);
}

#[test]
fn files_are_made_read_moved_and_linked_between_directories_as_ever() {
    let script = "set -e
        for place in /tmp /root /var /home/app /dev/shm /run/lock; do
            echo text > $place/new; cat $place/new
            mkdir $place/below; mv $place/new $place/below/; cat $place/below/new
        done
        mv /var/below/new /root/moved; cat /root/moved
        ln /root/moved /var/linked; cat /var/linked
        mv /root/below /home/app/deeper; cat /home/app/deeper/below/new || cat /home/app/deeper/new
        mv /tmp/below/new /var/copied; cat /var/copied
        ls / /run /run/secrets > /dev/null
        rm -r /var/* /home/app/*; echo done";
    let outcome = root_shell(script)
        .directory("/var", 0o755, (0, 0))
        .run()
        .expect_code(0);
    assert!(outcome.stdout.ends_with("done\n"), "{}", outcome.stdout);
}

#[test]
fn a_file_made_later_directly_above_the_secrets_cannot_be_read() {
    // A limit of Landlock that the documentation names: a rule needs a file.
    let script = "for place in / /run/; do
            echo text > ${place}later && cat ${place}later
            mkdir ${place}new && echo text > ${place}new/file && cat ${place}new/file
        done; exit 0";
    let outcome = root_shell(script).run().expect_code(0);
    assert_eq!(outcome.stdout, "");
    assert_eq!(outcome.stderr.matches("Permission denied").count(), 4);
}

#[test]
fn with_the_secrets_in_a_directory_of_their_own_run_is_as_ever() {
    let script = "echo text > /run/later && cat /run/later; exec /witness read /secrets/pw";
    let outcome = Scene::command(&["/bin/sh", "-c", script])
        .env("PATH", "/usr/bin:/bin")
        .policy(r#"{ "version": 1, "secret_dirs": ["/secrets"] }"#)
        .secret_at("/secrets/pw", 0o444, (0, 0), str::to_owned)
        .capabilities(capability::DOCKER)
        .run()
        .expect_code(0);
    assert_eq!(outcome.said("text"), Some(""));
    is_refused(&outcome, [0]);
}

#[test]
fn the_doors_into_pid_1_are_shut_for_every_main() {
    let doors = [
        "root/etc/passwd",
        "cwd/etc/passwd",
        "environ",
        "mem",
        "maps",
        "fd/0",
    ];
    let doors = doors.map(|door| format!("/proc/1/{door}"));
    let parts: Vec<&str> = doors.iter().flat_map(|door| ["read", door]).collect();
    for scene in [
        root(&parts),
        root(&parts).policy(&app_policy("")),
        root(&parts).user(1000, 1000, &[]),
        root(&parts).capabilities(0),
        Scene::main(&parts).secret("github-token"),
    ] {
        is_refused(&scene.run().expect_code(0), 0..doors.len());
    }
}

#[test]
fn a_second_name_of_a_withheld_file_below_another_directory_is_shut_or_refused() {
    let scene = Scene::main(&["read", "/data/public"])
        .policy(r#"{ "version": 1, "secret_dirs": ["/secrets"] }"#)
        .secret_at("/secrets/pw", 0o444, (0, 0), str::to_owned)
        .directory("/data", 0o755, (0, 0))
        .hard_link("/data/public", "/secrets/pw")
        .capabilities(capability::DOCKER);
    let outcome = scene.run();
    assert!(
        !outcome.stdout.contains("content "),
        "main read it: {}",
        outcome.stderr
    );
}
