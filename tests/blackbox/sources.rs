//! Every place that a secret can come from.

use crate::expected::only;
use crate::harness::Scene;

fn with(secrets: &str, reference: &str) -> String {
    format!(
        r#"{{ "version": 1, "secrets": {secrets},
             "run": {{ "env": {{ "OUT": "{reference}" }}, "inherit": ["LANG", "TOKEN"] }} }}"#
    )
}

#[test]
fn a_container_variable_is_taken_removed_and_said_to_be_seen_by_docker_inspect() {
    let policy = with(r#"{ "api": { "from": "env:SOURCE" } }"#, "api");
    let scene = Scene::main(&["report"])
        .policy(&policy)
        .env_secret("SOURCE");
    let outcome = scene.permits(&["SOURCE"]).env("LANG", "C").run();
    let expected = [("LANG", "C"), ("OUT", outcome.value("SOURCE"))];
    only(outcome.report().environment(), &expected);
    assert!(
        outcome.stderr.contains("docker inspect"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_source_variable_that_main_is_not_permitted_passes_under_no_name() {
    for inherit in [
        "",
        r#", "run": { "inherit": ["LANG"] }"#,
        r#", "run": { "inherit": ["*"] }"#,
    ] {
        let policy = format!(
            r#"{{ "version": 1, "secrets": {{ "api": {{ "from": "env:SOURCE" }} }} {inherit} }}"#
        );
        let scene = Scene::main(&["report"])
            .policy(&policy)
            .env_secret("SOURCE")
            .env("LANG", "C");
        let value = scene.value("SOURCE").to_owned();
        let outcome = scene
            .env("COPY", &value)
            .env("PART", format!("<{value}>"))
            .run();
        only(outcome.report().environment(), &[("LANG", "C")]);
    }
}

#[test]
fn var_run_secrets_is_a_secret_directory_even_if_the_policy_names_others() {
    let policy = r#"{ "version": 1, "secret_dirs": ["/srv/team"] }"#;
    let scene = Scene::main(&["report"])
        .policy(policy)
        .link("/var/run", "/run")
        .secret("token");
    let value = scene.value("token").to_owned();
    let outcome = scene
        .directory("/srv/team", 0o755, (0, 0))
        .env("COPY", value)
        .run();
    only(outcome.report().environment(), &[]);
}

#[test]
fn a_file_of_several_values_may_lie_in_a_subdirectory() {
    for (from, content) in [
        ("dotenv:team/app.env#KEY", "KEY='{}'\n"),
        ("json:team/app.json#/a/0", r#"{ "a": ["{}"] }"#),
    ] {
        let (path, _) = from.split_once(':').unwrap().1.split_once('#').unwrap();
        let policy = with(&format!(r#"{{ "api": {{ "from": "{from}" }} }}"#), "api");
        let name = path.rsplit('/').next().unwrap();
        let scene = Scene::main(&["report"])
            .policy(&policy)
            .secret_as(path, |value| content.replace("{}", value))
            .permits(&[name]);
        let outcome = scene.run().expect_code(0);
        let expected = [("OUT", outcome.value(name))];
        only(outcome.report().environment(), &expected);
    }
}

#[test]
fn the_file_that_a_variable_names_is_read_in_its_place() {
    let policy = with(r#"{ "api": { "from": "env:SOURCE" } }"#, "api");
    let outcome = Scene::main(&["report"])
        .policy(&policy)
        .secret_at("/srv/value", 0o400, (0, 0), |value| format!("{value}\n"))
        .permits(&["value"])
        .env("SOURCE_FILE", "/srv/value")
        .run();
    only(
        outcome.report().environment(),
        &[("OUT", outcome.value("value"))],
    );
}

#[test]
fn a_variable_and_its_file_at_once_are_refused() {
    let policy = with(r#"{ "api": { "from": "env:SOURCE" } }"#, "api");
    let scene = Scene::main(&["say", "main"])
        .policy(&policy)
        .secret("api")
        .env("SOURCE", "x")
        .env("SOURCE_FILE", "/run/secrets/api");
    let message = scene.run().expect_refusal(100);
    assert!(
        message.contains("`SOURCE`") && message.contains("`SOURCE_FILE`"),
        "{message}"
    );
}

#[test]
fn without_a_policy_a_file_variable_names_the_variable_of_a_secret() {
    let outcome = Scene::main(&["report"])
        .secret("pw")
        .permits(&["pw"])
        .env("MYSQL_PASSWORD_FILE", "/run/secrets/pw")
        .run();
    let mut environment = outcome.report().environment();
    let value = environment.remove("MYSQL_PASSWORD");
    assert_eq!(value.as_deref(), Some(outcome.value("pw")));
    environment.remove("MYSQL_PASSWORD_FILE");
    only(environment, &[]);
}

#[test]
fn a_key_of_a_dotenv_file_is_given_and_the_others_are_not() {
    let policy = with(
        r#"{ "smtp": { "from": "dotenv:app.env#SMTP_PASSWORD" } }"#,
        "smtp",
    );
    let content = |value: &str| format!("# mail\nHOST=mail\nexport SMTP_PASSWORD='{value}'\n");
    let outcome = Scene::main(&["report"])
        .policy(&policy)
        .secret_as("app.env", content)
        .permits(&["app.env"])
        .run();
    only(
        outcome.report().environment(),
        &[("OUT", outcome.value("app.env"))],
    );
}

#[test]
fn a_string_in_a_json_file_is_given() {
    let policy = with(
        r#"{ "npm": { "from": "json:creds.json#/npm/0/to~1ken" } }"#,
        "npm",
    );
    let content = |value: &str| format!(r#"{{ "npm": [ {{ "to/ken": "{value}" }} ], "x": 1 }}"#);
    let outcome = Scene::main(&["report"])
        .policy(&policy)
        .secret_as("creds.json", content)
        .permits(&["creds.json"])
        .run();
    only(
        outcome.report().environment(),
        &[("OUT", outcome.value("creds.json"))],
    );
}

#[test]
fn what_a_file_of_several_values_lacks_is_named_without_what_it_has() {
    for (file, source, word) in [
        ("a.env", "dotenv:a.env#NONE", "NONE"),
        ("a.json", "json:a.json#/none", "/none"),
    ] {
        let policy = with(&format!(r#"{{ "s": {{ "from": "{source}" }} }}"#), "s");
        let content = match file {
            "a.env" => |value: &str| format!("A={value}\n"),
            _ => |value: &str| format!(r#"{{ "a": "{value}" }}"#),
        };
        let scene = Scene::main(&["say", "main"])
            .policy(&policy)
            .secret_as(file, content);
        let message = scene.run().expect_refusal(100);
        assert!(
            message.contains(word) && message.contains(file),
            "{message}"
        );
    }
}

#[test]
fn an_absent_optional_secret_leaves_its_variable_out() {
    let policy = with(r#"{ "s": { "from": "file:none", "optional": true } }"#, "s");
    only(
        Scene::main(&["report"])
            .policy(&policy)
            .run()
            .report()
            .environment(),
        &[],
    );
}

#[test]
fn raw_keeps_the_final_newline_and_otherwise_exactly_one_is_cut() {
    let policy = r#"{ "version": 1,
        "secrets": { "raw": { "from": "file:value", "raw": true }, "cut": { "from": "file:value" } },
        "run": { "env": { "RAW": "raw", "CUT": "cut" } } }"#;
    for (ending, left) in [
        ("", ""),
        ("\n", ""),
        ("\r\n", ""),
        ("\n\n", "\n"),
        (" \n", " "),
    ] {
        let outcome = Scene::main(&["report"])
            .policy(policy)
            .secret_as("value", |value| format!("{value}{ending}"))
            .permits(&["value"])
            .run();
        let value = outcome.value("value");
        let expected = [
            ("RAW", format!("{value}{ending}")),
            ("CUT", format!("{value}{left}")),
        ];
        let expected = expected
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        only(outcome.report().environment(), &expected);
    }
}

#[test]
fn the_narrowest_directory_wins() {
    let policy = r#"{ "version": 1, "secret_dirs": ["/srv/team", "/run/secrets"],
        "run": { "env": { "A": "a", "B": "b" } } }"#;
    let outcome = Scene::main(&["report"])
        .policy(policy)
        .secret("a")
        .file("/srv/team/a", 0o444, (0, 0), "the team's a")
        .file("/srv/team/b", 0o444, (0, 0), "the team's b")
        .permits(&["a"])
        .run();
    let expected = [("A", outcome.value("a")), ("B", "the team's b")];
    only(outcome.report().environment(), &expected);
}

#[test]
fn credentials_of_systemd_count_as_a_secret_directory() {
    let outcome = Scene::main(&["report"])
        .env("CREDENTIALS_DIRECTORY", "/run/credentials/app")
        .secret_at("/run/credentials/app/api-key", 0o400, (0, 0), str::to_owned)
        .permits(&["api-key"])
        .run();
    let environment = outcome.report().environment();
    assert_eq!(environment["API_KEY"], outcome.value("api-key"));
}

#[test]
fn a_kubernetes_volume_is_read_from_its_snapshot() {
    let outcome = Scene::main(&["report"])
        .secret_at("/run/secrets/..2026/api-key", 0o444, (0, 0), |value| {
            format!("{value}\n")
        })
        .link("/run/secrets/..data", "..2026")
        .link("/run/secrets/api-key", "..data/api-key")
        .permits(&["api-key"])
        .run();
    only(
        outcome.report().environment(),
        &[("API_KEY", outcome.value("api-key"))],
    );
}

#[test]
fn a_reference_that_needs_a_resolver_is_refused_and_never_passed_on() {
    for reference in [
        "op://vault/item/field",
        "vault:secret/data/x#y",
        "arn:aws:secretsmanager:eu:1:secret:x",
        "ENC[AES256_GCM,data:x]",
        "sops:x",
        "fernet:x",
    ] {
        let scene = Scene::main(&["say", "main"]).env("API_KEY", reference);
        let message = scene.run().expect_refusal(100);
        assert!(
            message.contains("`API_KEY`") && message.contains("no resolver yet"),
            "{message}"
        );
        let policy = with(&format!(r#"{{ "s": {{ "from": "{reference}" }} }}"#), "s");
        let message = Scene::main(&["say", "main"])
            .policy(&policy)
            .run()
            .expect_refusal(100);
        assert!(message.contains("no resolver yet"), "{message}");
        let file = Scene::main(&["say", "main"]).file(
            "/run/secrets/api-key",
            0o444,
            (0, 0),
            format!("{reference}\n"),
        );
        file.run().expect_refusal(100);
    }
}

#[test]
fn a_variable_may_name_a_file_in_a_subdirectory_by_either_of_its_directory_s_names() {
    for path in ["/run/secrets/team/token", "/var/run/secrets/team/token"] {
        let scene = || {
            Scene::main(&["report"])
                .link("/var/run", "/run")
                .secret_at("/run/secrets/team/token", 0o444, (0, 0), str::to_owned)
                .permits(&["token"])
                .env("TOKEN_FILE", path)
        };
        let outcome = scene().run().expect_code(0);
        only(
            outcome.report().environment(),
            &[("TOKEN", outcome.value("token"))],
        );
        let policy = with(r#"{ "api": { "from": "env:TOKEN" } }"#, "api");
        let outcome = scene().policy(&policy).run().expect_code(0);
        only(
            outcome.report().environment(),
            &[("OUT", outcome.value("token"))],
        );
        assert!(!outcome.stderr.contains("withholds"), "{}", outcome.stderr);
    }
}
