//! The names that just work, exactly as the design lists them.

use super::super::tests::{Place, by_convention, given, lines, refused};
use super::{Fate, fate, is_named_like_a_credential};

fn lines_of(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Vec<String> {
    let place = Place::with(files);
    lines(&given(by_convention(&place, variables)))
}

#[test]
fn every_form_of_a_database_password_is_known() {
    for name in [
        "db_password",
        "db-password",
        "DB_PASSWORD",
        "Db-Password.secret",
        "database_password.txt",
        "database-password",
        "postgres_password",
        "POSTGRES-PASSWORD",
        "pg_password",
        "pg-password.x",
    ] {
        assert_eq!(
            lines_of(&[(name, "p@ss\n")], &[]),
            [
                "DATABASE_URL=postgresql://postgres:p%40ss@db:5432/postgres",
                "POSTGRES_PASSWORD=p@ss"
            ],
            "{name}"
        );
    }
}

#[test]
fn the_url_takes_its_parts_from_the_container() {
    for (variables, url) in [
        (
            &[("POSTGRES_HOST", "pg.internal")][..],
            "postgresql://postgres:p@pg.internal:5432/postgres",
        ),
        (
            &[("POSTGRES_PORT", "6432")],
            "postgresql://postgres:p@db:6432/postgres",
        ),
        (
            &[("POSTGRES_USER", "app user")],
            "postgresql://app%20user:p@db:5432/postgres",
        ),
        (
            &[("POSTGRES_DB", "app")],
            "postgresql://postgres:p@db:5432/app",
        ),
        (
            &[("POSTGRES_HOST", ""), ("POSTGRES_PORT", "")],
            "postgresql://postgres:p@db:5432/postgres",
        ),
        (
            &[("POSTGRES_PORT", "tcp://10.0.0.7:5433")],
            "postgresql://postgres:p@db:5433/postgres",
        ),
        (
            &[("POSTGRES_PORT", "tcp://[fd00::7]:5433")],
            "postgresql://postgres:p@db:5433/postgres",
        ),
    ] {
        let lines = lines_of(&[("db_password", "p")], variables);
        assert_eq!(lines[0], format!("DATABASE_URL={url}"));
    }
}

#[test]
fn parts_that_are_none_are_refused() {
    let place = Place::with(&[("db_password", "p")]);
    for (variable, value, what) in [
        (
            "POSTGRES_PORT",
            "x",
            "cannot use `POSTGRES_PORT`: a port is a number from 1 to 65535",
        ),
        (
            "POSTGRES_PORT",
            "0",
            "cannot use `POSTGRES_PORT`: a port is a number from 1 to 65535",
        ),
        (
            "POSTGRES_PORT",
            "65536",
            "cannot use `POSTGRES_PORT`: a port is a number from 1 to 65535",
        ),
        (
            "POSTGRES_PORT",
            "+5432",
            "cannot use `POSTGRES_PORT`: a port is a number from 1 to 65535",
        ),
        (
            "POSTGRES_PORT",
            "tcp://10.0.0.7:+5432",
            "cannot use `POSTGRES_PORT`: a port is a number from 1 to 65535",
        ),
        (
            "POSTGRES_PORT",
            "tcp://db",
            "cannot use `POSTGRES_PORT`: a port is a number from 1 to 65535",
        ),
    ] {
        assert_eq!(refused(by_convention(&place, &[(variable, value)])), [what]);
    }
    let faults = refused(by_convention(&place, &[("POSTGRES_HOST", "db/evil?x=y")]));
    assert!(
        faults[0].starts_with("cannot use `DATABASE_URL`: "),
        "{faults:?}"
    );
    let container = super::Container::new(vec![(
        "POSTGRES_HOST".into(),
        std::os::unix::ffi::OsStringExt::from_vec(b"\xff".to_vec()),
    )]);
    let scopes = super::super::tests::scopes(&[&place], &container);
    let faults = refused(super::super::collect_from(&scopes, None, &container, None));
    assert_eq!(
        faults,
        ["cannot use `POSTGRES_HOST`: it is not valid UTF-8"]
    );
}

#[test]
fn the_other_names_give_what_the_design_says() {
    for (name, content, expected) in [
        ("redis_password", "p", "REDIS_URL=redis://:p@redis:6379/0"),
        (
            "Redis-Password.secret",
            "p",
            "REDIS_URL=redis://:p@redis:6379/0",
        ),
        ("minio_password", "p", "MINIO_SECRET_KEY=p"),
        ("MINIO-PASSWORD.txt", "p", "MINIO_SECRET_KEY=p"),
        ("anthropic-api-key", "p\r\n", "ANTHROPIC_API_KEY=p"),
        ("stripe_key.secret", "p", "STRIPE_KEY=p"),
        ("x", "p", "X=p"),
        ("_x9", "p", "_X9=p"),
    ] {
        assert_eq!(lines_of(&[(name, content)], &[]), [expected], "{name}");
    }
    let lines = lines_of(
        &[("redis_password", "p"), ("minio_password", "q")],
        &[
            ("REDIS_HOST", "cache"),
            ("MINIO_ENDPOINT", "http://m:9000"),
            ("MINIO_ACCESS_KEY", "a"),
        ],
    );
    assert_eq!(
        lines,
        [
            "MINIO_ACCESS_KEY=a",
            "MINIO_ENDPOINT=http://m:9000",
            "MINIO_SECRET_KEY=q",
            "REDIS_HOST=cache",
            "REDIS_URL=redis://:p@cache:6379/0"
        ]
    );
}

#[test]
fn a_secret_of_several_lines_is_given_as_a_file() {
    let place = Place::with(&[("tls-key.pem", "one\ntwo\n"), ("two_newlines", "x\n\n")]);
    let collected = given(by_convention(&place, &[]));
    assert!(lines(&collected).is_empty());
    let files: Vec<_> = collected
        .files
        .iter()
        .map(|file| (file.variable.as_str(), file.original.clone()))
        .collect();
    assert_eq!(
        files,
        [
            ("TLS_KEY_FILE", Some(place.0.join("tls-key.pem"))),
            ("TWO_NEWLINES_FILE", Some(place.0.join("two_newlines")))
        ]
    );
    assert_eq!(
        collected.summary.given,
        ["TLS_KEY_FILE", "TWO_NEWLINES_FILE"]
    );
}

#[test]
fn git_credentials_are_withheld_and_app_secrets_are_not() {
    let place = Place::new();
    for name in [
        "git_credentials",
        "git-token",
        "gh_pat",
        "GITHUB_TOKEN",
        "gitlab-password.txt",
        "bitbucket_token",
        "gitea_pat",
        "acme_deploy_key",
        "ssh_key_ed25519",
        "id_rsa",
        "netrc",
    ] {
        place.write(name, "withheld");
        assert_eq!(fate(name), Fate::Git, "{name}");
    }
    for name in [
        "github-app-private-key",
        "github_webhook_secret",
        "github_client_secret",
    ] {
        place.write(name, "given");
    }
    let collected = given(by_convention(&place, &[]));
    assert_eq!(
        lines(&collected),
        [
            "GITHUB_APP_PRIVATE_KEY=given",
            "GITHUB_CLIENT_SECRET=given",
            "GITHUB_WEBHOOK_SECRET=given"
        ]
    );
    assert_eq!(collected.summary.git.len(), 11);
    assert_eq!(collected.summary.withheld_files.len(), 11);
}

#[test]
fn a_git_credential_that_is_unusable_stops_nothing() {
    let place = Place::with(&[("github_token", ""), ("a", "1")]);
    std::os::unix::fs::symlink("/nowhere", place.0.join("id_rsa")).unwrap();
    let collected = given(by_convention(&place, &[]));
    assert_eq!(lines(&collected), ["A=1"]);
    assert_eq!(collected.summary.git, ["github_token", "id_rsa"]);
}

#[test]
fn a_name_that_is_no_variable_is_withheld_with_advice() {
    let place = Place::with(&[
        ("1password", "x"),
        ("a b", ""),
        ("a.tar.gz", "x"),
        (".hidden", "x"),
    ]);
    let collected = given(by_convention(&place, &[]));
    assert!(lines(&collected).is_empty());
    assert_eq!(
        collected.summary.undeliverable,
        [".hidden", "1password", "a b", "a.tar.gz"]
    );
    assert_eq!(collected.summary.withheld, collected.summary.undeliverable);
    assert_eq!(fate("\u{e4}"), Fate::NoVariable);
}

#[test]
fn a_different_default_is_refused_and_the_same_value_is_not() {
    let place = Place::with(&[("db_password", "real"), ("api_key", "real")]);
    assert_eq!(
        refused(by_convention(
            &place,
            &[
                ("POSTGRES_PASSWORD", "dev"),
                ("DATABASE_URL", "dev"),
                ("API_KEY", "dev")
            ]
        )),
        [
            "`API_KEY` already has a different value than the secret `api_key` gives it",
            "`POSTGRES_PASSWORD` already has a different value than the secret `db_password` gives it",
            "`DATABASE_URL` already has a different value than the secret `db_password` gives it"
        ]
    );
    let same = [
        ("POSTGRES_PASSWORD", "real"),
        ("API_KEY", "real"),
        ("DATABASE_URL", ""),
    ];
    assert_eq!(lines(&given(by_convention(&place, &same))).len(), 3);
}

#[test]
fn two_files_for_one_variable_are_refused() {
    let place = Place::with(&[
        ("db_password", "1"),
        ("pg-password", "1"),
        ("a.txt", "1"),
        ("a.secret", "1"),
        ("b_file", "1"),
        ("b", "1\n2\n"),
    ]);
    assert_eq!(
        refused(by_convention(&place, &[])),
        [
            "the secrets `a.secret` and `a.txt` both give `A`",
            "the secrets `b` and `b_file` both give `B_FILE`",
            "the secrets `db_password` and `pg-password` both give `POSTGRES_PASSWORD`",
            "the secrets `db_password` and `pg-password` both give `DATABASE_URL`"
        ]
    );
}

#[test]
fn names_of_credentials_are_known_in_every_form() {
    for (name, is_one) in [
        ("db-password", true),
        ("API-KEY.txt", true),
        ("rhsm", false),
        ("etc", false),
    ] {
        assert_eq!(is_named_like_a_credential(name), is_one, "{name}");
    }
}
