//! A session beside main takes nothing that main could have changed since its own
//! start, and speaks of main's confinement, not of a better one.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use crate::harness::{Running, Scene, capability, program};
use crate::level::{PERMITTED, WITHHELD, app_policy, at_work, end, exec, root, session};

/// A path of the scene, from outside.
fn outside(running: &Running, path: &str) -> PathBuf {
    running.init().path(&format!("root{path}"))
}

/// A script of the host in the scene's mount namespace.
#[track_caller]
fn from_the_host(running: &Running, script: &str) {
    let init = running.init().0.to_string();
    let enter = ["--target", &init, "--mount", "sh", "-euc", script];
    let done = program("nsenter").args(enter).status();
    assert!(done.is_ok_and(|status| status.success()), "{script}");
}

/// A main beside secrets in a directory that it can write to, as in a container's own
/// layer: a scene mounts them read-only.
fn at_work_beside_a_writable_directory(scene: Scene) -> Running {
    let running = at_work(scene);
    from_the_host(&running, "mount -o remount,rw /run/secrets");
    running
}

/// Both kinds of session end with this code and this message.
#[track_caller]
fn refuses(running: &Running, code: u8, message: &str) {
    for words in [&["exec", "/witness", "report"][..], &["exec", "--prove"]] {
        let outcome = running.beside(session(words)).finish();
        let said = outcome.expect_refusal(code);
        assert!(said.contains(message), "{words:?}: {said}");
        assert!(said.contains("restart the container"), "{words:?}: {said}");
    }
}

#[track_caller]
fn accepts(running: &Running) {
    for words in [&["exec", "/witness", "exit", "0"][..], &["exec", "--prove"]] {
        running.beside(session(words)).finish().expect_code(0);
    }
}

#[test]
fn a_policy_that_main_made_is_not_taken() {
    let running = at_work(root(&["wait"]));
    accepts(&running);
    let loot = r#"{ "version": 1, "run": { "env": { "LOOT": "github-token" } } }"#;
    let place = outside(&running, "/etc/vestibule");
    fs::create_dir_all(&place).expect("a directory");
    fs::write(place.join("policy.json"), loot).expect("a policy");
    refuses(&running, 100, "the policy is not the one");
    end(running);
}

#[test]
fn a_policy_that_was_changed_in_place_is_not_taken() {
    let running = at_work(root(&["wait"]).policy(&app_policy("")));
    accepts(&running);
    let path = outside(&running, "/etc/vestibule/policy.json");
    // Of the same length, and with the same meaning but for the umask.
    let other = fs::read_to_string(&path).expect("the policy");
    fs::write(&path, format!("{other} ")).expect("the policy is changed");
    refuses(&running, 100, "the policy is not the one");
    fs::write(&path, other).expect("the policy is changed back");
    accepts(&running);
    end(running);
}

#[test]
fn a_link_to_a_withheld_file_is_not_followed() {
    let running = at_work_beside_a_writable_directory(root(&["wait"]));
    let link = outside(&running, "/run/secrets/app_note");
    symlink("github-token", &link).expect("a link");
    refuses(&running, 100, "the secret files are not those");
    fs::remove_file(link).expect("the link goes");
    accepts(&running);
    end(running);
}

#[test]
fn a_withheld_file_under_a_permitted_name_is_not_read() {
    for policy in [
        None,
        Some(r#"{ "version": 1, "run": { "env": { "KEY": "api-key" } } }"#),
    ] {
        let scene = root(&["wait"]);
        let running = at_work_beside_a_writable_directory(match policy {
            Some(policy) => scene.policy(policy),
            None => scene,
        });
        let (withheld, permitted) = (outside(&running, WITHHELD), outside(&running, PERMITTED));
        fs::rename(&permitted, permitted.with_file_name("aside")).expect("one goes");
        fs::rename(withheld, permitted).expect("the other comes");
        refuses(&running, 100, "the secret files are not those");
        end(running);
    }
}

#[test]
fn a_withheld_file_in_the_place_of_one_with_several_values_is_not_read() {
    let policy = r#"{ "version": 1, "secrets": { "key": { "from": "dotenv:app.env#KEY" } },
        "run": { "env": { "KEY": "key" } } }"#;
    let scene = root(&["wait"]).policy(policy);
    let line = |value: &str| format!("KEY={value}\n");
    let scene = scene.secret_as("app.env", line).permits(&["app.env"]);
    let scene = scene.secret_as("other.env", line);
    let running = at_work_beside_a_writable_directory(scene);
    accepts(&running);
    let (own, other) = ("/run/secrets/app.env", "/run/secrets/other.env");
    fs::rename(outside(&running, other), outside(&running, own)).expect("it is replaced");
    refuses(&running, 100, "the secret files are not those");
    end(running);
}

#[test]
fn a_swap_in_a_volume_that_main_cannot_change_is_taken() {
    let running = at_work(root(&["wait"]));
    from_the_host(
        &running,
        "cp -a /run/secrets /tmp/before; mount -t tmpfs -o mode=0755 t /run/secrets
        cp -a /tmp/before/. /run/secrets; echo new > /run/secrets/new-file
        rm -r /tmp/before; mount -o remount,ro /run/secrets",
    );
    // All files are others, and it cannot have been main.
    let outcome = running.beside(exec(&["report"])).finish().expect_code(0);
    assert!(outcome.report().environment().contains_key("NEW_FILE"));
    end(running);
}

#[test]
fn another_user_behind_the_same_name_is_not_taken() {
    let running = at_work(root(&["wait"]).policy(&app_policy("")));
    let path = outside(&running, "/etc/passwd");
    let accounts = fs::read_to_string(&path).expect("the accounts");
    let changed = accounts.replace("app:x:1000:1000:", "app:x:0:0:");
    assert_ne!(accounts, changed);
    fs::write(path, changed).expect("the accounts are changed");
    refuses(&running, 100, "would not run as main's user");
    end(running);
}

#[test]
fn a_session_of_another_user_than_main_s_says_so() {
    let scene = Scene::main(&["wait"]).secret_at("/run/secrets/key", 0o444, (0, 0), str::to_owned);
    let running = at_work(scene.permits(&["key"]).user(1000, 1000, &[]));
    let outcome = running.beside(exec(&["report"])).finish();
    let said = outcome.expect_refusal(100);
    assert!(said.contains("without `-u`"), "{said}");
    let same = exec(&["exit", "0"]).user(1000, 1000, &[]);
    running.beside(same).finish().expect_code(0);
    end(running);
}

#[test]
fn the_proof_is_about_the_means_that_main_is_hidden_by() {
    // The start found that permissions suffice; then somebody outside changed them.
    let scene = root(&["wait"]).policy(&app_policy(""));
    let scene = scene.secret_at("/run/secrets/deploy-key", 0o400, (0, 0), str::to_owned);
    let closed = scene.secret_at(WITHHELD, 0o400, (0, 0), str::to_owned);
    let running = at_work_beside_a_writable_directory(closed);
    accepts(&running);
    let path = outside(&running, WITHHELD);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).expect("its mode");
    let outcome = running.beside(session(&["exec", "--prove"])).finish();
    let said = outcome.expect_code(122).stdout;
    assert!(said.starts_with("failed: "), "{said}");
    assert!(
        said.contains(&format!("reached   opening `{WITHHELD}`")),
        "{said}"
    );
    let outcome = running.beside(exec(&["report"])).finish();
    let said = outcome.expect_refusal(122);
    assert!(said.contains("could reach withheld secrets"), "{said}");
    end(running);
}

#[test]
fn rules_that_main_has_are_used_where_permissions_would_suffice_by_now() {
    let scene = root(&["wait"]).policy(&app_policy(""));
    let running = at_work_beside_a_writable_directory(scene);
    let shown = |running: &Running| running.init().arguments().pop().unwrap_or_default();
    let before = shown(&running);
    for name in [WITHHELD, PERMITTED] {
        let path = outside(&running, name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o400)).expect("its mode");
    }
    let outcome = running
        .beside(session(&["exec", "--prove"]))
        .finish()
        .expect_code(0);
    assert!(outcome.stdout.starts_with("proved: "), "{}", outcome.stdout);
    assert_eq!(shown(&running), before);
    end(running);
}

#[test]
fn a_path_that_came_after_main_s_rules_is_not_hidden_from_a_session_alone() {
    let running = at_work(root(&["wait"]));
    accepts(&running);
    from_the_host(
        &running,
        "mkdir /tmp/second; mount --bind /run/secrets /tmp/second",
    );
    refuses(&running, 100, "cannot be confined as main is");
    end(running);
}

#[test]
fn a_main_without_policy_and_secrets_has_no_sessions_with_them() {
    let running = at_work(Scene::main(&["wait"]).capabilities(capability::DOCKER));
    running.beside(exec(&["exit", "0"])).finish().expect_code(0);
    let place = outside(&running, "/run/secrets");
    fs::create_dir_all(&place).expect("a directory");
    fs::write(place.join("note"), "content of a note").expect("a file");
    refuses(&running, 100, "without policy and secrets");
    end(running);
}

/// Secrets in `/srv`, which belongs to the scene's own file system, and in a directory
/// below it, started for a user that could or could not rename them.
fn start_beside(directory: &str, mode: u32, owner: (u32, u32)) -> crate::harness::Outcome {
    let policy = r#"{ "version": 1, "secret_dirs": ["/srv"],
        "secrets": { "key": { "from": "file:below/api-key" } },
        "run": { "env": { "KEY": "key" }, "user": "app" } }"#;
    let scene = Scene::main(&["exit", "0"]).policy(policy);
    let scene = scene.secret_at("/srv/github-token", 0o400, (0, 0), str::to_owned);
    let scene = scene.secret_at("/srv/below/api-key", 0o400, (0, 0), str::to_owned);
    let scene = scene.permits(&["api-key"]);
    scene.directory(directory, mode, owner).run()
}

#[test]
fn a_main_that_can_rename_the_files_of_its_secrets_is_not_started() {
    for directory in ["/srv", "/srv/below"] {
        for (mode, owner) in [
            (0o755, (1000, 1000)),
            (0o555, (1000, 0)),
            (0o777, (0, 0)),
            (0o1777, (0, 0)),
        ] {
            let said = start_beside(directory, mode, owner).expect_refusal(100);
            let what = format!("{directory} can be changed by main");
            assert!(said.contains(&what), "{said}");
            assert!(said.contains("trusts the names in it"), "{said}");
            assert!(said.contains("read-only (`:ro`)"), "{said}");
        }
        start_beside(directory, 0o755, (0, 0)).expect_code(0);
    }
}
