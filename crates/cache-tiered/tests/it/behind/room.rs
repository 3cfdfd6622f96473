//! Bounds: what a writer meets when too much is dirty or the journal is full, and how a close ends.

use super::faulty::{DELAY, World};
use crate::doubles::{Random, read};
use crate::machine::image;
use cache_tiered::{Durability, FlushError, JournalErrorKind, PutError, RemoveError, WhenFull};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

#[test]
fn g4_a_full_dirty_set_refuses_new_keys_takes_overwrites_and_serves_reads() {
    let world = World::new();
    world.store.hanging.hold(usize::MAX);
    let writes = world.behind().max_dirty(4).when_full(WhenFull::Refuse);
    let cache = world.open_with(writes);
    for key in 0..4 {
        cache.put(key, key).wait().unwrap();
    }
    let refused = cache.put(4, 40).wait().unwrap_err();
    assert!(matches!(refused, PutError::Backpressure { value: 40 }) && refused.is_without_effect());
    assert!(matches!(
        cache.remove(&5).wait(),
        Err(RemoveError::Backpressure)
    ));
    cache.put(0, 100).wait().unwrap();
    assert_eq!((read(&cache, 0), read(&cache, 4)), (Some(100), None));
    assert!(cache.stats().behind.backpressure >= 2);
    world.store.hanging.open();
    cache.flush().wait().unwrap();
    cache.put(4, 40).wait().unwrap();
    cache.close().wait().unwrap();
    assert_eq!(
        (world.store.value(0), world.store.value(4)),
        (Some(100), Some(40))
    );
}

#[test]
fn g4_a_writer_waits_for_room_and_readers_do_not() {
    let world = World::new();
    world.store.hanging.hold(usize::MAX);
    let cache = world.open_with(world.behind().max_dirty(4).lanes(1));
    for key in 0..4 {
        cache.put(key, key).wait().unwrap();
    }
    thread::scope(|scope| {
        let waiting = scope.spawn(|| cache.put(4, 40).wait());
        while cache.stats().behind.backpressure == 0 {
            thread::yield_now();
        }
        assert_eq!(read(&cache, 3), Some(3));
        assert!(!waiting.is_finished());
        world.store.hanging.open();
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(read(&cache, 4), Some(40));
}

#[test]
fn g4_a_full_journal_hurries_the_store_and_loses_nothing() {
    for when_full in [WhenFull::Wait, WhenFull::Refuse] {
        let world = World::new();
        let writes = world.behind().journal_bytes(64 << 10, 16 << 10);
        let writes = writes.max_dirty(1_000_000).when_full(when_full).batch(16);
        let cache = world.open_with(writes);
        let mut refused = 0;
        for key in 0..5_000 {
            // Nothing is due: only a full journal brings anything to the store.
            while let Err(error) = cache.put(key, key).wait() {
                assert!(matches!(error, PutError::Backpressure { .. }), "{error}");
                refused += 1;
                thread::yield_now();
            }
        }
        assert_eq!(refused > 0, when_full == WhenFull::Refuse);
        assert!(world.store.calls().1 > 0, "the store was hurried");
        cache.close().wait().unwrap();
        assert!((0..5_000).all(|key| world.store.value(key) == Some(key)));
    }
}

#[test]
fn a_change_that_fits_no_segment_is_refused_and_comes_back() {
    use cache_tiered::{InMemory, MemoryTier, Tiered, Writes};
    let directory = tempfile::tempdir().unwrap();
    let writes = Writes::behind(directory.path().join("journal"));
    let cache: Tiered<u64, Vec<u8>> = Tiered::builder()
        .memory(MemoryTier::entries(10))
        .store(InMemory::new())
        .writes(writes.journal_bytes(64 << 10, 16 << 10))
        .build()
        .unwrap();
    let error = cache.put(1, vec![0; 20_000]).wait().unwrap_err();
    let PutError::Journal { value, source } = error else {
        panic!("{error}");
    };
    assert_eq!(
        (value.len(), source.kind()),
        (20_000, JournalErrorKind::TooLarge)
    );
    assert!(cache.get(&1).wait().unwrap().is_none());
}

#[test]
fn g4_a_call_that_hangs_holds_up_its_own_keys_only_and_close_ends_in_time() {
    let world = World::new();
    *world.store.hangs_with.lock().unwrap() = Some(1);
    world.store.hanging.hold(1);
    let cache = world.open_with(world.behind().batch(1));
    cache.put(1, 10).wait().unwrap();
    world.pass_until(|| cache.stats().behind.dirty_keys == 1 && world.clock_passed(2_000));
    world.store.hanging.wait_for(1);
    cache.put(1, 11).wait().unwrap();
    for key in 2..10 {
        cache.put(key, key).wait().unwrap();
    }
    world.pass_until(|| (2..10).all(|key| world.store.value(key) == Some(key)));
    assert_eq!(read(&cache, 1), Some(11), "the hung one is the former");
    let report = thread::scope(|scope| {
        let close = scope.spawn(|| cache.close_within(Duration::from_secs(5)).wait());
        world.pass_until(|| close.is_finished());
        close.join().unwrap().unwrap()
    });
    assert_eq!((report.left, report.running), (1, 0));
    drop(cache);
    let locked = world.builder(world.behind()).build();
    assert!(
        locked.is_err(),
        "nobody may overtake the attempt that hangs"
    );
    world.store.hanging.open();
    let cache = loop {
        if let Ok(cache) = world.builder(world.behind()).build() {
            break cache;
        }
        thread::yield_now();
    };
    cache.close().wait().unwrap();
    assert_eq!(world.store.history(1), [Some(10), Some(11)]);
}

#[test]
fn g4_writers_and_workers_keep_the_order_of_each_key_and_readers_never_go_back() {
    let world = World::new();
    let writes = world.behind().max_dirty(8).batch(3).lanes(3);
    let cache = world.open_with(writes);
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for writer in 0..4_u64 {
            let (cache, done) = (&cache, &done);
            scope.spawn(move || {
                let mut random = Random(writer);
                let mut last = [0; 8];
                for version in 1..=1_500 {
                    let slot = random.below(8);
                    let key = writer * 8 + slot;
                    cache.put(key, version).wait().unwrap();
                    last[slot as usize] = version;
                    let other = random.below(8);
                    if random.below(4) == 0 {
                        cache.invalidate(&(writer * 8 + other));
                    }
                    // Nobody else writes these keys: what is read is exactly what was put.
                    let expected = Some(last[other as usize]).filter(|&version| version > 0);
                    assert_eq!(read(cache, writer * 8 + other), expected);
                }
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    assert_eq!(done.load(Ordering::SeqCst), 4);
    let report = cache.close().wait().unwrap();
    assert_eq!((report.left, report.dead), (0, 0));
    for key in 0..32 {
        let history = world.store.history(key);
        assert!(history.is_sorted(), "key {key}: {history:?}");
    }
    let stats = cache.stats().behind;
    assert_eq!(stats.applied + stats.coalesced, 6_000, "{stats:?}");
}

#[test]
fn a_flush_that_is_under_way_when_the_cache_is_closed_is_told_so() {
    let world = World::new();
    world.store.hanging.hold(1);
    let cache = world.open();
    cache.put(1, 10).wait().unwrap();
    thread::scope(|scope| {
        let flush = scope.spawn(|| cache.flush().wait());
        world.store.hanging.wait_for(1);
        let report = cache.close_within(Duration::ZERO).wait().unwrap();
        assert_eq!(report.left, 1);
        assert!(matches!(flush.join().unwrap(), Err(FlushError::Closed)));
        world.store.hanging.open();
    });
}

#[test]
fn g4_a_close_that_tells_of_nothing_left_leaves_nothing_to_the_next_cache() {
    for round in 0..10 {
        let world = World::new();
        let journal = world.path().join("journal");
        *world.store.hangs_with.lock().unwrap() = Some(1);
        world.store.hanging.hold(1);
        // Power: the close waits for a sync, which is the time for the hung call to end.
        let cache = world.open_with(world.behind().batch(1).durability(Durability::Power));
        cache.put(1, 10).wait().unwrap();
        world.pass(DELAY);
        world.store.hanging.wait_for(1);
        cache.put(2, 20).wait().unwrap();
        world.pass(DELAY);
        // Settled, which the close has to note.
        world.store.wait_until(|_| !cache.explain(&2).dirty);
        let before = image(&journal);
        let report = thread::scope(|scope| {
            let close = scope.spawn(|| cache.close_within(Duration::ZERO).wait());
            while !close.is_finished() && image(&journal) == before {}
            world.store.hanging.open();
            close.join().unwrap().unwrap()
        });
        drop(cache);
        let recovered = loop {
            // Locked until the attempt that hung has ended.
            if let Ok(cache) = world.builder(world.behind()).build() {
                break cache.stats().behind.recovered;
            }
            thread::yield_now();
        };
        assert!(
            recovered <= report.left as u64,
            "round {round}: {recovered} dirty keys after {report:?}"
        );
    }
}
