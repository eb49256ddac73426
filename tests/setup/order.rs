//! What PID 1 synchronises, and when: by the rules of fsync(2) alone, under which
//! a file system may keep any of two changes and lose the other.
//!
//! **Never:** a disk that is kinder than that.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::json;

use crate::cuts::{one_user, usual};
use crate::disk::{Machine, Volume};
use crate::harness::{Layer, Scene};
use crate::rules::{APP_GROUPS, Rules, sh, sh_with_token};
use crate::tracer::{Change, cut};

/// What of a journal, or of a file about to take another's place, a power failure
/// could take back.
#[derive(Default)]
struct Loose {
    paths: Vec<String>,
    /// As many were synchronised.
    settled: usize,
    /// Whether attributes are refused, and so change nothing.
    is_without_attributes: bool,
}

fn is_of_journal(path: &str) -> bool {
    path.contains("/journal") || path.ends_with(".vestibule-journal")
}

/// A file that is written beside the one whose place it takes.
fn is_fresh(path: &str) -> bool {
    path.contains(".vestibule-") && !path.contains(".vestibule-probe-")
}

fn above(path: &str) -> &str {
    let (above, _) = path.rsplit_once('/').expect("an absolute path");
    if above.is_empty() { "/" } else { above }
}

impl Loose {
    /// Notes a change; fails if what came before it had to be on the disk first.
    fn take(&mut self, change: &Change, layer: &Layer) {
        let path = change.path.as_str();
        let is_journal = is_of_journal(path);
        match change.call {
            "create" | "write" if is_journal || is_fresh(path) => {
                self.paths.push(path.to_owned());
                if is_journal {
                    self.paths.push(above(path).to_owned());
                }
            }
            "mkdir" if "/var/lib/vestibule".starts_with(path) && !layer.at(path).exists() => {
                self.paths.push(above(path).to_owned());
            }
            "attribute" if self.is_without_attributes => {}
            "attribute" => self.paths.push(path.trim_end_matches("/.").to_owned()),
            "rename" => {
                assert!(!self.paths.iter().any(|loose| loose == path), "{change:?}");
                self.paths
                    .extend(is_journal.then(|| above(path).to_owned()));
            }
            "unlink" if is_journal => self.paths.push(above(path).to_owned()),
            "fsync" => {
                let before = self.paths.len();
                self.paths.retain(|loose| loose != path);
                self.settled += usize::from(self.paths.len() < before);
            }
            "fork" => assert!(self.paths.is_empty(), "a process before {:?}", self.paths),
            _ => {}
        }
    }
}

/// Follows a start to main's process or the end; as many are synchronised.
#[track_caller]
fn follow(scene: &Scene, layer: &Layer, least: usize) {
    follow_with(Loose::default(), scene, layer, least);
}

#[track_caller]
fn follow_with(mut loose: Loose, scene: &Scene, layer: &Layer, least: usize) {
    let found = cut(scene.clone().on(layer), Signal::SIGKILL, &mut |change| {
        loose.take(change, layer);
        false
    });
    assert!(found.is_none());
    assert!(loose.paths.is_empty(), "at the end: {:?}", loose.paths);
    assert!(loose.settled >= least, "only {}", loose.settled);
}

#[test]
fn a_journal_is_on_the_disk_before_a_process_begins_and_off_it_before_main_s() {
    let layer = Layer::new();
    // The attribute twice; the file, and the removal of it; three directories.
    follow(&usual(), &layer, 7);
    let layer = Layer::new();
    follow(&one_user(), &layer, 2);
}

#[test]
fn a_journal_in_the_place_of_an_attribute_is_on_the_disk_as_well() {
    let scene = one_user();
    let Some(machine) = Machine::new(&scene, Volume::Shared) else {
        return;
    };
    let loose = Loose {
        is_without_attributes: true,
        ..Loose::default()
    };
    follow_with(loose, &machine.hold(&scene), machine.layer(), 3);
}

#[test]
fn a_refusal_is_on_the_disk_before_the_end() {
    for is_root in [true, false] {
        let layer = Layer::new();
        let rules = Rules::of(&[sh_with_token(r#"printf %s "$TOKEN" > planted"#)]);
        let scene = rules.main(&["say", "main"]);
        // Without rights over the layer only the attribute is there.
        let scene = if is_root {
            scene
        } else {
            scene.user(1000, 1000, &APP_GROUPS)
        };
        follow(&scene, &layer, if is_root { 9 } else { 2 });
        assert!(layer.at("/workspace/planted").exists(), "it was refused");
    }
}

#[test]
fn a_file_is_on_the_disk_before_it_takes_the_place_of_another() {
    let layer = Layer::new();
    let line = "mkdir .git; echo 'ref: refs/heads/main' > .git/HEAD
        printf '[remote \"o\"]\\nurl = https://u:secretpart@host/r\\n' > .git/config";
    let rules = Rules::of(&[sh(line)]).seal("on_hit", json!("remove"));
    follow(&rules.main(&["say", "main"]), &layer, 8);
    let config = fs::read_to_string(layer.at("/workspace/.git/config"));
    let config = config.expect("the directory is a repository");
    assert!(!config.contains("secretpart"), "{config}");
}
