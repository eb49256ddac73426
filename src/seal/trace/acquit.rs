//! Values in what setup's user could not have written are none that it left.
//!
//! In: what a search found, the places with their moments. Out: the same without
//! those.
//!
//! **Never:** one of a file that changed since: whoever changed it, a value came.

use std::path::Path;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, lstat};

use super::{Place, Trace, Traces};
use crate::collect::accounts::Identity;
use crate::seal::blame::could_have_written;
use crate::sys::statx::Mount;

impl Traces {
    /// Takes out what is older than setup and not to be written by its user. Names and
    /// links are found whatever their age, and all is where no moment is certain.
    pub fn acquit(&mut self, places: &[Place], setup: &Identity) {
        let old = self.left.extract_if(.., |trace| trace.is_older(places));
        let old: Vec<Trace> = old.collect();
        let paths: Vec<&Path> = old.iter().map(|trace| trace.path.as_path()).collect();
        let could = could_have_written(&paths, setup);
        let judged = old.into_iter().zip(could);
        let kept = judged.filter_map(|(trace, could)| could.then_some(trace));
        self.left.extend(kept);
    }
}

impl Trace {
    /// Whether it is a value in a file that has surely not changed since.
    fn is_older(&self, places: &[Place]) -> bool {
        // Findings that are not listed have no file.
        let has_file = self.is_value() && self.path != Path::new("/");
        has_file && is_older(&self.path, places).unwrap_or(false)
    }
}

fn is_older(path: &Path, places: &[Place]) -> nix::Result<bool> {
    let stat = lstat(path)?;
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mount = Mount::of(open(path, flags, Mode::empty())?)?;
    let mut marks = places.iter().filter_map(|place| place.mark);
    let mark = marks.find(|mark| mark.is_for(mount));
    Ok(mark.is_some_and(|mark| !mark.may_be_before(&stat)))
}
