//! `VacantEntry`: the next slot of an arena, before there is a value for it.

use core::marker::PhantomData;

use super::Arena;
use crate::handle::Handle;
use crate::provider::{Global, Provider};
use crate::table::Vacant;

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
    vacant: Vacant<'a, T>,
    arena: PhantomData<&'a mut Arena<T, P>>,
}

impl<'a, T, P: Provider> VacantEntry<'a, T, P> {
    #[inline]
    pub(super) fn new(vacant: Vacant<'a, T>) -> Self {
        Self {
            vacant,
            arena: PhantomData,
        }
    }

    /// The handle that the value will have.
    #[inline]
    pub fn handle(&self) -> Handle<T> {
        Handle::new(self.vacant.key())
    }

    /// Stores `value` and gives its handle. Cannot fail. O(1).
    #[inline]
    pub fn insert(self, value: T) -> Handle<T> {
        Handle::new(self.vacant.fill(value))
    }
}

impl<T, P: Provider> core::fmt::Debug for VacantEntry<'_, T, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("VacantEntry").field(&self.handle()).finish()
    }
}
