//! `HashArena`: values by the hashes of their keys, and behind plain indices.
//!
//! ```text
//!  index    hash -> slots that may have it                         6.4 bytes a slot; 7.5 above 2^24 slots
//!  hashes   [ hash  | hash  |     0       | hash  | ... ]          4 bytes a slot; 0 where there is no value
//!  cells    [ value | value | next vacant | value | ... ]          the size of a value, 4 bytes at least
//!  vacant   the cell vacated last: the head of the chain through the vacant ones
//! ```

mod index;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::fmt;
use core::mem::{self, ManuallyDrop};

use self::index::{Folded, Index};

/// Ends the chain of vacant cells.
const NONE: u32 = u32::MAX;

/// A value, or, where there is no hash, the next cell of the vacant chain.
union Cell<T> {
    value: ManuallyDrop<T>,
    next: u32,
}

/// Values of one type, each behind a `u32` index of its own and found by the hash of its key.
///
/// What a cache or an interning table is made of: the values lie side by side, each keeps its index for as long as it is
/// there, and taking one out by its index needs neither its key nor a hash function. The hash that comes with a value is
/// kept (32 bits of it), so growth hashes nothing: no caller's code runs in here but the comparison in
/// [`find`](Self::find), and the values' own `Clone`, `Drop` and `Debug` where the arena is cloned, dropped or printed.
/// An index is not protected against naming a later value: right for an owner that keeps an index exactly as long as the
/// value.
///
/// A value costs its size (4 bytes at least) and 10.4 bytes where [`room`](Self::room) is used up; 11.5 where there are
/// more than 2^24. An arena grows only when it is told to, to just the room that it is told: see
/// [`try_grow`](Self::try_grow). One that was never used holds no memory. The index vacated last is used first.
///
/// A look-up reads one cache line of the index, and further ones for few hashes. Where dozens of values have like hashes
/// they crowd their lines, and leave marks there that lead look-ups on when they have been removed. Once removals have met
/// as many such marks as the index has places, one of them wipes them all out: that one takes O(slots), and all together
/// a constant times what they take anyway. Other removals leave nothing behind. A hash should be spread well over its 64
/// bits; where others choose the keys it should be seeded, because values with one hash are found by comparing them one
/// after another.
///
/// ```
/// let mut arena = slab_core::HashArena::new();
/// assert!(arena.try_grow(2), "there was memory");
/// let hash = |name: &str| (name.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
/// let ant = arena.insert(hash("ant"), "ant");
/// let beetle = arena.insert(hash("beetle"), "beetle");
/// assert_eq!(arena.find(hash("beetle"), |name| *name == "beetle"), Some((beetle, &"beetle")));
/// assert_eq!(arena.remove(ant), Some("ant"));
/// assert_eq!(arena.find(hash("ant"), |name| *name == "ant"), None);
/// assert_eq!(arena.insert(hash("cicada"), "cicada"), ant);
/// assert_eq!(arena.replace(beetle, hash("dragonfly"), "dragonfly"), "beetle");
/// ```
pub struct HashArena<T> {
    /// Has each slot whose hash is not `NONE`, with that hash, and no other.
    index: Index,
    /// As long as `cells`.
    hashes: Vec<Folded>,
    /// A cell's `value` is initialized where its hash is not `NONE`, its `next` where it is.
    cells: Vec<Cell<T>>,
    /// The first of the vacant chain, which holds each cell without a value once.
    vacant: u32,
    len: u32,
    /// Values that index and columns have room for.
    room: u32,
}

impl<T> HashArena<T> {
    /// An empty arena without room; holds no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            index: Index::new(),
            hashes: Vec::new(),
            cells: Vec::new(),
            vacant: NONE,
            len: 0,
            room: 0,
        }
    }

    /// Values in the arena.
    #[inline(always)]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether the arena holds no value.
    #[inline(always)]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The values that there may be before it has to grow.
    #[inline(always)]
    #[must_use]
    pub const fn room(&self) -> usize {
        self.room as usize
    }

    /// One more than the highest index in use, or once in use: what a column by index needs.
    #[inline]
    #[must_use]
    pub fn slots(&self) -> u32 {
        // Cells are at most `room`, a u32, at the time when the last was added.
        self.cells.len() as u32
    }

    /// The first value that may have this hash and for which `is_wanted`, with its index. O(1) expected.
    #[inline(always)]
    pub fn find(&self, hash: u64, is_wanted: impl Fn(&T) -> bool + Copy) -> Option<(u32, &T)> {
        self.index.find_map(Folded::new(hash), |slot| {
            self.debug_assert_taken(slot);
            // SAFETY: the index has slots with a hash only; where there is a hash there are a cell and a value in it.
            let value: &T = unsafe { &self.cells.get_unchecked(slot as usize).value };
            is_wanted(value).then_some((slot, value))
        })
    }

    /// Asserts in a debug build what accesses without bounds checks rely on: that there is a value.
    #[inline(always)]
    fn debug_assert_taken(&self, slot: u32) {
        debug_assert_eq!(self.hashes.len(), self.cells.len());
        debug_assert!(
            self.hash_at(slot).is_some(),
            "slot {slot} should have a value"
        );
    }

    /// The hash of the value at `index`, if there is a value.
    #[inline(always)]
    fn hash_at(&self, index: u32) -> Option<Folded> {
        match self.hashes.get(index as usize) {
            Some(&hash) if hash != Folded::NONE => Some(hash),
            _ => None,
        }
    }

    /// The value at `index`, if there is one.
    #[inline(always)]
    #[must_use]
    pub fn get(&self, index: u32) -> Option<&T> {
        self.hash_at(index)?;
        self.debug_assert_taken(index);
        // SAFETY: there is a hash, so there are a cell and a value in it.
        Some(unsafe { &self.cells.get_unchecked(index as usize).value })
    }

    /// The value at `index`, if there is one.
    #[inline(always)]
    #[must_use]
    pub fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.hash_at(index)?;
        self.debug_assert_taken(index);
        // SAFETY: there is a hash, so there are a cell and a value in it.
        Some(unsafe { &mut self.cells.get_unchecked_mut(index as usize).value })
    }

    /// Adds a value, and gives its index. O(1) expected.
    ///
    /// # Panics
    /// Without [`room`](Self::room); nothing has changed then.
    #[inline(always)]
    #[track_caller]
    pub fn insert(&mut self, hash: u64, value: T) -> u32 {
        assert!(self.len < self.room, "no room for a value: grow the arena");
        let hash = Folded::new(hash);
        let value = ManuallyDrop::new(value);
        let slot = self.vacant;
        self.len += 1;
        if slot == NONE {
            return self.append(hash, value);
        }
        debug_assert_eq!(self.hashes.len(), self.cells.len());
        debug_assert_eq!(self.hashes.get(slot as usize), Some(&Folded::NONE));
        // SAFETY: cells of the vacant chain are there, and vacant: `next` is initialized.
        unsafe {
            let cell = self.cells.get_unchecked_mut(slot as usize);
            self.vacant = cell.next;
            *cell = Cell { value };
            *self.hashes.get_unchecked_mut(slot as usize) = hash;
        }
        self.index.insert(hash, slot);
        slot
    }

    /// Adds a value beyond the last cell.
    #[cold]
    fn append(&mut self, hash: Folded, value: ManuallyDrop<T>) -> u32 {
        let slot = self.slots();
        self.cells.push(Cell { value });
        self.hashes.push(hash);
        self.index.insert(hash, slot);
        slot
    }

    /// Takes the value at `index` out, if there is one. O(1) expected; amortized where many hashes are alike.
    #[inline(always)]
    pub fn remove(&mut self, index: u32) -> Option<T> {
        let hash = self.hash_at(index)?;
        self.debug_assert_taken(index);
        // SAFETY: there is a hash there.
        unsafe { *self.hashes.get_unchecked_mut(index as usize) = Folded::NONE };
        if self.index.remove(hash, index) {
            self.index.rebuild(&self.hashes);
        }
        let vacated = Cell { next: self.vacant };
        // SAFETY: there was a hash, so there are a cell and a value in it, which becomes vacant.
        let cell = unsafe { mem::replace(self.cells.get_unchecked_mut(index as usize), vacated) };
        self.vacant = index;
        self.len -= 1;
        // SAFETY: as above.
        Some(ManuallyDrop::into_inner(unsafe { cell.value }))
    }

    /// Puts a value in the place of the one at `index`, which comes back: what [`remove`](Self::remove) and
    /// [`insert`](Self::insert) do, in one step. O(1) expected; amortized where many hashes are alike.
    ///
    /// # Panics
    /// If there is no value at `index`; nothing has changed then.
    #[inline(always)]
    #[track_caller]
    pub fn replace(&mut self, index: u32, hash: u64, value: T) -> T {
        let Some(former) = self.hash_at(index) else {
            vacant(index);
        };
        self.debug_assert_taken(index);
        let hash = Folded::new(hash);
        let is_crowded = self.index.remove(former, index);
        // SAFETY: there is a hash there.
        unsafe { *self.hashes.get_unchecked_mut(index as usize) = hash };
        if is_crowded {
            self.index.rebuild(&self.hashes);
        } else {
            self.index.insert(hash, index);
        }
        let value = ManuallyDrop::new(value);
        // SAFETY: there was a hash and there is one, so there are a cell and a value in it.
        let cell = unsafe { self.cells.get_unchecked_mut(index as usize) };
        let former = mem::replace(cell, Cell { value });
        // SAFETY: as above.
        ManuallyDrop::into_inner(unsafe { former.value })
    }

    /// Makes room for so many values in all, and no more where the allocator gives what it is asked; for those that there
    /// are where they are more. Whether there was the memory; nothing has changed otherwise. O(values), all are moved.
    #[cold]
    #[must_use = "where this is false, there is no more room than before"]
    pub fn try_grow(&mut self, room: usize) -> bool {
        let room = room.max(self.len());
        // The last number ends the vacant chain.
        let Some(room) = u32::try_from(room).ok().filter(|room| *room < NONE) else {
            return false;
        };
        let missing = (room as usize).saturating_sub(self.cells.len());
        let slots = self.cells.len().max(room as usize);
        let Some(mut index) = Index::try_with_room(room as usize, slots) else {
            return false;
        };
        if self.cells.try_reserve_exact(missing).is_err()
            || self.hashes.try_reserve_exact(missing).is_err()
        {
            return false;
        }
        index.rebuild(&self.hashes);
        self.index = index;
        self.room = room;
        true
    }

    /// Drops the vacant cells above the highest value, and gives the memory back that is not in use: the
    /// [`room`](Self::room) is what there is then. O(slots).
    pub fn shrink_to_fit(&mut self) {
        let last = self.hashes.iter().rposition(|hash| *hash != Folded::NONE);
        let slots = last.map_or(0, |last| last + 1);
        // A union drops nothing, and those cells have no value.
        self.cells.truncate(slots);
        self.hashes.truncate(slots);
        self.vacant = NONE;
        for slot in (0..slots).rev() {
            if self.hashes[slot] == Folded::NONE {
                self.cells[slot] = Cell { next: self.vacant };
                self.vacant = slot as u32;
            }
        }
        self.cells.shrink_to_fit();
        self.hashes.shrink_to_fit();
        if !self.try_grow(self.len()) {
            // There is no memory for a smaller index. The larger one stays, but the columns have room for no more.
            self.room = self.len;
        }
    }

    /// The values with their indices, in the order of those. O(slots).
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..self.slots()).filter_map(|index| self.get(index).map(|value| (index, value)))
    }

    /// Asserts every invariant, for tests. O(slots).
    ///
    /// # Panics
    /// If one does not hold, which is a defect of this type.
    pub fn check(&self) {
        assert_eq!(self.hashes.len(), self.cells.len());
        assert!(self.len <= self.room, "there are more values than room");
        let taken = (0..).zip(&self.hashes).map(|(slot, hash)| (*hash, slot));
        let taken = taken.filter(|(hash, _)| *hash != Folded::NONE);
        let values = taken.clone().count();
        assert_eq!(values, self.len(), "values are counted wrongly");
        self.index.check(taken);
        let mut vacant = self.vacant;
        for _ in values..self.cells.len() {
            assert_eq!(self.hashes[vacant as usize], Folded::NONE);
            // SAFETY: there is no hash, so `next` is initialized.
            vacant = unsafe { self.cells[vacant as usize].next };
        }
        assert_eq!(vacant, NONE, "the chain of vacant cells is too long");
    }

    /// Drops every value, each once even if the destructor of one panics.
    fn drop_values(&mut self) {
        /// Goes on where a panicking destructor stopped; a second panic ends the process.
        struct Rest<'a, T>(&'a mut HashArena<T>);
        impl<T> Rest<'_, T> {
            fn run(&mut self) {
                while let Some(hash) = self.0.hashes.pop() {
                    let cell = self.0.cells.pop().expect("as many cells as hashes");
                    if hash != Folded::NONE {
                        // SAFETY: there was a hash, so there is a value, which is in the arena no more.
                        drop(ManuallyDrop::into_inner(unsafe { cell.value }));
                    }
                }
            }
        }
        impl<T> Drop for Rest<'_, T> {
            fn drop(&mut self) {
                self.run();
            }
        }
        Rest(self).run();
    }
}

/// The owner's mistake of naming an index that is vacant.
#[cold]
#[track_caller]
fn vacant(index: u32) -> ! {
    panic!("there is no value at index {index}")
}

impl<T> Drop for HashArena<T> {
    fn drop(&mut self) {
        if mem::needs_drop::<T>() {
            self.drop_values();
        }
    }
}

impl<T: Clone> Clone for HashArena<T> {
    /// The same values at the same indices, with as much room.
    fn clone(&self) -> Self {
        let slots = self.cells.len();
        // All vacant until it is filled, so a panic in `T::clone` leaks nothing and drops nothing twice.
        let mut clone = Self {
            index: self.index.clone(),
            hashes: Vec::with_capacity(self.room as usize),
            cells: Vec::with_capacity(self.room as usize),
            ..*self
        };
        clone.hashes.resize(slots, Folded::NONE);
        clone.cells.extend((0..slots).map(|_| Cell { next: NONE }));
        for (index, value) in self.iter() {
            let value = ManuallyDrop::new(value.clone());
            clone.cells[index as usize] = Cell { value };
            clone.hashes[index as usize] = self.hashes[index as usize];
        }
        let mut vacant = self.vacant;
        while vacant != NONE {
            // SAFETY: cells of the vacant chain are vacant: `next` is initialized.
            let next = unsafe { self.cells[vacant as usize].next };
            clone.cells[vacant as usize] = Cell { next };
            vacant = next;
        }
        clone
    }
}

impl<T> Default for HashArena<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for HashArena<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
