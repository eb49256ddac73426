//! The end of the credential socket that PID 1 holds, for one command.
//!
//! In: the rules, the uid that may ask, and, with each event, the values from
//! their holder. Out: a path for git's helper, descriptors for the caller's
//! poll(2), answers, and remarks for the log about what got none.
//!
//! The socket lies in a directory of ours with a random name: nobody else can
//! put another in its place. Path permissions let only the command's user in
//! where we may give the socket away, and the kernel's word on who connected
//! (SO_PEERCRED) counts in any case.
//!
//! **Never:** a wait: each client has its own state, a bound for what it says
//! and a deadline. A silent one costs nobody else anything.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags};
use nix::unistd::{geteuid, mkdtemp};

use super::answer::{self, Passwords};
use super::fault::GitFault;
use super::remark::{Outcome, Remark};
use super::request::{REQUEST_BYTES, RequestError, parse};
use super::rules::CredentialRule;
use crate::secret::{Scratch, Secret};
use crate::sys::socket::peer_uid;

/// How many clients are served at once; others wait in the kernel's queue.
const CLIENTS: usize = 64;
/// How long a client may take for its question, and for taking the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long no client is accepted after the system had no room for one.
const PAUSE: Duration = Duration::from_millis(50);
/// How many remarks a command can cause.
const REMARKS: u8 = 10;

/// Where a directory of ours can usually be made and reached by everybody.
const PLACES: [&str; 3] = ["/run", "/dev/shm", "/tmp"];

/// A socket that answers git's questions until it is dropped.
pub struct CredentialServer {
    directory: PathBuf,
    socket: PathBuf,
    listener: UnixListener,
    peer: u32,
    rules: Vec<CredentialRule>,
    clients: Vec<Client>,
    /// Until when nobody is accepted.
    pause: Option<Instant>,
    remarks: u8,
}

struct Client {
    stream: UnixStream,
    question: Scratch,
    /// What is being written, and how much of it is.
    answer: Option<(Secret, usize)>,
    until: Instant,
}

/// What became of a client.
enum Progress {
    Waits,
    Gone,
}

impl CredentialServer {
    /// Opens a socket for the user `peer` in the first usual place that takes it.
    pub fn open_anywhere(peer: u32, rules: &[CredentialRule]) -> Result<Self, GitFault> {
        let [first, others @ ..] = PLACES;
        others.into_iter().fold(
            Self::open(Path::new(first), peer, rules),
            |opened, place| opened.or_else(|_| Self::open(Path::new(place), peer, rules)),
        )
    }

    /// Opens a socket below `place` for the user `peer`.
    pub fn open(place: &Path, peer: u32, rules: &[CredentialRule]) -> Result<Self, GitFault> {
        let fault = |error: std::io::Error| GitFault::socket(place, &error);
        let directory =
            mkdtemp(&place.join("vestibule-XXXXXX")).map_err(|errno| fault(errno.into()))?;
        let socket = directory.join("git");
        let listener = UnixListener::bind(&socket)
            .and_then(|listener| {
                listener.set_nonblocking(true)?;
                admit(&directory, &socket, peer)?;
                Ok(listener)
            })
            .map_err(|error| {
                remove(&directory, &socket);
                fault(error)
            })?;
        Ok(Self {
            directory,
            socket,
            listener,
            peer,
            rules: rules.to_vec(),
            clients: Vec::new(),
            pause: None,
            remarks: 0,
        })
    }

    /// Where the helper connects to. It is no secret.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What to watch, and for what.
    #[must_use]
    pub fn poll_fds(&self) -> Vec<PollFd<'_>> {
        let is_open = self.clients.len() < CLIENTS && self.pause.is_none();
        let listener = is_open.then(|| PollFd::new(self.listener.as_fd(), PollFlags::POLLIN));
        let clients = self.clients.iter().map(|client| {
            let wanted = if client.answer.is_some() {
                PollFlags::POLLOUT
            } else {
                PollFlags::POLLIN
            };
            PollFd::new(client.stream.as_fd(), wanted)
        });
        listener.into_iter().chain(clients).collect()
    }

    /// When `on_time` is due, however little happens.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let clients = self.clients.iter().map(|client| client.until);
        clients.chain(self.pause).min()
    }

    /// Sends clients away whose time is over.
    pub fn on_time(&mut self, now: Instant) {
        self.clients.retain(|client| client.until > now);
        self.pause = self.pause.filter(|until| *until > now);
    }

    /// Goes on where poll(2) said that something can be done; a descriptor that
    /// is not ours is left alone.
    pub fn on_ready(
        &mut self,
        descriptor: RawFd,
        passwords: &Passwords<'_>,
        say: &mut dyn FnMut(&Remark),
    ) {
        if descriptor == self.listener.as_raw_fd() {
            return self.accept(say);
        }
        let is_it = |client: &Client| client.stream.as_raw_fd() == descriptor;
        let Some(at) = self.clients.iter().position(is_it) else {
            return;
        };
        let mut client = self.clients.swap_remove(at);
        if let Progress::Waits = self.advance(&mut client, passwords, say) {
            self.clients.push(client);
        }
    }

    fn accept(&mut self, say: &mut dyn FnMut(&Remark)) {
        // Bounded, so that a user who may not ask cannot keep us here.
        for _ in self.clients.len()..CLIENTS {
            match self.listener.accept() {
                Ok((stream, _)) => self.admit(stream, say),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if is_passing(&error) => {}
                Err(_) => {
                    // No descriptor or memory is left. The client stays in the
                    // queue, so poll(2) would return at once, again and again.
                    self.pause = Instant::now().checked_add(PAUSE);
                    return;
                }
            }
        }
    }

    /// Takes a client of the right user, and no other.
    fn admit(&mut self, stream: UnixStream, say: &mut dyn FnMut(&Remark)) {
        match peer_uid(&stream) {
            Ok(uid) if uid == self.peer => {}
            Ok(uid) => return self.remark(&Remark::stranger(uid), say),
            Err(_) => return,
        }
        let until = Instant::now().checked_add(PATIENCE);
        if let (Ok(()), Some(until)) = (stream.set_nonblocking(true), until) {
            self.clients.push(Client {
                stream,
                // One byte more shows that a question is too long.
                question: Scratch::with_capacity(REQUEST_BYTES.saturating_add(1)),
                answer: None,
                until,
            });
        }
    }

    fn advance(
        &mut self,
        client: &mut Client,
        passwords: &Passwords<'_>,
        say: &mut dyn FnMut(&Remark),
    ) -> Progress {
        if client.answer.is_none() {
            let is_open = match client.receive() {
                Ok(is_open) => is_open,
                Err(progress) => return progress,
            };
            let (answer, remark) = match parse(client.question.as_bytes()) {
                Ok(None) if is_open => return Progress::Waits,
                Ok(None) => (None, Remark::broken(RequestError::Unfinished)),
                Err(error) => (None, Remark::broken(error)),
                Ok(Some(request)) => answer::to(&self.rules, &request, passwords),
            };
            self.remark(&remark, say);
            let Some(answer) = answer else {
                return Progress::Gone;
            };
            client.answer = Some((answer, 0));
        }
        client.send()
    }

    /// Passes a remark on, within bounds: what was given is always said.
    fn remark(&mut self, remark: &Remark, say: &mut dyn FnMut(&Remark)) {
        if matches!(remark.outcome, Outcome::Given(_)) {
            return say(remark);
        }
        if self.remarks < REMARKS {
            self.remarks = self.remarks.saturating_add(1);
            say(remark);
        } else if self.remarks == REMARKS {
            self.remarks = self.remarks.saturating_add(1);
            say(&Remark::enough());
        }
    }
}

impl Client {
    /// Takes what has arrived; whether more can come.
    fn receive(&mut self) -> Result<bool, Progress> {
        loop {
            let room = self.question.room();
            if room.is_empty() {
                return Ok(true);
            }
            match self.stream.read(room) {
                Ok(0) => return Ok(false),
                Ok(count) => self.question.advance(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) if is_passing(&error) => {}
                Err(_) => return Err(Progress::Gone),
            }
        }
    }

    fn send(&mut self) -> Progress {
        while let Some((answer, sent)) = &mut self.answer {
            #[expect(
                clippy::disallowed_methods,
                reason = "the answer goes to the command that may have it"
            )]
            let rest = answer.expose().get(*sent..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            match self.stream.write(rest) {
                Ok(count) => *sent = sent.saturating_add(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Progress::Waits,
                Err(error) if is_passing(&error) => {}
                Err(_) => break,
            }
        }
        Progress::Gone
    }
}

impl Drop for CredentialServer {
    fn drop(&mut self) {
        remove(&self.directory, &self.socket);
    }
}

/// Lets `peer` in. Without CAP_CHOWN the socket stays ours and open to all who
/// can find it; a connection of somebody else is closed unread.
fn admit(directory: &Path, socket: &Path, peer: u32) -> std::io::Result<()> {
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    if geteuid().as_raw() == peer {
        return mode(socket, 0o600);
    }
    mode(socket, 0o600)?;
    // Given away last: who lacks CAP_FOWNER cannot change it any more.
    if chown(socket, Some(peer), None).is_err() {
        mode(socket, 0o666)?;
    }
    mode(directory, 0o711)
}

/// Whether the same call can succeed at once.
fn is_passing(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Interrupted | ErrorKind::ConnectionAborted
    )
}

fn remove(directory: &Path, socket: &Path) {
    let _ = fs::remove_file(socket);
    let _ = fs::remove_dir(directory);
}
