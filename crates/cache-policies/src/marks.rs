//! The marks that hits leave on entries: one byte a slot, which shared references may change.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

use crate::ledger::{grow, reserve};
use crate::slot::Slot;

/// One byte a slot. Written by hits, through shared references too; read and written by the policy through exclusive
/// ones.
///
/// Relaxed is enough: a byte carries a hint of its own and publishes nothing else, and whoever holds `&mut` got it by a
/// synchronization (a lock, a join) that orders all touches before it. A touch is a load and a store rather than one
/// read-modify-write: of two touches at once one may be lost, which no count of hits needs to notice, and no mark
/// can run over its limit, because each store writes what its load allowed plus one.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    bytes: Vec<AtomicU8>,
}

impl Clone for Marks {
    fn clone(&self) -> Self {
        let copy = |byte: &AtomicU8| AtomicU8::new(byte.load(Relaxed));
        Marks {
            bytes: self.bytes.iter().map(copy).collect(),
        }
    }
}

impl Marks {
    pub(crate) fn new() -> Self {
        Marks::default()
    }

    /// Makes room for the bytes of slots below this number.
    pub(crate) fn reserve(&mut self, slots: usize) {
        reserve(&mut self.bytes, slots);
    }

    /// Sets the byte of a slot, which may be new.
    #[inline(always)]
    pub(crate) fn start(&mut self, slot: Slot, byte: u8) {
        if slot.index() >= self.bytes.len() {
            grow(&mut self.bytes, slot, || AtomicU8::new(0));
        }
        self.set(slot, byte);
    }

    /// The byte of a slot; 0 for one that never had any.
    #[inline(always)]
    pub(crate) fn get(&self, slot: Slot) -> u8 {
        self.bytes
            .get(slot.index())
            .map_or(0, |byte| byte.load(Relaxed))
    }

    /// The byte of a slot, if it ever had any.
    #[inline(always)]
    pub(crate) fn mark(&mut self, slot: Slot) -> Option<&mut u8> {
        self.bytes.get_mut(slot.index()).map(AtomicU8::get_mut)
    }

    #[inline(always)]
    pub(crate) fn set(&mut self, slot: Slot, byte: u8) {
        *self.bytes[slot.index()].get_mut() = byte;
    }

    /// Adds 1 to the byte if the bits of it under `mask` are below `limit`. Without a branch: which of a cache's hits come to
    /// full counts cannot be predicted, and a wrong guess costs more than the store.
    #[inline(always)]
    pub(crate) fn raise(&mut self, slot: Slot, mask: u8, limit: u8) {
        let byte = self.bytes[slot.index()].get_mut();
        *byte += u8::from(*byte & mask < limit);
    }

    /// [`Marks::raise`] through a shared reference.
    #[inline(always)]
    pub(crate) fn touch(&self, slot: Slot, mask: u8, limit: u8) {
        let cell = &self.bytes[slot.index()];
        let byte = cell.load(Relaxed);
        if byte & mask < limit {
            cell.store(byte + 1, Relaxed);
        }
    }

    /// One more than the highest slot that had a byte.
    pub(crate) fn slots(&self) -> usize {
        self.bytes.len()
    }
}

/// Hits that an owner has counted and tells of when the policy looks at an entry.
pub(crate) struct Untold<T> {
    touches: T,
    /// Entries with hits that are still listened to. As counts begin anew when they are told, no entry has hits twice in an
    /// eviction, unless readers go on to hit: then this ends it.
    left: usize,
}

impl<T: FnMut(Slot) -> u8> Untold<T> {
    /// Hits of entries of which so many are linked.
    #[inline(always)]
    pub(crate) fn new(touches: T, linked: usize) -> Self {
        Untold {
            touches,
            left: linked,
        }
    }

    /// The hits of an entry.
    #[inline(always)]
    pub(crate) fn take(&mut self, slot: Slot) -> u8 {
        if self.left == 0 {
            return 0;
        }
        let touches = (self.touches)(slot);
        self.left -= usize::from(touches != 0);
        touches
    }
}

/// No hits that the policy does not know of.
#[inline(always)]
pub(crate) fn all_told() -> Untold<impl FnMut(Slot) -> u8> {
    Untold::new(|_| 0, usize::MAX)
}
