#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

mod blocking;
mod checksum;
mod codec;
mod durability;
mod error;
mod events;
mod executor;
#[cfg_attr(
    any(not(test), cache_tiered_loom),
    expect(
        dead_code,
        unused_imports,
        reason = "write-behind, its user, is yet to come"
    )
)]
mod journal;
mod life;
mod little_endian;
mod memory;
mod operation;
mod sink;
mod snapshot;
mod source;
mod store;
mod tag;
mod tiered;

pub use blocking::Blocking;
pub use cache_policies::{AnyConfig, Cause, RejectReason, Rejected};
pub use codec::{Codec, CodecError, Pooled, Raw};
pub use durability::{Durability, ParseDurabilityError};
pub use error::{
    BuildError, FlushError, LoadError, PutError, RemoveError, ResizeError, StoreError,
};
pub use events::{Event, Events};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use journal::fuzzing as journal_fuzzing;
pub use life::Life;
pub use memory::{
    Clock, Compute, Iter, LoadTimes, MemoryCache, MemoryCacheBuilder, MemoryStats, MonotonicClock,
    Restored, Snapshotted,
};
pub use operation::Operation;
pub use sink::{Applied, ApplyError, BlockingSink, Mutation, Sink};
pub use snapshot::SnapshotError;
pub use source::{BlockingSource, Loaded, Source};
pub use store::{InMemory, InMemoryError};
#[cfg(feature = "redb")]
pub use store::{Redb, RedbError, RedbOpenError, RedbOptions, RedbStats};
pub use tag::Tag;
pub use tiered::{
    ComputeError, Explanation, Hit, MemoryTier, Standing, StoreRef, Tier, Tiered, TieredBuilder,
    TieredStats, WarmReport, Writes,
};
