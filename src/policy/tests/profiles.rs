//! Profiles: what replaces what, and what is checked.

use caps::Capability;

use super::{mistakes, mistakes_as, parsed_as};
use crate::policy::{Confinement, Policy};

const POLICY: &str = r#"{"version": 1,
  "run": {"env": {"A": "a"}, "files": {"F": "f"}, "inherit": ["PATH"], "user": "app", "grace": "8s",
    "directory": "/srv", "signals": {"TERM": "INT"}, "limits": {"nofile": 10}, "umask": "077",
    "no_new_privileges": true, "confinement": "required", "capabilities": ["KILL"]},
  "profiles": {
    "same": {"run": {}},
    "other": {"run": {"env": {}, "files": {}, "inherit": ["TZ"], "user": 5, "grace": "1s",
      "directory": "/", "signals": {}, "limits": {}, "umask": "022", "no_new_privileges": false,
      "confinement": "environment-only", "capabilities": []}}}}"#;

fn with(profile: &str) -> Policy {
    parsed_as(POLICY, Some(profile)).unwrap()
}

#[test]
fn a_profile_replaces_the_keys_it_names_and_no_others() {
    let (base, same, other) = (
        parsed_as(POLICY, None).unwrap(),
        with("same"),
        with("other"),
    );
    assert_eq!(format!("{:?}", same.run), format!("{:?}", base.run));
    let run = other.run;
    assert!(run.env.is_empty() && run.files.is_empty());
    assert!(run.signals.is_empty() && run.limits.is_empty());
    assert_eq!(run.user.unwrap().0.user, "5");
    assert_eq!(run.umask, Some(0o022));
    assert_eq!(run.no_new_privileges, Some(false));
}

#[test]
fn a_profile_names_its_own_level_and_capabilities() {
    let of = |policy: Policy| (policy.run.confinement, policy.run.capabilities);
    let base = (
        Some(Confinement::Required),
        Some(vec![Capability::CAP_KILL]),
    );
    assert_eq!(of(parsed_as(POLICY, None).unwrap()), base);
    assert_eq!(of(with("same")), base);
    let other = (Some(Confinement::EnvironmentOnly), Some(Vec::new()));
    assert_eq!(of(with("other")), other);
}

#[test]
fn a_profile_that_is_not_chosen_is_checked_as_well() {
    let text = r#"{"version": 1, "run": {}, "profiles": {
        "a": {"run": {"env": {"LD_PRELOAD": "x"}}},
        "b": {"env": {}},
        "c": [],
        "d": {"run": {"user": "0day"}}}}"#;
    for profile in [None, Some("a"), Some("d")] {
        let found: Vec<_> = mistakes_as(text, profile)
            .into_iter()
            .map(|found| found.0)
            .collect();
        let wanted = [
            "/profiles/a/run/env/LD_PRELOAD",
            "/profiles/b",
            "/profiles/b/env",
            "/profiles/c",
            "/profiles/d/run/user",
        ];
        assert_eq!(found, wanted, "{profile:?}");
    }
}

#[test]
fn an_unset_variable_matters_only_where_it_is_used() {
    let text = r#"{"version": 1, "run": {"directory": "${BASE}", "user": "${USER:-app}"},
        "profiles": {"a": {"run": {"directory": "/a"}}, "b": {"run": {"directory": "${B}"}}}}"#;
    let unset = |pointer: &str, line, name: &str| {
        vec![(
            pointer.to_string(),
            line,
            format!("the container has no variable `{name}`"),
        )]
    };
    assert_eq!(mistakes(text), unset("/run/directory", 1, "BASE"));
    assert_eq!(mistakes_as(text, Some("a")), []);
    assert_eq!(
        mistakes_as(text, Some("b")),
        unset("/profiles/b/run/directory", 2, "B")
    );
    // Everything else about an unused expansion is a mistake all the same.
    let open = text.replace("${B}", "${B");
    let found = mistakes_as(&open, Some("a"));
    assert_eq!(found[0].2, "`${` is not closed by `}`");
}

#[test]
fn an_unknown_profile_is_refused_with_the_list() {
    for (text, profile, pointer) in [
        (POLICY, "sam", "/profiles"),
        (r#"{"version": 1, "run": {}}"#, "worker", ""),
    ] {
        let found = mistakes_as(text, Some(profile));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, pointer);
        assert_eq!(found[0].2, format!("there is no profile `{profile}`"));
    }
}

#[test]
fn a_variable_cannot_be_a_value_and_a_path() {
    let twice = "`A` stands in `env` and in `files`".to_string();
    let text = |profile: &str| {
        format!(
            r#"{{"version": 1, "run": {{"env": {{"A": "a"}}, "files": {{"F": "a"}}}},
                "profiles": {{"p": {{"run": {profile}}}}}}}"#
        )
    };
    for (profile, pointer) in [
        (r#"{"files": {"A": "a"}}"#, "/profiles/p/run/files/A"),
        (
            r#"{"env": {"A": "a"}, "files": {"A": "b"}}"#,
            "/profiles/p/run/files/A",
        ),
    ] {
        assert_eq!(
            mistakes(&text(profile)),
            [(pointer.into(), 2, twice.clone())],
            "{profile}"
        );
    }
    let found = mistakes(&text(r#"{"env": {"F": "a"}}"#));
    assert_eq!(found[0].0, "/profiles/p/run/env/F");
    for right in [
        r#"{"env": {}, "files": {"A": "a"}}"#,
        r#"{"env": {"B": "a"}}"#,
        "{}",
    ] {
        assert_eq!(mistakes(&text(right)), [], "{right}");
    }
    let base = r#"{"version": 1, "run": {"env": {"A": "a"}, "files": {"A": "a"}}}"#;
    assert_eq!(mistakes(base), [("/run/files/A".into(), 1, twice)]);
}
