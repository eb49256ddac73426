//! Journals that were kept, cut short, forged and doubled.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::super::tests::Place;
use super::{FILE, Journal, Memory, Owed, State, find_among};
use crate::collect::accounts::Identity;
use crate::report::Fault;

fn place() -> Place {
    let place = Place::new();
    fs::create_dir(place.0.join("work")).unwrap();
    place
}

fn memory() -> Memory {
    Memory {
        directories: ["/workspace", "/tmp"].map(PathBuf::from).to_vec(),
        homes: vec![("/var/tmp/vestibule-home-a b".into(), (7, 8))],
        marks: vec![("/".into(), (5, 6)), ("/tmp".into(), (3, 4))],
    }
}

fn begin(place: &Place) -> Journal {
    Journal::begin_among(&place.0.join("work"), &layer(place), memory()).unwrap()
}

fn layer(place: &Place) -> PathBuf {
    place.0.join("var/lib/vestibule")
}

fn find(place: &Place) -> Option<Owed> {
    find_among(Some(&place.0.join("work")), &layer(place), &Identity::own())
}

#[test]
fn what_was_begun_is_owed_until_it_is_closed() {
    let place = place();
    assert!(find(&place).is_none());
    let journal = begin(&place);
    let owed = find(&place).unwrap();
    assert_eq!(owed.state, Some(State::SetupRunning));
    assert!(owed.time > Some(1_700_000_000));
    assert!(
        owed.memory
            .directories
            .contains(&PathBuf::from("/workspace"))
    );
    assert_eq!(owed.memory.homes, memory().homes);
    assert_eq!(owed.memory.began(Path::new("/tmp")), Some((3, 4)));
    assert_eq!(owed.memory.began(Path::new("/var")), None);
    journal.refuse(3).unwrap();
    let owed = find(&place).unwrap();
    assert_eq!((owed.state, owed.findings), (Some(State::Refused), 3));
    owed.into_journal().close().unwrap();
    assert!(find(&place).is_none());
    assert_eq!(fs::read_dir(place.0.join("work")).unwrap().count(), 0);
}

#[test]
fn the_one_in_the_layer_is_root_s_alone_and_outlives_the_other() {
    let place = place();
    let journal = begin(&place);
    let found = fs::metadata(layer(&place)).unwrap();
    assert_eq!((found.uid(), found.mode() & 0o777), (0, 0o700));
    fs::remove_file(place.0.join("work").join(FILE)).unwrap();
    assert_eq!(find(&place).unwrap().state, Some(State::SetupRunning));
    assert!(find_among(None, &layer(&place), &Identity::own()).is_some());
    journal.close().unwrap();
    assert!(find(&place).is_none());
}

#[test]
fn one_of_the_two_places_is_enough_and_none_is_a_fault() {
    let place = place();
    let absent = place.0.join("absent");
    let journal = Journal::begin_among(&absent, &layer(&place), memory()).unwrap();
    journal.close().unwrap();
    let shut = place.write("file", "").join("vestibule");
    let journal = Journal::begin_among(&place.0.join("work"), &shut, memory()).unwrap();
    assert!(find(&place).is_some());
    journal.close().unwrap();
    let fault = Journal::begin_among(&absent, &shut, memory()).unwrap_err();
    assert!(fault.place().ends_with(FILE), "{}", fault.place());
}

#[test]
fn a_layer_that_others_could_write_to_is_not_used() {
    let place = place();
    fs::create_dir_all(layer(&place)).unwrap();
    fs::set_permissions(layer(&place), fs::Permissions::from_mode(0o755)).unwrap();
    begin(&place);
    assert!(!layer(&place).join("journal").exists());
}

#[test]
fn setup_never_begins_over_a_journal() {
    let place = place();
    begin(&place);
    for path in [
        place.0.join("work").join(FILE),
        layer(&place).join("journal"),
    ] {
        assert!(Journal::begin_among(&place.0.join("work"), &layer(&place), memory()).is_err());
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn whatever_else_lies_there_owes_everything() {
    let place = place();
    let path = place.0.join("work").join(FILE);
    let made = begin(&place);
    let whole = fs::read_to_string(&path).unwrap();
    made.close().unwrap();
    let cut = whole.len() / 2;
    for content in [
        "",
        "\0\0\0\0",
        "{}",
        "garbage",
        &whole[..cut],
        &whole.replace("setup-running", "done"),
        &whole[..whole.len() - 1],
        &whole.replace("journal 1", "journal 2"),
        &whole.replace("/workspace", "workspace"),
        &whole.replace("findings 0", "findings -1"),
        &whole.replace("findings 0\n", ""),
        &whole.replace("state setup-running\n", ""),
        &whole.replace("time", "word"),
        &whole.replace("mark 5 6", "mark 5"),
        &whole.replace("mark 5 6 /", "mark 5 6 "),
        &whole.replace("home 7 8", "home seven 8"),
    ] {
        fs::write(&path, content).unwrap();
        let owed = find(&place).unwrap();
        assert_eq!(
            (owed.state, owed.memory.directories.len()),
            (None, 0),
            "{content}"
        );
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(find(&place).unwrap().memory.directories.len(), 2);
    fs::remove_file(&path).unwrap();
    symlink("/etc/passwd", &path).unwrap();
    assert_eq!(find(&place).unwrap().state, None, "no link is followed");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(find(&place).unwrap().state, None);
}

#[test]
fn of_two_that_differ_the_worse_counts() {
    let place = place();
    begin(&place).refuse(2).unwrap();
    let path = place.0.join("work").join(FILE);
    let forged = fs::read_to_string(&path)
        .unwrap()
        .replace("refused", "setup-running")
        .replace("findings 2", "findings 0")
        .replace("scan /workspace\nscan /tmp\n", "scan /empty\n");
    fs::write(&path, forged).unwrap();
    let owed = find(&place).unwrap();
    assert_eq!((owed.state, owed.findings), (Some(State::Refused), 2));
    assert!(owed.memory.directories.contains(&PathBuf::from("/tmp")));
    fs::write(&path, "").unwrap();
    let owed = find(&place).unwrap();
    assert_eq!((owed.state, owed.memory.directories.len()), (None, 0));
}

#[test]
fn a_name_that_is_no_line_of_text_means_everything() {
    use std::os::unix::ffi::OsStrExt;
    let place = place();
    for name in [&b"/\xff"[..], b"/a\nscan /b"] {
        let names = [
            "/x".into(),
            PathBuf::from(std::ffi::OsStr::from_bytes(name)),
        ];
        let nowhere = Path::new("/proc/none");
        let memory = Memory {
            directories: names.to_vec(),
            ..Memory::default()
        };
        let journal = Journal::begin_among(&place.0.join("work"), nowhere, memory).unwrap();
        let owed = find(&place).unwrap();
        assert_eq!(
            (owed.state, owed.memory.directories.len()),
            (Some(State::SetupRunning), 0)
        );
        journal.close().unwrap();
    }
}
