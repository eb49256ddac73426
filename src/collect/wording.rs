//! The sentences of `CollectFault`: what, where and fix of each stand together.
//!
//! In: names, paths, owners, modes, error numbers. Out: three lines. What comes
//! from outside is escaped for a terminal.
//!
//! **Never:** a value or anything derived from one.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::geteuid;

use super::accounts::AccountProblem;
use super::file::{FileProblem, LIMIT, Ownership};
use super::source::SourceProblem;
use crate::connection::ConnectionError;
use crate::environment::ValueProblem;
use crate::names::{SecretPath, VariableName};
use crate::redact::hides;
use crate::report::{list, quote, said};

/// What, where, fix.
pub(super) struct Words {
    pub(super) what: String,
    pub(super) place: String,
    pub(super) remedy: String,
}

impl Words {
    fn new(what: impl Into<String>, place: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            place: place.into(),
            remedy: remedy.into(),
        }
    }
}

const MOUNT: &str = "mount it (compose: `secrets:` of the service); an entry of the policy's `secrets` with `\"optional\": true` allows that it is absent";
/// For a value in the place of a name.
const VALUE: &str = "mount the value as a file and write the file's name here; a value that stood in a policy should be replaced by a new one";
const CONTAINER: &str = "the container's environment";

pub(super) fn directory(path: &Path, errno: Errno) -> Words {
    let (shown, uid) = (shown_path(path), geteuid());
    Words::new(
        format!("cannot open a secret directory: {}", said(errno)),
        format!("{shown}, opened as uid {uid}"),
        if errno == Errno::ENOTDIR {
            "mount a directory there, or correct `secret_dirs`".to_owned()
        } else {
            format!("let uid {uid} list {shown} (mode 0755, or make it the owner)")
        },
    )
}

pub(super) fn missing(
    name: &SecretPath,
    near: Option<&str>,
    searched: &[PathBuf],
    asked: &str,
) -> Words {
    let paths: Vec<String> = searched.iter().map(|path| shown_path(path)).collect();
    let paths = if paths.is_empty() {
        "no directory".to_owned()
    } else {
        list(&paths)
    };
    Words::new(
        format!("the secret {name} is absent"),
        format!(
            "looked for in {paths} as uid {}; asked for by {asked}",
            geteuid()
        ),
        match near {
            _ if hides(name.as_path().as_os_str().as_encoded_bytes()) => VALUE.to_owned(),
            Some(near) => format!("correct the name: {} is there; or {MOUNT}", quote(near)),
            None => format!("correct the name, or {MOUNT}"),
        },
    )
}

pub(super) fn file(
    path: &Path,
    problem: FileProblem,
    ownership: Option<Ownership>,
    asked: &str,
) -> Words {
    let name = path.file_name().unwrap_or(path.as_os_str());
    Words::new(
        format!(
            "the secret {} {}",
            quote(name.as_encoded_bytes()),
            problem_text(problem)
        ),
        format!("{}; asked for by {asked}", file_place(path, ownership)),
        file_remedy(path, problem, ownership),
    )
}

pub(super) fn source(
    path: &Path,
    problem: &SourceProblem,
    ownership: Option<Ownership>,
    asked: &str,
) -> Words {
    let name = path.file_name().unwrap_or(path.as_os_str());
    Words::new(
        format!(
            "the file {}: {}",
            quote(name.as_encoded_bytes()),
            problem.what()
        ),
        format!("{}; asked for by {asked}", file_place(path, ownership)),
        problem.remedy(),
    )
}

pub(super) fn variable_missing(variable: &VariableName, asked: &str) -> Words {
    Words::new(
        format!("the container variable {variable} is not set"),
        asked,
        format!(
            "set {variable} or `{}_FILE` for the container, or mark the secret `\"optional\": true`",
            variable.as_str()
        ),
    )
}

pub(super) fn variable_unusable(
    variable: &VariableName,
    problem: FileProblem,
    asked: &str,
) -> Words {
    Words::new(
        format!(
            "the container variable {variable} {}",
            problem_text(problem)
        ),
        asked,
        "give it a value; a file under /run/secrets is the safer way",
    )
}

pub(super) fn variable_twice(variable: &str) -> Words {
    let with_file = format!("{variable}_FILE");
    Words::new(
        format!("both {} and {} are set", quote(variable), quote(&with_file)),
        CONTAINER,
        "keep the one ending in `_FILE`",
    )
}

pub(super) fn path_not_absolute(variable: &str) -> Words {
    Words::new(
        format!("{} is not an absolute path", quote(variable)),
        CONTAINER,
        "write the whole path, for example `/run/secrets/NAME`",
    )
}

pub(super) fn unresolved(variable: &str, form: &str) -> Words {
    Words::new(
        format!(
            "{} holds a {form} reference, and there is no resolver yet",
            quote(variable)
        ),
        CONTAINER,
        "resolve it before the start and mount the value as a file",
    )
}

pub(super) fn value(variable: &VariableName, problem: ValueProblem, asked: &str) -> Words {
    let what = match problem {
        ValueProblem::Nul => "has a NUL byte, which no variable can hold",
        ValueProblem::TooLong => "is too long: the kernel takes 131071 bytes of `NAME=value`",
    };
    Words::new(
        format!("the value for {variable} {what}"),
        asked,
        "deliver it as a file: name it under `run.files` of a policy",
    )
}

pub(super) fn conflict(variable: &VariableName, secret: &str) -> Words {
    Words::new(
        format!(
            "{variable} already has a different value than the secret {} gives it",
            quote(secret)
        ),
        CONTAINER,
        format!(
            "take {variable} out of the container's environment (a development default?), or unmount the secret"
        ),
    )
}

pub(super) fn same_variable(variable: &VariableName, first: &str, second: &str) -> Words {
    Words::new(
        format!(
            "the secrets {} and {} both give {variable}",
            quote(first),
            quote(second)
        ),
        "the names of the secret files, by convention",
        "rename or unmount one, or say in a policy what each is for",
    )
}

pub(super) fn connection(name: &str, error: &ConnectionError, asked: &str) -> Words {
    Words::new(
        format!("cannot build {}: {error}", quote(name)),
        asked,
        "change the password, or deliver its parts instead of the whole",
    )
}

pub(super) fn endpoint(variable: &str, rule: &str) -> Words {
    Words::new(
        format!("cannot use {}: {rule}", quote(variable)),
        CONTAINER,
        "correct the variable, or describe the connection in a policy",
    )
}

pub(super) fn inherited_secret(variable: &str, secret: &str, asked: &str) -> Words {
    Words::new(
        format!(
            "{} holds the value of {}, which main may not have",
            quote(variable),
            quote(secret)
        ),
        asked,
        format!(
            "take the variable out of `inherit`, or permit {} in `run.env`",
            quote(secret)
        ),
    )
}

pub(super) fn account(problem: &AccountProblem, asked: &str) -> Words {
    let (what, remedy) = match problem {
        AccountProblem::UnknownUser(name) => (
            format!("there is no user {}", quote(name)),
            "add it to /etc/passwd of the image, or give numbers: `UID:GID`".to_owned(),
        ),
        AccountProblem::UnknownGroup(name) => (
            format!("there is no group {}", quote(name)),
            "add it to /etc/group of the image, or give its number".to_owned(),
        ),
        AccountProblem::GroupMissing(uid) => (
            format!("user {uid} has no entry that names its group"),
            format!("name the group too: `\"user\": \"{uid}:{uid}\"`"),
        ),
    };
    Words::new(what, asked, remedy)
}

/// A file, whose it is, and who we are.
pub(super) fn file_place(path: &Path, ownership: Option<Ownership>) -> String {
    place_of(&shown_path(path), ownership)
}

/// The same for a path that is ready for a message.
pub(crate) fn place_of(shown: &str, ownership: Option<Ownership>) -> String {
    let owner = ownership.map_or_else(
        || "owner and mode unknown".into(),
        |of| format!("owner {}:{}, mode {:04o}", of.uid, of.gid, of.mode),
    );
    format!("{shown} ({owner}), read as uid {}", geteuid())
}

/// A path whole and ready to be copied if it is plain ASCII, else escaped.
pub(crate) fn shown_path(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let is_plain = |byte: &u8| *byte == b' ' || byte.is_ascii_graphic();
    match path.to_str() {
        Some(text) if bytes.iter().all(is_plain) => text.to_owned(),
        _ => quote(bytes),
    }
}

pub(super) fn problem_text(problem: FileProblem) -> String {
    match problem {
        FileProblem::Absent => "is absent".into(),
        FileProblem::Dangling => "is a link that leads to no file".into(),
        FileProblem::Unreadable => "cannot be read: permission denied".into(),
        FileProblem::LeavesDirectory => "is a link out of its directory".into(),
        FileProblem::Directory => "is a directory, not a file".into(),
        FileProblem::Special => "is a FIFO, socket or device, not a file".into(),
        FileProblem::TooLarge => format!("is larger than {LIMIT} bytes"),
        FileProblem::Empty => "is empty".into(),
        FileProblem::Blank => "has nothing but blanks".into(),
        FileProblem::ByteOrderMark => "starts with a byte order mark".into(),
        FileProblem::Reference(form) => {
            format!("holds a {form} reference, and there is no resolver yet")
        }
        FileProblem::System(errno) => format!("cannot be read: {}", said(errno)),
    }
}

fn file_remedy(path: &Path, problem: FileProblem, ownership: Option<Ownership>) -> String {
    match problem {
        FileProblem::Absent | FileProblem::Dangling => {
            "mount the file that it stands for, or unmount it".into()
        }
        FileProblem::Unreadable => unreadable_remedy(ownership),
        FileProblem::LeavesDirectory => "mount the file itself in place of the link".into(),
        FileProblem::Directory => format!(
            "mount a file; Docker makes a directory where the host's file of a bind mount does not exist: check the host's side of {}",
            shown_path(path)
        ),
        FileProblem::Special => "mount a regular file".into(),
        FileProblem::TooLarge => "a secret has at most 1 MiB; mount larger data as a volume".into(),
        FileProblem::Empty | FileProblem::Blank => "write the value into it, or unmount it".into(),
        FileProblem::ByteOrderMark => {
            "save it as UTF-8 without a byte order mark, or mark the secret `\"raw\": true`".into()
        }
        FileProblem::Reference(_) => {
            "resolve it before the start, and write the value into the file".into()
        }
        FileProblem::System(_) => "look at the storage behind the mount; a restart may help".into(),
    }
}

/// Who owns a file can give itself the right; anybody else needs another way.
fn unreadable_remedy(ownership: Option<Ownership>) -> String {
    let uid = geteuid();
    let owner = match ownership {
        Some(of) if of.uid == uid.as_raw() => {
            return "give the file on the host mode 0400 (`chmod 0400`); Swarm and Kubernetes: `mode`, `defaultMode`".into();
        }
        Some(of) => format!("`user: \"{}:{}\"`", of.uid, of.gid),
        None => "`user:`".into(),
    };
    format!(
        "let uid {uid} read it: run the container as its owner (compose: {owner}), or give the file on the host mode 0444 in a directory of mode 0700; Swarm and Kubernetes: `uid`, `mode`, `defaultMode`"
    )
}
