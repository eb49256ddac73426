//! The allocator: a start takes its few hundred small blocks one after the other
//! out of one piece of memory, and what does not fit comes from the C library.
//! Values have a piece of their own, which a process can let go of as a whole.
//!
//! In: requests of the standard library. Out: memory. musl's own allocator maps
//! and unmaps pages of its own for each size, with a page fault each, which cost
//! a start more than its work.
//!
//! **Never:** a block given twice: what is freed is used again only if it was the
//! last one; a start ends before that matters, and the loop allocates nothing. A
//! freed block that still has its bytes: copies that somebody made on the way and
//! dropped, a library included, go with it.

#![expect(unsafe_code, reason = "an allocator hands out raw memory")]

mod long;

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::memory::wipe;

/// Bytes of a piece: what a start with a few secrets takes, twice. Pages that
/// nobody touches cost nothing.
const SIZE: usize = 256 * 1024;
/// Larger blocks are the C library's: what grows by doubling would fill the piece
/// with its former places.
const LARGEST: usize = 16 * 1024;
/// There is one thread.
const ORDER: Ordering = Ordering::Relaxed;

/// Most blocks.
static COMMON: Piece = Piece::new();
/// What is allocated `apart`.
static APART: Piece = Piece::new();
/// Whether `apart` is at work.
static IS_APART: AtomicBool = AtomicBool::new(false);

/// Memory for a whole program.
pub struct Arena;

/// Lets what `work` allocates lie apart. That may be plain bytes and numbers only,
/// which are valid as zeros too.
pub fn apart<T>(work: impl FnOnce() -> T) -> T {
    let is_inner = IS_APART.swap(true, ORDER);
    let made = work();
    IS_APART.store(is_inner, ORDER);
    made
}

/// Wipes all that lies apart, but for what `keep` makes of it: for a process that
/// goes on with that alone. Every other value is zeros from now on, whoever still
/// refers to it.
pub fn let_go<T>(keep: impl FnOnce() -> T) -> T {
    let border = APART.keep_used();
    let long = long::begin_era();
    let kept = keep();
    // SAFETY: all of it is memory of the piece, which nobody reads at this moment:
    // there is one thread. Any bytes are valid in it, by the rule of `apart`.
    unsafe { wipe(APART.start(), border) };
    long::wipe_until(long);
    kept
}

/// Memory that is given out from its beginning.
struct Piece {
    memory: UnsafeCell<[u8; SIZE]>,
    /// Where the free rest begins.
    used: AtomicUsize,
    /// Where it has to begin at least.
    floor: AtomicUsize,
}

// SAFETY: each byte of `memory` belongs to the one caller that was given it; the
// two borders change by atomic steps only.
unsafe impl Sync for Piece {}

impl Piece {
    #[expect(
        clippy::large_stack_arrays,
        reason = "a constant that fills a static, not a variable"
    )]
    const fn new() -> Self {
        Self {
            memory: UnsafeCell::new([0; SIZE]),
            used: AtomicUsize::new(0),
            floor: AtomicUsize::new(0),
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
        let range = self.floor.load(ORDER)..=SIZE;
        range.contains(&to) && self.used.compare_exchange(from, to, ORDER, ORDER).is_ok()
    }

    /// Never gives out again what is in use now, and says how much that is.
    fn keep_used(&self) -> usize {
        let used = self.used.load(ORDER);
        self.floor.store(used, ORDER);
        used
    }

    fn take(&self, layout: Layout) -> Option<*mut u8> {
        if layout.size() > LARGEST {
            return None;
        }
        loop {
            let used = self.used.load(ORDER);
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

/// The piece that a block is from, and its place there. `None`: it is a long one.
fn home(block: *mut u8) -> Option<(&'static Piece, usize)> {
    let in_piece = |piece: &'static Piece| Some((piece, piece.place(block)?));
    in_piece(&COMMON).or_else(|| in_piece(&APART))
}

fn take(layout: Layout, is_apart: bool) -> *mut u8 {
    let piece = if is_apart { &APART } else { &COMMON };
    piece
        .take(layout)
        .unwrap_or_else(|| long::take(layout, is_apart))
}

// SAFETY: `take` gives out memory of the wanted size and alignment that no other
// block shares, since a border only passes it once, and comes back only over the
// block that was freed; a long block is the C library's.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout, IS_APART.load(ORDER))
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller gives the block up, which is as long as it says.
        unsafe { wipe(block, layout.size()) };
        if let Some((piece, place)) = home(block) {
            let _ = piece.move_border(place + layout.size(), place);
        } else {
            // SAFETY: a block that is from no piece is a long one.
            unsafe { long::give_back(block, layout) };
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let home = home(block);
        if let Some((piece, place)) = home {
            let end = place + layout.size();
            if size <= layout.size() {
                // SAFETY: the caller gives up what is behind the new end.
                unsafe { wipe(block.wrapping_add(size), layout.size() - size) };
                let _ = piece.move_border(end, place + size);
                return block;
            }
            if piece.move_border(end, place.saturating_add(size)) {
                return block;
            }
        }
        let Ok(new) = Layout::from_size_align(size, layout.align()) else {
            return ptr::null_mut();
        };
        let is_apart = home.map_or_else(
            || long::is_apart(block),
            |(piece, _)| ptr::eq(piece, &raw const APART),
        );
        let moved = take(new, is_apart);
        if !moved.is_null() {
            // SAFETY: both blocks are at least as long as the shorter of the two
            // sizes, and a new block overlaps none that is in use.
            unsafe { ptr::copy_nonoverlapping(block, moved, layout.size().min(size)) };
            // SAFETY: the caller goes on with the new block alone.
            unsafe { self.dealloc(block, layout) };
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::{GlobalAlloc, Layout};
    use std::slice;

    use super::{APART, Arena, LARGEST, Piece, SIZE, home, let_go, take};

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    /// A block of this test's own, full of a byte.
    fn filled(size: usize, is_apart: bool) -> *mut u8 {
        let block = take(layout(size, 1), is_apart);
        assert!(!block.is_null());
        // SAFETY: the block is ours, and as long as this.
        unsafe { block.write_bytes(7, size) };
        block
    }

    fn bytes<'a>(block: *mut u8, size: usize) -> &'a [u8] {
        // SAFETY: a block that is in use, or memory of a piece, which stays.
        unsafe { slice::from_raw_parts(block, size) }
    }

    fn grow(block: *mut u8, size: usize, to: usize) -> *mut u8 {
        // SAFETY: `filled` gave it with this layout, and nobody has it any more.
        unsafe { Arena.realloc(block, layout(size, 1), to) }
    }

    fn free(block: *mut u8, size: usize) {
        // SAFETY: the same.
        unsafe { Arena.dealloc(block, layout(size, 1)) }
    }

    #[test]
    fn blocks_are_aligned_and_never_overlap() {
        let piece = Box::new(Piece::new());
        let mut end = 0;
        for (size, align) in [(1, 1), (8, 8), (3, 2), (64, 64), (1, 1), (40, 16)] {
            let block = piece.take(layout(size, align)).unwrap();
            assert_eq!(block.addr() % align, 0);
            let place = piece.place(block).unwrap();
            assert!(place >= end, "{place} is behind {end}");
            end = place + size;
        }
    }

    #[test]
    fn a_large_block_and_one_that_does_not_fit_any_more_are_somebody_elses() {
        let piece = Box::new(Piece::new());
        assert!(piece.take(layout(LARGEST + 1, 1)).is_none());
        let given = (0..=SIZE / LARGEST)
            .map_while(|_| piece.take(layout(LARGEST, 1)))
            .count();
        assert_eq!(given, SIZE / LARGEST);
        assert!(piece.take(layout(1, 1)).is_none());
    }

    #[test]
    fn only_the_last_block_moves_the_border_back_and_never_below_the_floor() {
        let piece = Box::new(Piece::new());
        let place = || piece.place(piece.take(layout(16, 1)).unwrap()).unwrap();
        let (first, second) = (place(), place());
        assert!(!piece.move_border(first + 16, first));
        assert!(piece.move_border(second + 16, second));
        assert_eq!(place(), second);
        assert_eq!(piece.keep_used(), second + 16);
        assert!(!piece.move_border(second + 16, second));
    }

    #[test]
    fn a_foreign_block_is_known_as_such() {
        let mut foreign = 0_u8;
        assert!(home(&raw mut foreign).is_none());
    }

    /// One test for all that shares the two pieces.
    #[test]
    fn what_is_freed_moved_cut_or_let_go_is_zeros_and_what_is_kept_is_not() {
        let large = LARGEST + 1;
        // In a piece, freed blocks stay where they can be looked at.
        let (first, _last) = (filled(32, false), filled(32, false));
        free(first, 32);
        assert_eq!(bytes(first, 32), [0; 32]);
        let (moved, _last) = (filled(32, false), filled(32, false));
        let place = grow(moved, 32, 64);
        assert_ne!(place, moved);
        assert_eq!(
            (bytes(place, 32), bytes(moved, 32)),
            (&[7; 32][..], &[0; 32][..])
        );
        let cut = filled(32, false);
        assert_eq!(grow(cut, 32, 8), cut);
        assert_eq!(
            (bytes(cut, 8), bytes(cut.wrapping_add(8), 24)),
            (&[7; 8][..], &[0; 24][..])
        );

        let common = [filled(16, false), filled(large, false)];
        let old = [filled(16, true), filled(large, true)];
        let grown = grow(filled(large, true), large, 2 * large);
        let gone = filled(large, true);
        free(gone, large);
        let kept = let_go(|| [filled(16, true), filled(large, true)]);
        for (blocks, byte) in [(common, 7), (old, 0), (kept, 7)] {
            for (block, size) in blocks.into_iter().zip([16, large]) {
                assert!(bytes(block, size).iter().all(|found| *found == byte));
                free(block, size);
            }
        }
        assert!(bytes(grown, large).iter().all(|found| *found == 0));
        free(grown, 2 * large);
        assert_eq!(APART.place(old[0]), Some(0));
    }
}
