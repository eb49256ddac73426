//! With a policy main gets what it permits, and nothing else.

use crate::expected::{encoded, only};
use crate::harness::Scene;

const FIVE: [&str; 5] = [
    "db-password.secret",
    "redis-password.secret",
    "minio-password.secret",
    "anthropic-api-key",
    "github-token",
];

const EXAMPLE: &str = r#"{
  "version": 1,
  "secrets": {
    "db": { "from": "file:db-password.secret" },
    "redis": { "from": "file:redis-password.secret" },
    "minio": { "from": "file:minio-password.secret" },
    "missing": { "from": "file:not-there", "optional": true }
  },
  "connections": {
    "database": { "kind": "postgres", "host": "${PG:-db}", "user": "app", "password": "db",
                  "database": "app", "options": { "sslmode": "require" } },
    "cache": { "kind": "redis", "host": "redis", "password": "redis", "database": 3 },
    "artifacts": { "kind": "minio", "endpoint": "http://minio:9000", "access_key": "app",
                   "secret_key": "minio", "bucket": "artifacts" },
    "queue": { "kind": "url", "scheme": "amqp", "host": "mq", "user": "app",
               "password": "redis", "path": "/" }
  },
  "run": {
    "env": { "DATABASE_URL": "database", "DB_HOST": "database.host", "CACHE": "cache",
             "S3_KEY": "artifacts.secret_key", "S3_ENDPOINT": "artifacts.endpoint",
             "MQ": "queue", "NOT_THERE": "missing" },
    "inherit": ["LANG"]
  },
  "profiles": { "worker": { "run": { "env": { "REDIS_URL": "cache" } } } }
}"#;

fn example() -> Scene {
    let scene = FIVE
        .iter()
        .fold(Scene::main(&["report"]), |scene, name| scene.secret(name));
    scene
        .policy(EXAMPLE)
        .env("LANG", "C.UTF-8")
        .env("TZ", "UTC")
}

#[test]
fn main_gets_exactly_what_the_policy_permits() {
    let outcome = example().permits(&FIVE[..3]).run();
    let [db, redis, minio] = [FIVE[0], FIVE[1], FIVE[2]].map(|name| outcome.value(name));
    let database = format!(
        "postgresql://app:{}@db:5432/app?sslmode=require",
        encoded(db)
    );
    only(
        outcome.report().environment(),
        &[
            ("LANG", "C.UTF-8"),
            ("DATABASE_URL", &database),
            ("DB_HOST", "db"),
            (
                "CACHE",
                &format!("redis://:{}@redis:6379/3", encoded(redis)),
            ),
            ("S3_KEY", minio),
            ("S3_ENDPOINT", "http://minio:9000"),
            ("MQ", &format!("amqp://app:{}@mq/%2F", encoded(redis))),
        ],
    );
}

#[test]
fn a_profile_replaces_what_is_permitted() {
    let url = |outcome: &crate::harness::Outcome| {
        format!("redis://:{}@redis:6379/3", encoded(outcome.value(FIVE[1])))
    };
    let by_option = example()
        .permits(&FIVE[1..2])
        .options(&["--profile", "worker"])
        .run();
    only(
        by_option.report().environment(),
        &[("LANG", "C.UTF-8"), ("REDIS_URL", &url(&by_option))],
    );
    let by_variable = example()
        .permits(&FIVE[1..2])
        .env("VESTIBULE_PROFILE", "worker")
        .run();
    only(
        by_variable.report().environment(),
        &[("LANG", "C.UTF-8"), ("REDIS_URL", &url(&by_variable))],
    );
}

#[test]
fn an_unknown_profile_is_refused_with_the_known_ones() {
    let message = example()
        .options(&["--profile", "wroker"])
        .run()
        .expect_refusal(100);
    assert!(
        message.contains("`wroker`") && message.contains("`worker`"),
        "{message}"
    );
}

#[test]
fn a_container_variable_shapes_a_connection() {
    let outcome = example().permits(&FIVE[..3]).env("PG", "pg.example").run();
    assert_eq!(outcome.report().environment()["DB_HOST"], "pg.example");
}

#[test]
fn only_what_is_permitted_by_exact_name_passes_an_inherit_list() {
    let policy = r#"{ "version": 1, "run": { "inherit": ["LANG", "NODE_*", "MY_TOKEN"] } }"#;
    let outcome = Scene::main(&["report"])
        .policy(policy)
        .env("LANG", "C")
        .env("LANGUAGE", "de")
        .env("NODE_ENV", "production")
        .env("NODE_AUTH_TOKEN", "looks like a credential")
        .env("NODE_PROXY", "http://user:word@proxy:3128")
        .env("MY_TOKEN", "named exactly")
        .run();
    let expected = [
        ("LANG", "C"),
        ("NODE_ENV", "production"),
        ("MY_TOKEN", "named exactly"),
    ];
    only(outcome.report().environment(), &expected);
}

#[test]
fn without_inherit_everything_passes_that_does_not_look_like_a_credential() {
    let withheld = [
        ("A_TOKEN", "x"),
        ("A_KEY", "x"),
        ("A_SECRET", "x"),
        ("MYPASSWORDS", "x"),
        ("PASSWD", "x"),
        ("AWS_CREDENTIALS", "x"),
        ("SOME_URL", "amqp://user:word@mq"),
        ("ANYTHING", "ghp_0123456789"),
        ("OTHER", "-----BEGIN PRIVATE KEY-----"),
    ];
    let scene = Scene::main(&["report"])
        .policy(r#"{ "version": 1 }"#)
        .env("LANG", "C");
    let scene = withheld
        .iter()
        .fold(scene, |scene, (name, value)| scene.env(name, value));
    let outcome = scene.env("URL", "http://minio:9000").run();
    only(
        outcome.report().environment(),
        &[("LANG", "C"), ("URL", "http://minio:9000")],
    );
}

#[test]
fn what_looks_like_a_credential_and_was_taken_out_is_named_on_one_line() {
    let scene = Scene::main(&["report"]).secret("api").permits(&["api"]);
    let policy = r#"{ "version": 1, "run": { "env": { "API": "api" } } }"#;
    let outcome = scene
        .policy(policy)
        .env("A_TOKEN", "x")
        .env("B_SECRET", "y")
        .run();
    let lines: Vec<_> = outcome
        .stderr
        .lines()
        .filter(|line| line.contains("`A_TOKEN`"))
        .collect();
    assert_eq!(lines.len(), 1, "{}", outcome.stderr);
    assert!(lines[0].contains("`B_SECRET`"), "{}", lines[0]);
}

#[test]
fn a_short_withheld_value_counts_only_as_a_whole() {
    let outcome = Scene::main(&["report"])
        .policy(r#"{ "version": 1 }"#)
        .file("/run/secrets/pin", 0o444, (0, 0), "1234\n")
        .env("PORT", "12345")
        .env("SAME", "1234")
        .run();
    only(outcome.report().environment(), &[("PORT", "12345")]);
    assert!(outcome.stderr.contains("`pin`"), "{}", outcome.stderr);
}

#[test]
fn an_inherited_variable_with_a_withheld_value_is_a_contradiction() {
    let policy = r#"{ "version": 1, "run": { "inherit": ["COPY"] } }"#;
    let scene = Scene::main(&["say", "main"])
        .secret("api-key")
        .policy(policy);
    let value = scene.value("api-key").to_owned();
    let message = scene
        .env("COPY", format!("x{value}x"))
        .run()
        .expect_refusal(100);
    assert!(
        message.contains("`COPY`") && message.contains("`api-key`"),
        "{message}"
    );
}

#[test]
fn a_policy_that_permits_nothing_gives_nothing() {
    let outcome = example()
        .policy(r#"{ "version": 1, "run": { "inherit": [] } }"#)
        .run();
    only(outcome.report().environment(), &[]);
}

#[test]
fn a_policy_may_lie_elsewhere() {
    let path = "/etc/other.json";
    let policy = r#"{ "version": 1, "run": { "env": { "KEY": "api" }, "inherit": [] } }"#;
    let scene = || {
        let scene = Scene::main(&["report"]).secret("api").permits(&["api"]);
        scene.file(path, 0o444, (0, 0), policy)
    };
    for outcome in [
        scene().options(&["--policy", path]).run(),
        scene().env("VESTIBULE_POLICY", path).run(),
    ] {
        only(
            outcome.report().environment(),
            &[("KEY", outcome.value("api"))],
        );
    }
}

#[test]
fn a_policy_that_was_asked_for_and_is_absent_is_refused() {
    let scene = Scene::main(&["say", "main"]).options(&["--policy", "/etc/none.json"]);
    let message = scene.run().expect_refusal(100);
    assert!(message.contains("/etc/none.json"), "{message}");
}
