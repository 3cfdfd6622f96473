//! Iterators over an arena: borrowed, exclusive, draining, owning.

use core::fmt;
use core::iter::FusedIterator;
use core::ptr::NonNull;

use super::Arena;
use crate::handle::Handle;
use crate::provider::{Global, Provider};
use crate::table::{Cursor, SlotTable};

/// Values of an arena with their handles, in index order. Cost: O(slots / 64 + values).
///
/// ```
/// let mut arena = slab_core::Arena::new();
/// let handle = arena.insert('x');
/// assert_eq!(arena.iter().next(), Some((handle, &'x')));
/// ```
pub struct Iter<'a, T> {
    cursor: Cursor<T>,
    table: &'a SlotTable<T>,
    left: u32,
}

// SAFETY: the cursor's pointer is used to give out `&T` only, as the table reference would.
unsafe impl<T: Sync> Send for Iter<'_, T> {}
// SAFETY: as above; `&Iter` gives nothing but numbers and clones.
unsafe impl<T: Sync> Sync for Iter<'_, T> {}

impl<'a, T> Iter<'a, T> {
    pub(super) fn new(table: &'a SlotTable<T>) -> Self {
        Self {
            cursor: Cursor::new(),
            table,
            left: table.live_slots(),
        }
    }
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = (Handle<T>, &'a T);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        // SAFETY: it is one table, borrowed for `'a`, so it releases no slab.
        let live = unsafe { self.cursor.next(self.table)? };
        self.left -= 1;
        let handle = Handle::new(live.key());
        Some((handle, live.value()))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}
impl<T> FusedIterator for Iter<'_, T> {}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self {
            cursor: self.cursor.clone(),
            ..*self
        }
    }
}

/// Values of an arena, exclusively, with their handles, in index order. Cost: O(slots / 64 + values).
///
/// ```
/// let mut arena: slab_core::Arena<u32> = (1..=3).collect();
/// for (_, value) in &mut arena {
///     *value *= 10;
/// }
/// assert_eq!(arena.iter().map(|(_, &value)| value).sum::<u32>(), 60);
/// ```
pub struct IterMut<'a, T> {
    cursor: Cursor<T>,
    /// For the cursor alone: references to the values that it has passed are out.
    table: &'a mut SlotTable<T>,
    left: u32,
}

// SAFETY: it gives out each `&mut T` once, as a slice's `IterMut` does.
unsafe impl<T: Send> Send for IterMut<'_, T> {}
// SAFETY: `&IterMut` gives nothing but numbers.
unsafe impl<T: Sync> Sync for IterMut<'_, T> {}

impl<'a, T> IterMut<'a, T> {
    pub(super) fn new(table: &'a mut SlotTable<T>) -> Self {
        Self {
            cursor: Cursor::new(),
            left: table.live_slots(),
            table,
        }
    }
}

impl<'a, T> Iterator for IterMut<'a, T> {
    type Item = (Handle<T>, &'a mut T);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        // SAFETY: it is one table, borrowed for `'a` and used by the cursor alone, so it releases no slab.
        let live = unsafe { self.cursor.next_mut(self.table)? };
        self.left -= 1;
        let handle = Handle::new(live.key());
        // SAFETY: the table is borrowed exclusively for `'a`, the cursor passes a slot once, and it reads
        // generations through raw pointers only: no other reference to this value is made before `'a` ends.
        let value = unsafe { NonNull::from(live.into_value()).as_mut() };
        Some((handle, value))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl<T> ExactSizeIterator for IterMut<'_, T> {}
impl<T> FusedIterator for IterMut<'_, T> {}

/// Takes every value out of an arena, in index order; drops the rest with itself.
///
/// ```
/// let mut arena: slab_core::Arena<u32> = (1..=3).collect();
/// assert_eq!(arena.drain().next().map(|(_, value)| value), Some(1));
/// assert!(arena.is_empty());
/// ```
pub struct Drain<'a, T, P: Provider = Global> {
    cursor: Cursor<T>,
    arena: &'a mut Arena<T, P>,
}

// SAFETY: the cursor's pointer is into the arena, which the exclusive borrow may take along.
unsafe impl<T: Send, P: Provider + Send> Send for Drain<'_, T, P> {}
// SAFETY: `&Drain` gives nothing but a number.
unsafe impl<T: Sync, P: Provider + Sync> Sync for Drain<'_, T, P> {}

impl<'a, T, P: Provider> Drain<'a, T, P> {
    pub(super) fn new(arena: &'a mut Arena<T, P>) -> Self {
        Self {
            cursor: Cursor::new(),
            arena,
        }
    }
}

impl<T, P: Provider> Iterator for Drain<'_, T, P> {
    type Item = (Handle<T>, T);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        // SAFETY: it is one table, which nobody else has, so it releases no slab.
        unsafe { take_next(&mut self.cursor, &mut self.arena.table) }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.arena.len(), Some(self.arena.len()))
    }
}

impl<T, P: Provider> ExactSizeIterator for Drain<'_, T, P> {}
impl<T, P: Provider> FusedIterator for Drain<'_, T, P> {}

impl<T, P: Provider> Drop for Drain<'_, T, P> {
    fn drop(&mut self) {
        self.arena.clear();
    }
}

/// The values of an arena that was given up, in index order.
///
/// ```
/// let arena: slab_core::Arena<u32> = (1..=3).collect();
/// assert_eq!(arena.into_iter().map(|(_, value)| value).collect::<Vec<_>>(), [1, 2, 3]);
/// ```
pub struct IntoIter<T, P: Provider = Global> {
    cursor: Cursor<T>,
    arena: Arena<T, P>,
}

// SAFETY: the cursor's pointer is into the arena's slabs, which do not move with it and are its own.
unsafe impl<T: Send, P: Provider + Send> Send for IntoIter<T, P> {}
// SAFETY: `&IntoIter` gives nothing but a number.
unsafe impl<T: Sync, P: Provider + Sync> Sync for IntoIter<T, P> {}

impl<T, P: Provider> Iterator for IntoIter<T, P> {
    type Item = (Handle<T>, T);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        // SAFETY: it is one table, which nobody else has, so it releases no slab.
        unsafe { take_next(&mut self.cursor, &mut self.arena.table) }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.arena.len(), Some(self.arena.len()))
    }
}

impl<T, P: Provider> ExactSizeIterator for IntoIter<T, P> {}
impl<T, P: Provider> FusedIterator for IntoIter<T, P> {}

/// Takes the cursor's next value out of its table.
///
/// # Safety
/// 1. `table` is the one of every earlier call. 2. It has released no slab since the first.
#[inline]
unsafe fn take_next<T>(cursor: &mut Cursor<T>, table: &mut SlotTable<T>) -> Option<(Handle<T>, T)> {
    // SAFETY: the clauses are passed on.
    let live = unsafe { cursor.next_mut(table)? };
    let handle = Handle::new(live.key());
    Some((handle, live.take()))
}

impl<T, P: Provider> IntoIterator for Arena<T, P> {
    type Item = (Handle<T>, T);
    type IntoIter = IntoIter<T, P>;

    fn into_iter(self) -> IntoIter<T, P> {
        IntoIter {
            cursor: Cursor::new(),
            arena: self,
        }
    }
}

impl<'a, T, P: Provider> IntoIterator for &'a Arena<T, P> {
    type Item = (Handle<T>, &'a T);
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<'a, T, P: Provider> IntoIterator for &'a mut Arena<T, P> {
    type Item = (Handle<T>, &'a mut T);
    type IntoIter = IterMut<'a, T>;

    fn into_iter(self) -> IterMut<'a, T> {
        self.iter_mut()
    }
}

macro_rules! debug_len {
    ($($name:ident<$($life:lifetime,)? T $(, $p:ident)?>),*) => {$(
        impl<T $(, $p: Provider)?> fmt::Debug for $name<$($life,)? T $(, $p)?> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("left", &self.len()).finish_non_exhaustive()
            }
        }
    )*};
}

debug_len!(Iter<'_, T>, IterMut<'_, T>, Drain<'_, T, P>, IntoIter<T, P>);
