//! The memory of a process, searched by somebody who may see all of it.
//!
//! In: a process and what to look for. Out: which of it is there.
//!
//! **Never:** a region left out without a reason: those that cannot be read are
//! the kernel's own.

use std::fs::File;
use std::io::BufRead;
use std::os::unix::fs::FileExt;

use super::Process;

/// The kernel's own pages, which `/proc/PID/mem` does not give out.
const OF_THE_KERNEL: [&str; 3] = ["[vvar]", "[vvar_vclock]", "[vsyscall]"];
/// A region of a sanitizer or an emulator is larger than all that we have.
const LARGEST: usize = 1 << 26;

/// The needles that are somewhere in the readable memory of a process, by number.
pub(crate) fn found_in_memory(process: Process, needles: &[&[u8]]) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    each_region(process, &mut |bytes| {
        let all = 0..needles.len();
        found.extend(all.filter(|at| contains(bytes, needles[*at])));
    });
    found.sort_unstable();
    found.dedup();
    found
}

/// Every readable region of its memory. A process that has ended has none.
pub(crate) fn each_region(process: Process, look: &mut dyn FnMut(&[u8])) {
    let maps = process.read("maps").unwrap_or_default();
    let maps = String::from_utf8_lossy(&maps);
    let Ok(memory) = File::open(process.path("mem")) else {
        assert!(process.has_ended(), "root cannot look into {process:?}");
        return;
    };
    for line in maps.lines() {
        let mut words = line.split_ascii_whitespace();
        let range = words.next().unwrap_or_default();
        let is_readable = words.next().is_some_and(|mode| mode.starts_with('r'));
        let name = words.next_back().unwrap_or_default();
        let Some((start, end)) = range.split_once('-').filter(|_| is_readable) else {
            continue;
        };
        let number = |text| u64::from_str_radix(text, 16).expect("an address");
        let size = usize::try_from(number(end) - number(start)).expect("a size");
        if size > LARGEST || OF_THE_KERNEL.contains(&name) {
            continue;
        }
        let mut bytes = vec![0; size];
        match memory.read_exact_at(&mut bytes, number(start)) {
            Ok(()) => look(&bytes),
            Err(_) if process.has_ended() => return,
            Err(error) => panic!("{line}: {error}"),
        }
    }
}

/// Whether the bytes contain the others.
pub(crate) fn contains(bytes: &[u8], form: &[u8]) -> bool {
    occurrences(bytes, form).next().is_some()
}

/// What follows each occurrence of `form`.
pub(crate) fn occurrences<'b>(bytes: &'b [u8], form: &'b [u8]) -> impl Iterator<Item = &'b [u8]> {
    let (first, rest) = form.split_first().expect("a form of a value");
    let mut left = bytes;
    std::iter::from_fn(move || {
        // It is the C library's search, fast where tests are not optimised.
        while left.skip_until(*first).is_ok_and(|skipped| skipped > 0) {
            if let Some(behind) = left.strip_prefix(rest) {
                return Some(behind);
            }
        }
        None
    })
}
