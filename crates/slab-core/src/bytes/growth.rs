//! Slabs of a class come and go: growth, release of empty slabs, the end.

use core::ops::Range;
use core::ptr::NonNull;

use super::class::{Class, NONE, RETIRED};
use super::slab::Header;
use crate::error::InsertErrorKind;
use crate::provider::Provider;

/// Slots of a new slab join the list so many bytes at a time.
const PAGE: u32 = 4096;

impl Class {
    /// Puts slots on the empty list: slots never used of the last slab, or those of another slab, released
    /// or new. Moves no string. On error nothing has changed but perhaps the directory.
    ///
    /// # Safety
    /// 1. `provider` is the class's. 2. No slot is on the list.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn grow<P: Provider>(&mut self, provider: &P) -> Result<(), InsertErrorKind> {
        debug_assert!(self.head == NONE);
        if self.limit == self.directory.len() << self.shape.shift {
            if self.absent != NONE {
                // SAFETY: clause 1.
                return unsafe { self.revive(provider) };
            }
            // SAFETY: clause 1.
            unsafe { self.append(provider)? };
        }
        let slab = self.limit >> self.shape.shift;
        let used = self.limit & self.shape.mask;
        let end = self.shape.slots().min(used + self.shape.slots_in(PAGE));
        if let Some(base) = self.directory.base(slab) {
            // SAFETY: the slab is resident; no slot beyond the limit is on the list.
            unsafe { self.link(slab, base, used..end) };
            self.limit += end - used;
        }
        Ok(())
    }

    /// Gets memory for a slab at the end. Its slots are beyond the limit.
    ///
    /// # Safety
    /// 1. `provider` is the class's.
    unsafe fn append<P: Provider>(&mut self, provider: &P) -> Result<(), InsertErrorKind> {
        if self.directory.len() >= self.slabs_max {
            return Err(InsertErrorKind::IndexSpace);
        }
        let layout = self.shape.layout()?;
        // SAFETY: clause 1.
        unsafe { self.directory.reserve(provider)? };
        let base = provider.allocate(layout)?.cast::<Header>();
        // SAFETY: the block is new and has the shape's layout, and there is room for it. `release` and
        // `destroy` take the base out before the block goes.
        unsafe { self.directory.push(base) };
        self.resident += 1;
        Ok(())
    }

    /// Gets memory for a released slab, and puts its slots on the list.
    ///
    /// # Safety
    /// 1. `provider` is the class's. 2. There is an absent slab.
    unsafe fn revive<P: Provider>(&mut self, provider: &P) -> Result<(), InsertErrorKind> {
        let base = provider.allocate(self.shape.layout()?)?.cast::<Header>();
        let slab = self.absent;
        self.absent = self.directory.entry(slab).next;
        // SAFETY: the block is new and has the shape's layout. `release` and `destroy` take the base out
        // before the block goes.
        unsafe { self.directory.set_base(slab, Some(base)) };
        self.resident += 1;
        // SAFETY: the slab is resident; while it was not none of its slots was on the list.
        unsafe { self.link(slab, base, 0..self.shape.slots()) };
        Ok(())
    }

    /// Puts slots on the list, the first on top, in the generation that the slab left off with.
    ///
    /// # Safety
    /// 1. `base` is the base of `slab`, which is resident. 2. None of its slots in `range` is on the list
    ///    or live.
    unsafe fn link(&mut self, slab: u32, base: NonNull<Header>, range: Range<u32>) {
        let watermark = self.directory.entry(slab).watermark;
        debug_assert!(watermark < RETIRED && watermark & 1 == 0);
        for slot in range.rev() {
            // SAFETY: clause 1, and the slot is below the slab's slots; the list goes on with its old head.
            unsafe {
                self.shape
                    .slot(base, slot)
                    .set_header(Header::new(watermark, self.head))
            };
            self.head = self.first_of(slab) | slot;
        }
    }

    /// Frees every string. O(slots).
    pub(super) fn clear(&mut self) {
        if self.live == 0 {
            return;
        }
        let mut from = None;
        while let Some(index) = self.next_live(from) {
            self.free(index, None);
            from = Some(index + 1);
        }
        self.relink();
    }

    /// Gives back the slabs in which no slot is live, all but the first `keep` of them; says how many.
    /// O(slots).
    ///
    /// # Safety
    /// 1. `provider` is the class's.
    pub(super) unsafe fn release_empty<P: Provider>(&mut self, provider: &P, keep: usize) -> usize {
        let (mut kept, mut released) = (0, 0);
        for slab in 0..self.directory.len() {
            let Some(base) = self.directory.base(slab) else {
                continue;
            };
            // SAFETY: a base in the directory is of a resident slab.
            let Some(watermark) = (unsafe { self.watermark(slab, base) }) else {
                continue;
            };
            if kept < keep {
                kept += 1;
                continue;
            }
            // SAFETY: clause 1, and the slab is resident and empty.
            unsafe { self.release(slab, base, watermark, provider) };
            released += 1;
        }
        if released != 0 {
            self.relink();
        }
        released
    }

    /// How many slots of `slab`, which is in the directory, have headers that are initialised if it is
    /// resident.
    fn initialised(&self, slab: u32) -> u32 {
        let before = slab << self.shape.shift;
        self.shape.slots().min(self.limit - before)
    }

    /// The highest generation in an empty slab; `None` if a slot is live.
    ///
    /// # Safety
    /// 1. `base` is the base of `slab`, which is resident.
    unsafe fn watermark(&self, slab: u32, base: NonNull<Header>) -> Option<u32> {
        let mut watermark = 0;
        for slot in 0..self.initialised(slab) {
            // SAFETY: clause 1, and `slot` is below the limit.
            let header = unsafe { self.shape.slot(base, slot).header() };
            if header.is_live() {
                return None;
            }
            watermark = watermark.max(header.generation());
        }
        Some(watermark)
    }

    /// Gives one slab back and leaves its watermark; one with a retired slot never comes back. The list is
    /// to be made anew.
    ///
    /// # Safety
    /// 1. `provider` is the class's. 2. `base` is the base of `slab`, which is resident, empty, and has
    ///    this watermark.
    unsafe fn release<P: Provider>(
        &mut self,
        slab: u32,
        base: NonNull<Header>,
        watermark: u32,
        provider: &P,
    ) {
        let absent = self.absent;
        let entry = self.directory.entry(slab);
        entry.watermark = watermark;
        entry.next = absent;
        if watermark != RETIRED {
            self.absent = slab;
        }
        // SAFETY: without a base there is nothing to promise.
        unsafe { self.directory.set_base(slab, None) };
        self.resident -= 1;
        // When it comes back it does so with all slots.
        self.limit = self.limit.max((slab + 1) << self.shape.shift);
        if let Ok(layout) = self.shape.layout() {
            // SAFETY: the block came from this provider with this layout, and no base leads to it any more.
            unsafe { provider.deallocate(base.cast(), layout) };
        }
    }

    /// Makes the list anew, the lowest slot on top, so that the last slabs drain first. O(slots).
    fn relink(&mut self) {
        self.head = NONE;
        for slab in (0..self.directory.len()).rev() {
            let Some(base) = self.directory.base(slab) else {
                continue;
            };
            for number in (0..self.initialised(slab)).rev() {
                // SAFETY: a base in the directory is of a resident slab, and the slot below the limit.
                let slot = unsafe { self.shape.slot(base, number) };
                // SAFETY: as above.
                let header = unsafe { slot.header() };
                if header.is_live() || header.generation() == RETIRED {
                    continue;
                }
                // SAFETY: as above, and the list goes on with what was its head.
                unsafe { slot.set_header(Header::new(header.generation(), self.head)) };
                self.head = self.first_of(slab) | number;
            }
        }
    }

    /// Gives every slab and the directory back; the class is as new.
    ///
    /// # Safety
    /// 1. `provider` is the class's. 2. Handles from before must not be used with this class again, so it
    ///    is only called when the byte slab ends.
    pub(super) unsafe fn destroy<P: Provider>(&mut self, provider: &P) {
        if let Ok(layout) = self.shape.layout() {
            for slab in 0..self.directory.len() {
                if let Some(base) = self.directory.base(slab) {
                    // SAFETY: without a base there is nothing to promise. The block came from this provider
                    // with this layout, and no base leads to it any more.
                    unsafe {
                        self.directory.set_base(slab, None);
                        provider.deallocate(base.cast(), layout);
                    }
                }
            }
        }
        // SAFETY: clause 1, and no slab has memory.
        unsafe { self.directory.destroy(provider) };
        self.head = NONE;
        self.limit = 0;
        self.absent = NONE;
        self.live = 0;
        self.payload_bytes = 0;
        self.resident = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use crate::bytes::{ByteSlab, Classes};
    use crate::error::{HandleError, InsertErrorKind};
    use crate::provider::{Counting, Global};

    const FULL: InsertErrorKind = InsertErrorKind::IndexSpace;

    #[test]
    fn a_class_without_slots_left_refuses_until_one_is_free() {
        let memory = Counting::new(Global);
        let sizes = Classes::new(&[8, 100]).expect("ascending");
        let sizes = sizes.slab_bytes(32).with_slot_bits(4);
        let mut slab = ByteSlab::with_classes_in(sizes, &memory);
        let short: Vec<_> = (0..16).map(|n| slab.alloc(&[n; 8]).unwrap()).collect();
        let long: Vec<_> = (0..16).map(|n| slab.alloc(&[n; 100]).unwrap()).collect();
        let (calls, stats) = (memory.allocations(), slab.stats());

        assert_eq!(slab.alloc(b"one more"), Err(FULL));
        assert_eq!(slab.alloc_uninit(3).err(), Some(FULL));
        assert_eq!(slab.resize(short[3], 50), Err(FULL));
        assert_eq!(slab.overwrite(short[3].compact(), &[1; 50]), Err(FULL));
        assert_eq!(slab.get(short[3]), Some(&[3; 8][..]), "it is as it was");
        assert_eq!((memory.allocations(), slab.stats()), (calls, stats));
        let same = slab.resize(long[5], 4);
        assert_eq!(same, Ok(long[5]), "a move that only saves memory");
        assert!(
            slab.alloc(&[0; 101]).is_ok(),
            "large strings are not of a class"
        );

        assert!(slab.free(long[7]));
        let moved = slab.resize(short[3], 50).expect("a slot is free");
        assert_eq!(moved.compact(), long[7].compact());
        assert_eq!(
            slab.get(moved).map(|bytes| &bytes[..9]),
            Some(&[3, 3, 3, 3, 3, 3, 3, 3, 0][..])
        );
        let next = slab.alloc(b"one more").expect("a slot is free");
        assert_eq!(next.compact(), short[3].compact());
        assert_eq!(slab.alloc(b"one more"), Err(FULL));
        drop(slab);
        assert_eq!(memory.live_blocks(), 0);
    }

    #[test]
    fn a_slot_retires_after_its_last_generation_and_its_slab_stays_away() {
        let memory = Counting::new(Global);
        let sizes = Classes::new(&[8]).expect("ascending").with_slot_bits(1);
        let mut slab = ByteSlab::with_classes_in(sizes.slab_bytes(8), &memory);
        let keeper = slab.alloc(b"stays").unwrap();
        let mut dead = Vec::new();
        for life in 0..7 {
            let handle = slab.alloc(&[life]).expect("a life is left");
            assert!(slab.free(handle));
            if life == 3 {
                assert_eq!(slab.release_empty(0), 1, "it comes back where it left off");
            }
            dead.push(handle);
        }
        assert_eq!(slab.alloc(b"eighth"), Err(FULL));
        assert_eq!(slab.release_empty(0), 1, "its memory can go");
        assert_eq!(slab.alloc(b"eighth"), Err(FULL), "but never comes back");
        for handle in dead {
            assert_eq!(slab.check(handle), Err(HandleError::Stale));
            assert_eq!(slab.check(handle.compact()), Err(HandleError::Vacant));
        }
        assert_eq!(slab.get(keeper), Some(&b"stays"[..]));
        drop(slab);
        assert_eq!(memory.live_blocks(), 0);
    }

    #[test]
    fn slots_are_initialised_a_page_at_a_time() {
        let mut slab = ByteSlab::with_classes(Classes::DOUBLINGS);
        let first = slab.alloc(&[1; 64]).unwrap();
        assert_eq!(slab.classes[0].limit, 4096 / 72);
        // A handle to a slot that was never used, in a slab that is there.
        let unused = super::super::ByteHandle::from_bits(first.to_bits() + 4096 / 72).unwrap();
        assert_eq!(slab.check(unused), Err(HandleError::OutOfRange));
        assert!(slab.free(first));
        assert_eq!(slab.release_empty(0), 1);
        assert_eq!(slab.check(unused), Err(HandleError::Stale));
        let again = slab.alloc(&[1; 64]).unwrap();
        assert_eq!(slab.classes[0].limit, 1024, "a slab comes back whole");
        assert_eq!(slab.check(unused), Err(HandleError::Stale));
        assert_ne!(again, first);
    }
}
