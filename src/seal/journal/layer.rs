//! The directory of journals in the container's writable layer.
//!
//! In: its path. Out: a directory of root alone.
//!
//! **Never:** one that anybody else could have made.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkdir};

use super::kept::{above, synchronize};

/// Where it is.
pub(super) const LAYER: &str = "/var/lib/vestibule";
/// What a mode gives to anybody but the owner.
const OTHERS: u32 = 0o077;

/// The directory in the layer, for a PID 1 that is root there.
pub(super) fn directory(layer: &Path) -> io::Result<&Path> {
    if !geteuid().is_root() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    for (path, mode) in [
        (
            layer.parent().and_then(Path::parent),
            Mode::from_bits_truncate(0o755),
        ),
        (layer.parent(), Mode::from_bits_truncate(0o755)),
        (Some(layer), Mode::S_IRWXU),
    ] {
        let Some(path) = path else { continue };
        match mkdir(path, mode) {
            Ok(()) => synchronize(above(path))?,
            Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    if is_there(layer) {
        Ok(layer)
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

/// Whether it is root's alone.
pub(super) fn is_there(layer: &Path) -> bool {
    let found = fs::symlink_metadata(layer);
    found.is_ok_and(|found| found.is_dir() && found.uid() == 0 && found.mode() & OTHERS == 0)
}
