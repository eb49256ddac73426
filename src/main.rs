//! The binary: an entry without Rust's runtime, and nothing more. The program
//! is the library; read on in `lib.rs`.
#![no_main]

/// A global allocator belongs to a program, not to a library.
#[global_allocator]
static ARENA: vestibule::sys::arena::Arena = vestibule::sys::arena::Arena;

#[path = "sys/entry.rs"]
#[expect(
    unsafe_code,
    reason = "the entry reads the C argument vector; it belongs to src/sys"
)]
mod entry;

#[path = "sys/unwind.rs"]
#[expect(
    unsafe_code,
    reason = "C symbols have no mangled name; they belong to src/sys"
)]
mod unwind;
