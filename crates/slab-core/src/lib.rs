#![no_std]
#![doc = include_str!("../README.md")]
// Unsafe code lives in the cells named below, nowhere else.
#![deny(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(test, slab_core_loom))]
#[macro_use]
extern crate std;

#[expect(unsafe_code, reason = "references to values that are live")]
mod arena;
#[expect(unsafe_code, reason = "bytes of slots, and blocks of its own")]
mod bytes;
#[cfg(all(
    target_has_atomic = "8",
    target_has_atomic = "32",
    target_has_atomic = "ptr"
))]
#[expect(unsafe_code, reason = "objects carved out of blocks, across threads")]
mod cache;
mod error;
mod handle;
#[cfg(feature = "alloc")]
#[expect(
    unsafe_code,
    reason = "cells that hold a value where there is a hash; tags compared 16 at once"
)]
mod hash_arena;
#[cfg(all(test, slab_core_loom))]
#[expect(unsafe_code, reason = "drives the cache as its owners do")]
mod loom;
#[expect(unsafe_code, reason = "raw memory, given and taken back")]
mod provider;
#[cfg(all(
    target_has_atomic = "8",
    target_has_atomic = "32",
    target_has_atomic = "ptr"
))]
mod sync;
#[expect(unsafe_code, reason = "slots laid out in raw memory")]
mod table;

pub use arena::{Arena, ArenaStats, Drain, IntoIter, Iter, IterMut, SecondaryMap, VacantEntry};
pub use bytes::{
    ByteHandle, ByteIter, ByteKey, ByteSlab, ByteStats, ClassStats, Classes, ClassesError,
    CompactHandle, Reservation,
};
#[cfg(all(
    target_has_atomic = "8",
    target_has_atomic = "32",
    target_has_atomic = "ptr"
))]
pub use cache::{CacheStats, LocalBox, LocalCache, SlabBox, SlabCache, SpinLock};
pub use error::{AllocError, HandleError, InsertError, InsertErrorKind, ProvideError};
pub use handle::Handle;
#[cfg(feature = "alloc")]
pub use hash_arena::HashArena;
#[cfg(target_has_atomic = "8")]
pub use provider::StaticRegion;
#[cfg(target_has_atomic = "ptr")]
pub use provider::{Counting, Failing};
pub use provider::{Global, Provider};
#[cfg(all(
    target_has_atomic = "8",
    target_has_atomic = "32",
    target_has_atomic = "ptr"
))]
pub use provider::{Segmented, SegmentedStats};

#[cfg(test)]
extern crate self as slab_core;
#[cfg(test)]
#[expect(unsafe_code, reason = "drives the table as an arena does")]
mod narrow_generations;
