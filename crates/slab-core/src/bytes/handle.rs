//! `ByteHandle` and `CompactHandle`: eight or four bytes that name one byte string of one slab.

use core::fmt;
use core::num::NonZeroU32;

use crate::table::Generation;

/// Bits of an index beside the one that tells large strings: class and slot share them.
pub(super) const INDEX_BITS: u32 = 31;

/// Where a string is kept, in 32 bits:
///
/// ```text
///   0 | class | slot        `slot_bits` of the slab's `Classes` say where the class ends
///   1 | number of a large string
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub(super) struct Index(u32);

impl Index {
    const LARGE: u32 = 1 << INDEX_BITS;

    /// Of a string that is not large: what its class calls its index.
    #[inline]
    pub(super) fn small(index: u32) -> Self {
        debug_assert!(index < Self::LARGE);
        Self(index)
    }

    #[inline]
    pub(super) fn large(number: u32) -> Self {
        debug_assert!(number < Self::LARGE);
        Self(Self::LARGE | number)
    }

    /// The number of a large string.
    #[inline]
    pub(super) fn as_large(self) -> Option<u32> {
        (self.0 & Self::LARGE != 0).then_some(self.0 & !Self::LARGE)
    }

    /// Of a string that is not large: its class, and the index as the class counts it.
    #[inline]
    pub(super) fn in_class(self, slot_bits: u32) -> (usize, u32) {
        ((self.0 >> slot_bits) as usize, self.0)
    }
}

/// Which string is meant: what a handle says.
#[derive(Clone, Copy)]
pub struct Name {
    pub(super) index: Index,
    /// The generation that the string must be of, if the handle knows.
    pub(super) generation: Option<Generation>,
}

mod sealed {
    use super::{ByteHandle, Name};

    pub trait Key: Copy {
        fn name(self) -> Name;
        fn of(handle: ByteHandle) -> Self;
    }
}

pub(super) use sealed::Key;

/// What a [`ByteSlab`](crate::ByteSlab) takes to name a string: a [`ByteHandle`] or a [`CompactHandle`].
///
/// ```
/// use slab_core::{ByteKey, ByteSlab};
///
/// fn first(slab: &ByteSlab, handle: impl ByteKey) -> Option<u8> {
///     slab.get(handle)?.first().copied()
/// }
///
/// let mut slab = ByteSlab::new();
/// let handle = slab.alloc(b"a string")?;
/// assert_eq!(first(&slab, handle), Some(b'a'));
/// assert_eq!(first(&slab, handle.compact()), Some(b'a'));
/// # Ok::<(), slab_core::InsertErrorKind>(())
/// ```
pub trait ByteKey: Key {}

impl ByteKey for ByteHandle {}
impl ByteKey for CompactHandle {}

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
    index: Index,
    generation: Generation,
}

const _: () = assert!(size_of::<ByteHandle>() == 8);
const _: () = assert!(size_of::<Option<ByteHandle>>() == 8);

impl ByteHandle {
    #[inline]
    pub(super) fn new(index: Index, generation: Generation) -> Self {
        Self { index, generation }
    }

    /// The handle as an integer that is never 0: the generation in the high half, the bits of
    /// [`compact`](Self::compact) in the low one.
    #[inline]
    pub const fn to_bits(self) -> u64 {
        (self.generation.get() as u64) << 32 | self.index.0 as u64
    }

    /// The handle of which [`to_bits`](Self::to_bits) gave `bits`; `None` where no handle has these
    /// bits. Any bits are memory-safe: a slab checks what it is given.
    #[inline]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        match Generation::new((bits >> 32) as u32) {
            Some(generation) => Some(Self {
                index: Index(bits as u32),
                generation,
            }),
            None => None,
        }
    }

    /// The same without the generation. [`ByteSlab::handle`](crate::ByteSlab::handle) is the way back.
    #[inline]
    pub const fn compact(self) -> CompactHandle {
        // No handle of a slab has an index of all ones; one that was made up becomes another that names
        // nothing.
        match NonZeroU32::new(!self.index.0) {
            Some(inverted) => CompactHandle { inverted },
            None => CompactHandle {
                inverted: NonZeroU32::MIN,
            },
        }
    }
}

impl Key for ByteHandle {
    #[inline]
    fn name(self) -> Name {
        Name {
            index: self.index,
            generation: Some(self.generation),
        }
    }

    #[inline]
    fn of(handle: Self) -> Self {
        handle
    }
}

impl fmt::Debug for ByteHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, generation } = self;
        write!(f, "ByteHandle({:#x}v{})", index.0, generation.get())
    }
}

/// Names the string that is in a slot of a [`ByteSlab`](crate::ByteSlab) now, in four bytes, for those
/// who store millions of handles.
///
/// It has no generation, so a slab refuses it only while the slot is vacant: once its string was freed
/// and the slot given out again, it names the slot's next string. Whoever uses it must know which strings
/// are there, as with a pointer; unlike with a pointer a mistake shows another string and harms nothing.
///
/// One bit says whether the string is large; 31 number the class and the slot in it as
/// [`Classes::slot_bits`](crate::Classes::slot_bits) splits them: 5 and 26 with more than 16 classes, 3 and
/// 28 with 5 to 8. A class that has used its slots up is an [`InsertErrorKind`](crate::InsertErrorKind).
/// `Option<CompactHandle>` is four bytes too.
///
/// ```
/// use slab_core::{ByteSlab, CompactHandle};
///
/// let mut slab = ByteSlab::new();
/// let full = slab.alloc(b"a string")?;
/// let compact: CompactHandle = full.compact();
/// assert_eq!(size_of::<Option<CompactHandle>>(), 4);
/// assert_eq!(CompactHandle::from_bits(compact.to_bits()), Some(compact));
///
/// let compact = slab.resize(compact, 1000)?;
/// assert_eq!(slab.get(compact).map(<[u8]>::len), Some(1000));
/// assert_eq!(slab.get(full), None, "the string has moved");
/// let full = slab.handle(compact).unwrap();
/// assert!(slab.free(compact));
/// assert!(!slab.free(compact) && !slab.free(full));
/// # Ok::<(), slab_core::InsertErrorKind>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct CompactHandle {
    /// The index, each bit inverted.
    inverted: NonZeroU32,
}

const _: () = assert!(size_of::<Option<CompactHandle>>() == 4);

impl CompactHandle {
    /// The handle as an integer that is never `u32::MAX`.
    #[inline]
    pub const fn to_bits(self) -> u32 {
        !self.inverted.get()
    }

    /// The handle of which [`to_bits`](Self::to_bits) gave `bits`; `None` for `u32::MAX`. Any bits are
    /// memory-safe: a slab checks what it is given.
    #[inline]
    pub const fn from_bits(bits: u32) -> Option<Self> {
        match NonZeroU32::new(!bits) {
            Some(inverted) => Some(Self { inverted }),
            None => None,
        }
    }
}

impl Key for CompactHandle {
    #[inline]
    fn name(self) -> Name {
        Name {
            index: Index(self.to_bits()),
            generation: None,
        }
    }

    #[inline]
    fn of(handle: ByteHandle) -> Self {
        handle.compact()
    }
}

impl From<ByteHandle> for CompactHandle {
    #[inline]
    fn from(handle: ByteHandle) -> Self {
        handle.compact()
    }
}

impl PartialOrd for CompactHandle {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CompactHandle {
    /// In the order of the bits.
    #[inline]
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.to_bits().cmp(&other.to_bits())
    }
}

impl fmt::Debug for CompactHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CompactHandle({:#x})", self.to_bits())
    }
}
