//! Faults of deliveries name the entry that asks.

use super::super::fault::CollectFault;
use super::super::tests::{Place, by_convention, by_policy};
use crate::report::Fault;

fn place_of(answer: Result<Option<super::super::Collected>, Vec<CollectFault>>) -> Vec<String> {
    let faults = answer.err().unwrap();
    faults
        .iter()
        .map(|fault| format!("{} @ {}", fault.what(), fault.place()))
        .collect()
}

#[test]
fn a_fault_names_the_policy_s_entry() {
    let place = Place::with(&[("p", "a\0b"), ("q", "x\ny")]);
    let text = r#""connections": {"db": {"kind": "postgres", "host": "db", "user": "u", "password": "p", "database": "d"},
          "m": {"kind": "minio", "endpoint": "http://m:9000", "access_key": "a", "secret_key": "q", "bucket": "bucket"}},
        "run": {"env": {"P": "p", "URL": "db"}, "files": {"PASS": "db.pgpass"}}"#;
    assert_eq!(
        place_of(by_policy(&place, text, &[])),
        [
            "the value for `P` has a NUL byte, which no variable can hold @ /etc/policy.json at /run/env/P, line 3",
            "cannot build `URL`: the credential has a NUL byte, which `url` cannot carry @ /etc/policy.json at /run/env/URL, line 3",
            "cannot build `PASS`: the credential has a NUL byte, which `pgpass` cannot carry @ /etc/policy.json at /run/files/PASS, line 3"
        ]
    );
}

#[test]
fn a_fault_names_the_convention() {
    let place = Place::with(&[("db_password", "a\0b")]);
    assert_eq!(
        place_of(by_convention(&place, &[])),
        [
            "the value for `POSTGRES_PASSWORD` has a NUL byte, which no variable can hold @ the convention for the secret `db_password`",
            "cannot build `DATABASE_URL`: the credential has a NUL byte, which `url` cannot carry @ the convention for `DATABASE_URL`"
        ]
    );
}
