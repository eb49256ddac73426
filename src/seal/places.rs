//! Where setup could have written: the mounts that are not read-only.
//!
//! In: the list of mounts. Out: their points, each with a mark of this moment,
//! so that what is older can be told from what setup wrote.
//!
//! **Never:** a mount of the kernel's own files, in which nothing stays.

use std::path::{Path, PathBuf};

use nix::sys::statfs::{
    CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, FsType, PROC_SUPER_MAGIC, SYSFS_MAGIC, statfs,
};
use nix::sys::statvfs::{FsFlags, statvfs};

use super::since::{Mark, mount_of};
use crate::collect::accounts::Identity;
use crate::run::confine::mounts::Mounts;

/// File systems that show the kernel: those of terminals, message queues,
/// security modules, tracing, BPF and namespaces are told by number only.
const OTHERS: [FsType; 7] = [
    FsType(0x1cd1),
    FsType(0x1980_0202),
    FsType(0x7363_6673),
    FsType(0x7472_6163),
    FsType(0x6462_6720),
    FsType(0xcafe_4a11),
    FsType(0x6e73_6673),
];

/// One mount that setup could write to.
#[derive(Debug)]
pub struct Place {
    /// Its point: a directory, or one file that was mounted.
    pub path: PathBuf,
    /// This moment there; `None` where no file can be made.
    pub mark: Option<Mark>,
}

/// All of them. Without `/proc` the root and the usual places stand for all.
/// Where no file can be made at a mount's point, by us or as setup's user, one
/// of `others` on the same mount gives the mark.
#[must_use]
pub fn writable(setup: &Identity, others: &[&Path]) -> Vec<Place> {
    let mounts = Mounts::read();
    let mut paths: Vec<PathBuf> = Vec::new();
    if !mounts.is_whole() {
        paths.extend(["/", "/tmp", "/var/tmp", "/run", "/dev/shm"].map(PathBuf::from));
    }
    for mount in mounts.at_or_below(Path::new("/")) {
        if !paths.contains(&mount.point) {
            paths.push(mount.point.clone());
        }
    }
    // A device that was mounted holds nothing.
    paths.retain(|path| {
        (path.is_dir() || path.is_file()) && !is_read_only(path) && !is_of_the_kernel(path)
    });
    paths
        .into_iter()
        .map(|path| Place {
            mark: mark(&path, setup, others),
            path,
        })
        .collect()
}

fn mark(path: &Path, setup: &Identity, others: &[&Path]) -> Option<Mark> {
    let mount = mount_of(path).ok()?;
    let others = others.iter().copied();
    let here = others.filter(|other| mount_of(other).is_ok_and(|found| found == mount));
    let mut here = [path].into_iter().chain(here).filter(|path| path.is_dir());
    here.find_map(|path| Mark::set_as(path, setup).ok())
}

/// Whether nobody can have written there.
pub(super) fn is_read_only(path: &Path) -> bool {
    statvfs(path).is_ok_and(|found| found.flags().contains(FsFlags::ST_RDONLY))
}

fn is_of_the_kernel(path: &Path) -> bool {
    let kinds = [
        PROC_SUPER_MAGIC,
        SYSFS_MAGIC,
        CGROUP_SUPER_MAGIC,
        CGROUP2_SUPER_MAGIC,
    ];
    statfs(path).is_ok_and(|found| {
        let kind = found.filesystem_type();
        kinds.contains(&kind) || OTHERS.contains(&kind)
    })
}
