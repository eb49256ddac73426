//! Who lives, by `/proc`.
//!
//! In: our own PID namespace's `/proc`. Out: everyone but us who is more than a
//! zombie.
//!
//! **Never:** trust in a `/proc` that is another namespace's or hides others'
//! processes, nor a failed look (no descriptor, no memory): both would call an unseen
//! one dead.

use std::path::Path;
use std::{fs, io};

use nix::errno::Errno;
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
    /// Looks. `None`: there is no `/proc` that could tell, or it did not this time.
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
                living.extend(look(pid).ok()?);
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

/// A process that is there and no zombie. One that has just gone is not there, and of
/// whatever else keeps us from looking nothing is known.
fn look(pid: Pid) -> io::Result<Option<Survivor>> {
    // The owner of the directory would be root for a process that hides.
    let status = match fs::read(format!("/proc/{pid}/status")) {
        Ok(status) => status,
        Err(error) if is_gone(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let parsed = parse(pid, &String::from_utf8_lossy(&status));
    let (survivor, threads) = parsed.ok_or(io::ErrorKind::InvalidData)?;
    // The first thread's end makes a zombie of it while others live on.
    let is_dead = matches!(survivor.state, 'Z' | 'X' | 'x') && threads <= 1;
    Ok((!is_dead).then_some(survivor))
}

/// Opened too late, or read too late.
fn is_gone(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::ENOENT | Errno::ESRCH))
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
    use std::io;

    use nix::errno::Errno;
    use nix::unistd::{Pid, getpid};

    use super::{Survivor, hides, is_gone, look, parse};

    #[test]
    fn only_what_is_not_there_is_dead() {
        assert!(look(getpid()).unwrap().is_some());
        // Above every limit (proc(5), `pid_max`).
        assert_eq!(look(Pid::from_raw(1 << 30)).unwrap(), None);
        let error = |errno: Errno| io::Error::from(errno);
        assert!(is_gone(&error(Errno::ENOENT)) && is_gone(&error(Errno::ESRCH)));
        for errno in [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM, Errno::EACCES] {
            assert!(!is_gone(&error(errno)), "{errno}");
        }
    }

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
