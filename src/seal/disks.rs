//! What setup wrote and what the seal removed, brought to the disks: once the
//! journal says that setup is through, no power failure may undo half of it.
//!
//! In: where setup could write. Out: nothing, or the place of a disk that refuses.
//!
//! **Never:** in PID 1 itself, which a slow disk would make deaf; a file system
//! twice, since the places of a container often are parts of its host's disk.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::syncfs;

use super::as_user::{ask_unless_stopped, number};
use super::places::Place;
use super::wording::shown_path;
use crate::collect::accounts::Identity;
use crate::exit::Exit;
use crate::report::{Fault, said};

/// How a child says that a place is done. Else it says the number of the error.
const DONE: u8 = 0;
/// Another user may be able to open it; this is no number of an error.
const SHUT: u8 = u8::MAX;

/// A disk that does not take what was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DiskFault {
    path: PathBuf,
    errno: Errno,
}

/// Brings all to the disks; what this process may not open is opened by whoever
/// may, and who may not has nothing there. The caller heeds what stopped it.
pub(super) fn settle(places: &[Place], [setup, main]: [&Identity; 2]) -> Result<(), DiskFault> {
    let mut answers = vec![SHUT; places.len()];
    for user in [None, Some(setup), Some(main)] {
        if !answers.contains(&SHUT) {
            break;
        }
        match ask_unless_stopped(user, &|| attempt(places, &answers)) {
            Ok(bytes) if bytes.len() == answers.len() => answers = bytes,
            answer => answers.fill(number(answer.err().unwrap_or(Errno::ECHILD))),
        }
    }
    for (place, answer) in places.iter().zip(answers) {
        if ![DONE, SHUT].contains(&answer) {
            return Err(DiskFault {
                path: place.path.clone(),
                errno: Errno::from_raw(answer.into()),
            });
        }
    }
    Ok(())
}

/// The answers again, after a try for those that were shut.
fn attempt(places: &[Place], answers: &[u8]) -> Vec<u8> {
    let mut settled = Vec::new();
    let answers = places.iter().zip(answers).map(|(place, answer)| {
        if *answer != SHUT {
            return *answer;
        }
        match synchronize(&place.path, &mut settled) {
            // What was there is gone.
            Ok(()) | Err(Errno::ENOENT) => DONE,
            Err(Errno::EACCES) => SHUT,
            Err(errno) => number(errno),
        }
    });
    answers.collect()
}

/// All of the file system on which this is, unless it was settled.
fn synchronize(path: &Path, settled: &mut Vec<u64>) -> nix::Result<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let opened = open(path, flags, Mode::empty())?;
    let device = fstat(&opened)?.st_dev;
    if !settled.contains(&device) {
        syncfs(opened)?;
        settled.push(device);
    }
    Ok(())
}

impl Fault for DiskFault {
    fn what(&self) -> String {
        let said = said(self.errno);
        ["what setup wrote cannot be brought to the disk: ", &said].concat()
    }

    fn place(&self) -> String {
        shown_path(&self.path)
    }

    fn remedy(&self) -> String {
        "look after the disk (space, errors), then start again".into()
    }

    fn exit(&self) -> Exit {
        Exit::System
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::super::tests::Place as Directory;
    use super::{DONE, Place, SHUT, attempt, settle, synchronize};
    use crate::collect::accounts::Identity;
    use crate::report::Fault;

    fn place(path: PathBuf) -> Place {
        Place { path, mark: None }
    }

    fn agent() -> Identity {
        Identity {
            uid: 1000,
            gid: 1000,
            groups: vec![1000],
            home: PathBuf::from("/"),
        }
    }

    #[test]
    fn what_is_gone_is_settled_and_what_refuses_is_named() {
        let directory = Directory::new();
        let mut places = vec![
            place(directory.0.clone()),
            place(directory.0.join("absent")),
        ];
        let (one, other) = (agent(), agent());
        assert_eq!(settle(&places, [&one, &other]), Ok(()));
        let round = directory.0.join("round");
        symlink(&round, &round).unwrap();
        places.push(place(round.clone()));
        let fault = settle(&places, [&one, &other]).unwrap_err();
        assert_eq!(fault.place(), round.display().to_string());
        assert!(fault.what().contains(": too many levels"));
    }

    #[test]
    fn a_file_system_is_settled_once_and_a_place_only_if_it_was_shut() {
        let directory = Directory::new();
        let file = directory.write("file", "");
        let mut settled = Vec::new();
        for path in [&directory.0, &file] {
            synchronize(path, &mut settled).unwrap();
        }
        assert_eq!(settled.len(), 1);
        let places = [place(directory.0.join("file/below")), place(file)];
        assert_eq!(attempt(&places, &[DONE, SHUT]), [DONE, DONE]);
        assert_eq!(attempt(&places, &[SHUT, 5]), [20, 5]);
    }
}
