//! Real files with real owners and modes, asked about for uid 1000.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, chown};

use super::super::tests::{Place, assert_root};
use super::walk::ACCESS_LIST;
use super::{Identity, Role, Way, faults, faults_of, is_root_on_writable, weakness};
use crate::exit::Exit;
use crate::report::Fault;
use crate::sys::attribute;

/// Uid and gid 1000, also in group 2000.
fn agent() -> Identity {
    Identity {
        uid: 1000,
        gid: 1000,
        groups: vec![1000, 2000],
        home: PathBuf::from("/"),
    }
}

fn root() -> Identity {
    Identity {
        uid: 0,
        gid: 0,
        groups: vec![0],
        home: PathBuf::from("/root"),
    }
}

/// `etc/policy.json` of root, 0644 in a directory of 0755.
fn place() -> Place {
    assert_root();
    let place = Place::with(&[("etc/policy.json", "{}")]);
    set(&place, "etc", (0, 0, 0o755));
    set(&place, "etc/policy.json", (0, 0, 0o644));
    fs::set_permissions(&place.0, fs::Permissions::from_mode(0o755)).unwrap();
    place
}

fn set(place: &Place, name: &str, (uid, gid, mode): (u32, u32, u32)) {
    let path = place.0.join(name);
    chown(&path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Where below the place, and how.
fn found(place: &Place, name: &str) -> Option<(String, Way)> {
    let weakness = weakness(&place.0.join(name), &agent())?;
    let below = weakness.path.strip_prefix(&place.0).unwrap();
    Some((below.to_str().unwrap().to_owned(), weakness.way))
}

fn policy_with(name: &str, ownership: (u32, u32, u32)) -> Option<(String, Way)> {
    let place = place();
    set(&place, name, ownership);
    found(&place, "etc/policy.json")
}

#[test]
fn a_file_of_root_in_directories_of_root_cannot_be_changed() {
    assert_eq!(found(&place(), "etc/policy.json"), None);
    assert_eq!(weakness(Path::new("/etc/passwd"), &agent()), None);
}

#[test]
fn the_file_s_owner_and_whoever_has_its_write_bit_can_change_it() {
    let changed = Some(("etc/policy.json".to_owned(), Way::Write));
    for (ownership, expected) in [
        ((1000, 0, 0o644), &changed),
        ((1000, 0, 0o400), &changed),
        ((0, 1000, 0o664), &changed),
        ((0, 2000, 0o664), &changed),
        ((0, 0, 0o646), &changed),
        ((0, 0, 0o664), &None),
        ((1001, 1001, 0o664), &None),
    ] {
        assert_eq!(
            policy_with("etc/policy.json", ownership),
            *expected,
            "{ownership:?}"
        );
    }
}

#[test]
fn a_group_without_the_write_bit_is_not_helped_by_that_of_others() {
    assert_eq!(policy_with("etc/policy.json", (0, 1000, 0o606)), None);
}

#[test]
fn a_directory_on_the_way_lets_its_owner_and_writers_replace_the_file() {
    let replaced = Some(("etc".to_owned(), Way::Replace));
    for (ownership, expected) in [
        ((1000, 0, 0o755), &replaced),
        ((1000, 0, 0o555), &replaced),
        ((0, 2000, 0o775), &replaced),
        ((0, 0, 0o777), &replaced),
        ((0, 0, 0o775), &None),
        // Sticky: only the owner of the entry or of the directory replaces.
        ((0, 0, 0o1777), &None),
        ((1000, 0, 0o1755), &replaced),
    ] {
        assert_eq!(policy_with("etc", ownership), *expected, "{ownership:?}");
    }
}

#[test]
fn in_a_sticky_directory_the_entry_s_owner_replaces_it() {
    let place = place();
    set(&place, "etc", (1000, 0, 0o755));
    fs::set_permissions(&place.0, fs::Permissions::from_mode(0o1777)).unwrap();
    assert_eq!(
        found(&place, "etc/policy.json"),
        Some((String::new(), Way::Replace)),
        "its own directory `etc` can be moved away"
    );
}

#[test]
fn a_missing_file_could_be_made_where_its_directory_can_be_written() {
    let place = place();
    assert_eq!(found(&place, "etc/new/policy.json"), None);
    set(&place, "etc", (0, 0, 0o1777));
    assert_eq!(
        found(&place, "etc/new/policy.json"),
        Some(("etc".to_owned(), Way::Create)),
        "a sticky directory keeps nobody from making files"
    );
}

#[test]
fn the_directory_of_each_link_on_the_way_counts() {
    let place = place();
    for name in ["open/policy.json", "links/kept"] {
        place.write(name, "");
    }
    place.link("../etc/policy.json", "links/relative");
    place.link(&place.path("etc"), "links/absolute");
    place.link("links/relative", "twice");
    set(&place, "open", (0, 0, 0o777));
    place.link("../etc/policy.json", "open/link");
    assert_eq!(found(&place, "links/relative"), None);
    assert_eq!(found(&place, "links/absolute/policy.json"), None);
    assert_eq!(found(&place, "twice"), None);
    assert_eq!(
        found(&place, "open/link"),
        Some(("open".to_owned(), Way::Replace))
    );
    set(&place, "links", (1000, 0, 0o755));
    for name in ["links/relative", "links/absolute/policy.json", "twice"] {
        assert_eq!(
            found(&place, name),
            Some(("links".to_owned(), Way::Replace)),
            "{name}"
        );
    }
}

#[test]
fn links_in_a_circle_and_kernel_objects_are_nobody_s() {
    let place = place();
    place.link("two", "one");
    place.link("one", "two");
    assert_eq!(found(&place, "one"), None);
    assert_eq!(weakness(Path::new("/proc/self/fd/0"), &agent()), None);
    assert_eq!(weakness(Path::new(""), &agent()), None);
}

#[test]
fn an_access_list_counts_as_its_mask() {
    let place = place();
    // Version 2; owner rw, uid 1000 rw, group r, mask rw, others r (acl(5)).
    let entries: [(u16, u16, u32); 5] = [
        (0x01, 6, u32::MAX),
        (0x02, 6, 1000),
        (0x04, 4, u32::MAX),
        (0x10, 6, u32::MAX),
        (0x20, 4, u32::MAX),
    ];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, rights, id) in entries {
        list.extend(tag.to_le_bytes());
        list.extend(rights.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    let policy = place.0.join("etc/policy.json");
    attribute::set(&policy, ACCESS_LIST, &list).unwrap();
    assert_eq!(
        found(&place, "etc/policy.json"),
        Some(("etc/policy.json".to_owned(), Way::Write))
    );
}

#[test]
fn on_a_read_only_mount_nobody_changes_and_above_a_mount_nothing_counts() {
    let place = place();
    set(&place, "etc", (1000, 0, 0o777));
    set(&place, "etc/policy.json", (1000, 0, 0o666));
    place.write("data/inner/policy.json", "");
    place.write("data/inner/volume/policy.json", "");
    set(&place, "data", (1000, 0, 0o777));
    // The thread's own mounts: the claims beside this one do not see them.
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
    let bind = |path: &str, flags: MsFlags| {
        let path = place.0.join(path);
        mount(Some(&path), &path, none, MsFlags::MS_BIND, none).unwrap();
        let remount = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | flags;
        mount(none, &path, none, remount, none).unwrap();
    };
    bind("etc/policy.json", MsFlags::MS_RDONLY);
    assert_eq!(found(&place, "etc/policy.json"), None);
    let identity = root();
    assert_eq!(weakness(&place.0.join("etc/policy.json"), &identity), None);
    assert!(weakness(Path::new("/etc/passwd"), &identity).is_some());

    bind("data/inner/volume", MsFlags::empty());
    assert_eq!(found(&place, "data/inner/volume/policy.json"), None);
    assert_eq!(
        found(&place, "data/inner/volume/../policy.json"),
        Some(("data".to_owned(), Way::Replace)),
        "a way that leads out of the mount again"
    );
    set(&place, "data/inner/volume", (0, 0, 0o757));
    assert_eq!(
        found(&place, "data/inner/volume/policy.json"),
        Some(("data/inner/volume".to_owned(), Way::Replace))
    );
}

#[test]
fn the_message_names_file_place_and_what_to_change() {
    let place = place();
    set(&place, "etc", (0, 1000, 0o775));
    let policy = place.0.join("etc/policy.json");
    let files = [(Role::Policy, policy.clone()), (Role::Accounts, policy)];
    let faults = faults_of(&files, &agent(), "main's user");
    let [fault] = faults.as_slice() else {
        panic!("one place to mend is one fault: {faults:?}");
    };
    let etc = place.path("etc");
    assert_eq!(
        fault.what(),
        format!("{etc}/policy.json can be replaced by main's user, and the next start trusts it")
    );
    assert_eq!(
        fault.place(),
        format!("{etc} (owner 0:1000, mode 0775); main's user is uid 1000")
    );
    assert_eq!(
        fault.remedy(),
        format!(
            "take the write bits from {etc} (chmod 0755), or make the file system read-only (compose: `read_only: true`; a mount: `:ro`)"
        )
    );
    assert_eq!(fault.exit(), Exit::Policy);
}

#[test]
fn root_on_a_writable_file_system_is_known_and_nobody_else() {
    assert!(faults(None, &[], &root(), "main").is_empty());
    assert!(!is_root_on_writable(None, &[], &agent()));
    let policy = place().0.join("etc/policy.json");
    assert!(is_root_on_writable(Some(&policy), &[], &root()));
}
