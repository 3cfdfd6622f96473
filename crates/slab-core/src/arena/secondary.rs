//! `SecondaryMap`: further data about the values of an arena, by the same handles.
//!
//! The table is used by index here: a slot's generation is that of the handle under which its value was
//! stored, or the even number below it once that value was removed, so that an older handle is refused
//! and the same one is not. The free bits say which slots are not live; nothing is handed out.

use core::fmt;
use core::mem;
use core::ops::{Index, IndexMut};

use super::{default_shift, refused};
use crate::error::InsertError;
use crate::handle::Handle;
use crate::provider::{Global, Provider};
use crate::table::{Cursor, LiveMut, Slot, SlotTable};

/// A `V` for some of the values of an `Arena<T>`, found by the value's handle.
///
/// A value is stored at its handle's index in slabs of its own, so that each access is O(1) without
/// hashing; slabs exist only where an index was used. The map does not know when the arena removes a
/// value: it keeps what was stored until a later handle of the same index takes its place or
/// [`remove`](Self::remove) or [`retain`](Self::retain) takes it out.
///
/// Use it with the handles of one arena: another's are memory-safe, but may find this one's values, or,
/// being of a later generation, shut them out.
///
/// ```
/// use slab_core::{Arena, SecondaryMap};
///
/// let mut names = Arena::new();
/// let mut scores = SecondaryMap::new();
/// let ada = names.insert("Ada");
/// scores.insert(ada, 10);
/// assert_eq!(scores[ada], 10);
///
/// names.remove(ada);
/// let bob = names.insert("Bob");
/// assert_eq!(bob.index(), ada.index());
/// assert_eq!(scores.get(bob), None, "Ada's score is not Bob's");
/// ```
pub struct SecondaryMap<T, V, P: Provider = Global> {
    pub(super) table: SlotTable<V>,
    pub(super) provider: P,
    pub(super) keys: core::marker::PhantomData<fn() -> T>,
}

#[cfg(feature = "alloc")]
impl<T, V> SecondaryMap<T, V> {
    /// An empty map on the global allocator; holds no memory.
    pub const fn new() -> Self {
        Self::new_in(Global)
    }
}

impl<T, V, P: Provider> SecondaryMap<T, V, P> {
    /// An empty map on `provider`; holds no memory.
    pub const fn new_in(provider: P) -> Self {
        Self {
            table: SlotTable::new(default_shift(size_of::<Slot<V>>()), u32::BITS),
            provider,
            keys: core::marker::PhantomData,
        }
    }

    /// Values in the map. O(1).
    pub fn len(&self) -> usize {
        self.table.live_slots() as usize
    }

    /// Whether the map holds no value. O(1).
    pub fn is_empty(&self) -> bool {
        self.table.live_slots() == 0
    }

    /// Stores `value` for `handle` and gives back what was stored for it before. A value of an earlier
    /// handle of the same index is dropped. O(1), but for the directory up to a new highest index.
    ///
    /// # Panics
    /// If the provider refuses memory, or a later handle of the same index has been used: the value of
    /// `handle` is gone. [`try_insert`](Self::try_insert) gives the value back instead.
    #[track_caller]
    pub fn insert(&mut self, handle: Handle<T>, value: V) -> Option<V> {
        match self.try_insert(handle, value) {
            Ok(before) => before,
            Err(error) => refused(error.kind()),
        }
    }

    /// As [`insert`](Self::insert), without the panic.
    ///
    /// # Errors
    /// [`InsertError`] gives the value back.
    pub fn try_insert(&mut self, handle: Handle<T>, value: V) -> Result<Option<V>, InsertError<V>> {
        // SAFETY: `self.provider` is the only provider this table is ever given, and nothing is handed out.
        let before = unsafe { self.table.store(handle.key(), value, &self.provider)? };
        // A value of an earlier handle is dropped here, when the map is whole again.
        Ok(before
            .filter(|&(generation, _)| generation == handle.generation())
            .map(|(_, value)| value))
    }

    /// The value stored for `handle`. O(1).
    #[inline]
    pub fn get(&self, handle: Handle<T>) -> Option<&V> {
        let live = self.table.live(handle.key())?;
        Some(live.value())
    }

    /// The value stored for `handle`. O(1).
    #[inline]
    pub fn get_mut(&mut self, handle: Handle<T>) -> Option<&mut V> {
        self.live_mut(handle).map(LiveMut::into_value)
    }

    #[inline]
    fn live_mut(&mut self, handle: Handle<T>) -> Option<LiveMut<'_, V>> {
        self.table.live_mut(handle.key())
    }

    /// Whether a value is stored for `handle`. O(1).
    #[inline]
    pub fn contains(&self, handle: Handle<T>) -> bool {
        self.table.live(handle.key()).is_some()
    }

    /// Takes out the value stored for `handle`. O(1).
    pub fn remove(&mut self, handle: Handle<T>) -> Option<V> {
        self.live_mut(handle).map(LiveMut::withdraw)
    }

    /// Keeps the values for which `keep` is true and drops the others, in index order. With
    /// `|handle, _| arena.contains(handle)` it drops what belongs to removed values. A panic in `keep`
    /// or in a `Drop` leaves the map whole.
    pub fn retain(&mut self, mut keep: impl FnMut(Handle<T>, &mut V) -> bool) {
        let mut cursor = Cursor::new();
        // SAFETY: it is one table, and nothing here releases a slab.
        while let Some(mut live) = unsafe { cursor.next_mut(&mut self.table) } {
            let handle = Handle::new(live.key());
            if !keep(handle, live.value_mut()) {
                drop(live.withdraw());
            }
        }
    }

    /// Drops every value. Keeps the slabs.
    pub fn clear(&mut self) {
        if !self.is_empty() {
            self.retain(|_, _| false);
        }
    }

    /// Gives the slabs that hold no value back to the provider, all but `keep` of them; says how many. What is
    /// stored stays. O(slabs + slots released).
    ///
    /// A slab that comes back has forgotten which handles were used with it, so that one whose value is gone from
    /// the arena may be stored under again.
    ///
    /// ```
    /// let mut arena = slab_core::Arena::new();
    /// let mut map = slab_core::SecondaryMap::new();
    /// let handles: Vec<_> = (0..10_000).map(|n| arena.insert(n)).collect();
    /// for &handle in &handles {
    ///     map.insert(handle, arena[handle] * 2);
    /// }
    /// map.retain(|_, &mut value| value < 10);
    /// assert!(map.release_empty(0) >= 1);
    /// assert_eq!(map[handles[4]], 8);
    /// ```
    pub fn release_empty(&mut self, keep: usize) -> usize {
        // SAFETY: `self.provider` is the only provider this table is ever given, and nothing is handed out.
        unsafe { self.table.release_empty_by_index(&self.provider, keep) }
    }

    /// Values with their handles, in index order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Handle<T>, &V)> + Clone {
        super::Iter::new(&self.table).map(|(handle, value)| (cast(handle), value))
    }

    /// Values, exclusively, with their handles, in index order.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (Handle<T>, &mut V)> {
        super::IterMut::new(&mut self.table).map(|(handle, value)| (cast(handle), value))
    }
}

/// The same handle, seen as naming the arena's value.
#[inline]
fn cast<T, V>(handle: Handle<V>) -> Handle<T> {
    Handle::new(handle.key())
}

/// The map cannot tell why: it knows the handles that were used with it, not those of the arena.
#[cold]
#[track_caller]
fn nothing_stored() -> ! {
    panic!("no value is stored for the handle: insert one first")
}

impl<T, V, P: Provider> Index<Handle<T>> for SecondaryMap<T, V, P> {
    type Output = V;

    /// # Panics
    /// If no value is stored for the handle; [`get`](Self::get) gives `None` instead.
    fn index(&self, handle: Handle<T>) -> &V {
        match self.get(handle) {
            Some(value) => value,
            None => nothing_stored(),
        }
    }
}

impl<T, V, P: Provider> IndexMut<Handle<T>> for SecondaryMap<T, V, P> {
    /// # Panics
    /// If no value is stored for the handle; [`get_mut`](Self::get_mut) gives `None` instead.
    fn index_mut(&mut self, handle: Handle<T>) -> &mut V {
        match self.get_mut(handle) {
            Some(value) => value,
            None => nothing_stored(),
        }
    }
}

impl<T, V, P: Provider + Default> Default for SecondaryMap<T, V, P> {
    fn default() -> Self {
        Self::new_in(P::default())
    }
}

impl<T, V: fmt::Debug, P: Provider> fmt::Debug for SecondaryMap<T, V, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<T, V, P: Provider> Drop for SecondaryMap<T, V, P> {
    fn drop(&mut self) {
        /// Drops what is left and frees the memory, also when a `Drop` panics.
        struct Rest<'a, T, V, P: Provider>(&'a mut SecondaryMap<T, V, P>);

        impl<T, V, P: Provider> Drop for Rest<'_, T, V, P> {
            fn drop(&mut self) {
                if mem::needs_drop::<V>() {
                    self.0.clear();
                }
                // SAFETY: the provider is the table's, and the map ends here.
                unsafe { self.0.table.destroy(&self.0.provider) };
            }
        }

        let rest = Rest(self);
        if mem::needs_drop::<V>() {
            rest.0.clear();
        }
    }
}
