//! Real files with real owners and modes, asked about for uid 1000.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::thread;

use caps::{CapSet, Capability};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, chown};

use super::super::tests::{Place, assert_root};
use super::walk::{ACCESS_LIST, weakness};
use super::{Ask, Identity, Role, Trusted, Way, Weakness, faults_of, find, steps};
use crate::exit::Exit;
use crate::report::Fault;
use crate::seal::as_user::ask;
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

/// Every step of these could be looked at.
fn weak(path: &Path, identity: &Identity) -> Option<Weakness> {
    weakness(path, identity).unwrap()
}

/// Where below the place, and how.
fn found(place: &Place, name: &str) -> Option<(String, Way)> {
    let weakness = weak(&place.0.join(name), &agent())?;
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
    assert_eq!(weak(Path::new("/etc/passwd"), &agent()), None);
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
    let circle = place.0.join("one");
    assert_eq!(weakness(&circle, &agent()).unwrap_err().errno, Errno::ELOOP);
    // The identity is refused too.
    assert_eq!(find(&circle, &agent(), ask), Ok(None));
    assert_eq!(weak(Path::new("/proc/self/fd/0"), &agent()), None);
    let empty = weakness(Path::new(""), &agent());
    assert_eq!(empty.unwrap_err().errno, Errno::EINVAL);
}

#[test]
fn a_name_that_nothing_can_have_is_nobody_s() {
    let place = place();
    let long = format!("etc/{}", "x".repeat(300));
    for name in ["etc/policy.json/below", long.as_str()] {
        assert_eq!(found(&place, name), None, "{name}");
    }
    set(&place, "etc", (1000, 0, 0o755));
    assert!(found(&place, &long).is_some());
}

/// Root without the capability to look past the modes of directories, as
/// `cap_drop: ALL` leaves it.
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

/// Somebody else's directory, which uid 1000 may search by its group and this root may
/// not at all; `inner` in it is uid 1000's.
fn shut_place() -> (Place, PathBuf) {
    let place = place();
    place.write("shut/inner/policy.json", "");
    set(&place, "shut/inner", (1000, 1000, 0o700));
    set(&place, "shut", (1001, 2000, 0o750));
    let policy = place.0.join("shut/inner/policy.json");
    (place, policy)
}

#[test]
fn a_step_that_cannot_be_looked_at_is_not_judged() {
    let (place, policy) = shut_place();
    let unjudged = without_power(|| weakness(&policy, &agent())).unwrap_err();
    assert_eq!(unjudged.step, place.0.join("shut/inner"));
    assert_eq!(unjudged.rest, Path::new("policy.json"));
    assert_eq!(unjudged.errno, Errno::EACCES);
    // What was found before it counts without the rest.
    set(&place, "shut", (1000, 2000, 0o750));
    let found = without_power(|| weakness(&policy, &agent()))
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.path, found.way),
        (place.0.join("shut"), Way::Replace)
    );
}

#[test]
fn the_identity_itself_looks_where_root_may_not() {
    let (place, policy) = shut_place();
    let found = without_power(|| find(&policy, &agent(), ask))
        .unwrap()
        .unwrap();
    let inner = place.0.join("shut/inner");
    assert_eq!((&found.path, found.way), (&inner, Way::Replace));
    assert_eq!((found.ownership.uid, found.ownership.mode), (1000, 0o700));
    // By a link that the identity may not come to: what it leads to is its own.
    place.write("private/file", "");
    place.link(&place.path("shut"), "private/link");
    set(&place, "private", (0, 0, 0o700));
    let linked = place.0.join("private/link/inner/policy.json");
    let found = without_power(|| find(&linked, &agent(), ask)).unwrap();
    assert_eq!(found.unwrap().path, inner);
}

#[test]
fn what_the_identity_is_refused_too_is_no_way_for_it() {
    let (place, policy) = shut_place();
    set(&place, "shut", (1001, 1001, 0o700));
    assert_eq!(without_power(|| find(&policy, &agent(), ask)), Ok(None));
}

#[test]
fn what_nobody_could_judge_is_a_finding_that_says_what_to_do() {
    let (place, policy) = shut_place();
    let files = [(Role::Policy, policy)];
    // Nobody may become it, or it cannot tell either.
    let children: [Ask; 2] = [|_, _| Err(Errno::EPERM), |_, _| Ok(Vec::new())];
    for child in children {
        let faults = without_power(|| faults_of(&files, &agent(), "main", child));
        let [fault] = faults.as_slice() else {
            panic!("{faults:?}");
        };
        let what = format!(
            "whether main can change {}/inner/policy.json cannot be told, and the next start trusts it",
            place.path("shut")
        );
        assert_eq!(fault.what(), what);
        let looking = format!("looking at {}/inner: permission denied", place.path("shut"));
        assert_eq!(fault.place(), format!("{looking}; main is uid 1000"));
        assert!(
            fault.remedy().contains("cap_add: [SETUID, SETGID]"),
            "{}",
            fault.remedy()
        );
        assert_eq!(fault.exit(), Exit::Policy);
    }
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
    let identity = Identity::root();
    assert_eq!(weak(&place.0.join("etc/policy.json"), &identity), None);
    assert!(weak(Path::new("/etc/passwd"), &identity).is_some());

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
    let faults = faults_of(&files, &agent(), "main's user", ask);
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
fn root_on_a_writable_file_system_is_known_and_has_no_fault() {
    let trusted = Trusted::by(None, &[]);
    assert!(trusted.faults(&Identity::root(), "main", ask).is_empty());
    let policy = place().0.join("etc/policy.json");
    assert!(Trusted::by(Some(&policy), &[]).is_writable_for_root(ask));
}

#[test]
fn every_entry_that_leads_to_a_file_is_a_step_links_included() {
    let place = place();
    symlink("etc", place.0.join("link")).unwrap();
    symlink("../link/policy.json", place.0.join("etc/again")).unwrap();
    let below = |name: &str| {
        let steps = steps(&place.0.join(name))?;
        let steps = steps
            .iter()
            .filter_map(|step| step.strip_prefix(&place.0).ok());
        let steps = steps.filter(|step| *step != Path::new(""));
        Some(
            steps
                .map(|step| step.to_str().unwrap().to_owned())
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(
        below("etc/policy.json").unwrap(),
        ["etc", "etc/policy.json"]
    );
    assert_eq!(
        below("etc/../link/again").unwrap(),
        [
            "etc",
            "link",
            "etc",
            "etc/again",
            "link",
            "etc",
            "etc/policy.json"
        ]
    );
    assert_eq!(below("etc/none"), None);
    symlink("loop", place.0.join("loop")).unwrap();
    assert_eq!(below("loop"), None);
}
