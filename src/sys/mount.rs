//! Which mount a file is on.
//!
//! In: a descriptor, with O_PATH too. Out: something to compare: the device and,
//! since a bind mount has the device of its origin, the kernel's number of the
//! mount.
//!
//! **Never:** a path.

#![expect(unsafe_code, reason = "statx, which nix does not have")]

use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::stat::fstat;

/// `struct statx` is 256 bytes (statx(2)); as 64-bit words, the mask is the low
/// half of the first, and `stx_mnt_id` is at byte 0x90.
const WORDS: usize = 32;
const MOUNT_WORD: usize = 0x90 / 8;
const LOW_HALF: u64 = 0xffff_ffff;

/// A mount, as far as the kernel tells. On Linux before 5.8 without `/proc` it
/// is the device alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mount {
    device: u64,
    number: Option<u64>,
}

impl Mount {
    /// The mount that an open file is on.
    pub fn of(descriptor: impl AsFd) -> nix::Result<Self> {
        let descriptor = descriptor.as_fd();
        Ok(Self {
            device: fstat(descriptor)?.st_dev,
            number: by_call(descriptor).or_else(|| by_file(descriptor)),
        })
    }
}

fn by_call(descriptor: BorrowedFd<'_>) -> Option<u64> {
    let mut words = [0_u64; WORDS];
    // SAFETY: the path is a constant with its NUL, and `words` is as large as
    // the structure that the kernel fills.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_statx,
            descriptor.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            libc::STATX_MNT_ID,
            words.as_mut_ptr(),
        )
    };
    Errno::result(answer).ok()?;
    let [first, ..] = words;
    let filled = first & LOW_HALF & u64::from(libc::STATX_MNT_ID) != 0;
    words.get(MOUNT_WORD).copied().filter(|_| filled)
}

/// proc(5), `fdinfo`.
fn by_file(descriptor: BorrowedFd<'_>) -> Option<u64> {
    let path = format!("/proc/self/fdinfo/{}", descriptor.as_raw_fd());
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("mnt_id:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;

    use super::{Mount, by_call, by_file};

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
    fn another_mount_is_told_apart() {
        let of = |path| Mount::of(File::open(path).unwrap()).unwrap();
        assert_eq!(of("/proc"), of("/proc/sys/kernel"));
        assert_ne!(of("/"), of("/proc"));
    }
}
