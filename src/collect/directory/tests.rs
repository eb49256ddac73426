//! Layouts of Compose, Swarm, Kubernetes and systemd; scopes; walks.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::super::file::tests::run_as_nobody;
use super::super::tests::{Place, assert_root, container, policy, scopes, whats};
use super::{Entry, FileProblem, Found, Located, Scopes, read_path};
use crate::exit::Exit;
use crate::names::SecretPath;
use crate::report::Fault;

#[expect(
    clippy::disallowed_methods,
    reason = "the tests look at values they made up"
)]
fn value(found: &Found<'_>) -> Result<String, FileProblem> {
    let value = found.read()?;
    Ok(String::from_utf8(value.expose().to_vec()).unwrap())
}

fn find(scopes: &Scopes, name: &str) -> Option<String> {
    let found = scopes.find(&SecretPath::parse(name).unwrap())?;
    Some(value(&found).unwrap())
}

/// A walk as text: what, where, and the value.
fn walked(scopes: &Scopes, place: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let below = |path: &Path| {
        let path = path.strip_prefix(place).unwrap_or(path);
        path.to_string_lossy().into_owned()
    };
    scopes
        .walk(&mut |entry| {
            lines.push(match entry {
                Entry::Top(found) => format!("{}={:?}", below(&found.path), value(&found)),
                Entry::Nested(found, label) => {
                    let value = value(&found);
                    format!("{} ({})={value:?}", below(&found.path), label.display())
                }
                Entry::EmptyDirectory(path) => format!("{} empty", below(&path)),
                Entry::Shut(path) => format!("{} shut", below(&path)),
            });
        })
        .unwrap();
    lines
}

/// As kubelet lays out a secret volume.
fn publish(place: &Place, version: &str, files: &[(&str, &str)]) {
    for (name, content) in files {
        place.write(&format!("..{version}/{name}"), content);
        let first = name.split('/').next().unwrap();
        let link = place.0.join(first);
        if !link.is_symlink() {
            symlink(format!("..data/{first}"), link).unwrap();
        }
    }
    place.link(&format!("..{version}"), "..data_tmp");
    fs::rename(place.0.join("..data_tmp"), place.0.join("..data")).unwrap();
}

#[test]
fn the_kubernetes_snapshot_that_was_opened_counts() {
    let place = Place::new();
    publish(
        &place,
        "1",
        &[("user", "old"), ("password", "old"), ("sub/deep", "old")],
    );
    let none = container(&[]);
    let scopes = scopes(&[&place], &none);
    assert_eq!(find(&scopes, "user").as_deref(), Some("old"));
    publish(
        &place,
        "2",
        &[("user", "new"), ("password", "new"), ("late", "new")],
    );
    assert_eq!(find(&scopes, "password").as_deref(), Some("old"));
    assert_eq!(find(&scopes, "late"), None);
    assert_eq!(
        walked(&scopes, &place.0),
        [
            "password=Ok(\"old\")",
            "sub/deep (sub/deep)=Ok(\"old\")",
            "user=Ok(\"old\")"
        ]
    );
    let Located::Nested(deep) = scopes.locate(&place.0.join("sub/deep")) else {
        panic!("it lies below");
    };
    assert_eq!(value(&deep).as_deref(), Ok("old"));
}

#[test]
fn what_lies_beside_a_snapshot_is_seen_too() {
    let place = Place::with(&[
        ("beside", "1"),
        ("kubernetes.io/token", "2"),
        ("..odd", "3"),
    ]);
    publish(&place, "1", &[("user", "old")]);
    let scopes = scopes(&[&place], &container(&[]));
    assert_eq!(
        walked(&scopes, &place.0),
        [
            "beside=Ok(\"1\")",
            "kubernetes.io/token (kubernetes.io/token)=Ok(\"2\")",
            "user=Ok(\"old\")"
        ]
    );
    assert_eq!(find(&scopes, "beside").as_deref(), Some("1"));
}

#[test]
fn a_snapshot_that_leads_out_is_none() {
    let outer = Place::with(&[("elsewhere/file", "out"), ("in/file", "in")]);
    let inner = outer.0.join("in");
    symlink("../elsewhere", inner.join("..data")).unwrap();
    let scopes = Scopes::among(&[], vec![inner.clone()], &container(&[])).unwrap();
    assert_eq!(find(&scopes, "file").as_deref(), Some("in"));
    assert_eq!(
        walked(&scopes, &inner),
        ["..data=Err(LeavesDirectory)", "file=Ok(\"in\")"]
    );
}

#[test]
fn a_walk_sees_everything_and_enters_no_link() {
    let place = Place::with(&[
        ("b", "2"),
        (".hidden", "1"),
        ("sub/one", "3"),
        ("sub/.two", "4"),
        ("1/2/3/4/5/6/7/8", "8"),
        ("1/2/3/4/5/6/7/d/9", "9"),
    ]);
    fs::create_dir(place.0.join("empty")).unwrap();
    fs::create_dir(place.0.join("sub/empty")).unwrap();
    place.link("sub", "to-sub");
    place.link("/etc", "to-etc");
    fs::write(place.0.join(OsStr::from_bytes(b"\xff")), "5").unwrap();
    assert_eq!(
        walked(&scopes(&[&place], &container(&[])), &place.0),
        [
            ".hidden=Ok(\"1\")",
            "1/2/3/4/5/6/7/8 (1/2/3/4/5/6/7/8)=Ok(\"8\")",
            "1/2/3/4/5/6/7/d shut",
            "b=Ok(\"2\")",
            "empty empty",
            "sub/.two (sub/.two)=Ok(\"4\")",
            "sub/one (sub/one)=Ok(\"3\")",
            "to-etc=Err(LeavesDirectory)",
            "to-sub=Err(Directory)",
            "\u{fffd}=Ok(\"5\")",
        ]
    );
}

#[test]
fn the_narrowest_scope_wins() {
    let [wide, narrow] = [
        Place::with(&[("a", "wide"), ("b", "wide")]),
        Place::with(&[("b", "narrow"), ("c", "narrow")]),
    ];
    let path = narrow.0.to_str().unwrap();
    for scopes in [
        scopes(&[&wide, &narrow], &container(&[])),
        scopes(&[&wide], &container(&[("CREDENTIALS_DIRECTORY", path)])),
        Scopes::among(&[&wide.0], vec![narrow.0.clone()], &container(&[])).unwrap(),
    ] {
        assert_eq!(find(&scopes, "a").as_deref(), Some("wide"));
        assert_eq!(find(&scopes, "b").as_deref(), Some("narrow"));
        assert_eq!(find(&scopes, "c").as_deref(), Some("narrow"));
        assert_eq!(find(&scopes, "d"), None);
        assert_eq!(walked(&scopes, Path::new("/")).len(), 4);
        assert_eq!(scopes.searched, [wide.0.clone(), narrow.0.clone()]);
    }
}

#[test]
fn one_directory_under_two_paths_is_listed_once() {
    let place = Place::with(&[("run/secrets/a", "1"), ("run/secrets/team/b", "2")]);
    symlink("run", place.0.join("var")).unwrap();
    let [by_var, by_run, team] =
        ["var/secrets", "run/secrets", "run/secrets/team"].map(|path| place.0.join(path));
    let usual = [by_var.as_path(), by_run.as_path()];
    let none = container(&[("CREDENTIALS_DIRECTORY", "")]);
    for (listed, searched) in [
        (vec![by_run.clone()], vec![by_run.clone()]),
        (vec![by_var.clone()], vec![by_var.clone()]),
        (vec![], vec![by_run.clone()]),
    ] {
        let scopes = Scopes::among(&usual, listed, &none).unwrap();
        assert_eq!(walked(&scopes, &place.0).len(), 2);
        assert_eq!(scopes.searched, searched);
        for alias in [&by_var, &by_run] {
            assert!(matches!(scopes.locate(&alias.join("a")), Located::Top(_)));
        }
    }
    // A scope inside another one is walked once, and searched first.
    let scopes = Scopes::among(&usual, vec![by_run.clone(), team], &none).unwrap();
    assert_eq!(
        walked(&scopes, &place.0),
        ["run/secrets/team/b=Ok(\"2\")", "run/secrets/a=Ok(\"1\")"]
    );
}

#[test]
fn the_usual_places_are_always_secret_directories() {
    let other = policy(r#"{"version": 1, "secret_dirs": ["/nowhere"]}"#);
    let usual = Path::new("/run/secrets");
    for policy in [None, Some(&other)] {
        let scopes = Scopes::open(policy, &container(&[])).unwrap();
        let is_there = usual.is_dir();
        assert_eq!(scopes.from_wide_to_narrow.len(), usize::from(is_there));
        assert!(policy.is_some() || scopes.searched == [usual]);
    }
}

#[test]
fn a_path_is_located_by_its_directory() {
    let place = Place::with(&[("in/a", "1"), ("in/sub/b", "2"), ("out", "3")]);
    let inner = Place(place.0.join("in"));
    let missing = place.0.join("missing");
    let listed = vec![inner.0.clone(), missing.clone()];
    let scopes = Scopes::among(&[], listed, &container(&[])).unwrap();
    let at = |name: &str| scopes.locate(&place.0.join(name));
    assert!(matches!(at("in/a"), Located::Top(_)));
    assert!(matches!(at("in/absent"), Located::Top(_)));
    assert!(matches!(at("in/sub/b"), Located::Nested(_)));
    assert!(matches!(at("out"), Located::Outside));
    assert!(matches!(at("missing/a"), Located::Unmounted));
    assert!(matches!(scopes.locate(Path::new("/")), Located::Outside));
    let Located::Nested(itself) = at("in") else {
        panic!("the directory itself is named");
    };
    assert_eq!(value(&itself), Err(FileProblem::Directory));
    let Located::Nested(outside) = at("in/sub/../../out") else {
        panic!("by its text it lies below");
    };
    assert_eq!(value(&outside), Err(FileProblem::LeavesDirectory));
}

#[test]
fn a_path_through_a_link_to_a_secret_directory_is_located_below_it() {
    let place = Place::with(&[("run/secrets/team/token", "1")]);
    symlink("run", place.0.join("var-run")).unwrap();
    let secrets = place.0.join("run/secrets");
    let scopes = Scopes::among(&[], vec![secrets.clone()], &container(&[])).unwrap();
    let Located::Nested(found) = scopes.locate(&place.0.join("var-run/secrets/team/token")) else {
        panic!("it lies in a subdirectory");
    };
    assert_eq!(found.path, secrets.join("team/token"));
    assert_eq!(value(&found).as_deref(), Ok("1"));
}

#[test]
fn a_directory_that_is_none_is_refused() {
    let place = Place::with(&[("file", "1")]);
    let none = container(&[]);
    let fault = Scopes::among(&[], vec![place.0.join("file")], &none)
        .err()
        .unwrap();
    assert_eq!(
        fault.what(),
        "cannot open a secret directory: not a directory"
    );
    assert_eq!(fault.exit(), Exit::Policy);
    let relative = container(&[("CREDENTIALS_DIRECTORY", "credentials")]);
    let fault = Scopes::among(&[], vec![], &relative).err().unwrap();
    assert_eq!(
        whats(&[fault]),
        ["`CREDENTIALS_DIRECTORY` is not an absolute path"]
    );
    // A usual place that is none holds nothing.
    let file = place.0.join("file");
    assert!(Scopes::among(&[&file], vec![], &none).is_ok());
}

#[test]
fn without_permission_directories_are_shut_or_refused() {
    assert_root();
    let place = Place::with(&[
        ("open/sub/file", "1"),
        ("open/file", "2"),
        ("shut/file", "3"),
    ]);
    for name in ["open/sub", "shut"] {
        let mode = fs::Permissions::from_mode(0o700);
        fs::set_permissions(place.0.join(name), mode).unwrap();
    }
    // May be listed, but its entries may not be looked at.
    let blind = place.write("blind/file", "4");
    let mode = fs::Permissions::from_mode(0o744);
    fs::set_permissions(blind.parent().unwrap(), mode).unwrap();
    run_as_nobody(
        "collect::directory::tests::as_nobody_directories_are_shut",
        &place,
    );
}

#[test]
fn as_nobody_directories_are_shut() {
    let Some(place) = std::env::var_os("VESTIBULE_TEST_PLACE").map(PathBuf::from) else {
        return;
    };
    let none = container(&[]);
    let (open, shut, blind) = (place.join("open"), place.join("shut"), place.join("blind"));
    let fault = Scopes::among(&[], vec![shut.clone()], &none).err().unwrap();
    assert_eq!(
        fault.what(),
        "cannot open a secret directory: permission denied"
    );
    assert!(fault.place().ends_with("opened as uid 65534"));
    let scopes = Scopes::among(&[&shut], vec![open], &none).unwrap();
    assert_eq!(
        walked(&scopes, &place),
        ["open/file=Ok(\"2\")", "open/sub shut", "shut shut"]
    );
    let scopes = Scopes::among(&[], vec![blind.clone()], &none).unwrap();
    let found = scopes.find(&SecretPath::parse("file").unwrap()).unwrap();
    assert_eq!(value(&found), Err(FileProblem::Unreadable));
    assert!(found.ownership().is_none());
    let (problem, ownership) = read_path(&shut.join("file")).err().unwrap();
    assert_eq!((problem, ownership), (FileProblem::Unreadable, None));
}

#[test]
fn a_whole_path_is_read_by_the_same_rules() {
    let place = Place::with(&[("in/file", "1"), ("out", "2")]);
    symlink("../out", place.0.join("in/link")).unwrap();
    let problem = |name: &str| {
        read_path(&place.0.join(name))
            .err()
            .map(|(problem, _)| problem)
    };
    assert_eq!(problem("in/file"), None);
    assert_eq!(problem("in/absent"), Some(FileProblem::Absent));
    assert_eq!(problem("absent/file"), Some(FileProblem::Absent));
    assert_eq!(problem("out/file"), Some(FileProblem::Absent));
    assert_eq!(problem("in"), Some(FileProblem::Directory));
    assert_eq!(problem("in/link"), Some(FileProblem::LeavesDirectory));
    assert_eq!(problem("in/.."), Some(FileProblem::Directory));
    let long = "x".repeat(5000);
    assert!(matches!(
        problem(&format!("{long}/x")),
        Some(FileProblem::System(_))
    ));
    // A name without a directory lies in the working directory.
    assert!(read_path(Path::new("Cargo.toml")).is_ok());
}

/// Reads of this thread (proc(5)), including those of directories.
fn reads() -> u64 {
    let counters = fs::read_to_string("/proc/thread-self/io").unwrap();
    let line = counters.lines().find(|line| line.starts_with("syscr:"));
    line.unwrap()["syscr: ".len()..].parse().unwrap()
}

#[test]
fn ten_thousand_files_take_ten_times_the_reads_of_a_thousand() {
    let mut counts = Vec::new();
    for size in [1_000, 10_000] {
        let place = Place::new();
        for number in 0..size {
            fs::write(place.0.join(format!("secret-{number}")), "value").unwrap();
        }
        let scopes = scopes(&[&place], &container(&[]));
        let before = reads();
        assert_eq!(walked(&scopes, &place.0).len(), size);
        counts.push(reads() - before);
    }
    let [few, many] = counts[..] else {
        panic!("two sizes")
    };
    assert!(many <= few * 10 + 100, "{few} reads became {many}");
}
