//! The statistics of a memory tier.

use super::shards::Core;
use cache_policies::Policy;

/// What happened in a [`MemoryCache`](crate::MemoryCache) so far, and what is in it now.
///
/// ```
/// use cache_tiered::MemoryCache;
///
/// let cache: MemoryCache<u8, u8> = MemoryCache::builder().capacity(1).build()?;
/// cache.insert(1, 1);
/// cache.get(&1);
/// cache.get(&2);
/// let stats = cache.stats();
/// assert_eq!((stats.hits, stats.misses, stats.len), (1, 1, 1));
/// assert_eq!(stats.hit_ratio(), Some(0.5));
/// # Ok::<(), cache_tiered::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryStats {
    /// Look-ups that found a value.
    pub hits: u64,
    /// Look-ups that found none.
    pub misses: u64,
    /// Values inserted under a key that had none.
    pub inserts: u64,
    /// Values replaced.
    pub updates: u64,
    /// Values that found no room.
    pub rejections: u64,
    /// Entries that left for want of room.
    pub evictions: u64,
    /// Entries that left because their life was over.
    pub expirations: u64,
    /// Entries that were removed by their keys.
    pub removals: u64,
    /// Entries that left by [`clear`](crate::MemoryCache::clear) or [`retain`](crate::MemoryCache::retain).
    pub cleared: u64,
    /// Loads that ended: of any number of callers who miss a key at once, one loads.
    pub loads: u64,
    /// Those of them that ended without a value.
    pub load_failures: u64,
    /// Entries now.
    pub len: usize,
    /// Their weight now.
    pub weight: u64,
    /// The weight they may have.
    pub capacity: u64,
}

impl MemoryStats {
    pub(super) fn of<K, V, P: Policy>(core: &Core<K, V, P>) -> Self {
        let (hits, misses) = core.settings().tally.sum();
        let (loads, load_failures) = core.settings().loads.counts();
        let mut sum = Self {
            hits,
            misses,
            loads,
            load_failures,
            capacity: core.capacity(),
            ..Self::default()
        };
        for shard in core.shards() {
            let counts = shard.state.counts;
            sum.inserts += counts.inserts;
            sum.updates += counts.updates;
            sum.rejections += counts.rejections;
            sum.evictions += counts.evictions;
            sum.expirations += counts.expirations;
            sum.removals += counts.removals;
            sum.cleared += counts.cleared;
            sum.len += shard.state.len();
            sum.weight += shard.state.weight();
        }
        sum
    }

    /// Hits by look-ups; none before the first look-up.
    #[must_use]
    pub fn hit_ratio(&self) -> Option<f64> {
        let lookups = self.hits + self.misses;
        (lookups != 0).then(|| self.hits as f64 / lookups as f64)
    }
}
