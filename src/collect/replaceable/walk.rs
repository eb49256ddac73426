//! The way to a file, component by component, as the kernel would go it.
//!
//! In: a path and an identity. Out: the first step that the identity could
//! change. Links are followed one at a time, since the directory that holds a
//! link decides where it leads.
//!
//! **Never:** access(2) or an attempt: this process is not the identity, and
//! what is mounted may be the host's.

use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::readlink;
use nix::sys::stat::SFlag;
use nix::sys::statfs::{PROC_SUPER_MAGIC, statfs};
use nix::sys::statvfs::{FsFlags, statvfs};

use super::{Way, Weakness};
use crate::collect::accounts::Identity;
use crate::collect::file::Ownership;
use crate::sys::attribute;
use crate::sys::statx::{Look, look};

/// As many links as the kernel follows (path_resolution(7)).
const LINKS: u8 = 40;
/// An access list (acl(5)); with one, the group bits of the mode are its mask.
pub(super) const ACCESS_LIST: &std::ffi::CStr = c"system.posix_acl_access";

/// A file or directory on the way, with no link in its path.
struct Step {
    path: PathBuf,
    look: Look,
    /// What the root of a mount made unimportant, as long as nothing leads out
    /// of that mount again.
    covered: Option<Weakness>,
}

/// The first thing that lets `identity` change what `path` leads to. A uid of 0
/// is taken to be able to do all that the mounts allow. What cannot be looked at
/// ends the way: nobody below could open it either.
#[must_use]
pub fn weakness(path: &Path, identity: &Identity) -> Option<Weakness> {
    let root = Step::at(PathBuf::from("/")).ok()?;
    let mut ahead = std::path::absolute(path).ok()?;
    let mut entered = vec![root];
    let mut links = LINKS;
    // What was found since the root of the present mount, or since a link.
    let mut found = None;
    loop {
        let mut components = ahead.components();
        let component = components.next();
        let rest = components.as_path().to_path_buf();
        let directory = entered.last()?;
        let name = match component {
            Some(Component::Normal(name)) => name,
            Some(Component::RootDir | Component::Prefix(_)) => {
                entered.truncate(1);
                ahead = rest;
                continue;
            }
            Some(Component::CurDir) => {
                ahead = rest;
                continue;
            }
            Some(Component::ParentDir) => {
                // The root's parent is the root.
                if entered.len() > 1 {
                    let left = entered.pop();
                    found = found.or(left.and_then(|left| left.covered));
                }
                ahead = rest;
                continue;
            }
            None => return found.or_else(|| directory.judge(identity, Way::Write)),
        };
        let mut step = match Step::at(directory.path.join(name)) {
            Ok(step) => step,
            Err(Errno::ENOENT) => {
                return found.or_else(|| directory.judge(identity, Way::Create));
            }
            Err(_) => return found.or_else(|| directory.judge(identity, Way::Replace)),
        };
        if step.look.mount == directory.look.mount {
            found = found.or_else(|| directory.judge_entry(identity, &step));
        } else {
            // A mount point can be neither removed nor renamed, and whatever
            // happens above it, the next start mounts it anew.
            step.covered = found.take();
            if !step.is_link() && step.is_kernels() {
                return None;
            }
        }
        if step.is_link() {
            if found.is_some() {
                return found;
            }
            links = links.checked_sub(1)?;
            let target = readlink(&step.path).ok()?;
            ahead = PathBuf::from(target).join(rest);
        } else {
            entered.push(step);
            ahead = rest;
        }
    }
}

impl Step {
    fn at(path: PathBuf) -> nix::Result<Self> {
        Ok(Self {
            look: look(&path)?,
            path,
            covered: None,
        })
    }

    fn is_link(&self) -> bool {
        SFlag::from_bits_truncate(self.look.mode) & SFlag::S_IFMT == SFlag::S_IFLNK
    }

    /// `/proc` shows the kernel's objects; nobody puts files there.
    fn is_kernels(&self) -> bool {
        statfs(&self.path).is_ok_and(|found| found.filesystem_type() == PROC_SUPER_MAGIC)
    }

    /// Whether an entry of this directory could be replaced.
    fn judge_entry(&self, identity: &Identity, entry: &Self) -> Option<Weakness> {
        let is_sticky = self.look.mode & libc::S_ISVTX != 0;
        let owns_one = [self.look.uid, entry.look.uid].contains(&identity.uid);
        if is_sticky && !owns_one && identity.uid != 0 {
            return None;
        }
        self.judge(identity, Way::Replace)
    }

    /// Whether this could be written to, or made writable by its owner.
    fn judge(&self, identity: &Identity, way: Way) -> Option<Weakness> {
        let Look { uid, gid, mode, .. } = self.look;
        let may = identity.uid == 0 || identity.uid == uid || self.lets_write(identity);
        (may && !is_read_only(&self.path)).then(|| Weakness {
            path: self.path.clone(),
            ownership: Ownership {
                uid,
                gid,
                mode: mode & 0o7777,
            },
            way,
        })
    }

    /// The write bit of the class that someone who is not the owner is in.
    fn lets_write(&self, identity: &Identity) -> bool {
        let mode = self.look.mode;
        let (group, others) = (mode & libc::S_IWGRP != 0, mode & libc::S_IWOTH != 0);
        if !group && !others {
            return false;
        }
        // Whom a list names is not read: its mask is the most that it gives.
        if attribute::has(&self.path, ACCESS_LIST).unwrap_or(false) {
            return true;
        }
        let gid = self.look.gid;
        if identity.gid == gid || identity.groups.contains(&gid) {
            group
        } else {
            others
        }
    }
}

fn is_read_only(path: &Path) -> bool {
    statvfs(path).is_ok_and(|found| found.flags().contains(FsFlags::ST_RDONLY))
}
