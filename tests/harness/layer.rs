//! A root file system that outlives the scene that stands on it, as the writable
//! layer of a container outlives a restart.
//!
//! In: nothing. Out: a directory of this machine, gone with this value. What the
//! scene mounts (`/run`, `/tmp`, `/dev/shm`) is new each time, as in a container.
//!
//! **Never:** two scenes on one layer at the same time.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use super::programs;

/// A directory for the roots of several scenes.
#[derive(Debug)]
pub(crate) struct Layer(PathBuf);

impl Layer {
    /// An empty one.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("layer-{}-{number}", process::id());
        let path = programs::workplace().join(name);
        fs::create_dir_all(&path).expect("a directory for a layer");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("its mode");
        Self(path)
    }

    /// Where it is on this machine.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Where a path of the scene is.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }
}

impl Drop for Layer {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
