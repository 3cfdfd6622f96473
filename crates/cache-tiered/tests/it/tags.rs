//! Tags and floors: what is older than an invalidation answers nobody who asks after it.

use crate::doubles::{Probe, cached, probed, read};
use cache_tiered::{
    Applied, ApplyError, Blocking, BlockingSink, BlockingSource, InMemory, Life, Loaded,
    MemoryTier, Mutation, Standing, Tiered,
};
use std::sync::Arc;
use std::thread;

/// A probe whose values are tagged by the parity of their key.
#[derive(Clone, Default)]
struct Tagging(Arc<Probe>);

fn parity(key: u64) -> &'static str {
    if key.is_multiple_of(2) { "even" } else { "odd" }
}

impl BlockingSource<u64, u64> for Tagging {
    type Error = std::io::Error;

    fn load(&self, key: &u64) -> std::io::Result<Loaded<u64>> {
        let value = self.0.entries.value(key);
        self.0
            .loads
            .fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        self.0.loaded.pass();
        let life = Life::DEFAULT.tag(parity(*key));
        Ok(value.map_or(Loaded::Absent(Life::DEFAULT), |value| {
            Loaded::Value(value, life)
        }))
    }
}

impl BlockingSink<u64, u64> for Tagging {
    type Error = std::io::Error;

    fn apply(&self, batch: &[Mutation<u64, u64>]) -> Result<Applied, ApplyError<std::io::Error>> {
        Ok(BlockingSink::apply(&self.0.entries, batch).unwrap())
    }
}

fn tagging() -> (Tiered<u64, u64>, Arc<Probe>) {
    let store = Tagging::default();
    let probe = Arc::clone(&store.0);
    let cache = Tiered::builder()
        .memory(MemoryTier::entries(100))
        .store(Blocking::new(store))
        .build()
        .unwrap();
    (cache, probe)
}

fn store_has(store: &InMemory<u64, u64>, key: u64, value: u64) {
    BlockingSink::apply(store, &[Mutation::put(key, value, 0)]).unwrap();
}

#[test]
fn a_tag_invalidates_what_has_it_and_nothing_else() {
    let (cache, probe) = tagging();
    for key in 0..10 {
        store_has(&probe.entries, key, key);
        read(&cache, key);
    }
    cache.invalidate_tag("even");
    for key in 0..10 {
        let expected = (key % 2 == 1).then_some(key);
        assert_eq!(cached(&cache, key), expected);
    }
    assert_eq!(cache.explain(&2).standing, Some(Standing::Invalidated));
    assert_eq!(read(&cache, 2), Some(2));
    assert_eq!(cached(&cache, 2), Some(2), "what is loaded later is kept");
    assert_eq!(cache.explain(&2).tags[0].name(), "even");
}

#[test]
fn any_of_several_tags_invalidates() {
    let (cache, _) = probed(10);
    for tag in ["a", "b", "c"] {
        let life = Life::DEFAULT.with_tags(["a", "b", "c"]);
        cache.put_with(1, 10, life).wait().unwrap();
        assert_eq!(cached(&cache, 1), Some(10));
        cache.invalidate_tag("d");
        assert_eq!(cached(&cache, 1), Some(10));
        cache.invalidate_tag(tag);
        assert_eq!(cached(&cache, 1), None);
    }
}

#[test]
fn a_load_that_began_before_its_tag_was_invalidated_answers_nobody_who_came_after() {
    let (cache, probe) = tagging();
    store_has(&probe.entries, 2, 20);
    probe.loaded.hold(1);
    thread::scope(|scope| {
        let early = scope.spawn(|| read(&cache, 2));
        probe.loaded.wait_for(1);
        store_has(&probe.entries, 2, 21);
        cache.invalidate_tag("even");
        let late = scope.spawn(|| read(&cache, 2));
        while cache.stats().memory.misses < 2 {
            thread::yield_now();
        }
        probe.loaded.open();
        assert_eq!(early.join().unwrap(), Some(20), "it asked before");
        assert_eq!(late.join().unwrap(), Some(21));
    });
    assert_eq!(cached(&cache, 2), Some(21));
}

#[test]
fn a_put_that_began_before_its_tag_was_invalidated_is_read_from_the_store() {
    let (cache, probe) = probed(10);
    probe.applied.hold(1);
    thread::scope(|scope| {
        let life = Life::DEFAULT.tag("tens");
        let put = scope.spawn(|| cache.put_with(1, 10, life).wait().unwrap());
        probe.applied.wait_for(1);
        store_has(&probe.entries, 1, 11);
        cache.invalidate_tag("tens");
        probe.applied.open();
        put.join().unwrap();
    });
    assert_eq!(read(&cache, 1), Some(11));
}

#[test]
fn a_value_written_with_no_life_is_not_kept() {
    let (cache, probe) = probed(10);
    cache.put(1, 10).wait().unwrap();
    cache.put_with(1, 11, Life::NONE).wait().unwrap();
    assert_eq!(
        (cached(&cache, 1), probe.entries.value(&1)),
        (None, Some(11))
    );
}

#[test]
fn readers_beside_invalidations_never_see_what_is_older_than_they() {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    let (cache, probe) = tagging();
    let (version, over) = (AtomicU64::new(0), AtomicBool::new(false));
    store_has(&probe.entries, 2, 0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    let least = version.load(Ordering::SeqCst);
                    let found = read(&cache, 2).unwrap();
                    assert!(found >= least, "{found} after {least}");
                }
            });
        }
        for next in 1..=3_000 {
            store_has(&probe.entries, 2, next);
            if next % 10 == 0 {
                cache.invalidate_all();
            } else {
                cache.invalidate_tag("even");
            }
            version.store(next, Ordering::SeqCst);
        }
        over.store(true, Ordering::SeqCst);
    });
}
