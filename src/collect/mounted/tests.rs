//! Files nobody asked for, and files named by `VAR_FILE`.

use std::fs;

use super::super::tests::{
    Place, by_convention, by_policy, container, given, lines, refused, scopes,
};

#[test]
fn with_a_policy_everything_it_does_not_name_is_withheld() {
    let place = Place::with(&[
        ("db", "the-file-called-db"),
        ("db-password.secret", "the-password-1"),
        ("app.env", "A=the-value-of-a\nB=the-value-of-b\n"),
        ("empty", ""),
        ("sub/deep/file", "nested-value-1"),
        (".env", "hidden-value-1"),
    ]);
    fs::write(place.0.join("huge"), vec![b'x'; (1 << 20) + 1]).unwrap();
    place.link("/etc/hostname", "out");
    fs::create_dir(place.0.join("directory")).unwrap();
    let collected = given(by_policy(
        &place,
        r#""secrets": {"db": {"from": "file:db-password.secret"},
                       "a": {"from": "dotenv:app.env#A"}},
           "run": {"env": {"DB": "db", "A": "a"}}"#,
        &[
            ("N", "nested-value-1"),
            ("H", "hidden-value-1"),
            ("D", "the-file-called-db"),
        ],
    ));
    assert_eq!(lines(&collected), ["A=the-value-of-a", "DB=the-password-1"]);
    let summary = &collected.summary;
    assert_eq!(summary.removed, ["N", "H", "D"]);
    // The name `db` is the declared secret's, so the file goes by its path.
    let path = place.path("db");
    assert_eq!(
        summary.withheld,
        [
            "app.env",
            ".env",
            path.as_str(),
            "empty",
            "huge",
            "out",
            "sub/deep/file"
        ]
    );
    assert!(summary.undeliverable.is_empty() && summary.git.is_empty());
    assert_eq!(summary.withheld_files.len(), 7);
    assert!(summary.withheld_files.contains(&place.0.join("app.env")));
}

#[test]
fn a_hidden_namesake_of_a_wider_scope_is_withheld() {
    let (wide, narrow) = (
        Place::with(&[("api", "wide-value-1")]),
        Place::with(&[("api", "narrow-value")]),
    );
    let container = container(&[("W", "a wide-value-1")]);
    for policy in [
        None,
        Some(super::super::tests::policy(
            r#"{"version": 1, "run": {"env": {"API": "api"}}}"#,
        )),
    ] {
        let scopes = scopes(&[&wide, &narrow], &container);
        let collected = given(super::super::collect_from(
            &scopes,
            policy.as_ref(),
            &container,
            None,
        ));
        assert_eq!(lines(&collected), ["API=narrow-value"]);
        assert_eq!(collected.summary.withheld, [wide.path("api")]);
        assert_eq!(collected.summary.withheld_files, [wide.0.join("api")]);
    }
}

#[test]
fn two_odd_names_that_look_alike_are_two_secrets() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    for name in [&b"\xff"[..], b"\xfe"] {
        fs::write(place.0.join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
    }
    let collected = given(by_convention(&place, &[]));
    assert_eq!(collected.summary.withheld.len(), 2);
    assert_eq!(collected.summary.withheld_files.len(), 2);
}

#[test]
fn a_service_account_is_withheld_but_its_namespace_is_no_value() {
    let place = Place::new();
    let directory = "kubernetes.io/serviceaccount";
    for (name, value) in [
        ("token", "eyJ-token"),
        ("namespace", "production"),
        ("ca.crt", "certificate"),
    ] {
        place.write(&format!("{directory}/..1/{name}"), value);
        place.link(&format!("..data/{name}"), &format!("{directory}/{name}"));
    }
    place.link("..1", &format!("{directory}/..data"));
    let variables = [
        ("NODE_ENV", "production"),
        ("CA", "certificate"),
        ("T", "eyJ-token"),
    ];
    let collected = given(by_convention(&place, &variables));
    assert_eq!(lines(&collected), ["CA=certificate", "NODE_ENV=production"]);
    assert_eq!(collected.summary.withheld, [format!("{directory}/token")]);
    // Programs in a cluster need the others, and nobody is harmed by them.
    let readable: Vec<_> = collected.reach.permitted.iter().collect();
    let below = place.0.join(directory);
    assert_eq!(readable, [&below.join("ca.crt"), &below.join("namespace")]);
    assert!(collected.summary.advice().is_empty());
}

#[test]
fn an_empty_directory_in_a_secret_s_place_is_refused() {
    let place = Place::with(&[("a", "1")]);
    for name in ["etc-pki-entitlement", "rhsm"] {
        fs::create_dir(place.0.join(name)).unwrap();
    }
    assert_eq!(lines(&given(by_convention(&place, &[]))), ["A=1"]);
    fs::create_dir(place.0.join("db-password")).unwrap();
    assert_eq!(
        refused(by_convention(&place, &[])),
        ["the secret `db-password` is a directory, not a file"]
    );
}

#[test]
fn unusable_files_are_refused_when_their_name_asks_for_them() {
    let place = Place::with(&[("nul", "a\0b"), ("reference", "op://vault/item/field\n")]);
    place.link("/etc/hostname", "out");
    place.link("nothing", "dangling");
    assert_eq!(
        refused(by_convention(&place, &[])),
        [
            "the secret `dangling` is a link that leads to no file",
            "the secret `out` is a link out of its directory",
            "the secret `reference` holds a 1Password (`op://`) reference, and there is no resolver yet",
            "the value for `NUL` has a NUL byte, which no variable can hold"
        ]
    );
}

#[test]
fn a_value_that_is_too_long_for_a_variable_is_refused_early() {
    let place = Place::new();
    place.write("a", "x".repeat(131_069));
    assert_eq!(lines(&given(by_convention(&place, &[]))).len(), 1);
    place.write("a", "x".repeat(131_070));
    assert_eq!(
        refused(by_convention(&place, &[])),
        ["the value for `A` is too long: the kernel takes 131071 bytes of `NAME=value`"]
    );
}

#[test]
fn a_named_file_gives_the_variable_without_file() {
    let place = Place::with(&[
        ("postgres_password", "p"),
        ("1odd", "odd"),
        ("sub/deep", "deep"),
    ]);
    let (pg, odd, deep) = (
        place.path("postgres_password"),
        place.path("1odd"),
        place.path("sub/deep"),
    );
    let collected = given(by_convention(
        &place,
        &[
            ("POSTGRES_PASSWORD_FILE", &pg),
            ("DB_PASS_FILE", &pg),
            ("ODD_FILE", &odd),
            ("DEEP_FILE", &deep),
            ("DEEPER_FILE", &deep),
            ("LOG_FILE", "/var/log/app.log"),
        ],
    ));
    assert_eq!(
        lines(&collected),
        [
            "DATABASE_URL=postgresql://postgres:p@db:5432/postgres",
            "DB_PASS=p",
            "DEEP=deep",
            "DEEPER=deep",
            "LOG_FILE=/var/log/app.log",
            "ODD=odd",
            "POSTGRES_PASSWORD=p"
        ]
    );
    let summary = &collected.summary;
    assert!(summary.withheld.is_empty(), "{:?}", summary.withheld);
    assert_eq!(summary.given.len(), 6);
    assert_eq!(
        summary.removed,
        [
            "POSTGRES_PASSWORD_FILE",
            "DB_PASS_FILE",
            "ODD_FILE",
            "DEEP_FILE",
            "DEEPER_FILE"
        ]
    );
}

#[test]
fn what_a_named_file_says_goes_before_its_name() {
    let place = Place::with(&[("db_password", "postgres://whole"), ("key", "1\n2\n")]);
    let (url, key) = (place.path("db_password"), place.path("key"));
    let variables = [("DATABASE_URL_FILE", url.as_str()), ("TLS_FILE", &key)];
    let collected = given(by_convention(&place, &variables));
    assert_eq!(
        lines(&collected),
        [
            "DATABASE_URL=postgres://whole",
            "POSTGRES_PASSWORD=postgres://whole"
        ]
    );
    // A secret of several lines stays a file.
    assert_eq!(collected.files[0].variable.as_str(), "TLS_FILE");
    assert_eq!(collected.files.len(), 1);
}

#[test]
fn a_named_file_that_cannot_be_given_is_refused() {
    let place = Place::with(&[("a", "1"), ("empty.txt", ""), ("gh_token", "git")]);
    let path = |name: &str| place.path(name);
    let (a, empty, absent, git) = (
        path("a"),
        path("empty.txt"),
        path("absent"),
        path("gh_token"),
    );
    assert_eq!(
        refused(by_convention(
            &place,
            &[
                ("A_FILE", &a),
                ("A", "x"),
                ("E_FILE", &empty),
                ("N_FILE", &absent)
            ]
        )),
        [
            "both `A` and `A_FILE` are set",
            "the secret `empty.txt` is empty",
            "the secret `absent` is absent",
            "the secret `empty.txt` is empty",
            "`A` already has a different value than the secret `a` gives it"
        ]
    );
    fs::remove_file(place.0.join("empty.txt")).unwrap();
    let collected = given(by_convention(
        &place,
        &[("GH_TOKEN_FILE", &git), ("A_FILE", &a), ("A", "")],
    ));
    assert_eq!(lines(&collected), ["A=1", &format!("GH_TOKEN_FILE={git}")]);
    assert_eq!(collected.summary.git, ["gh_token"]);
    let gone = place.0.join("gone");
    let gone_file = gone.join("x").to_str().unwrap().to_owned();
    let container = container(&[("X_FILE", &gone_file)]);
    let scopes = super::Scopes::among(&[], vec![gone], &container).unwrap();
    assert_eq!(
        refused(super::super::collect_from(&scopes, None, &container, None)),
        ["the secret `x` is absent"]
    );
}

#[test]
fn two_scopes_named_by_hand_keep_both_secrets() {
    let (wide, narrow) = (
        Place::with(&[("db", "wide")]),
        Place::with(&[("db", "narrow")]),
    );
    let (a, b) = (wide.path("db"), narrow.path("db"));
    let container = container(&[("A_FILE", &a), ("B_FILE", &b)]);
    let scopes = scopes(&[&wide, &narrow], &container);
    let collected = given(super::super::collect_from(&scopes, None, &container, None));
    assert_eq!(lines(&collected), ["A=wide", "B=narrow"]);
    assert!(collected.summary.withheld.is_empty());
}

#[test]
fn what_lies_too_deep_is_withheld_without_a_look() {
    let place = Place::with(&[("a", "1"), ("1/2/3/4/5/6/7/8/deep", "deep-value-1")]);
    let shut = place.path("1/2/3/4/5/6/7/8");
    let variables = [("D", "deep-value-1")];
    for answer in [
        by_convention(&place, &variables),
        by_policy(&place, r#""run": {"env": {"A": "a"}}"#, &variables),
    ] {
        let collected = given(answer);
        assert_eq!(lines(&collected), ["A=1", "D=deep-value-1"]);
        assert_eq!(collected.summary.withheld, [shut.as_str()]);
    }
}
