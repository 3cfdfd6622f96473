//! Slabs come and go: growth, release of empty slabs, the end of a table.

use core::ptr::NonNull;

use super::magazine::Magazine;
use super::slab::generation_of;
use super::{DEAD, LAST_GENERATION, NONE, Slot, SlotTable};
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
        unsafe { self.directory.reserve(slab + 1, provider, self.slabs_max)? };
        let base = self.block(0, provider)?;
        self.directory.push();
        // SAFETY: the block is new, and the slab was just added without memory.
        unsafe { self.install(slab, base) };
        Ok(())
    }

    /// Gets memory for a slab that has none, and opens it.
    ///
    /// # Safety
    /// 1. `provider` is the table's. 2. `slab` is in the directory and has no memory.
    pub(super) unsafe fn materialise<P: Provider>(
        &mut self,
        slab: u32,
        provider: &P,
    ) -> Result<(), ProvideError> {
        let base = self.block(self.directory.peek(slab).watermark, provider)?;
        // SAFETY: the block is new; clause 2.
        unsafe { self.install(slab, base) };
        Ok(())
    }

    /// A new block in which every slot is free in generation `watermark`.
    fn block<P: Provider>(
        &self,
        watermark: u32,
        provider: &P,
    ) -> Result<NonNull<Slot<V>>, ProvideError> {
        debug_assert!(watermark < LAST_GENERATION && watermark & 1 == 0);
        let layout = self.shape.layout::<V>()?;
        let zeroed = size_of::<V>() <= ZEROED_VALUE_MAX;
        let block = if zeroed {
            provider.allocate_zeroed(layout)?
        } else {
            provider.allocate(layout)?
        };
        let base = block.cast::<Slot<V>>();
        // SAFETY: the block has the shape's layout and is new; zeroed if `zeroed`.
        unsafe { self.shape.initialise(base, watermark, zeroed) };
        Ok(base)
    }

    /// Gives a slab its memory, and opens it.
    ///
    /// # Safety
    /// 1. `base` came from `block` of this table just now. 2. `slab` is in the directory and has no memory.
    unsafe fn install(&mut self, slab: u32, base: NonNull<Slot<V>>) {
        let (open, summary, slots) = (self.open, self.shape.full_summary(), self.shape.slots());
        let entry = self.directory.entry(slab);
        entry.summary = summary;
        entry.next = open;
        entry.free = slots as u16;
        self.open = slab;
        // SAFETY: clause 1; `release` and `destroy` clear the base first.
        unsafe { self.directory.set_base(slab, base) };
        self.resident += 1;
        self.free_bits += slots;
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
            self.reopen(None);
        }
        released
    }

    /// As `release_empty`, for a table that is used by index: a slab comes back as if it had never been, so that a
    /// slot takes any key that is live, whatever was stored beside it.
    ///
    /// # Safety
    /// 1. `provider` is the table's. 2. Nothing is ever handed out (`refill`).
    pub(crate) unsafe fn release_empty_by_index<P: Provider>(
        &mut self,
        provider: &P,
        keep: usize,
    ) -> usize {
        // SAFETY: clause 1.
        let released = unsafe { self.release_empty(provider, keep) };
        for slab in 0..self.directory.len() {
            if self.directory.base(slab).is_none() {
                self.directory.entry(slab).watermark = 0;
            }
        }
        released
    }

    /// The base of slab `slab`, if it is resident and every slot is free or retired.
    fn empty_base(&self, slab: u32) -> Option<NonNull<Slot<V>>> {
        let base = self.directory.base(slab)?;
        (self.used(slab) == 0).then_some(base)
    }

    /// Slots of slab `slab` that are live or detached, but for those in the magazine.
    pub(super) fn used(&self, slab: u32) -> u32 {
        if self.directory.base(slab).is_none() {
            return 0;
        }
        let entry = self.directory.peek(slab);
        self.shape.slots() - u32::from(entry.free) - u32::from(entry.retired)
    }

    /// Gives one slab back and leaves its watermark. The stack of open slabs is to be rebuilt.
    ///
    /// # Safety
    /// 1. `provider` is the table's. 2. `base` is the base of `slab`, which is empty.
    unsafe fn release<P: Provider>(&mut self, slab: u32, base: NonNull<Slot<V>>, provider: &P) {
        let mut watermark = 0;
        for slot in 0..self.shape.slots() {
            // SAFETY: `slot` is below the slab's slots.
            watermark = watermark.max(unsafe { generation_of(base.add(slot as usize)) });
        }
        let absent = self.absent;
        let entry = self.directory.entry(slab);
        self.free_bits -= u32::from(entry.free);
        self.retired -= u32::from(entry.retired);
        entry.watermark = if entry.retired == 0 { watermark } else { DEAD };
        entry.next = NONE;
        if entry.retired == 0 {
            entry.next = absent;
            self.absent = slab;
        }
        entry.summary = 0;
        entry.free = 0;
        entry.retired = 0;
        self.directory.clear_base(slab);
        self.resident -= 1;
        if let Ok(layout) = self.shape.layout::<V>() {
            // SAFETY: the block came from this provider with this layout, and no base leads to it any more.
            unsafe { provider.deallocate(base.cast(), layout) };
        }
    }

    /// Rebuilds the stack of open slabs: `first` on top if it is open, then the lowest.
    pub(super) fn reopen(&mut self, first: Option<u32>) {
        self.open = NONE;
        for slab in (0..self.directory.len()).rev() {
            if first != Some(slab) {
                self.reopen_one(slab);
            }
        }
        if let Some(slab) = first {
            self.reopen_one(slab);
        }
    }

    /// Puts slab `slab` on the stack of open slabs, if it has a free slot.
    fn reopen_one(&mut self, slab: u32) {
        let open = self.open;
        let entry = self.directory.entry(slab);
        if entry.summary != 0 {
            entry.next = open;
            self.open = slab;
        }
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
