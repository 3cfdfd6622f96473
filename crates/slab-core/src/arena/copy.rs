//! Copies of arenas and secondary maps, in which the same handles name equal values.

use super::{Arena, SecondaryMap, refused};
use crate::error::InsertErrorKind;
use crate::provider::Provider;
use crate::table::{Cursor, SlotTable};

/// Copies what is live in `model` into `copy`, an empty table of its shape; on error, or when a clone panics,
/// `copy` holds what was copied so far.
///
/// # Safety
/// 1. `provider` is that of `copy`. 2. `copy` was made by `model.empty_like()` and not used since. 3. If this does
///    not return `Ok`, `copy` is only cleared and destroyed.
unsafe fn copy_values<V: Clone, P: Provider>(
    copy: &mut SlotTable<V>,
    model: &SlotTable<V>,
    provider: &P,
) -> Result<(), InsertErrorKind> {
    // SAFETY: the clauses are passed on.
    unsafe { copy.copy_slots(model, provider)? };
    let mut cursor = Cursor::new();
    // SAFETY: it is one table, borrowed, so it releases no slab.
    while let Some(live) = unsafe { cursor.next(model) } {
        let value = live.value().clone();
        // SAFETY: the cursor passes each live slot of the model once.
        unsafe { copy.restore(live.key(), value) };
    }
    Ok(())
}

impl<T: Clone, P: Provider + Clone> Arena<T, P> {
    /// An arena with a clone of every value under the same handle, on a clone of the provider. Stale handles
    /// are stale there too, and detached ones detached; from then on the two go separate ways, and may give
    /// out equal handles for different values. O(slots).
    ///
    /// # Errors
    /// [`InsertErrorKind`] if the provider refuses memory; what was taken is given back.
    ///
    /// ```
    /// let mut arena = slab_core::Arena::new();
    /// let handle = arena.insert(vec![1, 2]);
    /// let copy = arena.try_clone()?;
    /// arena[handle].push(3);
    /// assert_eq!((arena[handle].len(), copy[handle].len()), (3, 2));
    /// # Ok::<(), slab_core::InsertErrorKind>(())
    /// ```
    pub fn try_clone(&self) -> Result<Self, InsertErrorKind> {
        let mut copy = Self {
            table: self.table.empty_like(),
            provider: self.provider.clone(),
        };
        // SAFETY: the table gets this provider only; on error and panic the arena is dropped.
        unsafe { copy_values(&mut copy.table, &self.table, &copy.provider)? };
        Ok(copy)
    }
}

impl<T: Clone, P: Provider + Clone> Clone for Arena<T, P> {
    /// # Panics
    /// If the provider refuses memory; [`try_clone`](Arena::try_clone) gives an error instead.
    fn clone(&self) -> Self {
        match self.try_clone() {
            Ok(copy) => copy,
            Err(kind) => refused(kind),
        }
    }
}

impl<T, V: Clone, P: Provider + Clone> SecondaryMap<T, V, P> {
    /// A map with a clone of every value for the same handle, on a clone of the provider. O(slots).
    ///
    /// # Errors
    /// [`InsertErrorKind`] if the provider refuses memory; what was taken is given back.
    pub fn try_clone(&self) -> Result<Self, InsertErrorKind> {
        let mut copy = Self {
            table: self.table.empty_like(),
            provider: self.provider.clone(),
            keys: self.keys,
        };
        // SAFETY: the table gets this provider only; on error and panic the map is dropped.
        unsafe { copy_values(&mut copy.table, &self.table, &copy.provider)? };
        Ok(copy)
    }
}

impl<T, V: Clone, P: Provider + Clone> Clone for SecondaryMap<T, V, P> {
    /// # Panics
    /// If the provider refuses memory; [`try_clone`](SecondaryMap::try_clone) gives an error instead.
    fn clone(&self) -> Self {
        match self.try_clone() {
            Ok(copy) => copy,
            Err(kind) => refused(kind),
        }
    }
}
