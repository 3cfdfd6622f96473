//! The stores that come with the crate, and any store with its types erased.

pub(crate) mod erased;
mod memory;
#[cfg(feature = "object-store")]
mod object;
#[cfg(feature = "redb")]
mod redb;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "object-store", feature = "redis"))]
mod runtime;

pub use self::memory::{InMemory, InMemoryError};
#[cfg(feature = "object-store")]
pub use self::object::{
    ObjectStore, ObjectStoreError, ObjectStoreOpenError, ObjectStoreOptions, ObjectStoreStats,
};
#[cfg(feature = "redb")]
pub use self::redb::{Redb, RedbError, RedbOpenError, RedbOptions, RedbStats};
#[cfg(feature = "redis")]
pub use self::redis::{
    Redis, RedisError, RedisInvalidation, RedisInvalidations, RedisListener, RedisOptions,
    RedisStats, RemoteStats, RemoteTier,
};
