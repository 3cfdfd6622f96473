//! The peers of the race, each set up as its own documentation shows first.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use super::caches::Shared;

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

impl Shared for foyer::Cache<u64, u64> {
    const NAME: &'static str = "foyer-s3-fifo";

    fn of_capacity(capacity: usize) -> Self {
        foyer::CacheBuilder::new(capacity)
            .with_eviction_config(foyer::S3FifoConfig::default())
            .build()
    }
    fn value(&self, key: u64) -> Option<u64> {
        self.get(&key).map(|entry| *entry.value())
    }
    fn put(&self, key: u64, value: u64) {
        self.insert(key, value);
    }
}

/// It knows keys by their hashes alone.
impl Shared for tinyufo::TinyUfo<u64, u64> {
    const NAME: &'static str = "TinyUFO";

    fn of_capacity(capacity: usize) -> Self {
        tinyufo::TinyUfo::new(capacity, capacity)
    }
    fn value(&self, key: u64) -> Option<u64> {
        self.get(&key)
    }
    fn put(&self, key: u64, value: u64) {
        self.put(key, value, 1);
    }
}

/// The crate `lru` behind a mutex: what most programs begin with.
pub(super) struct MutexedLru(Mutex<lru::LruCache<u64, u64>>);

impl Shared for MutexedLru {
    const NAME: &'static str = "lru-mutex";

    fn of_capacity(capacity: usize) -> Self {
        let capacity = NonZeroUsize::new(capacity).expect("a capacity above 0");
        Self(Mutex::new(lru::LruCache::new(capacity)))
    }
    fn value(&self, key: u64) -> Option<u64> {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(&key).copied()
    }
    fn put(&self, key: u64, value: u64) {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.put(key, value);
    }
}
