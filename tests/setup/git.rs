//! A real clone of a private repository in setup, with the token by the helper:
//! the whole road of an agent's workspace, without containers.

use std::fs;

use serde_json::json;

use crate::harness::{self, Layer, Scene};
use crate::room::{self, Room};
use crate::rules::{Rules, refusal, sh};

/// Where vestibule's certificate authority of the test is.
const CERTIFICATE: &str = "/etc/test-certificate.pem";
const CLONE: &str = "git lfs install --skip-repo > /dev/null && \
    git clone -q --recurse-submodules \"$REMOTE/acme/app.git\" app && cat app/library.git/code app/large.bin";
/// What an untrusted main tries. Each line that works would print its name.
const ROB: &str = r#"echo main
cd /workspace/app && cat out && [ "$ANTHROPIC_API_KEY" ] && echo has its own key
export GIT_TERMINAL_PROMPT=0
git fetch && echo fetched
git -c user.name=n -c user.email=e commit -q --allow-empty -m m && git push origin HEAD && echo pushed
git ls-remote "$REMOTE/acme/other.git" && echo listed
printf 'protocol=https\nhost=127.0.0.1\npath=acme/app.git\n\n' | git credential fill | grep -q password && echo filled
cat /run/secrets/github-token && echo read
cat /proc/1/root/run/secrets/github-token && echo read through PID 1
tr '\0' '\n' < /proc/1/environ | grep . && echo environment of PID 1
git config --show-origin --list --includes | grep -iE 'credential|extraheader|insteadof|askpass' && echo settings
find / -xdev -name '*.sock' -o -xdev -name '.git-credentials' -o -xdev -name '.netrc' 2> /dev/null | grep . && echo files
echo over
exit 0
"#;

fn room() -> Room {
    let room = Room::open();
    room.repository("acme/library.git", &[("code", "of the library\n")]);
    fs::create_dir(room.path.join("large")).unwrap();
    let content = "large\n".repeat(1000);
    fs::write(room.path.join("large/content"), &content).unwrap();
    let sum = room::run(harness::program("sha256sum").arg(room.path.join("large/content")));
    let id = sum.split(' ').next().unwrap();
    fs::rename(
        room.path.join("large/content"),
        room.path.join("large").join(id),
    )
    .unwrap();
    let pointer = format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{id}\nsize {}\n",
        content.len()
    );
    let modules = "[submodule \"library\"]\n\tpath = acme/library.git\n\turl = ../library.git\n";
    room.repository(
        "acme/app.git",
        &[
            ("Makefile", "all:\n\techo built > out\n"),
            (".gitattributes", "*.bin filter=lfs -text\n"),
            ("large.bin", &pointer),
            (".gitmodules", modules),
        ],
    );
    room
}

fn rules(room: &Room, clone: &str) -> Rules {
    let clone = json!({ "argv": ["/bin/sh", "-c", clone], "git": true });
    let address = room.url("acme");
    Rules::of(&[clone, sh("cd app && make -s")])
        .setup(
            "git",
            json!({ address: { "username": "x-access-token", "password": "github-token" } }),
        )
        .setup("skip_if", json!("/workspace/app/.git"))
        .run("env", json!({ "ANTHROPIC_API_KEY": "anthropic" }))
}

fn scene(room: &Room, rules: &Rules, main: &str) -> Scene {
    let token = room.token("acme");
    rules
        .main_sh(main)
        .file("/run/secrets/github-token", 0o444, (0, 0), token + "\n")
        .secret("anthropic")
        .permits(&["anthropic"])
        .bind(room.path.join("cert.pem"), CERTIFICATE)
        .env("GIT_SSL_CAINFO", CERTIFICATE)
        .env("REMOTE", room.url("").trim_end_matches('/'))
}

#[test]
fn a_private_repository_is_cloned_and_built_and_main_has_nothing_of_the_token() {
    let room = room();
    let clone = CLONE.replace("app/library.git/code", "app/acme/library.git/code");
    let layer = Layer::new();
    let scene = scene(&room, &rules(&room, &clone), ROB).on(&layer);
    let outcome = scene.clone().run().expect_code(0);
    let wanted = format!(
        "of the library\n{}main\nbuilt\nhas its own key\nover\n",
        "large\n".repeat(1000)
    );
    assert!(
        outcome.stdout == wanted,
        "{}{}",
        outcome.stdout,
        outcome.stderr
    );
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(!room.gives_away(said.as_bytes()), "{said}");
    assert!(room.leaks(layer.path()).is_empty());
    let requests = room.requests();
    assert!(
        requests.contains("/acme/app.git/git-upload-pack right"),
        "{requests}"
    );
    assert!(
        requests.contains("/acme/library.git/git-upload-pack right"),
        "{requests}"
    );
    assert!(
        requests.contains("/acme/app.git/info/lfs/objects/batch right"),
        "{requests}"
    );
    // The restart of the same container: setup is skipped, main as before.
    let again = scene.run().expect_code(0);
    assert_eq!(
        again.stdout, "main\nbuilt\nhas its own key\nover\n",
        "{}",
        again.stderr
    );
    assert!(!room.requests().contains("wrong"));
}

#[test]
fn a_build_after_the_clone_has_no_way_to_the_token() {
    let room = room();
    let clone =
        json!({ "argv": ["git", "clone", "-q", room.url("acme/app.git"), "app"], "git": true });
    let build = sh(
        "cd app && export GIT_TERMINAL_PROMPT=0; git fetch 2> /dev/null && echo fetched; echo built",
    );
    let rules = Rules::of(&[clone, build]).setup(
        "git",
        json!({ room.url("acme"): { "username": "x-access-token", "password": "github-token" } }),
    );
    let rules = rules.setup("skip_if", json!("/workspace/app/.git"));
    let outcome = scene(&room, &rules, "echo main").run();
    // The large file stays a pointer: no filter is set up here.
    assert_eq!(outcome.stdout, "built\nmain\n", "{}", outcome.stderr);
}

#[test]
fn a_clone_into_setup_s_directory_itself_finds_it_empty() {
    let room = room();
    let clone =
        json!({ "argv": ["git", "clone", "-q", room.url("acme/app.git"), "."], "git": true });
    let rules = Rules::of(&[clone, sh("ls Makefile")]).setup(
        "git",
        json!({ room.url("acme"): { "username": "x-access-token", "password": "github-token" } }),
    );
    let rules = rules.setup("skip_if", json!("/workspace/.git"));
    let layer = Layer::new();
    let scene = scene(&room, &rules, "echo main").on(&layer);
    let outcome = scene.clone().run();
    assert_eq!(outcome.stdout, "Makefile\nmain\n", "{}", outcome.stderr);
    assert_eq!(scene.run().expect_code(0).stdout, "main\n");
}

#[test]
fn a_clone_that_keeps_the_token_in_its_remote_is_refused() {
    let room = room();
    let keep = r#"git clone -q "$REMOTE/acme/app.git" app && cd app &&
        password=$(printf 'protocol=https\nhost=%s\npath=acme/app.git\n\n' "${REMOTE#https://}" | git credential fill | sed -n 's/^password=//p') &&
        git remote set-url origin "https://x:$password@host/acme/app.git""#;
    let outcome = scene(&room, &rules(&room, keep), "echo main").run();
    let said = refusal(&outcome, 121);
    assert!(said.contains("/workspace/app/.git/config"), "{said}");
    assert!(said.contains("github-token"), "{said}");
    assert!(
        !room.gives_away(outcome.stderr.as_bytes()),
        "the value is in the message"
    );
}

#[test]
fn a_clone_with_a_wrong_token_fails_and_says_nothing_of_it() {
    let room = room();
    let rules = rules(&room, CLONE);
    let scene = scene(&room, &rules, "echo main");
    let scene = scene.file(
        "/run/secrets/github-token",
        0o444,
        (0, 0),
        "another+token/of=nobody\n",
    );
    let outcome = scene.run();
    refusal(&outcome, 120);
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(!said.contains("another+token"), "{said}");
}
