#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod admission;
mod any;
mod bloom;
mod cache;
mod error;
mod eviction;
mod frequency;
mod ghost;
mod hashed_queue;
mod hashes;
mod heap;
mod history;
mod ledger;
mod list;
mod listener;
mod marks;
mod mix;
mod partitions;
mod policy;
mod predict;
mod queue;
mod random;
mod ranking;
mod residency;
mod sample;
mod segments;
mod sketch;
mod slot;
mod sweep;
mod timer_wheel;
mod tournament;
mod weigh;

pub use admission::tiny_lfu::{TinyLfu, TinyLfuConfig};
pub use any::{AnyConfig, AnyPolicy, PolicyVisitor};
pub use bloom::{BloomFilter, CountingBloomFilter, ScalableBloomFilter};
pub use cache::{
    Cache, CacheBuilder, CacheStats, Drain, Entry, EntryRef, EvictionOrder, IntoIter, Iter, Keys,
    LimitError, OccupiedEntry, OccupiedEntryRef, RejectReason, Rejected, TryInsertError,
    VacantEntry, VacantEntryRef, ValueMut, Values,
};
pub use error::{ConfigError, ParseConfigError};
pub use eviction::arc::{Arc, ArcConfig, ArcStep};
pub use eviction::belady::{Belady, BeladyConfig};
pub use eviction::belady_size::{BeladySize, BeladySizeConfig};
pub use eviction::clock::{Clock, ClockConfig};
pub use eviction::clock_pro::{ClockPro, ClockProConfig};
pub use eviction::duel::{Duel, DuelConfig, DuelMode, DuelStats};
pub use eviction::fifo::{Fifo, FifoConfig};
pub use eviction::gdsf::{Arithmetic, Gdsf, GdsfConfig};
pub use eviction::hyperbolic::{Hyperbolic, HyperbolicConfig};
pub use eviction::lecar::{LeCaR, LeCaRConfig};
pub use eviction::lfu::{Lfu, LfuConfig};
pub use eviction::lfuda::{Lfuda, LfudaConfig, Promotion};
pub use eviction::lhd::{Lhd, LhdConfig};
pub use eviction::lirs::{Lirs, LirsConfig};
pub use eviction::lru::{Lru, LruConfig};
pub use eviction::random::{Random, RandomConfig};
pub use eviction::s3_fifo::{GhostKind, S3Fifo, S3FifoConfig, WarmUp};
pub use eviction::sieve::{Sieve, SieveConfig};
pub use eviction::slru::{Slru, SlruConfig};
pub use eviction::two_q::{TwoQ, TwoQConfig};
pub use eviction::w_tiny_lfu::{
    WTinyLfu, WTinyLfuAdaptive, WTinyLfuAdaptiveConfig, WTinyLfuConfig,
};
pub use hashbrown::Equivalent;
pub use listener::{Cause, Listener};
pub use partitions::{Claim, Partition, Partitions, Quota, QuotaError};
pub use policy::{Hint, Insight, Policy, SharedHit};
pub use predict::{
    AccessInterval, AccessIntervals, Due, DueKeys, Period, Periods, PeriodsConfig, Prefetch, Runs,
    RunsConfig,
};
pub use residency::{Demand, Residency, Room, Victim};
pub use sketch::FrequencySketch;
pub use slot::Slot;
pub use weigh::{One, Weigh};

#[cfg(doctest)]
#[doc = include_str!("../docs/duel.md")]
mod guide_to_duel {}
