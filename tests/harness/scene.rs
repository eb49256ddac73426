//! What a run starts from, in the words of a claim.
//!
//! In: main's command, and whatever differs from an ordinary container. Out: a
//! scene at work, or one that ended.
//!
//! The root file system is new: `/vestibule`, `/witness`, the machine's `/usr`
//! for shells, `/dev`, `/proc`, writable tmpfs on `/run`, `/tmp`, `/dev/shm`,
//! accounts `root`, `app` (1000, also in `extra`, 2000) and `nobody` (65534).
//!
//! **Never:** anything inherited from the test: environment, mask, ignored
//! signals, descriptors, groups and limits are the scene's own.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::canary::{Canary, Leak};
use super::layer::Layer;
use super::outcome::Outcome;
use super::programs;
use super::running::Running;

pub(super) const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
    app:x:1000:1000:app:/home/app:/bin/sh\n\
    nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n";
pub(super) const GROUP: &str = "root:x:0:\napp:x:1000:\nextra:x:2000:app,other\nnogroup:x:65534:\n";
/// Where a path that a container needs is mounted writable.
pub(super) const WRITABLE: [(&str, &str); 3] = [
    ("/run", "mode=0755"),
    ("/tmp", "mode=1777"),
    ("/dev/shm", "mode=1777"),
];
pub(super) const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// The FIFO at which a process is held until somebody writes to it.
pub(crate) const HOLD: &str = "/hold";
/// Where the conventions look.
pub(super) const SECRETS: &str = "/run/secrets";

/// Capabilities as bits, by number (linux/capability.h).
pub(crate) mod capability {
    pub(crate) const SETPCAP: u64 = 1 << 8;
    pub(crate) const SETGID: u64 = 1 << 6;
    pub(crate) const SETUID: u64 = 1 << 7;
    pub(crate) const KILL: u64 = 1 << 5;
    pub(crate) const NET_BIND_SERVICE: u64 = 1 << 10;
    /// All that a kernel may know.
    pub(crate) const ALL: u64 = u64::MAX;
    /// What Docker gives a container.
    pub(crate) const DOCKER: u64 = 0xa804_25fb;
}

/// A scene to be set.
#[derive(Clone)]
#[must_use]
pub(crate) struct Scene {
    pub(super) init: PathBuf,
    pub(super) program: String,
    pub(super) name: Vec<u8>,
    pub(super) arguments: Vec<Vec<u8>>,
    pub(super) canary: Canary,
    pub(super) steps: StepLists,
    pub(super) shape: Shape,
    pub(super) layer: Option<PathBuf>,
}

/// Steps by the time at which they are due.
#[derive(Clone, Default)]
pub(super) struct StepLists {
    /// Files of this machine, while its root is still there.
    pub(super) binds: Vec<Vec<Vec<u8>>>,
    /// Files, while all is writable.
    pub(super) files: Vec<Vec<Vec<u8>>>,
    /// Mounts made read-only, once the files are there.
    pub(super) mounts: Vec<Vec<Vec<u8>>>,
    /// Descriptors, limits, signals.
    pub(super) process: Vec<Vec<Vec<u8>>>,
    /// Groups, ids, capabilities, after everything that needs root.
    pub(super) identity: Vec<Vec<Vec<u8>>>,
    /// The environment.
    pub(super) environment: Vec<Vec<u8>>,
}

/// What a scene lacks or has besides the usual.
#[derive(Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the builder by its name"
)]
pub(super) struct Shape {
    pub(super) has_proc: bool,
    pub(super) has_usr: bool,
    pub(super) has_secrets: bool,
    pub(super) is_pid_1: bool,
    pub(super) has_terminal: bool,
    pub(super) has_own_network: bool,
    pub(super) has_own_objects: bool,
    pub(super) is_writable: bool,
    pub(super) is_copied: bool,
    pub(super) is_held: bool,
}

pub(super) fn record(fields: &[&[u8]]) -> Vec<Vec<u8>> {
    fields.iter().map(|field| field.to_vec()).collect()
}

impl Scene {
    /// vestibule with exactly these arguments.
    pub(crate) fn raw<A: AsRef<OsStr>>(arguments: &[A]) -> Self {
        let arguments = arguments
            .iter()
            .map(|word| word.as_ref().as_bytes().to_vec())
            .collect();
        Self {
            init: programs::vestibule().to_owned(),
            program: "/vestibule".to_owned(),
            name: b"/vestibule".to_vec(),
            arguments,
            canary: Canary::default(),
            steps: StepLists::default(),
            shape: Shape {
                has_proc: true,
                has_usr: true,
                has_secrets: false,
                is_pid_1: true,
                has_terminal: false,
                has_own_network: false,
                has_own_objects: true,
                is_writable: true,
                is_copied: false,
                is_held: false,
            },
            layer: None,
        }
    }

    /// vestibule with this command as main.
    pub(crate) fn command<A: AsRef<OsStr>>(words: &[A]) -> Self {
        let start = [OsStr::new("--")].into_iter();
        Self::raw(
            &start
                .chain(words.iter().map(AsRef::as_ref))
                .collect::<Vec<_>>(),
        )
    }

    /// vestibule with the witness as main, playing these parts.
    pub(crate) fn main(parts: &[&str]) -> Self {
        Self::command(&[&["/witness"], parts].concat())
    }

    /// Options of vestibule, before everything else.
    pub(crate) fn options(mut self, options: &[&str]) -> Self {
        let options = options.iter().map(|word| word.as_bytes().to_vec());
        self.arguments.splice(0..0, options);
        self
    }

    /// Other arguments for the same scene, such as a subcommand's.
    pub(crate) fn asking(mut self, arguments: &[&str]) -> Self {
        self.arguments = arguments
            .iter()
            .map(|word| word.as_bytes().to_vec())
            .collect();
        self
    }

    /// `/vestibule` as an image has it: a file of the root, and no mount.
    pub(crate) fn copied(mut self) -> Self {
        self.shape.is_copied = true;
        self
    }

    /// Another init in vestibule's place, with its own name.
    pub(crate) fn init(mut self, path: impl Into<PathBuf>) -> Self {
        self.init = path.into();
        self
    }

    /// vestibule as a file of the root, as an image has it: the usual one is a mount,
    /// which nobody replaces.
    pub(crate) fn installed_at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.program);
        let program = std::fs::read(&self.init).expect("it can be read");
        self.file(path, 0o755, (0, 0), program)
    }

    /// vestibule's `argv[0]`.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = name.as_bytes().to_vec();
        self
    }

    /// A variable; without any the environment is empty.
    pub(crate) fn env(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        let entry = [name.as_bytes(), b"=", value.as_ref().as_bytes()].concat();
        self.env_entry(&entry)
    }

    /// An entry of the environment block as it is, `=` or not.
    pub(crate) fn env_entry(mut self, entry: &[u8]) -> Self {
        self.steps.environment.push(entry.to_vec());
        self
    }

    /// Plants a value and gives it as a variable.
    pub(crate) fn env_secret(mut self, name: &str) -> Self {
        let value = self.canary.plant(name).to_owned();
        self.env(name, value)
    }

    /// Plants a value that the claim itself puts somewhere.
    pub(crate) fn planted(mut self, name: &str) -> Self {
        self.canary.plant(name);
        self
    }

    /// Plants a value in `/run/secrets`, with the newline that editors add.
    pub(crate) fn secret(self, name: &str) -> Self {
        self.secret_as(name, |value| format!("{value}\n"))
    }

    /// Plants a value in `/run/secrets`, in whatever the file is to hold.
    pub(crate) fn secret_as(self, name: &str, content: impl Fn(&str) -> String) -> Self {
        self.secret_at(&format!("{SECRETS}/{name}"), 0o444, (0, 0), content)
    }

    /// Plants a value anywhere; its name is the last part of the path.
    pub(crate) fn secret_at(
        mut self,
        path: &str,
        mode: u32,
        owner: (u32, u32),
        content: impl Fn(&str) -> String,
    ) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        let content = content(self.canary.plant(name));
        self.shape.has_secrets |= path.starts_with(SECRETS);
        self.file(path, mode, owner, content)
    }

    /// Main may have these values; without this, none.
    pub(crate) fn permits(mut self, names: &[&str]) -> Self {
        self.canary.permit(names);
        self
    }

    /// A planted value.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.canary.value(name)
    }

    fn process_step(mut self, fields: &[&str]) -> Self {
        let fields: Vec<&[u8]> = fields.iter().map(|field| field.as_bytes()).collect();
        self.steps.process.push(record(&fields));
        self
    }

    fn identity_step(mut self, fields: &[&str]) -> Self {
        let fields: Vec<&[u8]> = fields.iter().map(|field| field.as_bytes()).collect();
        self.steps.identity.push(record(&fields));
        self
    }

    /// The container's user (Docker: `user:`), without any capability.
    pub(crate) fn user(self, uid: u32, gid: u32, groups: &[u32]) -> Self {
        let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
        self.identity_step(&["groups", &groups.join(",")])
            .identity_step(&["user", &uid.to_string(), &gid.to_string()])
    }

    /// What is left in the bounding set, and so all that a root init gets.
    pub(crate) fn capabilities(mut self, kept: u64) -> Self {
        let step = record(&[b"bounding", format!("{kept:x}").as_bytes()]);
        // The last word counts, not what all of them leave.
        self.steps
            .identity
            .retain(|step| step[0].as_slice() != b"bounding");
        // Before the user changes: it takes CAP_SETPCAP.
        self.steps.identity.insert(0, step);
        self
    }

    /// Capabilities that a user keeps across exec; after `user`.
    pub(crate) fn ambient(self, held: u64) -> Self {
        let held = format!("{held:x}");
        self.identity_step(&["caps", &held])
            .identity_step(&["ambient", &held])
    }

    /// `no_new_privs`, as Docker's security option sets it.
    pub(crate) fn no_new_privileges(self) -> Self {
        self.identity_step(&["nnp"])
    }

    /// The inherited signal mask, bit n − 1 for signal n.
    pub(crate) fn mask(self, bits: u64) -> Self {
        self.process_step(&["mask", &format!("{bits:x}")])
    }

    /// Signals that are ignored at start.
    pub(crate) fn ignoring(self, signals: &[u8]) -> Self {
        signals.iter().fold(self, |scene, signal| {
            scene.process_step(&["ignore", &signal.to_string()])
        })
    }

    /// A root that outlives the scene, as a container's writable layer outlives a
    /// restart. What is there already is left as it is.
    pub(crate) fn on(mut self, layer: &Layer) -> Self {
        self.layer = Some(layer.path().to_owned());
        self
    }

    /// A descriptor that is closed at start.
    pub(crate) fn closed(self, number: u8) -> Self {
        self.process_step(&["close", &number.to_string()])
    }

    /// A descriptor open on a path of the scene, not close-on-exec.
    pub(crate) fn open(self, number: u32, path: &str) -> Self {
        self.process_step(&["open", &number.to_string(), path])
    }

    /// Standard input as a pipe that holds this; otherwise it is `/dev/null`.
    pub(crate) fn stdin(mut self, content: &[u8]) -> Self {
        self.steps.process.push(record(&[b"stdin", content]));
        self
    }

    /// A resource limit, by its number (getrlimit(2)).
    pub(crate) fn limit(self, resource: u8, soft: u64, hard: u64) -> Self {
        self.process_step(&[
            "limit",
            &resource.to_string(),
            &soft.to_string(),
            &hard.to_string(),
        ])
    }

    /// The umask; 022 otherwise.
    pub(crate) fn umask(self, bits: u32) -> Self {
        self.process_step(&["umask", &format!("{bits:o}")])
    }

    /// The working directory; `/` otherwise.
    pub(crate) fn cwd(self, path: &str) -> Self {
        self.process_step(&["cwd", path])
    }

    /// A kernel without Landlock, or a container runtime that refuses it: each of
    /// its system calls fails with `errno`.
    pub(crate) fn without_landlock(self, errno: u8) -> Self {
        [444, 445, 446]
            .iter()
            .fold(self, |scene, call| scene.refusing(*call, errno))
    }

    /// A system call, by its number, that fails with `errno`.
    pub(crate) fn refusing(self, call: u16, errno: u8) -> Self {
        self.process_step(&["refuse", &call.to_string(), &errno.to_string()])
    }

    /// A kernel that gives no file in memory to execute (vm.memfd_noexec).
    pub(crate) fn without_memory_files(self, errno: u8) -> Self {
        let call = if cfg!(target_arch = "x86_64") {
            "319"
        } else {
            "279"
        };
        self.process_step(&["refuse", call, &errno.to_string()])
    }

    /// A kernel without seccomp: nobody gets a filter.
    pub(crate) fn without_filters(self) -> Self {
        self.process_step(&["unfiltered"])
    }

    /// In the IPC namespace of the claim's thread, which outlives the scene as a
    /// pod's outlives its containers.
    pub(crate) fn shared_objects(mut self) -> Self {
        self.shape.has_own_objects = false;
        self
    }

    /// Standard error on a FIFO at this path that is full: who complains waits
    /// until the claim reads from it.
    pub(crate) fn jammed(self, path: &str) -> Self {
        self.fifo(path, 0o666)
            .open(2, path)
            .process_step(&["jam", "2"])
    }

    /// A controlling terminal on descriptors 0 to 2; all is read as `stdout`.
    pub(crate) fn terminal(mut self) -> Self {
        self.shape.has_terminal = true;
        self
    }

    /// vestibule as an ordinary process, child of a foreign PID 1.
    pub(crate) fn not_pid_1(mut self) -> Self {
        self.shape.is_pid_1 = false;
        self
    }

    /// Waits before vestibule's first instruction, until it is let go. A scene beside
    /// which another one is held needs the FIFO.
    pub(crate) fn held(mut self) -> Self {
        self.shape.is_held = true;
        self.fifo(HOLD, 0o666)
    }

    /// A network namespace of its own.
    pub(crate) fn own_network(mut self) -> Self {
        self.shape.has_own_network = true;
        self
    }

    /// Sets the scene, and waits for its end.
    #[track_caller]
    pub(crate) fn run(self) -> Outcome {
        self.spawn().finish()
    }

    /// The same, with what the canary found.
    #[track_caller]
    pub(crate) fn run_with_leaks(self) -> (Outcome, Vec<Leak>) {
        self.spawn().finish_with_leaks()
    }
}
