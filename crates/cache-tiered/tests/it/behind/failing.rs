//! A store that fails: what holds up what, what is used up, and what becomes of a dead letter.

use super::faulty::{Cache, DELAY, Manner, World};
use crate::doubles::read;
use cache_tiered::{Clock, Event, FlushError, FlushReport};
use std::time::Duration;

/// Lets a poisonous key die: other keys go through meanwhile.
fn kill(world: &World, cache: &Cache, key: u64, value: u64) {
    world.store.poison(key);
    cache.put(key, value).wait().unwrap();
    let mut other = 1_000;
    while cache.dead_letters().is_empty() {
        let calls = world.store.calls_with(key);
        cache.put(other, other).wait().unwrap();
        world.pass_until(|| {
            let tried = world.store.calls_with(key) > calls || !cache.dead_letters().is_empty();
            tried && world.store.value(other).is_some()
        });
        other += 1;
    }
}

#[test]
fn g4_one_poisonous_key_holds_up_no_other() {
    for manner in [Manner::Refuse, Manner::Unknown, Manner::Panic] {
        for poison in [0, 7, 15] {
            let world = World::new();
            world.store.fail_by(manner);
            world.store.poison(poison);
            let cache = world.open();
            for key in 0..16 {
                cache.put(key, key).wait().unwrap();
            }
            world.pass(DELAY);
            world.store.wait_until(|store| {
                (0..16).all(|key| key == poison || store.value(key) == Some(key))
            });
            assert_eq!(read(&cache, poison), Some(poison), "read your writes");
            let failed = world.store.calls().0 - world.store.calls().1;
            assert!(failed <= 10, "{failed} failed calls to find one of 16");
        }
    }
}

#[test]
fn g4_a_store_that_is_down_for_an_hour_kills_nothing_and_is_probed_with_pauses() {
    let world = World::new();
    world.store.set_down(true);
    let cache = world.open();
    for key in 0..100 {
        cache.put(key, key).wait().unwrap();
    }
    world.pass_until(|| world.clock.now() >= 3_600_000 && world.store.calls().0 >= 50);
    let stats = cache.stats().behind;
    assert_eq!((stats.dead, stats.applied), (0, 0));
    assert!(stats.store_is_down);
    // One probe for each pause of at least five seconds, but for the first that are shorter, and
    // what the first batch and its parts cost.
    let probes = world.clock.now() / 5_000 + 20;
    assert!(
        world.store.calls().0 as u64 <= probes,
        "{:?}",
        world.store.calls()
    );
    assert_eq!(read(&cache, 50), Some(50));
    world.store.set_down(false);
    world.pass_until(|| (0..100).all(|key| world.store.value(key) == Some(key)));
    let report = cache.close().wait().unwrap();
    assert_eq!((report.left, report.dead), (0, 0));
}

#[test]
fn g4_exhausted_retries_make_a_dead_letter_that_is_still_read_also_after_a_restart() {
    let world = World::new();
    let cache = world.open_with(world.behind().batch(1));
    kill(&world, &cache, 1, 10);
    // More of them may have failed while the store had taken nothing since, and did not count.
    let calls = world.store.calls_with(1);
    assert!(calls >= 3, "{calls} calls for three attempts");
    let check = |cache: &Cache| {
        let letters = cache.dead_letters();
        assert_eq!(letters.len(), 1);
        assert_eq!((letters[0].key, letters[0].value), (1, Some(10)));
        assert!(
            letters[0].reason.contains("told to fail"),
            "{:?}",
            letters[0].reason
        );
        cache.invalidate(&1);
        assert_eq!(read(cache, 1), Some(10));
        assert!(cache.explain(&1).dirty);
    };
    check(&cache);
    let report = cache.close().wait().unwrap();
    assert_eq!((report.left, report.dead), (0, 1));
    drop(cache);
    let cache = world.open();
    assert_eq!(cache.stats().behind.recovered, 0);
    check(&cache);
    assert!(!cache.redrive(&2).wait().unwrap(), "no such letter");
    world.store.cure(1);
    assert!(cache.redrive(&1).wait().unwrap());
    assert_eq!(cache.flush().wait().unwrap().dead, 0);
    assert_eq!(world.store.value(1), Some(10));
    drop(cache);
    assert!(world.open().dead_letters().is_empty());
}

#[test]
fn g4_a_dead_letter_is_discarded_for_good_and_the_older_value_is_back() {
    let world = World::new();
    world.store.set(1, 9);
    let cache = world.open();
    let mut events = cache.events();
    kill(&world, &cache, 1, 10);
    let letter = cache.discard(&1).wait().unwrap().unwrap();
    assert_eq!((letter.key, letter.value), (1, Some(10)));
    let told: Vec<_> = std::iter::from_fn(|| events.try_next()).collect();
    let dead = |event: &Event<u64>| matches!(event, Event::DeadLettered { key: 1 });
    let retried = |event: &Event<u64>| matches!(event, Event::Retried { key: 1, .. });
    assert_eq!(told.iter().filter(|event| dead(event)).count(), 1);
    assert!(told.iter().filter(|event| retried(event)).count() >= 2);
    assert!(cache.discard(&1).wait().unwrap().is_none());
    assert_eq!(read(&cache, 1), Some(9));
    cache.close().wait().unwrap();
    drop(cache);
    let cache = world.open();
    assert!(cache.dead_letters().is_empty());
    assert_eq!(read(&cache, 1), Some(9));
}

#[test]
fn g4_a_later_change_takes_the_place_of_a_dead_letter() {
    let world = World::new();
    let cache = world.open();
    kill(&world, &cache, 1, 10);
    world.store.cure(1);
    cache.put(1, 11).wait().unwrap();
    assert!(cache.dead_letters().is_empty());
    drop(cache);
    let cache = world.open();
    assert!(cache.dead_letters().is_empty());
    cache.flush().wait().unwrap();
    assert_eq!(world.store.history(1), [Some(11)]);
}

/// Flushes while the clock runs.
fn flush_as_time_passes(world: &World, cache: &Cache) -> Result<FlushReport, FlushError> {
    std::thread::scope(|scope| {
        let flush = scope.spawn(|| cache.flush().wait());
        while !flush.is_finished() {
            world.pass(Duration::from_secs(10));
            std::thread::yield_now();
        }
        flush.join().unwrap()
    })
}

#[test]
fn a_flush_tells_that_the_store_takes_nothing_and_what_is_left_is_not_lost() {
    let world = World::new();
    world.store.set_down(true);
    let cache = world.open();
    cache.put(1, 10).wait().unwrap();
    cache.put(2, 20).wait().unwrap();
    let error = flush_as_time_passes(&world, &cache).unwrap_err();
    assert!(
        matches!(error, FlushError::Unapplied { dirty: 2, .. }),
        "{error}"
    );
    let report = cache.close_within(Duration::ZERO).wait().unwrap();
    assert_eq!((report.applied, report.left), (0, 2));
    drop(cache);
    world.store.set_down(false);
    let cache = world.open();
    cache.flush().wait().unwrap();
    assert_eq!(
        (world.store.value(1), world.store.value(2)),
        (Some(10), Some(20))
    );
}

#[test]
fn a_flush_after_one_that_got_stuck_waits_for_what_that_one_left() {
    let world = World::new();
    world.store.set_down(true);
    let cache = world.open();
    cache.put(1, 10).wait().unwrap();
    let error = flush_as_time_passes(&world, &cache).unwrap_err();
    assert!(matches!(error, FlushError::Unapplied { dirty: 1, .. }));
    world.store.set_down(false);
    std::thread::scope(|scope| {
        let flush = scope.spawn(|| {
            let flushed = cache.flush().wait();
            (flushed, cache.explain(&1).dirty)
        });
        // The change pauses while the clock stands: time for a flush that does not wait for it.
        let mut turns = 0;
        while turns < 10_000 && !flush.is_finished() {
            std::thread::yield_now();
            turns += 1;
        }
        world.pass_until(|| flush.is_finished());
        let (flushed, dirty) = flush.join().unwrap();
        assert_eq!((flushed.unwrap().dead, dirty), (0, false));
    });
    assert_eq!(world.store.value(1), Some(10));
}
