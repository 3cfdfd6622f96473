//! `ByteHandle`: eight bytes that name one byte string of one slab.

use core::fmt;

use super::classes::CLASSES_MAX;
use crate::table::{Generation, Key};

/// Bits of a handle's index that number the slot; the five above number the class.
pub(super) const SLOT_BITS: u32 = 27;

/// The class number of strings that are larger than every class.
pub(super) const LARGE: u32 = CLASSES_MAX as u32;

const _: () = assert!(LARGE == (1 << (32 - SLOT_BITS)) - 1);

/// Names a byte string in a [`ByteSlab`](crate::ByteSlab): generation, size class and slot. It says
/// nothing of the length: that the slab keeps.
///
/// Eight bytes, as is `Option<ByteHandle>`. Once its string was freed a handle is refused for ever.
/// Given to another slab it is memory-safe, but may name a string there.
///
/// ```
/// use slab_core::{ByteHandle, ByteSlab};
///
/// let mut slab = ByteSlab::new();
/// let handle = slab.alloc(b"a string")?;
/// assert_eq!(ByteHandle::from_bits(handle.to_bits()), Some(handle));
/// assert_eq!(size_of::<Option<ByteHandle>>(), 8);
/// # Ok::<(), slab_core::InsertErrorKind>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct ByteHandle {
    /// `class << SLOT_BITS | slot`.
    index: u32,
    generation: Generation,
}

const _: () = assert!(size_of::<ByteHandle>() == 8);
const _: () = assert!(size_of::<Option<ByteHandle>>() == 8);

impl ByteHandle {
    /// The handle of what `key` names in the table of `class`.
    #[inline]
    pub(super) fn new(class: u32, key: Key) -> Self {
        debug_assert!(key.index >> SLOT_BITS == 0 && class <= LARGE);
        Self {
            index: class << SLOT_BITS | key.index,
            generation: key.generation,
        }
    }

    #[inline]
    pub(super) fn class(self) -> u32 {
        self.index >> SLOT_BITS
    }

    #[inline]
    pub(super) fn key(self) -> Key {
        Key {
            index: self.index & ((1 << SLOT_BITS) - 1),
            generation: self.generation,
        }
    }

    /// The handle as an integer that is never 0.
    #[inline]
    pub const fn to_bits(self) -> u64 {
        (self.generation.get() as u64) << 32 | self.index as u64
    }

    /// The handle of which [`to_bits`](Self::to_bits) gave `bits`; `None` where no handle has these
    /// bits. Any bits are memory-safe: a slab checks what it is given.
    #[inline]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        match Generation::new((bits >> 32) as u32) {
            Some(generation) => Some(Self {
                index: bits as u32,
                generation,
            }),
            None => None,
        }
    }
}

impl fmt::Debug for ByteHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ByteHandle({}:{}v{})",
            self.class(),
            self.key().index,
            self.generation.get()
        )
    }
}
