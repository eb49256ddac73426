//! What stat(2) does not tell of a file, which mount it is on and when it was made;
//! and all that is asked of a step on a path, in one call.
//!
//! In: a descriptor, with O_PATH too, or a path. Out: something to compare. A bind
//! mount has the device of its origin, and on an overlay a file has another device
//! than its directory; the kernel's number of the mount has neither fault.
//!
//! **Never:** a link followed at the end of a path.

#![expect(unsafe_code, reason = "statx, which nix does not have")]

use std::ffi::CStr;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::Path;

use nix::NixPath;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{Mode, fstat, makedev};

/// `struct statx` (statx(2)): its size, and where its fields are.
const SIZE: usize = 256;
const MASK: usize = 0;
const UID: usize = 0x14;
const GID: usize = 0x18;
const MODE: usize = 0x1c;
const BIRTH_SECONDS: usize = 0x50;
const BIRTH_NANOSECONDS: usize = 0x58;
const MAJOR: usize = 0x88;
const MINOR: usize = 0x8c;
const MOUNT: usize = 0x90;

/// The structure as the kernel filled it.
struct Answer([u8; SIZE]);

/// What is asked for of a path.
const LOOK: u32 =
    libc::STATX_MODE | libc::STATX_TYPE | libc::STATX_UID | libc::STATX_GID | libc::STATX_MNT_ID;

/// A file, directory or link, by its path.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Its type and mode bits, as in stat(2).
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Where it is mounted.
    pub mount: Mount,
}

/// A mount, as far as the kernel tells. On Linux before 5.8 without `/proc` it
/// is the device alone.
#[derive(Clone, Copy, Debug)]
pub struct Mount {
    device: u64,
    number: Option<u64>,
}

impl PartialEq for Mount {
    fn eq(&self, other: &Self) -> bool {
        match (self.number, other.number) {
            (Some(one), Some(another)) => one == another,
            _ => self.device == other.device,
        }
    }
}

/// What is there, without following a link at the end of the path.
pub fn look(path: &Path) -> nix::Result<Look> {
    let asked = path.with_nix_path(|path| ask(AT_FDCWD, path, libc::AT_SYMLINK_NOFOLLOW, LOOK))?;
    if let Some(look) = asked.as_ref().and_then(Answer::look) {
        return Ok(look);
    }
    // Absent, or the kernel or a filter does not know the call.
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = openat(AT_FDCWD, path, flags, Mode::empty())?;
    let stat = fstat(&file)?;
    Ok(Look {
        mode: stat.st_mode,
        uid: stat.st_uid,
        gid: stat.st_gid,
        mount: Mount::on(&file, stat.st_dev),
    })
}

/// When a file was made, in seconds and nanoseconds of its file system's clock,
/// if that keeps it.
pub fn birth(descriptor: impl AsFd) -> Option<(i64, i64)> {
    let answer = ask_of(descriptor.as_fd(), libc::STATX_BTIME)?;
    let seconds = i64::from_ne_bytes(answer.bytes(BIRTH_SECONDS)?);
    Some((seconds, answer.number(BIRTH_NANOSECONDS)?.into()))
}

impl Mount {
    /// The mount that an open file is on.
    pub fn of(descriptor: impl AsFd) -> nix::Result<Self> {
        let descriptor = descriptor.as_fd();
        Ok(Self::on(descriptor, fstat(descriptor)?.st_dev))
    }

    /// The same for a file whose device is known.
    pub fn on(descriptor: impl AsFd, device: u64) -> Self {
        let descriptor = descriptor.as_fd();
        Self {
            device,
            number: by_call(descriptor).or_else(|| by_file(descriptor)),
        }
    }
}

fn by_call(descriptor: BorrowedFd<'_>) -> Option<u64> {
    ask_of(descriptor, libc::STATX_MNT_ID)?.mount()
}

fn ask_of(descriptor: BorrowedFd<'_>, fields: u32) -> Option<Answer> {
    ask(descriptor, c"", libc::AT_EMPTY_PATH, fields)
}

/// The structure, if the kernel filled all the fields that were asked for.
fn ask(directory: BorrowedFd<'_>, path: &CStr, flags: i32, fields: u32) -> Option<Answer> {
    let mut answer = Answer([0; SIZE]);
    // SAFETY: `path` ends with its NUL, and the answer is as large as the
    // structure that the kernel fills.
    let result = unsafe {
        libc::syscall(
            libc::SYS_statx,
            directory.as_raw_fd(),
            path.as_ptr(),
            flags,
            fields,
            answer.0.as_mut_ptr(),
        )
    };
    Errno::result(result).ok()?;
    (answer.number(MASK)? & fields == fields).then_some(answer)
}

impl Answer {
    fn look(&self) -> Option<Look> {
        let device = makedev(self.number(MAJOR)?.into(), self.number(MINOR)?.into());
        Some(Look {
            mode: u16::from_ne_bytes(self.bytes(MODE)?).into(),
            uid: self.number(UID)?,
            gid: self.number(GID)?,
            mount: Mount {
                device,
                number: self.mount(),
            },
        })
    }

    fn mount(&self) -> Option<u64> {
        self.bytes(MOUNT).map(u64::from_ne_bytes)
    }

    fn number(&self, place: usize) -> Option<u32> {
        self.bytes(place).map(u32::from_ne_bytes)
    }

    fn bytes<const COUNT: usize>(&self, place: usize) -> Option<[u8; COUNT]> {
        self.0.get(place..)?.first_chunk().copied()
    }
}

/// proc(5), `fdinfo`.
fn by_file(descriptor: BorrowedFd<'_>) -> Option<u64> {
    let path = format!("/proc/self/fdinfo/{}", descriptor.as_raw_fd());
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("mnt_id:"))?;
    line.trim_ascii().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::path::Path;

    use nix::errno::Errno;
    use nix::sys::stat::{fstat, lstat};

    use super::{Mount, birth, by_call, by_file, look};

    #[test]
    fn both_ways_to_ask_agree() {
        for path in ["/", "/proc", "/dev", "/tmp"] {
            let file = File::open(path).unwrap();
            let number = by_call(file.as_fd());
            assert!(number.is_some(), "{path}");
            assert_eq!(number, by_file(file.as_fd()), "{path}");
        }
    }

    #[test]
    fn a_look_by_path_says_what_stat_says_and_follows_no_link() {
        for path in ["/", "/proc", "/etc/passwd", "/proc/self"] {
            let path = Path::new(path);
            let (found, stat) = (look(path).unwrap(), lstat(path).unwrap());
            let seen = (found.mode, found.uid, found.gid);
            assert_eq!(seen, (stat.st_mode, stat.st_uid, stat.st_gid), "{path:?}");
            assert_eq!(found.mount.device, stat.st_dev, "{path:?}");
        }
        let root = Mount::of(File::open("/").unwrap()).unwrap();
        assert_eq!(look(Path::new("/")).unwrap().mount, root);
        assert_eq!(look(Path::new("/none")).unwrap_err(), Errno::ENOENT);
    }

    #[test]
    fn the_birth_of_a_file_is_kept_when_it_changes() {
        let path = std::env::temp_dir().join(format!("vestibule-birth-{}", std::process::id()));
        let file = File::create(&path).unwrap();
        let stat = fstat(&file).unwrap();
        let born = birth(&file);
        std::fs::remove_file(&path).unwrap();
        if let Some(born) = born {
            assert!(born <= (stat.st_ctime, stat.st_ctime_nsec));
            assert_eq!(birth(&file), Some(born));
        }
    }

    #[test]
    fn another_mount_is_told_apart() {
        let of = |path| Mount::of(File::open(path).unwrap()).unwrap();
        assert_eq!(of("/proc"), of("/proc/sys/kernel"));
        assert_ne!(of("/"), of("/proc"));
    }
}
