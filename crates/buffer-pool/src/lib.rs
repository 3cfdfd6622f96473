#![doc = include_str!("../README.md")]

mod adopt;
mod block;
mod budget;
mod buffer;
mod builder;
mod class;
mod decay;
mod departures;
mod depot;
mod error;
mod frozen;
mod leak;
#[cfg(all(test, buffer_pool_loom, not(buffer_pool_shuttle)))]
mod loom;
mod magazine;
#[cfg(all(unix, feature = "mmap", not(buffer_pool_loom)))]
mod mapped;
mod mutant;
mod pool;
mod pool_core;
#[cfg(all(test, buffer_pool_shuttle))]
mod shuttle;
mod slice;
mod stats;
mod sync;
mod wait;

pub use crate::buffer::PooledBuf;
pub use crate::builder::{Builder, Exhaustion};
pub use crate::class::Classes;
pub use crate::error::{AcquireError, AdoptError, AdoptErrorKind, CapacityError, ClassesError};
pub use crate::frozen::PooledBytes;
pub use crate::leak::Outstanding;
#[cfg(all(unix, feature = "mmap", not(buffer_pool_loom)))]
pub use crate::mapped::{Mapped, MappedStats};
pub use crate::pool::BufferPool;
pub use crate::stats::{ClassStats, PoolStats};
pub use crate::sync::Fence;
pub use crate::wait::Acquire;
