//! `Arena`: typed values behind generational handles.

use core::fmt;
use core::mem;
use core::ops::{Index, IndexMut};
use core::ptr::NonNull;

use crate::error::{HandleError, InsertError, InsertErrorKind};
use crate::handle::Handle;
use crate::provider::{Global, Provider};
use crate::table::{Cursor, LiveMut, SHIFT_MAX, Slot, SlotTable};

mod copy;
mod entry;
mod iter;
mod reserve;
mod secondary;
mod stats;

pub use entry::VacantEntry;
pub use iter::{Drain, IntoIter, Iter, IterMut};
pub use secondary::SecondaryMap;
pub use stats::ArenaStats;

/// Bytes that a slab of the default shape stays within, where a single slot does.
const SLAB_BYTES: u32 = 64 * 1024;

/// log2 of the slots in a slab of the default shape: 4096 slots, or what fits into `SLAB_BYTES`.
pub(crate) const fn default_shift(slot_bytes: usize) -> u32 {
    let mut shift = SHIFT_MAX;
    while shift > 0 && slot_bytes as u64 > (SLAB_BYTES >> shift) as u64 {
        shift -= 1;
    }
    shift
}

/// log2 of the least power of two that is at least `slots`, at most `SHIFT_MAX`.
pub(crate) const fn shift_for(slots: u32) -> u32 {
    let mut shift = 0;
    while shift < SHIFT_MAX && 1 << shift < slots {
        shift += 1;
    }
    shift
}

/// Values of one type, each behind a [`Handle`] that never names another value.
///
/// Insert, access and remove are O(1) in the worst case but for growth. Values lie in slabs of equal
/// size; growth adds a slab and moves no value, so a value's address holds until it is removed, and no
/// insert pays for copying the others. Growth costs the provider's call and at most a write to each slot
/// of the slab; where the number of slabs has doubled it also copies the directory, 32 bytes a slab.
///
/// An arena that was never used holds no memory. A slab has 4096 slots, or what fits into 64 KiB, unless
/// [`with_slots_per_slab`](Self::with_slots_per_slab) says otherwise.
///
/// The slots freed last are used first (their memory is warm), then the lowest of the slab used last. A
/// slot whose 2^30 generations are used up is retired, so that no handle ever comes twice.
///
/// After Bonwick, "The Slab Allocator" (USENIX 1994), for slabs, and West, "Using Rust for game
/// development" (RustConf 2018), for generations.
///
/// ```
/// use slab_core::{Arena, Handle};
///
/// struct Node {
///     name: &'static str,
///     next: Option<Handle<Node>>,
/// }
///
/// let mut nodes = Arena::new();
/// let tail = nodes.insert(Node { name: "tail", next: None });
/// let head = nodes.insert(Node { name: "head", next: Some(tail) });
/// assert_eq!(nodes[nodes[head].next.unwrap()].name, "tail");
///
/// nodes.remove(tail);
/// assert!(nodes.get(tail).is_none(), "refused, now and for ever");
/// ```
///
/// A value that is borrowed cannot be removed:
///
/// ```compile_fail,E0502
/// let mut arena = slab_core::Arena::new();
/// let handle = arena.insert(String::from("borrowed"));
/// let value = &arena[handle];
/// arena.remove(handle);
/// println!("{value}");
/// ```
///
/// An arena goes to another thread only with values that may:
///
/// ```compile_fail,E0277
/// let arena = slab_core::Arena::<std::rc::Rc<u8>>::new();
/// std::thread::spawn(move || drop(arena));
/// ```
pub struct Arena<T, P: Provider = Global> {
    table: SlotTable<T>,
    provider: P,
}

#[cfg(feature = "alloc")]
impl<T> Arena<T> {
    /// An empty arena on the global allocator; holds no memory.
    pub const fn new() -> Self {
        Self::new_in(Global)
    }

    /// As [`new`](Self::new), with `slots` slots a slab, rounded up to a power of two within 1 to 4096.
    pub const fn with_slots_per_slab(slots: u32) -> Self {
        Self::with_slots_per_slab_in(slots, Global)
    }
}

impl<T, P: Provider> Arena<T, P> {
    /// An empty arena on `provider`; holds no memory.
    pub const fn new_in(provider: P) -> Self {
        Self::shaped(default_shift(size_of::<Slot<T>>()), provider)
    }

    /// As [`new_in`](Self::new_in), with `slots` slots a slab, rounded up to a power of two within 1
    /// to 4096. Few slots waste less in a small arena; many make a directory of a large one short.
    pub const fn with_slots_per_slab_in(slots: u32, provider: P) -> Self {
        Self::shaped(shift_for(slots), provider)
    }

    const fn shaped(shift: u32, provider: P) -> Self {
        Self {
            table: SlotTable::new(shift, u32::BITS),
            provider,
        }
    }

    /// Values in the arena. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        self.table.live_slots() as usize
    }

    /// Whether the arena holds no value. O(1).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.table.live_slots() == 0
    }

    /// The provider of the arena's memory.
    pub fn provider(&self) -> &P {
        &self.provider
    }

    /// Stores `value` and gives its handle. O(1); adds a slab when every slot is taken.
    ///
    /// # Panics
    /// If the provider refuses memory or no index is left; [`try_insert`](Self::try_insert) gives the
    /// value back instead.
    #[inline]
    #[track_caller]
    pub fn insert(&mut self, value: T) -> Handle<T> {
        // SAFETY: `self.provider` is the only provider this table is ever given, and nothing is stored by
        // index.
        match unsafe { self.table.refill(&self.provider) } {
            Ok(vacant) => Handle::new(vacant.fill(value)),
            Err(kind) => refused(kind),
        }
    }

    /// Stores `value` and gives its handle. O(1); adds a slab when every slot is taken.
    ///
    /// # Errors
    /// [`InsertError`] gives the value back if the provider refuses memory or no index is left.
    #[inline]
    pub fn try_insert(&mut self, value: T) -> Result<Handle<T>, InsertError<T>> {
        // SAFETY: `self.provider` is the only provider this table is ever given, and nothing is stored by
        // index.
        match unsafe { self.table.refill(&self.provider) } {
            Ok(vacant) => Ok(Handle::new(vacant.fill(value))),
            Err(kind) => Err(InsertError::new(value, kind)),
        }
    }

    /// Stores each of `values`. O(1) for each.
    ///
    /// # Errors
    /// [`InsertError`] gives the first value back that the provider refuses memory for, or that no index is
    /// left for; those before it stay. Pass the iterator by reference to keep the rest.
    ///
    /// ```
    /// let mut arena = slab_core::Arena::new();
    /// arena.try_extend([1, 2, 3])?;
    /// assert_eq!(arena.len(), 3);
    /// # Ok::<(), slab_core::InsertError<i32>>(())
    /// ```
    pub fn try_extend(
        &mut self,
        values: impl IntoIterator<Item = T>,
    ) -> Result<(), InsertError<T>> {
        for value in values {
            self.try_insert(value)?;
        }
        Ok(())
    }

    /// Stores what `make` makes of the handle that the value will have. A panic in `make` changes
    /// nothing. O(1).
    ///
    /// # Panics
    /// As [`insert`](Self::insert).
    #[inline]
    #[track_caller]
    pub fn insert_with(&mut self, make: impl FnOnce(Handle<T>) -> T) -> Handle<T> {
        match self.try_insert_with(make) {
            Ok(handle) => handle,
            Err(kind) => refused(kind),
        }
    }

    /// As [`insert_with`](Self::insert_with), without the panic.
    ///
    /// # Errors
    /// [`InsertErrorKind`] if the provider refuses memory or no index is left; `make` was not called.
    #[inline]
    pub fn try_insert_with(
        &mut self,
        make: impl FnOnce(Handle<T>) -> T,
    ) -> Result<Handle<T>, InsertErrorKind> {
        let entry = self.vacant_entry()?;
        let value = make(entry.handle());
        Ok(entry.insert(value))
    }

    /// The slot that the next insert uses, with its handle, before there is a value. Dropping it
    /// changes nothing. O(1).
    ///
    /// # Errors
    /// [`InsertErrorKind`] if the provider refuses memory or no index is left.
    #[inline]
    pub fn vacant_entry(&mut self) -> Result<VacantEntry<'_, T, P>, InsertErrorKind> {
        // SAFETY: `self.provider` is the only provider this table is ever given, and nothing is stored by
        // index.
        let vacant = unsafe { self.table.refill(&self.provider)? };
        Ok(VacantEntry::new(vacant))
    }

    /// The value that `handle` names, if it is still there. O(1).
    #[inline]
    pub fn get(&self, handle: Handle<T>) -> Option<&T> {
        let live = self.table.live(handle.key())?;
        Some(live.value())
    }

    /// The value that `handle` names, if it is still there. O(1).
    #[inline]
    pub fn get_mut(&mut self, handle: Handle<T>) -> Option<&mut T> {
        self.live_mut(handle).map(LiveMut::into_value)
    }

    /// The values that `handles` name, all at once. O(N²) comparisons.
    ///
    /// # Errors
    /// [`HandleError`] of the first handle that names no value, or `Repeated` if two are equal.
    ///
    /// ```
    /// let mut arena = slab_core::Arena::new();
    /// let (a, b) = (arena.insert(1), arena.insert(2));
    /// let [x, y] = arena.get_disjoint_mut([a, b])?;
    /// core::mem::swap(x, y);
    /// assert_eq!((arena[a], arena[b]), (2, 1));
    /// # Ok::<(), slab_core::HandleError>(())
    /// ```
    pub fn get_disjoint_mut<const N: usize>(
        &mut self,
        handles: [Handle<T>; N],
    ) -> Result<[&mut T; N], HandleError> {
        for (at, &handle) in handles.iter().enumerate() {
            self.check(handle)?;
            if handles[..at].contains(&handle) {
                return Err(HandleError::Repeated);
            }
        }
        Ok(handles.map(|handle| {
            // SAFETY: the handle was checked: its slot is live.
            let live = unsafe { self.live_mut(handle).unwrap_unchecked() };
            // SAFETY: `self` is borrowed exclusively for as long as the results are; the handles differ
            // and are all live, so their slots differ; and the value's pointer derives from the slab's
            // base, so one reference does not end another.
            unsafe { NonNull::from(live.into_value()).as_mut() }
        }))
    }

    /// Whether `handle` names a value. O(1).
    #[inline]
    pub fn contains(&self, handle: Handle<T>) -> bool {
        self.table.live(handle.key()).is_some()
    }

    /// Says why `handle` names no value. O(1).
    ///
    /// # Errors
    /// [`HandleError`], if it names none.
    #[inline]
    pub fn check(&self, handle: Handle<T>) -> Result<(), HandleError> {
        if self.contains(handle) {
            return Ok(());
        }
        Err(self.table.diagnose(handle.key()))
    }

    /// Takes the value that `handle` names out. `None` if it names none. O(1).
    #[inline]
    pub fn remove(&mut self, handle: Handle<T>) -> Option<T> {
        self.live_mut(handle).map(LiveMut::take)
    }

    #[inline]
    fn live_mut(&mut self, handle: Handle<T>) -> Option<LiveMut<'_, T>> {
        self.table.live_mut(handle.key())
    }

    /// The handle of the value that has `index` now. O(1).
    ///
    /// For an owner that keeps only the [`index`](Handle::index) of values whose life it knows; an
    /// index alone is not protected against naming a later value.
    #[inline]
    pub fn handle_at(&self, index: u32) -> Option<Handle<T>> {
        let live = self.table.live_at(index)?;
        Some(Handle::new(live.key()))
    }

    /// The value that has `index` now. O(1). See [`handle_at`](Self::handle_at).
    #[inline]
    pub fn get_at(&self, index: u32) -> Option<&T> {
        self.table.live_at(index).map(|live| live.value())
    }

    /// The value that has `index` now. O(1). See [`handle_at`](Self::handle_at).
    #[inline]
    pub fn get_at_mut(&mut self, index: u32) -> Option<&mut T> {
        self.table.live_at_mut(index).map(LiveMut::into_value)
    }

    /// Takes the value that has `index` now out. O(1). See [`handle_at`](Self::handle_at).
    #[inline]
    pub fn remove_at(&mut self, index: u32) -> Option<T> {
        self.table.live_at_mut(index).map(LiveMut::take)
    }

    /// Keeps the values for which `keep` is true and drops the others, in index order. O(slots / 64 +
    /// values). A panic in `keep` or in a `Drop` leaves the arena whole: what was dropped is gone, the
    /// rest is there.
    pub fn retain(&mut self, mut keep: impl FnMut(Handle<T>, &mut T) -> bool) {
        let mut cursor = Cursor::new();
        // SAFETY: it is one table, and nothing here releases a slab.
        while let Some(mut live) = unsafe { cursor.next_mut(&mut self.table) } {
            let handle = Handle::new(live.key());
            if !keep(handle, live.value_mut()) {
                // The slot is free before the value's `Drop` can panic.
                drop(live.take());
            }
        }
    }

    /// Drops every value; every handle is stale then. Keeps the slabs, and the slots of detached
    /// values. O(slots / 64 + values). A panic in a `Drop` leaves the values not yet dropped in place.
    pub fn clear(&mut self) {
        if !self.is_empty() {
            self.retain(|_, _| false);
        }
    }

    /// Values with their handles, in index order.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(&self.table)
    }

    /// Values with their handles, in index order.
    pub fn iter_mut(&mut self) -> IterMut<'_, T> {
        IterMut::new(&mut self.table)
    }

    /// Takes every value out, in index order; what is not taken is dropped with the iterator. Keeps the
    /// slabs, and the slots of detached values.
    pub fn drain(&mut self) -> Drain<'_, T, P> {
        Drain::new(self)
    }
}

#[cold]
#[track_caller]
fn refused(kind: InsertErrorKind) -> ! {
    panic!("{kind}")
}

#[cold]
#[track_caller]
fn no_value(error: HandleError) -> ! {
    panic!("{error}")
}

impl<T, P: Provider> Index<Handle<T>> for Arena<T, P> {
    type Output = T;

    /// # Panics
    /// If the handle names no value; [`get`](Self::get) gives `None` instead.
    #[inline]
    fn index(&self, handle: Handle<T>) -> &T {
        match self.get(handle) {
            Some(value) => value,
            None => no_value(self.table.diagnose(handle.key())),
        }
    }
}

impl<T, P: Provider> IndexMut<Handle<T>> for Arena<T, P> {
    /// # Panics
    /// If the handle names no value; [`get_mut`](Self::get_mut) gives `None` instead.
    #[inline]
    fn index_mut(&mut self, handle: Handle<T>) -> &mut T {
        match self.table.try_live_mut(handle.key()) {
            Ok(live) => live.into_value(),
            Err(error) => no_value(error),
        }
    }
}

impl<T, P: Provider> Extend<T> for Arena<T, P> {
    /// # Panics
    /// As [`insert`](Self::insert); the values inserted before stay. [`try_extend`](Self::try_extend) gives
    /// an error instead.
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        for value in values {
            self.insert(value);
        }
    }
}

impl<T, P: Provider + Default> FromIterator<T> for Arena<T, P> {
    /// # Panics
    /// As [`insert`](Self::insert).
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut arena = Self::default();
        arena.extend(values);
        arena
    }
}

impl<T, P: Provider + Default> Default for Arena<T, P> {
    fn default() -> Self {
        Self::new_in(P::default())
    }
}

impl<T: fmt::Debug, P: Provider> fmt::Debug for Arena<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<T, P: Provider> Drop for Arena<T, P> {
    fn drop(&mut self) {
        /// Drops what is left and frees the memory, also when a `Drop` panics.
        struct Rest<'a, T, P: Provider>(&'a mut Arena<T, P>);

        impl<T, P: Provider> Drop for Rest<'_, T, P> {
            fn drop(&mut self) {
                if mem::needs_drop::<T>() {
                    self.0.clear();
                }
                // SAFETY: the provider is the table's, and the arena ends here.
                unsafe { self.0.table.destroy(&self.0.provider) };
            }
        }

        let rest = Rest(self);
        if mem::needs_drop::<T>() {
            rest.0.clear();
        }
    }
}
