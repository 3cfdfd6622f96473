#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

mod activity;
mod alarm;
mod behind;
mod blocking;
#[cfg(any(feature = "disk", feature = "redis"))]
mod breaker;
mod checksum;
mod codec;
#[cfg(feature = "disk")]
mod compress;
mod count;
mod device;
#[cfg(feature = "disk")]
mod disk;
mod durability;
mod error;
mod events;
mod executor;
#[cfg(all(test, not(cache_tiered_loom)))]
mod figures;
mod floors;
mod journal;
mod life;
mod little_endian;
mod manual_clock;
mod memory;
mod mutant;
mod observe;
mod operation;
mod random_id;
mod retry;
#[cfg(feature = "disk")]
mod sealed;
mod sink;
mod snapshot;
mod source;
mod store;
mod tag;
mod tiered;
mod timer;

#[doc(hidden)]
pub use activity::Activity;
pub use behind::{BehindStats, DeadLetter};
pub use blocking::Blocking;
pub use cache_policies::{AnyConfig, Cause, Insight, Quota, RejectReason, Rejected};
#[cfg(feature = "serde")]
pub use codec::Postcard;
pub use codec::{Codec, CodecError, Pooled, Raw};
#[cfg(feature = "disk")]
pub use compress::Compression;
#[cfg(all(fuzzing, feature = "disk"))]
#[doc(hidden)]
pub use disk::fuzzing as disk_fuzzing;
#[cfg(feature = "disk")]
pub use disk::{DiskReport, DiskStats};
pub use durability::{Durability, ParseDurabilityError};
pub use error::{
    BuildError, FlushError, JournalError, JournalErrorKind, LoadError, PutError, RemoveError,
    ResizeError, StoreError,
};
pub use events::{Event, Events};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use journal::fuzzing as journal_fuzzing;
pub use life::Life;
pub use manual_clock::ManualClock;
pub use memory::{
    Clock, Compute, Iter, LoadTimes, MemoryCache, MemoryCacheBuilder, MemoryStats, MonotonicClock,
    PartitionError, PartitionStats, PolicyInsight, Restored, Snapshotted,
};
#[cfg(feature = "object-store")]
pub use object_store;
pub use operation::Operation;
pub use retry::Retry;
pub use sink::{Applied, ApplyError, BlockingSink, Mutation, Sink};
pub use snapshot::SnapshotError;
#[cfg(fuzzing)]
#[doc(hidden)]
pub use snapshot::fuzzing as snapshot_fuzzing;
pub use source::{BlockingSource, Loaded, Source};
pub use store::{InMemory, InMemoryError};
#[cfg(feature = "object-store")]
pub use store::{
    ObjectStore, ObjectStoreError, ObjectStoreOpenError, ObjectStoreOptions, ObjectStoreStats,
};
#[cfg(feature = "redb")]
pub use store::{Redb, RedbError, RedbOpenError, RedbOptions, RedbStats};
#[cfg(feature = "redis")]
pub use store::{
    Redis, RedisError, RedisInvalidation, RedisInvalidations, RedisListener, RedisOptions,
    RedisStats, RemoteStats, RemoteTier,
};
pub use tag::Tag;
#[cfg(feature = "disk")]
pub use tiered::{Admission, DiskError, DiskErrorKind, DiskTier, Overflow};
pub use tiered::{
    Behind, CloseReport, ComputeError, Explanation, FlushReport, Hit, MemoryTier, Place, ReadAhead,
    Sequential, Standing, StoreRef, Through, Tier, Tiered, TieredBuilder, TieredStats, WarmReport,
    WhenFull, Writes,
};
