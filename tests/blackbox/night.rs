//! Seven refusals that happen at night: three lines each, and doing what the
//! third one says is enough.

use crate::harness::{Scene, capability};
use crate::level::{app_policy, root};

/// The only message of a refused start: what, where, fix.
#[track_caller]
fn three_lines(scene: Scene, code: u8) -> [String; 3] {
    let message = scene.run().expect_refusal(code);
    let lines: Vec<&str> = message.lines().collect();
    let [what, place, fix] = lines[..] else {
        panic!("not three lines: {message}");
    };
    let after = |line: &str, start: &str| line.strip_prefix(start).expect(start).to_owned();
    [
        after(what, "vestibule: "),
        after(place, "  where: "),
        after(fix, "  fix:   "),
    ]
}

#[track_caller]
fn expect_words(line: &str, words: &[&str]) {
    for word in words {
        assert!(line.contains(word), "`{word}` is not in: {line}");
    }
}

fn with_policy(policy: &str) -> Scene {
    Scene::main(&["say", "main"])
        .secret("api-key")
        .permits(&["api-key"])
        .policy(policy)
}

const ENV: &str = r#"{ "version": 1,
    "run": { "env": { "KEY": "api-key" } } }"#;
const POLICY: &str = "/etc/vestibule/policy.json";

#[test]
fn a_mistyped_key_is_told_with_the_key_that_is_meant() {
    let [what, place, fix] = three_lines(with_policy(&ENV.replace("env", "evn")), 100);
    assert_eq!(what, "unknown key `evn`");
    assert_eq!(place, format!("{POLICY} at /run/evn, line 2"));
    expect_words(&fix, &["take it out or write `env`"]);
    with_policy(ENV).run().expect_code(0);
}

#[test]
fn a_mistyped_name_is_told_with_the_file_that_is_there() {
    let [what, place, fix] = three_lines(with_policy(&ENV.replace("api-key", "api-kye")), 100);
    assert_eq!(what, "the secret `api-kye` is absent");
    let asked = format!("asked for by {POLICY} at /run/env/KEY, line 2");
    expect_words(&place, &["/run/secrets", &asked]);
    expect_words(&fix, &["correct the name: `api-key` is there"]);
}

#[test]
fn a_name_without_the_extension_of_its_file_is_told_with_the_file() {
    let container = with_policy(&ENV.replace("api-key", "token"));
    let [what, _, fix] = three_lines(container.secret("token.secret"), 100);
    assert_eq!(what, "the secret `token` is absent");
    expect_words(&fix, &["correct the name: `token.secret` is there"]);
}

#[test]
fn a_missing_secret_is_told_with_its_place_and_who_asks() {
    let scene = || Scene::main(&["say", "main"]).policy(ENV);
    let [what, place, fix] = three_lines(scene(), 100);
    assert_eq!(what, "the secret `api-key` is absent");
    expect_words(&place, &["/run/secrets", "as uid 0", POLICY, "line 2"]);
    expect_words(&fix, &["mount it", "`secrets:`", r#"`"optional": true`"#]);
    let mounted = scene().secret("api-key").permits(&["api-key"]);
    mounted.run().expect_code(0);
    let entry = r#""secrets": { "api-key": { "from": "file:api-key", "optional": true } }, "run""#;
    let scene = Scene::main(&["say", "main"]).policy(&ENV.replace(r#""run""#, entry));
    scene.run().expect_code(0);
}

#[test]
fn a_wrong_mode_is_told_with_owner_mode_and_who_reads() {
    let scene = |mode, uid| {
        let scene = Scene::main(&["say", "main"])
            .user(uid, uid, &[])
            .policy(ENV);
        let scene = scene.secret_at("/run/secrets/api-key", mode, (70, 71), str::to_owned);
        scene.permits(&["api-key"])
    };
    let [what, place, fix] = three_lines(scene(0o400, 1000), 100);
    assert_eq!(
        what,
        "the secret `api-key` cannot be read: permission denied"
    );
    expect_words(&place, &["owner 70:71, mode 0400", "read as uid 1000"]);
    expect_words(
        &fix,
        &["let uid 1000 read it", r#"`user: "70:71"`"#, "mode 0444"],
    );
    scene(0o400, 70).run().expect_code(0);
    scene(0o444, 1000).run().expect_code(0);
    let [.., fix] = three_lines(scene(0, 70), 100);
    expect_words(&fix, &["give the file on the host mode 0400"]);
}

#[test]
fn a_command_that_cannot_be_executed_is_told_with_its_mode() {
    let scene = |mode| {
        Scene::command(&["/opt/server"]).file("/opt/server", mode, (0, 0), "#!/bin/sh\nexit 0\n")
    };
    let [what, place, fix] = three_lines(scene(0o644), 126);
    let said = "cannot execute `/opt/server`: its mode 0644 does not let us execute it";
    assert_eq!(what, said);
    assert_eq!(place, "/opt/server, as uid 0");
    expect_words(&fix, &["`chmod 0755`", "`COPY --chmod=0755`"]);
    scene(0o755).run().expect_code(0);
}

#[test]
fn a_missing_capability_is_told_with_the_way_to_give_it() {
    const SYS_TIME: u64 = 1 << 25;
    let policy = r#"{ "version": 1, "run": { "capabilities": ["SYS_TIME"] } }"#;
    let scene = |held| {
        Scene::main(&["say", "main"])
            .policy(policy)
            .capabilities(held)
    };
    let [what, place, fix] = three_lines(scene(capability::DOCKER), 100);
    let said = "main is to have CAP_SYS_TIME, which the container does not have";
    assert_eq!(what, said);
    assert_eq!(place, format!("{POLICY} at /run/capabilities"));
    expect_words(&fix, &["`cap_add: [SYS_TIME]`", "take it out of the list"]);
    scene(capability::DOCKER | SYS_TIME).run().expect_code(0);
}

#[test]
fn an_old_kernel_is_told_with_its_version_and_every_way_out() {
    let scene = || root(&["say", "main"]).without_landlock(38);
    let [what, place, fix] = three_lines(scene(), 100);
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("a version");
    let kernel = format!("Linux {} offers no Landlock", release.trim_end());
    expect_words(&what, &["`/run/secrets/github-token`", &kernel]);
    assert_eq!(place, "main would run as uid 0");
    expect_words(&fix, &["`run.user`", "mode 0400", "5.13", "seccomp"]);
    let accepted = r#""confinement": "environment-only""#;
    expect_words(&fix, &[accepted]);
    let policy = format!(r#"{{ "version": 1, "run": {{ {accepted} }} }}"#);
    scene().policy(&policy).run().expect_code(0);
    let token = "/run/secrets/github-token";
    let scene = Scene::main(&["say", "main"]).capabilities(capability::DOCKER);
    let scene = scene.secret_at(token, 0o400, (0, 0), str::to_owned);
    let scene = scene.secret("api-key").permits(&["api-key"]);
    let scene = scene.policy(&app_policy("")).without_landlock(38);
    scene.run().expect_code(0);
}

#[test]
fn a_policy_with_setup_is_told_that_vestibule_has_to_be_pid_1() {
    let policy = r#"{ "version": 1,
        "setup": { "commands": [["/bin/sh", "-c", "exit 0"]] } }"#;
    let scene = || Scene::main(&["say", "main"]).policy(policy);
    let [what, place, fix] = three_lines(scene().not_pid_1(), 100);
    expect_words(
        &what,
        &["the policy has a setup phase", "vestibule is not PID 1"],
    );
    assert_eq!(place, format!("{POLICY} at /setup, line 2"));
    expect_words(
        &fix,
        &[
            "entrypoint",
            "`--init`",
            "`init: true`",
            "no shell before it",
        ],
    );
    scene().run().expect_code(0);
}
