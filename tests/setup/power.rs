//! A power failure: what was not synchronised is lost, with all that was written
//! after it, and the next start stands on what reached the disk.
//!
//! The layer is a file system of its own in a file, which is told to lose power.

use std::path::{Path, PathBuf};

use serde_json::json;
use vestibule::sys::attribute;

use crate::harness::{End, Layer, Scene, program as command};
use crate::hunt;
use crate::rules::{Rules, TOKEN, has_main, program, sh_with_token};

/// A disk with a layer on it.
struct Disk {
    image: PathBuf,
    layer: Layer,
    is_mounted: bool,
}

fn run(words: &[&str]) -> bool {
    let quiet = || std::process::Stdio::null();
    let mut command = command(words[0]);
    let command = command.args(&words[1..]).stdout(quiet()).stderr(quiet());
    command.status().is_ok_and(|status| status.success())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ours")
}

impl Disk {
    /// `None`, and said so: no loop device, or no ext4.
    #[expect(clippy::print_stderr, reason = "a skipped test says why")]
    fn new() -> Option<Self> {
        let layer = Layer::new();
        let image = layer.path().with_extension("image");
        let file = std::fs::File::create(&image).expect("an image");
        file.set_len(64 << 20).expect("its size");
        let mut disk = Self {
            image,
            layer,
            is_mounted: false,
        };
        if run(&["mkfs.ext4", "-q", text(&disk.image)]) && disk.mount() {
            return Some(disk);
        }
        eprintln!("skipped: no ext4 on a loop device can be had");
        None
    }

    fn mount(&mut self) -> bool {
        self.is_mounted = run(&[
            "mount",
            "-o",
            "loop",
            text(&self.image),
            text(self.layer.path()),
        ]);
        self.is_mounted
    }

    fn lose_power(&self) {
        assert!(run(&[text(program()), "shutdown", text(self.layer.path())]));
    }

    fn unmount(&mut self) {
        assert!(run(&["umount", text(self.layer.path())]), "nobody is there");
        self.is_mounted = false;
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted {
            run(&["umount", "-l", text(self.layer.path())]);
        }
        let _ = std::fs::remove_file(&self.image);
    }
}

/// Setup up to its first line, then no power; and the start after it.
fn failed_in_setup(line: &str, is_known: bool) {
    let Some(mut disk) = Disk::new() else { return };
    let line = format!("{line} echo inside; [ -e /once ] || cat /go; rm -f planted; : > done");
    let rules = Rules::of(&[sh_with_token(&line)]).setup("skip_if", json!("/workspace/done"));
    let scene = rules.main(&["say", "main", "wait"]).fifo("/go", 0o666);
    let scene = |disk: &Disk| -> Scene { scene.clone().on(&disk.layer) };
    // The container's own files are on the disk; setup's and ours may not be.
    scene(&disk).asking(&["--version"]).run().expect_code(0);
    assert!(run(&["sync", "-f", text(disk.layer.path())]));
    let mut running = scene(&disk).spawn();
    running.line("inside");
    disk.lose_power();
    running.signal(9);
    assert_eq!(running.finish().end, End::Signal(9));
    disk.unmount();
    assert!(disk.mount(), "the disk is as the failure left it");
    let in_layer = std::fs::read(disk.layer.at("/var/lib/vestibule/journal"));
    let mut room = vec![0; 4096];
    let workspace = disk.layer.at("/workspace");
    let beside = attribute::get(&workspace, c"user.vestibule.journal", &mut room)
        .expect("ext4 has attributes")
        .map(|count| room[..count].to_vec());
    for journal in [in_layer.ok(), beside] {
        let content = journal.expect("it was on the disk");
        assert!(content.ends_with(b"\nend\n"), "it is whole");
    }
    let planted = disk.layer.at("/workspace/planted").exists();
    assert_eq!(planted, is_known, "the failure is one");
    std::fs::write(disk.layer.at("/once"), "").expect("the layer is there");
    let mut running = scene(&disk).spawn();
    running.line("main");
    let token = running.value(TOKEN).to_owned();
    assert!(hunt::in_layer(&disk.layer, &token).is_empty());
    running.signal(15);
    assert!(has_main(&running.finish()));
    disk.unmount();
}

#[test]
fn a_power_failure_in_setup_is_known_to_the_next_start() {
    failed_in_setup(
        r#"printf %s "$TOKEN" > planted; printf %s "$TOKEN" > "$HOME/x";"#,
        false,
    );
}

#[test]
fn what_reached_the_disk_before_a_power_failure_is_gone_before_main() {
    let line = r#"printf %s "$TOKEN" > planted; printf %s "$TOKEN" > "$HOME/x"; sync;"#;
    failed_in_setup(line, true);
}
