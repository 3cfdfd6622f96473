//! Warming by what the predictors of cache-policies say.

use crate::doubles::{ProbeStore, Random, cached, probed};
use cache_policies::{AccessIntervals, Periods, PeriodsConfig};
use cache_tiered::{Blocking, MemoryTier, Tiered};
use std::sync::Arc;

/// Keys are spread by this, as a hash would.
fn hash(key: u64) -> u64 {
    Random(key).next()
}

/// The share of hits among reads that come back every 1000 ticks, in a cache that others fill in between.
fn hit_ratio_of_reports(warms: bool) -> f64 {
    let store = ProbeStore::default();
    let probe = Arc::clone(&store.0);
    let tier = MemoryTier::entries(100).policy("lru".parse().unwrap());
    let cache = Tiered::<u64, u64>::builder()
        .memory(tier.shards(1))
        .store(Blocking::new(store))
        .build()
        .unwrap();
    for key in 0..10_000 {
        cache.put(key, key).wait().unwrap();
    }
    let mut periods = Periods::new(20_000, PeriodsConfig::default()).unwrap();
    let (mut random, mut hits, mut reads) = (Random(5), 0_u32, 0_u32);
    for now in 0..20_000 {
        if warms {
            let due: Vec<u64> = periods.due_by(now + 5).collect();
            assert_eq!(cache.warm(due).wait().failed, 0);
        }
        let mut read = |key: u64| {
            periods.observe(hash(key), now, || key);
            let before = probe.loads();
            cache.get(&key).wait().unwrap().unwrap();
            u32::from(probe.loads() == before)
        };
        read(1_000 + random.below(9_000));
        if now % 1_000 < 50 {
            let hit = read(now % 1_000);
            if now >= 10_000 {
                (hits, reads) = (hits + hit, reads + 1);
            }
        }
    }
    assert_eq!(reads, 500);
    f64::from(hits) / f64::from(reads)
}

#[test]
fn what_comes_periodically_is_in_memory_when_it_was_warmed_by_its_period() {
    let (cold, warm) = (hit_ratio_of_reports(false), hit_ratio_of_reports(true));
    assert!(cold < 0.1, "{cold}");
    assert!(warm > 0.95, "{warm}");
}

#[test]
fn what_is_expected_soon_is_warmed_first_after_everything_was_invalidated() {
    let (cache, _) = probed(1_000);
    let mut intervals = AccessIntervals::new(2_000);
    for key in 0..500 {
        cache.put(key, key).wait().unwrap();
    }
    // Every key comes every 500 ticks, the one after the other.
    for now in 0..5_000 {
        intervals.observe(hash(now % 500), now);
    }
    cache.invalidate_all();
    let known = (0..500).map(|key| (hash(key), key));
    let soon = intervals.expected_within(known, 5_000..=5_049, 0.9);
    let report = cache.warm(soon).wait();
    assert_eq!((report.loaded, report.failed), (50, 0));
    let warm = (0..500).filter(|&key| cached(&cache, key).is_some());
    assert!(warm.eq(0..50));
}
