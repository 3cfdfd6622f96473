//! Statistics of a cache.

/// What a [`Cache`](crate::Cache) has counted since it was made or [`reset_stats`](crate::Cache::reset_stats) was called.
///
/// ```
/// use cache_policies::Cache;
/// let mut cache = Cache::<u64, u64>::new(2);
/// cache.insert(1, 1).unwrap();
/// cache.get(&1);
/// cache.get(&2);
/// let stats = cache.stats();
/// assert_eq!((stats.hits, stats.misses, stats.inserts), (1, 1, 1));
/// assert_eq!(stats.hit_ratio(), Some(0.5));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CacheStats {
    /// Look-ups that found a live entry: `get`, `get_mut`, `entry`, `get_or_insert_with`. `peek` and `contains` do not count.
    pub hits: u64,
    /// Look-ups that found none.
    pub misses: u64,
    /// Entries inserted under a key that had none.
    pub inserts: u64,
    /// Values replaced under a key that had one.
    pub updates: u64,
    /// Inserts that were refused, the value given back.
    pub rejections: u64,
    /// Entries that left for want of room, `evict_one` included.
    pub evictions: u64,
    /// Entries that left because their time was over.
    pub expirations: u64,
}

impl CacheStats {
    /// Hits by look-ups; `None` before the first look-up.
    #[must_use]
    pub fn hit_ratio(&self) -> Option<f64> {
        let lookups = self.hits + self.misses;
        (lookups != 0).then(|| self.hits as f64 / lookups as f64)
    }
}
