//! One face over the concurrent caches of `u64` by `u64`, and ours behind it.

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

/// Ours with another policy than it has by default.
pub(super) struct WTinyLfu(MemoryCache<u64, u64>);

impl Shared for WTinyLfu {
    const NAME: &'static str = "strata-memory-w-tinylfu";

    fn of_capacity(capacity: usize) -> Self {
        let policy = "w-tinylfu".parse().expect("a policy by its name");
        let builder = MemoryCache::builder().capacity(capacity as u64);
        Self(builder.policy(policy).build().expect("a capacity above 0"))
    }
    fn value(&self, key: u64) -> Option<u64> {
        self.0.get(&key)
    }
    fn put(&self, key: u64, value: u64) {
        self.0.insert(key, value);
    }
}
