//! Withheld files, by every path, and by what is open already.
//!
//! In: the paths and identities of the files. Out: one attempt each.
//!
//! **Never:** a file that is only looked at from outside: it is opened and read.

use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{Pid, read};

use super::attempt::{Attempt, Outcome};
use crate::report::lossy;
use crate::run::confine::HiddenFiles;
use crate::sys::descriptor;

const REMEDY: &str = "give main a user of its own and the file mode 0400, or do not mount it here; if Landlock rules or an unmount were to hide it, report this";
const OPEN: &str = "opening";

/// Each path as it is, through our own `/proc` entry and through PID 1's.
pub(super) fn try_files(hidden: &HiddenFiles, reaper: Option<Pid>, see: &mut dyn FnMut(Attempt)) {
    let roots = reaper.map(|pid| format!("/proc/{pid}/root"));
    let roots = [String::new(), "/proc/self/root".into()]
        .into_iter()
        .chain(roots);
    let roots: Vec<String> = roots.collect();
    for path in &hidden.paths {
        for root in &roots {
            let mut target = OsString::from(root);
            target.push(path);
            see(Attempt {
                channel: OPEN,
                outcome: read_a_byte(Path::new(&target)),
                target: lossy(&target),
                remedy: REMEDY,
            });
        }
    }
}

/// Opens and reads. Nothing to read is the empty mount point that an unmount
/// uncovers; a directory that opens is one that could not be looked into.
fn read_a_byte(path: &Path) -> Outcome {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let opened = match open(path, flags, Mode::empty()) {
        Ok(opened) => opened,
        Err(errno) => return Outcome::of::<()>(&Err(errno)),
    };
    match read(&opened, &mut [0]) {
        Ok(0) => Outcome::Absent,
        answer => Outcome::of(&answer),
    }
}

/// Standard input, output and error may be a withheld file; anything else that
/// is open must be what main keeps on purpose.
pub(super) fn try_descriptors(
    hidden: &HiddenFiles,
    kept: &[OwnedFd],
    see: &mut dyn FnMut(Attempt),
) {
    let standard = [
        ("standard input", descriptor::stdin()),
        ("standard output", descriptor::stdout()),
        ("standard error", descriptor::stderr()),
    ];
    for (name, standard) in standard {
        let outcome = match fstat(standard) {
            Ok(found) if hidden.files.contains(&(found.st_dev, found.st_ino)) => Outcome::Reached,
            // Closed, or something else.
            Ok(_) | Err(Errno::EBADF) => Outcome::Absent,
            Err(errno) => Outcome::Unclear(errno),
        };
        see(Attempt {
            channel: "reading",
            target: name.into(),
            outcome,
            remedy: "start the container without a secret's file as its standard input",
        });
    }
    let kept = |number| kept.iter().any(|kept| kept.as_raw_fd() == number);
    let inherited = descriptor::first_inherited(&kept);
    see(Attempt {
        channel: "using",
        target: inherited.map_or_else(
            || "inherited descriptors".to_owned(),
            |number| format!("the inherited descriptor {number}"),
        ),
        outcome: if inherited.is_some() {
            Outcome::Reached
        } else {
            Outcome::Absent
        },
        remedy: "report this: a descriptor was left open",
    });
}
