//! What stat(2) does not tell of a file: which mount it is on, when it was made.
//!
//! In: a descriptor, with O_PATH too. Out: something to compare. A bind mount has
//! the device of its origin, and on an overlay a file has another device than its
//! directory; the kernel's number of the mount has neither fault.
//!
//! **Never:** a path.

#![expect(unsafe_code, reason = "statx, which nix does not have")]

use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::stat::fstat;

/// `struct statx` is 256 bytes (statx(2)); as 64-bit words, the mask is the low
/// half of the first, `stx_btime` is at byte 0x50 and `stx_mnt_id` at 0x90.
const WORDS: usize = 32;
const BIRTH_WORD: usize = 0x50 / 8;
const MOUNT_WORD: usize = 0x90 / 8;
const LOW_HALF: u64 = 0xffff_ffff;

type Words = [u64; WORDS];

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

/// When a file was made, in seconds and nanoseconds of its file system's clock,
/// if that keeps it.
pub fn birth(descriptor: impl AsFd) -> Option<(i64, i64)> {
    let words = ask(descriptor.as_fd(), libc::STATX_BTIME)?;
    let seconds = i64::from_ne_bytes(words.get(BIRTH_WORD)?.to_ne_bytes());
    let nanoseconds = words.get(BIRTH_WORD + 1)? & LOW_HALF;
    Some((seconds, i64::try_from(nanoseconds).ok()?))
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
    ask(descriptor, libc::STATX_MNT_ID)?
        .get(MOUNT_WORD)
        .copied()
}

/// The structure, if the kernel filled the field that was asked for.
fn ask(descriptor: BorrowedFd<'_>, field: u32) -> Option<Words> {
    let mut words: Words = [0; WORDS];
    // SAFETY: the path is a constant with its NUL, and `words` is as large as
    // the structure that the kernel fills.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_statx,
            descriptor.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            field,
            words.as_mut_ptr(),
        )
    };
    Errno::result(answer).ok()?;
    let [mask, ..] = words;
    (mask & LOW_HALF & u64::from(field) != 0).then_some(words)
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

    use nix::sys::stat::fstat;

    use super::{Mount, birth, by_call, by_file};

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
