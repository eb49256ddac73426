//! Stand-ins for the unwinder, which nothing in this program can reach: a panic
//! prints file and line and ends the process (`report::install_panic_hook`), and
//! `panic = "abort"` leaves nothing to unwind.
//!
//! In: nothing. Out: nothing. That the linker sees a walk over the stack that
//! never takes a step keeps std's symbol reader, a DWARF parser and libunwind
//! out of the binary: 260 kB that PID 1 would otherwise carry.
//!
//! **Never:** in tests or in a build that unwinds; only the binary has them.

use std::ffi::c_int;

/// "End of stack" (Itanium C++ ABI, Level I, 1.3).
const END_OF_STACK: c_int = 5;

macro_rules! unreachable_by_design {
    ($($name:ident),* $(,)?) => {$(
        // SAFETY: it has the C calling convention, reads no argument and returns
        // null; whatever the ABI's signature is, its caller is never run.
        #[unsafe(no_mangle)]
        extern "C" fn $name() -> *const u8 {
            std::ptr::null()
        }
    )*};
}

/// Walks no step of the stack.
// SAFETY: this is the signature of the Itanium C++ ABI, Level I, 1.6; neither
// argument is touched.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Backtrace(_step: *const u8, _context: *const u8) -> c_int {
    END_OF_STACK
}

unreachable_by_design!(
    _Unwind_DeleteException,
    _Unwind_FindEnclosingFunction,
    _Unwind_GetCFA,
    _Unwind_GetDataRelBase,
    _Unwind_GetIP,
    _Unwind_GetIPInfo,
    _Unwind_GetLanguageSpecificData,
    _Unwind_GetRegionStart,
    _Unwind_GetTextRelBase,
    _Unwind_RaiseException,
    _Unwind_Resume,
    _Unwind_SetGR,
    _Unwind_SetIP,
);
