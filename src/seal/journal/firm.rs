//! Where setup's user cannot take the journal away, and whether it is sure that
//! there was none.
//!
//! In: setup's directory and its user. Out: a directory on the way to it that this
//! user can neither replace nor rename, and an attribute's name. Setup can set and
//! remove no attribute (`sys::seccomp`), so what is written there stays.
//!
//! **Never:** an absent journal taken for a setup that was sealed where setup, or a
//! new container, could have made it absent: each reason has its words.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access, geteuid};

use super::kept::{ATTRIBUTE, Kept, as_either};
use super::layer;
use crate::collect::accounts::Identity;
use crate::collect::replaceable::{Way, Weakness, find};
use crate::run::confine::mounts::Mounts;
use crate::seal::as_user::ask;
use crate::seal::places::is_read_only;
use crate::seal::since::mount_of;
use crate::sys::attribute;
use crate::sys::seccomp;

/// The longest name of an attribute (xattr(7)).
const LONGEST: usize = 255;

/// Why an absent journal proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// There is no filter, so setup may have removed it.
    NoFilter,
    /// No place was out of setup's reach.
    NoPlace,
    /// What made this start skip setup lies where the journal does not.
    Elsewhere,
}

impl Doubt {
    /// The reason, for a message.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NoFilter => "the kernel has no seccomp filters",
            Self::NoPlace => "no place for its journal is out of setup's reach",
            Self::Elsewhere => "`skip_if` is on another mount than setup's journal",
        }
    }
}

/// The place that setup's user cannot take away: the directory itself, or the first
/// on the way to it of which that user could replace an entry. `None`: what it would
/// be called is no name of an attribute.
pub(super) fn place(setup: &Path, user: &Identity) -> Option<Kept> {
    let weak = match find(setup, user, ask) {
        Ok(Some(weak)) if weak.way != Way::Write => weak,
        // Where nobody could look, `can_hold` says no.
        _ => return Some(Kept::Attribute(setup.join("."), ATTRIBUTE.to_owned())),
    };
    // Others may have their own directories below the same one.
    let name = [ATTRIBUTE.to_bytes(), b":", setup.as_os_str().as_bytes()].concat();
    let name = CString::new(name)
        .ok()
        .filter(|name| name.count_bytes() <= LONGEST)?;
    Some(Kept::Attribute(weak.path, name))
}

/// Whether a journal can be kept there, so that it must be: by what setup's user
/// cannot change.
pub(super) fn can_hold(place: &Kept, user: &Identity) -> bool {
    let Kept::Attribute(directory, name) = place else {
        return false;
    };
    if is_read_only(directory)
        || find(directory, user, ask).is_err()
        || is_shown_elsewhere(directory, user)
    {
        return false;
    }
    let has = as_either(user, &|| {
        let has = attribute::is_supported(directory, name)? && may_set(directory, user)?;
        Ok(vec![u8::from(has)])
    });
    has.is_ok_and(|answer| answer == [1])
}

/// What setup's user owns, that user could make writable later, and root could make
/// anything its own: there a journal is kept, or setup is not run.
fn may_set(directory: &Path, user: &Identity) -> io::Result<bool> {
    let found = directory.metadata()?;
    let owners = [geteuid().as_raw(), user.uid];
    if !found.is_dir() || (found.mode() & libc::S_ISVTX != 0 && !owners.contains(&found.uid())) {
        return Ok(false);
    }
    if ![0, found.uid()].contains(&user.uid) {
        access(directory, AccessFlags::W_OK)?;
    }
    Ok(true)
}

/// Whether another mount shows it as an entry that setup's user could replace. What
/// is not known counts as shown.
fn is_shown_elsewhere(directory: &Path, user: &Identity) -> bool {
    let mounts = Mounts::read();
    let Ok(path) = canonical(directory, user) else {
        return true;
    };
    let is_replaceable = |path: PathBuf| {
        !matches!(
            find(&path, user, ask),
            Ok(None
                | Some(Weakness {
                    way: Way::Write,
                    ..
                }))
        )
    };
    !mounts.is_whole() || mounts.ways_to(&path).into_iter().any(is_replaceable)
}

fn canonical(path: &Path, user: &Identity) -> io::Result<PathBuf> {
    let found = as_either(user, &|| {
        let path = path.canonicalize()?;
        Ok(path.as_os_str().as_bytes().to_vec())
    })?;
    Ok(PathBuf::from(std::ffi::OsStr::from_bytes(&found)))
}

/// Why it is not sure that an absent journal means a setup that was sealed; `None`:
/// it does. `skip_if` is there: on the mount of the journal it is of a time at which
/// that mount was there.
pub(super) fn doubt(
    setup: Option<&Path>,
    in_layer: &Path,
    skip_if: &Path,
    user: &Identity,
) -> Option<Doubt> {
    // A layer without its directory never had one, and from root none is safe there.
    let is_in_layer = geteuid().is_root()
        && layer::is_there(in_layer)
        && !is_read_only(in_layer)
        && find(in_layer, user, ask) == Ok(None)
        && is_on_one_mount(in_layer, skip_if, user);
    if is_in_layer {
        return None;
    }
    if !seccomp::is_available() {
        return Some(Doubt::NoFilter);
    }
    let place = setup.and_then(|setup| place(setup, user));
    match place.filter(|place| can_hold(place, user)) {
        None => Some(Doubt::NoPlace),
        Some(place) if is_on_one_mount(place.path(), skip_if, user) => None,
        Some(_) => Some(Doubt::Elsewhere),
    }
}

fn is_on_one_mount(one: &Path, other: &Path, user: &Identity) -> bool {
    let answer = as_either(user, &|| {
        let is_one = mount_of(one)? == mount_of(other)?;
        Ok(vec![u8::from(is_one)])
    });
    answer.is_ok_and(|answer| answer == [1])
}
