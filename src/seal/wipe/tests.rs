//! Trees that setup could leave, and what may not be touched beside them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::thread;

use caps::{CapSet, Capability};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{Uid, chown, mkfifo};

use super::super::since::Mark;
use super::super::tests::Place;
use super::{Identity, Reason, Tree, Wiped, empty};
use crate::exit::Exit;
use crate::report::{Fault, Reporter};

/// A tree `home` in a place, opened after the mark as setup's home is.
fn home(place: &Place) -> (Mark, Tree) {
    let mark = Mark::set(&place.0).unwrap();
    let path = place.0.join("home");
    fs::create_dir(&path).unwrap();
    (mark, Tree::open(&path).unwrap())
}

fn left(place: &Place, wiped: &Wiped) -> Vec<(String, Reason)> {
    let below = |path: &Path| path.strip_prefix(&place.0).unwrap().to_owned();
    let mut left: Vec<_> = wiped
        .left
        .iter()
        .map(|left| (below(&left.path).to_str().unwrap().to_owned(), left.reason))
        .collect();
    left.sort_by(|one, other| one.0.cmp(&other.0));
    left
}

#[test]
fn files_links_and_directories_of_any_mode_are_removed() {
    let place = Place::new();
    let outside = place.write("outside/kept", "host");
    let (mark, tree) = home(&place);
    for name in ["home/a/b/c/file", "home/.hidden", "home/shut/file"] {
        place.write(name, "x");
    }
    symlink(place.0.join("outside"), place.0.join("home/link")).unwrap();
    symlink("nowhere", place.0.join("home/dangling")).unwrap();
    fs::hard_link(&outside, place.0.join("home/hard")).unwrap();
    mkfifo(&place.0.join("home/fifo"), Mode::S_IRUSR).unwrap();
    fs::set_permissions(place.0.join("home/shut"), fs::Permissions::from_mode(0o0)).unwrap();
    let wiped = tree.remove(&mark);
    assert!(wiped.is_complete(), "{wiped:?}");
    assert_eq!(wiped.removed, 12);
    assert!(!place.0.join("home").exists());
    assert_eq!(fs::read(outside).unwrap(), b"host", "no link was followed");
}

#[test]
fn what_is_older_stays_and_is_named() {
    let place = Place::new();
    place.write("home/.ssh/id_ed25519", "host");
    place.write("elsewhere/old", "host");
    let mark = Mark::set(&place.0).unwrap();
    let tree = Tree::open(&place.0.join("home")).unwrap();
    place.write("home/.ssh/known_hosts", "setup");
    place.write("home/new/file", "setup");
    // The directory that is moved changes, what is in it does not.
    fs::rename(place.0.join("elsewhere"), place.0.join("home/moved")).unwrap();
    let wiped = tree.remove(&mark);
    assert_eq!(
        left(&place, &wiped),
        [
            ("home".to_owned(), Reason::Older),
            ("home/.ssh".to_owned(), Reason::Older),
            ("home/.ssh/id_ed25519".to_owned(), Reason::Older),
            ("home/moved".to_owned(), Reason::Older),
            ("home/moved/old".to_owned(), Reason::Older),
        ]
    );
    assert_eq!(wiped.removed, 3);
    assert!(place.0.join("home/.ssh/id_ed25519").exists());
}

#[test]
fn another_mount_is_not_entered() {
    thread::spawn(|| {
        let place = Place::new();
        place.write("volume/kept", "host");
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
        let (mark, tree) = home(&place);
        fs::create_dir(place.0.join("home/mounted")).unwrap();
        place.write("home/file", "");
        let [from, to] = ["volume", "home/mounted"].map(|name| place.0.join(name));
        mount(Some(&from), &to, none, MsFlags::MS_BIND, none).unwrap();
        let file = place.write("home/bound", "");
        mount(
            Some(&from.join("kept")),
            &file,
            none,
            MsFlags::MS_BIND,
            none,
        )
        .unwrap();
        // Newer than the mark, or its age alone would protect it.
        place.write("volume/kept", "changed");
        let wiped = tree.remove(&mark);
        assert_eq!(
            left(&place, &wiped),
            [
                ("home/bound".to_owned(), Reason::Refused(Errno::EBUSY)),
                ("home/mounted".to_owned(), Reason::OtherMount),
            ]
        );
        assert!(place.0.join("volume/kept").exists());
        for mounted in [to, file] {
            nix::mount::umount2(&mounted, nix::mount::MntFlags::MNT_DETACH).unwrap();
        }
    })
    .join()
    .unwrap();
}

#[test]
fn a_home_that_was_exchanged_is_emptied_where_it_went() {
    let place = Place::new();
    place.write("host/kept", "host");
    let (mark, tree) = home(&place);
    place.write("home/secret", "x");
    fs::rename(place.0.join("home"), place.0.join("away")).unwrap();
    symlink(place.0.join("host"), place.0.join("home")).unwrap();
    let wiped = tree.remove(&mark);
    assert_eq!(left(&place, &wiped), [("home".to_owned(), Reason::Moved)]);
    assert!(place.0.join("host/kept").exists());
    assert!(!place.0.join("away/secret").exists());
}

#[test]
fn a_tree_deeper_than_a_path_or_our_descriptors_is_removed() {
    const LEVELS: usize = 2500;
    let place = Place::new();
    let (mark, tree) = home(&place);
    let mut here = openat(tree.top(), ".", OFlag::O_DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..LEVELS {
        mkdirat(&here, "d", Mode::S_IRWXU).unwrap();
        here = openat(&here, "d", OFlag::O_DIRECTORY, Mode::empty()).unwrap();
    }
    openat(&here, "f", OFlag::O_CREAT, Mode::S_IRUSR).unwrap();
    let wiped = tree.remove(&mark);
    assert!(wiped.is_complete(), "{wiped:?}");
    assert_eq!(wiped.removed, 2502);
}

#[test]
fn a_tree_on_another_mount_than_the_mark_is_left() {
    let place = Place::new();
    let (_, tree) = home(&place);
    let mark = Mark::set(Path::new("/dev/shm")).unwrap();
    let wiped = tree.remove(&mark);
    assert_eq!(
        left(&place, &wiped),
        [("home".to_owned(), Reason::OtherMount)]
    );
}

#[test]
fn a_directory_that_is_emptied_stays_even_if_it_seems_to_be_new() {
    // As one of an image is on an overlay, once setup changed anything in it.
    let place = Place::new();
    let (mark, tree) = home(&place);
    place.write("home/made/file", "setup");
    let wiped = empty(&place.0.join("home"), &mark, Reporter::default());
    assert_eq!((wiped.removed, wiped.left.len()), (2, 0));
    assert_eq!(fs::read_dir(place.0.join("home")).unwrap().count(), 0);
    assert!(tree.remove(&mark).is_complete());
    assert!(!place.0.join("home").exists(), "setup's own goes whole");
}

#[test]
fn only_a_directory_can_be_opened_as_a_tree() {
    let place = Place::new();
    place.write("file", "");
    symlink("/", place.0.join("link")).unwrap();
    for (name, errno) in [
        ("file", Errno::ENOTDIR),
        ("link", Errno::ENOTDIR),
        ("absent", Errno::ENOENT),
    ] {
        assert_eq!(Tree::open(&place.0.join(name)).err(), Some(errno), "{name}");
    }
    assert_eq!(Tree::open(Path::new("/")).err(), Some(Errno::EINVAL));
}

#[test]
fn a_long_list_is_cut_and_counted() {
    let mut wiped = Wiped::default();
    for number in 0..150 {
        wiped.leave(format!("/x/{number}").into(), Reason::Refused(Errno::EPERM));
    }
    let mut sum = Wiped::default();
    sum.add(wiped);
    assert_eq!((sum.left.len(), sum.more), (100, 50));
    let text = sum.what();
    assert!(
        text.contains("/x/0 (operation not permitted)") && text.ends_with("and 142 more"),
        "{text}"
    );
    assert_eq!(sum.exit(), Exit::Seal);
}

#[test]
fn what_only_setup_s_user_can_open_is_removed_by_a_child_of_that_user() {
    let place = Place::new();
    let (mark, tree) = home(&place);
    fs::set_permissions(&place.0, fs::Permissions::from_mode(0o755)).unwrap();
    place.write("home/shut/file", "x");
    for (name, mode) in [
        ("home", 0o755),
        ("home/shut", 0o500),
        ("home/shut/file", 0o400),
    ] {
        let path = place.0.join(name);
        chown(&path, Some(Uid::from_raw(1000)), None).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let identity = Identity {
        uid: 1000,
        gid: 1000,
        groups: vec![1000],
        home: "/".into(),
    };
    thread::spawn(move || {
        for capability in [
            Capability::CAP_DAC_OVERRIDE,
            Capability::CAP_DAC_READ_SEARCH,
        ] {
            caps::drop(None, CapSet::Effective, capability).unwrap();
        }
        let wiped = tree.remove(&mark);
        assert_eq!(left(&place, &wiped).len(), 1, "{wiped:?}");
        let wiped = tree.remove_as(&identity, &mark);
        assert!(wiped.is_complete(), "{wiped:?}");
        assert_eq!(wiped.removed, 3);
        assert!(!place.0.join("home").exists());
    })
    .join()
    .unwrap();
}
