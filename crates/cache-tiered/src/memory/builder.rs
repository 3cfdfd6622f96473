//! The builder of a memory tier.

use super::MemoryCache;
use super::clock::{Clock, MonotonicClock};
use super::departed::Departure;
use super::lives::NEVER;
use super::loads::Loads;
use super::milliseconds;
use super::partition::{PartitionOf, Partitioning, validate};
use super::settings::{Marker, Settings, SharedWeigher, Told};
use super::shards::Core;
use super::tally::Tally;
use crate::error::BuildError;
use cache_policies::{AnyConfig, AnyPolicy, Cause, GhostKind, Policy, Quota, S3FifoConfig};
use foldhash::quality::RandomState;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

/// Least entries of a shard by default.
const SHARE_ENTRIES_MIN: u64 = 1 << 10;
/// Least weight of a shard by default, where a weigher is given.
const SHARE_WEIGHT_MIN: u64 = 1 << 20;
/// Of the heaviest entries, how many a shard holds by default: fewer, and it would evict while others have room.
const SHARE_HEAVIEST_MIN: u64 = 16;
/// Least entries of a shard's part of a partition's maximum by default.
const PART_ENTRIES_MIN: u64 = 1 << 6;
/// Least weight of it by default, where a weigher is given.
const PART_WEIGHT_MIN: u64 = 1 << 16;
/// Most shards: more locks than this part no two threads.
const SHARDS_MAX: usize = 1 << 10;
/// Most stripes of the hit buffers of one shard: there are many shards where there are many cores.
const STRIPES_MAX: usize = 16;

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
pub struct MemoryCacheBuilder<K, V, P: Policy = AnyPolicy> {
    capacity: u64,
    shards: Option<usize>,
    /// Makes the shards few where it is large, unless `shards` says otherwise.
    heaviest_entry: u32,
    policy: P::Config,
    weigher: Option<SharedWeigher<K, V>>,
    told: Option<Told<K, V>>,
    /// The quotas, and the number of a key's partition.
    partitions: Option<(Vec<Quota>, PartitionOf<K>)>,
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
            policy: S3FifoConfig::default()
                .with_ghost_kind(GhostKind::Prints)
                .into(),
            weigher: None,
            told: None,
            partitions: None,
            clock: None,
            time_to_live: None,
            time_to_idle: None,
        }
    }

    /// The eviction policy; by default S3-FIFO with a ghost of few bytes, [`GhostKind::Prints`], which as a text is
    /// `s3-fifo:ghost-kind=prints`.
    pub fn policy(mut self, policy: AnyConfig) -> Self {
        self.policy = policy;
        self
    }
}

impl<K, V, P: Policy> MemoryCacheBuilder<K, V, P> {
    /// The eviction policy by its type: its calls are compiled in, without a branch for each of the policies that
    /// [`policy`](MemoryCacheBuilder::policy) may name.
    ///
    /// ```
    /// use cache_policies::{Sieve, SieveConfig};
    /// use cache_tiered::MemoryCache;
    ///
    /// let builder = MemoryCache::builder().capacity(1_000);
    /// let cache: MemoryCache<u64, u64, Sieve> =
    ///     builder.policy_type(SieveConfig::default()).build()?;
    /// cache.insert(1, 10);
    /// assert_eq!(cache.get(&1), Some(10));
    /// # Ok::<(), cache_tiered::BuildError>(())
    /// ```
    pub fn policy_type<Q: Policy>(self, config: Q::Config) -> MemoryCacheBuilder<K, V, Q> {
        MemoryCacheBuilder {
            capacity: self.capacity,
            shards: self.shards,
            heaviest_entry: self.heaviest_entry,
            policy: config,
            weigher: self.weigher,
            told: self.told,
            partitions: self.partitions,
            clock: self.clock,
            time_to_live: self.time_to_live,
            time_to_idle: self.time_to_idle,
        }
    }

    /// The weight that all entries may have together: a number of entries unless there is a
    /// [`weigher`](Self::weigher). It has to be given.
    pub const fn capacity(mut self, capacity: u64) -> Self {
        self.capacity = capacity;
        self
    }

    /// The number of shards, rounded up to a power of two; by default eight for each core of the
    /// machine, and fewer for a small capacity (see [`MemoryCache`]).
    pub const fn shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards);
        self
    }

    /// How much of the capacity an entry takes; 1 by default. Called once an insert, without a lock.
    pub fn weigher(mut self, weigher: impl Fn(&K, &V) -> u32 + Send + Sync + 'static) -> Self {
        self.weigher = Some(Arc::new(weigher));
        self
    }

    /// Who gets the entries that leave without being handed to a caller: evicted, expired,
    /// cleared. Called by the thread whose operation made them leave, after it has let go of all
    /// locks, so it may use the cache. What it gets are copies, made under the lock of the shard: readers may have the
    /// entry itself.
    pub fn listener(self, listener: impl Fn(K, V, Cause) + Send + Sync + 'static) -> Self
    where
        K: Clone,
        V: Clone,
    {
        self.departures(
            move |left| listener(left.key, left.value, left.cause),
            None,
            None,
        )
    }

    /// A [`listener`](Self::listener) that is told only while the number `heard` of those who hear it is not 0. Until then
    /// the cache costs what one without a listener does, but for a look at that number where something leaves. What `mark`
    /// says of a key under the lock when it leaves is told too; as K's `Clone`, it must not use the cache.
    pub(crate) fn departures(
        mut self,
        listener: impl Fn(Departure<K, V>) + Send + Sync + 'static,
        heard: Option<Arc<AtomicUsize>>,
        mark: Option<Marker<K>>,
    ) -> Self
    where
        K: Clone,
        V: Clone,
    {
        self.told = Some(Told {
            listener: Arc::new(listener),
            copy: |key, value| (key.clone(), value.clone()),
            mark,
            heard,
        });
        self
    }

    /// Partitions that share the capacity, each with a quota and a policy of its own, so that none can push the others
    /// out; none by default. `of` says the number of a key's partition, counted from 0 in the order of the quotas: it is
    /// called at each insert and each hit, so it should be quick, and must say the same of equal keys.
    ///
    /// What a partition does not use, others may. When one wants it, room is made at the cost of that which is the most over
    /// its share, in proportion to it; see [`Quota`]. A value that would need what others have within their shares finds no
    /// room.
    ///
    /// Each shard keeps its part of a quota, as it has its part of the capacity: of `max` so that the parts sum up to it,
    /// of `min` rounded down, so that it may be one less a shard. A partition's keys are spread over the shards by their
    /// hashes, so a few in a hundred of what it has may be missing in one and too many in another. By default there are only
    /// so many shards that the part of each `max` is at least 64 entries, or 2^16 units of weight.
    ///
    /// ```
    /// use cache_tiered::{MemoryCache, Quota};
    ///
    /// // The tenant with the number 0 has at least a half, and no other one more than a quarter.
    /// let other = Quota { max: 25_000, ..Quota::default() };
    /// let quotas = [Quota { min: 50_000, ..Quota::default() }, other, other];
    /// let cache: MemoryCache<(u8, u64), u64> = MemoryCache::builder()
    ///     .capacity(100_000)
    ///     .partitions(quotas, |(tenant, _): &(u8, u64)| usize::from(*tenant))
    ///     .build()?;
    /// cache.insert((2, 7), 49);
    /// assert_eq!(cache.partition_stats()[2].len, 1);
    /// # Ok::<(), cache_tiered::BuildError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Later, what inserts a key: if `of` says a number for it that no partition has.
    pub fn partitions(
        mut self,
        quotas: impl IntoIterator<Item = Quota>,
        of: impl Fn(&K) -> usize + Send + Sync + 'static,
    ) -> Self {
        self.partitions = Some((quotas.into_iter().collect(), Arc::new(of)));
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
        let cores = cores();
        let share = match self.weigher {
            None => SHARE_ENTRIES_MIN,
            Some(_) => SHARE_WEIGHT_MIN,
        };
        let share = share.max(SHARE_HEAVIEST_MIN * u64::from(self.heaviest_entry));
        let fitting = usize::try_from(self.capacity / share)
            .unwrap_or(usize::MAX)
            .max(1);
        let fitting = fitting.min(self.parted_over_most());
        // The largest power of two that is not more than what fits.
        let fitting = 1 << fitting.ilog2();
        // With four, two threads that miss all the time wait for each other at every tenth miss; with sixteen, what one of
        // them writes in all the shards no longer fits beside the rest in the nearest cache.
        Ok((8 * cores).next_power_of_two().min(fitting).min(SHARDS_MAX))
    }

    /// How many shards can have parts of the quotas that are no smaller than they should be by default.
    fn parted_over_most(&self) -> usize {
        let part = match self.weigher {
            None => PART_ENTRIES_MIN,
            Some(_) => PART_WEIGHT_MIN,
        };
        let part = part.max(u64::from(self.heaviest_entry));
        let quotas = self.partitions.iter().flat_map(|(quotas, _)| quotas);
        let maxima = quotas.map(|quota| quota.max).filter(|&max| max != 0);
        let most = maxima.min().unwrap_or(u64::MAX) / part;
        usize::try_from(most).unwrap_or(usize::MAX).max(1)
    }

    /// Makes the cache. It allocates as it fills.
    ///
    /// # Errors
    ///
    /// [`BuildError`] for a capacity of 0, for more shards than capacity, for parameters that
    /// the policy refuses, and for quotas that cannot be beside each other.
    pub fn build(self) -> Result<MemoryCache<K, V, P>, BuildError>
    where
        K: Hash + Eq,
    {
        if self.capacity == 0 {
            return Err(BuildError::ZeroCapacity);
        }
        let shards = self.shards_for()?;
        let (quotas, of) = match self.partitions {
            None => (Vec::new(), None),
            Some((quotas, of)) => {
                validate(&quotas, self.capacity, shards)?;
                (quotas, Some(of))
            }
        };
        let clock = self
            .clock
            .unwrap_or_else(|| Arc::new(MonotonicClock::new()));
        let ticks = |life: Option<Duration>| life.map_or(NEVER, milliseconds);
        let settings = Settings {
            hasher: RandomState::default(),
            tally: Tally::new(cores()),
            loads: Loads::new(),
            start: clock.now(),
            clock,
            weigher: self.weigher,
            told: self.told,
            partitioning: of.map(|of| Partitioning::new(of, quotas.len(), cores())),
            time_to_live: ticks(self.time_to_live),
            time_to_idle: ticks(self.time_to_idle),
            stripes: (2 * cores()).min(STRIPES_MAX),
        };
        let core = Core::new(self.capacity, quotas, shards, settings, &self.policy)?;
        Ok(MemoryCache {
            core: Arc::new(core),
        })
    }
}

/// Threads that run at a time.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl<K, V, P: Policy> fmt::Debug for MemoryCacheBuilder<K, V, P> {
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
