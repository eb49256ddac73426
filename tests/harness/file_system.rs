//! What a scene's file system has and lacks.
//!
//! In: paths and contents. Out: steps, due once the new root is entered: a link
//! leads where it would lead in the scene, never to a file of this machine.
//!
//! **Never:** a path that is not absolute.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::scene::{SECRETS, Scene, WRITABLE, record};

impl Scene {
    /// The policy in its usual place.
    pub(crate) fn policy(self, json: &str) -> Self {
        self.file("/etc/vestibule/policy.json", 0o444, (0, 0), json)
    }

    /// A file; directories above it are made.
    pub(crate) fn file(
        self,
        path: &str,
        mode: u32,
        (uid, gid): (u32, u32),
        content: impl AsRef<[u8]>,
    ) -> Self {
        let (mode, uid, gid) = (format!("{mode:o}"), uid.to_string(), gid.to_string());
        let fields = [
            b"file",
            path.as_bytes(),
            mode.as_bytes(),
            uid.as_bytes(),
            gid.as_bytes(),
        ];
        self.file_step(&[&fields[..], &[content.as_ref()]].concat())
    }

    /// A directory.
    pub(crate) fn directory(self, path: &str, mode: u32, (uid, gid): (u32, u32)) -> Self {
        let (mode, uid, gid) = (format!("{mode:o}"), uid.to_string(), gid.to_string());
        self.file_step(&[
            b"dir",
            path.as_bytes(),
            mode.as_bytes(),
            uid.as_bytes(),
            gid.as_bytes(),
        ])
    }

    /// A symbolic link at `path`.
    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        self.file_step(&[b"link", path.as_bytes(), target.as_bytes()])
    }

    /// A second name at `path` for the file `existing`.
    pub(crate) fn hard_link(self, path: &str, existing: &str) -> Self {
        self.file_step(&[b"hardlink", path.as_bytes(), existing.as_bytes()])
    }

    /// A FIFO that nobody writes to.
    pub(crate) fn fifo(self, path: &str, mode: u32) -> Self {
        self.file_step(&[b"fifo", path.as_bytes(), format!("{mode:o}").as_bytes()])
    }

    /// A socket.
    pub(crate) fn socket(self, path: &str) -> Self {
        self.file_step(&[b"socket", path.as_bytes()])
    }

    /// A device, the one that reads as zeros without end.
    pub(crate) fn device(self, path: &str) -> Self {
        self.file_step(&[b"device", path.as_bytes()])
    }

    /// A file of this machine, read-only.
    pub(crate) fn bind(mut self, source: impl AsRef<Path>, target: &str) -> Self {
        let source = source.as_ref().as_os_str().as_bytes();
        // Before the root changes: the source is this machine's.
        self.steps
            .binds
            .push(record(&[b"bind", source, target.as_bytes(), b"r"]));
        self
    }

    /// A copy of a program of this machine: a file like others of the root, as an
    /// image has it.
    pub(crate) fn copy(mut self, source: impl AsRef<Path>, target: &str) -> Self {
        let source = source.as_ref().as_os_str().as_bytes();
        self.steps
            .binds
            .push(record(&[b"copy", source, target.as_bytes()]));
        self
    }

    /// A directory of this machine, writable, as a volume.
    pub(crate) fn volume(mut self, source: impl AsRef<Path>, target: &str) -> Self {
        let source = source.as_ref().as_os_str().as_bytes();
        let step = record(&[b"bind", source, target.as_bytes(), b""]);
        self.steps.binds.push(step);
        self
    }

    /// What the scene has at `existing`, a second time over what is at `target`,
    /// as a volume would show it.
    pub(crate) fn mount_again(self, existing: &str, target: &str) -> Self {
        self.file_step(&[b"onto", existing.as_bytes(), target.as_bytes()])
    }

    /// The kernel's settings read-only, as container runtimes make them.
    pub(crate) fn guarded_proc(self) -> Self {
        self.mount_again("/proc/sys", "/proc/sys")
            .file_step(&[b"remount", b"/proc/sys", b"r"])
    }

    /// A tmpfs of its own; flags `r` read-only, `x` noexec; options as mount(8).
    pub(crate) fn tmpfs(self, path: &str, flags: &str, options: &str) -> Self {
        self.file_step(&[
            b"tmpfs",
            path.as_bytes(),
            flags.as_bytes(),
            options.as_bytes(),
        ])
    }

    /// `/dev/mqueue`, as in a container.
    pub(crate) fn message_queues(self) -> Self {
        self.file_step(&[b"mqueue"])
    }

    fn file_step(mut self, fields: &[&[u8]]) -> Self {
        let path = fields.get(1).copied().unwrap_or_default();
        self.shape.has_secrets |= path.starts_with(SECRETS.as_bytes());
        self.steps.files.push(record(fields));
        self
    }

    /// No `/proc`.
    pub(crate) fn without_proc(mut self) -> Self {
        self.shape.has_proc = false;
        self
    }

    /// A root with nothing in it but vestibule and the witness, as `FROM scratch`.
    pub(crate) fn scratch(mut self) -> Self {
        self.shape.has_usr = false;
        self
    }

    /// A read-only root; `/run`, `/tmp` and `/dev/shm` stay writable.
    pub(crate) fn read_only(self) -> Self {
        self.read_only_mount("/")
    }

    /// Nothing at all is writable.
    pub(crate) fn nothing_writable(mut self) -> Self {
        self.shape.is_writable = false;
        WRITABLE.iter().fold(self.read_only(), |scene, (path, _)| {
            scene.read_only_mount(path)
        })
    }

    fn read_only_mount(mut self, path: &str) -> Self {
        self.steps
            .mounts
            .push(record(&[b"remount", path.as_bytes(), b"r"]));
        self
    }
}
