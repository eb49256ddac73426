//! A private SSH agent for one command of setup.
//!
//! In: keys from memory, a directory of setup's user, the caller's way to start
//! a process as that user. Out: a running `ssh-agent` that holds the keys, the
//! variables that lead to it, and its certain end.
//!
//! The agent and `ssh-add` run as setup's user, because an agent serves nobody
//! but its own. The key reaches `ssh-add` through a pipe that was filled before
//! the process began, so that nobody waits for anybody.
//!
//! **Never:** a key in a file, an argument or a variable; a passphrase asked
//! for; an agent that outlives its command unnoticed.

use std::ffi::{CString, OsString};
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, pipe2, read};

use super::fault::GitFault;
use super::key;
use crate::names::SecretName;
use crate::report::said;
use crate::secret::Secret;
use crate::sys::descriptor::write_all;

/// Where the programs are looked for: no PATH that somebody could have changed.
pub(super) const PLACES: [&str; 4] = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"];
/// How long each of the programs may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The system's settings for ssh(1).
const SYSTEM_SETTINGS: &str = "/etc/ssh/ssh_config";

/// A program to be started as setup's user, in a session of its own, confined as
/// a command is that may have nothing.
pub struct Program {
    /// The absolute path, and the arguments from the program's name on.
    pub path: CString,
    /// The arguments, the first is the name.
    pub arguments: Vec<CString>,
    /// The whole environment.
    pub environment: Vec<CString>,
    /// Standard input.
    pub input: OwnedFd,
    /// Standard output. Standard error goes nowhere.
    pub output: OwnedFd,
}

/// How the caller starts a program as setup's user.
pub type Launch<'a> = dyn FnMut(Program) -> nix::Result<Pid> + 'a;

/// A running agent. It ends by `stop`, or with everything else that setup left.
#[must_use]
pub struct Agent {
    process: Pid,
    /// Closed by the agent's end and by nothing else.
    alive: OwnedFd,
    socket: PathBuf,
}

impl Agent {
    /// Starts an agent whose socket is in `directory` and gives it the keys.
    pub fn start(
        keys: &[(&SecretName, &Secret)],
        directory: &Path,
        launch: &mut Launch<'_>,
    ) -> Result<Self, GitFault> {
        let (agent_program, add_program) = (find("ssh-agent")?, find("ssh-add")?);
        for (name, key) in keys {
            #[expect(
                clippy::disallowed_methods,
                reason = "a key with a passphrase is refused"
            )]
            key::check(key.expose()).map_err(|problem| GitFault::Key((*name).clone(), problem))?;
        }
        let socket = directory.join(fresh_name());
        let listen = [c"-D".into(), c"-a".into(), c_string(&socket)];
        let (process, alive) = start(
            "ssh-agent",
            &agent_program,
            &listen,
            Vec::new(),
            nothing(),
            launch,
        )?;
        let agent = Self {
            process,
            alive,
            socket,
        };
        match agent
            .ready()
            .and_then(|()| agent.add(keys, &add_program, launch))
        {
            Ok(()) => Ok(agent),
            Err(fault) => {
                let _ = agent.stop();
                Err(fault)
            }
        }
    }

    /// The agent's process, which the caller may come to reap.
    #[must_use]
    pub fn process(&self) -> Pid {
        self.process
    }

    /// The variables for a command that may use the keys.
    ///
    /// ssh(1) looks for its settings in the home directory that `/etc/passwd`
    /// names, whatever HOME says: there an earlier main could have prepared a
    /// `ProxyCommand`. With a private home git's ssh therefore reads the
    /// system's settings only, and known hosts from that home and the system.
    #[must_use]
    pub fn environment(&self, private_home: Option<&Path>) -> Vec<(&'static str, OsString)> {
        let mut variables = vec![("SSH_AUTH_SOCK", self.socket.clone().into_os_string())];
        if let Some(home) = private_home {
            variables.push((
                "GIT_SSH_COMMAND",
                ssh_command(home, Path::new(SYSTEM_SETTINGS).exists()),
            ));
            variables.push(("GIT_SSH_VARIANT", "ssh".into()));
        }
        variables
    }

    /// Ends the agent, and with it the keys.
    pub fn stop(self) -> Result<(), GitFault> {
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            // The caller may have reaped it, and its number may be another's.
            if has_ended(&self.alive, Duration::ZERO) {
                break;
            }
            match kill(self.process, signal) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(self.stays(errno)),
            }
            if has_ended(&self.alive, Duration::from_secs(2)) {
                break;
            }
        }
        if !has_ended(&self.alive, Duration::ZERO) {
            return Err(self.stays(Errno::ETIMEDOUT));
        }
        let _ = reap(self.process);
        let _ = fs::remove_file(&self.socket);
        Ok(())
    }

    fn stays(&self, errno: Errno) -> GitFault {
        GitFault::AgentStays(self.process.as_raw(), said(errno))
    }

    /// Waits until the agent has said where it listens.
    fn ready(&self) -> Result<(), GitFault> {
        let silent = || GitFault::AgentSilent(self.socket.clone());
        let mut line = [0_u8; 1024];
        if !is_readable(&self.alive, PATIENCE) {
            return Err(silent());
        }
        match read(&self.alive, &mut line) {
            Ok(count) if count > 0 => Ok(()),
            Ok(_) | Err(_) => Err(silent()),
        }
    }

    fn add(
        &self,
        keys: &[(&SecretName, &Secret)],
        program: &Path,
        launch: &mut Launch<'_>,
    ) -> Result<(), GitFault> {
        for (name, key) in keys {
            let input = filled_pipe(key).map_err(|errno| system("ssh-add", errno))?;
            let socket = [b"SSH_AUTH_SOCK=", self.socket.as_os_str().as_bytes()].concat();
            let environment = vec![
                CString::new(socket).unwrap_or_default(),
                c"SSH_ASKPASS_REQUIRE=never".into(),
            ];
            let words = [c"-q".into(), c"-".into()];
            let (process, output) =
                start("ssh-add", program, &words, environment, Ok(input), launch)?;
            let refused = || GitFault::KeyRefused((*name).clone());
            if !has_ended(&output, PATIENCE) {
                let _ = kill(process, Signal::SIGKILL);
                let _ = reap(process);
                return Err(refused());
            }
            if reap(process) != Some(WaitStatus::Exited(process, 0)) {
                return Err(refused());
            }
        }
        Ok(())
    }
}

/// Starts a program, and returns the other end of its output.
fn start(
    name: &'static str,
    path: &Path,
    words: &[CString],
    mut environment: Vec<CString>,
    input: nix::Result<OwnedFd>,
    launch: &mut Launch<'_>,
) -> Result<(Pid, OwnedFd), GitFault> {
    let fault = |errno| system(name, errno);
    environment.push(c"PATH=/usr/local/bin:/usr/bin:/bin".into());
    let (reading, output) = pipe2(OFlag::O_CLOEXEC).map_err(fault)?;
    let own_name = CString::new(name).unwrap_or_default();
    let program = Program {
        path: c_string(path),
        arguments: std::iter::once(own_name)
            .chain(words.iter().cloned())
            .collect(),
        environment,
        input: input.map_err(fault)?,
        output,
    };
    let process = launch(program).map_err(fault)?;
    Ok((process, reading))
}

fn system(program: &'static str, errno: Errno) -> GitFault {
    GitFault::Launch(program, said(errno))
}

fn find(program: &'static str) -> Result<PathBuf, GitFault> {
    let is_program = |path: &PathBuf| {
        fs::metadata(path)
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    let paths = PLACES.iter().map(|place| Path::new(place).join(program));
    paths
        .into_iter()
        .find(is_program)
        .ok_or(GitFault::Missing(program))
}

/// An input that ends at once.
fn nothing() -> nix::Result<OwnedFd> {
    open(
        "/dev/null",
        OFlag::O_RDONLY | OFlag::O_CLOEXEC,
        Mode::empty(),
    )
}

/// The reading end of a pipe that holds the key and then ends. `key::KEY_BYTES`
/// is less than a pipe takes, so writing cannot wait.
fn filled_pipe(key: &Secret) -> nix::Result<OwnedFd> {
    let (input, writing) = pipe2(OFlag::O_CLOEXEC)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "ssh-add reads the key from this pipe"
    )]
    let bytes = key.expose();
    write_all(&writing, bytes);
    // The line end that was cut when the file was read; OpenSSH insists on it.
    if !bytes.ends_with(b"\n") {
        write_all(&writing, b"\n");
    }
    Ok(input)
}

/// The end of a process that has closed its output, so it is about to end. `None`
/// if it does not, or if the caller reaped it.
fn reap(process: Pid) -> Option<WaitStatus> {
    for _ in 0..200 {
        match waitpid(process, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
            Ok(status) => return Some(status),
            Err(_) => return None,
        }
        let _ = poll(&mut [], PollTimeout::from(5_u8));
    }
    None
}

/// Whether the only writer of a pipe is gone before `patience` ends. What it
/// writes meanwhile is thrown away.
fn has_ended(pipe: &OwnedFd, patience: Duration) -> bool {
    let end = Instant::now().checked_add(patience);
    let mut thrown_away = [0_u8; 1024];
    loop {
        let rest = end.map_or(Duration::ZERO, |end| {
            end.saturating_duration_since(Instant::now())
        });
        if !is_readable(pipe, rest) {
            return false;
        }
        match read(pipe, &mut thrown_away) {
            Ok(0) => return true,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
}

fn is_readable(pipe: &OwnedFd, patience: Duration) -> bool {
    let timeout = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
    let mut watched = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
    loop {
        match poll(&mut watched, timeout) {
            Ok(count) => return count > 0,
            // All signals that could interrupt are blocked; a stop and continue
            // is left (signal(7)).
            Err(Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
}

/// A path for the kernel; one with a NUL cannot have come from it.
fn c_string(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}

/// The shell's line that git runs in place of `ssh`.
fn ssh_command(home: &Path, has_system_settings: bool) -> OsString {
    let settings = if has_system_settings {
        SYSTEM_SETTINGS
    } else {
        "none"
    };
    let mut line = OsString::from(format!("ssh -F {settings} -o BatchMode=yes -o "));
    let mut option = OsString::from("UserKnownHostsFile=\"");
    option.push(home.join(".ssh/known_hosts"));
    option.push("\"");
    line.push(super::environment::quoted(&option));
    line
}

/// A name that nobody else has taken. It is no secret: the directory is closed.
fn fresh_name() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.unwrap_or_default();
    format!("agent-{:x}-{:x}", since.as_secs(), since.subsec_nanos())
}
