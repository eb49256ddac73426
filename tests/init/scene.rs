//! A stage for an init: fresh pid and mount namespaces in which it is PID 1,
//! or a plain process, with whatever a claim prepares before it starts.
//!
//! In: an init, its options, a preparation in shell, main's command. Out: the
//! init at work (`Running`), then how it ended and what was said (`Ended`).
//!
//! **Never:** a sleep that stands for an event; every wait here looks for a
//! condition and gives up at a deadline.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::ptr;
use std::time::Duration;

use crate::harness::program;
use crate::inits::Init;
use crate::running::Running;

/// How long anything may take that has no deadline of its own.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Where vestibule looks for secrets without being told.
const SECRETS: &str = "/run/secrets";

/// How an init ended, and what it and main said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ended {
    /// The exit code; `None` if it had to be killed.
    pub(crate) code: Option<u8>,
    /// Standard output.
    pub(crate) said: String,
    /// Standard error.
    pub(crate) complained: String,
    /// From the wait's begin to the end.
    pub(crate) took: Duration,
}

impl Ended {
    /// The code for a cell: a number, or `hang`.
    pub(crate) fn shown(&self) -> String {
        self.code
            .map_or_else(|| "hang".into(), |code| code.to_string())
    }
}

/// What is about to be run.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    program: OsString,
    options: Vec<OsString>,
    separator: bool,
    main: Vec<OsString>,
    before: Vec<String>,
    around: Vec<OsString>,
    environment: BTreeMap<String, OsString>,
    is_pid_1: bool,
}

impl Scene {
    /// The init with its default options and `--`.
    pub(crate) fn of(init: &Init) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        // What this machine has for other containers is not for the stage.
        let hide = Path::new(SECRETS).exists() || init.has_secret;
        let mut before = Vec::new();
        if hide {
            before.push(format!(
                "mkdir -p {SECRETS}; mount -t tmpfs tmpfs {SECRETS}"
            ));
        }
        if init.has_secret {
            before.push(format!("echo 4-secret-nobody-needs > {SECRETS}/unused"));
        }
        Self {
            program: init.path.clone().into(),
            options: Vec::new(),
            separator: true,
            main: Vec::new(),
            before,
            around: Vec::new(),
            environment: BTreeMap::from([("PATH".into(), path)]),
            is_pid_1: true,
        }
    }

    /// Options for the init.
    pub(crate) fn with(mut self, options: &[&str]) -> Self {
        self.options.extend(options.iter().map(OsString::from));
        self
    }

    /// No `--` before main's command.
    pub(crate) fn without_separator(mut self) -> Self {
        self.separator = false;
        self
    }

    /// The init is an ordinary process in the stage, whose PID 1 only waits.
    pub(crate) fn not_pid_1(mut self) -> Self {
        self.is_pid_1 = false;
        self
    }

    /// Shell lines that the process which becomes the init executes first.
    pub(crate) fn before(mut self, script: &str) -> Self {
        self.before.push(script.into());
        self
    }

    /// A program that executes the init, such as `env` or `setpriv`.
    pub(crate) fn through(mut self, words: &[&str]) -> Self {
        self.around.extend(words.iter().map(OsString::from));
        self
    }

    /// A variable of the init's environment, which else has only PATH.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Main's command.
    pub(crate) fn main(mut self, words: &[&str]) -> Self {
        self.main = words.iter().map(OsString::from).collect();
        self
    }

    /// Main as a shell script. `exec` in it where main must not be a shell.
    pub(crate) fn shell(self, script: &str) -> Self {
        self.main(&["/bin/sh", "-c", script])
    }

    /// Raises the curtain.
    pub(crate) fn start(self) -> Running {
        self.start_under(&[])
    }

    /// The same, with the whole stage under a tracer such as strace.
    pub(crate) fn start_under(self, tracer: &[&str]) -> Running {
        let mut words: Vec<OsString> = tracer.iter().map(OsString::from).collect();
        words.extend(self.words());
        let mut command = program(&words[0]);
        command
            .args(&words[1..])
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        start_clean(&mut command);
        Running::new(command.spawn().expect("unshare starts"))
    }

    /// Runs it to its end; one that does not end within the general patience
    /// is killed and has no code.
    pub(crate) fn run(self) -> Ended {
        self.start().end_within(PATIENCE)
    }

    /// Only the code, with less patience: for claims about hanging inits.
    pub(crate) fn code_within(self, patience: Duration) -> String {
        self.start().end_within(patience).shown()
    }

    /// The command line of the whole stage: `unshare`, the preparation, the
    /// init, main.
    pub(crate) fn words(&self) -> Vec<OsString> {
        // `exec "$@"`: the shell that prepared becomes the init, same process.
        let last = if self.is_pid_1 {
            "exec \"$@\""
        } else {
            // It stays until nobody else is left, as an outer PID 1 would.
            "\"$@\"\ncode=$?\nwhile kill -0 -1 2>&-; do sleep 0.01; done\nexit $code"
        };
        let mut script = self.before.clone();
        script.push(last.into());
        let stage = [
            "/usr/bin/unshare",
            "--pid",
            "--fork",
            "--mount-proc",
            "--kill-child",
            "/bin/sh",
            "-c",
        ];
        let mut words: Vec<OsString> = stage.iter().map(OsString::from).collect();
        words.push(script.join("\n").into());
        words.push("stage".into());
        words.extend(self.around.iter().cloned());
        words.push(self.program.clone());
        words.extend(self.options.iter().cloned());
        if self.separator {
            words.push("--".into());
        }
        words.extend(self.main.iter().cloned());
        words
    }
}

/// Takes away what the caller of the tests ignores or blocks: some terminals
/// and runtimes hand down odd things, signals 32 and 33 among them.
#[expect(
    unsafe_code,
    reason = "raw signal calls between fork and exec; the C library hides 32 and 33"
)]
fn start_clean(command: &mut Command) {
    let clean = || {
        // The kernel's `struct sigaction` with the default handler is all zeros.
        let default = [0_u64; 4];
        for number in 1..=64 {
            let none = ptr::null_mut::<u64>();
            // SAFETY: the kernel only reads `default`, which is large enough. It
            // refuses KILL and STOP, which have no other disposition anyway.
            unsafe { libc::syscall(libc::SYS_rt_sigaction, number, &raw const default, none, 8) };
        }
        let (empty, none) = (0_u64, ptr::null_mut::<u64>());
        // SAFETY: the kernel only reads `empty`, a set of 8 bytes.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigprocmask,
                libc::SIG_SETMASK,
                &raw const empty,
                none,
                8,
            )
        };
        Ok(())
    };
    // SAFETY: the closure allocates nothing and takes no lock (fork(2) in a
    // process with threads).
    unsafe { command.pre_exec(clean) };
}
