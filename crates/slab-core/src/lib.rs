#![no_std]
#![doc = include_str!("../README.md")]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(test, slab_core_loom))]
#[macro_use]
extern crate std;

mod arena;
mod bytes;
mod cache;
mod error;
mod handle;
#[cfg(all(test, slab_core_loom))]
mod loom;
mod provider;
mod sync;
mod table;

pub use arena::{Arena, ArenaStats, Drain, IntoIter, Iter, IterMut, SecondaryMap, VacantEntry};
pub use bytes::{ByteHandle, ByteSlab, ByteStats, ClassStats, Classes, ClassesError, Reservation};
pub use cache::{CacheStats, LocalBox, LocalCache, SlabBox, SlabCache, SpinLock};
pub use error::{AllocError, HandleError, InsertError, InsertErrorKind, ProvideError};
pub use handle::Handle;
pub use provider::{Counting, Failing, Global, Provider, StaticRegion};

#[cfg(test)]
extern crate self as slab_core;
#[cfg(test)]
mod narrow_generations;
