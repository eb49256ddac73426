//! What git asks, and which credential it gets: no reader of addresses may see
//! another host or path than the rule has.
#![no_main]

use libfuzzer_sys::fuzz_target;
use url::Url;
use vestibule::names::SecretName;
use vestibule::policy::Place;
use vestibule::setup::git::request::{Request, ended, parse};
use vestibule::setup::git::rules::{Address, CredentialRule, choose};
use vestibule_fuzz::is_fit_to_print;

/// Addresses of a policy, with the segments of their paths.
const RULES: [(&str, &[&str]); 6] = [
    ("https://github.com", &[]),
    ("https://github.com/acme", &["acme"]),
    ("https://github.com/acme/app.git", &["acme", "app.git"]),
    ("https://git.example:8443/a%20b", &["a b"]),
    ("https://[::1]:8443/x", &["x"]),
    ("https://only/a/b", &["a", "b"]),
];

fuzz_target!(|input: &[u8]| {
    is_an_address(input);
    let whole = ended(input.to_vec());
    let found = parse(&whole);
    arrives_in_pieces(&whole);
    match found {
        Ok(None) => assert!(!input.ends_with(b"\n"), "it has its blank line"),
        Ok(Some(request)) => {
            comes_back(&request);
            is_served(&request);
        }
        Err(error) => is_fit_to_print(&error.to_string()),
    }
});

/// Any text as the address of a rule.
fn is_an_address(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Some(address) = Address::parse(text) else {
        return;
    };
    assert!(address.is_same(&address));
    assert!(!text.contains('@') || text["https://".len()..].find('/') < text.find('@'));
    // The crate refuses what is an IPv6 address by its letters alone.
    if let Ok(url) = Url::parse(text) {
        let (host, port) = address.authority();
        assert_eq!(url.port_or_known_default(), Some(port));
        let theirs = Url::parse(&format!("https://{host}/")).expect("the same host");
        assert_eq!(url.host(), theirs.host());
        assert!(url.username().is_empty() && url.query().is_none() && url.fragment().is_none());
    }
}

/// What has not ended wants more; what is wrong stays wrong, what is whole is
/// not whole any earlier.
fn arrives_in_pieces(whole: &[u8]) {
    let found = parse(whole);
    let cuts = [whole.len() / 3, whole.len() / 2, whole.len() - 1];
    for cut in cuts.map(|cut| cut.min(whole.len() - 1)) {
        match parse(&whole[..cut]) {
            Ok(Some(_)) => assert!(found.is_err(), "something followed the end"),
            Ok(None) => {}
            Err(_) => assert!(found.is_err(), "a mistake went away"),
        }
    }
}

fn comes_back(request: &Request) {
    let lines = [
        ("username", request.username.as_ref()),
        ("path", request.path.as_ref()),
        ("host", Some(&request.host)),
        ("protocol", Some(&request.protocol)),
    ];
    let mut text = String::from("capability[]=state\n");
    for (key, value) in lines {
        if let Some(value) = value {
            assert!(!value.is_empty() && !value.contains(['\n', '\r', '\0']));
            text.extend([key, "=", value, "\n"]);
        }
    }
    text.push('\n');
    assert_eq!(parse(text.as_bytes()), Ok(Some(request.clone())));
}

fn is_served(request: &Request) {
    let rules = RULES.map(|(address, _)| CredentialRule {
        address: Address::parse(address).expect("an address"),
        username: "bot".into(),
        password: SecretName::parse("token").expect("a name"),
        place: Place {
            pointer: String::new(),
            line: 1,
        },
    });
    let rule = match choose(&rules, request) {
        Ok(rule) => rule,
        Err(mismatch) => return is_fit_to_print(&mismatch.to_string()),
    };
    let at = rules
        .iter()
        .position(|known| known == rule)
        .expect("one of them");
    let (address, path) = RULES[at];
    let ours = Url::parse(address).expect("an address");
    let asked = Url::parse(&format!("https://{}/", request.host)).expect("a host");
    assert_eq!(request.protocol, "https");
    assert_eq!(asked.host(), ours.host());
    assert_eq!(asked.port_or_known_default(), ours.port_or_known_default());
    assert!(asked.username().is_empty() && asked.path() == "/");
    assert!(request.username.as_ref().is_none_or(|user| user == "bot"));
    let asked = request.path.as_deref().unwrap_or_default();
    let asked: Vec<&str> = asked.split('/').filter(|part| !part.is_empty()).collect();
    assert!(!asked.iter().any(|part| [".", ".."].contains(part)));
    assert!(covers(path, &asked), "a rule reaches too far");
}

/// Whole segments; the last one with `.git` or without, if nothing but large
/// files follows.
fn covers(rule: &[&str], asked: &[&str]) -> bool {
    let Some((last, parents)) = rule.split_last() else {
        return true;
    };
    if asked.len() < rule.len() || asked[..parents.len()] != *parents {
        return false;
    }
    let (here, below) = (asked[parents.len()], &asked[rule.len()..]);
    let other_name = match last.strip_suffix(".git") {
        Some(name) => here == name,
        None => here.strip_suffix(".git") == Some(*last),
    };
    here == *last || (other_name && (below.is_empty() || below.starts_with(&["info", "lfs"])))
}
