//! Every sentence that this room can say.

use crate::exit::Exit;
use crate::names::SecretName;
use crate::report::Fault;
use crate::setup::git::fault::GitFault;
use crate::setup::git::key::KeyProblem;
use crate::setup::git::remark::{Outcome, Remark};
use crate::setup::git::request::RequestError;
use crate::setup::git::rules::Mismatch;

fn name() -> SecretName {
    SecretName::parse("deploy").unwrap()
}

#[track_caller]
fn says(exit: Exit, rows: Vec<(GitFault, &str, &str)>) {
    for (fault, what, place) in rows {
        assert_eq!(
            (fault.what().as_str(), fault.place().as_str()),
            (what, place)
        );
        assert_eq!(fault.exit(), exit, "{what}");
        assert!(
            !fault.remedy().is_empty() && !fault.remedy().ends_with('.'),
            "{what}"
        );
    }
}

#[test]
fn what_a_restart_cannot_mend_says_what_where_and_how() {
    let rows = vec![
        (
            GitFault::Key(name(), KeyProblem::Public),
            "the secret `deploy` is a public SSH key",
            "`ssh` of a setup command",
        ),
        (
            GitFault::KeyRefused(name()),
            "`ssh-add` does not accept the secret `deploy`",
            "`ssh` of a setup command",
        ),
        (
            GitFault::Missing("ssh-agent"),
            "`ssh-agent` is not in this image",
            "/usr/local/bin, /usr/bin, /bin, /usr/sbin",
        ),
        (
            GitFault::Program("vestibule".into()),
            "git cannot be told where vestibule is",
            "`vestibule`",
        ),
        (
            GitFault::Question(RequestError::NotALine),
            "git's question cannot be passed on: a line is no `key=value`",
            "standard input of `vestibule git-credential`",
        ),
    ];
    says(Exit::Policy, rows);
}

#[test]
fn what_the_system_refused_says_what_where_and_how() {
    let path = "/run/v/git";
    let broken = "broken pipe".to_owned();
    let rows = vec![
        (
            GitFault::AgentSilent(path.into()),
            "the SSH agent does not start",
            "`/run/v/git`",
        ),
        (
            GitFault::AgentStays(7, "operation not permitted".into()),
            "the SSH agent cannot be ended: operation not permitted",
            "process 7",
        ),
        (
            GitFault::Launch("ssh-add", broken.clone()),
            "cannot start `ssh-add`: broken pipe",
            "`ssh-add`, as setup's user",
        ),
        (
            GitFault::Socket(path.into(), broken.clone()),
            "cannot make the socket for git's credentials: broken pipe",
            "`/run/v/git`",
        ),
        (
            GitFault::Unreachable(path.into(), broken),
            "git's credentials are out of reach: broken pipe",
            "`/run/v/git`",
        ),
    ];
    says(Exit::System, rows);
}

#[test]
fn every_remark_says_why() {
    let without = |outcome| Remark {
        asked: None,
        outcome,
    };
    let about = |outcome| Remark {
        asked: Some(("h:1".into(), "a\nb".into())),
        outcome,
    };
    for (remark, text) in [
        (
            without(Outcome::Broken(RequestError::TooLong)),
            "git's helper was not answered: its question is none: it is longer than 4 KiB",
        ),
        (
            without(Outcome::Enough),
            "git's helper was not answered: this is no longer reported for this command",
        ),
        (
            without(Outcome::Stranger(7)),
            "git's helper was not answered: uid 7 asked, and it is not the command's user",
        ),
        (
            about(Outcome::Given(name())),
            "git has a credential for `h:1` `a\\nb`: the secret `deploy`",
        ),
        (
            about(Outcome::Absent(name())),
            "git has no credential for `h:1` `a\\nb`: the secret `deploy` is not there",
        ),
        (
            about(Outcome::Expired(name())),
            "git has no credential for `h:1` `a\\nb`: the secret `deploy` has expired",
        ),
        (
            about(Outcome::NotALine(name())),
            "git has no credential for `h:1` `a\\nb`: the secret `deploy` is not one line of text",
        ),
        (
            about(Outcome::NoRule(Mismatch::Protocol)),
            "git has no credential for `h:1` `a\\nb`: credentials are given for `https` only",
        ),
    ] {
        assert_eq!(remark.text(), text);
    }
}
