//! `vestibule git-credential`: what git starts as its helper.
//!
//! In: git's question on standard input, the socket's path. Out: PID 1's answer
//! on standard output, whole or not at all.
//!
//! The path comes as an argument, out of the configuration that names us as
//! helper: so it survives whatever that configuration survives, whereas tools
//! that clean an environment would lose a variable of our own.
//!
//! **Never:** a value anywhere but on standard output; a look at what `store`
//! and `erase` bring, which is a value that git wants kept or forgotten.

use std::ffi::OsStr;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;

use super::fault::GitFault;
use super::request::{REQUEST_BYTES, RequestError, ended, parse};
use crate::report::Reporter;
use crate::secret::Scratch;
use crate::sys::descriptor;

/// Longer than PID 1 has patience.
const PATIENCE: Duration = Duration::from_secs(10);
/// Room for two lines of the longest kind.
const ANSWER_BYTES: usize = 0x2_1000;

/// Carries one operation out and returns the exit code. What is not known is no
/// mistake, as git-credential(1) wants it: git may learn new operations.
#[must_use]
pub fn run(operation: &OsStr, socket: &Path, report: Reporter) -> u8 {
    if operation != "get" {
        return 0;
    }
    match get(socket) {
        Ok(answer) => {
            #[expect(
                clippy::disallowed_methods,
                reason = "git reads the answer from this pipe"
            )]
            descriptor::write_all(descriptor::stdout(), answer.into_secret().expose());
            0
        }
        Err(fault) => report.refusal(&fault).code(),
    }
}

fn get(socket: &Path) -> Result<Scratch, GitFault> {
    let question = question()?;
    let fault = |error| GitFault::unreachable(socket, &error);
    let mut stream = UnixStream::connect(socket).map_err(fault)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(fault)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(fault)?;
    // Who is refused may be so before the question is written.
    let _ = stream.write_all(&question);
    let mut answer = Scratch::with_capacity(ANSWER_BYTES);
    loop {
        match stream.read(answer.room()) {
            Ok(0) => break,
            Ok(count) => answer.advance(count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => return Err(fault(error)),
        }
    }
    // PID 1 says in the log why there is no answer. Half of one is none.
    if answer.as_bytes().ends_with(b"\n\n") {
        Ok(answer)
    } else {
        Ok(Scratch::with_capacity(0))
    }
}

/// All of standard input, if it is a question.
fn question() -> Result<Vec<u8>, GitFault> {
    let mut bytes = Scratch::with_capacity(REQUEST_BYTES.saturating_add(1));
    while !bytes.room().is_empty() {
        match nix::unistd::read(descriptor::stdin(), bytes.room()) {
            Ok(0) => break,
            Ok(count) => bytes.advance(count),
            Err(Errno::EINTR) => {}
            Err(_) => return Err(GitFault::Question(RequestError::Unfinished)),
        }
    }
    let question = ended(bytes.as_bytes().to_vec());
    match parse(&question) {
        Ok(Some(_)) => Ok(question),
        Ok(None) => Err(GitFault::Question(RequestError::Unfinished)),
        Err(error) => Err(GitFault::Question(error)),
    }
}
