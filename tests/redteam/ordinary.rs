//! What confinement must not break: the work of an ordinary main.
//!
//! In: modes in which file rules are in force, without a setup phase before main
//! and with one. Out: a shell's report of what it
//! did; each line of it is a claim.

use serde_json::json;

use crate::harness::Scene;
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
    let outcome = scene.run().expect_code(0);
    let lines = |start: &str| -> Vec<String> {
        let lines = outcome
            .stdout
            .lines()
            .filter(|line| line.starts_with(start));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(lines("broken "), Vec::<String>::new());
    assert_eq!(lines("ok ").len(), WORK.matches("try ").count());
}

#[test]
fn ordinary_work_goes_on() {
    for has_setup in [false, true] {
        expect_all_ok(scene(None, has_setup));
        expect_all_ok(scene(Some("app"), has_setup));
        expect_all_ok(scene(None, has_setup).user(1000, 1000, &[]));
    }
}
