//! What a recorder of the crate metrics hears, and when.

use super::recorder::Heard;
use crate::doubles::{Fate, ProbeStore, probed};
use cache_tiered::{Blocking, Compute, Durability, InMemory, MemoryTier, Tiered, WhenFull, Writes};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const METRICS: &str = include_str!("../../../docs/metrics.md");

/// What `run` makes with a recorder, and what that has heard.
fn heard<R>(run: impl FnOnce() -> R) -> (Heard, R) {
    let heard = Heard::default();
    let result = metrics::with_local_recorder(&heard, run);
    (heard, result)
}

#[test]
fn loads_are_counted_and_timed_by_their_outcome_and_hits_are_not() {
    let (heard, ()) = heard(|| {
        let (cache, probe) = probed(10);
        cache.put(1, 10).wait().unwrap();
        for _ in 0..5 {
            cache.get(&1).wait().unwrap();
        }
        cache.invalidate(&1);
        cache.get(&1).wait().unwrap();
        cache.get(&2).wait().unwrap();
        probe.tell(Fate::Fail);
        cache.get(&3).wait().unwrap_err();
    });
    for name in ["cache_tiered_loads_total", "cache_tiered_load_seconds"] {
        let expected = ["absent", "failed", "found"].map(|outcome| {
            let labels =
                format!("{name} cache=default tier=store outcome={outcome} background=false");
            (labels, 1)
        });
        assert_eq!(heard.told(name), expected);
    }
    assert_eq!(
        heard.told("cache_tiered_memory"),
        [],
        "before it is asked for"
    );
}

#[test]
fn writes_are_counted_and_timed_by_what_became_of_them() {
    let (heard, ()) = heard(|| {
        let (cache, probe) = probed(10);
        cache.put(1, 10).wait().unwrap();
        cache.put(2, 20).wait().unwrap();
        probe.tell(Fate::Fail);
        cache.put(3, 30).wait().unwrap_err();
        probe.tell(Fate::DoneButUnknown);
        cache.remove(&1).wait().unwrap_err();
        cache.remove(&2).wait().unwrap();
        let raised = cache.compute(4, |_| Compute::Put(1));
        raised.wait().unwrap();
        cache.close().wait().unwrap();
        cache.put(5, 50).wait().unwrap_err();
    });
    let expected = [
        ("compute", "acknowledged", 1),
        ("put", "acknowledged", 2),
        ("put", "closed", 1),
        ("put", "refused", 1),
        ("remove", "acknowledged", 1),
        ("remove", "unknown", 1),
    ];
    for name in ["cache_tiered_writes_total", "cache_tiered_write_seconds"] {
        let expected = expected.map(|(operation, outcome, count)| {
            let labels = format!("{name} cache=default operation={operation} outcome={outcome}");
            (labels, count)
        });
        assert_eq!(heard.told(name), expected);
    }
    assert_eq!(
        heard.sum("cache_tiered_flushes_total cache=default outcome=done"),
        1.0
    );
}

#[test]
fn statistics_are_published_as_what_was_added_and_caches_of_one_name_add_up() {
    let (heard, ()) = heard(|| {
        for round in 1..=2 {
            let cache: Tiered<u64, u64> = Tiered::builder()
                .name("small")
                .memory(MemoryTier::entries(4).shards(1))
                .store(InMemory::new())
                .build()
                .unwrap();
            for key in 0..10 {
                cache.put(key, key).wait().unwrap();
            }
            cache.publish_metrics();
            for _ in 0..3 {
                cache.get(&9).wait().unwrap();
            }
            cache.remove(&9).wait().unwrap();
            cache.publish_metrics();
            cache.publish_metrics();
            assert_eq!(cache.stats().memory.hits, 3, "round {round}");
        }
    });
    let lookups = "cache_tiered_memory_lookups_total cache=small outcome=hit";
    assert_eq!(heard.values(lookups), [0.0, 3.0, 0.0, 0.0, 3.0, 0.0]);
    let departures = |cause: &str| {
        heard.sum(&format!(
            "cache_tiered_memory_departures_total cache=small cause={cause}"
        ))
    };
    assert_eq!(
        ["capacity", "expired", "cleared", "removed"].map(departures),
        [12.0, 0.0, 0.0, 2.0]
    );
    let entries = heard.values("cache_tiered_memory_entries cache=small");
    assert_eq!(entries, [4.0, 3.0, 3.0, 4.0, 3.0, 3.0]);
}

#[cfg(unix)]
#[test]
fn write_behind_tells_of_batches_groups_syncs_and_recovery() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        Tiered::<u64, u64>::builder()
            .memory(MemoryTier::entries(100))
            .store(InMemory::new())
            .writes(
                Writes::behind(folder.path().join("journal"))
                    .durability(Durability::Power)
                    .max_delay(Duration::from_secs(3_600)),
            )
            .build()
            .unwrap()
    };
    let (heard, ()) = heard(|| {
        let cache = open();
        for key in 0..20 {
            cache.put(key, key).wait().unwrap();
        }
        cache.publish_metrics();
        cache.flush().wait().unwrap();
        cache.publish_metrics();
        drop(cache);
        open();
    });
    let changes = heard.sum("cache_tiered_behind_batch_changes cache=default outcome=done");
    assert_eq!(changes, 20.0);
    assert_eq!(
        heard.told("cache_tiered_behind_batches_total").len(),
        1,
        "none failed"
    );
    let groups = heard
        .values("cache_tiered_journal_group_frames cache=default")
        .len();
    let syncs = heard.values("cache_tiered_journal_sync_seconds cache=default outcome=done");
    assert!(
        groups >= 20 && syncs.len() >= 20,
        "a put after the other: {groups} {syncs:?}"
    );
    assert!(syncs.iter().all(|&seconds| seconds > 0.0));
    assert_eq!(
        heard.sum("cache_tiered_journal_records_total cache=default"),
        20.0
    );
    assert_eq!(
        heard.sum("cache_tiered_recoveries_total cache=default"),
        2.0
    );
    let dirty = heard.values("cache_tiered_behind_dirty_keys cache=default");
    assert_eq!(dirty, [20.0, 0.0]);
}

#[cfg(unix)]
#[test]
fn a_write_that_waits_for_room_is_timed_and_one_that_is_refused_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str, when_full| {
        let store = ProbeStore::default();
        let probe = Arc::clone(&store.0);
        probe.applying.hold(usize::MAX);
        let writes = Writes::behind(folder.path().join(name))
            .max_dirty(1)
            .lanes(1);
        let builder = Tiered::<u64, u64>::builder()
            .memory(MemoryTier::entries(10))
            .store(Blocking::new(store))
            .writes(writes.when_full(when_full));
        (builder.build().unwrap(), probe)
    };
    let (heard, ()) = heard(|| {
        let (cache, probe) = open("waits", WhenFull::Wait);
        cache.put(1, 1).wait().unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| cache.put(2, 2).wait());
            while cache.stats().behind.backpressure == 0 {
                std::thread::yield_now();
            }
            probe.applying.open();
            waiting.join().unwrap().unwrap();
        });
        let (cache, probe) = open("refuses", WhenFull::Refuse);
        cache.put(1, 1).wait().unwrap();
        cache.put(2, 2).wait().unwrap_err();
        probe.applying.open();
    });
    assert_eq!(
        heard.sum("cache_tiered_behind_waits_total cache=default"),
        1.0
    );
    let refused = "cache_tiered_writes_total cache=default operation=put outcome=backpressure";
    assert_eq!(heard.sum(refused), 1.0);
}

#[cfg(all(unix, feature = "disk"))]
#[test]
fn a_disk_tier_tells_of_look_ups_damage_and_what_it_wrote_by_cause() {
    use cache_tiered::{DiskTier, Overflow};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache");
    let value = |key: u64| format!("the value of {key}");
    let open = || {
        Tiered::<u64, String>::builder()
            .memory(MemoryTier::entries(10).policy("lru".parse().unwrap()))
            .disk(
                DiskTier::new(&path)
                    .capacity(8 << 20)
                    .overflow(Overflow::Wait),
            )
            .store(InMemory::new())
            .build()
            .unwrap()
    };
    let (heard, (first, second)) = heard(|| {
        let cache = open();
        for key in 0..100 {
            cache.put(key, value(key)).wait().unwrap();
        }
        for key in 0..30 {
            cache.get(&key).wait().unwrap().expect("it is on the disk");
        }
        cache.remove(&50).wait().unwrap();
        // So that nothing more is written meanwhile.
        cache.flush().wait().unwrap();
        cache.publish_metrics();
        cache.publish_metrics();
        let first = cache.disk_stats().unwrap();
        cache.close().wait().unwrap();
        drop(cache);

        let regions = path.join("regions");
        let mut bytes = std::fs::read(&regions).unwrap();
        let damaged = value(77).into_bytes();
        let at = bytes
            .windows(damaged.len())
            .position(|part| part == damaged);
        bytes[at.unwrap()] ^= 1;
        std::fs::write(&regions, bytes).unwrap();
        let cache = open();
        cache.verify_disk().wait().unwrap();
        cache.publish_metrics();
        (first, cache.disk_stats().unwrap())
    });
    let sum = |name: &str| heard.sum(&format!("cache_tiered_disk_{name}"));
    assert_eq!((first.hits, first.fences, second.damaged), (30, 1, 1));
    assert_eq!(sum("lookups_total cache=default outcome=hit"), 30.0);
    assert_eq!(sum("departures_total cache=default cause=damaged"), 1.0);
    let written = ["stored", "reinserted", "fence"]
        .map(|cause| sum(&format!("written_bytes_total cache=default cause={cause}")));
    let bytes = [
        first.entry_bytes + second.entry_bytes,
        0,
        first.fence_bytes + second.fence_bytes,
    ];
    assert_eq!(written, bytes.map(|bytes| bytes as f64));
    assert!(first.entry_bytes > 0 && first.fence_bytes > 0);
    let amplification = heard.values("cache_tiered_disk_write_amplification cache=default");
    let expected = first.write_amplification().unwrap();
    assert_eq!(amplification, [expected, expected, 0.0]);
    let entries = heard.values("cache_tiered_disk_entries cache=default");
    assert_eq!(entries[2], second.entries as f64);
}

#[test]
fn the_page_of_metrics_lists_what_there_is_and_nothing_else() {
    let (heard, _) = heard(|| probed(10));
    let (registered, described) = heard.registered();
    let name = |full: &String| full.split(' ').next().unwrap().to_owned();
    let names: BTreeSet<String> = registered.iter().map(name).collect();
    let rows = METRICS.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: BTreeSet<String> = rows
        .map(|row| row.split('`').next().unwrap().to_owned())
        .filter(|name| cfg!(feature = "disk") || !name.starts_with("cache_tiered_disk_"))
        .collect();
    assert_eq!(listed, names);
    assert_eq!(described, names);
    assert!(
        registered
            .iter()
            .all(|full| full.contains(" cache=default"))
    );
}
