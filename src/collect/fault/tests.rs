//! Every fault, word for word: it names the file, whose it is, who we are, and
//! what to do.

use std::path::PathBuf;

use nix::errno::Errno;
use nix::unistd::geteuid;

use super::CollectFault;
use crate::collect::accounts::AccountProblem;
use crate::collect::file::{FileProblem, Ownership};
use crate::collect::source::SourceProblem;
use crate::connection::ConnectionError;
use crate::environment::ValueProblem;
use crate::exit::Exit;
use crate::names::{SecretName, VariableName};
use crate::report::Fault;

const ASKED: &str = "/etc/policy.json at /run/env/X, line 3";

fn name(text: &str) -> SecretName {
    SecretName::parse(text).unwrap()
}

fn variable(text: &str) -> VariableName {
    VariableName::parse(text).unwrap()
}

fn asked() -> String {
    ASKED.to_owned()
}

/// `UID` stands for our own.
fn check(fault: &CollectFault, exit: Exit, absence: bool, words: [&str; 3]) {
    let words = words.map(|line| line.replace("UID", &geteuid().to_string()));
    assert_eq!([fault.what(), fault.place(), fault.remedy()], words);
    assert_eq!(
        (fault.exit(), fault.is_absence()),
        (exit, absence),
        "{fault:?}"
    );
}

const PLACE: &str = "/run/secrets/db (owner 70:71, mode 0400), read as uid UID; asked for by /etc/policy.json at /run/env/X, line 3";
const POLICY: Exit = Exit::Policy;

#[test]
fn directories() {
    let fault = |errno| CollectFault::Directory {
        path: "/run/secrets".into(),
        errno,
    };
    check(
        &fault(Errno::EACCES),
        POLICY,
        false,
        [
            "cannot open a secret directory: permission denied",
            "/run/secrets, opened as uid UID",
            "let uid UID list /run/secrets (mode 0755, or make it the owner)",
        ],
    );
    check(
        &fault(Errno::ENOTDIR),
        POLICY,
        false,
        [
            "cannot open a secret directory: not a directory",
            "/run/secrets, opened as uid UID",
            "mount a directory there, or correct `secret_dirs`",
        ],
    );
    assert_eq!(fault(Errno::EIO).exit(), Exit::System);
    assert_eq!(fault(Errno::ELOOP).exit(), POLICY);
}

#[test]
fn missing_files() {
    let fault = |near: Option<&str>, searched: &[&str]| CollectFault::Missing {
        name: (&name("db")).into(),
        near: near.map(Into::into),
        searched: searched.iter().map(PathBuf::from).collect(),
        asked: asked(),
    };
    let mount = "mount it (compose: `secrets:` of the service); an entry of the policy's `secrets` with `\"optional\": true` allows that it is absent";
    check(
        &fault(None, &["/a", "/run/s\u{1b}"]),
        POLICY,
        true,
        [
            "the secret `db` is absent",
            "looked for in /a and `/run/s\\u{1b}` as uid UID; asked for by /etc/policy.json at /run/env/X, line 3",
            &format!("correct the name, or {mount}"),
        ],
    );
    check(
        &fault(Some("db\u{1b}"), &[]),
        POLICY,
        true,
        [
            "the secret `db` is absent",
            "looked for in no directory as uid UID; asked for by /etc/policy.json at /run/env/X, line 3",
            &format!("correct the name: `db\\u{{1b}}` is there; or {mount}"),
        ],
    );
}

fn file(problem: FileProblem) -> CollectFault {
    CollectFault::File {
        path: "/run/secrets/db".into(),
        problem,
        ownership: Some(Ownership {
            uid: 70,
            gid: 71,
            mode: 0o400,
        }),
        asked: asked(),
    }
}

#[test]
fn unusable_files() {
    let mount = "mount the file that it stands for, or unmount it";
    let write = "write the value into it, or unmount it";
    for (problem, what, remedy) in [
        (FileProblem::Absent, "is absent", mount),
        (
            FileProblem::Dangling,
            "is a link that leads to no file",
            mount,
        ),
        (
            FileProblem::Unreadable,
            "cannot be read: permission denied",
            "let uid UID read it: run the container as its owner (compose: `user: \"70:71\"`), or give the file on the host mode 0444 in a directory of mode 0700; Swarm and Kubernetes: `uid`, `mode`, `defaultMode`",
        ),
        (
            FileProblem::LeavesDirectory,
            "is a link out of its directory",
            "mount the file itself in place of the link",
        ),
        (
            FileProblem::Directory,
            "is a directory, not a file",
            "mount a file; Docker makes a directory where the host's file of a bind mount does not exist: check the host's side of /run/secrets/db",
        ),
        (
            FileProblem::Special,
            "is a FIFO, socket or device, not a file",
            "mount a regular file",
        ),
        (
            FileProblem::TooLarge,
            "is larger than 1048576 bytes",
            "a secret has at most 1 MiB; mount larger data as a volume",
        ),
        (FileProblem::Empty, "is empty", write),
        (FileProblem::Blank, "has nothing but blanks", write),
        (
            FileProblem::ByteOrderMark,
            "starts with a byte order mark",
            "save it as UTF-8 without a byte order mark, or mark the secret `\"raw\": true`",
        ),
        (
            FileProblem::Reference("SOPS"),
            "holds a SOPS reference, and there is no resolver yet",
            "resolve it before the start, and write the value into the file",
        ),
    ] {
        let what = format!("the secret `db` {what}");
        let is_absence = problem == FileProblem::Absent;
        check(&file(problem), POLICY, is_absence, [&what, PLACE, remedy]);
    }
}

#[test]
fn files_with_errors_of_the_system() {
    check(
        &file(FileProblem::System(Errno::EIO)),
        Exit::System,
        false,
        [
            "the secret `db` cannot be read: i/o error",
            PLACE,
            "look at the storage behind the mount; a restart may help",
        ],
    );
    assert_eq!(
        file(FileProblem::System(Errno::ENAMETOOLONG)).exit(),
        POLICY
    );
}

#[test]
fn names_from_outside_are_escaped() {
    let path = PathBuf::from("/run/secrets/a\u{1b}[31m\n");
    let fault = CollectFault::File {
        path,
        problem: FileProblem::Directory,
        ownership: None,
        asked: asked(),
    };
    check(
        &fault,
        POLICY,
        false,
        [
            "the secret `a\\u{1b}[31m\\n` is a directory, not a file",
            "`/run/secrets/a\\u{1b}[31m\\n` (owner and mode unknown), read as uid UID; asked for by /etc/policy.json at /run/env/X, line 3",
            "mount a file; Docker makes a directory where the host's file of a bind mount does not exist: check the host's side of `/run/secrets/a\\u{1b}[31m\\n`",
        ],
    );
}

#[test]
fn files_with_several_values() {
    let fault = |problem| CollectFault::Source {
        path: "/run/secrets/app.env".into(),
        problem,
        ownership: None,
        asked: asked(),
    };
    check(
        &fault(SourceProblem::NoKey("KEY".into())),
        POLICY,
        true,
        [
            "the file `app.env`: there is no assignment of `KEY`",
            "/run/secrets/app.env (owner and mode unknown), read as uid UID; asked for by /etc/policy.json at /run/env/X, line 3",
            "correct the key in the policy or in the file, or mark the secret `\"optional\": true`",
        ],
    );
    assert!(!fault(SourceProblem::DotenvSyntax(1)).is_absence());
}

#[test]
fn variables() {
    check(
        &CollectFault::VariableMissing {
            variable: variable("PASS"),
            asked: asked(),
        },
        POLICY,
        true,
        [
            "the container variable `PASS` is not set",
            ASKED,
            "set `PASS` or `PASS_FILE` for the container, or mark the secret `\"optional\": true`",
        ],
    );
    check(
        &CollectFault::VariableUnusable {
            variable: variable("PASS"),
            problem: FileProblem::Blank,
            asked: asked(),
        },
        POLICY,
        false,
        [
            "the container variable `PASS` has nothing but blanks",
            ASKED,
            "give it a value; a file under /run/secrets is the safer way",
        ],
    );
}

#[test]
fn variables_that_contradict() {
    let container = "the container's environment";
    check(
        &CollectFault::VariableTwice {
            variable: "PASS".into(),
        },
        POLICY,
        false,
        [
            "both `PASS` and `PASS_FILE` are set",
            container,
            "keep the one ending in `_FILE`",
        ],
    );
    check(
        &CollectFault::PathNotAbsolute {
            variable: "PASS_FILE".into(),
        },
        POLICY,
        false,
        [
            "`PASS_FILE` is not an absolute path",
            container,
            "write the whole path, for example `/run/secrets/NAME`",
        ],
    );
    check(
        &CollectFault::Unresolved {
            variable: "A\u{1b}".into(),
            form: "Vault",
        },
        POLICY,
        false,
        [
            "`A\\u{1b}` holds a Vault reference, and there is no resolver yet",
            container,
            "resolve it before the start and mount the value as a file",
        ],
    );
}

#[test]
fn values_and_connections() {
    let fault = |problem| CollectFault::Value {
        variable: variable("X"),
        problem,
        asked: asked(),
    };
    let remedy = "deliver it as a file: name it under `run.files` of a policy";
    check(
        &fault(ValueProblem::Nul),
        POLICY,
        false,
        [
            "the value for `X` has a NUL byte, which no variable can hold",
            ASKED,
            remedy,
        ],
    );
    check(
        &fault(ValueProblem::TooLong),
        POLICY,
        false,
        [
            "the value for `X` is too long: the kernel takes 131071 bytes of `NAME=value`",
            ASKED,
            remedy,
        ],
    );
    let error = ConnectionError::CredentialEmpty;
    let what = format!("cannot build `X`: {error}");
    check(
        &CollectFault::Connection {
            name: "X".into(),
            error,
            asked: asked(),
        },
        POLICY,
        false,
        [
            &what,
            ASKED,
            "change the password, or deliver its parts instead of the whole",
        ],
    );
    check(
        &CollectFault::Endpoint {
            variable: "X".into(),
            rule: "it is a rule".into(),
        },
        POLICY,
        false,
        [
            "cannot use `X`: it is a rule",
            "the container's environment",
            "correct the variable, or describe the connection in a policy",
        ],
    );
}

#[test]
fn contradictions() {
    check(
        &CollectFault::Conflict {
            variable: variable("X"),
            secret: "db".into(),
        },
        POLICY,
        false,
        [
            "`X` already has a different value than the secret `db` gives it",
            "the container's environment",
            "take `X` out of the container's environment (a development default?), or unmount the secret",
        ],
    );
    check(
        &CollectFault::SameVariable {
            variable: variable("X"),
            first: "a".into(),
            second: "b".into(),
        },
        POLICY,
        false,
        [
            "the secrets `a` and `b` both give `X`",
            "the names of the secret files, by convention",
            "rename or unmount one, or say in a policy what each is for",
        ],
    );
    check(
        &CollectFault::InheritedSecret {
            variable: "X".into(),
            secret: "db".into(),
            asked: asked(),
        },
        POLICY,
        false,
        [
            "`X` holds the value of `db`, which main may not have",
            ASKED,
            "take the variable out of `inherit`, or permit `db` in `run.env`",
        ],
    );
}

#[test]
fn accounts() {
    for (problem, what, remedy) in [
        (
            AccountProblem::UnknownUser("0day".into()),
            "there is no user `0day`",
            "add it to /etc/passwd of the image, or give numbers: `UID:GID`",
        ),
        (
            AccountProblem::UnknownGroup("g".into()),
            "there is no group `g`",
            "add it to /etc/group of the image, or give its number",
        ),
        (
            AccountProblem::GroupMissing(7),
            "user 7 has no entry that names its group",
            "name the group too: `\"user\": \"7:7\"`",
        ),
    ] {
        let fault = CollectFault::Account {
            problem,
            asked: asked(),
        };
        assert_eq!(
            [fault.what(), fault.place(), fault.remedy()],
            [what, ASKED, remedy]
        );
        assert_eq!((fault.exit(), fault.is_absence()), (POLICY, false));
    }
}
