//! What `Cache` takes, and what it refuses: capacities of 0 and 1, weights of 0 and beyond all room, pins.

use cache_policies::{AnyConfig, AnyPolicy, Cache, Cause, RejectReason};

/// Weighs a value by its bytes.
const BYTES: fn(&u64, &Vec<u8>) -> u32 = |_, value| value.len() as u32;

#[test]
fn insert_reports_rejection_with_the_value_back() {
    let mut cache = Cache::<u64, Vec<u8>>::builder()
        .capacity(10)
        .weigher(BYTES)
        .build()
        .unwrap();
    cache.insert(1, vec![1; 4]).unwrap();
    cache.insert(2, vec![2; 4]).unwrap();

    let rejected = cache.insert(1, vec![9; 11]).unwrap_err();
    assert_eq!(
        (rejected.key, rejected.value, rejected.reason),
        (1, vec![9; 11], RejectReason::TooHeavy)
    );
    let rejected = cache.insert(3, vec![9; 11]).unwrap_err();
    assert_eq!(
        (rejected.key, rejected.value, rejected.reason),
        (3, vec![9; 11], RejectReason::TooHeavy)
    );

    // The cache is as it was.
    assert_eq!(cache.peek(&1), Some(&vec![1; 4]));
    assert_eq!(cache.peek(&2), Some(&vec![2; 4]));
    assert_eq!(
        (cache.len(), cache.weight(), cache.stats().rejections),
        (2, 8, 2)
    );
}

#[test]
fn insert_is_refused_and_never_overshoots_when_all_is_pinned() {
    let mut cache = Cache::<u64, Vec<u8>>::builder()
        .capacity(10)
        .weigher(BYTES)
        .build()
        .unwrap();
    cache.insert(1, vec![1; 6]).unwrap();
    cache.insert(2, vec![2; 2]).unwrap();
    assert!(cache.pin(&1));
    assert!(cache.pin(&1), "pinning twice is pinning once");

    let rejected = cache.insert(3, vec![3; 5]).unwrap_err();
    assert_eq!(
        (rejected.value, rejected.reason),
        (vec![3; 5], RejectReason::AllPinned)
    );
    assert!(
        cache.contains(&2),
        "nobody is evicted for an insert that is refused"
    );

    cache.insert(3, vec![3; 4]).unwrap();
    assert!(cache.contains(&1) && !cache.contains(&2));
    assert_eq!((cache.pinned_weight(), cache.pinned_len()), (6, 1));
    assert!(cache.unpin(&1));
    assert!(!cache.unpin(&1));
    cache.insert(4, vec![4; 10]).unwrap();
    assert_eq!(cache.keys().collect::<Vec<_>>(), [&4]);
}

#[test]
fn a_capacity_of_zero_takes_only_what_weighs_nothing() {
    let mut cache = Cache::<u64, Vec<u8>>::builder()
        .capacity(0)
        .max_entries(2)
        .weigher(BYTES)
        .build()
        .unwrap();
    assert_eq!(
        cache.insert(1, vec![0]).unwrap_err().reason,
        RejectReason::TooHeavy
    );
    for key in 0..5 {
        cache.insert(key, vec![]).unwrap();
    }
    // Entries without weight are bounded by the entry limit.
    assert_eq!(
        (cache.len(), cache.weight(), cache.stats().evictions),
        (2, 0, 3)
    );
    cache.check();

    let mut cache = Cache::<u64, u64>::new(0);
    assert_eq!(
        cache.insert(1, 1).unwrap_err().reason,
        RejectReason::TooHeavy
    );
    assert_eq!(cache.get_or_insert_with(1, || 1).unwrap_err().value, 1);
    assert!(cache.is_empty());
}

#[test]
fn an_entry_limit_of_zero_takes_nothing() {
    let mut cache = Cache::<u64, u64>::builder()
        .capacity(10)
        .max_entries(0)
        .build()
        .unwrap();
    assert_eq!(
        cache.insert(1, 1).unwrap_err().reason,
        RejectReason::TooHeavy
    );
    assert_eq!(
        cache.entry(1).or_insert(1).unwrap_err().reason,
        RejectReason::TooHeavy
    );
}

#[test]
fn a_capacity_of_one_holds_the_newest_under_each_policy() {
    for config in AnyConfig::all() {
        let mut cache = Cache::<u64, u64>::builder()
            .capacity(1)
            .policy::<AnyPolicy>(config)
            .build()
            .unwrap();
        for key in 0..10 {
            assert_eq!(cache.insert(key, key), Ok(None));
            assert_eq!(cache.get(&key), Some(&key));
            assert_eq!(cache.len(), 1);
            cache.check();
        }
        assert_eq!(cache.stats().evictions, 9);
    }
}

#[test]
fn weights_of_zero_and_beyond_the_capacity_are_defined_under_each_policy() {
    for config in AnyConfig::all() {
        let mut cache = Cache::<u64, Vec<u8>>::builder()
            .capacity(4)
            .max_entries(6)
            .policy::<AnyPolicy>(config)
            .weigher(BYTES)
            .listener(Vec::new())
            .build()
            .unwrap();
        for key in 0..20 {
            let weight = [0, 5, 2, 0, 4][key as usize % 5];
            let result = cache.insert(key, vec![0; weight]);
            let reason = result.err().map(|rejected| rejected.reason);
            assert_eq!(reason, (weight == 5).then_some(RejectReason::TooHeavy));
            assert_eq!(cache.contains(&key), weight != 5);
            assert!(cache.weight() <= 4 && cache.len() <= 6);
            cache.check();
        }
        // All of it is one entry's, and those without weight may stay beside it.
        assert_eq!(
            (cache.peek(&19).map(Vec::len), cache.weight()),
            (Some(4), 4)
        );
        cache.get_mut(&19).unwrap().push(0);
        assert_eq!((cache.peek(&19), cache.weight()), (None, 0));
        assert_eq!(
            cache.listener().last(),
            Some(&(19, vec![0; 5], Cause::Capacity))
        );
        cache.set_capacity(0).unwrap();
        assert_eq!(cache.insert(1, vec![]), Ok(None));
        assert_eq!(
            cache.insert(2, vec![1]).unwrap_err().reason,
            RejectReason::TooHeavy
        );
        cache.check();
    }
}

#[test]
fn the_heaviest_weight_there_is_does_not_overflow() {
    let weigher = |_: &u64, weight: &u32| *weight;
    let mut cache = Cache::<u64, u32>::builder()
        .capacity(u64::MAX)
        .weigher(weigher)
        .build()
        .unwrap();
    for key in 0..3 {
        cache.insert(key, u32::MAX).unwrap();
    }
    assert_eq!(cache.weight(), 3 * u64::from(u32::MAX));
    cache.set_capacity(u64::from(u32::MAX)).unwrap();
    assert_eq!(cache.len(), 1);
    cache.check();
}
