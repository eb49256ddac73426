//! Our own pages: what start-up touched and the loop never will again.
//!
//! In: nothing. Out: a smaller resident set.
//!
//! **Never:** a page of what lives on: written to and still in use.

#![expect(unsafe_code, reason = "madvise, and the symbols of the linker")]

/// Bytes of a page on the machines that we build for. A larger page would only
/// make the kernel refuse the unaligned start.
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
pub fn release_start() {
    let code = (&raw const __executable_start).addr();
    let written = (&raw const __init_array_start).addr() & !(PAGE - 1);
    release(code, written);
    let here = 0_u8;
    let frame = (&raw const here).addr() & !(PAGE - 1);
    // One page more stays, for the calls below.
    release(frame - START, frame - PAGE);
}

fn release(from: usize, to: usize) {
    let pointer = std::ptr::with_exposed_provenance_mut::<libc::c_void>(from);
    // SAFETY: from the start of the executable to the page before the first
    // writable section all is a private, read-only mapping of our file, which
    // MADV_DONTNEED makes be read from there again (madvise(2)). A page and more
    // below a frame of the only thread nothing is alive, and for much more than
    // `START` bytes below the stack the kernel maps nothing else (mmap_base).
    unsafe { libc::madvise(pointer, to.saturating_sub(from), libc::MADV_DONTNEED) };
}
