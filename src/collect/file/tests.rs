//! The reading rules, each over both ways to open a file.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{Gid, Uid, chown, mkfifo};

use super::super::tests::{Place, assert_root};
use super::FileProblem::{
    Absent, Blank, ByteOrderMark, Dangling, Directory, Empty, LeavesDirectory, Reference, Special,
    TooLarge, Unreadable,
};
use super::{
    FileProblem, LIMIT, Open, judge, judge_raw, open_beneath, open_by_kernel, open_step_by_step,
    ownership, read_all, read_by,
};

const WAYS: [(&str, Open); 3] = [
    ("openat2", open_by_kernel),
    ("step by step", open_step_by_step),
    ("the one in use", open_beneath),
];

#[expect(
    clippy::disallowed_methods,
    reason = "the tests look at values they made up"
)]
fn read_each(place: &Path, name: impl AsRef<Path>) -> Result<Vec<u8>, FileProblem> {
    let directory = File::open(place).unwrap();
    let [first, second, third] = WAYS.map(|(_, open)| {
        read_by(open, directory.as_fd(), name.as_ref()).map(|value| value.expose().to_vec())
    });
    assert_eq!(first, second, "openat2 and the steps differ");
    assert_eq!(first, third);
    first
}

#[test]
fn every_byte_of_a_file_is_read() {
    let place = Place::new();
    let large = "x".repeat(LIMIT);
    for content in [
        &b"value\n"[..],
        b"value\r\n",
        b"value\n\n\n",
        b"value",
        b"\xef\xbb\xbfvalue",
        b"a\0b",
        b"",
        b" \t\n",
        b"\xff\xfe",
        &[b'x'; 4096],
        &[b'x'; 4097],
        &[b'x'; 4098],
        large.as_bytes(),
    ] {
        place.write("secret", content);
        assert_eq!(read_each(&place.0, "secret").as_deref(), Ok(content));
    }
}

#[test]
fn one_byte_more_than_a_mebibyte_is_too_large() {
    let place = Place::new();
    place.write("secret", "x".repeat(LIMIT + 1));
    assert_eq!(read_each(&place.0, "secret"), Err(TooLarge));
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the tests look at values they made up"
)]
fn a_file_that_grows_while_it_is_read_is_read_to_its_end() {
    let place = Place::new();
    for (first, more, whole) in [
        (3, 5000, Ok(5003)),
        (3, LIMIT - 3, Ok(LIMIT)),
        (3, LIMIT - 2, Err(TooLarge)),
        (LIMIT, 0, Ok(LIMIT)),
        (LIMIT, 1, Err(TooLarge)),
        (5000, 0, Ok(5000)),
    ] {
        let path = place.write("secret", "x".repeat(first));
        let stat = super::fstat(File::open(&path).unwrap()).unwrap();
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(&vec![b'y'; more]).unwrap();
        let read = read_all(&File::open(&path).unwrap().into(), &stat);
        assert_eq!(
            read.map(|value| value.expose().len()),
            whole,
            "{first}+{more}"
        );
    }
}

#[test]
fn only_regular_files_are_secrets_and_nothing_blocks() {
    assert_root();
    let place = Place::new();
    let path = |name: &str| place.0.join(name);
    fs::create_dir(path("directory")).unwrap();
    mkfifo(&path("fifo"), Mode::S_IRUSR).unwrap();
    let _listener = UnixListener::bind(path("socket")).unwrap();
    mknod(&path("null"), SFlag::S_IFCHR, Mode::S_IRUSR, makedev(1, 3))
        .expect("this test needs CAP_MKNOD");
    // No driver has this number: open(2) answers ENXIO.
    mknod(
        &path("none"),
        SFlag::S_IFCHR,
        Mode::S_IRUSR,
        makedev(4095, 7),
    )
    .unwrap();
    assert_eq!(read_each(&place.0, "directory"), Err(Directory));
    for name in ["fifo", "socket", "null", "none"] {
        assert_eq!(read_each(&place.0, name), Err(Special), "{name}");
    }
    assert_eq!(read_each(&place.0, "absent"), Err(Absent));
    assert_eq!(read_each(&place.0, "fifo/below"), Err(Absent));
    assert!(matches!(
        read_each(&place.0, "x".repeat(256)),
        Err(FileProblem::System(_))
    ));
}

#[test]
fn links_are_followed_as_long_as_they_stay_inside() {
    let outer = Place::with(&[
        ("outside", "out"),
        ("in/file", "value"),
        ("in/sub/other", "2"),
    ]);
    let inner = Place(outer.0.join("in"));
    for (target, name, expected) in [
        ("file", "plain", Ok(&b"value"[..])),
        ("./file", "dotted", Ok(b"value")),
        ("sub/other", "down", Ok(b"2")),
        ("../file", "sub/up", Ok(b"value")),
        ("sub/../file", "down-and-up", Ok(b"value")),
        ("plain", "chain-1", Ok(b"value")),
        ("chain-1", "chain-2", Ok(b"value")),
        ("sub", "sub-link", Err(Directory)),
        ("sub/..", "itself", Err(Directory)),
        (".", "dot", Err(Directory)),
        ("sub-link/other", "through-link", Ok(b"2")),
        ("../outside", "out", Err(LeavesDirectory)),
        ("sub/../../outside", "out-by-detour", Err(LeavesDirectory)),
        ("/etc/hostname", "absolute", Err(LeavesDirectory)),
        ("absolute", "to-absolute", Err(LeavesDirectory)),
        ("..", "parent", Err(LeavesDirectory)),
        ("nothing", "dangling", Err(Dangling)),
        ("file/below", "file-as-directory", Err(Dangling)),
        ("circle-2", "circle-1", Err(Dangling)),
        ("circle-1", "circle-2", Err(Dangling)),
        ("itself-again", "itself-again", Err(Dangling)),
    ] {
        inner.link(target, name);
        if name != "circle-1" {
            let read = read_each(&inner.0, name);
            assert_eq!(read.as_deref(), expected.as_ref().copied(), "{name}");
        }
    }
    assert_eq!(read_each(&inner.0, "circle-1"), Err(Dangling));
    assert_eq!(read_each(&inner.0, "sub/up").as_deref(), Ok(&b"value"[..]));
    assert_eq!(
        read_each(&inner.0, "sub-link/other").as_deref(),
        Ok(&b"2"[..])
    );
    assert_eq!(read_each(&inner.0, "../outside"), Err(LeavesDirectory));
    assert_eq!(read_each(&inner.0, "/etc/hostname"), Err(LeavesDirectory));
}

#[test]
fn as_many_links_are_followed_as_the_kernel_follows() {
    let place = Place::with(&[("0", "value")]);
    for number in 1..=41 {
        place.link(&(number - 1).to_string(), &number.to_string());
    }
    assert_eq!(read_each(&place.0, "40").as_deref(), Ok(&b"value"[..]));
    assert_eq!(read_each(&place.0, "41"), Err(Dangling));
}

#[test]
fn a_magic_link_is_none_of_ours() {
    let place = Place::with(&[("file", "value")]);
    place.link("/proc/self/fd/0", "magic");
    assert_eq!(read_each(&place.0, "magic"), Err(LeavesDirectory));
}

#[test]
fn a_hard_link_is_a_file_like_any_other() {
    let place = Place::with(&[("file", "value")]);
    fs::hard_link(place.0.join("file"), place.0.join("other")).unwrap();
    assert_eq!(read_each(&place.0, "other").as_deref(), Ok(&b"value"[..]));
}

#[test]
fn odd_names_are_names() {
    let place = Place::new();
    for name in [
        &b"with space"[..],
        "pässwörd".as_bytes(),
        b"\xff\xfe",
        b"a\x1b[31m\n",
        b".hidden",
        b"-rf",
        b"*",
    ] {
        let name = OsStr::from_bytes(name);
        fs::write(place.0.join(name), "value").unwrap();
        assert_eq!(read_each(&place.0, name).as_deref(), Ok(&b"value"[..]));
    }
}

#[test]
fn a_foreign_owner_is_no_fault_but_is_named() {
    assert_root();
    let place = Place::with(&[("file", "value")]);
    let path = place.0.join("file");
    chown(&path, Some(Uid::from_raw(70)), Some(Gid::from_raw(71))).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
    place.link("file", "link");
    place.link("nothing", "dangling");
    let directory = File::open(&place.0).unwrap();
    assert_eq!(read_each(&place.0, "file").as_deref(), Ok(&b"value"[..]));
    for name in ["file", "link"] {
        let of = ownership(directory.as_fd(), Path::new(name)).unwrap();
        assert_eq!((of.uid, of.gid, of.mode), (70, 71, 0o440));
    }
    assert!(ownership(directory.as_fd(), Path::new("dangling")).is_some());
    assert!(ownership(directory.as_fd(), Path::new("absent")).is_none());
}

/// Runs one test of this binary as another user; it finds its place in the
/// environment, and without one has nothing to do.
#[expect(
    clippy::disallowed_methods,
    reason = "the test binary runs itself, without root's powers"
)]
pub(in crate::collect) fn run_as_nobody(test: &str, place: &Place) {
    assert_root();
    let original = fs::read_link("/proc/self/exe").unwrap();
    let room = Place::new();
    fs::set_permissions(&room.0, fs::Permissions::from_mode(0o755)).unwrap();
    let binary = room.0.join("test");
    fs::copy(original, &binary).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arg(binary)
        .args(["--exact", test, "--nocapture"])
        .env("VESTIBULE_TEST_PLACE", &place.0)
        .output()
        .expect("this test needs setpriv of util-linux");
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && report.contains("1 passed"),
        "{report}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn an_unreadable_file_is_told_from_an_absent_one() {
    let place = Place::with(&[("file", "value"), ("shut/file", "value")]);
    fs::set_permissions(&place.0, fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["file", "shut"] {
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(place.0.join(name), mode).unwrap();
    }
    place.link("shut/file", "link");
    run_as_nobody(
        "collect::file::tests::as_nobody_files_are_unreadable",
        &place,
    );
}

#[test]
fn as_nobody_files_are_unreadable() {
    let Some(place) = std::env::var_os("VESTIBULE_TEST_PLACE") else {
        return;
    };
    let place = Path::new(&place);
    for name in ["file", "shut/file", "link"] {
        assert_eq!(read_each(place, name), Err(Unreadable), "{name}");
    }
    assert_eq!(read_each(place, "absent"), Err(Absent));
    let directory = File::open(place).unwrap();
    let of = ownership(directory.as_fd(), Path::new("file")).unwrap();
    assert_eq!((of.uid, of.mode), (0, 0o600));
}

#[test]
fn a_value_is_judged() {
    for (value, verdict) in [
        (&b"value"[..], Ok(())),
        (b"a\0b", Ok(())),
        (b" x ", Ok(())),
        (b"\xff", Ok(())),
        (b"", Err(Empty)),
        (b" ", Err(Blank)),
        (b"\r\n\t ", Err(Blank)),
        (b"\xef\xbb\xbf", Err(ByteOrderMark)),
        (b"\xef\xbb\xbfvalue", Err(ByteOrderMark)),
        (b"op://a/b/c", Err(Reference("1Password (`op://`)"))),
        (b"vault:8200", Ok(())),
    ] {
        assert_eq!(judge(value), verdict);
    }
    assert_eq!(judge_raw(b""), Err(Empty));
    assert_eq!(judge_raw(b" \n"), Ok(()));
    assert_eq!(judge_raw(b"\xef\xbb\xbf"), Ok(()));
    assert_eq!(judge_raw(b"fernet:x"), Err(Reference("Fernet")));
}
