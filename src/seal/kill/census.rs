//! Who lives, by `/proc`.
//!
//! In: our own PID namespace's `/proc`. Out: everyone but us who is more than a
//! zombie.
//!
//! **Never:** trust in a `/proc` that is another namespace's or hides others'
//! processes: it would call an unseen one dead.

use std::fs;
use std::path::Path;

use nix::unistd::{Pid, getpid};

/// A process that should have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survivor {
    /// Its number.
    pub pid: Pid,
    /// The name that it gave itself.
    pub name: String,
    /// Whose it is.
    pub uid: u32,
    /// Its state, as proc(5) has it; `D` cannot be killed for now.
    pub state: char,
}

/// What a look at `/proc` found.
#[derive(Debug, PartialEq, Eq)]
pub enum Census {
    /// Nobody but us.
    Nobody,
    /// These.
    Living(Vec<Survivor>),
}

impl Census {
    /// Looks. `None`: there is no `/proc` that could tell.
    #[must_use]
    pub fn take() -> Option<Self> {
        let own = getpid();
        let named = fs::read_link("/proc/self").ok()?;
        if named != Path::new(&own.to_string()) || hides(&mounts()?) {
            return None;
        }
        let mut living = Vec::new();
        for entry in fs::read_dir("/proc").ok()? {
            let name = entry.ok()?.file_name();
            let pid = name.to_str().and_then(|name| name.parse().ok());
            if let Some(pid) = pid.map(Pid::from_raw).filter(|pid| *pid != own) {
                living.extend(look(pid));
            }
        }
        Some(if living.is_empty() {
            Self::Nobody
        } else {
            Self::Living(living)
        })
    }
}

fn mounts() -> Option<String> {
    let mounts = fs::read("/proc/self/mountinfo").ok()?;
    Some(String::from_utf8_lossy(&mounts).into_owned())
}

/// Whether `/proc` shows some users' processes only (proc(5), `hidepid`).
fn hides(mounts: &str) -> bool {
    mounts
        .lines()
        .filter(|line| line.split(' ').nth(4) == Some("/proc"))
        .filter_map(|line| line.split_once("hidepid="))
        .any(|(_, value)| !value.starts_with('0') && !value.starts_with("off"))
}

/// A process that is there and no zombie. One that has just gone is not there.
fn look(pid: Pid) -> Option<Survivor> {
    // The owner of the directory would be root for a process that hides.
    let status = fs::read(format!("/proc/{pid}/status")).ok()?;
    let (survivor, threads) = parse(pid, &String::from_utf8_lossy(&status))?;
    // The first thread's end makes a zombie of it while others live on.
    let is_dead = matches!(survivor.state, 'Z' | 'X' | 'x') && threads <= 1;
    (!is_dead).then_some(survivor)
}

/// proc(5), `status`; a newline in the name is escaped there.
fn parse(pid: Pid, status: &str) -> Option<(Survivor, u64)> {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.strip_prefix(":\t")
    };
    let survivor = Survivor {
        pid,
        name: field("Name")?.to_owned(),
        uid: field("Uid")?.split('\t').next()?.parse().ok()?,
        state: field("State")?.chars().next()?,
    };
    Some((survivor, field("Threads")?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use nix::unistd::Pid;

    use super::{Survivor, hides, parse};

    #[test]
    fn name_owner_state_and_threads_are_read() {
        let pid = Pid::from_raw(12);
        let status = "Name:\tState: Z\nUmask:\t0022\nState:\tD (disk sleep)\nUid:\t1000\t0\t0\t0\nThreads:\t3\n";
        let survivor = Survivor {
            pid,
            name: "State: Z".to_owned(),
            uid: 1000,
            state: 'D',
        };
        assert_eq!(parse(pid, status), Some((survivor, 3)));
        assert_eq!(parse(pid, "Name:\tsh\n"), None);
    }

    #[test]
    fn a_proc_that_hides_processes_is_known_by_its_options() {
        let with = |options: &str| {
            format!(
                "22 1 0:5 / /dev rw - tmpfs t rw\n23 1 0:6 / /proc rw - proc proc rw{options}\n"
            )
        };
        assert!(!hides(&with("")));
        assert!(!hides(&with(",hidepid=0")));
        assert!(!hides(&with(",hidepid=off")));
        assert!(hides(&with(",hidepid=2")));
        assert!(hides(&with(",gid=5,hidepid=invisible")));
    }
}
