//! PID 1 and the other processes: memory, environment, doors in `/proc`.
//!
//! In: PID 1's process id. Out: one attempt each. All of them ask the kernel the
//! same question (ptrace(2), access mode checking) by different calls.
//!
//! **Never:** a change to another process: an attachment that succeeds is
//! detached at once.

use std::fs;
use std::path::Path;

use caps::Capability;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, readlink};
use nix::sys::ptrace;
use nix::sys::stat::Mode;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::{Pid, getpid, read};

use super::attempt::{Attempt, Outcome};
use crate::redact::fingerprint::Fingerprints;

const REMEDY: &str = "run main as another user (`run.user`), or use a kernel with Landlock; if either is the case, report this";
/// Capabilities that open another process's doors.
const LOOKERS: [Capability; 4] = [
    Capability::CAP_SYS_ADMIN,
    Capability::CAP_SYS_PTRACE,
    Capability::CAP_PERFMON,
    Capability::CAP_CHECKPOINT_RESTORE,
];
/// Doors into another process that are opened.
const OPENED: [&str; 3] = ["mem", "maps", "auxv"];
/// Doors that are followed.
const FOLLOWED: [&str; 3] = ["root", "cwd", "exe"];
/// The reaper holds no descriptor from 5 up.
const DESCRIPTORS: i32 = 5;

/// Whether `/proc` shows this process under its own number. Where that cannot be told
/// for another reason than that there is none, the attempts tell.
pub(super) fn is_own_proc() -> bool {
    match readlink("/proc/self") {
        Ok(seen) => seen == *getpid().to_string(),
        Err(errno) => errno != Errno::ENOENT,
    }
}

/// What `/proc` has of the reaper that would show its memory or lend its view.
pub(super) fn try_doors(reaper: Pid, accepted: &[Capability], see: &mut dyn FnMut(Attempt)) {
    let path = format!("/proc/{reaper}/environ");
    let outcome = match environment(Path::new(&path)) {
        Ok(held) if held.is_empty() => Outcome::Absent,
        Ok(_) => Outcome::Reached,
        Err(errno) => Outcome::of::<()>(&Err(errno)),
    };
    see(attempt(accepted, "reading", path, outcome));
    for name in OPENED {
        let path = format!("/proc/{reaper}/{name}");
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let opened = open(path.as_str(), flags, Mode::empty());
        see(attempt(accepted, "opening", path, Outcome::of(&opened)));
    }
    let numbers = (0..DESCRIPTORS).map(|number| format!("fd/{number}"));
    for name in FOLLOWED.map(String::from).into_iter().chain(numbers) {
        let path = format!("/proc/{reaper}/{name}");
        let followed = readlink(path.as_str());
        see(attempt(accepted, "following", path, Outcome::of(&followed)));
    }
}

/// System calls that look into another process.
pub(super) fn try_calls(reaper: Pid, accepted: &[Capability], see: &mut dyn FnMut(Attempt)) {
    let seized = ptrace::seize(reaper, ptrace::Options::empty());
    if seized.is_ok() {
        let _ = ptrace::detach(reaper, None);
    }
    let target = format!("process {reaper}");
    see(attempt(
        accepted,
        "tracing",
        target.clone(),
        Outcome::of(&seized),
    ));
    let copied = copy_a_byte(reaper);
    see(attempt(
        accepted,
        "reading the memory of",
        target,
        Outcome::of(&copied),
    ));
}

/// What a policy accepts by naming one of `LOOKERS` is no failure.
fn attempt(
    accepted: &[Capability],
    channel: &'static str,
    target: String,
    outcome: Outcome,
) -> Attempt {
    let is_accepted = accepted.iter().any(|one| LOOKERS.contains(one));
    Attempt {
        channel,
        target,
        outcome: if is_accepted && outcome == Outcome::Reached {
            Outcome::Accepted
        } else {
            outcome
        },
        remedy: REMEDY,
    }
}

/// The kernel looks at rights before it looks at the address.
fn copy_a_byte(process: Pid) -> nix::Result<()> {
    let mut byte = [0];
    let remote = [RemoteIoVec { base: 1, len: 1 }];
    let mut local = [std::io::IoSliceMut::new(&mut byte)];
    match process_vm_readv(process, &mut local, &remote) {
        Err(Errno::EFAULT) | Ok(_) => Ok(()),
        // Not every kernel has the call.
        Err(Errno::ENOSYS) => Err(Errno::EPERM),
        Err(errno) => Err(errno),
    }
}

/// The environment of every process that shows it: none may hold a withheld
/// value. Sessions of `docker exec` have the container's configured variables.
pub(super) fn try_environments(marks: &Fingerprints, see: &mut dyn FnMut(Attempt)) {
    let own = getpid().to_string();
    let processes = match processes() {
        Ok(processes) => processes,
        Err(errno) => {
            return see(Attempt {
                channel: "listing",
                target: "/proc".into(),
                outcome: Outcome::Unclear(errno),
                remedy: "let main's user list `/proc`, so that every process in it can be tried",
            });
        }
    };
    for process in processes {
        let name = process.file_name();
        let is_other =
            name != own.as_str() && name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
        if !is_other {
            continue;
        }
        let path = process.path().join("environ");
        let outcome = match environment(&path) {
            Ok(held) if marks.found_in(&held).is_some() => Outcome::Reached,
            Ok(_) => Outcome::Harmless,
            Err(errno) => Outcome::of::<()>(&Err(errno)),
        };
        see(Attempt {
            channel: "reading",
            target: path.to_string_lossy().into_owned(),
            outcome,
            remedy: "give the secret as a file instead of a container variable, or main a user of its own",
        });
    }
}

fn processes() -> nix::Result<Vec<fs::DirEntry>> {
    let listed = fs::read_dir("/proc").and_then(Iterator::collect);
    listed.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
}

fn environment(path: &Path) -> nix::Result<Vec<u8>> {
    let file = open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut held = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match read(&file, &mut chunk)? {
            0 => return Ok(held),
            count => held.extend_from_slice(chunk.get(..count).unwrap_or_default()),
        }
    }
}
