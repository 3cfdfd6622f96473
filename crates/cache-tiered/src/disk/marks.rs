//! Marks: whether a key may have changed since its value left memory.
//!
//! A value on its way from memory to the disk is held by nobody: a mutation of its key finds
//! neither an entry in memory nor a place in the index that it could remove. So each mutation
//! marks the key when it begins and when it ends, and who brings a value puts it into the index
//! only if the mark is as it was, under the lock of the index, when the value left memory:
//!
//! ```text
//!  the value leaves memory ........ mark read
//!  mutation begins ................ mark changes, place removed ....... fence, if there was one
//!  the value comes to the index ... mark differs: it is dropped
//!  mutation ends .................. mark changes, place removed
//! ```
//!
//! Many keys share a mark, so now and then a value is dropped for the mutation of another key:
//! with 65,536 marks and a million mutations a second, one value in 6,500 that takes 10 µs. Keys
//! are told apart by a hash of their own, which needs none of their bytes: a value leaves under a
//! lock.

use crossbeam::utils::CachePadded;
use std::sync::atomic::{AtomicU64, Ordering};

/// A power of two. Few in tests, which open thousands of tiers, and in which keys are to share some.
const MARKS: usize = if cfg!(test) { 1 << 8 } else { 1 << 16 };
/// Marks in one cache line.
const LINE: usize = 8;
/// The low bits of a mark count mutations under way, the rest those that began.
const BEGUN: u64 = 1 << 20;

/// Written by mutations, before they look at the index (AcqRel); read when a value leaves memory
/// and under the lock of the index (Acquire).
pub(in crate::disk) struct Marks {
    lines: Box<[CachePadded<[AtomicU64; LINE]>]>,
}

/// What a mark was when a value left memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark(pub(crate) u64);

impl Marks {
    pub(in crate::disk) fn new() -> Self {
        Self {
            lines: (0..MARKS / LINE).map(|_| CachePadded::default()).collect(),
        }
    }

    fn of(&self, hash: u64) -> &AtomicU64 {
        let mark = hash as usize % MARKS;
        &self.lines[mark / LINE][mark % LINE]
    }

    /// The mark of a key, whose value leaves memory now: called under the lock under which it does.
    pub(in crate::disk) fn read(&self, hash: u64) -> Mark {
        Mark(self.of(hash).load(Ordering::Acquire))
    }

    /// Whether no mutation of the key is under way, nor has one begun since.
    pub(in crate::disk) fn is_unchanged(&self, hash: u64, mark: Mark) -> bool {
        mark.0.is_multiple_of(BEGUN) && self.read(hash) == mark
    }

    /// A mutation of the key begins.
    pub(in crate::disk) fn begin(&self, hash: u64) {
        self.of(hash).fetch_add(BEGUN + 1, Ordering::AcqRel);
    }

    /// It has ended.
    pub(in crate::disk) fn end(&self, hash: u64) {
        self.of(hash).fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_passes_only_if_nothing_changed_meanwhile() {
        let marks = Marks::new();
        let before = marks.read(7);
        assert!(marks.is_unchanged(7, before));
        marks.begin(7);
        let during = marks.read(7);
        assert!(!marks.is_unchanged(7, before) && !marks.is_unchanged(7, during));
        assert!(marks.is_unchanged(8, marks.read(8)), "another key");
        marks.end(7);
        assert!(!marks.is_unchanged(7, before) && !marks.is_unchanged(7, during));
        assert!(marks.is_unchanged(7, marks.read(7)));
    }
}
