//! The statistics of a `Tiered`.

use super::Tiered;
use super::hit::Tier;
use crate::behind::{BehindStats, WriteBehind};
use crate::count::Count;
use crate::error::LoadError;
use crate::memory::{MemoryStats, PolicyInsight};
use crate::source::Loaded;

impl<K, V> Tiered<K, V> {
    /// What happened so far, and what is in memory now. O(shards).
    #[must_use]
    pub fn stats(&self) -> TieredStats {
        let (behind, ahead) = (self.shared.behind.as_ref(), &self.shared.ahead);
        TieredStats {
            behind: behind.map_or_else(BehindStats::default, WriteBehind::stats),
            prefetch_hits: ahead.hits.get(),
            prefetches_wasted: ahead.wasted.get(),
            prefetches_late: ahead.late.get(),
            ..self.shared.counters.stats(self.shared.memory.stats())
        }
    }

    /// What the policies of the memory tier have found out, as
    /// [`MemoryCache::explain_policy`](crate::MemoryCache::explain_policy) tells it. O(shards x partitions).
    #[must_use]
    pub fn explain_policy(&self) -> Vec<PolicyInsight> {
        self.shared.memory.explain_policy()
    }

    /// Tells the recorder of the crate metrics what the [statistics](Self::stats) count, and those of
    /// the disk tier: counters get what was added since the last call, gauges what is there now. `docs/metrics.md` lists them.
    ///
    /// Loads, writes, batches, waits and syncs are told as they end. What happens more often or under a
    /// lock, hits and evictions above all, is only counted, and told of by this call: so a hit costs
    /// what it does without metrics. Call it before each time that the metrics are read, or every few
    /// seconds. The recorder is the one that was installed when the cache was built. O(shards).
    ///
    /// ```
    /// # use cache_tiered::{InMemory, MemoryTier, Tiered};
    /// let cache: Tiered<u64, u64> = Tiered::builder()
    ///     .name("squares")
    ///     .memory(MemoryTier::entries(100))
    ///     .store(InMemory::new())
    ///     .build()?;
    /// cache.get(&1).wait()?;
    /// cache.publish_metrics(); // and here render what the recorder has
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "metrics")]
    pub fn publish_metrics(&self) {
        self.shared.observer.publish(&self.stats());
        #[cfg(feature = "disk")]
        if let Some(disk) = &self.shared.disk {
            self.shared.observer.publish_disk(&disk.stats());
        }
    }
}

/// What happened in a [`Tiered`](crate::Tiered) so far, and what is in its memory tier now.
///
/// ```
/// use cache_tiered::{InMemory, MemoryTier, Tiered};
///
/// let cache: Tiered<u8, u8> =
///     Tiered::builder().memory(MemoryTier::entries(10)).store(InMemory::new()).build()?;
/// cache.put(1, 10).wait()?;
/// cache.get(&1).wait()?;
/// cache.get(&2).wait()?;
/// let stats = cache.stats();
/// assert_eq!((stats.memory.hits, stats.loads, stats.absent, stats.puts), (1, 1, 1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TieredStats {
    /// The memory tier: its hits are answers without the store, a known absence included.
    pub memory: MemoryStats,
    /// Values that the disk tier had.
    pub disk_hits: u64,
    /// Loads that found a value in the store.
    pub store_hits: u64,
    /// Loads that found a value by a loader.
    pub loader_hits: u64,
    /// Loads that found no value.
    pub absent: u64,
    /// Loads of store and loaders together: one for all who joined it.
    pub loads: u64,
    /// Reads that were answered by the load of another.
    pub joined: u64,
    /// Loads that failed.
    pub load_failures: u64,
    /// Loads whose answer was not kept because the key changed meanwhile.
    pub raced: u64,
    /// Answers by a value past its time to live, [`Hit::stale`](crate::Hit::stale).
    pub stale: u64,
    /// Loads in the background that brought a new value or absence, within `loads`.
    pub refreshes: u64,
    /// Loads in the background that failed, within `load_failures`.
    pub refresh_failures: u64,
    /// Values that [`prefetch`](crate::Tiered::prefetch) has loaded, within `loads`.
    pub prefetched: u64,
    /// Keys that were not prefetched as too many waited to be.
    pub prefetches_dropped: u64,
    /// Values that [reading ahead](crate::ReadAhead) or, where it is on, `prefetch` has loaded and that were in memory when
    /// they were first asked for.
    pub prefetch_hits: u64,
    /// Those that left memory before anybody asked for them.
    pub prefetches_wasted: u64,
    /// Keys that were asked for while reading ahead was still loading them, or about to.
    pub prefetches_late: u64,
    /// Look-ups that found what was invalidated by a tag or with everything, within the hits of
    /// `memory`.
    pub overruled: u64,
    /// Values written, and acknowledged.
    pub puts: u64,
    /// Removals done, or acknowledged.
    pub removals: u64,
    /// Writes and removals that the store refused, or write-behind before they were acknowledged.
    pub refused: u64,
    /// Attempts of write-through after the first.
    pub retries: u64,
    /// Writes and removals that met an earlier one of their key whose time was up.
    pub busy: u64,
    /// Writes and removals of which the store cannot tell what became.
    pub unknown: u64,
    /// Write-behind.
    pub behind: BehindStats,
}

#[derive(Default)]
pub(super) struct Counters {
    store_hits: Count,
    disk_hits: Count,
    loader_hits: Count,
    absent: Count,
    loads: Count,
    load_failures: Count,
    pub(super) joined: Count,
    pub(super) raced: Count,
    pub(super) stale: Count,
    pub(super) refreshes: Count,
    pub(super) refresh_failures: Count,
    pub(super) prefetched: Count,
    pub(super) prefetches_dropped: Count,
    pub(super) overruled: Count,
    pub(super) puts: Count,
    pub(super) removals: Count,
    pub(super) refused: Count,
    pub(super) unknown: Count,
    pub(super) retries: Count,
    pub(super) busy: Count,
}

impl Counters {
    pub(super) fn load_ended<V>(&self, loaded: &Result<Loaded<V>, LoadError>, tier: Tier) {
        if tier == Tier::Disk {
            return self.disk_hits.add();
        }
        self.loads.add();
        match (loaded, tier) {
            (Err(_), _) => self.load_failures.add(),
            (Ok(Loaded::Absent(_)), _) => self.absent.add(),
            (Ok(Loaded::Value(..)), Tier::Loader) => self.loader_hits.add(),
            (Ok(Loaded::Value(..)), _) => self.store_hits.add(),
        }
    }

    pub(super) fn stats(&self, memory: MemoryStats) -> TieredStats {
        TieredStats {
            memory,
            disk_hits: self.disk_hits.get(),
            store_hits: self.store_hits.get(),
            loader_hits: self.loader_hits.get(),
            absent: self.absent.get(),
            loads: self.loads.get(),
            joined: self.joined.get(),
            load_failures: self.load_failures.get(),
            raced: self.raced.get(),
            stale: self.stale.get(),
            refreshes: self.refreshes.get(),
            refresh_failures: self.refresh_failures.get(),
            prefetched: self.prefetched.get(),
            prefetches_dropped: self.prefetches_dropped.get(),
            prefetch_hits: 0,
            prefetches_wasted: 0,
            prefetches_late: 0,
            overruled: self.overruled.get(),
            puts: self.puts.get(),
            removals: self.removals.get(),
            refused: self.refused.get(),
            unknown: self.unknown.get(),
            retries: self.retries.get(),
            busy: self.busy.get(),
            behind: BehindStats::default(),
        }
    }
}
