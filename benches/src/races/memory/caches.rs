//! One face over the concurrent caches of `u64` by `u64`.

use cache_tiered::MemoryCache;

/// A cache that threads share.
pub(super) trait Shared: Send + Sync + 'static {
    const NAME: &'static str;
    fn of_capacity(capacity: usize) -> Self;
    fn value(&self, key: u64) -> Option<u64>;
    fn put(&self, key: u64, value: u64);
    /// Finishes work that was put off, so that bytes and hits count what is there.
    fn settle(&self) {}
}

impl Shared for MemoryCache<u64, u64> {
    const NAME: &'static str = "strata-memory";

    fn of_capacity(capacity: usize) -> Self {
        let builder = MemoryCache::builder().capacity(capacity as u64);
        builder.build().expect("a capacity above 0")
    }
    fn value(&self, key: u64) -> Option<u64> {
        self.get(&key)
    }
    fn put(&self, key: u64, value: u64) {
        self.insert(key, value);
    }
}

impl Shared for quick_cache::sync::Cache<u64, u64> {
    const NAME: &'static str = "quick_cache";

    fn of_capacity(capacity: usize) -> Self {
        quick_cache::sync::Cache::new(capacity)
    }
    fn value(&self, key: u64) -> Option<u64> {
        self.get(&key)
    }
    fn put(&self, key: u64, value: u64) {
        self.insert(key, value);
    }
}

impl Shared for moka::sync::Cache<u64, u64> {
    const NAME: &'static str = "moka";

    fn of_capacity(capacity: usize) -> Self {
        moka::sync::Cache::new(capacity as u64)
    }
    fn value(&self, key: u64) -> Option<u64> {
        self.get(&key)
    }
    fn put(&self, key: u64, value: u64) {
        self.insert(key, value);
    }
    fn settle(&self) {
        self.run_pending_tasks();
    }
}

impl Shared for mini_moka::sync::Cache<u64, u64> {
    const NAME: &'static str = "mini_moka";

    fn of_capacity(capacity: usize) -> Self {
        mini_moka::sync::Cache::new(capacity as u64)
    }
    fn value(&self, key: u64) -> Option<u64> {
        self.get(&key)
    }
    fn put(&self, key: u64, value: u64) {
        self.insert(key, value);
    }
    fn settle(&self) {
        use mini_moka::sync::ConcurrentCacheExt as _;
        self.sync();
    }
}
