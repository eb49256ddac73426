//! Blocks from the C library, each with a label in front.
//!
//! In: a layout, and whether the block lies apart. Out: memory; those that lie
//! apart are in a list, so that they can be wiped.
//!
//! **Never:** a label that changes but for the list's own parts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize};

use super::{ORDER, wipe};

/// Bytes of a label: as much as anything that the C library gives is aligned to,
/// or a multiple of it.
const LABEL: usize = 32;
const _: () = assert!(size_of::<Label>() <= LABEL);
/// What the C library aligns every block to (max_align_t).
const ALIGNED: usize = 16;
/// The era of a block that does not lie apart.
const NONE: usize = usize::MAX;

/// The newest block that lies apart.
static NEWEST: AtomicPtr<Label> = AtomicPtr::new(ptr::null_mut());
static ERA: AtomicUsize = AtomicUsize::new(0);

/// What stands in front of a block.
struct Label {
    /// The two beside it in the list.
    newer: AtomicPtr<Self>,
    older: AtomicPtr<Self>,
    /// Bytes of the block.
    size: usize,
    era: usize,
}

/// From now on blocks are of another era; returns the one that is over.
pub(super) fn begin_era() -> usize {
    ERA.fetch_add(1, ORDER)
}

/// Wipes all that lies apart and is of this era or older.
pub(super) fn wipe_until(era: usize) {
    let mut next = NEWEST.load(ORDER);
    while let Some(label) = at(next) {
        if label.era <= era {
            let block = next.cast::<u8>().wrapping_add(LABEL);
            // SAFETY: a label in the list is in front of a block of this size that
            // is in use, and any bytes are valid there, by the rule of `apart`.
            unsafe { wipe(block, label.size) };
        }
        next = label.older.load(ORDER);
    }
}

/// A block, or null.
pub(super) fn take(layout: Layout, is_apart: bool) -> *mut u8 {
    let Some(whole) = with_label(layout) else {
        return ptr::null_mut();
    };
    // SAFETY: the size is not 0, as the label is a part of it.
    let memory = unsafe { System.alloc(whole) };
    if memory.is_null() {
        return memory;
    }
    let block = memory.wrapping_add(whole.size() - layout.size());
    let label = label_of(block);
    let older = NEWEST.load(ORDER);
    let new = Label {
        newer: AtomicPtr::default(),
        older: AtomicPtr::new(older),
        size: layout.size(),
        era: if is_apart { ERA.load(ORDER) } else { NONE },
    };
    // SAFETY: the bytes in front of the block are ours; there are `LABEL` at least,
    // and the place is aligned as the block is, to 16.
    unsafe { label.write(new) };
    if is_apart {
        NEWEST.store(label, ORDER);
        if let Some(older) = at(older) {
            older.newer.store(label, ORDER);
        }
    }
    block
}

/// Whether a block lies apart.
pub(super) fn is_apart(block: *mut u8) -> bool {
    at(label_of(block)).is_some_and(|label| label.era != NONE)
}

/// Gives a block back.
///
/// # Safety
///
/// It is one of `take`, of this layout, and nobody uses it any more.
pub(super) unsafe fn give_back(block: *mut u8, layout: Layout) {
    let Some(whole) = with_label(layout) else {
        return;
    };
    if let Some(label) = at(label_of(block)).filter(|label| label.era != NONE) {
        let (newer, older) = (label.newer.load(ORDER), label.older.load(ORDER));
        let before = at(newer).map_or(&NEWEST, |newer| &newer.older);
        before.store(older, ORDER);
        if let Some(older) = at(older) {
            older.newer.store(newer, ORDER);
        }
    }
    let memory = block.wrapping_sub(whole.size() - layout.size());
    // SAFETY: the C library gave this memory, by this layout.
    unsafe { System.dealloc(memory, whole) };
}

/// The layout of a block and what is in front of it.
fn with_label(layout: Layout) -> Option<Layout> {
    let align = layout.align().max(ALIGNED);
    let size = layout.size().checked_add(align.max(LABEL))?;
    Layout::from_size_align(size, align).ok()
}

fn label_of(block: *mut u8) -> *mut Label {
    block.wrapping_sub(LABEL).cast()
}

fn at<'a>(label: *mut Label) -> Option<&'a Label> {
    // SAFETY: null, or a label in front of a block that is in use: the list has no
    // other, and a caller that has a block has not given it back.
    unsafe { label.as_ref() }
}
