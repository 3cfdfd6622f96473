//! `Handle`: eight bytes that name one value of one arena, and never another.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;

use crate::table::{Generation, Key};

/// Names a value in an [`Arena<T>`](crate::Arena): a 32-bit generation and a 32-bit index.
///
/// Eight bytes, and `Option<Handle<T>>` is eight bytes too. `Copy`, `Send` and `Sync` whatever `T`
/// is: a handle holds no `T`. Once its value was removed a handle is refused for ever, also after
/// the slot, or the whole slab, has been used again.
///
/// A handle knows its value's type but not its arena. Given to another arena of the same type it
/// is memory-safe, but may name a value there.
///
/// ```
/// use slab_core::{Arena, Handle};
///
/// let mut arena = Arena::new();
/// let handle: Handle<&str> = arena.insert("first");
/// arena.remove(handle);
/// let next = arena.insert("second");
/// assert_eq!(next.index(), handle.index(), "the slot is used again");
/// assert_eq!(arena.get(handle), None, "the old handle is not");
///
/// assert_eq!(Handle::from_bits(next.to_bits()), Some(next));
/// assert_eq!(size_of::<Option<Handle<&str>>>(), 8);
/// ```
#[repr(C)]
pub struct Handle<T> {
    generation: Generation,
    /// `slab << shift | slot`: dense over the slots that an arena has had.
    index: u32,
    value: PhantomData<fn() -> T>,
}

const _: () = assert!(size_of::<Handle<[u64; 9]>>() == 8);
const _: () = assert!(size_of::<Option<Handle<[u64; 9]>>>() == 8);

impl<T> Handle<T> {
    #[inline]
    pub(crate) const fn new(key: Key) -> Self {
        Self {
            generation: key.generation,
            index: key.index,
            value: PhantomData,
        }
    }

    #[inline]
    pub(crate) const fn key(self) -> Key {
        Key {
            index: self.index,
            generation: self.generation,
        }
    }

    /// The index of the slot: below the number of different slots that the arena has had, so that a
    /// plain array can run in parallel to it. Another value may have the same index later.
    #[inline]
    pub const fn index(self) -> u32 {
        self.index
    }

    /// The generation of the slot that this handle names; odd.
    #[inline]
    pub const fn generation(self) -> u32 {
        self.generation.get()
    }

    /// The handle as an integer that is never 0: generation in the high half, index in the low.
    #[inline]
    pub const fn to_bits(self) -> u64 {
        (self.generation.get() as u64) << 32 | self.index as u64
    }

    /// The handle of which [`to_bits`](Self::to_bits) gave `bits`; `None` where no handle has these
    /// bits. Any bits are memory-safe: an arena checks what it is given.
    #[inline]
    pub fn from_bits(bits: u64) -> Option<Self> {
        let index = bits as u32;
        Generation::new((bits >> 32) as u32).map(|generation| Self::new(Key { index, generation }))
    }
}

impl<T> Copy for Handle<T> {}

impl<T> Clone for Handle<T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> PartialEq for Handle<T> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.to_bits() == other.to_bits()
    }
}

impl<T> Eq for Handle<T> {}

impl<T> PartialOrd for Handle<T> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Handle<T> {
    /// By index, then by generation: the order of the slots.
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        (self.index, self.generation).cmp(&(other.index, other.generation))
    }
}

impl<T> Hash for Handle<T> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_bits().hash(state);
    }
}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({}v{})", self.index, self.generation())
    }
}
