//! Our own pages: what start-up touched and the loop never will again.
//!
//! In: nothing. Out: a smaller resident set.
//!
//! **Never:** a page of what lives on: written to and still in use.

#![expect(unsafe_code, reason = "madvise, and the symbols of the linker")]

use nix::unistd::{SysconfVar, sysconf};

/// Bytes of a page. Some kernels for aarch64 have larger ones, to which the end of
/// what is released would be rounded up: nothing is, there.
const PAGE: usize = 4096;

unsafe extern "C" {
    // SAFETY: the linker defines both in every static executable (ld(1),
    // default script); only their addresses are taken.
    static __executable_start: u8;
    static __init_array_start: u8;
}

/// As much of the stack as a start is taken to have used.
const START: usize = 128 * 1024;

/// Lets the kernel take out of our page table what the loop does not need: the
/// program's code and constants, which come back from the page cache where they
/// are used, and the stack that start-up filled.
///
/// Not a part of its caller: `here` has to lie in a frame of a few bytes.
#[inline(never)]
pub fn release_start() {
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    if page.and_then(|page| usize::try_from(page).ok()) != Some(PAGE) {
        return;
    }
    let code = (&raw const __executable_start).addr();
    let written = (&raw const __init_array_start).addr() & !(PAGE - 1);
    release(code, written);
    let here = 0_u8;
    let frame = (&raw const here).addr() & !(PAGE - 1);
    // One page more stays, for the two calls below, which need a few bytes.
    release(frame - START, frame - PAGE);
}

fn release(from: usize, to: usize) {
    let pointer = std::ptr::with_exposed_provenance_mut::<libc::c_void>(from);
    // SAFETY: both ends are at a page of the size that the kernel has. From the
    // start of the executable to the page before the first writable section all
    // is a private, read-only mapping of our file, which MADV_DONTNEED makes be
    // read from there again (madvise(2)). A page and more below the frame of the
    // caller, which is no part of another function, nothing is alive, and for
    // much more than `START` bytes below the stack the kernel maps nothing else
    // (mmap_base).
    unsafe { libc::madvise(pointer, to.saturating_sub(from), libc::MADV_DONTNEED) };
}
