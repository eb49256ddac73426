//! The policy's file, found, missing or unusable.

use std::path::Path;

use super::super::tests::{Place, container};
use super::{PolicyFileError, read};
use crate::collect::file::FileProblem;
use crate::exit::Exit;
use crate::report::Fault;

fn refusals(path: Option<&Path>, profile: Option<&str>) -> Vec<String> {
    let answer = read(path, profile, &container(&[("HOST", "db")]));
    let faults = answer.err().unwrap();
    assert!(faults.iter().all(|fault| fault.exit() == Exit::Policy));
    faults.iter().map(|fault| fault.what()).collect()
}

#[test]
fn a_policy_is_read_and_its_variables_expanded() {
    let place = Place::with(&[(
        "policy.json",
        r#"{"version": 1, "secret_dirs": ["/x/${HOST}"], "profiles": {"worker": {"run": {"umask": "077"}}}}"#,
    )]);
    let path = place.0.join("policy.json");
    let container = container(&[("HOST", "db")]);
    let policy = read(Some(&path), Some("worker"), &container)
        .ok()
        .flatten()
        .unwrap();
    assert_eq!(policy.secret_directories, [Path::new("/x/db")]);
    assert_eq!(policy.run.umask, Some(0o77));
}

#[test]
fn the_default_may_be_absent_but_no_profile_without_it() {
    if Path::new(super::DEFAULT).exists() {
        return;
    }
    assert!(read(None, None, &container(&[])).ok().unwrap().is_none());
    assert_eq!(
        refusals(None, Some("worker")),
        ["there is no policy that could have a profile `worker`"]
    );
}

#[test]
fn what_was_asked_for_has_to_be_there_and_right() {
    let place = Place::with(&[
        ("bad.json", "{"),
        ("two.json", r#"{"version": 2, "other": 1}"#),
    ]);
    let of = |name: &str| refusals(Some(&place.0.join(name)), None);
    assert_eq!(of("absent.json"), ["the policy is absent"]);
    assert_eq!(of(""), ["the policy is a directory, not a file"]);
    assert_eq!(of("bad.json").len(), 1);
    assert_eq!(of("two.json").len(), 2);
}

#[test]
fn each_refusal_has_its_words() {
    let unusable = |problem| PolicyFileError::Unusable {
        path: "/etc/p\u{1b}.json".into(),
        problem,
        ownership: None,
    };
    let words = |fault: &PolicyFileError| [fault.what(), fault.place(), fault.remedy()];
    let uid = nix::unistd::geteuid();
    assert_eq!(
        words(&unusable(FileProblem::Unreadable)),
        [
            "the policy cannot be read: permission denied".to_owned(),
            format!("`/etc/p\\u{{1b}}.json` (owner and mode unknown), read as uid {uid}"),
            "correct `--policy` (or VESTIBULE_POLICY), or mount the file so that our user can read it".into(),
        ]
    );
    assert_eq!(
        unusable(FileProblem::System(nix::errno::Errno::EIO)).exit(),
        Exit::System
    );
    assert_eq!(
        words(&PolicyFileError::ProfileWithout("w".into())),
        [
            "there is no policy that could have a profile `w`",
            "option `--profile`, or VESTIBULE_PROFILE; looked for /etc/vestibule/policy.json",
            "mount the policy at /etc/vestibule/policy.json, or name it with `--policy`",
        ]
    );
}
