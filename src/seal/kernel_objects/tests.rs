//! Objects of several users in an IPC namespace of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::super::as_user::ask;
use super::look::{KINDS, objects};
use super::{
    Identity, MESSAGE_QUEUES, Older, Remover, SHARED_MEMORY, SYSTEM_V_OBJECTS, Snapshot, unlisted,
};
use crate::exit::Exit;
use crate::report::Fault;
use crate::sys::ipc::make_each;
use crate::sys::seccomp::Unlisted;

fn user(uid: u32) -> Identity {
    Identity {
        uid,
        gid: uid,
        groups: vec![uid],
        home: PathBuf::from("/"),
    }
}

/// Runs a claim where nobody else has objects.
fn alone(claim: fn()) {
    thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWIPC).unwrap();
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
        fs::create_dir_all(MESSAGE_QUEUES).unwrap();
        for (path, kind) in [(MESSAGE_QUEUES, "mqueue"), (SHARED_MEMORY, "tmpfs")] {
            mount(Some("none"), path, Some(kind), MsFlags::empty(), none).unwrap();
        }
        claim();
    })
    .join()
    .unwrap();
}

/// Makes one of everything as a user, named after it.
fn make_as(uid: u32) {
    let made = ask(&user(uid), &|| {
        make_each().unwrap();
        fs::write(Path::new(MESSAGE_QUEUES).join(format!("q{uid}")), "").unwrap_or_default();
        let shared = Path::new(SHARED_MEMORY);
        fs::write(shared.join(format!("f{uid}")), "x").unwrap();
        fs::create_dir_all(shared.join(format!("d{uid}/below"))).unwrap();
        fs::write(shared.join(format!("d{uid}/below/file")), "x").unwrap();
        b"made".to_vec()
    });
    assert_eq!(made, Ok(b"made".to_vec()));
}

/// The owners of all that is there.
fn counts() -> [usize; 5] {
    let [memory, semaphores, queues] = KINDS.map(|kind| objects(&kind).len());
    let entries = |path| fs::read_dir(path).unwrap().count();
    let (named, files) = (entries(MESSAGE_QUEUES), entries(SHARED_MEMORY));
    [memory, semaphores, queues, named, files]
}

#[test]
fn everything_that_setup_made_is_removed() {
    alone(|| {
        let snapshot = Snapshot::take();
        assert!(!snapshot.is_shared());
        assert_eq!(unlisted(), Unlisted::default());
        make_as(1000);
        assert_eq!(counts(), [1, 1, 1, 1, 2]);
        let cleared = snapshot.clear(&user(1000));
        assert!(cleared.is_complete(false), "{cleared:?}");
        assert_eq!(counts(), [0; 5]);
        assert_eq!(cleared.removed, 8);
    });
}

#[test]
fn what_was_there_before_stays_even_if_it_is_the_same_user_s() {
    alone(|| {
        make_as(1000);
        make_as(1001);
        let snapshot = Snapshot::take();
        assert!(snapshot.is_shared());
        make_as(1002);
        let cleared = snapshot.clear(&user(1000));
        assert!(cleared.left.is_empty(), "{cleared:?}");
        assert_eq!(cleared.removed, 0);
        assert_eq!(counts(), [3, 3, 3, 3, 6]);
        assert!(cleared.is_complete(true));
        assert!(!cleared.is_complete(false), "they appeared since");
        assert_eq!(cleared.exit(), Exit::Seal);
        assert!(
            cleared.what().contains("shared memory segment")
                && cleared.what().contains("/dev/mqueue/q1002"),
            "{}",
            cleared.what()
        );
    });
}

#[test]
fn of_an_earlier_start_only_what_setup_s_user_did_not_have_before_is_removed() {
    alone(|| {
        make_as(1000);
        let older = Older::of(1000);
        // A queue of it that is used meanwhile is the same one.
        fs::write("/dev/shm/other", "x").unwrap();
        make_as(1001);
        let made = ask(&user(1000), &|| {
            make_each().unwrap();
            fs::write(Path::new(MESSAGE_QUEUES).join("new"), "").unwrap_or_default();
            Vec::new()
        });
        made.unwrap();
        assert_eq!(counts(), [3, 3, 3, 3, 5]);
        let kept = Older::parse(&older.text()).unwrap();
        assert_eq!(kept, older);
        let cleared = Snapshot::owed(1000, Some(&kept), Remover::Setup).clear(&user(1000));
        assert!(cleared.is_complete(false), "{cleared:?}");
        assert_eq!((cleared.removed, counts()), (4, [2, 2, 2, 2, 5]));
        assert_eq!(Older::of(1000), older);
    });
}

#[test]
fn where_nobody_may_remove_or_knows_what_is_older_all_of_it_is_named() {
    alone(|| {
        make_as(1000);
        make_as(1001);
        let none = Older::default();
        for (older, remover) in [(None, Remover::Anyone), (Some(&none), Remover::Nobody)] {
            let cleared = Snapshot::owed(1000, older, remover).clear(&user(1000));
            assert_eq!((cleared.removed, cleared.left.len()), (0, 4), "{cleared:?}");
            assert!(cleared.foreign.is_empty(), "{cleared:?}");
            assert!(!cleared.is_complete(true));
            assert!(cleared.remedy().contains("`ipcrm`"));
        }
        assert_eq!(counts(), [2, 2, 2, 2, 4]);
    });
}

#[test]
fn a_list_of_what_is_older_is_whole_or_none() {
    let whole = "1,2//3/18446744073709551615";
    assert_eq!(Older::parse(whole).unwrap().text(), whole);
    assert_eq!(Older::parse("///"), Some(Older::default()));
    for text in [
        "",
        "//",
        "////",
        "1,//3/4",
        "x///",
        "4294967296///",
        "1 2///",
    ] {
        assert_eq!(Older::parse(text), None, "{text}");
    }
}

#[test]
fn what_is_covered_or_another_namespace_s_is_no_list() {
    alone(|| {
        let none = None::<&str>;
        let all = Unlisted {
            queues: true,
            objects: false,
        };
        // Another namespace's queues, in the same place.
        unshare(CloneFlags::CLONE_NEWIPC).unwrap();
        assert_eq!(unlisted(), all);
        assert_eq!(fs::read_dir(MESSAGE_QUEUES).unwrap().count(), 0, "no probe");
        for path in [MESSAGE_QUEUES, SYSTEM_V_OBJECTS] {
            mount(Some("none"), path, Some("tmpfs"), MsFlags::empty(), none).unwrap();
        }
        let objects = true;
        assert_eq!(unlisted(), Unlisted { objects, ..all });
        // Files that only look like the lists.
        for name in ["shm", "sem", "msg"] {
            fs::write(Path::new(SYSTEM_V_OBJECTS).join(name), "shmid uid cuid").unwrap();
        }
        assert!(unlisted().objects);
    });
}
