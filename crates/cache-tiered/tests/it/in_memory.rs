//! The store in memory: its limit and its batches.

use cache_tiered::{ApplyError, BlockingSink, InMemory, InMemoryError, Mutation};
use std::collections::BTreeMap;

type Store = InMemory<u64, u64>;

fn full(limit: usize) -> ApplyError<InMemoryError> {
    ApplyError::Refused(InMemoryError::Full { limit })
}

#[test]
fn the_limit_is_hard_and_overwrites_at_it_succeed() {
    let store = Store::with_limit(2).unwrap();
    for key in [1, 2] {
        assert!(
            !store
                .apply(&[Mutation::put(key, key, key)])
                .unwrap()
                .existed(0)
        );
    }
    assert_eq!(store.apply(&[Mutation::put(3, 3, 3)]), Err(full(2)));
    assert!(store.apply(&[Mutation::put(2, 20, 4)]).unwrap().existed(0));
    assert_eq!(store.entries(), BTreeMap::from([(1, 1), (2, 20)]));
    assert_eq!(
        full(2).to_string(),
        "the store refused the write: the store is full at its limit of 2 entries: remove some or raise the limit"
    );
}

#[test]
fn a_batch_beyond_the_limit_changes_nothing() {
    let store = Store::with_limit(2).unwrap();
    store.apply(&[Mutation::put(1, 1, 1)]).unwrap();
    let batch = [
        Mutation::put(1, 10, 2),
        Mutation::put(2, 20, 3),
        Mutation::put(3, 30, 4),
    ];
    assert_eq!(store.apply(&batch), Err(full(2)));
    assert_eq!(store.entries(), BTreeMap::from([(1, 1)]));
}

#[test]
fn a_batch_is_judged_by_what_it_leaves() {
    let store = Store::with_limit(2).unwrap();
    store
        .apply(&[Mutation::put(1, 1, 1), Mutation::put(2, 2, 2)])
        .unwrap();
    // Two new keys, of which one is gone again at the end, in place of one that is removed.
    let batch = [
        Mutation::put(3, 3, 3),
        Mutation::put(4, 4, 4),
        Mutation::remove(3, 5),
        Mutation::remove(1, 6),
    ];
    let applied = store.apply(&batch).unwrap();
    assert_eq!(format!("{applied:?}"), "[false, false, true, true]");
    assert_eq!(store.entries(), BTreeMap::from([(2, 2), (4, 4)]));
}

#[test]
fn a_limit_of_zero_is_refused() {
    assert_eq!(Store::with_limit(0).unwrap_err(), InMemoryError::ZeroLimit);
}

#[test]
fn batches_of_more_than_64_tell_of_each_mutation() {
    let store = Store::new();
    store
        .apply(
            &(0..200)
                .map(|key| Mutation::put(key, key, key))
                .collect::<Vec<_>>(),
        )
        .unwrap();
    let removals: Vec<_> = (0..400)
        .step_by(2)
        .map(|key| Mutation::remove(key, key))
        .collect();
    let applied = store.apply(&removals).unwrap();
    assert!((0..200).all(|index| applied.existed(index) == (index < 100)));
    assert_eq!((applied.len(), store.len()), (200, 100));
}
