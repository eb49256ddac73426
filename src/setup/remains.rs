//! What a setup that did not come to its end left in its directory.
//!
//! In: the directory, which was empty before, and the moment before setup. Out: the
//! same directory, with nothing of setup in it.
//!
//! **Never:** the directory's own end: it is the image's or a volume's, and without
//! it no restart would come up. Never a link followed by root: setup may have put it
//! there.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::collect::accounts::Identity;
use crate::report::Reporter;
use crate::seal::as_user::ask_unless_stopped;
use crate::seal::since::Mark;
use crate::seal::wipe::{Wiped, empty};

/// Who removes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Setup's user and the directory's: all that setup wrote they may remove.
    Users,
    /// Then we, too: the moment is ours for certain.
    All,
}

/// Removes what changed since, on whichever mount the directory is. Who asks PID 1
/// to stop ends that; the next start goes on with it.
pub(super) fn clear(directory: &Path, marks: &[Mark], by: By, setup: &Identity, report: Reporter) {
    let clear = |directory: &Path| {
        for mark in marks {
            let _: Wiped = empty(directory, mark, report);
        }
        Vec::new()
    };
    // A link of the image may lead to it, and one of setup's to nothing that its user
    // could not remove anyway; but for a root that one may be another's.
    let is_followed = by == By::All || !setup.is_root();
    let real = directory.canonicalize().ok().filter(|_| is_followed);
    let real = real.as_deref().unwrap_or(directory);
    // A root without its capabilities empties what it made in another's directory, and
    // that other takes it away.
    let owner = owner(real).filter(|_| setup.is_root());
    for user in [Some(setup), owner.as_ref()].into_iter().flatten() {
        let _ = ask_unless_stopped(Some(user), &|| clear(real));
    }
    if by == By::All {
        let _ = ask_unless_stopped(None, &|| clear(directory));
    }
}

fn owner(directory: &Path) -> Option<Identity> {
    let found = directory.metadata().ok()?;
    Some(Identity {
        uid: found.uid(),
        gid: found.gid(),
        groups: Vec::new(),
        home: PathBuf::from("/"),
    })
}

/// Makes the directory again, as setup's user, where setup took it away itself.
pub(super) fn restore(directory: &Path, setup: &Identity) {
    let is_gone = |error: std::io::Error| error.kind() == ErrorKind::NotFound;
    if directory.symlink_metadata().is_err_and(is_gone) {
        let _ = ask_unless_stopped(Some(setup), &|| {
            let _ = DirBuilder::new().mode(0o755).create(directory);
            Vec::new()
        });
    }
}
