//! What is acknowledged, what readers see of it, and when it reaches the store.

use super::faulty::{DELAY, World};
use crate::doubles::{cached, read};
use cache_tiered::{BuildError, InMemory, JournalErrorKind, MemoryTier, RemoveError, Tier, Tiered};
use std::sync::atomic::Ordering;
use std::time::Duration;

#[test]
fn g4_a_put_is_acknowledged_before_the_store_has_it_and_applied_when_it_is_due() {
    let world = World::new();
    let cache = world.open();
    cache.put(1, 10).wait().unwrap();
    assert_eq!((world.store.calls(), world.store.value(1)), ((0, 0), None));
    assert_eq!(cached(&cache, 1), Some(10));
    assert!(cache.explain(&1).dirty);
    world.pass(DELAY);
    world.store.wait_until(|store| store.value(1) == Some(10));
    cache.flush().wait().unwrap();
    let stats = cache.stats().behind;
    assert_eq!((stats.applied, stats.batches, stats.dirty_keys), (1, 1, 0));
    assert!(!cache.explain(&1).dirty);
}

#[test]
fn g4_a_reader_finds_what_memory_has_let_go_of_before_the_store_has_it() {
    let world = World::new();
    world.store.set(1, 9);
    let cache = world.open();
    cache.put(1, 10).wait().unwrap();
    cache.put(2, 20).wait().unwrap();
    assert!(cache.remove(&2).wait().unwrap());
    cache.invalidate_all();
    let hit = cache.get(&1).wait().unwrap().unwrap();
    assert_eq!((hit.value, hit.tier), (10, Tier::Dirty));
    assert_eq!(read(&cache, 2), None);
    cache.invalidate(&1);
    assert_eq!(cached(&cache, 1), Some(10), "a tier that holds it");
    assert_eq!(world.store.calls(), (0, 0));
}

#[test]
fn g4_changes_of_one_key_become_one_and_the_last_wins() {
    let world = World::new();
    let cache = world.open();
    for value in 0..100 {
        cache.put(1, value).wait().unwrap();
    }
    cache.put(2, 20).wait().unwrap();
    cache.remove(&2).wait().unwrap();
    world.pass(DELAY - Duration::from_millis(200));
    assert_eq!(world.store.calls(), (0, 0));
    let report = cache.flush().wait().unwrap();
    assert_eq!((report.applied, report.dead), (2, 0));
    assert_eq!(world.store.history(1), [Some(99)]);
    assert_eq!(world.store.history(2), [None]);
    assert_eq!(cache.stats().behind.coalesced, 100);
}

#[test]
fn g4_what_a_dropped_cache_left_dirty_is_taken_up_by_the_next() {
    let world = World::new();
    let cache = world.open();
    cache.put(1, 10).wait().unwrap();
    cache.put(2, 20).wait().unwrap();
    cache.put(2, 21).wait().unwrap();
    cache.remove(&1).wait().unwrap();
    drop(cache);
    assert_eq!(world.store.calls(), (0, 0));
    world.store.set_down(true);
    let cache = world.open();
    assert_eq!((read(&cache, 1), read(&cache, 2)), (None, Some(21)));
    assert_eq!(cache.stats().behind.recovered, 2);
    world.store.set_down(false);
    world.pass_until(|| world.store.value(2) == Some(21));
    cache.flush().wait().unwrap();
    assert_eq!(world.store.history(2), [Some(21)]);
    let last = world.store.stamp(2).unwrap();
    cache.put(2, 22).wait().unwrap();
    cache.close().wait().unwrap();
    assert!(world.store.stamp(2).unwrap() > last);
    drop(cache);
    assert_eq!(world.open().stats().behind.recovered, 0);
}

#[test]
fn a_removal_says_whether_the_key_was_there_by_whoever_knows() {
    let world = World::new();
    world.store.set(5, 50);
    let cache = world.open();
    assert!(cache.remove(&5).wait().unwrap(), "the store knows");
    assert!(
        !cache.remove(&5).wait().unwrap(),
        "it is removed, though not in the store"
    );
    assert!(!cache.remove(&6).wait().unwrap());
    cache.put(7, 70).wait().unwrap();
    let loads = world.store.loads.load(Ordering::SeqCst);
    assert!(cache.remove(&7).wait().unwrap(), "nobody has to be asked");
    assert_eq!(world.store.loads.load(Ordering::SeqCst), loads);
    world.store.loads_fail.store(true, Ordering::SeqCst);
    let unknowable = cache.remove(&8).wait();
    assert!(matches!(unknowable, Err(RemoveError::Existence(_))));
    assert!(!cache.explain(&8).dirty);
    cache.flush().wait().unwrap();
    assert_eq!(world.store.value(5), None);
}

#[test]
fn a_journal_that_the_codecs_do_not_read_is_an_error_and_stays_as_it_is() {
    let world = World::new();
    let cache = world.open();
    cache.put(1, u64::MAX).wait().unwrap();
    drop(cache);
    let text = Tiered::<u64, String>::builder()
        .memory(MemoryTier::entries(10))
        .store(InMemory::new())
        .writes(world.behind())
        .build();
    let Err(BuildError::Journal(error)) = text else {
        panic!("eight bytes of 0xff are no text");
    };
    assert_eq!(error.kind(), JournalErrorKind::Codec);
    assert!(error.to_string().contains("codecs"), "{error}");
    assert_eq!(read(&world.open(), 1), Some(u64::MAX));
}

#[test]
fn calls_of_one_batch_take_as_many_changes_as_it_may_have() {
    let world = World::new();
    let cache = world.open_with(world.behind().batch(8));
    for key in 0..64 {
        cache.put(key, key).wait().unwrap();
    }
    cache.flush().wait().unwrap();
    assert_eq!(world.store.calls(), (8, 8));
    assert_eq!(cache.stats().behind.dirty_keys_peak, 64);
}
