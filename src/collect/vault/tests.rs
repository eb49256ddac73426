//! Who has been given what.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::{Reason, Vault};
use crate::names::{SecretName, VariableName};
use crate::secret::Secret;

fn name(text: &str) -> SecretName {
    SecretName::parse(text).unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::concat(&[text.as_bytes()])
}

#[test]
fn what_was_never_released_is_withheld() {
    let mut vault = Vault::default();
    assert!(vault.is_empty());
    vault.hold_file(name("a"), secret("value-of-a"), "/s/a".into());
    let from = VariableName::parse("B").unwrap();
    vault.hold_variable(name("b"), secret("value-of-b"), from);
    vault.hold_part(name("c"), secret("value-of-c"), "/s/shared".into());
    vault.share("/s/shared".into(), false);
    assert!(!vault.is_empty() && vault.has(&name("a")));
    let names = |vault: &Vault| {
        vault
            .withheld_names()
            .map(Cow::into_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&vault), ["a", "b", "c"]);
    assert_eq!(
        vault.withheld_files().iter().copied().collect::<Vec<_>>(),
        [Path::new("/s/a"), Path::new("/s/shared")]
    );
    assert_eq!(vault.withheld_in(b"x=value-of-b"), Some("b"));
    for released in ["a", "b", "c"] {
        assert!(vault.release(&name(released)).is_some());
    }
    assert!(names(&vault).is_empty() && vault.withheld_files().iter().next().is_none());
    assert_eq!(vault.withheld_in(b"x=value-of-b"), None);
    assert!(vault.release(&name("unknown")).is_none());
}

#[test]
fn a_taken_name_is_replaced_by_the_path() {
    let mut vault = Vault::default();
    vault.hold_file(name("a"), secret("1"), "/s/a".into());
    for (label, path) in [("a", "/t/a"), ("b", "/s/b"), ("b", "/t/b"), ("", "/s/")] {
        let path = PathBuf::from(path);
        vault.withhold(label.into(), path, None, Reason::NotAsked);
    }
    let names: Vec<_> = vault
        .unlisted()
        .iter()
        .map(|file| file.name.as_str())
        .collect();
    assert_eq!(names, ["/t/a", "b", "/t/b", ""]);
}

#[test]
fn an_optional_secret_may_be_absent() {
    let mut vault = Vault::default();
    vault.do_without(name("a"));
    assert!(vault.may_be_absent(&name("a")) && !vault.may_be_absent(&name("b")));
}
