//! Claims about the list of mounts.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::thread;

use caps::{CapSet, Capability};
use nix::unistd::{Gid, Uid, chown};

use super::{Alias, Likeness, Mounts, NoMount, Unseen, is_within, joined};
use crate::seal::tests::Place;

fn line(id: u32, root: &str, point: &str) -> String {
    line_on(0, id, root, point)
}

fn line_on(parent: u32, id: u32, root: &str, point: &str) -> String {
    format!("{id} {parent} 8:1 {root} {point} rw,relatime shared:1 - ext4 /dev/sda1 rw\n")
}

#[test]
fn a_path_lies_on_the_mount_that_the_kernel_comes_to_last() {
    let text = [
        line(1, "/", "/"),
        line_on(1, 2, "/a", "/run"),
        line_on(2, 3, "/b", "/run/secrets"),
        line_on(3, 4, "/c", "/run/secrets"),
        line_on(1, 5, "/d", "/srv/data/old"),
        line_on(1, 6, "/e", "/srv"),
    ]
    .concat();
    let mounts = Mounts::parse(text.as_bytes());
    let id = |path: &str| mounts.of(Path::new(path)).map(|mount| mount.id);
    assert_eq!(id("/run/secrets/x"), Some(4));
    assert_eq!(id("/run/secretsx"), Some(2));
    assert_eq!(id("/etc"), Some(1));
    // What was mounted before `/srv` was lies below it, out of sight.
    assert_eq!(id("/srv/data/old/x"), Some(6));
}

#[test]
fn a_root_that_is_no_mount_leaves_the_paths_on_it_without_one() {
    let text = [line_on(7, 2, "/a", "/run"), line_on(2, 3, "/b", "/run/x")].concat();
    let mounts = Mounts::parse(text.as_bytes());
    assert_eq!(
        mounts.of(Path::new("/run/x/y")).map(|mount| mount.id),
        Some(3)
    );
    assert_eq!(mounts.aliases(Path::new("/etc/passwd")), Err(NoMount));
    assert_eq!(Mounts::default().aliases(Path::new("/")), Err(NoMount));
}

#[test]
fn a_list_that_leads_in_a_circle_has_an_end() {
    let text = [
        line_on(1, 1, "/", "/"),
        line_on(1, 2, "/a", "/run"),
        line_on(2, 1, "/", "/run"),
    ];
    let mounts = Mounts::parse(text.concat().as_bytes());
    assert!(mounts.of(Path::new("/run/x")).is_some());
}

#[test]
fn bytes_tell_what_lies_below_a_directory_as_components_do() {
    let paths = [
        "/",
        "/run",
        "/run/secrets",
        "/run/secretsx",
        "/run/secrets/x",
        "/r",
    ];
    for path in paths.map(Path::new) {
        for directory in paths.map(Path::new) {
            let expected = path.starts_with(directory);
            assert_eq!(
                is_within(path, directory),
                expected,
                "{path:?} {directory:?}"
            );
        }
    }
}

#[test]
fn blanks_are_unescaped_and_stray_backslashes_stay() {
    let text = line(1, "/", r"/a\040b\134c\9\+12\777");
    let mounts = Mounts::parse(text.as_bytes());
    assert_eq!(mounts.list[0].point, PathBuf::from(r"/a b\c\9\+12\777"));
}

#[test]
fn a_list_with_a_line_that_is_none_is_not_the_whole_list() {
    let good = "1 0 8:1 / / rw - tmpfs tmpfs rw";
    assert!(Mounts::parse(good.as_bytes()).is_whole());
    for line in [
        "1 2 3",
        "x 0 8:1 / / rw - t s o",
        "1 x 8:1 / / rw",
        "1 0 8:1 / here rw",
    ] {
        let mounts = Mounts::parse(format!("{good}\n{line}\n").as_bytes());
        assert!(!mounts.is_whole() && mounts.list.len() == 1, "{line}");
    }
    for text in ["", "\n\n"] {
        assert!(!Mounts::parse(text.as_bytes()).is_whole(), "{text}");
    }
    assert!(!Mounts::default().is_whole());
    // The object of the kernel that `ip netns` mounts.
    let object = format!("{good}\n2 1 0:4 net:[1] /run/netns/x rw - nsfs nsfs rw\n");
    assert!(Mounts::parse(object.as_bytes()).is_whole());
}

#[test]
fn this_process_s_own_list_is_whole_and_knows_every_path() {
    let mounts = Mounts::read();
    assert!(mounts.is_whole());
    for path in ["/", "/proc/self", "/etc/passwd", "/dev/null"] {
        assert!(mounts.aliases(Path::new(path)).is_ok(), "{path}");
    }
}

/// `/host/secrets/project` is mounted at `original`, and `root` at `other`.
fn aliases(place: &Place, root: &str) -> Vec<Alias> {
    let text = [
        line(
            1,
            "/host/secrets/project",
            place.0.join("original").to_str().unwrap(),
        ),
        line(2, root, place.0.join("other").to_str().unwrap()),
    ]
    .concat();
    let mounts = Mounts::parse(text.as_bytes());
    mounts.aliases(&place.0.join("original/token")).unwrap()
}

fn twice() -> Place {
    let place = Place::new();
    place.write("original/token", "t");
    fs::create_dir_all(place.0.join("other/project")).unwrap();
    fs::hard_link(
        place.0.join("original/token"),
        place.0.join("other/project/token"),
    )
    .unwrap();
    place.write("other/token", "another");
    place
}

#[test]
fn a_second_mount_of_the_same_file_is_an_alias_and_another_file_is_none() {
    let place = twice();
    // Both are one file, so the paths that the list leads to hold.
    let alias = place.0.join("other/project/token");
    assert_eq!(aliases(&place, "/host/secrets"), [Alias::Same(alias)]);
    // The list leads to a path where another file lies, or to none.
    assert!(aliases(&place, "/host/secrets/project").is_empty());
    assert!(aliases(&place, "/elsewhere").is_empty());
    assert!(aliases(&place, "/host").is_empty(), "ENOENT");
    place.write("other/secrets", "a file");
    assert!(aliases(&place, "/host").is_empty(), "ENOTDIR");
}

/// Without the capability by which root looks past the modes of directories.
fn without_power<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let limited = || {
        for capability in [
            Capability::CAP_DAC_OVERRIDE,
            Capability::CAP_DAC_READ_SEARCH,
        ] {
            caps::drop(None, CapSet::Effective, capability).unwrap();
        }
        work()
    };
    thread::scope(|scope| scope.spawn(limited).join().unwrap())
}

#[test]
fn a_path_that_cannot_be_looked_at_may_be_an_alias() {
    let place = twice();
    let other = place.0.join("other");
    chown(&other, Some(Uid::from_raw(1000)), Some(Gid::from_raw(1000))).unwrap();
    fs::set_permissions(&other, Permissions::from_mode(0o700)).unwrap();
    for root in ["/host/secrets", "/host/secrets/project"] {
        let found = without_power(|| aliases(&place, root));
        let [Alias::Unseen(unseen)] = found.as_slice() else {
            panic!("{root}: {found:?}");
        };
        assert_eq!(without_power(|| unseen.look()), Likeness::Unknown);
        // Whoever may look knows.
        let expected = if root.ends_with("project") {
            Likeness::Other
        } else {
            Likeness::Same
        };
        assert_eq!(unseen.look(), expected, "{root}");
    }
}

#[test]
fn links_in_a_circle_and_an_original_that_nobody_saw_are_no_answer() {
    let place = twice();
    symlink("circle", place.0.join("other/circle")).unwrap();
    let file = Some((0, 0));
    for (name, file, expected) in [
        ("other/circle", file, Likeness::Unknown),
        ("other/token", None, Likeness::Unknown),
        ("other/token", file, Likeness::Other),
        ("other/none", None, Likeness::Other),
        ("other/token/below", file, Likeness::Other),
    ] {
        let path = place.0.join(name);
        assert_eq!(Unseen { path, file }.look(), expected, "{name}");
    }
}

#[test]
fn an_empty_rest_adds_no_slash() {
    assert_eq!(joined(Path::new("/a"), Path::new("")), PathBuf::from("/a"));
}

#[test]
fn every_other_way_counts_whether_the_file_can_be_looked_at_or_not() {
    let text = [
        line(1, "/volume/sub", "/workspace"),
        line(2, "/volume", "/data"),
        line(3, "/volume/sub/below", "/below"),
        line(4, "/", "/host"),
    ]
    .concat();
    let mounts = Mounts::parse(text.as_bytes());
    let ways = mounts.ways_to(Path::new("/workspace/a"));
    assert_eq!(
        ways,
        [Path::new("/data/sub/a"), Path::new("/host/volume/sub/a")]
    );
    assert_eq!(mounts.ways_to(Path::new("/workspace")).len(), 2);
    assert!(
        Mounts::default()
            .ways_to(Path::new("/workspace"))
            .is_empty()
    );
}
