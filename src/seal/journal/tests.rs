//! Journals that were kept, cut short, forged and doubled.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::thread;

use caps::{CapSet, Capability};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::lstat;

use super::super::tests::Place;
use super::kept::ATTRIBUTE;
use super::{
    Doubt, FILE, Journal, JournalFault, Memory, Owed, State, find_among, firm, layer as in_layer,
};
use crate::collect::accounts::Identity;
use crate::report::Fault;
use crate::seal::kernel_objects::Older;
use crate::seal::since::Mark;
use crate::sys::attribute;

fn place() -> Place {
    let place = Place::new();
    fs::create_dir(place.0.join("work")).unwrap();
    place
}

/// Where setup's directory can have an attribute, and where it cannot.
fn on_both(claim: fn(&Place)) {
    claim(&place());
    thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
        let place = place();
        let work = place.0.join("work");
        mount(Some("none"), &work, Some("ramfs"), MsFlags::empty(), none).unwrap();
        claim(&place);
        umount2(&work, MntFlags::MNT_DETACH).unwrap();
    })
    .join()
    .unwrap();
}

/// The journal in setup's directory as somebody else would see it.
fn seen(place: &Place) -> Option<String> {
    let work = place.0.join("work");
    let mut room = [0; 4096];
    match attribute::get(&work, ATTRIBUTE, &mut room).unwrap() {
        Some(count) => Some(String::from_utf8(room[..count].to_vec()).unwrap()),
        None => fs::read_to_string(work.join(FILE)).ok(),
    }
}

/// Puts it there as somebody else would.
fn forge(place: &Place, content: &str) {
    let work = place.0.join("work");
    if attribute::set(&work, ATTRIBUTE, content.as_bytes()).is_err() {
        fs::write(work.join(FILE), content).unwrap();
    }
}

fn take_away(place: &Place) {
    let work = place.0.join("work");
    let _ = fs::remove_file(work.join(FILE));
    let _ = attribute::remove(&work, ATTRIBUTE);
}

fn memory() -> Memory {
    Memory {
        directories: ["/workspace", "/tmp"].map(PathBuf::from).to_vec(),
        homes: vec![("/var/tmp/vestibule-home-a b".into(), (7, 8))],
        marks: vec![("/".into(), (5, 6)), ("/tmp".into(), (3, 4))],
        older: Older::parse("1,2//3/4"),
    }
}

/// Setup's user, who may replace nothing on the way to these places.
fn agent() -> Identity {
    Identity {
        uid: 1000,
        gid: 1000,
        groups: vec![1000],
        home: "/".into(),
    }
}

fn begin(place: &Place) -> Journal {
    try_begin(&place.0.join("work"), &layer(place), memory()).unwrap()
}

fn try_begin(work: &Path, layer: &Path, memory: Memory) -> Result<Journal, JournalFault> {
    Journal::begin_among(Some(work), layer, memory, &agent())
}

fn layer(place: &Place) -> PathBuf {
    place.0.join("var/lib/vestibule")
}

fn find(place: &Place) -> Option<Owed> {
    find_among(Some(&place.0.join("work")), &layer(place), &agent())
}

#[test]
fn what_was_begun_is_owed_until_it_is_closed() {
    on_both(what_was_begun_is_owed);
}

fn what_was_begun_is_owed(place: &Place) {
    assert!(find(place).is_none());
    let journal = begin(place);
    let owed = find(place).unwrap();
    assert_eq!(owed.state, Some(State::SetupRunning));
    assert!(owed.time > Some(1_700_000_000));
    assert!(
        owed.memory
            .directories
            .contains(&PathBuf::from("/workspace"))
    );
    assert_eq!(owed.memory.homes, memory().homes);
    assert_eq!(owed.memory.began(Path::new("/tmp")), Some((3, 4)));
    assert_eq!(owed.memory.older, memory().older);
    assert_eq!(owed.memory.began(Path::new("/var")), None);
    assert!(!owed.is_complete());
    journal.refuse(false).unwrap();
    assert_eq!(find(place).unwrap().state, Some(State::RefusedUnrevoked));
    journal.refuse(true).unwrap();
    let owed = find(place).unwrap();
    assert_eq!(owed.state, Some(State::Refused));
    assert!(owed.is_complete());
    owed.into_journal(&agent()).close().unwrap();
    assert!(find(place).is_none());
    assert_eq!(fs::read_dir(place.0.join("work")).unwrap().count(), 0);
}

#[test]
fn a_refusal_over_an_unfinished_setup_leaves_it_unfinished() {
    let place = place();
    begin(&place);
    let journal = find(&place).unwrap().into_journal(&agent());
    journal.refuse(true).unwrap();
    assert_eq!(find(&place).unwrap().state, Some(State::SetupRunning));
}

#[test]
fn the_one_in_the_layer_is_root_s_alone_and_outlives_the_other() {
    let place = place();
    let journal = begin(&place);
    let found = fs::metadata(layer(&place)).unwrap();
    assert_eq!((found.uid(), found.mode() & 0o777), (0, 0o700));
    take_away(&place);
    assert_eq!(find(&place).unwrap().state, Some(State::SetupRunning));
    assert!(find_among(None, &layer(&place), &agent()).is_some());
    journal.close().unwrap();
    assert!(find(&place).is_none());
}

#[test]
fn one_of_the_two_places_is_enough_and_none_is_a_fault() {
    let place = place();
    let absent = place.0.join("absent");
    let journal = try_begin(&absent, &layer(&place), memory()).unwrap();
    journal.close().unwrap();
    let shut = place.write("file", "").join("vestibule");
    let journal = try_begin(&place.0.join("work"), &shut, memory()).unwrap();
    assert!(find(&place).is_some());
    journal.close().unwrap();
    let fault = try_begin(&absent, &shut, memory()).unwrap_err();
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
fn where_there_are_attributes_the_directory_stays_empty() {
    let place = place();
    let journal = begin(&place);
    assert_eq!(fs::read_dir(place.0.join("work")).unwrap().count(), 0);
    assert!(seen(&place).is_some());
    journal.close().unwrap();
    assert_eq!(seen(&place), None);
    let link = place.0.join("link");
    symlink("work", &link).unwrap();
    let journal = try_begin(&link, &layer(&place), memory()).unwrap();
    assert!(seen(&place).is_some(), "the link was followed");
    journal.close().unwrap();
}

#[test]
fn what_comes_after_a_file_in_setup_s_directory_is_younger() {
    on_both(|place| {
        for _ in 0..20 {
            let work = place.0.join("work");
            // Without one in the layer, which takes its time.
            let journal = try_begin(&work, Path::new("/proc/none"), memory()).unwrap();
            fs::write(work.join("new"), "").unwrap();
            // Where there are attributes, there is no such file.
            let has_attribute = attribute::get(&work, ATTRIBUTE, &mut []).unwrap_or(None);
            let mark = Mark::of_file(&work.join(FILE));
            assert_ne!(has_attribute.is_some(), mark.is_ok());
            if let Ok(mark) = mark {
                assert!(mark.is_before(&lstat(&work.join("new")).unwrap()));
            }
            fs::remove_file(work.join("new")).unwrap();
            journal.close().unwrap();
        }
    });
}

#[test]
fn setup_never_begins_over_a_journal() {
    on_both(|place| {
        begin(place);
        let again = || try_begin(&place.0.join("work"), &layer(place), memory());
        assert!(again().is_err());
        take_away(place);
        assert!(again().is_err());
        take_away(place);
        fs::remove_file(layer(place).join("journal")).unwrap();
        assert!(again().is_ok());
    });
}

#[test]
fn whatever_else_lies_there_owes_everything() {
    on_both(anything_owes_everything);
}

fn anything_owes_everything(place: &Place) {
    let made = begin(place);
    let whole = seen(place).unwrap();
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
        &whole.replace("state setup-running\n", ""),
        &whole.replace("time", "word"),
        &whole.replace("mark 5 6", "mark 5"),
        &whole.replace("mark 5 6 /", "mark 5 6 "),
        &whole.replace("home 7 8", "home seven 8"),
        &whole.replace("objects 1,2//3/4", "objects 1,2//3"),
    ] {
        forge(place, content);
        let owed = find(place).unwrap();
        assert_eq!(
            (owed.state, owed.memory.directories.len()),
            (None, 0),
            "{content}"
        );
    }
    forge(place, &whole);
    assert_eq!(find(place).unwrap().memory.directories.len(), 2);
    take_away(place);
    let path = place.0.join("work").join(FILE);
    symlink("/etc/passwd", &path).unwrap();
    assert_eq!(find(place).unwrap().state, None, "no link is followed");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(find(place).unwrap().state, None);
}

#[test]
fn of_two_that_differ_the_worse_counts() {
    on_both(the_worse_counts);
}

fn the_worse_counts(place: &Place) {
    begin(place).refuse(true).unwrap();
    let whole = seen(place).unwrap();
    for (word, state) in [
        ("refused-unrevoked", State::RefusedUnrevoked),
        ("setup-running", State::SetupRunning),
    ] {
        forge(place, &whole.replace("refused", word));
        assert_eq!(find(place).unwrap().state, Some(state));
    }
    let forged = whole.replace("scan /workspace\nscan /tmp\n", "scan /empty\n");
    forge(place, &forged);
    let owed = find(place).unwrap();
    assert_eq!(owed.state, Some(State::Refused));
    assert!(owed.memory.directories.contains(&PathBuf::from("/tmp")));
    forge(place, "");
    let owed = find(place).unwrap();
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
        let journal = try_begin(&place.0.join("work"), nowhere, memory).unwrap();
        let owed = find(&place).unwrap();
        assert_eq!(
            (owed.state, owed.memory.directories.len()),
            (Some(State::SetupRunning), 0)
        );
        journal.close().unwrap();
    }
}

/// A directory of setup's user, in which that user could replace `work`.
fn replaceable(place: &Place) -> PathBuf {
    let own = place.0.join("own");
    fs::create_dir_all(own.join("work")).unwrap();
    for path in [&own, &own.join("work")] {
        chown(path, Some(1000), Some(1000)).unwrap();
    }
    fs::set_permissions(&place.0, fs::Permissions::from_mode(0o755)).unwrap();
    own
}

#[test]
fn where_setup_could_replace_its_directory_the_journal_lies_above_it() {
    let place = place();
    let own = replaceable(&place);
    let work = own.join("work");
    let nowhere = Path::new("/proc/none");
    let journal = try_begin(&work, nowhere, memory()).unwrap();
    // Another directory below the same one has one of its own.
    let other = try_begin(&own.join("absent"), nowhere, memory()).unwrap();
    fs::rename(&work, own.join("away")).unwrap();
    let find = || find_among(Some(&work), nowhere, &agent());
    assert_eq!(find().unwrap().state, Some(State::SetupRunning), "nothing");
    symlink("away", &work).unwrap();
    assert!(find().is_some(), "a link");
    fs::remove_file(&work).unwrap();
    fs::write(&work, "").unwrap();
    assert!(find().is_some(), "a file");
    other.close().unwrap();
    journal.close().unwrap();
    assert!(find().is_none());
}

#[test]
fn a_place_that_setup_s_user_could_open_later_has_a_journal_or_there_is_no_setup() {
    let place = place();
    let own = replaceable(&place);
    fs::set_permissions(&own, fs::Permissions::from_mode(0o555)).unwrap();
    thread::spawn(move || {
        for right in [Capability::CAP_DAC_OVERRIDE, Capability::CAP_FOWNER] {
            for set in [CapSet::Effective, CapSet::Permitted] {
                caps::drop(None, set, right).unwrap();
            }
        }
        let layer = layer(&place);
        assert!(try_begin(&own.join("work"), &layer, memory()).is_err());
        assert!(!layer.join("journal").exists());
    })
    .join()
    .unwrap();
}

#[test]
fn where_there_is_no_room_for_all_the_next_start_searches_more() {
    let place = place();
    let mut long = memory();
    long.marks = (0..3000)
        .map(|number| (format!("/volumes/{number}").into(), (1, 1)))
        .collect();
    let work = place.0.join("work");
    let journal = try_begin(&work, Path::new("/proc/none"), long).unwrap();
    let owed = find(&place).unwrap();
    assert_eq!(owed.state, Some(State::SetupRunning));
    assert_eq!(owed.memory.homes, memory().homes);
    assert!(owed.memory.marks.is_empty() && owed.memory.older.is_none());
    assert!(!work.join(FILE).exists(), "no file that setup could remove");
    journal.close().unwrap();
}

/// Why the absence of a journal proves nothing here.
fn doubted(work: &Path, layer: &Path, skip_if: &Path) -> Option<Doubt> {
    firm::doubt(Some(work), layer, skip_if, &agent())
}

#[test]
fn the_absence_of_a_journal_is_doubted_where_none_was_out_of_setup_s_reach() {
    let place = place();
    let (work, nowhere) = (place.0.join("work"), Path::new("/proc/none"));
    let skip_if = place.write("work/done", "");
    assert_eq!(doubted(&work, nowhere, &skip_if), None);
    let elsewhere = Path::new("/dev/null");
    assert_eq!(doubted(&work, nowhere, elsewhere), Some(Doubt::Elsewhere));
    let absent = place.0.join("absent");
    assert_eq!(doubted(&absent, nowhere, &skip_if), Some(Doubt::NoPlace));
    assert_eq!(doubted(&skip_if, nowhere, &skip_if), Some(Doubt::NoPlace));
    let long = place.0.join("l".repeat(250));
    fs::create_dir(&long).unwrap();
    assert_eq!(doubted(&long, nowhere, &skip_if), None);
    chown(&place.0, Some(1000), None).unwrap();
    assert_eq!(doubted(&long, nowhere, &skip_if), Some(Doubt::NoPlace));
    assert!(find_among(Some(&long), nowhere, &agent()).is_none());
    let journal = try_begin(&long, nowhere, memory()).unwrap();
    assert!(find_among(Some(&long), nowhere, &agent()).is_some());
    journal.close().unwrap();
    assert_eq!(doubted(&work, nowhere, &skip_if), None);
    fs::set_permissions(&work, fs::Permissions::from_mode(0o1777)).unwrap();
    chown(&place.0, Some(0), None).unwrap();
    chown(&work, Some(1001), None).unwrap();
    assert_eq!(
        doubted(&work, nowhere, &skip_if),
        Some(Doubt::NoPlace),
        "sticky"
    );
    // In the layer there was one for certain.
    let layer = layer(&place);
    assert_eq!(doubted(&work, &layer, &skip_if), Some(Doubt::NoPlace));
    in_layer::directory(&layer).unwrap();
    assert_eq!(doubted(&work, &layer, &skip_if), None);
    fs::set_permissions(&layer, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(doubted(&work, &layer, &skip_if), Some(Doubt::NoPlace));
}

#[test]
fn an_attribute_is_no_word_where_the_file_system_has_none() {
    on_both(|place| {
        let work = place.0.join("work");
        let skip_if = place.write("work/done", "");
        let has = attribute::is_supported(&work, ATTRIBUTE).unwrap();
        let doubt = doubted(&work, Path::new("/proc/none"), &skip_if);
        assert_eq!(doubt, (!has).then_some(Doubt::NoPlace));
    });
}
