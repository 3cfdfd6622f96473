//! Slots without values: capacity ahead of need, detached values, compaction, release of empty slabs.

use super::Arena;
use crate::error::{HandleError, InsertError, InsertErrorKind};
use crate::handle::Handle;
use crate::provider::Provider;
use crate::table::LiveMut;

impl<T, P: Provider> Arena<T, P> {
    /// Values that fit before another slab is needed. O(1).
    pub fn free_slots(&self) -> usize {
        self.table.free_slots() as usize
    }

    /// Adds slabs until `additional` more values fit: the next `additional` inserts need no memory.
    /// O(slabs added), or O(slots added) where values are larger than 128 bytes or slabs come back.
    ///
    /// # Errors
    /// [`InsertErrorKind`] if the provider refuses memory or no index is left; slabs added before that
    /// stay. More values than an arena can hold are refused before any memory is taken.
    pub fn try_reserve(&mut self, additional: usize) -> Result<(), InsertErrorKind> {
        if additional as u64 > self.table.free_slots_max() {
            return Err(InsertErrorKind::IndexSpace);
        }
        while self.free_slots() < additional {
            // SAFETY: `self.provider` is the only provider this table is ever given.
            unsafe { self.table.grow(&self.provider)? };
        }
        Ok(())
    }

    /// Gives the slabs that hold no value back to the provider, all but `keep` of them; says how many.
    /// Live handles stay valid and stale ones stay stale: the directory remembers a generation for each
    /// slab given back. O(slots).
    ///
    /// ```
    /// let mut arena = slab_core::Arena::with_slots_per_slab(2);
    /// let handles: Vec<_> = (0..6).map(|value| arena.insert(value)).collect();
    /// for &handle in &handles[2..] {
    ///     arena.remove(handle);
    /// }
    /// assert_eq!(arena.release_empty(1), 1);
    /// assert_eq!(arena.stats().slabs, 2);
    /// assert_eq!(arena[handles[0]], 0);
    /// ```
    pub fn release_empty(&mut self, keep: usize) -> usize {
        // SAFETY: `self.provider` is the only provider this table is ever given.
        unsafe { self.table.release_empty(&self.provider, keep) }
    }

    /// Moves up to `moves_max` values out of sparse slabs into the free slots of dense ones, and calls
    /// `on_move` after each move with the handle the value had, which is stale from then on, the handle it
    /// has, and the value. Says how many were moved: fewer than `moves_max` when no slab is left that the
    /// others have room for.
    ///
    /// Call it again and again, a few moves at a time, to bound each pause; then
    /// [`release_empty`](Self::release_empty) gives the emptied slabs back. The sparsest slabs are emptied
    /// first, so that few values move. A slab with a detached value loses none. O(slabs + moves), as long
    /// as few steps of fullness (of 64) are passed; O(64 * slabs + moves) at worst.
    ///
    /// A panic in `on_move` leaves the arena whole, the value at its new place. Whoever keeps handles, a
    /// [`SecondaryMap`](crate::SecondaryMap) for one, is to be told of the new ones.
    ///
    /// ```
    /// let mut arena = slab_core::Arena::with_slots_per_slab(4);
    /// let mut handles: Vec<_> = (0..16).map(|value| arena.insert(value)).collect();
    /// handles.retain(|&handle| arena[handle] % 4 == 0 || arena.remove(handle).is_none());
    /// assert_eq!(arena.stats().slabs, 4, "one value in each");
    ///
    /// let moved = arena.compact_step(100, |old, new, _| {
    ///     let at = handles.iter().position(|&handle| handle == old).unwrap();
    ///     handles[at] = new;
    /// });
    /// arena.release_empty(0);
    /// assert_eq!((moved, arena.stats().slabs), (3, 1));
    /// assert_eq!(handles.iter().map(|&handle| arena[handle]).sum::<i32>(), 24);
    /// ```
    pub fn compact_step(
        &mut self,
        moves_max: usize,
        mut on_move: impl FnMut(Handle<T>, Handle<T>, &mut T),
    ) -> usize {
        let moved = |old, new, value: &mut T| on_move(Handle::new(old), Handle::new(new), value);
        // SAFETY: nothing is stored by index in an arena's table.
        unsafe { self.table.compact(moves_max, moved) }
    }

    /// Takes the value that `handle` names out but keeps its slot, so that
    /// [`reattach`](Self::reattach) can put one back under the same handle. `None` if it names none.
    /// O(1).
    ///
    /// ```
    /// let mut arena = slab_core::Arena::new();
    /// let handle = arena.insert(String::from("draft"));
    /// let mut text = arena.detach(handle).unwrap();
    /// let other = arena.insert(String::from("takes another slot"));
    /// text.push_str(", revised");
    /// arena.reattach(handle, text)?;
    /// assert_eq!(arena[handle], "draft, revised");
    /// # Ok::<(), slab_core::InsertError<String>>(())
    /// ```
    pub fn detach(&mut self, handle: Handle<T>) -> Option<T> {
        self.live_mut(handle).map(LiveMut::detach)
    }

    /// Stores `value` under the handle of a detached value. Needs no memory. O(1).
    ///
    /// # Errors
    /// [`InsertError`] gives the value back, with a [`HandleError`], if `handle` is not detached: it may
    /// never have been, or have a value again, or have been abandoned.
    pub fn reattach(&mut self, handle: Handle<T>, value: T) -> Result<(), InsertError<T>> {
        self.table.reattach(handle.key(), value).map_err(|value| {
            let why = match self.check(handle) {
                Ok(()) => HandleError::Occupied,
                Err(error) => error,
            };
            InsertError::new(value, InsertErrorKind::Handle(why))
        })
    }

    /// Gives up the slot of a detached value: `handle` is stale from now on. False if it is not
    /// detached. O(1).
    pub fn abandon(&mut self, handle: Handle<T>) -> bool {
        self.table.abandon(handle.key())
    }
}
