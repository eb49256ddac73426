//! What a refusal says of where and how to mend it: each claim does what it
//! says, and then main starts.

use std::fs;

use serde_json::json;

use crate::harness::{Layer, Scene, capability};
use crate::rules::{APP, Rules, refusal, sh, sh_with_token};

/// A container whose root may do no more than any other user (`cap_drop: [ALL]`).
fn as_root(rules: &Rules, groups: &[u32]) -> Scene {
    let scene = rules.bare(&["/witness", "say", "main"]).user(0, 0, groups);
    scene.capabilities(0).directory("/workspace", 0o777, (0, 0))
}

#[test]
fn a_root_without_any_capability_sets_up_as_root() {
    // Some runtimes put root's own group into the list, and some do not.
    for groups in [&[][..], &[0]] {
        for user in [None, Some("root")] {
            let mut rules = Rules::of(&[sh_with_token("echo setup")]).without_users();
            if let Some(user) = user {
                rules = rules.setup("user", json!(user)).run("user", json!(user));
            }
            let scene = as_root(&rules, groups);
            assert_eq!(scene.run().expect_code(0).stdout, "setup\nmain\n");
        }
    }
}

#[test]
fn a_user_that_the_container_cannot_become_is_refused_before_setup_with_the_capabilities_it_takes()
{
    let command = [sh_with_token("echo setup")];
    let rules = || Rules::of(&command).without_users();
    let change = capability::SETUID | capability::SETGID | capability::KILL;
    for (rules, groups, uid, entry) in [
        (
            rules().setup("user", json!("app")),
            &[0][..],
            1000,
            "/setup/user, line 1",
        ),
        (
            rules().run("user", json!("app")),
            &[0],
            1000,
            "/run/user, line 1",
        ),
        (
            rules().setup("user", json!("root")),
            &[0, 27],
            0,
            "/setup/user, line 1",
        ),
    ] {
        // What main becomes is tried as well before setup has any effect.
        let rules = rules.directory(0o777);
        let scene = as_root(&rules, groups);
        let check = scene.clone().asking(&["check"]).run();
        let outcome = scene.clone().run();
        let said = refusal(&outcome, 100);
        assert_eq!(
            said,
            format!(
                "vestibule: cannot become uid {uid}: the change failed: operation not permitted\n  \
             where: /etc/vestibule/policy.json at {entry}; as uid 0\n  \
             fix:   changing the user needs CAP_SETUID and CAP_SETGID (compose: `cap_add: [SETUID, SETGID]`), \
             or start the container as that user (`user:`) and leave `user` out of the policy\n"
            )
        );
        assert_eq!((check.code(), check.stderr), (100, outcome.stderr));
        assert_eq!(
            scene.capabilities(change).run().expect_code(0).stdout,
            "setup\nmain\n"
        );
    }
}

/// The usual setup, by a root that may change users and end processes, with a
/// volume of somebody else that is shut.
fn beside_a_shut_volume(more: u64) -> Scene {
    let kept = capability::SETUID | capability::SETGID | capability::KILL;
    let rules = Rules::of(&[sh_with_token("echo setup")]);
    let scene = rules.bare(&["/witness", "say", "main"]);
    scene.capabilities(kept | more)
}

#[test]
fn a_volume_that_nobody_may_read_is_told_with_owner_mode_and_every_way_out() {
    const READ_ALL: u64 = 1 << 2;
    let data = |scene: Scene, flags: &str, mode: &str| {
        scene.tmpfs("/data", flags, &format!("mode={mode},uid=1001,gid=1002"))
    };
    let said = refusal(&data(beside_a_shut_volume(0), "", "0700").run(), 121);
    for what in [
        "there is a file or directory that could not be looked at (Z6)",
        "a file could not be searched: permission denied",
    ] {
        let three = format!(
            "vestibule: {what}\n  \
             where: /data (owner 1001:1002, mode 0700), read as uid 0\n  \
             fix:   let setup's or main's user read it, remove it at the end of setup, \
             mount it `:ro`, or give PID 1 the right \
             (compose: `cap_add: [DAC_READ_SEARCH]`)\n"
        );
        assert!(said.contains(&three), "{said}");
    }
    for scene in [
        data(beside_a_shut_volume(0), "", "0755"),
        data(beside_a_shut_volume(0), "r", "0700"),
        data(beside_a_shut_volume(READ_ALL), "", "0700"),
    ] {
        assert_eq!(scene.run().expect_code(0).stdout, "setup\nmain\n");
    }
}

#[test]
fn a_directory_in_the_journal_s_place_is_named_with_the_command_that_removes_it() {
    let layer = Layer::new();
    let rules = Rules::of(&[sh("echo setup")]);
    let line = "echo main; mkdir .vestibule-journal; echo x > .vestibule-journal/x";
    let scene = rules.main_sh(line).on(&layer);
    scene.clone().run().expect_code(0);
    let said = refusal(&scene.clone().run(), 111);
    assert_eq!(
        said,
        "vestibule: cannot keep the journal that makes a crash during setup safe: is a directory\n  \
         where: /workspace/.vestibule-journal\n  \
         fix:   remove it (`rm -r /workspace/.vestibule-journal`): \
         vestibule makes no directory there\n"
    );
    fs::remove_dir_all(layer.at("/workspace/.vestibule-journal")).expect("it is there");
    assert_eq!(scene.run().expect_code(0).stdout, "setup\nmain\n");
}

#[test]
fn a_file_in_the_journal_s_place_that_root_may_not_remove_its_owner_removes() {
    let layer = Layer::new();
    let rules = Rules::of(&[sh("echo setup")]).directory(0o700);
    let kept = capability::SETUID | capability::SETGID | capability::KILL;
    let scene = rules.bare(&["/witness", "say", "main"]).capabilities(kept);
    let scene = scene.file("/workspace/.vestibule-journal", 0o600, APP, "of main\n");
    assert_eq!(
        scene.on(&layer).run().expect_code(0).stdout,
        "setup\nmain\n"
    );
    assert!(!layer.at("/workspace/.vestibule-journal").exists());
}

#[test]
fn what_unpacks_to_more_than_the_limit_is_told_with_every_way_out() {
    let pack = "head -c 269000000 /dev/zero | gzip -1 > big.gz";
    let start = |more: &str, on_hit: &str| {
        let rules = Rules::of(&[sh_with_token(&format!("{pack}{more}"))]);
        let rules = rules.seal("on_hit", json!(on_hit));
        rules.main(&["say", "main"]).run()
    };
    for on_hit in ["refuse", "remove"] {
        assert_eq!(
            refusal(&start("", on_hit), 121),
            "vestibule: a file could not be searched: it unpacks to more than 256 MiB\n  \
             where: /workspace/big.gz\n  \
             fix:   remove it at the end of setup, or unpack it there: plain files have no limit; \
             `\"on_hit\": \"report\"` in `seal` starts main all the same\n"
        );
    }
    for (more, on_hit) in [
        ("; rm big.gz", "refuse"),
        ("; gunzip big.gz", "refuse"),
        ("", "report"),
    ] {
        assert_eq!(start(more, on_hit).expect_code(0).stdout, "main\n");
    }
}
