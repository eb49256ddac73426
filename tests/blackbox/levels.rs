//! How far the promise goes: what a kernel without Landlock leaves of it, what
//! a policy can waive by name, and how the start line says so.

use nix::libc;
use serde_json::{Value, json};

use crate::harness::{Content, Scene, capability};
use crate::level::{
    GONE, PERMITTED, REFUSED, WITHHELD, WITHOUT, app_policy, root, start_event, start_line,
};

const WAIVED: &str = r#"{ "version": 1,
    "run": { "env": { "KEY": "api-key" }, "confinement": "environment-only" } }"#;

#[test]
fn root_without_landlock_is_refused_and_every_way_out_named() {
    for errno in WITHOUT {
        let scene = root(&["touch", "/tmp/x", "say", "main"]).without_landlock(errno);
        let message = scene.run().expect_refusal(100);
        for word in [
            WITHHELD,
            " offers no Landlock",
            "`run.user`",
            "mode 0400",
            "5.13",
            r#"`"confinement": "environment-only"`"#,
        ] {
            assert!(message.contains(word), "`{word}` is not in: {message}");
        }
    }
}

#[test]
fn another_user_that_can_read_the_file_is_refused_without_landlock_too() {
    let scene = root(&["say", "main"]).policy(&app_policy(""));
    let message = scene.without_landlock(38).run().expect_refusal(100);
    assert!(message.contains("uid 1000"), "{message}");
}

#[test]
fn a_user_and_mode_0400_need_no_landlock() {
    for errno in WITHOUT {
        let outcome = Scene::main(&["read", WITHHELD, "read", "/proc/1/root/etc/passwd"])
            .secret_at(WITHHELD, 0o400, (0, 0), str::to_owned)
            .policy(r#"{ "version": 1, "run": { "user": "app" } }"#)
            .capabilities(capability::DOCKER)
            .without_landlock(errno)
            .run()
            .expect_code(0);
        for index in [0, 1] {
            assert_eq!(outcome.content(index), Content::Unread(REFUSED));
        }
        let line = start_line(&outcome);
        assert!(
            line.contains("by file permissions (true at start; "),
            "{line}"
        );
    }
}

#[test]
fn an_unmount_needs_no_landlock() {
    let outcome = Scene::main(&["read", WITHHELD])
        .secret("github-token")
        .without_landlock(38)
        .run()
        .expect_code(0);
    assert_eq!(outcome.content(0), Content::Unread(GONE));
    let line = start_line(&outcome);
    assert!(line.contains("by an unmount (enforced; "), "{line}");
}

#[test]
fn without_landlock_nothing_stops_a_start_that_withholds_nothing() {
    let scene = Scene::main(&["exit", "7"]).capabilities(capability::DOCKER);
    let scene = scene.without_landlock(38);
    scene.clone().run().expect_code(7);
    scene
        .secret("api-key")
        .permits(&["api-key"])
        .run()
        .expect_code(7);
}

#[test]
fn a_policy_can_accept_by_name_that_main_reads_the_files() {
    for (errno, scene) in [
        (0, root(&["read", WITHHELD])),
        (38, root(&["read", WITHHELD])),
    ] {
        let scene = if errno == 0 {
            scene
        } else {
            scene.without_landlock(errno)
        };
        let outcome = scene.policy(WAIVED).run().expect_code(0);
        assert!(matches!(outcome.content(0), Content::Read(..)));
        let line = start_line(&outcome);
        let says = "from its environment only, as the policy says; its user can read the files";
        assert!(
            line.contains(says) && !line.contains("out of its reach"),
            "{line}"
        );
    }
}

#[test]
fn what_is_waived_is_not_given() {
    // The canary would find it in any environment.
    let environment = root(&["report"])
        .policy(WAIVED)
        .run()
        .report()
        .environment();
    assert_eq!(crate::harness::names(&environment), ["KEY"]);
}

#[test]
fn a_level_that_nobody_defined_is_refused() {
    let policy = WAIVED.replace("environment-only", "best-effort");
    let message = root(&["say", "main"])
        .policy(&policy)
        .run()
        .expect_refusal(100);
    assert!(message.contains("/run/confinement"), "{message}");
}

/// The fields besides those that a start line has at every level.
fn own_fields(event: &Value) -> Vec<&str> {
    let common = [
        "event",
        "command",
        "given",
        "withheld",
        "removed",
        "confinement",
    ];
    let fields = event.as_object().expect("an object").keys();
    fields
        .map(String::as_str)
        .filter(|field| !common.contains(field))
        .collect()
}

#[test]
fn a_proved_start_says_by_what_how_long_and_how_often_it_was_tried() {
    let event = start_event(root(&["exit", "0"]));
    assert_eq!(event["confinement"], "proved");
    assert_eq!(event["withheld"], json!(["github-token"]));
    assert_eq!(
        own_fields(&event),
        [
            "accepted",
            "enforced",
            "means",
            "mounts_known",
            "program_replaceable",
            "this_start_only",
            "tried"
        ]
    );
    assert_eq!(event["means"], json!(["Landlock file rules"]));
    assert_eq!(event["enforced"], true);
    assert_eq!(event["mounts_known"], true);
    assert_eq!(event["accepted"], json!([]));
    // Root on a writable root could be PID 1 itself at the next start.
    assert_eq!(event["this_start_only"], true);
    let other = start_event(root(&["exit", "0"]).policy(&app_policy("")));
    assert_eq!(other["this_start_only"], false);
    let fixed = start_event(root(&["exit", "0"]).read_only());
    assert_eq!(fixed["this_start_only"], false);
    assert!(
        event["tried"].as_u64().is_some_and(|tried| tried > 10),
        "{event}"
    );
}

#[test]
fn the_means_and_their_span_differ_by_scene() {
    let private = |scene: Scene| {
        scene
            .secret_at(WITHHELD, 0o400, (0, 0), str::to_owned)
            .policy(r#"{ "version": 1, "run": { "user": "app" } }"#)
    };
    let main = || Scene::main(&["exit", "0"]);
    for (scene, means, enforced) in [
        (
            private(main()).capabilities(capability::DOCKER),
            json!(["file permissions", "a Landlock domain"]),
            false,
        ),
        (
            main().secret("github-token"),
            json!(["an unmount", "a Landlock domain"]),
            true,
        ),
    ] {
        let event = start_event(scene);
        assert_eq!(event["means"], means, "{event}");
        assert_eq!(event["enforced"], enforced, "{event}");
    }
}

#[test]
fn a_waived_start_names_the_files_that_main_can_read() {
    let event = start_event(root(&["exit", "0"]).policy(WAIVED));
    assert_eq!(event["confinement"], "environment-only");
    assert_eq!(own_fields(&event), ["readable"]);
    assert_eq!(event["readable"], json!([WITHHELD]));
}

#[test]
fn a_start_that_withholds_nothing_claims_nothing() {
    let scene = Scene::main(&["exit", "0"])
        .secret("api-key")
        .permits(&["api-key"]);
    let event = start_event(scene);
    assert_eq!(event["confinement"], "nothing-withheld");
    assert_eq!(own_fields(&event), Vec::<&str>::new());
    assert_eq!(event["given"], json!(["API_KEY"]));
    // Nothing was hidden either.
    let scene = Scene::main(&["read", PERMITTED, "read", "/proc/1/cmdline"]);
    let outcome = scene
        .secret("api-key")
        .permits(&["api-key"])
        .run()
        .expect_code(0);
    assert!(matches!(outcome.content(0), Content::Read(..)));
}

#[test]
fn an_access_list_that_cannot_be_asked_for_may_let_main_write() {
    let scene = Scene::main(&["say", "main"])
        .policy(r#"{ "version": 1, "run": { "user": "app" } }"#)
        .secret("github-token")
        .directory("/etc/vestibule", 0o775, (0, 3000));
    assert_eq!(scene.clone().run().expect_code(0).stdout, "main\n");
    let lgetxattr = u16::try_from(libc::SYS_lgetxattr).expect("a small number");
    let message = scene.refusing(lgetxattr, 1).run().expect_refusal(100);
    assert!(
        message.contains("can be replaced by main, and the next start trusts it"),
        "{message}"
    );
}
