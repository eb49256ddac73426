//! The argument vector where the kernel put it: read, and the end of its last word
//! overwritten in place, which is what `/proc/PID/cmdline` shows.
//!
//! In: the C vector, as `main` got it. Out: its words.
//!
//! **Never:** a longer or shorter word: the kernel shows what lies there.

#![expect(unsafe_code, reason = "the C argument vector")]

use std::cell::Cell;
use std::ffi::{OsString, c_char};
use std::os::unix::ffi::OsStringExt;
use std::slice;

/// The words that this program was executed with.
pub struct Arguments(&'static [*mut c_char]);

impl Arguments {
    /// Takes what `main` got.
    ///
    /// # Safety
    ///
    /// `vector` is null or the argument vector of this very program: `count`
    /// pointers to NUL-terminated strings in memory that nobody else refers to.
    #[must_use]
    pub unsafe fn of(count: usize, vector: *const *mut c_char) -> Self {
        if vector.is_null() {
            return Self(&[]);
        }
        // SAFETY: the kernel lays out `count` pointers at `vector` (execve(2)), and
        // nothing writes to them while the program lives.
        Self(unsafe { slice::from_raw_parts(vector, count) })
    }

    /// Copies of all words.
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        let copy = |word: &*mut c_char| cells(*word).iter().map(Cell::get).collect();
        self.0.iter().map(copy).map(OsString::from_vec).collect()
    }

    /// Overwrites the end of the last word, if it is longer than `end`.
    pub fn overwrite_end(&self, end: &[u8]) {
        let word = self.0.last().map_or(&[][..], |word| cells(*word));
        if word.len() > end.len() {
            for (cell, byte) in word.iter().rev().zip(end.iter().rev()) {
                cell.set(*byte);
            }
        }
    }
}

/// The bytes of a word, without the NUL.
fn cells(word: *mut c_char) -> &'static [Cell<u8>] {
    // SAFETY: a NUL-terminated string that lives as long as the program, see `of`.
    let size = unsafe { libc::strlen(word) };
    // SAFETY: so many bytes of this process's own stack; all access goes by cells, and
    // there is one thread.
    unsafe { slice::from_raw_parts(word.cast(), size) }
}

#[cfg(test)]
mod tests {
    use super::Arguments;

    #[test]
    fn the_end_of_the_last_word_is_overwritten_and_nothing_else() {
        let words = [c"first".to_owned(), c"pinned:....".to_owned()];
        let pointers: Vec<_> = words.into_iter().map(std::ffi::CString::into_raw).collect();
        let pointers: &'static [_] = pointers.leak();
        let arguments = Arguments(pointers);
        assert_eq!(arguments.words(), ["first", "pinned:...."]);
        arguments.overwrite_end(b"abcd");
        assert_eq!(arguments.words(), ["first", "pinned:abcd"]);
        arguments.overwrite_end(b"longer than the word");
        assert_eq!(arguments.words(), ["first", "pinned:abcd"]);
    }
}
