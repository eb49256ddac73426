//! What a scene says, line by line, while it is being said.
//!
//! In: the reading end of a pipe or a terminal. Out: all bytes so far, and a
//! wait for a line.
//!
//! **Never:** a line lost because nobody was looking.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use super::DEADLINE;

#[derive(Default)]
struct Heard {
    bytes: Vec<u8>,
    is_over: bool,
}

type Shared = Arc<(Mutex<Heard>, Condvar)>;

/// Collects one stream in a thread of its own.
pub(super) struct Capture {
    shared: Shared,
    listener: Option<JoinHandle<()>>,
}

impl Capture {
    /// Nothing is ever said here.
    pub(super) fn nothing() -> Self {
        let shared = Shared::default();
        shared.0.lock().expect("a lock").is_over = true;
        Self {
            shared,
            listener: None,
        }
    }

    pub(super) fn listen(stream: impl Into<OwnedFd>) -> Self {
        let shared = Shared::default();
        let (theirs, mut stream) = (Arc::clone(&shared), File::from(stream.into()));
        let listener = thread::spawn(move || {
            let mut piece = vec![0; 65536];
            // EIO is how a terminal's master says that nobody is left.
            while let Ok(size @ 1..) = stream.read(&mut piece) {
                theirs
                    .0
                    .lock()
                    .expect("a lock")
                    .bytes
                    .extend_from_slice(&piece[..size]);
                theirs.1.notify_all();
            }
            theirs.0.lock().expect("a lock").is_over = true;
            theirs.1.notify_all();
        });
        Self {
            shared,
            listener: Some(listener),
        }
    }

    /// All that was said so far.
    pub(super) fn so_far(&self) -> Vec<u8> {
        self.shared.0.lock().expect("a lock").bytes.clone()
    }

    /// The rest of the first complete line that starts with `start` and is not
    /// among the first `skip` bytes; also where that line ends. `None`: the
    /// stream is over and there is none.
    pub(super) fn line(&self, start: &str, skip: usize) -> Option<(String, usize)> {
        let heard = self.shared.0.lock().expect("a lock");
        let is_missing =
            |heard: &mut Heard| !heard.is_over && find(&heard.bytes, start, skip).is_none();
        let (heard, waited) = self
            .shared
            .1
            .wait_timeout_while(heard, DEADLINE, is_missing)
            .expect("a lock");
        let found = find(&heard.bytes, start, skip);
        let said = waited.timed_out().then(|| heard.bytes.clone());
        drop(heard);
        if let Some(said) = said {
            let said = String::from_utf8_lossy(&said).into_owned();
            panic!("waited in vain for the line `{start}`; so far: {said}");
        }
        found
    }

    /// All that was ever said; the speakers are gone.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        if let Some(listener) = self.listener.take() {
            listener.join().expect("the listener");
        }
        self.so_far()
    }
}

fn find(bytes: &[u8], start: &str, skip: usize) -> Option<(String, usize)> {
    let mut at = skip;
    for line in bytes.get(skip..)?.split_inclusive(|&byte| byte == b'\n') {
        at += line.len();
        if line.ends_with(b"\n") {
            let text = String::from_utf8_lossy(line);
            if let Some(rest) = text.trim_end_matches(['\n', '\r']).strip_prefix(start) {
                return Some((rest.trim_start().to_owned(), at));
            }
        }
    }
    None
}
