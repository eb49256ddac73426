//! Real pipes, as PID 1's loop would poll them.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::unistd::{Uid, pipe2};

use crate::setup::relay::{Ends, Masking, Relay, Which};

const VALUE: &[u8] = b"correct-horse-battery";
const SOON: Duration = Duration::from_secs(10);

fn masking() -> Masking {
    super::masking_of(&[("horse", VALUE)])
}

/// A pipe that stands for our own output: the end to read, and ours.
fn outlet() -> (File, OwnedFd) {
    let (read, write) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
    (read.into(), write)
}

fn now() -> PollTimeout {
    PollTimeout::ZERO
}

/// Which of the two streams poll(2) names within `timeout`.
fn ready(relay: &Relay<'_>, timeout: impl Into<PollTimeout>) -> Vec<Which> {
    let [output, error] = relay.fds();
    let asked = [(Which::Output, output), (Which::Error, error)];
    let (names, mut fds): (Vec<Which>, Vec<PollFd>) = asked
        .into_iter()
        .filter_map(|(which, fd)| Some((which, fd?)))
        .unzip();
    poll(&mut fds, timeout.into()).expect("poll");
    names
        .into_iter()
        .zip(fds)
        .filter(|(_, fd)| fd.any() == Some(true))
        .map(|(which, _)| which)
        .collect()
}

/// Carries on as long as anything is ready at once.
fn turn(relay: &mut Relay<'_>) {
    loop {
        let names = ready(relay, now());
        if names.is_empty() {
            return;
        }
        for which in names {
            relay.on_ready(which);
        }
    }
}

/// Carries on to the end. (A child of another test may hold the writing ends for
/// a moment longer, between its fork and its exec.)
fn to_the_end(relay: &mut Relay<'_>) {
    while !relay.is_done() {
        let patience = PollTimeout::try_from(SOON).expect("milliseconds");
        let names = ready(relay, patience);
        assert!(!names.is_empty(), "no end came");
        for which in names {
            relay.on_ready(which);
        }
    }
}

/// What can be read at once.
fn seen(from: &mut File) -> Vec<u8> {
    fcntl(&*from, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("non-blocking");
    let mut bytes = Vec::new();
    // Ends with WouldBlock while we hold the other end.
    let _ = from.read_to_end(&mut bytes);
    bytes
}

fn writers(ends: Ends) -> (File, File) {
    (ends.output.into(), ends.error.into())
}

#[test]
fn each_line_is_out_before_the_next_is_written() {
    let masking = masking();
    let ((mut out, to_out), (mut err, to_err)) = (outlet(), outlet());
    let to = (to_out.as_fd(), to_err.as_fd());
    let (mut relay, ends) = Relay::between(&masking, None, to).expect("pipes");
    let (mut stdout, mut stderr) = writers(ends);
    for round in 0..50 {
        writeln!(stdout, "line {round} correct").expect("written");
        turn(&mut relay);
        assert_eq!(seen(&mut out), format!("line {round} correct\n").as_bytes());
        stderr.write_all(&[VALUE, b"\n"].concat()).expect("written");
        turn(&mut relay);
        assert_eq!(seen(&mut err), b"***horse***\n");
        assert_eq!(relay.deadline(), None);
    }
    assert_eq!(seen(&mut out), b"", "each stream leads to its own");
    drop((stdout, stderr));
    to_the_end(&mut relay);
    assert!(relay.fds().iter().all(Option::is_none));
}

#[test]
fn the_last_letters_of_a_prompt_come_after_a_short_wait() {
    let masking = masking();
    let ((mut out, to_out), (_err, to_err)) = (outlet(), outlet());
    let to = (to_out.as_fd(), to_err.as_fd());
    let (mut relay, ends) = Relay::between(&masking, None, to).expect("pipes");
    let (mut stdout, _stderr) = writers(ends);
    stdout.write_all(b"Is that cor").expect("written");
    turn(&mut relay);
    assert_eq!(seen(&mut out), b"Is that ");
    let deadline = relay.deadline().expect("somebody has to come back");
    let earlier = deadline.checked_sub(Duration::from_millis(1));
    relay.on_idle(earlier.expect("a time"));
    assert_eq!(seen(&mut out), b"");
    relay.on_idle(deadline);
    assert_eq!(seen(&mut out), b"cor");
    assert_eq!(relay.deadline(), None, "once is enough");
    stdout.write_all(b"rect-h").expect("written");
    turn(&mut relay);
    assert_eq!(seen(&mut out), b"");
    assert_eq!(relay.deadline(), None, "this tail is never let go");
}

#[test]
fn a_reader_that_does_not_read_stops_the_command_and_nobody_else() {
    let masking = masking();
    let ((mut out, to_out), (mut err, to_err)) = (outlet(), outlet());
    let to = (to_out.as_fd(), to_err.as_fd());
    let (mut relay, ends) = Relay::between(&masking, None, to).expect("pipes");
    let (mut stdout, mut stderr) = writers(ends);
    fcntl(&stdout, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("non-blocking");
    let line = b"nobody reads this line, and PID 1 must not wait for anyone\n";
    let mut written = Vec::new();
    loop {
        match stdout.write(line) {
            Ok(count) => written.extend_from_slice(&line[..count]),
            // Full: ours, the mask and the command's own.
            Err(_) if ready(&relay, now()).is_empty() => break,
            Err(_) => turn(&mut relay),
        }
    }
    stderr.write_all(b"still heard\n").expect("written");
    turn(&mut relay);
    assert_eq!(seen(&mut err), b"still heard\n");
    drop((stdout, stderr));
    let mut read = Vec::new();
    while !relay.is_done() {
        read.extend(seen(&mut out));
        turn(&mut relay);
    }
    read.extend(seen(&mut out));
    assert!(read == written, "nothing is lost once somebody reads");
}

#[test]
fn a_closed_reader_ends_neither_us_nor_the_command() {
    let masking = masking();
    let ((out, to_out), (mut err, to_err)) = (outlet(), outlet());
    drop(out);
    let to = (to_out.as_fd(), to_err.as_fd());
    let (mut relay, ends) = Relay::between(&masking, None, to).expect("pipes");
    let (mut stdout, mut stderr) = writers(ends);
    for _ in 0..100 {
        stdout
            .write_all(&[b'x'; 4096])
            .expect("the command's pipe is open");
        turn(&mut relay);
    }
    stderr.write_all(b"still heard\n").expect("written");
    turn(&mut relay);
    assert_eq!(seen(&mut err), b"still heard\n");
}

#[test]
fn an_output_that_was_closed_at_start_is_no_obstacle() {
    let masking = masking();
    // What start puts in the place of a closed descriptor.
    let holder =
        open("/", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).expect("a place-holder");
    let to = (holder.as_fd(), holder.as_fd());
    let (mut relay, ends) = Relay::between(&masking, None, to).expect("pipes");
    let (mut stdout, stderr) = writers(ends);
    for _ in 0..100 {
        stdout
            .write_all(&[b'x'; 4096])
            .expect("the command's pipe is open");
        turn(&mut relay);
    }
    drop((stdout, stderr));
    to_the_end(&mut relay);
}

#[test]
fn finish_drains_what_killed_writers_left() {
    let masking = masking();
    let ((mut out, to_out), (_err, to_err)) = (outlet(), outlet());
    let to = (to_out.as_fd(), to_err.as_fd());
    let (relay, ends) = Relay::between(&masking, None, to).expect("pipes");
    let (mut stdout, stderr) = writers(ends);
    stdout
        .write_all(&[VALUE, b"\nleft over ", &VALUE[..9]].concat())
        .expect("written");
    drop((stdout, stderr));
    relay.finish(SOON);
    assert_eq!(seen(&mut out), b"***horse***\nleft over ***");
}

#[test]
fn finish_waits_for_no_writer_and_for_no_reader_beyond_its_patience() {
    let masking = masking();
    let ((mut out, to_out), (_err, to_err)) = (outlet(), outlet());
    let to = (to_out.as_fd(), to_err.as_fd());
    let (relay, ends) = Relay::between(&masking, None, to).expect("pipes");
    let (mut stdout, _stderr) = writers(ends);
    stdout.write_all(b"last words").expect("written");
    // The writers are there still: an end of file would never come.
    relay.finish(SOON);
    assert_eq!(seen(&mut out), b"last words");

    let (mut relay, ends) = Relay::between(&masking, None, to).expect("pipes");
    let (mut stdout, _stderr) = writers(ends);
    fcntl(&stdout, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("non-blocking");
    while stdout.write(&[b'x'; 4096]).is_ok() || !ready(&relay, now()).is_empty() {
        turn(&mut relay);
    }
    let begun = Instant::now();
    relay.finish(Duration::from_millis(20));
    assert!(begun.elapsed() < SOON, "our reader never reads");
}

#[test]
fn the_pipes_belong_to_the_commands_user_and_close_at_exec() {
    let masking = masking();
    let ((_out, to_out), (_err, to_err)) = (outlet(), outlet());
    let to = (to_out.as_fd(), to_err.as_fd());
    let user = if Uid::effective().is_root() {
        Uid::from_raw(1000)
    } else {
        Uid::effective()
    };
    let (_relay, ends) = Relay::between(&masking, Some(user), to).expect("pipes");
    for end in [&ends.output, &ends.error] {
        let status = nix::sys::stat::fstat(end).expect("status");
        assert_eq!(status.st_uid, user.as_raw());
        assert_eq!(fcntl(end, FcntlArg::F_GETFD), Ok(libc::FD_CLOEXEC));
        let flags = OFlag::from_bits_retain(fcntl(end, FcntlArg::F_GETFL).expect("flags"));
        assert!(
            !flags.contains(OFlag::O_NONBLOCK),
            "commands expect to block"
        );
    }
    let mut readable = [PollFd::new(ends.output.as_fd(), PollFlags::POLLIN)];
    assert_eq!(
        poll(&mut readable, now()),
        Ok(0),
        "it is no end to read from"
    );
}
