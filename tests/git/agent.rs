//! The private SSH agent of a command.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use nix::unistd::Pid;
use vestibule::names::SecretName;
use vestibule::report::Fault;
use vestibule::setup::git::agent::{Agent, Program};
use vestibule::setup::git::fault::GitFault;

use crate::command::secret;
use crate::harness;
use crate::room::{Room, SETUP, run};

/// Starts a program as PID 1 would: as setup's user, with nothing else.
#[expect(clippy::unnecessary_wraps, reason = "as PID 1's way can fail")]
#[expect(
    clippy::zombie_processes,
    reason = "the agent waits for it by its number"
)]
fn launch(program: Program) -> nix::Result<Pid> {
    let text = |word: std::ffi::CString| word.into_string().expect("text");
    let mut words = program.arguments.into_iter().map(text);
    let mut command = harness::program(text(program.path));
    command
        .arg0(words.next().expect("a name"))
        .args(words)
        .env_clear();
    for entry in program.environment.into_iter().map(text) {
        let (name, value) = entry.split_once('=').expect("an entry");
        command.env(name, value);
    }
    let started = command
        .uid(SETUP)
        .gid(SETUP)
        .stdin(program.input)
        .stdout(program.output)
        .stderr(Stdio::null())
        .spawn();
    let started: Child = started.expect("the program is there");
    Ok(Pid::from_raw(
        i32::try_from(started.id()).expect("a number"),
    ))
}

fn key(room: &Room, name: &str, kind: &str, passphrase: &str) -> String {
    let path = key_file(room, name, kind, passphrase);
    fs::read_to_string(path)
        .expect("a key")
        .trim_end()
        .to_owned()
}

fn key_file(room: &Room, name: &str, kind: &str, passphrase: &str) -> PathBuf {
    let path = room.path.join(name);
    run(harness::program("ssh-keygen")
        .args(["-q", "-t", kind, "-N", passphrase, "-C", name, "-f"])
        .arg(&path));
    path
}

/// An agent that a failing test does not leave behind.
struct Held(Option<Agent>);

impl Held {
    fn agent(&self) -> &Agent {
        self.0.as_ref().expect("it runs")
    }

    fn stop(mut self) {
        let stopped = self.0.take().expect("it runs").stop();
        stopped.unwrap_or_else(|fault| panic!("{}", fault.what()));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.take().map(Agent::stop);
    }
}

fn held(room: &Room, keys: &[(&str, &str)]) -> Held {
    match start(room, keys) {
        Ok(agent) => Held(Some(agent)),
        Err(fault) => panic!("{}", fault.what()),
    }
}

fn start(room: &Room, keys: &[(&str, &str)]) -> Result<Agent, GitFault> {
    let names: Vec<SecretName> = keys
        .iter()
        .map(|(name, _)| SecretName::parse(name).unwrap())
        .collect();
    let values: Vec<_> = keys.iter().map(|(_, text)| secret(text)).collect();
    let keys: Vec<_> = names.iter().zip(&values).collect();
    Agent::start(&keys, &room.path.join("home"), &mut launch)
}

/// A command of setup's user with the agent's variables.
fn command(room: &Room, agent: &Agent, line: &str) -> (bool, String) {
    let home = room.path.join("home");
    let done = harness::program("/bin/sh")
        .args(["-c", line])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", &home)
        .envs(agent.environment(Some(&home)))
        .current_dir(&home)
        .uid(SETUP)
        .gid(SETUP)
        .output()
        .expect("a shell");
    let said = [done.stdout, done.stderr].concat();
    (
        done.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn the_agent_holds_the_keys_for_the_command_and_is_gone_afterwards() {
    let room = Room::open();
    let (one, other) = (
        key(&room, "key-one", "ed25519", ""),
        key(&room, "key-two", "ecdsa", ""),
    );
    let held = held(&room, &[("deploy", &one), ("second", &other)]);
    let agent = held.agent();
    let (is_success, said) = command(&room, agent, "ssh-add -l");
    assert!(is_success && said.lines().count() == 2, "{said}");
    assert!(
        said.contains(" key-one (ED25519)") && said.contains(" key-two (ECDSA)"),
        "{said}"
    );
    fs::copy(
        room.path.join("key-one.pub"),
        room.path.join("home/key-one.pub"),
    )
    .unwrap();
    let (is_success, said) = command(
        &room,
        agent,
        "echo text > text && ssh-keygen -Y sign -f key-one.pub -n file text && cat text.sig",
    );
    assert!(is_success && said.contains("BEGIN SSH SIGNATURE"), "{said}");
    let process = Path::new("/proc").join(agent.process().to_string());
    for file in ["cmdline", "environ"] {
        let shown = fs::read(process.join(file)).unwrap();
        assert!(!String::from_utf8_lossy(&shown).contains("PRIVATE"));
    }
    let written: Vec<_> = fs::read_dir(room.path.join("home"))
        .unwrap()
        .flatten()
        .collect();
    for entry in written
        .iter()
        .filter(|entry| entry.file_type().unwrap().is_file())
    {
        let content = fs::read_to_string(entry.path()).unwrap_or_default();
        assert!(!content.contains("PRIVATE"), "{}", entry.path().display());
    }
    let variables = agent.environment(None);
    held.stop();
    assert!(!process.exists());
    assert!(
        !Path::new(&variables[0].1).exists(),
        "the socket is gone too"
    );
}

/// OpenSSH's server for one key, on a port of its own.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(room: &Room, key: &str) -> Self {
        let host = room.path.join("host-key");
        key_file(room, "host-key", "ed25519", "");
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let settings = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}.pub\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\nPidFile none\n",
            host.display(),
            room.path.join(key).display()
        );
        fs::write(room.path.join("sshd_config"), settings).unwrap();
        // Where its service would make it.
        fs::create_dir_all("/run/sshd").unwrap();
        let process = harness::program("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(room.path.join("sshd_config"))
            .stderr(Stdio::null())
            .spawn()
            .expect("sshd is there");
        harness::wait_for("sshd", || TcpStream::connect(("127.0.0.1", port)).ok());
        let known = room.path.join("home/.ssh");
        fs::create_dir(&known).unwrap();
        let public = fs::read_to_string(host.with_extension("pub")).unwrap();
        let line = format!("[127.0.0.1]:{port} {public}");
        fs::write(known.join("known_hosts"), line).unwrap();
        crate::room::allow(&known, 0o755);
        Self { process, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn git_clones_by_ssh_with_the_key_and_cannot_without() {
    let room = Room::open();
    room.repository("acme/app.git", &[("a", "by ssh")]);
    let one = key(&room, "key-one", "ed25519", "");
    let server = Server::start(&room, "key-one");
    let held = held(&room, &[("deploy", &one)]);
    let agent = held.agent();
    let url = format!(
        "ssh://root@127.0.0.1:{}{}/repositories/acme/app.git",
        server.port,
        room.path.display()
    );
    let (is_success, said) = command(&room, agent, &format!("git clone -q {url} && cat app/a"));
    assert!(is_success && said == "by ssh", "{said}");
    let without = format!("SSH_AUTH_SOCK= git clone -q {url} again");
    let (is_success, said) = command(&room, agent, &without);
    assert!(
        !is_success && said.contains("Permission denied (publickey)"),
        "{said}"
    );
    held.stop();
}

#[test]
fn git_s_ssh_reads_no_settings_that_an_earlier_main_could_have_written() {
    let room = Room::open();
    let one = key(&room, "key-one", "ed25519", "");
    let held = held(&room, &[("deploy", &one)]);
    let agent = held.agent();
    let home = room.path.join("home");
    let variables = agent.environment(Some(&home));
    let line = variables
        .iter()
        .find(|(name, _)| *name == "GIT_SSH_COMMAND")
        .unwrap();
    let line = line.1.to_str().unwrap();
    let (is_success, said) = command(&room, agent, &format!("{line} -G git.example"));
    assert!(is_success, "{said}");
    let known = format!(
        "userknownhostsfile {}",
        home.join(".ssh/known_hosts").display()
    );
    assert!(
        said.contains(&known) && said.contains("batchmode yes"),
        "{said}"
    );
    assert_eq!(agent.environment(None).len(), 1);
    held.stop();
}

#[test]
fn a_key_that_cannot_be_added_is_named_and_no_agent_stays() {
    let room = Room::open();
    let closed = key(&room, "closed", "ed25519", "a passphrase");
    let good = key(&room, "good", "ed25519", "");
    let broken: String = good
        .lines()
        .map(|line| match line {
            line if line.starts_with("-----") || line.starts_with("b3Bl") => format!("{line}\n"),
            line => format!("{}\n", "A".repeat(line.len())),
        })
        .collect();
    for (text, what) in [
        (
            closed.as_str(),
            "the secret `k` is a private key with a passphrase",
        ),
        (
            "ghp_token_and_no_key",
            "the secret `k` is no private SSH key",
        ),
        (
            broken.trim_end(),
            "`ssh-add` does not accept the secret `k`",
        ),
    ] {
        let fault = start(&room, &[("good", &good), ("k", text)])
            .err()
            .expect(what);
        assert_eq!(fault.what(), what);
        let said = [fault.what(), fault.place(), fault.remedy()].concat();
        assert!(!said.contains("ghp_token"), "{said}");
        let left: Vec<_> = fs::read_dir(room.path.join("home"))
            .unwrap()
            .flatten()
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
