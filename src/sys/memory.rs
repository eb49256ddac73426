//! Our own pages: what start-up touched and the loop never will again.
//!
//! In: nothing. Out: a smaller resident set.
//!
//! **Never:** a page that could have been written to.

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

/// Lets the kernel take the program's code and constants out of our page table.
/// They come back from the page cache where they are used, so that an idle
/// PID 1 maps the few pages of its loop instead of all that start-up ran.
pub fn release_code() {
    let start = (&raw const __executable_start).addr();
    let end = (&raw const __init_array_start).addr() & !(PAGE - 1);
    let pointer = std::ptr::with_exposed_provenance_mut::<libc::c_void>(start);
    // SAFETY: from the start of the executable to the page before the first
    // writable section all is a private, read-only mapping of our file, and
    // MADV_DONTNEED makes such pages be read from the file again (madvise(2)).
    unsafe { libc::madvise(pointer, end.saturating_sub(start), libc::MADV_DONTNEED) };
}
