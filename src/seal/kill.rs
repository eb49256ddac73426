//! The end of everything but PID 1: what setup left behind, sessions entered by
//! `docker exec` included.
//!
//! In: setup's user. Out: the certainty that nothing else lives in this PID
//! namespace or below it, or who does.
//!
//! One `kill(-1)` of PID 1 is atomic against fork (kill(2)); only its ESRCH says
//! that none is left, since it reports success where it was refused each time.
//!
//! **Never:** a walk that kills by number: chains of forks outrun it. Never when
//! not PID 1: it would reach foreign processes.

mod census;

use std::time::{Duration, Instant};

use caps::{CapSet, Capability};
use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{Pid, Uid, geteuid, getpid, setresuid};

use super::wording;
use crate::exit::Exit;
use crate::report::{Fault, quote};
use crate::search::Searcher;
use crate::sys::process::{Reaped, reap};
use crate::sys::signal::{SignalSet, send, wait};

pub use census::{Census, Survivor};

/// How long a killed process may take, for one that waits for storage (state D)
/// or sits in a frozen cgroup.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long where it is given all of that before or after.
const AGAIN: Duration = Duration::from_millis(500);
/// Between two rounds, unless a child ends before.
const ROUND: Duration = Duration::from_millis(5);
const EVERY_PROCESS: Pid = Pid::from_raw(-1);
/// The bytes that the kernel keeps of a process's name (TASK_COMM_LEN less one).
const CUT: usize = 15;
const KILL: u8 = 9;
const CHILD: u8 = 17;

/// Why it is not certain that all of setup has ended.
#[derive(Debug, PartialEq, Eq)]
pub enum KillFault {
    /// This process is not PID 1.
    NotFirst,
    /// These live on.
    Survivors(Vec<Survivor>),
    /// Something lives on, and `/proc` does not tell what.
    Unknown,
}

impl KillFault {
    /// The same for a message: a process can call itself by a value, and the kernel
    /// keeps the beginning of a name.
    #[must_use]
    pub fn shown(mut self, searcher: &Searcher) -> Self {
        if let Self::Survivors(survivors) = &mut self {
            for survivor in survivors {
                let name = survivor.name.as_bytes();
                if name.len() == CUT && searcher.pending(name) == CUT {
                    survivor.name = "[secret]".into();
                }
            }
        }
        self
    }
}

/// Kills until nobody is left, and says how many children were reaped. `setup`
/// is the uid of what may have been left, for a PID 1 without CAP_KILL.
pub fn everything(setup: Option<u32>) -> Result<u32, KillFault> {
    everything_within(DEADLINE, setup)
}

/// The same without that time, which another kill gives: one before it that failed,
/// or one that follows.
pub fn everything_again(setup: Option<u32>) -> Result<u32, KillFault> {
    everything_within(AGAIN, setup)
}

fn everything_within(limit: Duration, setup: Option<u32>) -> Result<u32, KillFault> {
    if getpid() != Pid::from_raw(1) {
        return Err(KillFault::NotFirst);
    }
    let start = Instant::now();
    let mut reaped = 0;
    loop {
        let answer = kill_as(setup);
        let has_children = reap_all(&mut reaped);
        let census = Census::take();
        if !has_children && is_over(answer, census.as_ref()) {
            return Ok(reaped);
        }
        if let Some(Census::Living(living)) = &census
            && living
                .iter()
                .all(|survivor| is_out_of_reach(survivor, setup))
        {
            return Err(KillFault::Survivors(living.clone()));
        }
        if start.elapsed() >= limit {
            return Err(match census {
                Some(Census::Living(living)) => KillFault::Survivors(living),
                Some(Census::Nobody) | None => KillFault::Unknown,
            });
        }
        // An ended child; without one it is time for the next round.
        let _ = wait(only(CHILD), Some(ROUND));
    }
}

/// Whether all have ended. A zombie whose parent is outside of the namespace
/// (the one that entered it) still gets the signal, but lives no more.
fn is_over(answer: nix::Result<()>, census: Option<&Census>) -> bool {
    match census {
        Some(Census::Nobody) => true,
        Some(Census::Living(_)) => false,
        None => answer == Err(Errno::ESRCH),
    }
}

/// Sends KILL to all. Without CAP_KILL our real uid has to be theirs (kill(2));
/// the effective one stays, so that they may do no more to us than before.
fn kill_as(setup: Option<u32>) -> nix::Result<()> {
    let own = geteuid();
    let can_kill = caps::has_cap(None, CapSet::Effective, Capability::CAP_KILL).unwrap_or(false);
    match setup
        .map(Uid::from_raw)
        .filter(|uid| !can_kill && *uid != own)
    {
        None => send(EVERY_PROCESS, KILL),
        Some(uid) => {
            let taken = setresuid(uid, own, own);
            let answer = send(EVERY_PROCESS, KILL);
            if taken.is_ok() {
                let _ = setresuid(own, own, own);
                let _ = prctl::set_dumpable(false);
            }
            answer
        }
    }
}

/// Whether no round can ever end it.
fn is_out_of_reach(survivor: &Survivor, setup: Option<u32>) -> bool {
    setup != Some(survivor.uid) && send(survivor.pid, 0) == Err(Errno::EPERM)
}

/// Reaps what has ended, and says whether children are left.
fn reap_all(count: &mut u32) -> bool {
    loop {
        match reap() {
            Ok(Reaped::Ended(..)) => *count = count.saturating_add(1),
            // Another error than that there is none says nothing.
            Ok(Reaped::NoneYet) | Err(_) => return true,
            Ok(Reaped::NoChildren) => return false,
        }
    }
}

const fn only(signal: u8) -> SignalSet {
    SignalSet(!SignalSet::ALL.without(signal).0)
}

impl Fault for KillFault {
    fn what(&self) -> String {
        match self {
            Self::NotFirst => {
                "vestibule is not PID 1, so what setup leaves running could not be ended".into()
            }
            Self::Survivors(survivors) => {
                let names = wording::some(survivors.iter().map(named), 0);
                format!("processes are left that KILL did not end: {names}")
            }
            Self::Unknown => "processes are left that KILL did not end".into(),
        }
    }

    fn place(&self) -> String {
        match self {
            Self::NotFirst => format!("this process is number {}", getpid()),
            Self::Survivors(_) => "/proc, after setup".into(),
            Self::Unknown => "after setup; /proc does not tell which".into(),
        }
    }

    fn remedy(&self) -> String {
        let keep = "keep the capability KILL (compose: `cap_add: [KILL]`)";
        match self {
            Self::NotFirst => {
                "make vestibule the entrypoint itself: no `init: true` or `--init`, no shell before it, no shared PID namespace".into()
            }
            Self::Survivors(survivors) if survivors.iter().any(|one| one.state == 'D') => {
                "look at the storage or device that they wait for; a restart may help".into()
            }
            Self::Survivors(_) => format!("{keep}, or run setup as the user that PID 1 has"),
            Self::Unknown => format!("{keep}, and mount /proc without `hidepid`"),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NotFirst => Exit::Policy,
            Self::Survivors(_) | Self::Unknown => Exit::Seal,
        }
    }
}

fn named(survivor: &Survivor) -> String {
    let Survivor {
        pid,
        name,
        uid,
        state,
    } = survivor;
    let name = quote(name);
    let state = if *state == 'D' {
        ", waiting for storage"
    } else {
        ""
    };
    format!("{name} (pid {pid}, uid {uid}{state})")
}

#[cfg(test)]
mod tests;
