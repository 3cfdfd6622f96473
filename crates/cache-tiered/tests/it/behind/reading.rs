//! Reads beside what is acknowledged and not in the store yet: nothing older takes its place.

use super::faulty::World;
use crate::doubles::{cached, read};
use cache_tiered::{Compute, Life, Loaded, Tier};
use std::convert::Infallible;
use std::thread;
use std::time::Duration;

#[test]
fn g1_a_loader_in_the_background_does_not_take_the_place_of_a_dirty_value() {
    let world = World::new();
    let cache = world.open();
    let life = Life::DEFAULT.refresh_after(Duration::from_millis(1));
    cache.put_with(1, 10, life).wait().unwrap();
    world.pass(Duration::from_millis(1));
    let load = cache.get_or_load(&1, |_| async { Ok::<_, Infallible>(Loaded::from(Some(9))) });
    assert_eq!(load.wait().unwrap().unwrap().value, 10);
    while cache.stats().refreshes == 0 || cache.explain(&1).loading {
        thread::yield_now();
    }
    assert_eq!(cached(&cache, 1), Some(10));
    assert_eq!(world.store.calls(), (0, 0));
}

#[test]
fn g1_values_at_hand_do_not_take_the_place_of_dirty_ones() {
    let world = World::new();
    let cache = world.open();
    cache.put(1, 10).wait().unwrap();
    cache.invalidate(&1);
    let report = cache.warm_with([(1, 9), (2, 20)]);
    assert_eq!((report.loaded, report.present), (1, 1));
    assert_eq!((read(&cache, 1), read(&cache, 2)), (Some(10), Some(20)));
}

#[test]
fn many_keys_are_found_dirty_and_in_the_store_at_once() {
    let world = World::new();
    world.store.set(1, 9);
    world.store.set(2, 20);
    let cache = world.open();
    cache.put(1, 10).wait().unwrap();
    cache.invalidate(&1);
    let hits: Vec<_> = cache
        .get_many(&[1, 2, 3])
        .wait()
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let found = hits
        .iter()
        .map(|hit| hit.as_ref().map(|hit| (hit.value, hit.tier)));
    let expected = [Some((10, Tier::Dirty)), Some((20, Tier::Store)), None];
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn a_count_over_a_dirty_value_goes_on_from_it() {
    let world = World::new();
    let cache = world.open();
    let count = |former: Option<u64>| Compute::Put(former.unwrap_or(0) + 1);
    for expected in 1..=10 {
        cache.invalidate(&1);
        assert_eq!(cache.compute(1, count).wait().unwrap(), Some(expected));
    }
    cache.flush().wait().unwrap();
    assert_eq!(world.store.value(1), Some(10));
}
