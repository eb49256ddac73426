//! What no user could search whole: a start is refused over it, whichever user
//! met what.

use serde_json::json;

use crate::harness::{Scene, capability};
use crate::rules::{Rules, refusal, sh_with_token};

/// The value behind more than the search unpacks.
const BIG: &str = r#"{ head -c 269000000 /dev/zero; printf %s "$TOKEN"; } | gzip -1 > big.gz"#;

/// Setup of this line by a root that may not read what is others'.
fn without_rights(line: &str) -> Scene {
    let kept = capability::SETUID | capability::SETGID | capability::SETPCAP | capability::KILL;
    let scene = Rules::of(&[sh_with_token(line)]).bare(&["/witness", "say", "main"]);
    scene.capabilities(kept)
}

#[test]
fn what_setup_shut_from_itself_in_a_directory_that_it_shut_from_root_is_a_finding() {
    for (line, place) in [
        (r#"printf %s "$TOKEN" > shut/x; chmod 000 shut/x"#, "shut/x"),
        // A directory: no room for its settings to be looked at, either.
        (
            r#"mkdir shut/y; printf %s "$TOKEN" > shut/y/x; chmod 000 shut/y"#,
            "shut/y",
        ),
        (
            r#"mkdir shut/y; chmod 711 shut; mkdir shut/y/z; printf %s "$TOKEN" > shut/y/z/x; chmod 100 shut/y/z; chmod 700 shut"#,
            "shut/y/z",
        ),
    ] {
        let line = format!("mkdir -m 700 shut; {line}");
        let said = refusal(&without_rights(&line).run(), 121);
        assert!(said.contains("a file could not be searched"), "{said}");
        let place = format!("/workspace/{place} ");
        assert!(said.contains(&place), "{place}: {said}");
    }
}

#[test]
fn settings_in_what_setup_shut_from_itself_and_from_root_are_a_finding() {
    let line = "mkdir -m 700 shut; mkdir shut/y; chmod 000 shut/y";
    let said = refusal(&without_rights(line).run(), 121);
    assert!(said.contains("(Z6)\n  where: /workspace/shut/y "), "{said}");
}

#[test]
fn a_limit_that_only_setup_s_user_met_is_a_finding() {
    let scene = without_rights(&format!("umask 077; {BIG}"));
    let said = refusal(&scene.run(), 121);
    assert!(said.contains("more than 256 MiB"), "{said}");
    assert!(said.contains("/workspace/big.gz"), "{said}");
}

#[test]
fn a_limit_is_a_finding_also_where_main_s_user_may_not_read_the_file() {
    let rules = Rules::of(&[sh_with_token(&format!("umask 077; {BIG}"))]);
    let rules = rules.run("user", json!("33:33"));
    let said = refusal(&rules.main(&["say", "main"]).run(), 121);
    assert!(said.contains("more than 256 MiB"), "{said}");
}

#[test]
fn what_root_may_not_read_and_setup_s_user_does_is_none() {
    let line = "umask 077; mkdir shut; echo x > shut/x; echo y > y";
    let outcome = without_rights(line).run().expect_code(0);
    assert_eq!(outcome.stdout, "main\n");
}

#[test]
fn more_than_are_listed_are_none_once_setup_s_user_saw_all_and_else_are_told() {
    let many = "umask 077; for n in $(seq 1100); do echo x > $n; done";
    let outcome = without_rights(many).run().expect_code(0);
    assert_eq!(outcome.stdout, "main\n");
    let said = refusal(
        &without_rights(&format!("{many}; chmod 000 700")).run(),
        121,
    );
    assert!(said.contains("where: /workspace/700 ("), "{said}");
    let line = format!("{many}; chmod 000 $(seq 1100)");
    let said = refusal(&without_rights(&line).run(), 121);
    assert!(
        said.contains("more than 1000 places could not be searched\n  where: /workspace ("),
        "{said}"
    );
}

#[test]
fn a_long_path_that_nobody_may_read_is_told_cut() {
    let line = r#"n=$(printf '%0250d' 0); mkdir -p "$n/$n/$n"; mkdir -m 000 "$n/$n/$n/shut""#;
    let outcome = without_rights(line).run();
    let said = refusal(&outcome, 121);
    let longest = said.lines().map(str::len).max();
    assert!(longest.is_some_and(|length| length < 600), "{said}");
    assert!(said.contains("mode 0000"), "{said}");
}
