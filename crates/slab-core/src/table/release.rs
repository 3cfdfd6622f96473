//! Slabs come and go: growth, release of empty slabs, the end of a table.

use core::ptr::NonNull;

use super::magazine::Magazine;
use super::slab::generation_of;
use super::{DEAD, LAST_GENERATION, NONE, RETIRED, Slot, SlotTable};
use crate::error::{InsertErrorKind, ProvideError};
use crate::provider::Provider;

/// Values up to this size come in zeroed slabs, which an operating system gives for nothing; in slabs
/// of larger ones only the generations are written.
const ZEROED_VALUE_MAX: usize = 128;

impl<V> SlotTable<V> {
    /// Adds a slab with every slot free: a released one if there is, else at the end of the index
    /// space. Copies no value. On error nothing has changed but perhaps the directory's capacity.
    ///
    /// # Safety
    /// 1. `provider` is the table's.
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn grow<P: Provider>(&mut self, provider: &P) -> Result<(), InsertErrorKind> {
        if self.absent != NONE {
            let slab = self.absent;
            let next = self.directory.entry(slab).next;
            // SAFETY: clause 1, and an absent slab is in the directory without memory.
            unsafe { self.materialise(slab, provider)? };
            self.absent = next;
            return Ok(());
        }
        let slab = self.directory.len();
        if slab >= self.slabs_max {
            return Err(InsertErrorKind::IndexSpace);
        }
        // SAFETY: clause 1.
        unsafe { self.directory.push(provider, self.slabs_max)? };
        // SAFETY: clause 1, and the slab was just added without memory.
        let made = unsafe { self.materialise(slab, provider) };
        if made.is_err() {
            self.directory.entry(slab).next = self.absent;
            self.absent = slab;
        }
        made.map_err(InsertErrorKind::Memory)
    }

    /// Gets memory for a slab and opens it.
    ///
    /// # Safety
    /// 1. `provider` is the table's. 2. `slab` is in the directory and has no memory.
    pub(crate) unsafe fn materialise<P: Provider>(
        &mut self,
        slab: u32,
        provider: &P,
    ) -> Result<(), ProvideError> {
        let layout = self.shape.layout::<V>()?;
        let zeroed = size_of::<V>() <= ZEROED_VALUE_MAX;
        let block = if zeroed {
            provider.allocate_zeroed(layout)?
        } else {
            provider.allocate(layout)?
        };
        let base = block.cast::<Slot<V>>();
        let (open, summary) = (self.open, self.shape.full_summary());
        let entry = self.directory.entry(slab);
        debug_assert!(entry.watermark < LAST_GENERATION && entry.watermark & 1 == 0);
        // SAFETY: the block has the shape's layout and is new; zeroed if `zeroed`.
        unsafe { self.shape.initialise(base, entry.watermark, zeroed) };
        entry.summary = summary;
        entry.next = open;
        entry.free = self.shape.slots();
        self.open = slab;
        // SAFETY: `initialise` has just made the slab; `release` and `destroy` clear the base first.
        unsafe { self.directory.set_base(slab, base) };
        self.resident += 1;
        self.free_bits += self.shape.slots();
        Ok(())
    }

    /// Gives back the slabs in which no slot is live or detached, all but the first `keep` of them;
    /// says how many. O(slots) at worst.
    ///
    /// # Safety
    /// 1. `provider` is the table's.
    pub(crate) unsafe fn release_empty<P: Provider>(&mut self, provider: &P, keep: usize) -> usize {
        self.unload_all();
        let (mut kept, mut released) = (0, 0);
        for slab in 0..self.directory.len() {
            let Some(base) = self.empty_base(slab) else {
                continue;
            };
            if kept < keep {
                kept += 1;
                continue;
            }
            // SAFETY: clause 1, and the slab is resident and empty.
            unsafe { self.release(slab, base, provider) };
            released += 1;
        }
        if released != 0 {
            self.reopen();
        }
        released
    }

    /// The base of slab `slab`, if it is resident and every slot is free or retired.
    fn empty_base(&self, slab: u32) -> Option<NonNull<Slot<V>>> {
        let base = self.directory.base(slab)?;
        for word in 0..self.shape.words() {
            // SAFETY: the slab is resident: its words are initialised.
            let free = unsafe { self.shape.word(base, word).read() };
            let mut used = !free & self.shape.full_word();
            while used != 0 {
                let slot = word * 64 + used.trailing_zeros();
                used &= used - 1;
                // SAFETY: `slot` is below the slab's slots.
                if unsafe { generation_of(base.add(slot as usize)) } != RETIRED {
                    return None;
                }
            }
        }
        Some(base)
    }

    /// Gives one slab back and leaves its watermark. The stack of open slabs is to be rebuilt.
    ///
    /// # Safety
    /// 1. `provider` is the table's. 2. `base` is the base of `slab`, which is empty.
    unsafe fn release<P: Provider>(&mut self, slab: u32, base: NonNull<Slot<V>>, provider: &P) {
        let (mut watermark, mut retired) = (0, 0);
        for slot in 0..self.shape.slots() {
            // SAFETY: `slot` is below the slab's slots.
            watermark = watermark.max(unsafe { generation_of(base.add(slot as usize)) });
            retired += u32::from(self.is_retired(slab << self.shape.shift | slot));
        }
        self.retired -= retired;
        self.free_bits -= self.shape.slots() - retired;
        let absent = self.absent;
        let entry = self.directory.entry(slab);
        entry.summary = 0;
        entry.free = 0;
        entry.next = NONE;
        entry.watermark = if retired == 0 { watermark } else { DEAD };
        if retired == 0 {
            entry.next = absent;
            self.absent = slab;
        }
        self.directory.clear_base(slab);
        self.resident -= 1;
        if let Ok(layout) = self.shape.layout::<V>() {
            // SAFETY: the block came from this provider with this layout, and no base leads to it any more.
            unsafe { provider.deallocate(base.cast(), layout) };
        }
    }

    /// Rebuilds the stack of open slabs, the lowest on top.
    pub(super) fn reopen(&mut self) {
        let mut open = NONE;
        for slab in (0..self.directory.len()).rev() {
            let entry = self.directory.entry(slab);
            if entry.summary != 0 {
                entry.next = open;
                open = slab;
            }
        }
        self.open = open;
    }

    /// Gives every slab and the directory back; the table is as new. No value is dropped.
    ///
    /// # Safety
    /// 1. `provider` is the table's. 2. Handles from before must not be used with this table again, so
    ///    it is only called when the table ends.
    pub(crate) unsafe fn destroy<P: Provider>(&mut self, provider: &P) {
        if let Ok(layout) = self.shape.layout::<V>() {
            for slab in 0..self.directory.len() {
                if let Some(base) = self.directory.base(slab) {
                    self.directory.clear_base(slab);
                    // SAFETY: the block came from this provider with this layout, and no base leads to
                    // it any more.
                    unsafe { provider.deallocate(base.cast(), layout) };
                }
            }
        }
        // SAFETY: clause 1, and no slab has memory.
        unsafe { self.directory.destroy(provider) };
        self.vacancy = None;
        self.magazine = Magazine::EMPTY;
        self.open = NONE;
        self.absent = NONE;
        self.free_bits = 0;
        self.resident = 0;
        self.retired = 0;
        self.detached = 0;
    }
}
