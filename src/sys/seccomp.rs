//! Two seccomp filters: certain ioctl(2) requests fail; or the calls do by which
//! setup could leave a value where nobody looks, or rid itself of its debt.
//!
//! In: the requests, or kinds of objects. Out: a filter for this process and all
//! it will start.
//!
//! **Never:** a filter for secrets: seccomp cannot see paths. An architecture that
//! has no list: it can do nothing.

#![expect(unsafe_code, reason = "nix cannot install a seccomp filter")]

use nix::errno::Errno;

/// Offsets in `struct seccomp_data` (seccomp(2)); the low half of an argument
/// comes first on the little-endian machines that we build for.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const FIRST: u32 = 16;
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

/// A call: its number on the native architecture, and for 32-bit programs.
type Call = [u32; 2];

/// The three of add_key(2), which leave a value in a keyring.
#[cfg(target_arch = "x86_64")]
const KEYRINGS: [Call; 3] = [[248, 286], [249, 287], [250, 288]];
#[cfg(target_arch = "aarch64")]
const KEYRINGS: [Call; 3] = [[217, 309], [218, 310], [219, 311]];

/// What sets and removes attributes (xattr(7)), of which one is the journal.
#[cfg(target_arch = "x86_64")]
const ATTRIBUTES: [Call; 8] = [
    [188, 226], // setxattr, lsetxattr, fsetxattr
    [189, 227],
    [190, 228],
    [197, 235], // removexattr, lremovexattr, fremovexattr
    [198, 236],
    [199, 237],
    [463, 463], // setxattrat
    [466, 466], // removexattrat
];
#[cfg(target_arch = "aarch64")]
const ATTRIBUTES: [Call; 8] = [
    [5, 226],
    [6, 227],
    [7, 228],
    [14, 235],
    [15, 236],
    [16, 237],
    [463, 463],
    [466, 466],
];

/// io_uring_setup(2): a ring sets attributes without any of these calls.
const RING: [Call; 1] = [[425, 425]];

/// prlimit64(2), by which a process of PID 1's user could end PID 1.
#[cfg(target_arch = "x86_64")]
const LIMITS: Call = [302, 340];
#[cfg(target_arch = "aarch64")]
const LIMITS: Call = [261, 369];

/// mq_open(2).
#[cfg(target_arch = "x86_64")]
const QUEUES: [Call; 1] = [[240, 277]];
#[cfg(target_arch = "aarch64")]
const QUEUES: [Call; 1] = [[180, 274]];

/// shmget(2), semget(2), msgget(2), and ipc(2), which is all three for 32-bit
/// programs of x86.
#[cfg(target_arch = "x86_64")]
const OBJECTS: [Call; 4] = [[29, 395], [64, 393], [68, 399], [NONE, 117]];
#[cfg(target_arch = "aarch64")]
const OBJECTS: [Call; 4] = [[194, 307], [190, 299], [186, 303], [NONE, 117]];

/// The number of no call.
const NONE: u32 = u32::MAX;

/// PID 1, as every process of its namespace names it.
const INIT: u32 = 1;

/// All bits of a number but x32's.
const NOT_X32: u32 = !0x4000_0000;

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K
const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | 1; // EPERM
/// As on a kernel without the call: programs have another way then.
const UNKNOWN: u32 = libc::SECCOMP_RET_ERRNO | 0x26; // ENOSYS
/// As on a file system without attributes: who copies goes on without.
const UNSUPPORTED: u32 = libc::SECCOMP_RET_ERRNO | 0x5f; // EOPNOTSUPP

const fn step(code: u16, k: u32, if_true: u8, if_false: u8) -> libc::sock_filter {
    libc::sock_filter {
        code,
        jt: if_true,
        jf: if_false,
        k,
    }
}

/// Refuses these requests. The caller has set `no_new_privs`.
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

/// Kinds of kernel objects that nobody here can list, and so none may be made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unlisted {
    /// POSIX message queues.
    pub queues: bool,
    /// System V objects.
    pub objects: bool,
}

/// Refuses what setup has no business with: keyrings, as container runtimes
/// usually do; attributes of files; the limits of PID 1; and objects that the seal
/// could not find. The caller has set `no_new_privs`.
pub fn guard_setup(unlisted: Unlisted) -> nix::Result<()> {
    install(&mut guard(unlisted)?)
}

fn guard(unlisted: Unlisted) -> nix::Result<Vec<libc::sock_filter>> {
    let mut refusals: Vec<(Call, u32)> = Vec::new();
    let mut add = |calls: &[Call], answer| {
        refusals.extend(calls.iter().map(|call| (*call, answer)));
    };
    add(&KEYRINGS, REFUSE);
    add(&ATTRIBUTES, UNSUPPORTED);
    add(&RING, UNKNOWN);
    if unlisted.queues {
        add(&QUEUES, UNKNOWN);
    }
    if unlisted.objects {
        add(&OBJECTS, UNKNOWN);
    }
    let [(native, _), (compat, _)] = IOCTL;
    let mut program = vec![step(LOAD, ARCHITECTURE, 0, 0)];
    for (index, architecture) in [native, compat].into_iter().enumerate() {
        let body = of_architecture(index, &refusals);
        // The numbers of an architecture that is none of these are not known.
        let over = u8::try_from(body.len()).map_err(|_| Errno::E2BIG)?;
        program.push(step(JUMP_IF_EQUAL, architecture, 0, over));
        program.extend(body);
    }
    program.push(step(RETURN, REFUSE, 0, 0));
    Ok(program)
}

/// What follows once the architecture is known; all of it ends with an answer.
fn of_architecture(index: usize, refusals: &[(Call, u32)]) -> Vec<libc::sock_filter> {
    let number = |call: &Call| call.get(index).copied().unwrap_or(NONE);
    // The 32-bit programs of the second one have no such bit.
    let bits = if index == 0 { NOT_X32 } else { u32::MAX };
    let mut body = vec![step(LOAD, NUMBER, 0, 0), step(AND, bits, 0, 0)];
    for (call, answer) in refusals {
        body.push(step(JUMP_IF_EQUAL, number(call), 0, 1));
        body.push(step(RETURN, *answer, 0, 0));
    }
    body.push(step(JUMP_IF_EQUAL, number(&LIMITS), 0, 3));
    body.push(step(LOAD, FIRST, 0, 0));
    body.push(step(JUMP_IF_EQUAL, INIT, 0, 1));
    body.push(step(RETURN, REFUSE, 0, 0));
    body.push(step(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0));
    body
}

/// Whether the kernel takes filters at all: it then looks for one where we say,
/// and there is none.
#[must_use]
pub fn is_available() -> bool {
    set(None) == Err(Errno::EFAULT)
}

fn install(program: &mut [libc::sock_filter]) -> nix::Result<()> {
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).unwrap_or(0),
        filter: program.as_mut_ptr(),
    };
    set(Some(&filter))
}

fn set(filter: Option<&libc::sock_fprog>) -> nix::Result<()> {
    let filter = filter.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: `filter` is null, which the kernel refuses, or points to a live
    // structure whose program outlives the call; the kernel copies and checks it.
    let answer = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::c_ulong::from(libc::SECCOMP_MODE_FILTER),
            filter,
        )
    };
    Errno::result(answer).map(drop)
}

#[cfg(test)]
mod tests;
