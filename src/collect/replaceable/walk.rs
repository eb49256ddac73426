//! The way to a file, component by component, as the kernel would go it.
//!
//! In: a path and an identity. Out: the first step that the identity could
//! change; or the step that this process may not look at, which is no answer.
//! Links are followed one at a time, since the directory that holds a link decides
//! where it leads.
//!
//! **Never:** access(2) or an attempt: this process is not the identity, and
//! what is mounted may be the host's. Never an error as the answer that nobody
//! could change a step.

use std::ffi::OsStr;
use std::mem;
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

/// A way that could not be judged to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unjudged {
    /// The step that could not be looked at; no link is in its path.
    pub step: PathBuf,
    /// What comes behind it.
    pub rest: PathBuf,
    /// Why not.
    pub errno: Errno,
}

/// A file or directory on the way, with no link in its path.
struct Step {
    path: PathBuf,
    look: Look,
    /// What the root of a mount made unimportant, as long as nothing leads out
    /// of that mount again.
    covered: Option<Weakness>,
}

/// A way, as far as it was gone.
struct Walk {
    /// The directories from the root to the present one.
    root: Step,
    below: Vec<Step>,
    ahead: PathBuf,
    links: u8,
}

/// The next thing on a way.
enum Move {
    /// An entry of the present directory.
    Entry(Step),
    /// A directory that `..` leads out of.
    Left(Step),
    /// Nothing: the way is at its end.
    End,
    /// An entry that is not there.
    Missing,
    /// An entry below something that is no directory, or with a name that is too long:
    /// nobody can have it.
    Impossible,
    /// An entry that could not be looked at.
    Unseen(Unjudged),
}

/// The first thing that lets `identity` change what `path` leads to. A uid of 0
/// is taken to be able to do all that the mounts allow.
pub(super) fn weakness(path: &Path, identity: &Identity) -> Result<Option<Weakness>, Unjudged> {
    let mut walk = Walk::to(path)?;
    // What was found since the root of the present mount, or since a link.
    let mut found: Option<Weakness> = None;
    loop {
        let next = walk.next()?;
        let directory = walk.present();
        let or_here = |way| directory.judge(identity, way);
        let mut step = match next {
            Move::End => return Ok(found.or_else(|| or_here(Way::Write))),
            Move::Missing => return Ok(found.or_else(|| or_here(Way::Create))),
            Move::Impossible => return Ok(found.or_else(|| or_here(Way::Replace))),
            Move::Unseen(unjudged) => {
                let found = found.or_else(|| or_here(Way::Replace));
                return found.map_or(Err(unjudged), |found| Ok(Some(found)));
            }
            Move::Left(left) => {
                found = found.or(left.covered);
                continue;
            }
            Move::Entry(step) => step,
        };
        if step.look.mount == directory.look.mount {
            found = found.or_else(|| directory.judge_entry(identity, &step));
        } else {
            // A mount point can be neither removed nor renamed, and whatever
            // happens above it, the next start mounts it anew.
            step.covered = found.take();
            if !step.is_link() && step.is_kernels() {
                return Ok(None);
            }
        }
        if found.is_some() && step.is_link() {
            return Ok(found);
        }
        walk.enter(step)?;
    }
}

/// Every entry of a directory that leads to what `path` leads to, itself included,
/// and with it each link on the way; each with no link before its last name. `None`:
/// it leads nowhere, or nobody could look.
#[must_use]
pub fn steps(path: &Path) -> Option<Vec<PathBuf>> {
    let mut walk = Walk::to(path).ok()?;
    let mut steps = Vec::new();
    loop {
        match walk.next().ok()? {
            Move::Entry(step) => {
                steps.push(step.path.clone());
                walk.enter(step).ok()?;
            }
            Move::Left(_) => {}
            Move::End => return Some(steps),
            Move::Missing | Move::Impossible | Move::Unseen(_) => return None,
        }
    }
}

impl Walk {
    fn to(path: &Path) -> Result<Self, Unjudged> {
        let ahead = std::path::absolute(path).map_err(|error| {
            let errno = error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw);
            Unjudged::at(path, Path::new(""), errno)
        })?;
        let root = PathBuf::from("/");
        let root = Step::at(root).map_err(|errno| Unjudged::at(Path::new("/"), &ahead, errno))?;
        Ok(Self {
            root,
            below: Vec::new(),
            ahead,
            links: LINKS,
        })
    }

    /// The directory that the way has come to.
    fn present(&self) -> &Step {
        self.below.last().unwrap_or(&self.root)
    }

    /// Goes on to the next component that leads anywhere.
    fn next(&mut self) -> Result<Move, Unjudged> {
        loop {
            let ahead = mem::take(&mut self.ahead);
            let mut components = ahead.components();
            let component = components.next();
            self.ahead = components.as_path().to_path_buf();
            match component {
                Some(Component::Normal(name)) => return Ok(self.look_at(name)),
                Some(Component::RootDir | Component::Prefix(_)) => self.below.clear(),
                Some(Component::CurDir) => {}
                // The root's parent is the root.
                Some(Component::ParentDir) => {
                    if let Some(left) = self.below.pop() {
                        return Ok(Move::Left(left));
                    }
                }
                None => return Ok(Move::End),
            }
        }
    }

    fn look_at(&self, name: &OsStr) -> Move {
        let path = self.present().path.join(name);
        match Step::at(path.clone()) {
            Ok(step) => Move::Entry(step),
            Err(Errno::ENOENT) => Move::Missing,
            Err(Errno::ENOTDIR | Errno::ENAMETOOLONG) => Move::Impossible,
            Err(errno) => Move::Unseen(Unjudged::at(&path, &self.ahead, errno)),
        }
    }

    /// Into a directory, or on to where a link leads.
    fn enter(&mut self, step: Step) -> Result<(), Unjudged> {
        if !step.is_link() {
            self.below.push(step);
            return Ok(());
        }
        let unjudged = |errno| Unjudged::at(&step.path, &self.ahead, errno);
        self.links = self.links.checked_sub(1).ok_or(unjudged(Errno::ELOOP))?;
        let target = readlink(&step.path).map_err(unjudged)?;
        self.ahead = PathBuf::from(target).join(&self.ahead);
        Ok(())
    }
}

impl Unjudged {
    fn at(step: &Path, rest: &Path, errno: Errno) -> Self {
        Self {
            step: step.to_path_buf(),
            rest: rest.to_path_buf(),
            errno,
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

    /// `/proc` shows the kernel's objects; nobody puts files there. What does not say
    /// so is judged as any other.
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
        // Whom a list names is not read: its mask is the most that it gives. One that
        // could not be asked for may be there.
        if attribute::has(&self.path, ACCESS_LIST).unwrap_or(true) {
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

/// Whether nobody can write there; an error is no such word.
fn is_read_only(path: &Path) -> bool {
    statvfs(path).is_ok_and(|found| found.flags().contains(FsFlags::ST_RDONLY))
}
