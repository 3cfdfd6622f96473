//! `Class`: slots of one size, the free ones on a list.
//!
//! | state   | generation | the number beside it |
//! |---|---|---|
//! | live    | odd        | the string's length |
//! | free    | even       | the next free slot, or `NONE` |
//! | retired | `RETIRED`  | nothing: its generations are used up |
//!
//! The list is last in, first out: the slot that was freed last is in the cache. The slots of a new slab
//! join it a page at a time, so that memory is touched only when it is used. Nothing ever lowers a
//! generation, and a released slab comes back at its watermark: so no generation of a slot is ever given
//! out twice.

use core::ptr::NonNull;

use super::directory::Directory;
use super::slab::{Header, Shape, Slot};
use crate::error::{HandleError, InsertErrorKind};
use crate::provider::Provider;
use crate::table::{Generation, Key};

/// No slot, or no slab.
pub(super) const NONE: u32 = u32::MAX;

/// The generation after the last.
pub(super) const RETIRED: u32 = Generation::LAST + 1;

const _: () = assert!(RETIRED & 1 == 0);

/// Strings of one class, in slabs from a provider that the caller passes in: always the same one, which
/// is the safety clause of every function that takes it.
#[repr(align(64))]
pub(super) struct Class {
    pub(super) directory: Directory,
    pub(super) shape: Shape,
    /// The slot that is filled next, or `NONE`.
    pub(super) head: u32,
    /// So many slots have headers that are initialised, counted over all slabs in the directory whether
    /// they have memory or not: all slots but the last ones of the last slab.
    pub(super) limit: u32,
    /// Live slots.
    pub(super) live: u32,
    /// Sum of the lengths of the strings in them.
    pub(super) payload_bytes: usize,
    /// Slabs that have memory.
    pub(super) resident: u32,
    /// Head of the list of released slabs that may come back, or `NONE`.
    pub(super) absent: u32,
    /// Slabs that the handles have room for.
    pub(super) slabs_max: u32,
    /// The index of slot 0: its other bits number the class.
    pub(super) first: u32,
}

// SAFETY: the class owns its slabs as a `Vec<u8>` would; its pointers are shared with nobody.
unsafe impl Send for Class {}
// SAFETY: `&Class` reads plain numbers, and gives no more than pointers to bytes.
unsafe impl Sync for Class {}

/// Where a live string lies.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// `length` bytes are initialised; a slot or block has room for more.
    pub(super) data: NonNull<u8>,
    pub(super) length: usize,
}

/// A live string's slot.
struct Live {
    slot: Slot,
    /// Live.
    header: Header,
}

impl Class {
    /// A class without memory: slabs of `1 << shift` slots of `size` bytes. Its slots have the indices
    /// that are `number` but for the low `slot_bits`.
    pub(super) const fn new(number: u32, size: u32, shift: u32, slot_bits: u32) -> Self {
        assert!(shift <= slot_bits && slot_bits < 32);
        Self {
            directory: Directory::new(),
            shape: Shape::new(size, shift),
            head: NONE,
            limit: 0,
            live: 0,
            payload_bytes: 0,
            resident: 0,
            absent: NONE,
            slabs_max: 1 << (slot_bits - shift),
            first: number << slot_bits,
        }
    }

    /// Slots of resident slabs.
    pub(super) fn slots(&self) -> usize {
        self.resident as usize * self.shape.slots() as usize
    }

    /// Bytes that the class holds from the provider.
    pub(super) fn held_bytes(&self) -> usize {
        let slab = self.shape.layout().map_or(0, |layout| layout.size());
        self.directory.bytes() + self.resident as usize * slab
    }

    /// The index of slot 0 of slab `slab`.
    pub(super) fn first_of(&self, slab: u32) -> u32 {
        self.first + (slab << self.shape.shift)
    }

    /// The slot of `index`, if its slab is resident and its header initialised.
    #[inline]
    pub(super) fn slot(&self, index: u32) -> Option<Slot> {
        // Of another class's index it is a number beyond the limit.
        let number = index.wrapping_sub(self.first);
        if number >= self.limit {
            return None;
        }
        // SAFETY: the slots below the limit are those of slabs in the directory.
        let base = unsafe { self.directory.base_unchecked(number >> self.shape.shift)? };
        // SAFETY: a base in the directory is of a resident slab of this shape, and the mask keeps below
        // its slots.
        Some(unsafe { self.shape.slot(base, number & self.shape.mask) })
    }

    /// The slot of `index` if it is live, in `generation` if one is given.
    #[inline]
    fn live(&self, index: u32, generation: Option<Generation>) -> Option<Live> {
        let slot = self.slot(index)?;
        // SAFETY: the slab is resident.
        let header = unsafe { slot.header() };
        let live = match generation {
            Some(generation) => header.generation() == generation.get(),
            None => header.is_live(),
        };
        live.then_some(Live { slot, header })
    }

    /// Where the string of slot `index` lies, if there is one, in `generation` if one is given.
    #[inline]
    pub(super) fn place(&self, index: u32, generation: Option<Generation>) -> Option<Place> {
        let Live { slot, header } = self.live(index, generation)?;
        Some(Place {
            // SAFETY: the slab is resident.
            data: unsafe { slot.data() },
            length: header.number() as usize,
        })
    }

    /// The generation in which slot `index` is live.
    pub(super) fn generation(&self, index: u32) -> Option<Generation> {
        let Live { header, .. } = self.live(index, None)?;
        Some(Generation::of_live(header.generation()))
    }

    /// Why no string is there; asked when `place` said so.
    #[cold]
    pub(super) fn diagnose(&self, index: u32, generation: Option<Generation>) -> HandleError {
        let Some(slot) = self.slot(index) else {
            let known = index.wrapping_sub(self.first) < self.limit;
            return match generation {
                _ if !known => HandleError::OutOfRange,
                Some(_) => HandleError::Stale,
                None => HandleError::Vacant,
            };
        };
        // SAFETY: the slab is resident.
        let present = unsafe { slot.header() }.generation();
        match generation {
            Some(generation) if present > generation.get() => HandleError::Stale,
            _ => HandleError::Vacant,
        }
    }

    /// Makes sure that there is a free slot, with another slab if need be. On error nothing has changed.
    ///
    /// # Safety
    /// 1. `provider` is the class's.
    pub(super) unsafe fn refill<P: Provider>(
        &mut self,
        provider: &P,
    ) -> Result<(), InsertErrorKind> {
        if self.head == NONE {
            // SAFETY: clause 1, and no slot is free.
            unsafe { self.grow(provider)? };
        }
        Ok(())
    }

    /// The free slot that is filled next, if there is one.
    #[inline]
    pub(super) fn vacant(&mut self) -> Option<Vacant<'_>> {
        if self.head == NONE {
            return None;
        }
        // SAFETY: the head of the list is a slot of a resident slab.
        let slot = unsafe { self.slot(self.head).unwrap_unchecked() };
        Some(Vacant { class: self, slot })
    }

    /// Frees the string of slot `index`, if there is one, in `generation` if one is given.
    #[inline]
    pub(super) fn free(&mut self, index: u32, generation: Option<Generation>) -> bool {
        let Some(Live { slot, header }) = self.live(index, generation) else {
            return false;
        };
        self.live -= 1;
        self.payload_bytes -= header.number() as usize;
        let next = header.generation() + 1;
        // SAFETY: the slab is resident, and the list goes on with what was its head. A retired slot's
        // number means nothing.
        unsafe { slot.set_header(Header::new(next, self.head)) };
        if next != RETIRED {
            self.head = index;
        }
        true
    }

    /// Changes the length of the string of slot `index`, if there is one.
    ///
    /// # Safety
    /// 1. `length` is no more than the size. 2. Before anybody reads the string its first `length` bytes
    ///    are initialised.
    pub(super) unsafe fn set_length(&mut self, index: u32, length: usize) {
        if let Some(Live { slot, header }) = self.live(index, None) {
            let present = header.number() as usize;
            self.payload_bytes = self.payload_bytes - present + length;
            // SAFETY: the slab is resident; clauses 1 and 2.
            unsafe { slot.set_header(Header::new(header.generation(), length as u32)) };
        }
    }

    /// The index of the first live slot, from the slot of `from` on if there is one. O(slots passed over).
    pub(super) fn next_live(&self, from: Option<u32>) -> Option<u32> {
        let mut index = from.unwrap_or(self.first);
        while index - self.first < self.limit {
            let Some(slot) = self.slot(index) else {
                // The slab is released.
                index = (index | self.shape.mask) + 1;
                continue;
            };
            // SAFETY: the slab is resident.
            if unsafe { slot.header() }.is_live() {
                return Some(index);
            }
            index += 1;
        }
        None
    }
}

/// A class with a free slot: filling it cannot fail.
pub(super) struct Vacant<'a> {
    class: &'a mut Class,
    /// The slot of the class's `head`.
    slot: Slot,
}

impl Vacant<'_> {
    /// The slot's bytes, as many as the size. Nobody has a reference to them.
    #[inline]
    pub(super) fn data(&self) -> NonNull<u8> {
        // SAFETY: the slot's slab is resident.
        unsafe { self.slot.data() }
    }

    /// Makes the slot live; gives its key.
    ///
    /// # Safety
    /// 1. `length` is no more than the size. 2. Before anybody reads the string its first `length` bytes
    ///    are initialised.
    #[inline]
    pub(super) unsafe fn fill(self, length: usize) -> Key {
        let index = self.class.head;
        // SAFETY: the slot's slab is resident.
        let free = unsafe { self.slot.header() };
        let generation = free.generation() + 1;
        self.class.head = free.number();
        self.class.live += 1;
        self.class.payload_bytes += length;
        // SAFETY: the slot's slab is resident; clauses 1 and 2.
        unsafe { self.slot.set_header(Header::new(generation, length as u32)) };
        Key {
            index,
            generation: Generation::of_live(generation),
        }
    }
}
