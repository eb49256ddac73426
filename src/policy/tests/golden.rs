//! The three lines of every kind of mistake, as an operator reads them.

use std::fmt::Write as _;

use super::{parsed_as, run};
use crate::exit::Exit;
use crate::policy::rules;
use crate::report::Fault;

fn said(fault: &dyn Fault) -> String {
    assert_eq!(fault.exit(), Exit::Policy);
    format!(
        "{}\n  where: {}\n  fix:   {}\n",
        fault.what(),
        fault.place(),
        fault.remedy()
    )
}

#[test]
fn every_kind_of_mistake_says_what_where_and_how_to_mend_it() {
    let text = r#"{
  "version": "1",
  "secrets": {
    ".hidden": { "from": "file:x" },
    "db": { "from": "op://vault/db" },
    "plain": { "from": "env:PLAIN" },
    "smtp": { }
  },
  "connections": {
    "cache": { "kind": "redis", "host": "${PLAIN}", "password": "${X}" },
    "db": { "kind": "postgre", "host": "${DB_PASSWORD}" },
    "mail": { "kind": "redis", "host": "redis", "bucket": "b", "password": "a/b" },
    "s3": { "kind": "redis", "host": "redis", "bucket": "b" },
    "jobs": { "kind": "redis", "host": "${REDIS_HOST}" },
    "good": { "kind": "redis", "host": "redis", "password": "redis-password" }
  },
  "run": {
    "env": { "A": "good.pasword", "B": "b", "C": "c" },
    "files": { "C": "c" },
    "envs": {},
    "xyz": {},
    "grace": "8",
    "umask": "027",
    "umask": "022",
    "directory": 7
  }
}"#;
    let error = parsed_as(text, Some("worker")).unwrap_err();
    let mut all = said(&error);
    for mistake in error.mistakes() {
        let _ = write!(all, "\n{}", said(mistake));
    }
    let golden = include_str!("golden.txt");
    assert_eq!(all, golden, "{all}");
}

#[test]
fn a_single_mistake_is_the_error_itself() {
    let error = parsed_as(&run(r#"{"user": "0day"}"#), None).unwrap_err();
    assert_eq!(
        said(&error),
        "a user or group that starts with a digit has to be a number\n  \
         where: /etc/vestibule/policy.json at /run/user, line 1\n  \
         fix:   write the number alone, or a name: others read `0day` as uid 0\n"
    );
    assert_eq!(error.to_string(), error.what());
}

#[test]
fn a_profile_is_refused_with_those_there_are() {
    let text = r#"{"version": 1, "profiles": {"a": {"run": {}}, "b": {"run": {}}}}"#;
    let error = parsed_as(text, Some("c")).unwrap_err();
    assert_eq!(
        said(&error),
        "there is no profile `c`\n  \
         where: /etc/vestibule/policy.json at /profiles, line 1\n  \
         fix:   choose from `a` and `b`\n"
    );
}

#[test]
fn every_rule_reads_like_the_others() {
    for rule in rules::ALL {
        for line in [rule.what, rule.fix] {
            assert!(
                !line.is_empty() && !line.ends_with('.') && !line.contains('\n'),
                "{line}"
            );
            let first = line.chars().next().unwrap();
            let plain = !first.is_ascii_uppercase() || line.starts_with("JSON");
            assert!(plain, "{line}");
            assert!(
                !line.contains("Error") && !line.contains("ailed to"),
                "{line}"
            );
        }
    }
}
