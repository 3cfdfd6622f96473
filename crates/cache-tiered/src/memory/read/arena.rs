//! The arena: what readers see of it, and how it ends.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64 as StdAtomicU64, Ordering as StdOrdering};

use super::entries::{Entries, Entry, Holds};
use super::folded::Folded;
use super::limbo::{BATCH, Limbo};
use super::pin::Pin;
#[cfg(test)]
use super::pin::{Work, pinned_for};
use super::sync::atomic::{AtomicPtr, Ordering};
use super::table::Table;
use super::writer::{SLOTS_MAX, Writer};

/// Values for which a new arena has an index at most: one that fills slowly, or never, takes no more than half a MiB.
const INDEX_FIRST_MAX: usize = 1 << 16;
/// Values for which the first chunk of entries is made at most.
const CHUNK_FIRST_MAX: usize = 1 << 20;

/// Values of one type behind `u32` slots, found by the hashes of their keys: by any number of threads at once
/// without a lock, while one at a time writes.
///
/// A value never moves and never changes; an update is a new value in a slot of its own. Hits write nothing but
/// a byte beside the value, and that seldom.
///
/// What hits read of it lies in its first 32 bytes, in this order, and what each change writes in the 48 after
/// [`WRITTEN`](Arena::WRITTEN): whoever has it beside other fields sees to it that each is on one cache line.
#[repr(C)]
pub(crate) struct Arena<T> {
    /// The index, never null; from a `Box`. Stored by the writer with Release, once it is filled.
    pub(super) table: AtomicPtr<Table>,
    /// That of the only token for which this arena has a writer.
    id: u64,
    /// Its last chunks are there for far more slots than there are: so readers do not read the line of the state.
    pub(super) entries: Entries<T>,
    /// The token's owner's.
    state: UnsafeCell<State>,
    /// Values are dropped here. Also: no `Send` or `Sync` but those below.
    owns: PhantomData<*mut T>,
}

/// What only the writer uses; what it uses all the time comes first.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct State {
    /// Slots below this were prepared.
    pub(super) prepared: u32,
    /// The slot that was vacated last, 1 higher, or 0: the head of a chain.
    pub(super) vacant: u32,
    /// Values in the index.
    pub(super) live: usize,
    pub(super) limbo: Limbo,
    /// Values that the owner expects at most.
    pub(super) expected: usize,
    /// The buckets that the slots in the index have passed, each slot's added up.
    pub(super) passed: u64,
    /// How often a count was stuck when a slot that had passed left.
    pub(super) untold: u64,
}

// SAFETY: an arena owns its values, which go where it goes. Pointers to tables and chunks are its own, and what
// they lead to beside the values is plain or atomic numbers.
unsafe impl<T: Send + Sync> Send for Arena<T> {}

// SAFETY: by a shared arena any thread reads values, so they are Sync, and one that has the token puts them in and
// takes them out, so they are Send. The state is used by whoever has the token exclusively; all else that more
// than one thread uses at a time is atomic.
unsafe impl<T: Send + Sync> Sync for Arena<T> {}

/// The right to write to one arena: kept under the lock of its owner.
#[derive(Debug)]
pub(crate) struct WriteToken {
    /// No other token has the same.
    id: u64,
}

/// A value that was found, and the slot that it is in.
pub(crate) struct Found<'p, T> {
    value: &'p T,
    entry: &'p Entry<T>,
    slot: u32,
}

impl<T> Arena<T> {
    /// Where the bytes begin that each change writes.
    pub(crate) const WRITTEN: usize = std::mem::offset_of!(Self, state);

    /// An empty arena, and what is needed to write to it. It has an index for so many values at once, if they are not
    /// too many; memory for them, and two batches of retired ones, in one piece when the first comes; then it grows.
    pub(crate) fn new(expected: usize) -> (Self, WriteToken) {
        /// Relaxed: numbers that differ, and guard nothing.
        static NEXT: StdAtomicU64 = StdAtomicU64::new(0);
        let id = NEXT.fetch_add(1, StdOrdering::Relaxed);
        // There are no numbers for more.
        let expected = expected.min(SLOTS_MAX as usize);
        let table = Table::with_room(expected.min(INDEX_FIRST_MAX));
        let arena = Self {
            table: AtomicPtr::new(Box::into_raw(Box::new(table))),
            entries: Entries::new(expected.min(CHUNK_FIRST_MAX) + 2 * BATCH),
            id,
            state: UnsafeCell::new(State {
                expected,
                ..State::default()
            }),
            owns: PhantomData,
        };
        (arena, WriteToken { id })
    }

    /// The value with this hash that `is_wanted`, for as long as the thread is pinned. O(1) expected.
    ///
    /// One that is there all the time is found; what is found was there at some moment during the call.
    /// `is_wanted` is asked of few others.
    #[inline(always)]
    pub(crate) fn find<'p>(
        &'p self,
        _pin: &'p Pin,
        hash: u64,
        is_wanted: impl Fn(&T) -> bool,
    ) -> Option<Found<'p, T>> {
        // SAFETY: the table is there while the pin lasts: whoever replaces it waits with freeing it for those who
        // are pinned. Acquire: pairs with the Release of its publication.
        let table = unsafe { &*self.table.load(Ordering::Acquire) };
        table.find_map(Folded::new(hash), |slot| {
            // SAFETY: slots in the index were prepared before, which its Acquire load of the slot says.
            let entry = unsafe { self.entries.entry(slot) };
            // SAFETY: 1. it was written before its slot came into the index. 2. It is taken out, and the place used
            // again, only after a grace period that begins after it has left the index: the pin is older than its
            // end.
            let value: &'p T = unsafe { entry.value() };
            is_wanted(value).then_some(Found { value, entry, slot })
        })
    }

    /// What `read` gives for the value with this hash that `is_wanted`, after counting a hit. O(1) expected.
    /// Both run pinned: what they call may use the arena, and should be short.
    #[cfg(test)]
    #[inline(always)]
    pub(crate) fn read<R>(
        &self,
        hash: u64,
        is_wanted: impl Fn(&T) -> bool,
        read: impl FnOnce(&T) -> R,
    ) -> Option<R> {
        struct Reading<'a, T, W, R> {
            arena: &'a Arena<T>,
            hash: u64,
            is_wanted: W,
            read: R,
        }
        impl<T, W: Fn(&T) -> bool, O, R: FnOnce(&T) -> O> Work for Reading<'_, T, W, R> {
            type Output = Option<O>;

            #[inline(always)]
            fn run(self, pin: &Pin) -> Option<O> {
                let found = self.arena.find(pin, self.hash, self.is_wanted)?;
                found.touch();
                Some((self.read)(&found))
            }
        }
        pinned_for(Reading {
            arena: self,
            hash,
            is_wanted,
            read,
        })
    }

    /// Everything that changes the arena.
    ///
    /// # Panics
    /// If the token came with another arena.
    #[inline]
    pub(crate) fn writer<'a>(&'a self, token: &'a mut WriteToken) -> Writer<'a, T> {
        assert_eq!(
            token.id, self.id,
            "this token came with another arena: use its own"
        );
        // SAFETY: there is one token of this number, it cannot be cloned, and the caller has it exclusively for 'a.
        // Nobody else touches the state, but `drop`, which has the arena exclusively.
        let state = unsafe { &mut *self.state.get() };
        Writer::new(self, state)
    }
}

impl<T> Drop for Arena<T> {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        // Relaxed: nobody else is there any more.
        let table = NonNull::new(self.table.load(Ordering::Relaxed)).expect("never null");
        // SAFETY: 1. all tables come from boxes. 2. Nobody will read there.
        unsafe { state.limbo.push_table(table) };
        Values {
            entries: &self.entries,
            slots: 0..state.prepared,
        }
        .drop_all();
    }
}

/// The values that an arena leaves.
struct Values<'a, T> {
    entries: &'a Entries<T>,
    slots: std::ops::Range<u32>,
}

impl<T> Values<'_, T> {
    fn drop_all(&mut self) {
        for slot in self.slots.by_ref() {
            // SAFETY: slots below `prepared` were.
            let entry = unsafe { self.entries.entry(slot) };
            if entry.holds.replace(Holds::Nothing) != Holds::Nothing {
                // SAFETY: there was a value, live or retired, which nobody drops again, and nobody reads.
                entry
                    .value
                    .with_mut(|value| unsafe { (*value).assume_init_drop() });
            }
        }
    }
}

impl<T> Drop for Values<'_, T> {
    /// The rest, where dropping one of them has panicked.
    fn drop(&mut self) {
        self.drop_all();
    }
}

impl<T> fmt::Debug for Arena<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl<'p, T> Found<'p, T> {
    /// Counts a hit, up to 3 of them.
    #[inline(always)]
    pub(crate) fn touch(&self) {
        self.entry.touch();
    }

    /// Where it was. The slot is of use under the writer's lock only, where another value may be there.
    #[inline(always)]
    pub(crate) fn slot(&self) -> u32 {
        self.slot
    }

    /// The value, for as long as the thread is pinned.
    #[cfg(test)]
    #[inline(always)]
    pub(crate) fn into_value(self) -> &'p T {
        self.value
    }
}

impl<T> Deref for Found<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        self.value
    }
}
