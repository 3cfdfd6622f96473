//! The hot keys of a cache in a file, and warming from it: what is loaded, what never is.

use crate::doubles::{Fate, Random, cached, probed, read};
use cache_tiered::{
    InMemory, Life, MemoryCache, MemoryTier, Raw, SnapshotError, Tiered, WarmReport,
};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

fn cache_over(store: &InMemory<u64, u64>, entries: u64) -> Tiered<u64, u64> {
    let builder = Tiered::builder().memory(MemoryTier::entries(entries).shards(1));
    builder.store(store.clone()).build().unwrap()
}

/// A file with the keys below `count`.
fn file_of(path: &Path, count: u64) -> Vec<u8> {
    let cache = cache_over(&InMemory::new(), 1_000);
    for key in 0..count {
        cache.put(key, key * 10).wait().unwrap();
    }
    let taken = cache.snapshot(path, Raw).wait().unwrap();
    assert_eq!(taken.entries, count);
    let bytes = fs::read(path).unwrap();
    assert_eq!(taken.bytes, bytes.len() as u64);
    bytes
}

fn counts(report: &WarmReport) -> (u64, u64, u64, u64) {
    (report.loaded, report.present, report.absent, report.failed)
}

#[test]
fn values_are_those_of_the_store_and_not_those_of_the_time_of_the_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot");
    let store = InMemory::new();
    let former = cache_over(&store, 100);
    for key in 0..10 {
        former.put(key, key * 10).wait().unwrap();
    }
    assert_eq!(former.snapshot(&path, Raw).wait().unwrap().entries, 10);
    former.put(1, 11).wait().unwrap();
    former.remove(&2).wait().unwrap();
    let cache = cache_over(&store, 100);
    cache.put(3, 33).wait().unwrap();
    let report = cache.warm_from(&path, Raw).wait().unwrap();
    assert_eq!(counts(&report), (8, 1, 1, 0));
    let expected = [Some(0), Some(11), None, Some(33), Some(40)];
    assert_eq!([0, 1, 2, 3, 4].map(|key| cached(&cache, key)), expected);
}

#[test]
fn the_hottest_are_loaded_where_not_all_fit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot");
    let store = InMemory::new();
    let former = cache_over(&store, 100);
    for key in 0..100 {
        former.put(key, key).wait().unwrap();
    }
    for _ in 0..3 {
        (40..50).for_each(|key| assert_eq!(read(&former, key), Some(key)));
    }
    former.snapshot(&path, Raw).wait().unwrap();
    let cache = cache_over(&store, 10);
    let report = cache.warm_from(&path, Raw).wait().unwrap();
    assert_eq!(counts(&report), (10, 0, 0, 0));
    assert!((40..50).all(|key| cached(&cache, key) == Some(key)));
    assert_eq!(cache.stats().memory.evictions, 0);
}

#[test]
fn a_tier_of_weights_is_not_filled_over_and_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot");
    let store = InMemory::new();
    let former = cache_over(&store, 5_000);
    for key in 0..5_000 {
        former.put(key, key).wait().unwrap();
    }
    former.snapshot(&path, Raw).wait().unwrap();
    let tier = MemoryTier::weighted(10_000, |_: &u64, _: &u64| 10).shards(1);
    // One question at a time, so that what is asked for is known.
    let builder = Tiered::builder().memory(tier).store(store).threads(1);
    let cache = builder.build().unwrap();
    let report = cache.warm_from(&path, Raw).wait().unwrap();
    assert!((1_000..=1_536).contains(&report.loaded), "{report:?}");
    assert_eq!(cache.stats().memory.len, 1_000);
}

#[test]
fn what_is_absent_or_invalidated_is_in_no_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot");
    let tier = MemoryTier::entries(100).absent_for(std::time::Duration::from_secs(3_600));
    let cache: Tiered<u64, u64> = Tiered::builder()
        .memory(tier)
        .store(InMemory::new())
        .build()
        .unwrap();
    cache.put(1, 10).wait().unwrap();
    cache
        .put_with(2, 20, Life::DEFAULT.tag("red"))
        .wait()
        .unwrap();
    assert_eq!(read(&cache, 3), None);
    assert_eq!(cache.stats().memory.len, 3);
    cache.invalidate_tag("red");
    assert_eq!(cache.snapshot(&path, Raw).wait().unwrap().entries, 1);
}

#[test]
fn a_file_that_is_cut_short_or_has_a_flipped_bit_loads_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot");
    let whole = file_of(&path, 8);
    let (cache, probe) = probed(100);
    let refuse = |bytes: &[u8], what: &str| {
        fs::write(&path, bytes).unwrap();
        let error = cache.warm_from(&path, Raw).wait().expect_err(what);
        let is_told = matches!(
            error,
            SnapshotError::Damaged { .. }
                | SnapshotError::Foreign { .. }
                | SnapshotError::Version { .. }
        );
        assert!(is_told, "{what}: {error}");
    };
    for length in 0..whole.len() {
        refuse(&whole[..length], &format!("cut to {length}"));
    }
    let mut file = whole.clone();
    for bit in 0..file.len() * 8 {
        file[bit / 8] ^= 1 << (bit % 8);
        refuse(&file, &format!("bit {bit}"));
        file[bit / 8] ^= 1 << (bit % 8);
    }
    assert_eq!(probe.loads.load(Ordering::SeqCst), 0);
    fs::write(&path, &file).unwrap();
    let report = cache.warm_from(&path, Raw).wait().unwrap();
    assert_eq!(counts(&report), (0, 0, 8, 0), "whole again");
}

#[test]
fn damage_behind_many_whole_blocks_loads_nothing_either() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot");
    let store = InMemory::new();
    let cache = cache_over(&store, 40_000);
    for key in 0..40_000 {
        cache.put(key, key).wait().unwrap();
    }
    cache.snapshot(&path, Raw).wait().unwrap();
    let mut file = fs::read(&path).unwrap();
    assert!(file.len() > 3 << 18, "several blocks");
    *file.last_mut().unwrap() ^= 1;
    fs::write(&path, file).unwrap();
    let cache = cache_over(&store, 40_000);
    let error = cache.warm_from(&path, Raw).wait().unwrap_err();
    assert!(
        matches!(error, SnapshotError::Damaged { offset, .. } if offset > 3 << 18),
        "{error}"
    );
    assert_eq!((cache.stats().loads, cache.stats().memory.len), (0, 0));
}

#[test]
fn a_foreign_file_is_neither_read_nor_replaced_and_a_missing_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter");
    let cache = cache_over(&InMemory::new(), 10);
    cache.put(1, 10).wait().unwrap();
    let missing = cache.warm_from(&path, Raw).wait();
    assert!(matches!(
        missing,
        Err(SnapshotError::Io { action: "read", .. })
    ));
    fs::write(&path, "dear reader").unwrap();
    let foreign = cache.warm_from(&path, Raw).wait();
    assert!(matches!(foreign, Err(SnapshotError::Foreign { .. })));
    let kept = cache.snapshot(&path, Raw).wait();
    assert!(matches!(kept, Err(SnapshotError::Foreign { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), "dear reader");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left");
}

#[test]
fn a_snapshot_of_a_memory_cache_warms_and_its_values_are_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot");
    let memory: MemoryCache<u64, u64> = MemoryCache::builder().capacity(10).build().unwrap();
    memory.insert(1, 666);
    memory.insert(2, 666);
    memory.snapshot(&path, &Raw, &Raw).unwrap();
    let store = InMemory::new();
    cache_over(&store, 10).put(1, 10).wait().unwrap();
    let cache = cache_over(&store, 10);
    let report = cache.warm_from(&path, Raw).wait().unwrap();
    assert_eq!(counts(&report), (1, 0, 1, 0));
    assert_eq!((cached(&cache, 1), read(&cache, 2)), (Some(10), None));
    let restored = memory.restore(&path, &Raw, &Raw);
    assert_eq!(restored.unwrap().present, 2);
    cache.snapshot(&path, Raw).wait().unwrap();
    let refused = memory.restore(&path, &Raw, &Raw).unwrap_err();
    assert!(matches!(refused, SnapshotError::Kind { .. }), "{refused}");
}

#[test]
fn what_the_store_cannot_load_is_in_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot");
    file_of(&path, 5);
    let (cache, probe) = probed(10);
    probe.tell(Fate::Fail);
    let report = cache.warm_from(&path, Raw).wait().unwrap();
    assert!(report.failed > 0 && report.error.is_some(), "{report:?}");
    cache.close().wait().unwrap();
    let report = cache.warm_from(&path, Raw).wait().unwrap();
    assert_eq!(counts(&report), (0, 0, 0, 5), "closed");
    let taken = cache.snapshot(&path, Raw).wait();
    assert!(taken.is_ok(), "of a closed cache too");
}

#[test]
fn g1_warming_beside_writers_brings_back_nothing_older() {
    const KEYS: u64 = 16;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot");
    file_of(&path, KEYS);
    let cache = cache_over(&InMemory::new(), 100);
    let acknowledged: Vec<AtomicU64> = (0..KEYS).map(|_| AtomicU64::new(0)).collect();
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let (cache, acknowledged) = (&cache, &acknowledged);
            scope.spawn(move || {
                let mut random = Random(writer);
                for version in 1..=1_500 {
                    let key = random.below(KEYS / 2) * 2 + writer;
                    cache.put(key, version).wait().unwrap();
                    acknowledged[key as usize].store(version, Ordering::Release);
                }
            });
        }
        let mut random = Random(9);
        for _ in 0..200 {
            (0..KEYS).filter(|_| random.below(2) == 0).for_each(|key| {
                cache.invalidate(&key);
            });
            let warming = cache.warm_from(&path, Raw).wait().unwrap();
            assert_eq!(warming.failed, 0);
            for key in 0..KEYS {
                let least = acknowledged[key as usize].load(Ordering::Acquire);
                let found = read(&cache, key).unwrap_or(0);
                assert!(found >= least, "key {key}: {found} after {least}");
            }
        }
    });
}

#[cfg(unix)]
#[test]
fn g4_a_key_that_is_dirty_is_warmed_with_what_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hot");
    file_of(&path, 3);
    let store = InMemory::new();
    cache_over(&store, 10).put(1, 10).wait().unwrap();
    let writes = cache_tiered::Writes::behind(folder.path().join("journal"));
    let cache: Tiered<u64, u64> = Tiered::builder()
        .memory(MemoryTier::entries(10))
        .store(store)
        .writes(writes.max_delay(std::time::Duration::from_secs(3_600)))
        .build()
        .unwrap();
    cache.put(1, 11).wait().unwrap();
    cache.remove(&2).wait().unwrap();
    cache.invalidate_all();
    let report = cache.warm_from(&path, Raw).wait().unwrap();
    assert_eq!(counts(&report), (1, 0, 2, 0));
    assert_eq!(cached(&cache, 1), Some(11));
    assert_eq!(
        cache.stats().behind.applied,
        0,
        "the store has the older one"
    );
}
