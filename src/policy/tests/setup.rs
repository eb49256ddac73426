//! What `setup` and `seal` come to.

use std::path::Path;
use std::time::Duration;

use super::{mistakes, parsed, parsed_as, refuses};
use crate::names::SecretName;
use crate::policy::{CommandRule, Home, OnHit, Place, Reuse, Source};
use crate::setup::git::request::Request;
use crate::setup::git::rules::choose;

const EXAMPLE: &str = include_str!("example.json");

fn command(argv: &[&str], pointer: &str, line: usize) -> CommandRule {
    CommandRule {
        argv: argv.iter().map(ToString::to_string).collect(),
        git: false,
        env: Vec::new(),
        ssh: Vec::new(),
        place: Place {
            pointer: pointer.into(),
            line,
        },
    }
}

#[test]
fn the_examples_setup_is_kept() {
    let setup = parsed(EXAMPLE).setup.unwrap();
    let [clone, install, build] = &setup.commands[..] else {
        panic!("{:?}", setup.commands);
    };
    assert!(clone.git && clone.env.is_empty() && !install.git);
    assert_eq!(install.argv, ["npm", "ci"]);
    assert_eq!(install.env[0].variable.as_str(), "NPM_TOKEN");
    assert_eq!(*build, command(&["make", "build"], "/setup/commands/2", 19));
    assert_eq!(setup.home, Home::Private);
    assert_eq!(setup.reuse, Reuse::Refused);
    assert_eq!(setup.timeout, Some(Duration::from_mins(15)));
    assert_eq!(setup.skip_if.unwrap(), Path::new("/workspace/app/.git"));
    assert_eq!(setup.directory.unwrap().0, Path::new("/workspace"));
    assert_eq!(setup.user.unwrap().0.user, "agent");
    assert_eq!(setup.place.pointer, "/setup");
    let request = Request {
        protocol: "https".into(),
        host: "github.com".into(),
        path: Some("acme/app.git".into()),
        username: None,
    };
    let rule = choose(&setup.git, &request).unwrap();
    assert_eq!(rule.password.as_str(), "github-token");
    assert_eq!(rule.place.pointer, "/setup/git/https:~1~1github.com~1acme");
}

#[test]
fn the_other_words_of_setup_are_kept_too() {
    let policy = parsed(
        r#"{"version": 1, "setup": {
            "commands": [{"argv": ["x"], "ssh": ["deploy-key", "other"], "git": false}],
            "home": "keep", "reuse": "trusted"}}"#,
    );
    let setup = policy.setup.unwrap();
    assert_eq!((setup.home, setup.reuse), (Home::Keep, Reuse::Trusted));
    let keys: Vec<&str> = setup.commands[0]
        .ssh
        .iter()
        .map(SecretName::as_str)
        .collect();
    assert_eq!(keys, ["deploy-key", "other"]);
    assert!(setup.timeout.is_none() && setup.user.is_none() && setup.git.is_empty());
}

#[test]
fn setup_names_every_secret_that_it_can_use() {
    let policy = parsed(
        r#"{"version": 1,
            "connections": {"db": {"kind": "redis", "host": "h", "password": "db-password"}},
            "setup": {"commands": [
                {"argv": ["x"], "ssh": ["key"], "env": {"A": "npm", "B": "db", "C": "db.host"}}],
              "git": {"https://h": {"username": "u", "password": "token"}}}}"#,
    );
    let setup = policy.setup.unwrap();
    let found: Vec<_> = setup
        .secrets(&policy.connections)
        .into_iter()
        .map(|(name, place)| (name.as_str(), place.pointer.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("token", "/setup/git/https:~1~1h"),
            ("key", "/setup/commands/0"),
            ("npm", "/setup/commands/0/env/A"),
            ("db-password", "/setup/commands/0/env/B"),
        ]
    );
}

#[test]
fn commands_with_a_credential_after_one_without_are_known() {
    let late = |commands: &str| {
        let policy = parsed(&format!(
            r#"{{"version": 1, "setup": {{"commands": {commands},
                "git": {{"https://h": {{"username": "u", "password": "token"}}}}}}}}"#
        ));
        let setup = policy.setup.unwrap();
        (setup.has_credentials(), setup.late())
    };
    let none: [&str; 0] = [];
    assert_eq!(
        late(r#"[["a"], {"argv": ["b"], "git": false}]"#),
        (false, vec![])
    );
    let first = r#"[{"argv": ["a"], "git": true}, {"argv": ["b"], "env": {"A": "x"}}, ["c"]]"#;
    assert_eq!(late(first).1, none);
    let mixed = r#"[{"argv": ["a"], "git": true}, ["b"], {"argv": ["c"], "ssh": ["k"]}, ["d"],
        {"argv": ["e"], "env": {"A": "x"}}]"#;
    let (has_credentials, places) = late(mixed);
    assert!(has_credentials);
    assert_eq!(places, ["/setup/commands/2", "/setup/commands/4"]);
}

#[test]
fn a_seal_refuses_unless_it_is_told_otherwise() {
    let seal = |text: &str| {
        let setup = r#""setup": {"commands": [["make"]]}"#;
        parsed(&format!(r#"{{"version": 1, {setup}{text}}}"#)).seal
    };
    let none = seal("");
    assert_eq!((none.on_hit, none.on_drop.len()), (OnHit::Refuse, 0));
    assert!(none.place.is_none());
    assert_eq!(seal(r#", "seal": {}"#).on_hit, OnHit::Refuse);
    assert_eq!(
        seal(r#", "seal": {"on_hit": "remove"}"#).on_hit,
        OnHit::Remove
    );
    assert_eq!(
        seal(r#", "seal": {"on_hit": "report"}"#).on_hit,
        OnHit::Report
    );
    let seal = parsed(EXAMPLE).seal;
    assert_eq!(seal.on_drop, ["/usr/local/bin/revoke-token"]);
    assert_eq!(seal.place.unwrap().pointer, "/seal");
}

#[test]
fn a_seal_without_a_setup_is_a_mistake_at_its_line_whatever_a_profile_brings() {
    let text = "{\"version\": 1,\n \"seal\": {},\n \"profiles\": {\"p\": {\"run\": {}}}}";
    for profile in [None, Some("p")] {
        let error = parsed_as(text, profile).unwrap_err();
        let [mistake] = error.mistakes() else {
            panic!("{error:?}");
        };
        assert_eq!(mistake.place.to_string(), "/seal, line 2");
        assert_eq!(
            mistake.to_string(),
            "there is no `setup`, so there is nothing to seal"
        );
    }
    // A setup that is wrong in itself is the one mistake.
    refuses(
        r#"{"version": 1, "setup": {"commands": []}, "seal": {}}"#,
        "/setup/commands",
        "setup has no commands",
    );
    // What is wrong within the seal is told as well.
    let both = mistakes(r#"{"version": 1, "seal": {"on_hit": "ignore"}}"#);
    assert_eq!(both.len(), 2, "{both:?}");
}

#[test]
fn a_command_as_a_source_has_arguments() {
    let policy =
        parsed(r#"{"version": 1, "secrets": {"t": {"from": "command:/bin/mint  --app 7 $X"}}}"#);
    let rule = policy.secrets.values().next().unwrap();
    let words = ["/bin/mint", "--app", "7", "$X"].map(String::from);
    assert_eq!(rule.source, Source::Command(words.into()));
}
