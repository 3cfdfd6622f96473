//! One face over the single-threaded caches of `u64` by `u64`.

use std::num::NonZeroUsize;

use cache_policies::{
    Arc, Cache, Clock, Duel, Fifo, Lirs, Lru, Policy, S3Fifo, Sieve, TwoQ, WTinyLfu,
    WTinyLfuAdaptive,
};

/// A cache that replays a trace.
pub(super) trait Single: 'static {
    const NAME: &'static str;
    /// Caches of one group run the same policy and must count the same hits.
    const GROUP: &'static str = Self::NAME;
    fn of_capacity(capacity: usize) -> Self;
    fn hit(&mut self, key: u64) -> bool;
    fn insert(&mut self, key: u64);
}

/// Ours, under a policy.
pub(super) struct Strata<P: Policy>(Cache<u64, u64, P>);

macro_rules! strata {
    ($policy:ident, $name:literal, $group:literal) => {
        impl Single for Strata<$policy> {
            const NAME: &'static str = $name;
            const GROUP: &'static str = $group;

            fn of_capacity(capacity: usize) -> Self {
                let builder = Cache::builder().policy::<$policy>(Default::default());
                Strata(
                    builder
                        .capacity(capacity as u64)
                        .build()
                        .expect("the parameters of the paper"),
                )
            }
            fn hit(&mut self, key: u64) -> bool {
                self.0.get(&key).is_some()
            }
            fn insert(&mut self, key: u64) {
                self.0.insert(key, key).expect("a weight of 1 fits");
            }
        }
    };
}

strata!(Lru, "strata-lru", "lru");
strata!(Fifo, "strata-fifo", "fifo");
strata!(Clock, "strata-clock", "clock");
strata!(Sieve, "strata-sieve", "sieve");
strata!(S3Fifo, "strata-s3-fifo", "s3-fifo");
strata!(TwoQ, "strata-2q", "2q");
strata!(Arc, "strata-arc", "arc");
strata!(Lirs, "strata-lirs", "lirs");
strata!(WTinyLfu, "strata-w-tinylfu", "w-tinylfu");
strata!(
    WTinyLfuAdaptive,
    "strata-w-tinylfu-adaptive",
    "w-tinylfu-adaptive"
);
strata!(Duel, "strata-duel", "duel");

/// `schnellru::LruMap`.
pub(super) struct Schnellru(schnellru::LruMap<u64, u64>);

impl Single for Schnellru {
    const NAME: &'static str = "schnellru";
    const GROUP: &'static str = "lru";

    fn of_capacity(capacity: usize) -> Self {
        Schnellru(schnellru::LruMap::new(schnellru::ByLength::new(
            capacity as u32,
        )))
    }
    fn hit(&mut self, key: u64) -> bool {
        self.0.get(&key).is_some()
    }
    fn insert(&mut self, key: u64) {
        self.0.insert(key, key);
    }
}

/// `lru::LruCache`.
pub(super) struct LruCrate(lru::LruCache<u64, u64>);

impl Single for LruCrate {
    const NAME: &'static str = "lru";
    const GROUP: &'static str = "lru";

    fn of_capacity(capacity: usize) -> Self {
        LruCrate(lru::LruCache::new(
            NonZeroUsize::new(capacity).expect("a capacity above 0"),
        ))
    }
    fn hit(&mut self, key: u64) -> bool {
        self.0.get(&key).is_some()
    }
    fn insert(&mut self, key: u64) {
        self.0.put(key, key);
    }
}

/// `hashlink::LruCache`.
pub(super) struct Hashlink(hashlink::LruCache<u64, u64>);

impl Single for Hashlink {
    const NAME: &'static str = "hashlink";
    const GROUP: &'static str = "lru";

    fn of_capacity(capacity: usize) -> Self {
        Hashlink(hashlink::LruCache::new(capacity))
    }
    fn hit(&mut self, key: u64) -> bool {
        self.0.get(&key).is_some()
    }
    fn insert(&mut self, key: u64) {
        self.0.insert(key, key);
    }
}

/// `clru::CLruCache`.
pub(super) struct Clru(clru::CLruCache<u64, u64>);

impl Single for Clru {
    const NAME: &'static str = "clru";
    const GROUP: &'static str = "lru";

    fn of_capacity(capacity: usize) -> Self {
        Clru(clru::CLruCache::new(
            NonZeroUsize::new(capacity).expect("a capacity above 0"),
        ))
    }
    fn hit(&mut self, key: u64) -> bool {
        self.0.get(&key).is_some()
    }
    fn insert(&mut self, key: u64) {
        self.0.put(key, key);
    }
}

/// `sieve_cache::SieveCache`.
pub(super) struct SieveCrate(sieve_cache::SieveCache<u64, u64>);

impl Single for SieveCrate {
    const NAME: &'static str = "sieve-cache";

    fn of_capacity(capacity: usize) -> Self {
        SieveCrate(sieve_cache::SieveCache::new(capacity).expect("a capacity above 0"))
    }
    fn hit(&mut self, key: u64) -> bool {
        self.0.get(&key).is_some()
    }
    fn insert(&mut self, key: u64) {
        self.0.insert(key, key);
    }
}

/// `quick_cache::unsync::Cache`.
pub(super) struct QuickCache(quick_cache::unsync::Cache<u64, u64>);

impl Single for QuickCache {
    const NAME: &'static str = "quick_cache-unsync";

    fn of_capacity(capacity: usize) -> Self {
        QuickCache(quick_cache::unsync::Cache::new(capacity))
    }
    fn hit(&mut self, key: u64) -> bool {
        self.0.get(&key).is_some()
    }
    fn insert(&mut self, key: u64) {
        self.0.insert(key, key);
    }
}

/// `mini_moka::unsync::Cache`.
pub(super) struct MiniMoka(mini_moka::unsync::Cache<u64, u64>);

impl Single for MiniMoka {
    const NAME: &'static str = "mini_moka-unsync";

    fn of_capacity(capacity: usize) -> Self {
        MiniMoka(mini_moka::unsync::Cache::new(capacity as u64))
    }
    fn hit(&mut self, key: u64) -> bool {
        self.0.get(&key).is_some()
    }
    fn insert(&mut self, key: u64) {
        self.0.insert(key, key);
    }
}
