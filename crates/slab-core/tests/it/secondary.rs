//! Secondary maps against a hash map, beside an arena that changes.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, RngSeed};
use slab_core::{Arena, Handle, HandleError, InsertErrorKind, SecondaryMap};

#[test]
fn a_stale_handle_does_not_overwrite_a_later_one() {
    let mut arena = Arena::new();
    let mut map = SecondaryMap::new();
    let old = arena.insert(());
    assert_eq!(map.insert(old, "old"), None);
    arena.remove(old);
    let new = arena.insert(());
    assert_eq!(map.get(new), None);
    assert_eq!(
        map.insert(new, "new"),
        None,
        "the value of the removed one is not the new one's"
    );
    assert_eq!(map.get(old), None);
    let refused = map
        .try_insert(old, "late")
        .expect_err("a later handle was used");
    assert_eq!(refused.kind(), InsertErrorKind::Handle(HandleError::Stale));
    assert_eq!(refused.into_value(), "late");
    assert_eq!(map.insert(new, "newer"), Some("new"));
    assert_eq!((map[new], map.len()), ("newer", 1));
    assert_eq!(map.remove(new), Some("newer"));
    let refused = map
        .try_insert(old, "late")
        .expect_err("a later handle was used, though its value is gone");
    assert_eq!(refused.kind(), InsertErrorKind::Handle(HandleError::Stale));
    assert_eq!(map.insert(new, "again"), None, "the same handle may");
}

#[test]
fn a_sparse_map_holds_few_slabs() {
    let memory = slab_core::Counting::new(slab_core::Global);
    let mut arena = Arena::new();
    let handles: Vec<_> = (0..1_000_000).map(|value| arena.insert(value)).collect();
    let mut map = SecondaryMap::new_in(&memory);
    map.insert(handles[999_999], 1_u32);
    assert!(
        memory.live_bytes() < 100_000,
        "one slab, and the directory up to it"
    );
    assert_eq!(map.iter().next(), Some((handles[999_999], &1)));
}

#[test]
#[should_panic(expected = "no value is stored for the handle")]
fn indexing_with_a_handle_that_was_never_used_panics() {
    let mut arena = Arena::new();
    let map = SecondaryMap::<u8, u8>::new();
    let _ = map[arena.insert(1)];
}

#[test]
#[should_panic(expected = "no value is stored for the handle")]
fn indexing_with_a_handle_whose_value_was_removed_panics() {
    let mut arena = Arena::new();
    let mut map = SecondaryMap::new();
    let handle = arena.insert(1);
    map.insert(handle, 2);
    map.remove(handle);
    map[handle] += 1;
}

proptest! {
    #![proptest_config(Config {
        cases: super::cases(100_000),
        // A new generator is made for each step that is drawn: this one is made quickest.
        rng_algorithm: RngAlgorithm::XorShift,
        rng_seed: RngSeed::Fixed(0x5EC0),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn secondary_map_equals_a_map(steps in prop::collection::vec((0_u8..9, any::<u16>()), 200)) {
        let mut arena = Arena::with_slots_per_slab(4);
        let mut handles: Vec<Handle<()>> = Vec::new();
        let mut map = SecondaryMap::new();
        let mut model: HashMap<Handle<()>, u16> = HashMap::new();
        for (step, number) in steps {
            let handle = handles.get(number as usize % handles.len().max(1)).copied();
            match (step, handle) {
                (0..3, _) => handles.push(arena.insert(())),
                (3, Some(handle)) => {
                    arena.remove(handle);
                    handles.retain(|&other| other != handle);
                }
                (4..6, Some(handle)) => {
                    model.retain(|other, _| *other == handle || other.index() != handle.index());
                    assert_eq!(map.insert(handle, number), model.insert(handle, number));
                }
                (6, Some(handle)) => assert_eq!(map.remove(handle), model.remove(&handle)),
                (7, Some(handle)) => {
                    assert_eq!(map.get_mut(handle).copied(), model.get(&handle).copied());
                }
                (8, _) if number % 20 == 0 => {
                    map.retain(|handle, _| arena.contains(handle));
                    model.retain(|handle, _| arena.contains(*handle));
                }
                (8, _) if number % 20 == 1 => {
                    map.release_empty(number as usize / 20 % 3);
                }
                _ => {}
            }
            assert_eq!(map.len(), model.len());
        }
        let mut seen: Vec<_> = map.iter().map(|(handle, &value)| (handle, value)).collect();
        let mut expected: Vec<_> = model.into_iter().collect();
        seen.sort();
        expected.sort();
        assert_eq!(&seen, &expected);
        assert_eq!(map.iter_mut().count(), expected.len());
    }
}
