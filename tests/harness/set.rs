//! From a scene to the records of a stage, in the one order that works.
//!
//! In: a `Scene`. Out: `Running`.
//!
//! **Never:** a secret in the arguments of a process on this machine: all goes
//! through the socket.

use std::fs::{self, File, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;

use nix::fcntl::OFlag;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};

use super::capture::Capture;
use super::programs;
use super::running::Running;
use super::scene::{DEVICES, GROUP, HOLD, PASSWD, SECRETS, Scene, Shape, WRITABLE};
use super::stage::{Stage, Steps};

/// clone(2): new mount, UTS, IPC, process id and network namespaces.
const NEW_MOUNT: u32 = 0x0002_0000;
const NEW_UTS: u32 = 0x0400_0000;
const NEW_IPC: u32 = 0x0800_0000;
const NEW_PID: u32 = 0x2000_0000;
const NEW_NETWORK: u32 = 0x4000_0000;

impl Scene {
    /// Sets the scene; vestibule runs when this returns.
    #[track_caller]
    pub(crate) fn spawn(self) -> Running {
        let steps = self.steps();
        self.carry_out(&steps)
    }

    #[track_caller]
    pub(super) fn carry_out(self, steps: &Steps) -> Running {
        let (terminal, stdout, stderr) = if self.shape.has_terminal {
            let (master, slave) = open_terminal();
            let again = slave.try_clone().expect("a second handle");
            (Some(master), Stdio::from(slave), Stdio::from(again))
        } else {
            (None, Stdio::piped(), Stdio::piped())
        };
        let (stage, (said, complained)) = Stage::start(steps, stdout, stderr);
        let said = match &terminal {
            Some(master) => Some(master.try_clone().expect("a second handle").into()),
            None => said,
        };
        Running {
            stage,
            stdout: said.map_or_else(Capture::nothing, Capture::listen),
            stderr: complained.map_or_else(Capture::nothing, Capture::listen),
            terminal,
            canary: self.canary,
            is_pid_1: self.shape.is_pid_1,
            leaks: Vec::new(),
            read_up_to: 0,
        }
    }

    fn steps(&self) -> Steps {
        let mut steps = Steps::default();
        steps.say(&["namespaces", &namespaces(self.shape).to_string()]);
        let mount_point = programs::mount_point();
        let mount_point = mount_point.as_os_str().as_bytes();
        match &self.layer {
            None => steps.add(&[b"root", mount_point]),
            Some(layer) => steps.add(&[b"layer", mount_point, layer.as_os_str().as_bytes()]),
        }
        self.mount(&mut steps);
        self.fill(&mut steps);
        add_all(&mut steps, &self.steps.mounts);
        if !self.shape.is_pid_1 {
            steps.say(&["foreign"]);
        }
        if self.shape.has_terminal {
            steps.say(&["terminal"]);
        }
        self.begin(&mut steps);
        steps
    }

    /// The steps for a process in the namespaces of another scene.
    pub(super) fn steps_beside(&self, init: i32) -> Steps {
        let mut steps = Steps::default();
        steps.say(&["join", &init.to_string()]);
        self.begin(&mut steps);
        steps
    }

    /// The process, once everything around it is there.
    fn begin(&self, steps: &mut Steps) {
        add_all(steps, &self.steps.process);
        add_all(steps, &self.steps.identity);
        for entry in &self.steps.environment {
            steps.add(&[b"env", entry]);
        }
        steps.add(&[b"arg", &self.name]);
        for word in &self.arguments {
            steps.add(&[b"arg", word]);
        }
        if self.shape.is_held {
            steps.say(&["hold", HOLD]);
        }
        steps.say(&["go", &self.program]);
    }

    /// The file systems, in a directory that becomes the root.
    fn mount(&self, steps: &mut Steps) {
        if self.shape.has_usr {
            steps.say(&["bind", "/usr", "/usr", "r"]);
            for name in ["/bin", "/sbin", "/lib", "/lib32", "/lib64"] {
                match fs::read_link(name) {
                    Ok(target) => {
                        steps.add(&[b"link", name.as_bytes(), target.as_os_str().as_bytes()]);
                    }
                    Err(_) if Path::new(name).is_dir() => steps.say(&["bind", name, name, "r"]),
                    Err(_) => {}
                }
            }
        }
        for device in DEVICES {
            let path = format!("/dev/{device}");
            steps.say(&["bind", &path, &path, ""]);
        }
        for (path, options) in WRITABLE {
            steps.say(&["tmpfs", path, "", options]);
        }
        if self.shape.has_secrets {
            steps.say(&["tmpfs", SECRETS, "", "mode=0755"]);
        }
        if self.shape.has_proc {
            steps.say(&["proc"]);
        }
    }

    /// The files: programs, accounts, the gate, then the scene's own.
    fn fill(&self, steps: &mut Steps) {
        let way: &[u8] = if self.shape.is_copied {
            b"copy"
        } else {
            b"bind"
        };
        for (way, program, path) in [
            (way, self.init.as_path(), "/vestibule"),
            (b"bind", programs::witness(), "/witness"),
        ] {
            let program = program.as_os_str().as_bytes();
            steps.add(&[way, program, path.as_bytes(), b"r"]);
        }
        if self.shape.has_usr {
            steps.say(&["file", "/etc/passwd", "644", "0", "0", PASSWD]);
            steps.say(&["file", "/etc/group", "644", "0", "0", GROUP]);
            steps.say(&["dir", "/root", "700", "0", "0"]);
            steps.say(&["dir", "/home/app", "700", "1000", "1000"]);
        }
        if !self.canary.is_empty() {
            steps.say(&["fifo", "/gate", "666"]);
        }
        add_all(steps, &self.steps.binds);
        // From here on paths are the scene's, links included.
        steps.say(&["pivot"]);
        add_all(steps, &self.steps.files);
        if self.shape.has_secrets {
            steps.say(&["remount", SECRETS, "r"]);
        }
    }
}

fn namespaces(shape: Shape) -> u32 {
    let network = if shape.has_own_network {
        NEW_NETWORK
    } else {
        0
    };
    let objects = if shape.has_own_objects { NEW_IPC } else { 0 };
    NEW_MOUNT | NEW_UTS | NEW_PID | network | objects
}

fn add_all(steps: &mut Steps, records: &[Vec<Vec<u8>>]) {
    for fields in records {
        let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        steps.add(&fields);
    }
}

/// A new pseudo-terminal: our side and theirs.
fn open_terminal() -> (File, File) {
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).expect("a pty");
    grantpt(&master).expect("a pty");
    unlockpt(&master).expect("a pty");
    let name = ptsname_r(&master).expect("a pty");
    let flags = OFlag::O_NOCTTY.bits();
    let slave = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(flags)
        .open(name);
    (
        File::from(std::os::fd::OwnedFd::from(master)),
        slave.expect("the terminal"),
    )
}
