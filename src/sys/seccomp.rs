//! Two seccomp filters: certain ioctl(2) requests, or the kernel's keyrings, fail
//! with EPERM.
//!
//! In: the requests. Out: a filter for this process and all it will start.
//!
//! **Never:** a filter for secrets: seccomp cannot see paths.

#![expect(unsafe_code, reason = "nix cannot install a seccomp filter")]

use nix::errno::Errno;

/// Offsets in `struct seccomp_data` (seccomp(2)); the low half of the second
/// argument comes first on the little-endian machines that we build for.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const REQUEST: u32 = 24;

/// The audit name of the native architecture and the number of ioctl(2) on it,
/// then the same for the 32-bit programs that the kernel also runs (audit.h).
#[cfg(target_arch = "x86_64")]
const IOCTL: [(u32, u32); 2] = [(0xc000_003e, 16), (0x4000_0003, 54)];
#[cfg(target_arch = "aarch64")]
const IOCTL: [(u32, u32); 2] = [(0xc000_00b7, 29), (0x4000_0028, 54)];

/// On x86-64 the x32 ABI shares the architecture and sets this bit; its own
/// ioctl has another number, 514.
const X32_IOCTL: u32 = 0x4000_0000 + 514;

/// add_key(2), the first of three numbers in a row, with request_key(2) and
/// keyctl(2) after it.
#[cfg(target_arch = "x86_64")]
const KEYS: [u32; 2] = [248, 286];
#[cfg(target_arch = "aarch64")]
const KEYS: [u32; 2] = [217, 309];

/// All bits of a number but x32's.
const NOT_X32: u32 = !0x4000_0000;

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_IF_GREATER: u16 = 0x25; // BPF_JMP | BPF_JGT | BPF_K
const SUBTRACT: u16 = 0x14; // BPF_ALU | BPF_SUB | BPF_K
const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K
const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | 1; // EPERM

const fn step(code: u16, k: u32, if_true: u8, if_false: u8) -> libc::sock_filter {
    libc::sock_filter {
        code,
        jt: if_true,
        jf: if_false,
        k,
    }
}

/// Installs the filter. The caller has set `no_new_privs`.
pub fn refuse_ioctls(requests: [u32; 2]) -> nix::Result<()> {
    let [(native, native_ioctl), (compat, compat_ioctl)] = IOCTL;
    let [first, second] = requests;
    let mut program = [
        step(LOAD, ARCHITECTURE, 0, 0),
        step(JUMP_IF_EQUAL, native, 0, 3),
        step(LOAD, NUMBER, 0, 0),
        step(JUMP_IF_EQUAL, native_ioctl, 4, 0),
        step(JUMP_IF_EQUAL, X32_IOCTL, 3, 6),
        step(JUMP_IF_EQUAL, compat, 0, 5),
        step(LOAD, NUMBER, 0, 0),
        step(JUMP_IF_EQUAL, compat_ioctl, 0, 3),
        step(LOAD, REQUEST, 0, 0),
        step(JUMP_IF_EQUAL, first, 2, 0),
        step(JUMP_IF_EQUAL, second, 1, 0),
        step(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0),
        step(RETURN, REFUSE, 0, 0),
    ];
    install(&mut program)
}

/// Refuses every call for a keyring, as container runtimes usually do. The caller
/// has set `no_new_privs`.
pub fn refuse_keyrings() -> nix::Result<()> {
    let [(native, _), (compat, _)] = IOCTL;
    let [native_keys, compat_keys] = KEYS;
    let mut program = [
        step(LOAD, ARCHITECTURE, 0, 0),
        step(JUMP_IF_EQUAL, native, 0, 4),
        step(LOAD, NUMBER, 0, 0),
        step(AND, NOT_X32, 0, 0),
        step(SUBTRACT, native_keys, 0, 0),
        step(JUMP_IF_GREATER, 2, 5, 4),
        step(JUMP_IF_EQUAL, compat, 0, 4),
        step(LOAD, NUMBER, 0, 0),
        step(SUBTRACT, compat_keys, 0, 0),
        step(JUMP_IF_GREATER, 2, 1, 0),
        step(RETURN, REFUSE, 0, 0),
        step(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    install(&mut program)
}

fn install(program: &mut [libc::sock_filter]) -> nix::Result<()> {
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).unwrap_or(0),
        filter: program.as_mut_ptr(),
    };
    // SAFETY: `filter` points to `program`, both outlive the call, and the kernel
    // copies and checks the program.
    let answer = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::c_ulong::from(libc::SECCOMP_MODE_FILTER),
            &raw const filter,
        )
    };
    Errno::result(answer).map(drop)
}
