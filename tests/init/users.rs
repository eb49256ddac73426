//! Who main is: the user forms that gosu's suite knows, by way of a policy.
//!
//! The accounts are Debian's, with `games` in a supplementary group as there.

use crate::inits::Init;
use crate::scene::{Ended, Scene};

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\\n\
    daemon:x:1:1:daemon:/usr/sbin:/bin/sh\\n\
    games:x:5:60:games:/usr/games:/bin/sh\\n";
const GROUP: &str = "root:x:0:\\ndaemon:x:1:\\ngames:x:60:\\nadm:x:4:games\\nusers:x:100:games\\n";

/// Main as this user, started by a root that has groups and a HOME of its own.
fn as_user(user: &str, command: &str) -> Ended {
    let prepare = format!(
        "mount -t tmpfs tmpfs /mnt\n\
         printf '{PASSWD}' > /mnt/passwd; printf '{GROUP}' > /mnt/group\n\
         mount --bind /mnt/passwd /etc/passwd; mount --bind /mnt/group /etc/group\n\
         echo '{{\"version\": 1, \"run\": {{\"user\": {user}}}}}' > /mnt/policy.json\n\
         export HOME=/bogus"
    );
    Scene::of(&Init::vestibule())
        .before(&prepare)
        .through(&["setpriv", "--groups=27,44"])
        .with(&["--policy", "/mnt/policy.json"])
        .shell(command)
        .run()
}

#[test]
fn every_form_of_a_user_gives_its_uid_gid_and_groups() {
    for (user, ids) in [
        ("0", "0:0:0"),
        ("\"0\"", "0:0:0"),
        ("\"0:0\"", "0:0:0"),
        ("\"root\"", "0:0:0"),
        ("\"0:root\"", "0:0:0"),
        ("\"root:0\"", "0:0:0"),
        ("\"root:root\"", "0:0:0"),
        ("\"0:1000\"", "0:1000:1000"),
        ("\"1000:1000\"", "1000:1000:1000"),
        ("\"root:1000\"", "0:1000:1000"),
        ("\"1000:root\"", "1000:0:0"),
        ("\"1000:daemon\"", "1000:1:1"),
        ("\"games\"", "5:60:60 4 100"),
        ("5", "5:60:60 4 100"),
        ("\"games:daemon\"", "5:1:1"),
        ("\"games:games\"", "5:60:60"),
    ] {
        let ended = as_user(user, "echo \"$(id -u):$(id -g):$(id -G)\"");
        assert_eq!(ended.said.trim(), ids, "{user}: {}", ended.complained);
    }
}

#[test]
fn home_is_that_of_the_user_and_never_the_callers() {
    for (user, home) in [
        ("\"root\"", "/root"),
        ("0", "/root"),
        ("\"0:1000\"", "/root"),
        ("\"games\"", "/usr/games"),
        ("\"games:daemon\"", "/usr/games"),
        ("\"1000:1000\"", "/"),
        ("\"1000:daemon\"", "/"),
    ] {
        let ended = as_user(user, "echo \"$HOME\"");
        assert_eq!(ended.said.trim(), home, "{user}: {}", ended.complained);
    }
}

#[test]
fn a_user_that_cannot_be_meant_is_refused() {
    for user in [
        "\"bogus\"",
        "\"0day\"",
        "\"0:bogus\"",
        "\"0:0day\"",
        "\"\"",
        "\"0:\"",
        "\":0\"",
        "-1",
        "\"-1\"",
        "4294967295",
        "1000",
        "\"1000\"",
    ] {
        let ended = as_user(user, "echo started");
        assert_eq!(ended.code, Some(100), "{user}: {}", ended.complained);
        assert_eq!(ended.said, "", "{user}");
    }
}

#[test]
fn with_exec_a_user_drop_leaves_a_single_process() {
    let ended = Scene::of(&Init::vestibule())
        .before("mount -t tmpfs tmpfs /mnt; echo '{\"version\": 1, \"run\": {\"user\": \"65534:65534\"}}' > /mnt/policy.json")
        .with(&["--policy", "/mnt/policy.json", "--exec"])
        .shell("echo $$ $(id -u)")
        .run();
    assert_eq!(ended.said, "1 65534\n", "{}", ended.complained);
}
