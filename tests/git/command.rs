//! A command of setup, and beside it the end of the socket that PID 1 holds.
//!
//! In: a room, rules, a shell's line. Out: what the command said, what the
//! server remarked. While it runs, everything that any process shows of itself
//! is searched for the tokens.
//!
//! **Never:** anything of the test's own environment in the command's.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollTimeout, poll};
use vestibule::collect::source::Format;
use vestibule::names::SecretName;
use vestibule::policy::Place;
use vestibule::secret::Secret;
use vestibule::setup::git::answer::Password;
use vestibule::setup::git::environment;
use vestibule::setup::git::rules::{Address, CredentialRule};
use vestibule::setup::git::server::CredentialServer;
use vestibule::sorted::Set;

use crate::harness;
use crate::room::{Room, SETUP};

/// How long a command may take, with 16 clones on a busy machine in mind.
const TIME: Duration = Duration::from_mins(1);

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) is_success: bool,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) remarks: Vec<String>,
}

pub(crate) struct Desk<'r> {
    room: &'r Room,
    pub(crate) server: Option<CredentialServer>,
    variables: Vec<(OsString, OsString)>,
    values: Vec<(&'static str, Secret)>,
    uid: u32,
    home: PathBuf,
}

/// A value as `collect` makes it: there is no other way to have one.
pub(crate) fn secret(text: &str) -> Secret {
    let json = serde_json::json!({ "value": text }).to_string();
    let wanted = Set::from_iter(["/value"]);
    let parts = Format::Json.parts(json.as_bytes(), &wanted).expect("JSON");
    parts.get("/value").expect("a value")
}

impl<'r> Desk<'r> {
    /// With a token for each of the two owners, for setup's user.
    pub(crate) fn open(room: &'r Room) -> Self {
        Self::open_for(room, SETUP)
    }

    /// The same for another user.
    pub(crate) fn open_for(room: &'r Room, peer: u32) -> Self {
        let rules: Vec<CredentialRule> = ["acme", "bee"]
            .iter()
            .map(|owner| CredentialRule {
                address: Address::parse(&room.url(owner)).expect("an address"),
                username: "x-access-token".into(),
                password: SecretName::parse(owner).expect("a name"),
                place: Place {
                    pointer: "/setup/git".into(),
                    line: 1,
                },
            })
            .collect();
        let server = CredentialServer::open(&std::env::temp_dir(), peer, &rules);
        let server = server.unwrap_or_else(|_| panic!("a socket can be made"));
        let vestibule = room.path.join("vestibule");
        let variables = environment::variables(&vestibule, server.socket());
        Self {
            room,
            server: Some(server),
            variables: variables.unwrap_or_else(|_| panic!("the path is absolute")),
            values: ["acme", "bee"]
                .map(|owner| (owner, secret(&room.token(owner))))
                .into(),
            uid: peer,
            home: room.path.join("home"),
        }
    }

    /// Who runs the command; by default whom the socket is for.
    pub(crate) fn run_as(mut self, uid: u32, home: &str) -> Self {
        self.uid = uid;
        self.home = self.room.path.join(home);
        self
    }

    /// Another value for an owner.
    pub(crate) fn with_value(mut self, owner: &'static str, text: &str) -> Self {
        self.values.retain(|(known, _)| *known != owner);
        self.values.push((owner, secret(text)));
        self
    }

    /// Ends the command's time: socket and directory go.
    pub(crate) fn close(&mut self) {
        self.server = None;
    }

    /// Runs a shell's line until it ends; `{}` is the server's address.
    pub(crate) fn run(&mut self, line: &str) -> Done {
        self.run_with(line, &[])
    }

    /// The same with more variables.
    pub(crate) fn run_with(&mut self, line: &str, more: &[(&str, &OsStr)]) -> Done {
        let out = self.room.path.join("out");
        let err = self.room.path.join("err");
        let mut child = harness::program("/bin/sh")
            .arg("-c")
            .arg(line.replace("{}", self.room.url("").trim_end_matches('/')))
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", &self.home)
            .env("GIT_SSL_CAINFO", self.room.path.join("cert.pem"))
            .envs(self.variables.iter().cloned())
            .envs(more.iter().copied())
            .current_dir(&self.home)
            .uid(self.uid)
            .gid(self.uid)
            .stdin(Stdio::null())
            .stdout(fs::File::create(&out).expect("a file"))
            .stderr(fs::File::create(&err).expect("a file"))
            .spawn()
            .expect("a shell");
        let (is_success, remarks) = self.serve(&mut child);
        let said = |path| fs::read_to_string(path).expect("what the command said");
        let done = Done {
            is_success,
            out: said(out),
            err: said(err),
            remarks,
        };
        let told = format!("{}{}", done.err, done.remarks.concat());
        assert!(!self.room.gives_away(told.as_bytes()), "{told}");
        done
    }

    fn serve(&mut self, child: &mut Child) -> (bool, Vec<String>) {
        let mut remarks = Vec::new();
        let start = Instant::now();
        loop {
            if start.elapsed() > TIME {
                let _ = child.kill();
                panic!("the command takes too long; so far: {remarks:?}");
            }
            if let Some(status) = child.try_wait().expect("our child") {
                return (status.success(), remarks);
            }
            self.look_around();
            // The time-out is for the child's end, which is no event here.
            let timeout = PollTimeout::from(5_u8);
            let Some(server) = &mut self.server else {
                poll(&mut [], timeout).expect("a pause");
                continue;
            };
            let mut watched = server.poll_fds();
            poll(&mut watched, timeout).expect("descriptors");
            let ready: Vec<i32> = watched
                .iter()
                .filter(|entry| entry.any() == Some(true))
                .map(|entry| entry.as_fd().as_raw_fd())
                .collect();
            let values = &self.values;
            let passwords = |name: &SecretName| {
                let found = values.iter().find(|(owner, _)| *owner == name.as_str())?;
                Some(Password {
                    value: &found.1,
                    expires: None,
                })
            };
            for descriptor in ready {
                server.on_ready(descriptor, &passwords, &mut |remark| {
                    remarks.push(remark.text());
                });
            }
            server.on_time(Instant::now());
        }
    }

    /// No process shows a token in its arguments or its environment.
    fn look_around(&self) {
        for entry in fs::read_dir("/proc").expect("proc").flatten() {
            for file in ["cmdline", "environ"] {
                let shown = fs::read(entry.path().join(file)).unwrap_or_default();
                assert!(
                    !self.room.gives_away(&shown),
                    "{}: {}",
                    entry.path().join(file).display(),
                    String::from_utf8_lossy(&shown)
                );
            }
        }
    }
}
