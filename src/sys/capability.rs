//! The capability sets of this process, as the kernel has them: one bit each.
//!
//! In: masks. Out: masks, or the kernel's answer. Each call is for all sets at
//! once; the crate `caps` asks for every capability by itself, and hashes them.
//!
//! **Never:** a capability by name, or a choice among them.

#![expect(unsafe_code, reason = "capget and capset")]

use libc::{c_int, c_long, c_ulong};
use nix::errno::Errno;

use super::process::prctl;

/// The layout of the sets in two halves (capget(2), _LINUX_CAPABILITY_VERSION_3).
const VERSION: u32 = 0x2008_0522;

/// What a process can do, and could (capabilities(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sets {
    /// What the kernel asks for.
    pub effective: u64,
    /// What may become effective.
    pub permitted: u64,
    /// What may be left after an execve(2).
    pub inheritable: u64,
}

#[repr(C)]
struct Header {
    version: u32,
    /// 0 is the caller.
    pid: c_int,
}

/// 32 capabilities; the lower half comes first.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Half {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

impl Sets {
    /// Those of this process.
    pub fn own() -> nix::Result<Self> {
        let mut halves = [Half::default(); 2];
        call(libc::SYS_capget, &mut halves)?;
        let [low, high] = halves;
        let whole = |low: u32, high: u32| u64::from(low) | u64::from(high) << u32::BITS;
        Ok(Self {
            effective: whole(low.effective, high.effective),
            permitted: whole(low.permitted, high.permitted),
            inheritable: whole(low.inheritable, high.inheritable),
        })
    }

    /// Makes them those of this process. What leaves `permitted` cannot come back;
    /// ambient ones go with what leaves `permitted` or `inheritable`.
    pub fn take_effect(self) -> nix::Result<()> {
        let half = |shift: u32| Half {
            effective: part(self.effective, shift),
            permitted: part(self.permitted, shift),
            inheritable: part(self.inheritable, shift),
        };
        call(libc::SYS_capset, &mut [half(0), half(u32::BITS)])
    }
}

/// 32 bits of a mask, from `shift` on.
fn part(mask: u64, shift: u32) -> u32 {
    let [a, b, c, d, ..] = (mask >> shift).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

fn call(number: c_long, halves: &mut [Half; 2]) -> nix::Result<()> {
    let mut header = Header {
        version: VERSION,
        pid: 0,
    };
    let sets = halves.as_mut_ptr();
    // SAFETY: `header` and `sets` outlive the call and have the layout of this
    // version, with which the kernel reads or writes exactly two halves.
    let answer = unsafe { libc::syscall(number, &raw mut header, sets) };
    Errno::result(answer).map(drop)
}

/// Takes all but `kept` out of the bounding set (PR_CAPBSET_DROP); without
/// CAP_SETPCAP they stay. The kernel ends the list with EINVAL. Asking first is
/// worth it: dropping costs new credentials, also where there is nothing to drop,
/// and a container lacks most of them.
pub fn limit_bounding_set(kept: u64) {
    for capability in (0..u64::BITS).filter(|number| kept >> number & 1 == 0) {
        let arguments = [capability.into(), 0];
        let is_gone = match prctl(libc::PR_CAPBSET_READ, arguments) {
            Ok(0) => Ok(0),
            Ok(_) => prctl(libc::PR_CAPBSET_DROP, arguments),
            Err(errno) => Err(errno),
        };
        if is_gone.is_err() {
            return;
        }
    }
}

/// Makes a capability ambient (PR_CAP_AMBIENT): it then survives an execve(2) by
/// another user than root. It has to be permitted and inheritable.
pub fn make_ambient(capability: u8) -> nix::Result<()> {
    let raise = c_ulong::from(libc::PR_CAP_AMBIENT_RAISE.unsigned_abs());
    prctl(libc::PR_CAP_AMBIENT, [raise, capability.into()]).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Sets;

    #[test]
    fn the_sets_are_those_that_the_kernel_shows() {
        let own = Sets::own().unwrap();
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        for (name, set) in [
            ("CapEff:", own.effective),
            ("CapPrm:", own.permitted),
            ("CapInh:", own.inheritable),
        ] {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let shown = u64::from_str_radix(line.unwrap().trim(), 16).unwrap();
            assert_eq!(set, shown, "{name}");
        }
    }

    #[test]
    fn less_is_always_possible_and_what_is_gone_stays_gone() {
        std::thread::spawn(|| {
            let own = Sets::own().unwrap();
            // The lowest and the highest one, one of each half.
            let less = |mask: u64| mask & mask.wrapping_sub(1) & (u64::MAX >> 25);
            let left = Sets {
                effective: less(own.permitted),
                permitted: less(own.permitted),
                inheritable: 0,
            };
            left.take_effect().unwrap();
            assert_eq!(Sets::own(), Ok(left));
            if left.permitted != own.permitted {
                assert!(own.take_effect().is_err());
            }
        })
        .join()
        .unwrap();
    }
}
