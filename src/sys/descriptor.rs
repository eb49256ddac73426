//! File descriptors: the standard three, closing the rest, writing all.
//!
//! In: descriptors. Out: nothing open that nobody asked for.
//!
//! **Never:** a descriptor without close-on-exec, except on purpose by number.

#![expect(unsafe_code, reason = "close_range and the standard descriptors")]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;

/// fcntl(2), of every machine; the C library's bindings lack it for musl.
const F_SETSIG: libc::c_int = 10;
/// Numbers from here up are never asked for.
const ABOVE: RawFd = 5;

/// The first descriptor that is not standard input, output or error.
pub const FIRST_FREE: RawFd = 3;

/// Standard input. Open by the time anything asks: see `fill_standard`.
#[must_use]
pub fn stdin() -> BorrowedFd<'static> {
    borrow(libc::STDIN_FILENO)
}

/// Standard output.
#[must_use]
pub fn stdout() -> BorrowedFd<'static> {
    borrow(libc::STDOUT_FILENO)
}

/// Standard error.
#[must_use]
pub fn stderr() -> BorrowedFd<'static> {
    borrow(libc::STDERR_FILENO)
}

/// A descriptor by its number, to look at or write to.
fn borrow(number: RawFd) -> BorrowedFd<'static> {
    // SAFETY: nothing here closes what it has not opened, and the kernel answers
    // a call on a closed number with EBADF.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// Ownership of a descriptor that nobody owns yet.
fn own(number: RawFd) -> OwnedFd {
    // SAFETY: the callers have it from the kernel just now, or, at the start of
    // the program, from the one before; either way nothing else owns it.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// Puts a place-holder where a standard descriptor was closed at start, so that
/// no file of ours takes its number. It closes at exec: main gets it closed.
pub fn fill_standard() -> nix::Result<()> {
    for standard in [stdin(), stdout(), stderr()] {
        if fcntl(standard, FcntlArg::F_GETFD) == Err(Errno::EBADF) {
            // The lowest free number is this one, since lower ones are open.
            let holder = open("/", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
            leak(holder);
        }
    }
    Ok(())
}

/// Gives up ownership: the descriptor stays open for the program's life.
fn leak(descriptor: OwnedFd) {
    let _ = descriptor.into_raw_fd();
}

/// Takes over a descriptor that the program before us left open on `number`, if
/// there is one and `is_ours` knows it.
pub fn inherited(number: RawFd, is_ours: &dyn Fn(BorrowedFd<'_>) -> bool) -> Option<OwnedFd> {
    let seen = borrow(number);
    if fcntl(seen, FcntlArg::F_GETFD).is_err() || !is_ours(seen) {
        return None;
    }
    Some(own(number))
}

/// Gives descriptors their numbers across the next exec, and returns `first`
/// under a number that none of them takes.
pub fn arrange<const COUNT: usize>(
    first: OwnedFd,
    numbered: [(OwnedFd, RawFd); COUNT],
) -> nix::Result<OwnedFd> {
    let above = |descriptor: &OwnedFd| fcntl(descriptor, FcntlArg::F_DUPFD_CLOEXEC(ABOVE)).map(own);
    let moved_first = above(&first)?;
    drop(first);
    let mut moved = Vec::with_capacity(COUNT);
    for (descriptor, number) in numbered {
        moved.push((above(&descriptor)?, number));
    }
    for (descriptor, number) in moved {
        // SAFETY: the low number is free or held by a descriptor of the caller's
        // that this hand-over ends; dup2(2) touches no memory.
        Errno::result(unsafe { libc::dup2(descriptor.as_raw_fd(), number) })?;
    }
    Ok(moved_first)
}

/// Lets a descriptor stay open in the program that is executed next.
pub fn keep_across_exec(descriptor: OwnedFd) {
    let _ = fcntl(&descriptor, FcntlArg::F_SETFD(FdFlag::empty()));
    leak(descriptor);
}

/// The first descriptor from 3 up that the next program would find open and that
/// is not `kept` on purpose. Numbers are given from the lowest up, so those of a
/// small program are found without a list.
pub fn first_inherited(kept: &dyn Fn(RawFd) -> bool) -> Option<RawFd> {
    const LOOKED_AT: RawFd = 32;
    let mut looked: Vec<_> = (FIRST_FREE..LOOKED_AT)
        .map(|number| PollFd::new(borrow(number), PollFlags::empty()))
        .collect();
    // One call tells which are open at all (poll(2), POLLNVAL).
    let is_told = poll(&mut looked, PollTimeout::ZERO).is_ok();
    let is_closed = |one: &PollFd| one.revents() == Some(PollFlags::POLLNVAL);
    let open = looked.iter().filter(|one| !(is_told && is_closed(one)));
    open.map(|one| one.as_fd().as_raw_fd()).find(|number| {
        let flags = fcntl(borrow(*number), FcntlArg::F_GETFD);
        let stays = flags.is_ok_and(|flags| flags & libc::FD_CLOEXEC == 0);
        stays && !kept(*number)
    })
}

/// Two ends of a connection that keeps messages apart: whatever is written in one
/// call is read in one call, also with several writers (unix(7), SOCK_SEQPACKET).
pub fn message_pair() -> nix::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: `ends` is room for the two descriptors that the kernel writes.
    Errno::result(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) })?;
    Ok(ends.map(own).into())
}

/// News on a descriptor (data, or the end of the other side) raise SIGCHLD in this
/// process from here on, and reading it no longer waits (fcntl(2), F_SETSIG): a loop
/// that fetches signals needs no second thing to wait for.
pub fn raise_child_signal(descriptor: &OwnedFd) -> nix::Result<()> {
    let number = descriptor.as_raw_fd();
    let own = nix::unistd::getpid().as_raw();
    // SAFETY: two integers; the call touches no memory.
    Errno::result(unsafe { libc::fcntl(number, libc::F_SETOWN, own) })?;
    // SAFETY: as above.
    Errno::result(unsafe { libc::fcntl(number, F_SETSIG, libc::SIGCHLD) })?;
    let flags = OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_ASYNC;
    fcntl(descriptor, FcntlArg::F_SETFL(flags)).map(drop)
}

/// Closes every descriptor from `first` up at the next exec, known to us or not.
/// Before Linux 5.11 that cannot be said, and they are closed now.
pub fn close_at_exec(first: RawFd) -> nix::Result<()> {
    let flag = libc::CLOSE_RANGE_CLOEXEC;
    // SAFETY: three integers; what is open stays so.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, flag) };
    Errno::result(answer)
        .map(drop)
        .or_else(|_| close_from(first))
}

/// Closes every descriptor from `first` up, known to us or not.
pub fn close_from(first: RawFd) -> nix::Result<()> {
    // SAFETY: the callers hold no owned descriptor from `first` up any more:
    // it is called before the first is opened and right before exec.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) };
    match Errno::result(answer) {
        Ok(_) => Ok(()),
        // Linux before 5.9 has no close_range(2).
        Err(Errno::ENOSYS) => close_each(first),
        Err(errno) => Err(errno),
    }
}

fn close_each(first: RawFd) -> nix::Result<()> {
    let (soft, _) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE)?;
    for number in first..RawFd::try_from(soft).unwrap_or(1 << 20) {
        // SAFETY: as above, nobody owns the numbers from `first` up.
        unsafe { libc::close(number) };
    }
    Ok(())
}

/// Writes all of `bytes`, or gives up: on a closed, broken or full descriptor a
/// message is lost, but nobody waits.
pub fn write_all(descriptor: impl AsFd, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match nix::unistd::write(&descriptor, bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}
