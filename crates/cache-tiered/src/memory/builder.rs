//! The builder of a memory tier.

use super::MemoryCache;
use super::clock::{Clock, MonotonicClock};
use super::milliseconds;
use super::shard::{Settings, SharedWeigher};
use super::shards::{Core, SharedListener};
use crate::error::BuildError;
use cache_policies::{AnyConfig, Cause};
use foldhash::quality::RandomState;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// Least entries of a shard by default.
const SHARE_ENTRIES_MIN: u64 = 1 << 10;
/// Least weight of a shard by default, where a weigher is given.
const SHARE_WEIGHT_MIN: u64 = 1 << 20;
/// Of the heaviest entries, how many a shard holds by default: fewer, and it would evict while others have room.
const SHARE_HEAVIEST_MIN: u64 = 16;
/// Most shards: more locks than this part no two threads.
const SHARDS_MAX: usize = 1 << 10;

/// Settings of a [`MemoryCache`]; from [`MemoryCache::builder`].
///
/// ```
/// use cache_tiered::MemoryCache;
/// use std::time::Duration;
///
/// let cache: MemoryCache<u64, Vec<u8>> = MemoryCache::builder()
///     .capacity(64 << 20)
///     .weigher(|_key: &u64, value: &Vec<u8>| value.len() as u32 + 64)
///     .policy("sieve".parse()?)
///     .time_to_live(Duration::from_secs(60))
///     .build()?;
/// cache.insert(1, vec![0; 1000]);
/// assert_eq!(cache.weight(), 1064);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct MemoryCacheBuilder<K, V> {
    capacity: u64,
    shards: Option<usize>,
    /// Makes the shards few where it is large, unless `shards` says otherwise.
    heaviest_entry: u32,
    policy: AnyConfig,
    weigher: Option<SharedWeigher<K, V>>,
    listener: Option<SharedListener<K, V>>,
    clock: Option<Arc<dyn Clock>>,
    time_to_live: Option<Duration>,
    time_to_idle: Option<Duration>,
}

impl<K, V> MemoryCacheBuilder<K, V> {
    pub(super) fn new() -> Self {
        Self {
            capacity: 0,
            shards: None,
            heaviest_entry: 1,
            policy: AnyConfig::default(),
            weigher: None,
            listener: None,
            clock: None,
            time_to_live: None,
            time_to_idle: None,
        }
    }

    /// The weight that all entries may have together: a number of entries unless there is a
    /// [`weigher`](Self::weigher). It has to be given.
    pub const fn capacity(mut self, capacity: u64) -> Self {
        self.capacity = capacity;
        self
    }

    /// The number of shards, rounded up to a power of two; by default four for each core of the
    /// machine, and fewer for a small capacity (see [`MemoryCache`]).
    pub const fn shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards);
        self
    }

    /// The eviction policy; S3-FIFO by default.
    pub fn policy(mut self, policy: AnyConfig) -> Self {
        self.policy = policy;
        self
    }

    /// How much of the capacity an entry takes; 1 by default. Called once an insert, under a lock:
    /// keep it cheap and away from the cache.
    pub fn weigher(mut self, weigher: impl Fn(&K, &V) -> u32 + Send + Sync + 'static) -> Self {
        self.weigher = Some(Arc::new(weigher));
        self
    }

    /// Who gets the entries that leave without being handed to a caller: evicted, expired,
    /// cleared. Called by the thread whose operation made them leave, after it has let go of all
    /// locks, so it may use the cache.
    pub fn listener(mut self, listener: impl Fn(K, V, Cause) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// The heaviest entry that must fit, 1 by default: where no number of shards is asked for, there are so few that a
    /// shard's share of the capacity holds sixteen of it, or one shard.
    pub const fn heaviest_entry(mut self, weight: u32) -> Self {
        self.heaviest_entry = weight;
        self
    }

    /// The clock of all lifetimes; [`MonotonicClock`] by default.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// How long an entry lives after its insert, rounded up to milliseconds; no limit by default.
    pub const fn time_to_live(mut self, ttl: Duration) -> Self {
        self.time_to_live = Some(ttl);
        self
    }

    /// How long an entry lives after its last use; no limit by default.
    pub const fn time_to_idle(mut self, tti: Duration) -> Self {
        self.time_to_idle = Some(tti);
        self
    }

    /// The number of shards asked for, or a fitting one.
    fn shards_for(&self) -> Result<usize, BuildError> {
        if let Some(shards) = self.shards {
            let rounded = shards.clamp(1, SHARDS_MAX).next_power_of_two();
            if rounded as u64 > self.capacity {
                return Err(BuildError::TooManyShards {
                    shards: rounded,
                    capacity: self.capacity,
                });
            }
            return Ok(rounded);
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let share = match self.weigher {
            None => SHARE_ENTRIES_MIN,
            Some(_) => SHARE_WEIGHT_MIN,
        };
        let share = share.max(SHARE_HEAVIEST_MIN * u64::from(self.heaviest_entry));
        let fitting = usize::try_from(self.capacity / share)
            .unwrap_or(usize::MAX)
            .max(1);
        // The largest power of two that is not more than what fits.
        let fitting = 1 << fitting.ilog2();
        Ok((4 * cores).next_power_of_two().min(fitting).min(SHARDS_MAX))
    }

    /// Makes the cache. It allocates as it fills.
    ///
    /// # Errors
    ///
    /// [`BuildError`] for a capacity of 0, for more shards than capacity, and for parameters that
    /// the policy refuses.
    pub fn build(self) -> Result<MemoryCache<K, V>, BuildError>
    where
        K: Hash + Eq,
    {
        if self.capacity == 0 {
            return Err(BuildError::ZeroCapacity);
        }
        let shards = self.shards_for()?;
        let clock = self
            .clock
            .unwrap_or_else(|| Arc::new(MonotonicClock::new()));
        let settings = Settings {
            policy: self.policy,
            weigher: self.weigher,
            hasher: RandomState::default(),
            time_to_live: self.time_to_live.map(milliseconds),
            time_to_idle: self.time_to_idle.map(milliseconds),
            now: clock.now(),
        };
        Ok(MemoryCache {
            core: Arc::new(Core::new(
                self.capacity,
                shards,
                &settings,
                clock,
                self.listener,
            )?),
        })
    }
}

impl<K, V> fmt::Debug for MemoryCacheBuilder<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCacheBuilder")
            .field("capacity", &self.capacity)
            .field("shards", &self.shards)
            .field("policy", &self.policy)
            .field("time_to_live", &self.time_to_live)
            .field("time_to_idle", &self.time_to_idle)
            .finish_non_exhaustive()
    }
}
