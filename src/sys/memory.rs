//! Our own memory: what nobody will need again.
//!
//! In: nothing. Out: a smaller resident set; a stack, and variables that the
//! process was executed with, that tell nothing.
//!
//! **Never:** a page of what lives on: written to and still in use.

#![expect(
    unsafe_code,
    reason = "madvise, explicit_bzero, and the symbols of the linker and the C library"
)]

use std::ffi::{CStr, c_char};

use nix::unistd::{SysconfVar, sysconf};
use zeroize::Zeroize;

/// Bytes of a page. Some kernels for aarch64 have larger ones, to which the end of
/// what is released would be rounded up: nothing is, there.
const PAGE: usize = 4096;

unsafe extern "C" {
    // SAFETY: the linker defines both in every static executable (ld(1),
    // default script); only their addresses are taken.
    static __executable_start: u8;
    static __init_array_start: u8;
    // SAFETY: the C library defines it (environ(7)); nothing here changes it.
    static environ: *const *mut c_char;
}

/// As much of the stack as a start is taken to have used.
const START: usize = 256 * 1024;
/// More than the frames between `clear_stack` and the page where it may release.
const NEAR: usize = 3 * PAGE;

/// Lets the kernel take out of our page table what the loop does not need: the
/// program's code and constants, which come back from the page cache where they
/// are used, and the stack that start-up filled.
#[inline(never)]
pub fn release_start() {
    if !is_page_known() {
        return;
    }
    let code = (&raw const __executable_start).addr();
    let written = (&raw const __init_array_start).addr() & !(PAGE - 1);
    release_stack();
    // Last, since every call after it brings pages back, sixteen at a time.
    release(code, written);
}

/// Takes what calls that are over left on the stack out of it.
#[inline(never)]
pub fn clear_stack() {
    if is_page_known() {
        overwrite::<NEAR>();
        release_stack();
    } else {
        overwrite::<START>();
    }
}

/// Wipes the values of the variables that we were executed with: the kernel keeps
/// those on the stack, and shows them in `/proc`. The names stay.
pub fn wipe_variables() {
    // SAFETY: it is only read, and nothing changes it meanwhile.
    let mut next = unsafe { environ };
    loop {
        // SAFETY: a null pointer ends the list (environ(7)), which is never changed.
        let Some(&entry) = (unsafe { next.as_ref() }) else {
            return;
        };
        if entry.is_null() {
            return;
        }
        // SAFETY: each entry is a NUL-terminated string.
        let text = unsafe { CStr::from_ptr(entry) }.to_bytes();
        let size = text.len();
        let name = text.iter().position(|byte| *byte == b'=');
        let name = name.map_or(0, |sign| sign + 1);
        // SAFETY: the bytes are the stack's, where execve(2) put them, and belong to
        // nobody but the C library, which does not keep what it hands out.
        unsafe { wipe(entry.cast::<u8>().wrapping_add(name), size - name) };
        next = next.wrapping_add(1);
    }
}

/// Makes bytes 0, whatever the compiler knows of their use.
///
/// # Safety
///
/// They are there, may be written to, and mean nothing to anybody as they are.
pub(super) unsafe fn wipe(start: *mut u8, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { libc::explicit_bzero(start.cast(), size) };
}

/// Overwrites the stack below the caller.
#[inline(never)]
fn overwrite<const SIZE: usize>() {
    [0_u8; SIZE].zeroize();
}

fn is_page_known() -> bool {
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    page.and_then(|page| usize::try_from(page).ok()) == Some(PAGE)
}

/// Takes the stack below the caller out of our page table, but for a page or two.
///
/// Not a part of its caller: `here` has to lie in a frame of a few bytes.
#[inline(never)]
fn release_stack() {
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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::hint::black_box;
    use std::os::unix::fs::FileExt;

    use super::clear_stack;

    /// Bytes of a call's frame: more than what `clear_stack` overwrites itself.
    const FRAME: usize = 64 * 1024;
    const LOOKED_AT: usize = 2 * FRAME;

    #[inline(never)]
    #[expect(clippy::large_stack_arrays, reason = "this is about the stack")]
    fn leave_a_trace() {
        black_box(&black_box([0xa5_u8; FRAME]));
    }

    #[test]
    fn what_a_call_left_on_the_stack_is_gone() {
        let memory = File::open("/proc/self/mem").unwrap();
        let is_trace = |window: &[u8]| window == [0xa5; 16];
        let (mut before, mut after) = (vec![0; LOOKED_AT], vec![0; LOOKED_AT]);
        let here = 0_u8;
        // Up to this frame: where in its own frame a call has something is open.
        let start = u64::try_from((&raw const here).addr() - LOOKED_AT).unwrap();
        leave_a_trace();
        // Nothing may be called meanwhile that would need more of the stack itself.
        let seen = memory.read_at(&mut before, start);
        clear_stack();
        let again = memory.read_at(&mut after, start);
        assert_eq!((seen.unwrap(), again.unwrap()), (LOOKED_AT, LOOKED_AT));
        let nearest = before.rchunks(4096).take(2);
        let is_near = nearest.flat_map(|page| page.windows(16)).any(is_trace);
        assert!(is_near, "the trace can be seen");
        assert!(!after.windows(16).any(is_trace));
    }
}
