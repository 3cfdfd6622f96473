//! What can go wrong, an enum for each operation.

use core::fmt;
use std::io;

use thiserror::Error;

use crate::class::Classes;

/// Why a pool did not hand out a buffer.
///
/// `?` makes it an [`io::Error`] in functions that return one, with this error inside: of kind `OutOfMemory` where memory
/// lacks, `InvalidInput` where too much was asked for, `Other` of a closed pool.
///
/// ```
/// use buffer_pool::{AcquireError, BufferPool};
///
/// let pool = BufferPool::builder().max_bytes(64 << 10).build();
/// let held = pool.try_acquire(64 << 10)?;
/// assert!(matches!(pool.try_acquire(4096), Err(AcquireError::Exhausted { .. })));
/// drop(held);
/// assert!(pool.try_acquire(4096).is_ok());
/// # Ok::<(), AcquireError>(())
/// ```
#[derive(Copy, Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// The budget is used up by buffers that are lent out, and no idle block was left to reclaim; or others wait for what
    /// is left. Of [`acquire_timeout`](crate::BufferPool::acquire_timeout): when the time was up.
    #[error("the pool's budget of {max_bytes} bytes is lent out; drop a buffer or raise max_bytes")]
    Exhausted {
        /// The budget, in bytes.
        max_bytes: usize,
    },
    /// The request can never be served: its block is larger than the budget, or than any allocation.
    #[error("{requested} bytes need a block above the limit of {limit} bytes; request less{}", or_raise(*limit))]
    Oversize {
        /// Bytes asked for.
        requested: usize,
        /// The largest block that this pool could ever hand out, in bytes.
        limit: usize,
    },
    /// Of [`prewarm`](crate::BufferPool::prewarm): the pool keeps no idle blocks of this size. Buffers of it can be had.
    #[error(
        "{requested} bytes are above the largest class of {largest} bytes, and such blocks are not kept idle; acquire them when needed, or add a class"
    )]
    Unpooled {
        /// Bytes asked for.
        requested: usize,
        /// The capacity of the largest class, in bytes.
        largest: usize,
    },
    /// The pool was closed.
    #[error("the pool is closed; acquire before close or from another pool")]
    Closed,
    /// The provider had no memory, even after every idle block was given back to it.
    #[error("the provider has no {bytes} bytes; drop buffers or give it more memory")]
    Alloc {
        /// Capacity of the block that was asked of the provider, in bytes.
        bytes: usize,
    },
}

/// What else there is to do about a request above `limit`: no budget goes beyond what an allocation may have.
fn or_raise(limit: usize) -> &'static str {
    match limit {
        Classes::SIZE_MAX => "",
        _ => " or raise max_bytes",
    }
}

impl From<AcquireError> for io::Error {
    fn from(error: AcquireError) -> Self {
        let kind = match error {
            AcquireError::Exhausted { .. } | AcquireError::Alloc { .. } => {
                io::ErrorKind::OutOfMemory
            }
            AcquireError::Oversize { .. } | AcquireError::Unpooled { .. } => {
                io::ErrorKind::InvalidInput
            }
            AcquireError::Closed => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// Bytes that do not fit into a buffer. The buffer is unchanged.
///
/// `?` makes it an [`io::Error`] of kind `InvalidInput` in functions that return one, with this error inside.
///
/// ```
/// let pool = buffer_pool::BufferPool::new();
/// let mut buf = pool.acquire(4096);
/// let refused = buf.try_extend_from_slice(&[7; 5000]).unwrap_err();
/// assert_eq!((refused.needed, refused.capacity), (5000, 4096));
/// assert!(buf.is_empty());
/// buf.try_reserve(refused.needed)?; // a larger block
/// buf.try_extend_from_slice(&[7; 5000])?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Copy, Clone, Debug, PartialEq, Eq, Error)]
#[error("a length of {needed} bytes exceeds the buffer's capacity of {capacity}; reserve first")]
#[non_exhaustive]
pub struct CapacityError {
    /// The length that was asked for, in bytes.
    pub needed: usize,
    /// The capacity of the buffer, in bytes.
    pub capacity: usize,
}

impl From<CapacityError> for io::Error {
    fn from(error: CapacityError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}

/// Why a pool did not adopt a `Vec<u8>`.
///
/// ```
/// use buffer_pool::{AcquireError, AdoptErrorKind, BufferPool};
///
/// let pool = BufferPool::builder().max_bytes(8192).build();
/// let kind = |vec| pool.adopt(vec).unwrap_err().kind();
/// assert_eq!(kind(Vec::with_capacity(5000)), AdoptErrorKind::Capacity { capacity: 5000 });
/// let held = pool.acquire(8192);
/// let exhausted = AcquireError::Exhausted { max_bytes: 8192 };
/// assert_eq!(kind(Vec::with_capacity(4096)), AdoptErrorKind::Acquire(exhausted));
/// ```
#[derive(Copy, Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AdoptErrorKind {
    /// The pool's blocks are not what a `Vec` has: they come from another provider than
    /// [`Global`](slab_core::Global), or with another alignment than 1.
    #[error(
        "the pool's blocks are not of the global allocator with alignment 1; copy into an acquired buffer"
    )]
    Foreign,
    /// The capacity is not one of the pool's classes.
    #[error(
        "a capacity of {capacity} bytes is not one of the pool's classes; allocate one of them"
    )]
    Capacity {
        /// Capacity of the `Vec`, in bytes.
        capacity: usize,
    },
    /// The pool has no room for the block.
    #[error(transparent)]
    Acquire(#[from] AcquireError),
}

/// A `Vec<u8>` that was not adopted, and why. It is as it was.
///
/// ```
/// use buffer_pool::{AdoptErrorKind, BufferPool};
///
/// let pool = BufferPool::builder().alignment(4096).build();
/// let refused = pool.adopt(vec![7; 4096]).unwrap_err();
/// assert_eq!(refused.kind(), AdoptErrorKind::Foreign);
/// assert_eq!(refused.into_vec(), [7; 4096]);
/// ```
#[derive(Error)]
#[error("{kind}")]
pub struct AdoptError {
    vec: Vec<u8>,
    kind: AdoptErrorKind,
}

impl AdoptError {
    pub(crate) fn new(vec: Vec<u8>, kind: AdoptErrorKind) -> Self {
        Self { vec, kind }
    }

    /// Why it was refused.
    #[must_use]
    pub fn kind(&self) -> AdoptErrorKind {
        self.kind
    }

    /// Gives it back.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.vec
    }
}

/// The reason; the contents may be large, or secret.
impl fmt::Debug for AdoptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdoptError")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Why a table of size classes was refused.
///
/// ```
/// use buffer_pool::{Classes, ClassesError};
///
/// assert_eq!(Classes::custom(&[]).unwrap_err(), ClassesError::Empty);
/// assert_eq!(Classes::custom(&[10]).unwrap_err(), ClassesError::Size { size: 10 });
/// let error = Classes::custom(&[4096, 1024]).unwrap_err();
/// assert_eq!(error, ClassesError::Order { before: 4096, after: 1024 });
/// assert!(Classes::custom(&[1024, 4096]).is_ok());
/// ```
#[derive(Copy, Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClassesError {
    /// No class.
    #[error("the table has no class; give at least one capacity")]
    Empty,
    /// More than [`Classes::COUNT_MAX`](crate::Classes::COUNT_MAX).
    #[error("the table has {count} classes; give at most 64")]
    TooMany {
        /// Classes in the table.
        count: usize,
    },
    /// A capacity out of range.
    #[error(
        "a class of {size} bytes is out of range; give capacities from 64 bytes to a quarter of the address space"
    )]
    Size {
        /// The capacity, in bytes.
        size: usize,
    },
    /// Capacities that do not ascend.
    #[error(
        "a class of {after} bytes follows one of {before}; give capacities in strictly ascending order"
    )]
    Order {
        /// The earlier capacity, in bytes.
        before: usize,
        /// The later capacity, in bytes.
        after: usize,
    },
}
