//! A disk that can lose its power: a file system of its own in a file.
//!
//! In: what it is to be made with. Out: a layer or a volume for scenes, and after
//! a failure exactly what had reached it. No timer writes anything to it: what
//! nobody synchronised is not there.
//!
//! **Never:** a disk again from what a kernel remembers of it: after a failure it
//! is a copy of the file.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::harness::{Layer, Scene, program as command};
use crate::hunt;
use crate::rules::{APP, program};

/// More than any scene writes, and little to copy.
const SIZE: u64 = 24 << 20;
/// A loop device; the journal is written by nobody's clock, and the machine below
/// has nothing to do with this failure.
const OPTIONS: &str = "loop,commit=600,nobarrier";

/// A disk, mounted where scenes can have it.
pub(crate) struct Disk {
    image: PathBuf,
    layer: Layer,
}

fn run(words: &[&str]) -> bool {
    let mut command = command(words[0]);
    let command = command.args(&words[1..]);
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ours")
}

impl Disk {
    /// An empty one. `None`, and said so: no loop device, or no ext4.
    #[expect(clippy::print_stderr, reason = "a skipped test says why")]
    fn new() -> Option<Self> {
        let disk = Self::unmounted();
        let file = File::create(&disk.image).expect("an image");
        file.set_len(SIZE).expect("its size");
        if run(&["mkfs.ext4", "-q", text(&disk.image)]) && disk.mount() {
            return Some(disk);
        }
        eprintln!("skipped: no ext4 on a loop device can be had");
        None
    }

    fn unmounted() -> Self {
        let layer = Layer::new();
        let image = layer.path().with_extension("image");
        Self { image, layer }
    }

    fn mount(&self) -> bool {
        let words = ["mount", "-o", OPTIONS, text(&self.image)];
        run(&[&words[..], &[text(self.layer.path())]].concat())
    }

    /// Another one with all that has reached this one.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::unmounted();
        let words = [
            "cp",
            "--sparse=always",
            text(&self.image),
            text(&copy.image),
        ];
        assert!(run(&words), "the image is copied");
        assert!(copy.mount(), "the copy is a disk");
        copy
    }

    /// Where it is mounted.
    pub(crate) fn layer(&self) -> &Layer {
        &self.layer
    }

    /// Makes it a volume of this owner and mode.
    fn owned(self, (uid, gid): (u32, u32), mode: u32) -> Self {
        let top = self.layer.path();
        fs::set_permissions(top, Permissions::from_mode(mode)).expect("its mode");
        chown(top, Some(uid), Some(gid)).expect("its owner");
        self.synchronize();
        self
    }

    /// Brings everything to the disk.
    pub(crate) fn synchronize(&self) {
        assert!(run(&["sync", "-f", text(self.layer.path())]), "sync works");
    }

    /// From here on nothing reaches it.
    pub(crate) fn lose_power(&self) {
        assert!(run(&[text(program()), "shutdown", text(self.layer.path())]));
    }

    /// What is there when the power is back.
    #[must_use]
    pub(crate) fn come_back(self) -> Self {
        self.copy()
    }
}

/// What setup's directory is.
#[derive(Clone, Copy)]
pub(crate) enum Volume {
    /// A part of the layer.
    None,
    /// A volume.
    Usual,
    /// One that only setup's user may look into.
    Private,
    /// One on which nobody but root may set an attribute (xattr(7): it is sticky).
    Shared,
}

/// The disks of a container.
pub(crate) struct Machine {
    layer: Disk,
    /// Setup's directory, where it is a volume.
    volume: Option<Disk>,
}

impl Machine {
    /// With the container's own files on its disk. `None`: there are no disks.
    pub(crate) fn new(scene: &Scene, volume: Volume) -> Option<Self> {
        let volume = match volume {
            Volume::None => None,
            Volume::Usual => Some(Disk::new()?.owned(APP, 0o755)),
            Volume::Private => Some(Disk::new()?.owned(APP, 0o700)),
            Volume::Shared => Some(Disk::new()?.owned((0, 0), 0o1777)),
        };
        let layer = Disk::new()?;
        let machine = Self { layer, volume };
        let scene = machine.hold(scene).asking(&["--version"]);
        scene.run().expect_code(0);
        machine.disks(Disk::synchronize);
        Some(machine)
    }

    /// Does the same to each disk.
    pub(crate) fn disks(&self, each: fn(&Disk)) {
        each(&self.layer);
        self.volume.iter().for_each(each);
    }

    /// Another one with what has reached the disks.
    pub(crate) fn copy(&self) -> Self {
        Self {
            layer: self.layer.copy(),
            volume: self.volume.as_ref().map(Disk::copy),
        }
    }

    /// What is there when the power is back.
    #[must_use]
    pub(crate) fn come_back(self) -> Self {
        Self {
            layer: self.layer.come_back(),
            volume: self.volume.map(Disk::come_back),
        }
    }

    /// The layer's disk.
    pub(crate) fn layer(&self) -> &Layer {
        self.layer.layer()
    }

    /// The scene on these disks.
    pub(crate) fn hold(&self, scene: &Scene) -> Scene {
        let scene = scene.clone().on(self.layer.layer());
        match &self.volume {
            Some(volume) => scene.volume(volume.layer().path(), "/workspace"),
            None => scene,
        }
    }

    /// Whether the value is on a disk.
    pub(crate) fn has(&self, value: &str) -> bool {
        let disks = [Some(&self.layer), self.volume.as_ref()];
        let mut disks = disks.into_iter().flatten();
        disks.any(|disk| !hunt::in_layer(disk.layer(), value).is_empty())
    }

    /// What a file in setup's directory holds.
    pub(crate) fn in_workspace(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.workspace().join(name)).ok()
    }

    /// As an operator would.
    pub(crate) fn remove_from_workspace(&self, name: &str) {
        fs::remove_file(self.workspace().join(name)).expect("it is there");
    }

    fn workspace(&self) -> PathBuf {
        match &self.volume {
            Some(volume) => volume.layer().path().to_owned(),
            None => self.layer().at("/workspace"),
        }
    }

    /// The journals that are there: in the layer, and beside setup's work.
    pub(crate) fn journals(&self) -> Vec<String> {
        let beside = journal_in(&self.workspace());
        let layer = self.layer().at("/var/lib/vestibule/journal");
        let layer = fs::read_to_string(layer).ok();
        layer.into_iter().chain(beside).collect()
    }
}

/// What the attribute of a directory says of setup, or the file in it.
fn journal_in(directory: &Path) -> Option<String> {
    if let Ok(text) = fs::read_to_string(directory.join(".vestibule-journal")) {
        return Some(text);
    }
    let mut command = command(program());
    let said = command.arg("journal").current_dir(directory).output();
    let said = String::from_utf8(said.expect("mischief runs").stdout).expect("a text");
    Some(said.strip_prefix("journal\n")?.to_owned())
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A scene that begins at this moment may still see it for a while.
        run(&["umount", "-l", text(self.layer.path())]);
        let _ = fs::remove_file(&self.image);
    }
}
