//! `SlotTable`: generational slots in slabs, the machinery under every face of the crate.
//!
//! States of a slot, told by its generation g and its bit in the slab's free bitmap:
//!
//! | state    | g                  | free bit | |
//! |---|---|---|---|
//! | free     | even               | 1        | loaded into the magazine by `refill` |
//! | loaded   | even               | 0        | in the magazine, filled after the vacancy, the last one freed first |
//! | vacancy  | even               | 0        | the one slot that is filled next: the last one freed, so its line is warm |
//! | live     | odd                | 0        | the value is initialised |
//! | detached | even, `DETACHED`   | 0        | the handle with generation g - 1 may come back |
//! | retired  | `RETIRED`          | 0        | its generations are used up |
//!
//! A slab with a free bit is on the stack of open slabs, linked through the directory, and only the
//! top of the stack is handed out from, so that a slab fills up only while it is the top. Nothing
//! ever lowers a generation, and a released slab comes back at its watermark: so no generation of a
//! slot is ever given out twice.

use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::error::{HandleError, InsertErrorKind};
use crate::provider::Provider;

mod compact;
mod copy;
mod cursor;
mod detached;
mod directory;
mod key;
mod live;
mod magazine;
mod release;
mod slab;
mod sparse;
mod vacant;

pub(crate) use cursor::Cursor;
use detached::is_detached;
use directory::{Directory, Entry};
pub(crate) use key::{Generation, Key};
pub(crate) use live::{Live, LiveMut};
use magazine::{Magazine, ROUNDS};
pub(crate) use slab::Slot;
use slab::{Shape, generation_of, set_generation};
pub(crate) use vacant::Vacant;

/// The last generation a slot can be live in: the slot is retired when it is vacated. Unit tests have
/// 4-bit generations.
const LAST_GENERATION: u32 = if cfg!(test) { 13 } else { DETACHED - 5 };

/// This bit of a generation says that the slot is kept for a detached value.
const DETACHED: u32 = 1 << 31;

/// The generation of retired slots: above every other.
const RETIRED: u32 = u32::MAX - 1;

const _: () = assert!(LAST_GENERATION & 1 == 1 && (LAST_GENERATION + 1) | DETACHED < RETIRED);

/// log2 of the most slots in a slab: 64 words of 64 bits.
pub(crate) const SHIFT_MAX: u32 = 12;

/// No slot, or no slab: never an index, because `slabs_max` keeps indices below.
const NONE: u32 = u32::MAX;

/// Watermark of a released slab that had a retired slot: it does not come back.
const DEAD: u32 = u32::MAX;

/// The index of a slot of a resident slab, and where it lies.
type Site<V> = (u32, NonNull<Slot<V>>);

/// Generational slots with values `V`, in slabs of equal shape from a provider that the caller passes
/// in: always the same one, which is the safety clause of every function that takes it.
pub(crate) struct SlotTable<V> {
    directory: Directory<V>,
    shape: Shape,
    /// The slot that is filled next, if there is one: not live, not free, in a resident slab.
    vacancy: Option<Site<V>>,
    /// The slots that are filled after it: the same can be said of them.
    magazine: Magazine,
    /// Free bits that are set. Live slots are what is left: so filling a slot and vacating it, which
    /// leave the free bits alone, count nothing.
    free_bits: u32,
    /// Top of the stack of slabs with a free bit, or `NONE`.
    open: u32,
    /// Head of the list of released slabs that may come back, or `NONE`.
    absent: u32,
    /// Slabs that have memory.
    resident: u32,
    /// Retired slots in resident slabs.
    retired: u32,
    detached: u32,
    /// Slabs that the index space has room for.
    slabs_max: u32,
    values: PhantomData<V>,
}

// SAFETY: the table owns its slabs and the values in them as a `Vec<V>` would; its pointers are shared
// with nobody.
unsafe impl<V: Send> Send for SlotTable<V> {}
// SAFETY: `&SlotTable` gives `&V` and copies of plain numbers only.
unsafe impl<V: Sync> Sync for SlotTable<V> {}

impl<V> SlotTable<V> {
    /// An empty table without memory: slabs of `1 << shift` slots, indices below
    /// `1 << index_bits`.
    pub(crate) const fn new(shift: u32, index_bits: u32) -> Self {
        assert!(shift <= SHIFT_MAX && index_bits <= 32 && shift < index_bits);
        Self {
            directory: Directory::new(),
            shape: Shape::new(shift),
            vacancy: None,
            magazine: Magazine::EMPTY,
            free_bits: 0,
            open: NONE,
            absent: NONE,
            resident: 0,
            retired: 0,
            detached: 0,
            slabs_max: (u32::MAX >> (32 - index_bits)) >> shift,
            values: PhantomData,
        }
    }

    /// Slots with an odd generation.
    #[inline]
    pub(crate) fn live_slots(&self) -> u32 {
        (self.resident << self.shape.shift) - self.free_slots() - self.detached - self.retired
    }

    /// Slots that can be filled without another slab.
    #[inline]
    pub(crate) fn free_slots(&self) -> u32 {
        self.free_bits + self.magazine.len() + u32::from(self.vacancy.is_some())
    }

    /// Slots that could be filled with all the memory there is, at most: a slab that is gone for good
    /// still counts.
    pub(crate) fn free_slots_max(&self) -> u64 {
        let slabs = u64::from(self.slabs_max - self.resident);
        (slabs << self.shape.shift) + u64::from(self.free_slots())
    }

    pub(crate) fn detached_slots(&self) -> u32 {
        self.detached
    }

    pub(crate) fn retired_slots(&self) -> u32 {
        self.retired
    }

    pub(crate) fn slabs(&self) -> u32 {
        self.resident
    }

    pub(crate) fn slots_per_slab(&self) -> u32 {
        self.shape.slots()
    }

    /// Slots of resident slabs.
    pub(crate) fn slots(&self) -> usize {
        self.resident as usize * self.shape.slots() as usize
    }

    /// Bytes that the table holds from the provider.
    pub(crate) fn bytes(&self) -> usize {
        let slab = self.shape.layout::<V>().map_or(0, |layout| layout.size());
        self.directory.bytes() + self.resident as usize * slab
    }

    #[inline]
    fn locate(&self, index: u32) -> (u32, u32) {
        (index >> self.shape.shift, index & (self.shape.slots() - 1))
    }

    /// The slot of `index`, if its slab is resident.
    #[inline]
    fn slot(&self, index: u32) -> Option<NonNull<Slot<V>>> {
        // In words, not in the index's 32 bits: nothing is to be extended on the way to an address.
        let index = index as usize;
        let base = self.directory.base_at(index >> self.shape.shift)?;
        // SAFETY: what the mask leaves is below the number of slots in the slab.
        Some(unsafe { base.add(index & self.shape.mask) })
    }

    /// The generation of the slot of `index`, if its slab is resident.
    #[inline]
    fn generation_at(&self, index: u32) -> Option<u32> {
        let slot = self.slot(index)?;
        // SAFETY: the slab is resident.
        Some(unsafe { generation_of(slot) })
    }

    /// The slot of `key` if it is live in that generation.
    #[inline]
    fn slot_of(&self, key: Key) -> Option<NonNull<Slot<V>>> {
        let slot = self.slot(key.index)?;
        // SAFETY: the slab is resident.
        (unsafe { generation_of(slot) } == key.generation.get()).then_some(slot)
    }

    /// The slot of `index` if it is live in any generation.
    #[inline]
    fn live_slot(&self, index: u32) -> Option<NonNull<Slot<V>>> {
        let slot = self.slot(index)?;
        // SAFETY: the slab is resident.
        (unsafe { generation_of(slot) } & 1 == 1).then_some(slot)
    }

    /// The slot of `key` if it is live in that generation.
    #[inline]
    pub(crate) fn live(&self, key: Key) -> Option<Live<'_, V>> {
        let slot = self.slot_of(key)?;
        // SAFETY: the slot is live, and the table is borrowed.
        Some(unsafe { Live::new(key.index, slot) })
    }

    /// As `live`, exclusively.
    #[inline]
    pub(crate) fn live_mut(&mut self, key: Key) -> Option<LiveMut<'_, V>> {
        let slot = self.slot_of(key)?;
        // SAFETY: the slot is live.
        Some(unsafe { LiveMut::new(self, key.index, slot) })
    }

    /// As `live_mut`; says why where there is none.
    #[inline]
    pub(crate) fn try_live_mut(&mut self, key: Key) -> Result<LiveMut<'_, V>, HandleError> {
        let Some(slot) = self.slot_of(key) else {
            return Err(self.diagnose(key));
        };
        // SAFETY: the slot is live.
        Ok(unsafe { LiveMut::new(self, key.index, slot) })
    }

    /// The slot of `index` if it is live in any generation.
    #[inline]
    pub(crate) fn live_at(&self, index: u32) -> Option<Live<'_, V>> {
        let slot = self.live_slot(index)?;
        // SAFETY: the slot is live, and the table is borrowed.
        Some(unsafe { Live::new(index, slot) })
    }

    /// As `live_at`, exclusively.
    #[inline]
    pub(crate) fn live_at_mut(&mut self, index: u32) -> Option<LiveMut<'_, V>> {
        let slot = self.live_slot(index)?;
        // SAFETY: the slot is live.
        Some(unsafe { LiveMut::new(self, index, slot) })
    }

    /// Why no value is live under `key`; asked when `live` said so.
    #[cold]
    pub(crate) fn diagnose(&self, key: Key) -> HandleError {
        let (slab, _) = self.locate(key.index);
        match self.generation_at(key.index) {
            None if slab >= self.directory.len() => HandleError::OutOfRange,
            Some(present) if is_detached(present, key) => HandleError::Vacant,
            Some(present) if present & !DETACHED < key.generation.get() => HandleError::Vacant,
            _ => HandleError::Stale,
        }
    }

    /// The vacancy, out of one more slab if no slot was free. On error nothing has changed.
    ///
    /// # Safety
    /// 1. `provider` is the table's. 2. Nothing was ever stored by index (`store`).
    #[inline]
    pub(crate) unsafe fn refill<P: Provider>(
        &mut self,
        provider: &P,
    ) -> Result<Vacant<'_, V>, InsertErrorKind> {
        if self.vacancy.is_none() {
            if self.magazine.len() == 0 {
                // SAFETY: the clauses are passed on.
                unsafe { self.load_from_slabs(provider)? };
            }
            self.draw();
        }
        // SAFETY: there was a vacancy, or `draw` has made one out of a magazine that was not empty.
        Ok(unsafe { Vacant::new(self) })
    }

    /// Makes the slot on top of the magazine the vacancy, if there is one.
    #[inline]
    fn draw(&mut self) {
        if let Some(index) = self.magazine.top() {
            self.magazine.pop();
            self.vacancy = self.slot(index).map(|slot| (index, slot));
        }
    }

    /// Loads the magazine; out of line, so that what is inlined is short.
    ///
    /// # Safety
    /// 1. and 2. As for `refill`.
    #[cold]
    #[inline(never)]
    unsafe fn load_from_slabs<P: Provider>(&mut self, provider: &P) -> Result<(), InsertErrorKind> {
        // SAFETY: clause 2.
        if unsafe { self.load() } {
            return Ok(());
        }
        // SAFETY: clause 1.
        unsafe { self.grow(provider)? };
        // SAFETY: clause 2.
        if unsafe { self.load() } {
            Ok(())
        } else {
            Err(InsertErrorKind::IndexSpace)
        }
    }

    /// The vacancy, if there is one.
    #[inline]
    pub(crate) fn vacant(&mut self) -> Option<Vacant<'_, V>> {
        // SAFETY: there is a vacancy.
        self.vacancy.is_some().then(|| unsafe { Vacant::new(self) })
    }

    /// Frees a live slot; its value is no longer the table's to drop. Never fails and never unwinds.
    ///
    /// # Safety
    /// 1. `slot` is the live slot of `index`. 2. The caller has read the value out, or forgets it.
    #[inline]
    unsafe fn vacate(&mut self, index: u32, slot: NonNull<Slot<V>>) {
        // SAFETY: clause 1, and the slot is live no more, by clause 2.
        unsafe { self.free(index, slot, generation_of(slot)) };
    }

    /// Ends the slot's last `generation` and makes it the vacancy, unless it is to retire. The vacancy before it
    /// goes into the magazine.
    ///
    /// # Safety
    /// 1. `slot` is the slot of `index`, not live any more and not free, and `generation` was its last.
    #[inline]
    unsafe fn free(&mut self, index: u32, slot: NonNull<Slot<V>>, generation: u32) {
        if generation == LAST_GENERATION {
            // SAFETY: clause 1.
            return unsafe { self.retire(index, slot) };
        }
        if let Some((before, _)) = self.vacancy {
            if self.magazine.is_full() {
                self.unload(ROUNDS / 2);
            }
            self.magazine.push(before);
        }
        // SAFETY: clause 1; the new generation is even.
        unsafe { set_generation(slot, generation + 1) };
        self.vacancy = Some((index, slot));
    }

    /// Frees a live slot past the magazine.
    ///
    /// # Safety
    /// 1. `slot` is the live slot of `index`. 2. The caller has read the value out, or forgets it.
    unsafe fn put_back(&mut self, index: u32, slot: NonNull<Slot<V>>) {
        // SAFETY: clause 1, and the slot is live no more, by clause 2; the new generation is even.
        unsafe {
            let generation = generation_of(slot);
            if generation == LAST_GENERATION {
                self.retire(index, slot);
            } else {
                set_generation(slot, generation + 1);
                self.publish(index);
            }
        }
    }

    /// Withdraws a slot for good.
    ///
    /// # Safety
    /// 1. `slot` is the slot of `index`, neither live nor free.
    #[cold]
    unsafe fn retire(&mut self, index: u32, slot: NonNull<Slot<V>>) {
        // SAFETY: clause 1; the new generation is even.
        unsafe { set_generation(slot, RETIRED) };
        self.entry_of(index).retired += 1;
        self.retired += 1;
    }

    /// The entry of the slab of `index`.
    fn entry_of(&mut self, index: u32) -> &mut Entry {
        let (slab, _) = self.locate(index);
        self.directory.entry(slab)
    }

    /// Puts the `count` slots that were loaded first back into their slabs. Out of line, so that what is
    /// inlined into a removal is short.
    #[cold]
    #[inline(never)]
    fn unload(&mut self, count: u32) {
        for index in self.magazine.take_oldest(count).iter() {
            self.publish(index);
        }
    }

    /// Puts the slots that are to be filled next back into their slabs.
    fn unload_all(&mut self) {
        if let Some((index, _)) = self.vacancy.take() {
            self.publish(index);
        }
        self.unload(ROUNDS);
    }

    /// Loads slots out of the open slabs, the top first, into the empty magazine until it is half full. False if
    /// no slab is open.
    ///
    /// # Safety
    /// 1. Nothing was ever stored by index: a word that the summary names has a free bit.
    unsafe fn load(&mut self) -> bool {
        while self.magazine.len() < ROUNDS / 2 {
            let slab = self.open;
            // SAFETY: clause 1.
            let Some((first, mut bits)) = (unsafe { self.take(slab, half) }) else {
                break;
            };
            let entry = self.directory.entry(slab);
            if entry.summary == 0 {
                self.open = entry.next;
            }
            // The lowest slot of a word is loaded last and filled first.
            while bits != 0 {
                let highest = bits.ilog2();
                bits ^= 1 << highest;
                self.magazine.push(first + highest);
            }
        }
        self.magazine.len() != 0
    }

    /// Takes free slots out of the first word of slab `slab` that has any, those that `choose` leaves of its
    /// bits; the slab stays on the stack of open slabs. Gives the index of the word's first slot and a bit for
    /// each slot taken; `None` if there is no such slab or no such slot.
    ///
    /// # Safety
    /// 1. As for `load`.
    unsafe fn take(&mut self, slab: u32, choose: impl Fn(u64) -> u64) -> Option<(u32, u64)> {
        let base = self.directory.base(slab)?;
        let entry = self.directory.entry(slab);
        if entry.summary == 0 {
            return None;
        }
        let number = entry.summary.trailing_zeros();
        // SAFETY: the summary of a resident slab has a bit for each of its words.
        let word = unsafe { self.shape.word(base, number) };
        // SAFETY: words of a resident slab are initialised.
        let bits = unsafe { word.read() };
        let taken = choose(bits);
        debug_assert!(taken != 0 && taken & !bits == 0);
        let rest = bits ^ taken;
        // SAFETY: as above.
        unsafe { word.write(rest) };
        // The lowest bit goes if nothing is left. Told without a branch, that would often be mispredicted.
        entry.summary &= entry.summary - u64::from(rest == 0);
        entry.free -= taken.count_ones() as u16;
        self.free_bits -= taken.count_ones();
        Some((slab << self.shape.shift | number << 6, taken))
    }

    /// Sets the free bit of the slot of `index`, and opens its slab if that was full.
    fn publish(&mut self, index: u32) {
        let (slab, slot) = self.locate(index);
        let Some(base) = self.directory.base(slab) else {
            return;
        };
        // SAFETY: the slab is resident, and `slot` is below its slots.
        let word = unsafe { self.shape.word(base, slot >> 6) };
        // SAFETY: words of a resident slab are initialised.
        let bits = unsafe { word.read() };
        debug_assert!(bits >> (slot & 63) & 1 == 0, "the slot was not free");
        // SAFETY: as above.
        unsafe { word.write(bits | 1 << (slot & 63)) };
        self.free_bits += 1;
        let open = self.open;
        let entry = self.directory.entry(slab);
        entry.free += 1;
        if entry.summary == 0 {
            entry.next = open;
            self.open = slab;
        }
        // Also where the word had a free bit: that is cheaper than to ask.
        entry.summary |= 1 << (slot >> 6);
    }
}

/// The low half of a word, or the high one if that is 0: as many bits as a magazine takes that is less than half
/// full.
fn half(bits: u64) -> u64 {
    const { assert!(ROUNDS >= 64) };
    let low = bits & u64::from(u32::MAX);
    if low == 0 { bits } else { low }
}
