//! What is left out, and that it is said.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use nix::errno::Errno;
use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkfifo};

use super::super::super::tests::Deep;
use super::super::report::{Hit, Missed, Place, Report};
use super::super::wire::{self, Message};
use super::super::{Counted, Counts, End, FINDINGS, LEVELS, Limit, Root, Trouble, scan};
use super::{Tree, VALUE, searcher, set};

#[test]
fn what_did_not_change_since_is_left_out_but_for_its_name() {
    let tree = Tree::new();
    tree.write("old", VALUE);
    tree.write(VALUE, VALUE);
    let report = tree.scan_by(|root| root.since = Some((i64::MAX, 0)), |_| {});
    assert_eq!(tree.found(&report), set(&["VALUE: name, plain"]));
    assert_eq!(report.counts.of(Counted::Older), 2);
    let report = tree.scan_by(|root| root.since = Some((0, 0)), |_| {});
    assert_eq!(tree.found(&report).len(), 3);
}

#[test]
fn links_are_not_followed_and_pipes_not_opened() {
    let outside = Tree::new();
    outside.write("secret", VALUE);
    let tree = Tree::new();
    symlink(outside.0.join("secret"), tree.0.join("file")).unwrap();
    symlink(&outside.0, tree.0.join("directory")).unwrap();
    mkfifo(&tree.0.join("pipe"), Mode::S_IRWXU).unwrap();
    let report = tree.scan();
    assert!(report.is_clean());
    assert_eq!(report.counts.of(Counted::Links), 2);
    assert_eq!(report.counts.of(Counted::Special), 1);
}

#[test]
fn a_root_that_is_a_link_is_followed_only_where_it_may_be() {
    let tree = Tree::new();
    tree.write("below/secret", VALUE);
    let link = tree.0.join("link");
    symlink("below", &link).unwrap();
    let at_link = |follow| {
        let root = Root {
            follow,
            ..Root::new(link.clone())
        };
        let mut watch = |_: &Counts| ControlFlow::Continue(());
        let options = super::Options {
            limits: super::Limits::default(),
            secret_directories: Vec::new(),
            helpers: 0,
            watch: &mut watch,
        };
        scan(&[root], &searcher(), options).findings.len()
    };
    assert_eq!((at_link(false), at_link(true)), (0, 1));
}

#[test]
fn a_root_that_is_a_file_is_searched() {
    let tree = Tree::new();
    tree.write("one", VALUE);
    let report = tree.scan_by(|root| root.path.push("one"), |_| {});
    assert_eq!(tree.found(&report), set(&["one: content, plain"]));
}

#[test]
fn other_mounts_are_counted_and_entered_only_where_asked() {
    let tree = Tree::new();
    let count = |cross_mounts| {
        let proc = |root: &mut Root| {
            root.path = "/proc/sys/fs".into();
            root.cross_mounts = cross_mounts;
        };
        tree.scan_by(proc, |_| {}).counts
    };
    // The kernel mounts binfmt_misc there, or leaves an empty directory.
    let (here, all) = (count(false), count(true));
    let others = here.of(Counted::OtherMounts);
    assert!(all.of(Counted::OtherMounts) == 0 && others <= 1);
    assert!(all.of(Counted::Directories) >= here.of(Counted::Directories) + others);
}

#[test]
fn the_files_of_a_secret_directory_are_counted_only() {
    let tree = Tree::new();
    tree.write("secrets/token", VALUE);
    tree.write("secrets/..data/token", VALUE);
    tree.write("copy", VALUE);
    let own = tree.0.join("secrets");
    let report = tree.scan_by(
        |_| {},
        |options| {
            options.secret_directories = vec![own.clone()];
        },
    );
    assert_eq!(tree.found(&report), set(&["copy: content, plain"]));
    assert_eq!(report.counts.of(Counted::SecretFiles), 2);
}

#[test]
fn a_stream_that_unpacks_to_too_much_is_a_finding_of_its_own() {
    let tree = Tree::new();
    tree.python("write('bomb.gz', gzip.compress(b'x' * 1000000))");
    for (stream, total, limit) in [
        (1_000, u64::MAX, Limit::StreamBytes),
        (u64::MAX, 1_000, Limit::TotalBytes),
    ] {
        let report = tree.scan_by(
            |_| {},
            |options| {
                options.limits = super::Limits { stream, total };
            },
        );
        assert!(!report.is_clean());
        assert_eq!(report.missed.len(), 1);
        assert_eq!(report.missed[0].trouble, Trouble::Limit(limit));
    }
}

#[test]
fn directories_are_entered_to_a_limit_that_is_said() {
    for (levels, name) in [(LEVELS + 10, "d"), (400, &*"d".repeat(200))] {
        let tree = Tree::new();
        let deep = Deep::below(&tree.0, levels, name, ("", ""));
        let report = tree.scan();
        assert_eq!(report.missed.len(), 1);
        assert_eq!(report.missed[0].trouble, Trouble::Limit(Limit::Levels));
        assert!(!report.is_clean());
        drop(deep);
    }
}

#[test]
fn four_hundred_levels_are_searched_below_a_path_of_any_length() {
    // Before and after what is entered first, as names are sorted or hashed.
    let tree = Tree::new();
    let name = "node_modules-and-more";
    let deep = Deep::below(&tree.0, 400, name, ("file", VALUE));
    for helpers in [0, 2] {
        let report = tree.scan_by(|_| {}, |options| options.helpers = helpers);
        assert!(report.missed.is_empty());
        assert_eq!(report.findings.len(), 400, "{helpers}");
        let longest = report
            .findings
            .iter()
            .map(|one| one.path().as_os_str().len());
        assert!(longest.max() > Some(8_000));
    }
    drop(deep);
}

#[test]
fn a_directory_far_above_is_gone_on_with_where_it_was_left() {
    let tree = Tree::new();
    let deep = Deep::below(&tree.0, 200, "d", ("", ""));
    // More than is read at once, beside the way down.
    for number in 0..3_000 {
        tree.write(&format!("d/{number:0100}"), "");
    }
    tree.write("d/last", VALUE);
    let report = tree.scan();
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.counts.of(Counted::Files), 3_001);
    drop(deep);
}

#[test]
fn what_may_not_be_read_is_a_finding_of_its_own() {
    let tree = Tree::new();
    let report = tree.scan_by(|root| root.path.push("gone"), |_| {});
    assert_eq!(report.missed[0].trouble, Trouble::Unreadable(Errno::ENOENT));
    tree.write("shut/file", VALUE);
    tree.write("file", VALUE);
    for name in ["shut", "file"] {
        fs::set_permissions(tree.0.join(name), fs::Permissions::from_mode(0o000)).unwrap();
    }
    let report = tree.scan();
    // Root reads everything.
    if geteuid().is_root() {
        assert_eq!(report.findings.len(), 2);
    } else {
        assert_eq!((report.findings.len(), report.missed.len()), (0, 2));
    }
    fs::set_permissions(tree.0.join("shut"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn further_findings_are_counted() {
    let tree = Tree::new();
    for number in 0..FINDINGS + 5 {
        tree.write(&number.to_string(), VALUE);
    }
    let report = tree.scan();
    assert_eq!(report.findings.len(), FINDINGS);
    assert_eq!(report.counts.of(Counted::Unlisted), 5);
}

#[test]
fn a_scan_ends_when_its_caller_says_so() {
    let tree = Tree::new();
    for number in 0..1_000 {
        tree.write(&number.to_string(), "nothing");
    }
    let mut watch = |_: &Counts| ControlFlow::Break(());
    let options = super::Options {
        limits: super::Limits::default(),
        secret_directories: Vec::new(),
        helpers: 0,
        watch: &mut watch,
    };
    let report = scan(&[Root::new(tree.0.clone())], &searcher(), options);
    assert_eq!(report.end, End::Stopped);
    assert!(!report.is_clean() && report.counts.of(Counted::Files) < 1_000);
}

#[test]
fn a_message_of_a_helper_says_the_same_at_the_other_end() {
    let hit = Hit {
        place: Place::Attribute,
        pattern: 7,
        offset: 1 << 40,
        detail: b"user.x",
    };
    let message = wire::hit(b"/a/\xff", &hit);
    let Some(Message::Hit(path, read)) = wire::read(&message) else {
        panic!("no hit");
    };
    assert_eq!(path, b"/a/\xff");
    assert_eq!(
        (read.place, read.pattern, read.offset),
        (hit.place, 7, 1 << 40)
    );
    assert_eq!(read.detail, b"user.x");
    for trouble in [
        Trouble::Unreadable(Errno::EACCES),
        Trouble::Limit(Limit::Levels),
    ] {
        let message = wire::missed(b"/b", trouble);
        let Some(Message::Missed(path, read)) = wire::read(&message) else {
            panic!("no trouble");
        };
        assert_eq!((path, read), (&b"/b"[..], trouble));
    }
    let mut counts = Counts::default();
    counts.add(Counted::GitDeltas, 3);
    let message = wire::sums(&counts, true);
    assert!(matches!(wire::read(&message), Some(Message::Done(read)) if read == counts));
    let message = wire::sums(&counts, false);
    assert!(matches!(wire::read(&message), Some(Message::Progress(read)) if read == counts));
}

#[test]
fn half_a_message_is_none() {
    let hit = Hit {
        place: Place::Name,
        pattern: 1,
        offset: 2,
        detail: b"detail",
    };
    let message = wire::hit(b"", &hit);
    for length in 0..message.len() {
        assert!(wire::read(&message[..length]).is_none(), "{length}");
    }
    let message = wire::sums(&Counts::default(), true);
    for length in 0..message.len() {
        assert!(wire::read(&message[..length]).is_none(), "{length}");
    }
    assert!(wire::read(&[9; 64]).is_none());
}

#[test]
fn of_troubles_beyond_the_list_the_directories_are_kept_and_at_last_what_is_above_all() {
    let searcher = searcher();
    let mut report = Report::new(&searcher);
    let mut miss = |path: String| {
        report.missed(path.as_bytes(), Trouble::Unreadable(Errno::EACCES));
    };
    for number in 0..FINDINGS {
        miss(format!("/w/{number}"));
    }
    for path in ["/w/x", "/w/x/y", "/home/app", "/w/z", "/"] {
        miss(path.into());
    }
    let beyond = |report: &Report| -> Vec<String> {
        let missed = report.missed.iter().skip(FINDINGS);
        let is_limit = |missed: &Missed| missed.trouble == Trouble::Limit(Limit::Troubles);
        assert!(missed.clone().all(is_limit));
        let paths = missed.map(|missed| missed.path().display().to_string());
        paths.collect()
    };
    assert_eq!(beyond(&report), ["/w", "/home", "/"]);

    report.missed.truncate(FINDINGS);
    for number in 0..=FINDINGS {
        let path = format!("/w/deep/{number}/x");
        report.missed(path.as_bytes(), Trouble::Unreadable(Errno::EACCES));
    }
    let found = beyond(&report);
    assert_eq!(found.len(), FINDINGS);
    assert_eq!(found.first().unwrap(), "/w/deep/0");
    assert_eq!(found.last().unwrap(), "/w/deep");
}
