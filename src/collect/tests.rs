//! A place for files, and `collect` over it, for the tests of this room.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::unistd::geteuid;

use super::container::Container;
use super::directory::Scopes;
use super::fault::CollectFault;
use super::{Collected, collect_from};
use crate::policy::{self, Policy};
use crate::report::Fault;

/// A new directory, removed when dropped.
pub(super) struct Place(pub(super) PathBuf);

impl Place {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("vestibule-collect-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// With these files.
    pub(super) fn with(files: &[(&str, &str)]) -> Self {
        let place = Self::new();
        for (name, content) in files {
            place.write(name, content);
        }
        place
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(super) fn link(&self, target: &str, name: &str) {
        symlink(target, self.0.join(name)).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn assert_root() {
    assert!(
        geteuid().is_root(),
        "this test makes devices or changes owners: run it as root"
    );
}

pub(super) fn container(variables: &[(&str, &str)]) -> Container {
    Container::new(
        variables
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect(),
    )
}

pub(super) fn policy(text: &str) -> Policy {
    let none = |_: &str| None;
    policy::parse(text.as_bytes(), Path::new("/etc/policy.json"), None, &none).unwrap()
}

pub(super) fn scopes(places: &[&Place], container: &Container) -> Scopes {
    let paths = places.iter().map(|place| place.0.clone()).collect();
    Scopes::among(&[], paths, container).unwrap()
}

pub(super) type Answer = Result<Option<Collected>, Vec<CollectFault>>;

/// Without a policy.
pub(super) fn by_convention(place: &Place, variables: &[(&str, &str)]) -> Answer {
    let container = container(variables);
    collect_from(&scopes(&[place], &container), None, &container, None)
}

/// With a policy, written without `version`.
pub(super) fn by_policy(place: &Place, text: &str, variables: &[(&str, &str)]) -> Answer {
    let policy = policy(&format!("{{\"version\": 1, {text}}}"));
    let container = container(variables);
    collect_from(
        &scopes(&[place], &container),
        Some(&policy),
        &container,
        None,
    )
}

pub(super) fn given(answer: Answer) -> Collected {
    answer
        .map_err(|faults| whats(&faults))
        .unwrap()
        .expect("there are secrets")
}

pub(super) fn refused(answer: Answer) -> Vec<String> {
    match answer {
        Ok(_) => panic!("it was not refused"),
        Err(faults) => whats(&faults),
    }
}

pub(super) fn whats(faults: &[CollectFault]) -> Vec<String> {
    faults.iter().map(Fault::what).collect()
}

/// What main would see, as `NAME=value`.
pub(super) fn lines(collected: &Collected) -> Vec<String> {
    let block = collected.environment.block();
    block
        .iter()
        .map(|line| line.to_string_lossy().into_owned())
        .collect()
}

#[test]
fn without_policy_and_secret_there_is_nothing_to_do() {
    let place = Place::new();
    assert!(by_convention(&place, &[("A", "1")]).unwrap().is_none());
    let bare = Collected::bare(&container(&[("A", "1"), ("A", "2"), ("B", "")]));
    assert_eq!(lines(&bare), ["A=1", "B="]);
}

#[test]
fn the_design_s_first_example_gives_the_documented_variables_only() {
    let place = Place::with(&[
        ("db-password.secret", "db pass/word\n"),
        ("redis-password.secret", "redis:pass@\n"),
        ("minio-password.secret", "minio-pass\n"),
        ("anthropic-api-key", "sk-ant-one\n"),
        ("github-token", "ghp_0123456789\n"),
    ]);
    let collected = given(by_convention(
        &place,
        &[("PATH", "/bin"), ("LEAK", "x-ghp_0123456789-x")],
    ));
    assert_eq!(
        lines(&collected),
        [
            "ANTHROPIC_API_KEY=sk-ant-one",
            "DATABASE_URL=postgresql://postgres:db%20pass%2Fword@db:5432/postgres",
            "MINIO_SECRET_KEY=minio-pass",
            "PATH=/bin",
            "POSTGRES_PASSWORD=db pass/word",
            "REDIS_URL=redis://:redis%3Apass%40@redis:6379/0",
        ]
    );
    let summary = &collected.summary;
    assert_eq!(summary.withheld, ["github-token"]);
    assert_eq!(summary.git, ["github-token"]);
    assert_eq!(summary.withheld_files, [place.0.join("github-token")]);
    assert_eq!(summary.removed, ["LEAK"]);
}

#[test]
fn with_a_policy_exactly_what_is_permitted_is_given() {
    let place = Place::with(&[
        ("db-password.secret", "db-password-1\n"),
        ("anthropic-api-key", "sk-ant-one\n"),
        ("github-token", "ghp_0123456789\n"),
    ]);
    let collected = given(by_policy(
        &place,
        r#""secrets": {"db": {"from": "file:db-password.secret"}},
           "run": {"env": {"DB": "db"}, "files": {"KEY_FILE": "anthropic-api-key"}}"#,
        &[
            ("PATH", "/bin"),
            ("A", "has ghp_0123456789 in it"),
            ("B", "has db-password-1 in it"),
            ("C_TOKEN", "x"),
        ],
    ));
    assert_eq!(
        lines(&collected),
        ["B=has db-password-1 in it", "DB=db-password-1", "PATH=/bin"]
    );
    assert_eq!(collected.summary.given, ["DB", "KEY_FILE"]);
    assert_eq!(collected.summary.withheld, ["github-token"]);
    assert_eq!(collected.summary.removed, ["A", "C_TOKEN"]);
    let [file] = &collected.files[..] else {
        panic!("one file")
    };
    assert_eq!(file.variable.as_str(), "KEY_FILE");
    assert_eq!(file.original, Some(place.0.join("anthropic-api-key")));
}

#[test]
fn home_is_set_unless_a_value_is_given_for_it() {
    let place = Place::with(&[("home", "/from/a/secret")]);
    let mut collected = given(by_convention(&place, &[]));
    collected.set_home(Path::new("/home/app"));
    assert_eq!(lines(&collected), ["HOME=/from/a/secret"]);
    let mut collected = Collected::bare(&container(&[("HOME", "/root")]));
    collected.set_home(Path::new("/home/app"));
    assert_eq!(lines(&collected), ["HOME=/home/app"]);
}

#[test]
fn every_fault_is_reported_at_once() {
    let place = Place::with(&[("a", ""), ("b", " \n"), ("c", "\u{feff}x")]);
    assert_eq!(
        refused(by_convention(&place, &[("D", "op://vault/item/field")])),
        [
            "the secret `a` is empty",
            "the secret `b` has nothing but blanks",
            "the secret `c` starts with a byte order mark",
            "`D` holds a 1Password (`op://`) reference, and there is no resolver yet",
        ]
    );
}
