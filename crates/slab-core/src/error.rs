//! What can go wrong: memory refused, handles that name nothing, index space used up.

use core::fmt;

/// Why a [`Provider`](crate::Provider) gave no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ProvideError {
    /// The provider has no free block of the size and alignment asked for.
    #[error("the provider has no free block of this size: free something or give it more memory")]
    Exhausted,
    /// The size asked for is larger than an address space can hold.
    #[error("the block is larger than the address space: ask for fewer or smaller slots a slab")]
    TooLarge,
}

/// Why a handle names no value, or cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum HandleError {
    /// The value was removed; the slot has moved on to a later generation.
    #[error("the handle is stale: its value was removed")]
    Stale,
    /// The slot holds no value under this handle and did not give it up either: the value is
    /// detached, or the handle comes from another arena.
    #[error("the slot is vacant: its value is detached, or the handle is another arena's")]
    Vacant,
    /// The arena never had a slot of this index: the handle comes from another arena.
    #[error("the handle is out of range: it comes from another arena")]
    OutOfRange,
    /// The handle has a value already, where it must be detached.
    #[error("the handle has a value already: detach or remove that first")]
    Occupied,
    /// The same handle was given twice where each must name another value.
    #[error("the same handle was given twice: ask for each value once")]
    Repeated,
}

/// Why a value was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InsertErrorKind {
    /// The provider refused the memory of another slab or of a larger directory.
    #[error("no memory for another slab: {0}")]
    Memory(#[from] ProvideError),
    /// Every index is in use or retired.
    #[error("no index is left: remove values or use a second arena")]
    IndexSpace,
    /// The handle under which the value was to be stored does not allow it.
    #[error("the value cannot be stored under this handle: {0}")]
    Handle(#[from] HandleError),
}

/// A value that was not stored, and why; nothing else has changed.
///
/// ```
/// use slab_core::{Arena, InsertErrorKind, StaticRegion};
///
/// let too_small = StaticRegion::<64>::new();
/// let mut arena = Arena::new_in(&too_small);
/// let refused = arena.try_insert([7_u8; 32]).unwrap_err();
/// assert!(matches!(refused.kind(), InsertErrorKind::Memory(_)));
/// assert_eq!(refused.into_value(), [7; 32]);
/// ```
pub struct InsertError<T> {
    value: T,
    kind: InsertErrorKind,
}

impl<T> InsertError<T> {
    #[cold]
    pub(crate) fn new(value: T, kind: InsertErrorKind) -> Self {
        Self { value, kind }
    }

    /// Why the value was refused.
    pub fn kind(&self) -> InsertErrorKind {
        self.kind
    }

    /// The value that was refused.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Gives the refused value back.
    pub fn into_value(self) -> T {
        self.value
    }
}

impl<T> fmt::Debug for InsertError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InsertError")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Display for InsertError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl<T> core::error::Error for InsertError<T> {}

/// A value that a [`SlabCache`](crate::SlabCache) did not store, and why; nothing else has changed.
///
/// ```
/// use slab_core::{ProvideError, SlabCache, SpinLock, StaticRegion};
///
/// static SMALL: StaticRegion<1024> = StaticRegion::new();
///
/// let cache = SlabCache::<_, _, SpinLock, 1024>::with_spare_slabs_in(1, &SMALL)?;
/// let refused = cache.alloc([7_u8; 32]).unwrap_err();
/// assert_eq!(refused.error(), ProvideError::Exhausted);
/// assert_eq!(refused.into_value(), [7; 32]);
/// # Ok::<(), ProvideError>(())
/// ```
pub struct AllocError<T> {
    value: T,
    error: ProvideError,
}

impl<T> AllocError<T> {
    #[cold]
    #[cfg(all(
        target_has_atomic = "8",
        target_has_atomic = "32",
        target_has_atomic = "ptr"
    ))]
    pub(crate) fn new(value: T, error: ProvideError) -> Self {
        Self { value, error }
    }

    /// Why the provider gave no memory for another slab.
    pub fn error(&self) -> ProvideError {
        self.error
    }

    /// The value that was refused.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Gives the refused value back.
    pub fn into_value(self) -> T {
        self.value
    }
}

impl<T> fmt::Debug for AllocError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllocError")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Display for AllocError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no memory for another slab: {}", self.error)
    }
}

impl<T> core::error::Error for AllocError<T> {}
