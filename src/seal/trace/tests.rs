//! What several users' searches say together, and how an answer travels.

use std::path::PathBuf;

use super::{Kind, Trace, Traces, decode, encode};

fn trace(path: &str, kind: Kind, what: &str) -> Trace {
    Trace {
        shown: format!("shown {path}"),
        path: PathBuf::from(path),
        what: what.into(),
        kind,
    }
}

fn unseen(path: &str) -> Trace {
    trace(path, Kind::Unseen, "permission denied")
}

fn limit(path: &str) -> Trace {
    trace(path, Kind::Limit, "it unpacks to more than 256 MiB")
}

/// Kind and path of what is left after the searches of two users.
#[track_caller]
fn expect_joined(first: &[Trace], second: &[Trace], expected: &[(Kind, &str)]) {
    for (one, other) in [(first, second), (second, first)] {
        let mut traces = Traces {
            left: one.to_vec(),
            ..Traces::default()
        };
        traces.join(&Traces {
            left: other.to_vec(),
            ..Traces::default()
        });
        let left = traces.left.iter().map(|trace| {
            let path = trace.path.to_str().unwrap();
            (trace.kind.letter(), path)
        });
        let mut left: Vec<_> = left.collect();
        left.sort_unstable();
        let expected = expected.iter().map(|(kind, path)| (kind.letter(), *path));
        let mut expected: Vec<_> = expected.collect();
        expected.sort_unstable();
        assert_eq!(left, expected);
    }
}

#[test]
fn what_one_could_not_enter_and_the_other_not_read_is_unseen() {
    expect_joined(
        &[unseen("/w/shut")],
        &[unseen("/w/shut/x"), unseen("/w/shut/y/z")],
        &[(Kind::Unseen, "/w/shut/x"), (Kind::Unseen, "/w/shut/y/z")],
    );
    // Names that begin alike are not below one another.
    expect_joined(&[unseen("/w/shut")], &[unseen("/w/shut-too")], &[]);
}

#[test]
fn what_either_saw_was_seen() {
    expect_joined(&[unseen("/w/a")], &[], &[]);
    expect_joined(&[unseen("/w/a"), unseen("/w/b")], &[unseen("/c")], &[]);
}

#[test]
fn a_limit_and_a_value_stay_whoever_met_them() {
    expect_joined(&[unseen("/f")], &[limit("/f")], &[(Kind::Limit, "/f")]);
    expect_joined(&[limit("/f")], &[limit("/f")], &[(Kind::Limit, "/f")]);
    expect_joined(
        &[limit("/f")],
        &[unseen("/f"), trace("/g", Kind::Value, "`t`, plain")],
        &[(Kind::Limit, "/f"), (Kind::Value, "/g")],
    );
}

#[test]
fn a_search_that_ended_early_stays_so_and_has_seen_nothing_for_another() {
    expect_joined(
        &[Trace::lost()],
        &[unseen("/x")],
        &[(Kind::Lost, ""), (Kind::Unseen, "/x")],
    );
    expect_joined(&[Trace::lost()], &[], &[(Kind::Lost, "")]);
    expect_joined(&[Trace::lost()], &[Trace::lost()], &[(Kind::Lost, "")]);
}

#[test]
fn one_place_is_unseen_for_whatever_reason_each_was_refused() {
    expect_joined(
        &[trace("/x", Kind::Unseen, "permission denied")],
        &[trace("/x", Kind::Unseen, "operation not permitted")],
        &[(Kind::Unseen, "/x")],
    );
}

#[test]
fn what_is_beyond_a_list_may_be_anywhere() {
    expect_joined(
        &[unseen("/"), unseen("/a")],
        &[unseen("/a/b"), unseen("/c")],
        &[(Kind::Unseen, "/a/b"), (Kind::Unseen, "/c")],
    );
    expect_joined(&[unseen("/")], &[unseen("/")], &[(Kind::Unseen, "/")]);
    expect_joined(&[unseen("/"), unseen("/a")], &[], &[]);
}

#[test]
fn traces_come_back_as_they_went() {
    let traces = Traces {
        left: vec![
            trace("/a b\n", Kind::Value, "words"),
            unseen("/c"),
            limit("/d"),
            Trace::lost(),
        ],
        files: 3,
        beyond: 4,
        ..Traces::default()
    };
    let bytes = encode(&traces);
    let arrived = decode(&bytes).unwrap();
    assert_eq!(
        (arrived.left, arrived.files, arrived.beyond),
        (traces.left, 3, 4)
    );
    for cut in [0, 23, bytes.len() - 1] {
        assert!(
            decode(&bytes[..cut]).is_none(),
            "an answer that is not whole"
        );
    }
}
