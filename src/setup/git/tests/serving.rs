//! The socket's end in PID 1: clients of every kind at once.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{env, fs, process};

use nix::poll::{PollTimeout, poll};

use super::matching::rule;
use crate::names::SecretName;
use crate::secret::Secret;
use crate::setup::git::answer::Password;
use crate::setup::git::client;
use crate::setup::git::remark::{Outcome, Remark};
use crate::setup::git::request::RequestError;
use crate::setup::git::rules::Mismatch;
use crate::setup::git::server::CredentialServer;

const ASK: &[u8] = b"protocol=https\nhost=github.com\npath=acme/app.git\n\n";
const ANSWER: &str = "username=x-access-token\npassword=canary-acme\n\n";

/// A server with its values and all that it said.
struct Desk {
    server: CredentialServer,
    values: Vec<(&'static str, Secret, Option<u64>)>,
    said: RefCell<Vec<Remark>>,
}

impl Desk {
    fn open() -> Self {
        let uid = nix::unistd::geteuid().as_raw();
        let rules = [
            rule("https://github.com/acme", "acme"),
            rule("https://github.com/bee", "bee"),
            rule("https://github.com/absent", "absent"),
            rule("https://github.com/key", "key"),
            rule("https://github.com/old", "old"),
        ];
        let value = |bytes: &[u8]| Secret::concat(&[bytes]);
        Self {
            server: CredentialServer::open(&env::temp_dir(), uid, &rules).unwrap(),
            values: vec![
                ("acme", value(b"canary-acme"), None),
                ("bee", value(b"canary-bee"), Some(u64::MAX)),
                ("key", value(b"-----BEGIN\nkey\n"), None),
                ("old", value(b"canary-old"), Some(1_600_000_000)),
            ],
            said: RefCell::new(Vec::new()),
        }
    }

    fn connect(&self) -> UnixStream {
        UnixStream::connect(self.server.socket()).unwrap()
    }

    /// A client that has asked.
    fn asking(&self, question: &[u8]) -> UnixStream {
        let mut client = self.connect();
        client.write_all(question).unwrap();
        client
    }

    /// Serves until nothing more can be done at once.
    fn serve(&mut self) {
        loop {
            let mut watched = self.server.poll_fds();
            poll(&mut watched, PollTimeout::ZERO).unwrap();
            let ready: Vec<i32> = watched
                .iter()
                .filter(|entry| entry.any() == Some(true))
                .map(|entry| entry.as_fd().as_raw_fd())
                .collect();
            if ready.is_empty() {
                return;
            }
            let (values, said) = (&self.values, &self.said);
            let passwords = |name: &SecretName| {
                let found = values.iter().find(|(known, ..)| *known == name.as_str())?;
                Some(Password {
                    value: &found.1,
                    expires: found.2,
                })
            };
            for descriptor in ready {
                let mut say = |remark: &Remark| said.borrow_mut().push(remark.clone());
                self.server.on_ready(descriptor, &passwords, &mut say);
            }
        }
    }

    /// What one question gets.
    fn answer(&mut self, question: &[u8]) -> String {
        let client = self.asking(question);
        self.serve();
        received(client)
    }

    fn outcome(&self) -> Outcome {
        self.said.borrow().last().unwrap().outcome.clone()
    }
}

/// All that has arrived, and nothing after it.
fn received(mut client: UnixStream) -> String {
    client
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    text
}

fn for_path(path: &str) -> Vec<u8> {
    format!("protocol=https\nhost=github.com\npath={path}\n\n").into_bytes()
}

#[test]
fn each_question_gets_its_own_credential() {
    let mut desk = Desk::open();
    assert_eq!(desk.answer(ASK), ANSWER);
    assert_eq!(
        desk.answer(&for_path("bee/x")),
        format!(
            "username=x-access-token\npassword=canary-bee\npassword_expiry_utc={}\n\n",
            u64::MAX
        )
    );
    assert_eq!(desk.answer(&for_path("cat/x")), "");
    assert_eq!(desk.outcome(), Outcome::NoRule(Mismatch::OtherPath));
    assert_eq!(
        desk.said.borrow().last().unwrap().text(),
        "git has no credential for `github.com` `cat/x`: no entry of `setup.git` covers this path"
    );
}

#[test]
fn a_value_that_is_of_no_use_to_git_is_not_sent() {
    let mut desk = Desk::open();
    let name = |name: &str| SecretName::parse(name).unwrap();
    for (path, outcome) in [
        ("absent/x", Outcome::Absent(name("absent"))),
        ("key/x", Outcome::NotALine(name("key"))),
        ("old/x", Outcome::Expired(name("old"))),
    ] {
        assert_eq!(desk.answer(&for_path(path)), "", "{path}");
        assert_eq!(desk.outcome(), outcome);
    }
}

#[test]
fn a_broken_question_gets_no_answer() {
    let mut desk = Desk::open();
    let long = [b"path=".as_slice(), &vec![b'x'; 5000]].concat();
    for (question, error) in [
        (long.as_slice(), RequestError::TooLong),
        (
            b"protocol=https\nhost=github.com\r\n\n",
            RequestError::CarriageReturn,
        ),
        (b"protocol=https\0", RequestError::Nul),
        (&[ASK, ASK].concat(), RequestError::AfterEnd),
        (b"url=https://github.com/acme\n\n", RequestError::Url),
    ] {
        let mut client = desk.connect();
        client.write_all(question).unwrap();
        desk.serve();
        let mut answer = Vec::new();
        // What was not read makes the kernel say "reset" at the end.
        let _ = client.read_to_end(&mut answer);
        assert_eq!(answer, b"");
        assert_eq!(desk.outcome(), Outcome::Broken(error));
    }
    let half = desk.asking(b"protocol=https\nhost=github.com\npath=acme/app\n");
    half.shutdown(Shutdown::Write).unwrap();
    desk.serve();
    assert_eq!(received(half), "");
    assert_eq!(desk.outcome(), Outcome::Broken(RequestError::Unfinished));
}

#[test]
fn a_question_may_come_byte_by_byte() {
    let mut desk = Desk::open();
    let mut client = desk.connect();
    for byte in ASK {
        client.write_all(&[*byte]).unwrap();
        desk.serve();
    }
    assert_eq!(received(client), ANSWER);
}

#[test]
fn silent_clients_hold_nobody_up_and_are_sent_away() {
    let mut desk = Desk::open();
    let silent: Vec<UnixStream> = (0..63).map(|_| desk.connect()).collect();
    desk.serve();
    assert_eq!(desk.answer(ASK), ANSWER);
    // One more silent client takes the last place; then the next has to wait.
    let last = desk.connect();
    desk.serve();
    let waiting = desk.asking(ASK);
    desk.serve();
    assert_eq!(
        desk.server.poll_fds().len(),
        64,
        "the listener is left alone"
    );
    let deadline = desk.server.deadline().unwrap();
    assert!(deadline <= Instant::now() + Duration::from_secs(5));
    desk.server.on_time(deadline + Duration::from_secs(5));
    desk.serve();
    assert_eq!(received(waiting), ANSWER);
    for client in silent.into_iter().chain([last]) {
        assert_eq!(received(client), "");
    }
    assert_eq!(desk.server.deadline(), None);
    assert_eq!(desk.server.poll_fds().len(), 1);
}

#[test]
fn sixteen_clients_are_served_in_any_order() {
    let mut desk = Desk::open();
    let clients: Vec<(usize, UnixStream)> = (0..16)
        .map(|at| {
            let owner = if at % 2 == 0 { "acme" } else { "bee" };
            (at, desk.asking(&for_path(&format!("{owner}/r{at}.git"))))
        })
        .collect();
    desk.serve();
    for (at, client) in clients {
        let wanted = if at % 2 == 0 {
            "canary-acme"
        } else {
            "canary-bee"
        };
        assert!(received(client).contains(wanted));
    }
}

#[test]
fn remarks_are_bounded_for_a_command_and_answers_are_not() {
    let mut desk = Desk::open();
    for _ in 0..30 {
        desk.answer(&for_path("cat/\u{1b}[31m"));
    }
    assert_eq!(desk.said.borrow().len(), 11);
    assert_eq!(desk.outcome(), Outcome::Enough);
    let lines: Vec<String> = desk.said.borrow().iter().map(Remark::text).collect();
    assert!(!lines.concat().contains('\u{1b}'));
    assert_eq!(desk.answer(ASK), ANSWER);
    assert!(matches!(desk.outcome(), Outcome::Given(_)));
}

#[test]
fn socket_and_directory_are_closed_to_others_and_gone_afterwards() {
    let desk = Desk::open();
    let socket = desk.server.socket().to_owned();
    let directory: PathBuf = socket.parent().unwrap().into();
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&socket), mode(&directory)), (0o600, 0o700));
    drop(desk);
    assert!(!socket.exists() && !directory.exists());
    let error = UnixStream::connect(&socket).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(nix::libc::ENOENT));
}

#[test]
fn a_place_that_takes_no_socket_is_named() {
    use crate::report::Fault;
    let nowhere = env::temp_dir().join(format!("no-such-{}", process::id()));
    let fault = CredentialServer::open(&nowhere, 1000, &[]).err().unwrap();
    assert_eq!(
        fault.what(),
        "cannot make the socket for git's credentials: no such file or directory"
    );
    let deep = env::temp_dir().join(format!("v{}-{}", process::id(), "x".repeat(100)));
    fs::create_dir(&deep).unwrap();
    assert!(CredentialServer::open(&deep, 1000, &[]).is_err());
    assert_eq!(fs::read_dir(&deep).unwrap().count(), 0, "nothing is left");
    fs::remove_dir(&deep).unwrap();
}

#[test]
fn what_git_wants_kept_or_forgotten_is_left_alone() {
    let nowhere = PathBuf::from("/nonexistent/socket");
    for operation in ["store", "erase", "capability", "unheard-of"] {
        let code = client::run(
            operation.as_ref(),
            &nowhere,
            crate::report::Reporter::default(),
        );
        assert_eq!(code, 0, "{operation}");
    }
}
