//! Claims about what must not start, and what must not count as healthy.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::engine;
use crate::passwords;
use crate::stack::Stack;

/// Starts Redis alone and waits for its end; gives what it said. That its log
/// is vestibule's alone shows that no Redis listened, with or without a password.
fn refused_start(stack: &Stack) -> String {
    stack
        .compose(&["up", "-d", "--no-deps", "redis"])
        .success("docker-compose up");
    let code = stack.wait_until_ended("redis");
    let said = stack.logs("redis");
    let shown = passwords::printable(&said);
    assert_eq!(code, 100, "{shown}");
    assert!(!said.contains("Redis is starting"), "{shown}");
    assert!(!said.contains("Ready to accept connections"), "{shown}");
    assert!(said.contains("/run/secrets/redis-password"), "{shown}");
    said
}

#[test]
fn an_unreadable_secret_stops_redis_instead_of_starting_it_without_authentication() {
    if !engine::answers() {
        return;
    }
    let stack = Stack::prepared("unreadable");
    let secret = stack.secret("redis-password");
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).expect("its mode");
    let owner = fs::metadata(&secret).expect("the secret").uid();
    let said = refused_start(&stack);
    for part in [
        format!("(owner {owner}:"),
        "mode 0600)".into(),
        "read as uid 999".into(),
        "fix:".into(),
    ] {
        assert!(
            said.contains(&part),
            "no `{part}` in: {}",
            passwords::printable(&said)
        );
    }
}

#[test]
fn an_empty_secret_stops_redis_instead_of_starting_it_without_authentication() {
    if !engine::answers() {
        return;
    }
    let stack = Stack::prepared("empty");
    let secret = stack.secret("redis-password");
    fs::remove_file(&secret).expect("the old secret");
    fs::write(&secret, "").expect("an empty secret");
    fs::set_permissions(&secret, Permissions::from_mode(0o444)).expect("its mode");
    let said = refused_start(&stack);
    assert!(said.contains("empty"), "{}", passwords::printable(&said));
}

#[test]
fn a_redis_that_asks_for_no_password_counts_as_unhealthy() {
    if !engine::answers() {
        return;
    }
    let stack = Stack::shared();
    let inspected = stack.inspect("redis");
    let check = inspected["Config"]["Healthcheck"]["Test"].as_array();
    let check = check.and_then(|words| words.last()?.as_str());
    let check = check.expect("what `sh -c` runs");
    let open = "redis-server --port 6380 --save '' --daemonize yes --dir /tmp > /dev/null";
    let pong = "timeout 20 sh -c 'until redis-cli -p 6380 ping | grep -q PONG; do :; done'";
    let check = check.replace("redis-cli", "redis-cli -p 6380");
    let script = format!("{open}; {pong} || exit 2; {check}");
    let image = stack.image("redis");
    let unhealthy = engine::docker(&["run", "--rm", "--entrypoint", "sh", &image, "-c", &script]);
    assert_eq!(
        unhealthy.code,
        Some(1),
        "{}",
        passwords::printable(&unhealthy.said)
    );
}
