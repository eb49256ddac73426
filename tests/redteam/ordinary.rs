//! What confinement must not break: the work of an ordinary main.
//!
//! In: modes in which file rules are in force, without a setup phase before main
//! and with one; and a root main, from whom vestibule's own file is kept. Out: a shell's report of what it
//! did; each line of it is a claim.

use serde_json::json;

use crate::harness::{Scene, capability};
use crate::robbery::{thief, veiled};
use crate::setup::{self, GROUND, TOKEN};

/// Each line says `ok` if an ordinary program could do its work.
const WORK: &str = "\
    try() { what=$1; shift; if \"$@\" > /dev/null 2>&1; then echo \"ok $what\"; else echo \"broken $what\"; fi; }\n\
    try list_root ls /\n\
    try list_run ls /run\n\
    try read_accounts cat /etc/passwd\n\
    try read_program cat /bin/sh\n\
    try read_devices head -c 1 /dev/urandom\n\
    try read_own_environment cat /proc/self/environ\n\
    try write_tmp sh -c 'echo a > /tmp/a && cat /tmp/a'\n\
    try write_shm sh -c 'echo a > /dev/shm/a && cat /dev/shm/a'\n\
    try write_home sh -c 'cd \"$HOME\" && mkdir -p d && echo a > d/a && mv d/a b && cat b'\n\
    try move_between_mounts sh -c 'echo a > /tmp/m && mv /tmp/m /dev/shm/m && cat /dev/shm/m'\n\
    try link sh -c 'echo a > /tmp/l && mkdir -p /tmp/d && ln -f /tmp/l /tmp/d/l && cat /tmp/d/l'\n\
    try pipe sh -c 'echo a | cat'\n\
    try descriptors sh -c 'cat /proc/self/fd/0 < /etc/group'\n\
    try signal_child sh -c 'sleep 60 & kill $! '\n\
    try look_at_child sh -c 'sleep 60 & cat /proc/$!/environ; r=$?; kill $!; exit $r'\n\
    try read_permitted sh -c 'test -n \"$PERMITTED\"'\n\
    try read_permitted_file sh -c 'cat \"$PERMITTED_FILE\"'\n";

/// What a root main does in an image beside `/vestibule`: package managers, editors
/// and databases write a file anew and rename it over the old one. Only in `/` itself
/// is that refused, and in directories that come later there.
const ROOTS_WORK: &str = "\
    try() { what=$1; shift; if \"$@\" > /dev/null 2>&1; then echo \"ok $what\"; else echo \"broken $what\"; fi; }\n\
    try edit_in_place sed -i s/agent/owner/ /etc/conf\n\
    try add_user sh -c 'cp /etc/passwd /etc/passwd+ && echo new:x:9:9::/:/bin/sh >> /etc/passwd+ && mv /etc/passwd+ /etc/passwd && grep new /etc/passwd'\n\
    try install_package sh -c 'cd /opt/app && mkdir lib && echo a > lib/f.dpkg-new && mv lib/f.dpkg-new lib/f && echo b > lib/f.dpkg-new && mv lib/f.dpkg-new lib/f && cat lib/f'\n\
    try upgrade_package sh -c 'cd /opt/app && mkdir -p pip/pkg && echo 1 > pip/pkg/m && mv pip/pkg pip/~kg && mkdir pip/pkg && echo 2 > pip/pkg/m && rm -r pip/~kg && cat pip/pkg/m'\n\
    try replace_program sh -c 'echo a > /opt/bin/tool && install -m 755 /opt/bin/tool /opt/bin/tool2 && ln -sf tool2 /opt/bin/tool && rm /opt/bin/tool'\n\
    try package_status sh -c 'cd /var/lib && echo a > status-new && ln -f status-new status-old && mv status-new status && cat status'\n\
    try move_across sh -c 'mkdir -p /srv/a && echo a > /srv/a/f && mv /srv/a /opt/moved && cat /opt/moved/f && rm -r /opt/moved'\n\
    try temporary sh -c 'f=$(mktemp) && echo a > \"$f\" && rm \"$f\" && d=$(mktemp -d /var/XXXXXX) && rm -r \"$d\"'\n\
    try unpack sh -c 'cd /srv && tar c -C /etc conf | tar x && rm conf'\n\
    try directory_in_root sh -c 'mkdir /later && rmdir /later && mkdir /later && mv /later /later2 && rmdir /later2'\n\
    try write_in_root sh -c 'echo a > /note && echo b >> /note && mkdir /data && echo a > /data/f && mkdir /data/d && rmdir /data/d'\n\
    try nothing_removed_from_root sh -c '! rm /note && ! mv /note /srv/note && ! rm /data/f && ! mv /data/f /data/g'\n";

#[test]
fn ordinary_work_of_root_goes_on_beside_a_vestibule_that_stays() {
    let of_files = scene(None, false);
    let of_variable = Scene::command(&["/bin/sh", "-c", ROOTS_WORK])
        .policy(
            r#"{ "version": 1, "secrets": { "dropped": { "from": "env:DROPPED" } },
                "run": { "inherit": ["PATH"] } }"#,
        )
        .env_secret("DROPPED")
        .env("PATH", "/usr/bin:/bin");
    for work in [
        of_files.asking(&["--", "/bin/sh", "-c", ROOTS_WORK]),
        of_variable,
    ] {
        let work = work
            .copied()
            .capabilities(capability::DOCKER)
            .file("/etc/conf", 0o644, (0, 0), "agent\n")
            .file("/srv/other", 0o644, (0, 0), "other\n")
            .directory("/opt/app", 0o755, (0, 0))
            .directory("/opt/bin", 0o755, (0, 0))
            .directory("/var/lib", 0o755, (0, 0));
        expect_ok(work, ROOTS_WORK);
    }
}

fn scene(user: Option<&str>, has_setup: bool) -> Scene {
    let mut policy = json!({ "version": 1, "run": {
        "env": { "PERMITTED": "permitted" }, "files": { "PERMITTED_FILE": "permitted" },
        "confinement": "required",
    } });
    if let Some(user) = user {
        policy["run"]["user"] = user.into();
    }
    if has_setup {
        policy["setup"] = setup::phase(user, None, &["E1"]);
    }
    let scene = Scene::command(&["/bin/sh", "-c", WORK])
        .policy(&policy.to_string())
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", "/home/app")
        .secret("permitted")
        .secret("withheld")
        .secret(TOKEN)
        .permits(&["permitted"])
        .bind(thief(), "/thief")
        .directory("/var/tmp", 0o1777, (0, 0))
        .directory(GROUND, 0o777, (0, 0))
        .message_queues();
    let key = veiled(TOKEN, scene.value(TOKEN));
    scene.file("/thief.key", 0o444, (0, 0), key)
}

fn expect_all_ok(scene: Scene) {
    expect_ok(scene, WORK);
}

fn expect_ok(scene: Scene, work: &str) {
    let outcome = scene.run().expect_code(0);
    let lines = |start: &str| -> Vec<String> {
        let lines = outcome
            .stdout
            .lines()
            .filter(|line| line.starts_with(start));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(lines("broken "), Vec::<String>::new());
    assert_eq!(lines("ok ").len(), work.matches("try ").count());
}

#[test]
fn ordinary_work_goes_on() {
    for has_setup in [false, true] {
        expect_all_ok(scene(None, has_setup));
        expect_all_ok(scene(Some("app"), has_setup));
        expect_all_ok(scene(None, has_setup).user(1000, 1000, &[]));
    }
}
