//! Without a policy the usual names just work, and nothing else is given.

use crate::expected::{encoded, only, postgres, redis};
use crate::harness::Scene;

const USUAL: [&str; 5] = [
    "db-password.secret",
    "redis-password.secret",
    "minio-password.secret",
    "anthropic-api-key",
    "github-token",
];

fn usual(parts: &[&str]) -> Scene {
    USUAL
        .iter()
        .fold(Scene::main(parts), |scene, name| scene.secret(name))
        .permits(&USUAL[..4])
}

#[test]
fn the_five_usual_files_give_exactly_the_documented_variables() {
    let outcome = usual(&["report"])
        .env("PATH", "/usr/bin")
        .env("LANG", "C.UTF-8")
        .run();
    let value = |name: &str| outcome.value(name);
    only(
        outcome.report().environment(),
        &[
            ("PATH", "/usr/bin"),
            ("LANG", "C.UTF-8"),
            ("POSTGRES_PASSWORD", value("db-password.secret")),
            ("DATABASE_URL", &postgres(value("db-password.secret"))),
            ("REDIS_URL", &redis(value("redis-password.secret"))),
            ("MINIO_SECRET_KEY", value("minio-password.secret")),
            ("ANTHROPIC_API_KEY", value("anthropic-api-key")),
        ],
    );
    outcome.expect_code(0);
}

#[test]
fn a_withheld_git_credential_is_named_on_one_line_that_says_how_to_permit_it() {
    let outcome = usual(&["exit", "0"]).run().expect_code(0);
    let lines: Vec<_> = outcome.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{}", outcome.stderr);
    assert!(
        lines[0].contains("withholds `github-token`"),
        "{}",
        lines[0]
    );
    assert!(lines[0].contains("`run.env`"), "{}", lines[0]);
}

#[test]
fn every_name_of_a_git_credential_is_withheld() {
    for name in [
        "git_credentials",
        "git-token",
        "gh_pat",
        "GITHUB_TOKEN",
        "gitlab-password.txt",
        "bitbucket_token",
        "gitea_pat",
        "my-deploy-key",
        "ssh_key_ci",
        "id_rsa",
        "id_ed25519",
        "id_ecdsa",
        "netrc",
    ] {
        let outcome = Scene::main(&["report"]).secret(name).run();
        only(outcome.report().environment(), &[]);
        assert!(
            outcome.stderr.contains(&format!("`{name}`")),
            "{}",
            outcome.stderr
        );
    }
}

#[test]
fn application_secrets_of_github_are_given() {
    for (name, variable) in [
        ("github-webhook-secret", "GITHUB_WEBHOOK_SECRET"),
        ("github_client_secret.txt", "GITHUB_CLIENT_SECRET"),
    ] {
        let outcome = Scene::main(&["report"]).secret(name).permits(&[name]).run();
        only(
            outcome.report().environment(),
            &[(variable, outcome.value(name))],
        );
    }
}

#[test]
fn a_secret_of_several_lines_is_given_as_a_path_and_not_as_a_value() {
    let name = "github-app-private-key.pem";
    let content = |value: &str| format!("-----BEGIN KEY-----\n{value}\n-----END KEY-----\n");
    let outcome = Scene::main(&["report"])
        .secret_as(name, content)
        .permits(&[name])
        .run();
    let path = format!("/run/secrets/{name}");
    only(
        outcome.report().environment(),
        &[("GITHUB_APP_PRIVATE_KEY_FILE", &path)],
    );
}

#[test]
fn the_settings_of_the_container_shape_the_urls() {
    let outcome = Scene::main(&["report"])
        .secret("pg_password")
        .secret("redis_password")
        .permits(&["pg_password", "redis_password"])
        .env("POSTGRES_HOST", "pg.example")
        .env("POSTGRES_PORT", "tcp://10.0.0.7:6543")
        .env("POSTGRES_USER", "us er")
        .env("POSTGRES_DB", "ap/p")
        .env("REDIS_HOST", "::1")
        .run();
    let mut environment = outcome.report().environment();
    let password = encoded(outcome.value("pg_password"));
    let url = format!("postgresql://us%20er:{password}@pg.example:6543/ap%2Fp");
    assert_eq!(environment.remove("DATABASE_URL"), Some(url));
    let password = encoded(outcome.value("redis_password"));
    let url = format!("redis://:{password}@[::1]:6379/0");
    assert_eq!(environment.remove("REDIS_URL"), Some(url));
}

#[test]
fn a_conflicting_default_is_refused_by_naming_both() {
    let scene = Scene::main(&["touch", "/tmp/x", "say", "main"])
        .secret("db_password")
        .env("DATABASE_URL", "postgresql://app:d3fault@localhost/app");
    let message = scene.run().expect_refusal(100);
    assert!(
        message.contains("`DATABASE_URL`") && message.contains("`db_password`"),
        "{message}"
    );
    assert!(!message.contains("d3fault"), "{message}");
}

#[test]
fn a_variable_that_already_has_the_same_value_is_no_conflict() {
    let scene = Scene::main(&["report"])
        .secret("api-key")
        .permits(&["api-key"]);
    let value = scene.value("api-key").to_owned();
    let outcome = scene.env("API_KEY", &value).run();
    only(outcome.report().environment(), &[("API_KEY", &value)]);
}

#[test]
fn two_files_for_one_variable_are_refused() {
    let scene = Scene::main(&["say", "main"])
        .secret("api-key")
        .secret("API_KEY.txt");
    let message = scene.run().expect_refusal(100);
    assert!(
        message.contains("`api-key`") && message.contains("`API_KEY.txt`"),
        "{message}"
    );
}

#[test]
fn a_container_variable_that_holds_a_withheld_value_does_not_pass() {
    let scene = Scene::main(&["report"])
        .secret("github-token")
        .env("LANG", "C");
    let value = scene.value("github-token").to_owned();
    let outcome = scene
        .env("HARMLESS", format!("https://x:{value}@github.com"))
        .env("COPY", &value)
        .run();
    only(outcome.report().environment(), &[("LANG", "C")]);
    for name in ["`COPY`", "`HARMLESS`"] {
        assert!(outcome.stderr.contains(name), "{}", outcome.stderr);
    }
}

#[test]
fn a_name_that_no_variable_can_have_is_withheld_and_said() {
    let outcome = Scene::main(&["report"]).secret("9 lives!").run();
    only(outcome.report().environment(), &[]);
    assert!(outcome.stderr.contains("`9 lives!`"), "{}", outcome.stderr);
}

#[test]
fn without_policy_and_secrets_the_environment_passes_as_it_is() {
    let outcome = Scene::main(&["report"])
        .env("PATH", "/usr/bin")
        .env("API_TOKEN", "of no concern")
        .env("EMPTY", "")
        .run();
    assert_eq!(outcome.stderr, "", "there is nothing to say");
    let expected = [
        ("PATH", "/usr/bin"),
        ("API_TOKEN", "of no concern"),
        ("EMPTY", ""),
    ];
    only(outcome.report().environment(), &expected);
}

#[test]
fn ten_thousand_secrets_are_all_given_in_one_start() {
    let mut scene = Scene::main(&["report"]).limit(3, 64 << 20, 64 << 20);
    for number in 0..10_000 {
        let path = format!("/run/secrets/many-{number:05}");
        scene = scene.file(&path, 0o444, (0, 0), format!("value-{number}\n"));
    }
    let environment = scene.run().report().environment();
    assert_eq!(environment.len(), 10_000);
    for number in [0, 1, 4_999, 9_999] {
        assert_eq!(
            environment[&format!("MANY_{number:05}")],
            format!("value-{number}")
        );
    }
}
