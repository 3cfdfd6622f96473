//! `VacantEntry`: the next slot of an arena, before there is a value for it.

use super::Arena;
use crate::handle::Handle;
use crate::provider::{Global, Provider};

/// The slot that the next insert into an arena uses, with its handle.
///
/// ```
/// use slab_core::{Arena, Handle};
///
/// struct Knot {
///     itself: Handle<Knot>,
/// }
///
/// let mut arena = Arena::new();
/// let entry = arena.vacant_entry()?;
/// let itself = entry.handle();
/// entry.insert(Knot { itself });
/// assert!(arena[itself].itself == itself);
/// # Ok::<(), slab_core::InsertErrorKind>(())
/// ```
pub struct VacantEntry<'a, T, P: Provider = Global> {
    /// `refill` has succeeded on its table.
    arena: &'a mut Arena<T, P>,
    handle: Handle<T>,
}

impl<'a, T, P: Provider> VacantEntry<'a, T, P> {
    #[inline]
    pub(super) fn new(arena: &'a mut Arena<T, P>, handle: Handle<T>) -> Self {
        Self { arena, handle }
    }

    /// The handle that the value will have.
    #[inline]
    pub fn handle(&self) -> Handle<T> {
        self.handle
    }

    /// Stores `value` and gives its handle. Cannot fail. O(1).
    #[inline]
    pub fn insert(self, value: T) -> Handle<T> {
        // SAFETY: `refill` succeeded before the entry was made, and the entry is used up here.
        let (index, generation) = unsafe { self.arena.table.fill(value) };
        debug_assert_eq!(Handle::of_live(index, generation), self.handle);
        self.handle
    }
}

impl<T, P: Provider> core::fmt::Debug for VacantEntry<'_, T, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("VacantEntry").field(&self.handle).finish()
    }
}
