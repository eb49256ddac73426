//! Which container variables reach main.

use super::super::tests::{Place, by_convention, by_policy, container, given, lines, refused};
use crate::names::VariableName;
use crate::report::Fault;

const SECRETS: [(&str, &str); 3] = [
    ("token", "withheld-value-1\n"),
    ("pin", "1234567\n"),
    ("given", "permitted-value-1\n"),
];

/// The variables that pass, for `inherit` as written, beside `G`.
fn passing(inherit: &str, variables: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let place = Place::with(&SECRETS);
    let text = format!(r#""run": {{"env": {{"G": "given"}}{inherit}}}"#);
    let collected = given(by_policy(&place, &text, variables));
    let mut lines = lines(&collected);
    lines.retain(|line| line != "G=permitted-value-1");
    (lines, collected.summary.removed)
}

const VARIABLES: [(&str, &str); 12] = [
    ("PATH", "/bin"),
    ("LC_ALL", "C"),
    ("LC_TOKEN", "x"),
    ("API_KEY", "abc"),
    ("URL", "redis://:p@h"),
    ("WHOLE", "withheld-value-1"),
    ("PART", "x=withheld-value-1;y"),
    ("PIN", "1234567"),
    ("PIN_IN_TEXT", "0123456789"),
    ("COPY", "is permitted-value-1"),
    ("COPY_KEY", "permitted-value-1"),
    ("G", "overridden"),
];

#[test]
fn without_a_list_every_harmless_variable_passes() {
    let (passed, removed) = passing("", &VARIABLES);
    assert_eq!(
        passed,
        [
            "COPY=is permitted-value-1",
            "LC_ALL=C",
            "PATH=/bin",
            "PIN_IN_TEXT=0123456789"
        ]
    );
    assert_eq!(
        removed,
        [
            "LC_TOKEN", "API_KEY", "URL", "WHOLE", "PART", "PIN", "COPY_KEY"
        ]
    );
}

#[test]
fn what_is_taken_out_does_not_come_back_under_the_same_name() {
    let variables = [
        ("COPY", "withheld-value-1"),
        ("COPY", "harmless"),
        ("A", "1"),
        ("A", "2"),
    ];
    let (passed, removed) = passing("", &variables);
    assert_eq!(passed, ["A=1"]);
    assert_eq!(removed, ["COPY"]);
}

#[test]
fn a_pattern_admits_only_what_is_harmless() {
    let (passed, removed) = passing(r#", "inherit": ["LC_*", "P*"]"#, &VARIABLES);
    assert_eq!(passed, ["LC_ALL=C", "PATH=/bin", "PIN_IN_TEXT=0123456789"]);
    assert_eq!(removed, ["LC_TOKEN", "PART", "PIN"]);
}

#[test]
fn an_exact_name_admits_what_looks_like_a_credential() {
    let (passed, removed) = passing(r#", "inherit": ["API_KEY", "COPY_KEY"]"#, &VARIABLES);
    assert_eq!(passed, ["API_KEY=abc", "COPY_KEY=permitted-value-1"]);
    assert!(removed.is_empty());
}

#[test]
fn an_empty_list_admits_nothing() {
    assert_eq!(passing(r#", "inherit": []"#, &VARIABLES), (vec![], vec![]));
}

#[test]
fn an_exact_name_of_a_withheld_value_is_a_contradiction() {
    let place = Place::with(&SECRETS);
    let text = r#""run": {"inherit": ["PATH", "WHOLE", "PIN"]}"#;
    assert_eq!(
        refused(by_policy(&place, text, &VARIABLES)),
        [
            "`WHOLE` holds the value of `token`, which main may not have",
            "`PIN` holds the value of `pin`, which main may not have"
        ]
    );
}

#[test]
fn the_contradiction_names_the_entry() {
    let place = Place::with(&SECRETS);
    let text = r#""run": {"inherit": ["PATH", "WHOLE"]}"#;
    let faults = by_policy(&place, text, &VARIABLES).err().unwrap();
    let places: Vec<_> = faults.iter().map(Fault::place).collect();
    assert_eq!(
        places,
        ["/etc/policy.json at the entry `WHOLE` of `inherit`"]
    );
}

#[test]
fn a_source_passes_only_by_its_exact_name() {
    let place = Place::new();
    let variables = [
        ("A", "the-source-1"),
        ("B", "x the-source-1"),
        ("C_FILE", "/c"),
    ];
    let collected = |inherit: &str, env: &str| {
        let text = format!(
            r#""secrets": {{"s": {{"from": "env:A"}}}}, "run": {{"env": {{{env}}}{inherit}}}"#
        );
        given(by_policy(&place, &text, &variables))
    };
    let permitted = collected("", r#""X": "s""#);
    assert_eq!(
        lines(&permitted),
        ["B=x the-source-1", "C_FILE=/c", "X=the-source-1"]
    );
    assert_eq!(permitted.summary.removed, ["A"]);
    assert_eq!(permitted.summary.by_variable, ["s"]);
    let by_name = collected(r#", "inherit": ["A"]"#, r#""X": "s""#);
    assert_eq!(lines(&by_name), ["A=the-source-1", "X=the-source-1"]);
    let withheld = collected("", "");
    assert_eq!(lines(&withheld), ["C_FILE=/c"]);
    assert_eq!(withheld.summary.removed, ["A", "B"]);
}

#[test]
fn a_value_that_main_has_under_another_name_is_not_withheld_from_it() {
    let place = Place::with(&[("one", "the-same-value"), ("two", "the-same-value")]);
    let text = r#""run": {"env": {"ONE": "one"}, "inherit": ["COPY"]}"#;
    let collected = given(by_policy(&place, text, &[("COPY", "the-same-value")]));
    assert_eq!(
        lines(&collected),
        ["COPY=the-same-value", "ONE=the-same-value"]
    );
    assert_eq!(collected.summary.withheld, ["two"]);
}

#[test]
fn without_a_policy_all_but_withheld_values_pass() {
    let place = Place::with(&[
        ("github-token", "withheld-value-1"),
        ("sub/file", "nested-value"),
    ]);
    let collected = given(by_convention(
        &place,
        &[
            ("API_KEY", "abc"),
            ("A", "withheld-value-1"),
            ("B", "a nested-value"),
        ],
    ));
    assert_eq!(lines(&collected), ["API_KEY=abc"]);
    assert_eq!(collected.summary.removed, ["A", "B"]);
}

#[test]
fn an_unresolved_reference_is_refused_in_both_modes() {
    let place = Place::with(&[("given", "permitted-value-1")]);
    let variables = [
        ("A", "op://vault/item"),
        ("B", "vault:8200"),
        ("C", "vault:secret/data/x#y"),
        ("D", "ENC[AES256_GCM,data:x]"),
    ];
    let expected = [
        "`A` holds a 1Password (`op://`) reference, and there is no resolver yet",
        "`C` holds a Vault reference, and there is no resolver yet",
        "`D` holds a SOPS (`ENC[`) reference, and there is no resolver yet",
    ];
    assert_eq!(refused(by_convention(&place, &variables)), expected);
    assert_eq!(
        refused(by_policy(&place, r#""run": {}"#, &variables)),
        expected
    );
    // As a source it is reported once, with the policy's entry.
    let text = r#""secrets": {"s": {"from": "env:A"}}, "run": {"env": {"X": "s"}}"#;
    assert_eq!(
        refused(by_policy(&place, text, &variables[..1])),
        [
            "the container variable `A` holds a 1Password (`op://`) reference, and there is no resolver yet"
        ]
    );
}

#[test]
fn only_whole_paths_of_whole_names_are_named_files() {
    let container = container(&[
        ("A_FILE", "/a"),
        ("_FILE", "/b"),
        ("B_FILE", "b"),
        ("1_FILE", "/c"),
        ("C", "/c"),
    ]);
    let named: Vec<_> = container.named_files().map(|(name, _)| name).collect();
    assert_eq!(
        named.iter().map(VariableName::as_str).collect::<Vec<_>>(),
        ["A"]
    );
}
