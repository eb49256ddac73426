//! Which question gets which credential, and which none.

use proptest::prelude::*;

use crate::names::SecretName;
use crate::policy::Place;
use crate::setup::git::request::Request;
use crate::setup::git::rules::{Address, CredentialRule, Mismatch, choose};

pub(super) fn rule(address: &str, password: &str) -> CredentialRule {
    CredentialRule {
        address: Address::parse(address).expect(address),
        username: "x-access-token".into(),
        password: SecretName::parse(password).unwrap(),
        place: Place {
            pointer: "/setup/git".into(),
            line: 1,
        },
    }
}

fn rules(addresses: &[&str]) -> Vec<CredentialRule> {
    addresses
        .iter()
        .map(|address| rule(address, &address.replace('/', "_")))
        .collect()
}

fn asked(protocol: &str, host: &str, path: Option<&str>) -> Request {
    Request {
        protocol: protocol.into(),
        host: host.into(),
        path: path.map(Into::into),
        username: None,
    }
}

/// The index of the rule that serves `https://host/path`.
fn served(rules: &[CredentialRule], host: &str, path: &str) -> Result<usize, Mismatch> {
    let path = (!path.is_empty()).then_some(path);
    let found = choose(rules, &asked("https", host, path))?;
    Ok(rules.iter().position(|rule| rule == found).unwrap())
}

#[test]
fn two_organisations_have_two_credentials() {
    let rules = rules(&["https://github.com/acme", "https://github.com/bee"]);
    assert_eq!(served(&rules, "github.com", "acme/app.git"), Ok(0));
    assert_eq!(served(&rules, "github.com", "bee/app.git"), Ok(1));
    assert_eq!(served(&rules, "GitHub.COM:443", "acme/app"), Ok(0));
    assert_eq!(served(&rules, "github.com", "acme"), Ok(0));
    for path in [
        "acme-evil/app",
        "acme.evil/app",
        "Acme/app",
        "ac",
        "evil/acme",
        "acme%20/x",
        "acmé/x",
    ] {
        assert_eq!(
            served(&rules, "github.com", path),
            Err(Mismatch::OtherPath),
            "{path}"
        );
    }
    assert_eq!(served(&rules, "github.com", ""), Err(Mismatch::NoPath));
}

#[test]
fn a_repository_has_two_names_and_the_place_of_its_large_files() {
    for address in [
        "https://h/acme/app",
        "https://h/acme/app.git",
        "https://h/acme/app/",
    ] {
        let rules = rules(&[address]);
        for path in [
            "acme/app",
            "acme/app.git",
            "acme/app.git/info/lfs",
            "acme/app/info/lfs/objects/batch",
        ] {
            assert_eq!(served(&rules, "h", path), Ok(0), "{address} {path}");
        }
        for path in [
            "acme/app2",
            "acme/app.git.git",
            "acme/ap",
            "acme/app.gitx",
            "acme",
        ] {
            assert_eq!(
                served(&rules, "h", path),
                Err(Mismatch::OtherPath),
                "{address} {path}"
            );
        }
    }
    let repository = rules(&["https://h/acme/app.git"]);
    for path in [
        "acme/app/other",
        "acme/app/other.git",
        "acme/app/info",
        "acme/app/info/other",
    ] {
        assert_eq!(
            served(&repository, "h", path),
            Err(Mismatch::OtherPath),
            "{path}"
        );
    }
    let group = rules(&["https://h/acme/app"]);
    assert_eq!(served(&group, "h", "acme/app/other.git"), Ok(0));
    assert_eq!(
        served(&group, "h", "acme/app.git/other"),
        Err(Mismatch::OtherPath)
    );
}

#[test]
fn the_most_specific_path_wins_wherever_it_stands() {
    let mut list = rules(&[
        "https://h",
        "https://h/acme/app",
        "https://h/acme",
        "https://other/acme/app/deep",
    ]);
    for _ in 0..2 {
        let of = |path: &str| {
            let rule = &list[served(&list, "h", path).unwrap()];
            rule.password.as_str().to_owned()
        };
        assert_eq!(of("acme/app.git"), "https:__h_acme_app");
        assert_eq!(of("acme/app/deep"), "https:__h_acme_app");
        assert_eq!(of("acme/other"), "https:__h_acme");
        assert_eq!(of("bee/app"), "https:__h");
        assert_eq!(of(""), "https:__h");
        list.reverse();
    }
}

#[test]
fn an_unusual_address_gets_nothing() {
    let rules = rules(&[
        "https://github.com",
        "https://github.com/acme",
        "https://[::1]:8443",
    ]);
    for protocol in ["http", "HTTPS", "https ", "ssh", "cert", "git", ""] {
        let request = asked(protocol, "github.com", Some("acme/app"));
        assert_eq!(
            choose(&rules, &request),
            Err(Mismatch::Protocol),
            "{protocol}"
        );
    }
    for host in [
        "github.com.",
        ".github.com",
        "github..com",
        "me@github.com",
        "github.com:",
        "github.com:+443",
        "github.com:443:443",
        "github.com:0",
        "github.com:65979",
        "github.com/acme",
        "github.com\\acme",
        "github.com ",
        "github%2ecom",
        "[::1",
        "[]",
        "",
    ] {
        assert_eq!(
            served(&rules, host, "acme/app"),
            Err(Mismatch::Host),
            "{host}"
        );
    }
    for host in [
        "github.com:444",
        "github.com.evil",
        "evilgithub.com",
        "hub.com",
        "[::1]",
        "::1:8443",
    ] {
        assert!(served(&rules, host, "acme/app").is_err(), "{host}");
    }
    assert_eq!(served(&rules, "[::1]:8443", "any"), Ok(2));
}

#[test]
fn a_path_that_servers_read_in_several_ways_gets_nothing() {
    let rules = rules(&["https://github.com", "https://github.com/acme"]);
    for path in [
        "acme/../bee/app",
        "acme/./app",
        "acme//app",
        "/acme/app",
        "acme/app/",
        "acme/%2e%2e/bee",
        "acme/%2E./bee",
        "acme%2fapp",
        "acme/..%2Fbee",
        "acme/%252e%252e/bee",
        "acme\\..\\bee",
        "acme/%5c../x",
        "acme/..;/bee",
        "acme/..;x=1/bee",
        "acme/;/bee",
        "acme/app?x",
        "acme/app#x",
        "acme/a\u{7f}",
        "..",
    ] {
        assert_eq!(
            served(&rules, "github.com", path),
            Err(Mismatch::Path),
            "{path}"
        );
    }
}

#[test]
fn a_user_in_the_address_is_the_rule_s() {
    let rules = rules(&["https://h/acme"]);
    let of = |username: &str| {
        let mut request = asked("https", "h", Some("acme/app"));
        request.username = Some(username.into());
        choose(&rules, &request).map(|_| ())
    };
    assert_eq!(of("x-access-token"), Ok(()));
    assert_eq!(of("other"), Err(Mismatch::OtherUser));
}

#[test]
fn an_address_of_the_policy_is_as_strict() {
    for text in [
        "https://h",
        "https://h/",
        "https://h:8443/a/b.git",
        "https://[::1]/x",
        "https://dev.azure.com/org/My%20Project/_git/app",
    ] {
        assert!(Address::parse(text).is_some(), "{text}");
    }
    for text in [
        "http://h",
        "HTTPS://h",
        "h/a",
        "https://",
        "https:///a",
        "https://h./a",
        "https://me@h/a",
        "https://h:0/a",
        "https://h//a",
        "https://h/a/../b",
        "https://h/%2e%2e/b",
        "https://h/a%2fb",
        "https://h/a%00",
        "https://h/a%0ab",
        "https://h/%ff",
        "https://h/a?q",
        "https://h/a#f",
        "https://h\\a",
        "https://h /a",
    ] {
        assert!(Address::parse(text).is_none(), "{text}");
    }
    let azure = rules(&["https://dev.azure.com/org/My%20Project"]);
    assert_eq!(
        served(&azure, "dev.azure.com", "org/My Project/_git/app"),
        Ok(0)
    );
    let same = |one: &str, other: &str| {
        Address::parse(one)
            .unwrap()
            .is_same(&Address::parse(other).unwrap())
    };
    assert!(same("https://H/a/b", "https://h:443/a/b.git"));
    assert!(same("https://h", "https://h/"));
    assert!(!same("https://h/a", "https://h/a/b"));
    assert!(!same("https://h/a/b", "https://h:8443/a/b"));
    assert!(!same("https://h/a.git/b", "https://h/a/b"));
}

/// A reading of its own: what a server would make of a path that was decoded
/// any number of times and cleaned of dots.
fn as_lenient_servers_see_it(path: &str) -> Vec<String> {
    let mut text = path.to_owned();
    for _ in 0..3 {
        for (code, plain) in [
            ("%25", "%"),
            ("%2e", "."),
            ("%2E", "."),
            ("%2f", "/"),
            ("%2F", "/"),
            ("%5c", "/"),
            ("\\", "/"),
        ] {
            text = text.replace(code, plain);
        }
    }
    let mut seen: Vec<String> = Vec::new();
    for segment in text.split('/') {
        match segment.split(';').next().unwrap() {
            "" | "." => {}
            ".." => {
                seen.pop();
            }
            name => seen.push(name.to_owned()),
        }
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_spelling_of_another_path_gets_the_credential(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "acme", "bee", "app", ".git", "/", "/", "/", ".", "..", "%2e", "%2F", "%25", "\\", ";", "-", "info/lfs",
        ]), 0..9),
    ) {
        let path = pieces.concat();
        let rules = rules(&["https://h/acme"]);
        if served(&rules, "h", &path).is_ok() {
            let seen = as_lenient_servers_see_it(&path);
            let first = seen.first().map(String::as_str);
            prop_assert!(matches!(first, Some("acme" | "acme.git")), "{path} is {seen:?}");
        }
    }

    #[test]
    fn no_other_host_gets_the_credential(host in "[a-zA-Z0-9.:@/\\\\\\[\\]%-]{0,24}|GitHub\\.com(:[0-9]{1,5})?|github\\.com.{0,3}") {
        let rules = rules(&["https://github.com"]);
        if served(&rules, &host, "a").is_ok() {
            let plain = host.to_lowercase();
            prop_assert!(matches!(plain.trim_end_matches(":443").trim_end_matches(":0443").trim_end_matches(":00443"), "github.com"), "{host}");
        }
    }

    #[test]
    fn whatever_is_asked_there_is_no_panic(host in "\\PC{0,20}", path in "\\PC{0,40}", address in "\\PC{0,40}") {
        let rules = rules(&["https://h/acme"]);
        let _ = served(&rules, &host, &path);
        let _ = Address::parse(&format!("https://{address}"));
    }
}
