//! The stores that come with the crate, and any store with its types erased.

pub(crate) mod erased;
mod memory;
#[cfg(feature = "redb")]
mod redb;
#[cfg(all(test, feature = "object-store"))]
pub(crate) mod runtime;

pub use self::memory::{InMemory, InMemoryError};
#[cfg(feature = "redb")]
pub use self::redb::{Redb, RedbError, RedbOpenError, RedbOptions, RedbStats};
