//! Places for files, and a PID namespace whose first process is ours.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread;

use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, mkdirat};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Uid, mkdtemp, pipe, setresuid, setsid};

use super::since::Mark;
use super::wipe::Tree;
use crate::sys::process::{exit_now, fork};
use crate::sys::signal::block_all;

/// A new directory, removed when dropped.
pub(crate) struct Place(pub(crate) PathBuf);

impl Place {
    pub(crate) fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    pub(crate) fn below(parent: &Path) -> Self {
        Self(mkdtemp(&parent.join("vestibule-seal-XXXXXX")).unwrap())
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A chain of directories below one, deeper than a path can say; gone when dropped.
pub(crate) struct Deep(PathBuf);

impl Deep {
    /// With a file of this name and content in every directory of the chain.
    pub(crate) fn below(
        top: &Path,
        levels: usize,
        name: &str,
        (file, content): (&str, &str),
    ) -> Self {
        let open = |at: BorrowedFd<'_>, name: &str| {
            openat(
                at,
                name,
                OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
                Mode::empty(),
            )
            .unwrap()
        };
        let mut here = openat(AT_FDCWD, top, OFlag::O_DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..levels {
            mkdirat(&here, name, Mode::S_IRWXU).unwrap();
            here = open(here.as_fd(), name);
            if !file.is_empty() {
                let flags = OFlag::O_CREAT | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
                let made = openat(&here, file, flags, Mode::S_IRUSR).unwrap();
                File::from(made).write_all(content.as_bytes()).unwrap();
            }
        }
        Self(top.join(name))
    }
}

impl Drop for Deep {
    fn drop(&mut self) {
        let mark = Mark::at(&self.0, (0, 0)).unwrap();
        let _ = Tree::open(&self.0).unwrap().remove(&mark);
    }
}

/// What a claim about PID 1 needs around it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Around {
    /// `/proc` of the namespace.
    Proc,
    /// Nothing at `/proc`.
    NoProc,
    /// And a process that entered from outside, as `docker exec` does.
    Entered,
}

/// Runs `claim` as PID 1 of a new namespace, and returns what it said.
pub(super) fn as_first(around: Around, claim: fn() -> String) -> String {
    // A thread of its own: its children stay in the namespace for good.
    thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID).unwrap();
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
        let (answer, said) = pipe().unwrap();
        let (go, start) = pipe().unwrap();
        let first = match fork().unwrap() {
            ForkResult::Child => first_process(around, claim, said, go),
            ForkResult::Parent { child } => child,
        };
        drop(said);
        let entered = (around == Around::Entered).then(|| match fork().unwrap() {
            ForkResult::Child => stay(),
            ForkResult::Parent { child } => child,
        });
        File::from(start).write_all(b"g").unwrap();
        let mut text = String::new();
        File::from(answer).read_to_string(&mut text).unwrap();
        // The first cannot end before all others of its namespace were reaped.
        for child in entered.into_iter().chain([first]) {
            waitpid(child, None).unwrap();
        }
        text
    })
    .join()
    .unwrap()
}

fn first_process(around: Around, claim: fn() -> String, said: OwnedFd, go: OwnedFd) -> ! {
    let _ = block_all();
    let kind = if around == Around::NoProc {
        "tmpfs"
    } else {
        "proc"
    };
    let mounted = mount(
        Some("none"),
        "/proc",
        Some(kind),
        MsFlags::empty(),
        None::<&str>,
    );
    let mut byte = [0];
    let text = match (mounted, File::from(go).read_exact(&mut byte)) {
        (Ok(()), Ok(())) => claim(),
        answer => format!("no ground for the claim: {answer:?}"),
    };
    let _ = File::from(said).write_all(text.as_bytes());
    exit_now(0)
}

/// Does this with as many descriptors to spare as are said.
pub(super) fn with_descriptors<T>(more: usize, work: impl FnOnce() -> T) -> T {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let next: Vec<File> = (0..=more).map(|_| File::open("/").unwrap()).collect();
    let first_refused = u64::try_from(next[more].as_raw_fd()).unwrap();
    drop(next);
    setrlimit(Resource::RLIMIT_NOFILE, first_refused, hard).unwrap();
    let done = work();
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    done
}

/// Lives until it is killed.
pub(super) fn stay() -> ! {
    loop {
        nix::unistd::pause();
    }
}

/// A process of this user in a session of its own, whose parent is gone.
pub(super) fn daemon(uid: u32, work: fn() -> !) {
    let uid = Uid::from_raw(uid);
    let (alive, born) = pipe().unwrap();
    match fork().unwrap() {
        ForkResult::Child => {
            drop(alive);
            let _ = setsid();
            match fork() {
                Ok(ForkResult::Child) => {
                    // Whoever counts on another user may not meet root's.
                    if setresuid(uid, uid, uid).is_err() {
                        exit_now(1);
                    }
                    let _ = nix::unistd::write(&born, b"b");
                    drop(born);
                    work()
                }
                _ => exit_now(0),
            }
        }
        ForkResult::Parent { child } => {
            drop(born);
            waitpid(child, None).unwrap();
            File::from(alive).read_exact(&mut [0]).unwrap();
        }
    }
}
