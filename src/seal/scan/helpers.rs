//! Processes that search at the same time, one for each processor.
//!
//! In: the roots. Out: one report, put together from what they say.
//!
//! A helper is forked: it has the values already, needs no program and no
//! `/proc`, and what it reads can do harm to nobody but itself.
//!
//! **Never:** a thread; a report that is called complete although a helper ended
//! early; a helper that outlives the process that forked it.

use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::{ForkResult, Pid, read, write};

use super::counts::Counts;
use super::report::{End, Hit, Report, Trouble};
use super::walk::{self, Share, What};
use super::wire::{self, MESSAGE_BYTES, Message};
use super::{HELPERS, Listener, Options, Root};
use crate::search::Searcher;
use crate::sys::descriptor::message_pair;
use crate::sys::process::{End as ProcessEnd, exit_now, fork, set_parent_death_signal, wait_for};

/// How often the caller is asked whether to go on.
const ASK: Duration = Duration::from_millis(200);
/// Trees of fewer entries are searched sooner than a process is forked.
const FEW: usize = 200;
/// SIGKILL, signal(7).
const KILL: u8 = 9;

/// Searches with helpers. False: it does not pay, or none could be started.
pub(super) fn scan(
    roots: &[Root],
    searcher: &Searcher,
    options: &mut Options<'_>,
    report: &mut Report,
) -> bool {
    let count = processors().min(options.helpers).min(HELPERS);
    if count < 2 || !walk::has_more_than(FEW, roots, searcher) {
        return false;
    }
    let Ok((ours, theirs)) = message_pair() else {
        return false;
    };
    let mut helpers = Vec::new();
    for number in 0..count {
        let share = Share {
            number: u32::try_from(number).unwrap_or(0),
            of: u32::try_from(count).unwrap_or(1),
        };
        match fork() {
            Ok(ForkResult::Child) => {
                drop(ours);
                set_parent_death_signal(KILL);
                let what = What {
                    searcher,
                    limits: options.limits,
                    secret_directories: &options.secret_directories,
                    share,
                };
                help(roots, &what, theirs)
            }
            Ok(ForkResult::Parent { child }) => helpers.push(child),
            Err(_) => {
                end(&helpers);
                return false;
            }
        }
    }
    drop(theirs);
    let done = gather(&ours, report, options);
    drop(ours);
    if report.end == End::Stopped || done != count {
        end(&helpers);
        if report.end != End::Stopped {
            report.end = End::HelperLost;
        }
    } else {
        for helper in helpers {
            if wait_for(helper) != Some(ProcessEnd::Exited(0)) {
                report.end = End::HelperLost;
            }
        }
    }
    true
}

/// How many processors this process may use.
fn processors() -> usize {
    sched_getaffinity(Pid::from_raw(0)).map_or(1, |set| {
        (0..CpuSet::count())
            .filter(|&number| set.is_set(number).unwrap_or(false))
            .count()
    })
}

fn end(helpers: &[Pid]) {
    for helper in helpers {
        let _ = crate::sys::signal::send(*helper, KILL);
        let _ = wait_for(*helper);
    }
}

/// A helper's life.
fn help(roots: &[Root], what: &What<'_>, pipe: OwnedFd) -> ! {
    let mut telling = Telling {
        pipe,
        said: Counts::default(),
    };
    let counts = walk::walk(roots, what, &mut telling);
    telling.say(&wire::sums(&counts, true));
    exit_now(0)
}

struct Telling {
    pipe: OwnedFd,
    /// The sums that were said already.
    said: Counts,
}

impl Telling {
    fn say(&self, message: &[u8]) {
        loop {
            match write(&self.pipe, message) {
                Ok(_) => return,
                Err(Errno::EINTR) => {}
                // Without a listener there is no reason to go on, and a message
                // that does not arrive must not count as silence.
                Err(_) => exit_now(1),
            }
        }
    }
}

impl Listener for Telling {
    fn found(&mut self, path: &[u8], hit: &Hit<'_>) {
        self.say(&wire::hit(path, hit));
    }

    fn missed(&mut self, path: &[u8], trouble: Trouble) {
        self.say(&wire::missed(path, trouble));
    }

    fn progress(&mut self, counts: &Counts) -> ControlFlow<()> {
        self.say(&wire::sums(&counts.since(&self.said), false));
        self.said = *counts;
        ControlFlow::Continue(())
    }
}

/// Takes messages until all helpers are done, gone or to be stopped. Returns how
/// many were done; a message that cannot be read counts as none.
fn gather(pipe: &OwnedFd, report: &mut Report, options: &mut Options<'_>) -> usize {
    let mut room = vec![0; MESSAGE_BYTES].into_boxed_slice();
    let mut done = 0;
    let mut so_far = Counts::default();
    let mut asked = Instant::now();
    loop {
        let is_ready = is_ready(pipe.as_fd());
        // Messages may come all the time.
        if asked.elapsed() >= ASK {
            asked = Instant::now();
            if (options.watch)(&so_far).is_break() {
                report.end = End::Stopped;
                return done;
            }
        }
        if !is_ready {
            continue;
        }
        let count = match read(pipe, &mut room) {
            Ok(0) => return done,
            Ok(count) => count,
            Err(Errno::EINTR) => continue,
            Err(_) => return 0,
        };
        match wire::read(room.get(..count).unwrap_or_default()) {
            Some(Message::Hit(path, hit)) => report.found(path, &hit),
            Some(Message::Missed(path, trouble)) => report.missed(path, trouble),
            Some(Message::Progress(more)) => so_far.merge(&more),
            Some(Message::Done(counts)) => {
                report.counts.merge(&counts);
                done += 1;
            }
            None => return 0,
        }
    }
}

/// Whether a message, or the end, is there within the time between two questions
/// to the caller.
fn is_ready(pipe: BorrowedFd<'_>) -> bool {
    let mut pipes = [PollFd::new(pipe, PollFlags::POLLIN)];
    !matches!(
        poll(
            &mut pipes,
            PollTimeout::try_from(ASK).unwrap_or(PollTimeout::ZERO)
        ),
        Ok(0) | Err(Errno::EINTR)
    )
}
