//! The allocator: a start takes its few hundred small blocks one after the other
//! out of one piece of memory, and what does not fit comes from the C library.
//!
//! In: requests of the standard library. Out: memory. musl's own allocator maps
//! and unmaps pages of its own for each size, with a page fault each, which cost
//! a start more than its work.
//!
//! **Never:** a block given twice. What is freed is used again only if it was the
//! last one; a start ends before that matters, and the loop allocates nothing.

#![expect(unsafe_code, reason = "an allocator hands out raw memory")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of the piece: what a start with a few secrets takes, twice. Pages that
/// nobody touches cost nothing.
const SIZE: usize = 256 * 1024;
/// Larger blocks are the C library's: what grows by doubling would fill the piece
/// with its former places.
const LARGEST: usize = 16 * 1024;

/// Memory for a whole program; one static of it is enough.
pub struct Arena {
    memory: UnsafeCell<[u8; SIZE]>,
    /// Where the free rest begins.
    used: AtomicUsize,
}

// SAFETY: each byte of `memory` belongs to the one caller that was given it;
// `used` changes by atomic steps only.
unsafe impl Sync for Arena {}

impl Arena {
    /// All of it free.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "a static needs a constant function"
    )]
    #[expect(
        clippy::large_stack_arrays,
        reason = "a constant that fills a static, not a variable"
    )]
    pub const fn new() -> Self {
        Self {
            memory: UnsafeCell::new([0; SIZE]),
            used: AtomicUsize::new(0),
        }
    }

    fn start(&self) -> *mut u8 {
        self.memory.get().cast()
    }

    /// The place of a block in the piece, if it is from there.
    fn place(&self, block: *mut u8) -> Option<usize> {
        let place = block.addr().checked_sub(self.start().addr())?;
        (place < SIZE).then_some(place)
    }

    /// Moves the border from where it is expected to another place.
    fn move_border(&self, from: usize, to: usize) -> bool {
        let order = Ordering::Relaxed;
        to <= SIZE && self.used.compare_exchange(from, to, order, order).is_ok()
    }

    fn take(&self, layout: Layout) -> Option<*mut u8> {
        if layout.size() > LARGEST {
            return None;
        }
        loop {
            let used = self.used.load(Ordering::Relaxed);
            let free = self.start().wrapping_add(used);
            let place = used + free.align_offset(layout.align());
            let end = place.checked_add(layout.size())?;
            if end > SIZE {
                return None;
            }
            if self.move_border(used, end) {
                return Some(self.start().wrapping_add(place));
            }
        }
    }
}

// SAFETY: `take` gives out memory of the wanted size and alignment that no other
// block shares, since the border only passes it once, and comes back only over
// the block that was freed; everything else is the C library's.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.take(layout).unwrap_or_else(|| {
            // SAFETY: the caller's promise about the layout is handed on.
            unsafe { System.alloc(layout) }
        })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(place) = self.place(block) {
            let _ = self.move_border(place + layout.size(), place);
        } else {
            // SAFETY: a block that is not from the piece is from `System`.
            unsafe { System.dealloc(block, layout) };
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some(place) = self.place(block) else {
            // SAFETY: a block that is not from the piece is from `System`.
            return unsafe { System.realloc(block, layout, size) };
        };
        let is_last = self.move_border(place + layout.size(), place.saturating_add(size));
        if is_last || size <= layout.size() {
            return block;
        }
        let Ok(new) = Layout::from_size_align(size, layout.align()) else {
            return ptr::null_mut();
        };
        // SAFETY: the caller promises that the size is not 0 (GlobalAlloc::realloc).
        let moved = unsafe { self.alloc(new) };
        if !moved.is_null() {
            // SAFETY: both blocks are at least as long as the shorter of the two
            // sizes, and a new block overlaps none that is in use.
            unsafe { ptr::copy_nonoverlapping(block, moved, layout.size().min(size)) };
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::Layout;

    use super::{Arena, LARGEST, SIZE};

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn blocks_are_aligned_and_never_overlap() {
        let arena = Box::new(Arena::new());
        let mut end = 0;
        for (size, align) in [(1, 1), (8, 8), (3, 2), (64, 64), (1, 1), (40, 16)] {
            let block = arena.take(layout(size, align)).unwrap();
            assert_eq!(block.addr() % align, 0);
            let place = arena.place(block).unwrap();
            assert!(place >= end, "{place} is behind {end}");
            end = place + size;
        }
    }

    #[test]
    fn a_large_block_and_one_that_does_not_fit_any_more_are_somebody_elses() {
        let arena = Box::new(Arena::new());
        assert!(arena.take(layout(LARGEST + 1, 1)).is_none());
        let given = (0..=SIZE / LARGEST)
            .map_while(|_| arena.take(layout(LARGEST, 1)))
            .count();
        assert_eq!(given, SIZE / LARGEST);
        assert!(arena.take(layout(1, 1)).is_none());
    }

    #[test]
    fn only_the_last_block_moves_the_border_back() {
        let arena = Box::new(Arena::new());
        let first = arena.place(arena.take(layout(16, 1)).unwrap()).unwrap();
        let second = arena.place(arena.take(layout(16, 1)).unwrap()).unwrap();
        assert!(!arena.move_border(first + 16, first));
        assert!(arena.move_border(second + 16, second));
        let third = arena.place(arena.take(layout(16, 1)).unwrap()).unwrap();
        assert_eq!(third, second);
    }

    #[test]
    fn a_foreign_block_is_known_as_such() {
        let arena = Box::new(Arena::new());
        let mut foreign = 0_u8;
        assert_eq!(arena.place(&raw mut foreign), None);
    }
}
