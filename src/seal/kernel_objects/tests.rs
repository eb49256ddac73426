//! Objects of several users in an IPC namespace of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::super::as_user::ask;
use super::look::{KINDS, objects};
use super::{Identity, MESSAGE_QUEUES, SHARED_MEMORY, Snapshot};
use crate::exit::Exit;
use crate::report::Fault;
use crate::sys::ipc::make_each;

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
        assert_eq!(snapshot.unseen(), [""; 0]);
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
