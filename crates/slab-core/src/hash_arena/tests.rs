//! The arena with indices of few slots: where it becomes wide, and what a flood of one hash leaves behind.

use std::vec::Vec;

use super::HashArena;
use super::index::Folded;

fn spread(key: u64) -> u64 {
    key.wrapping_mul(0xd6e8_feb8_6659_fd93)
}

#[test]
fn all_are_found_where_the_index_becomes_wide_and_narrow_again() {
    let mut arena = HashArena::new();
    let find_all = |arena: &HashArena<u64>, keys: core::ops::Range<u64>| {
        arena.check();
        for key in keys {
            let found = arena.find(spread(key), |value| *value == key);
            assert_eq!(found, Some((key as u32, &key)));
        }
    };
    for room in [99, 100, 101, 300, 1_000] {
        assert!(arena.try_grow(room));
        assert_eq!(arena.index.is_wide(), room > 100);
        for key in arena.len() as u64..room as u64 {
            arena.insert(spread(key), key);
        }
        find_all(&arena, 0..room as u64);
    }
    for index in (20..999).rev() {
        assert_eq!(arena.remove(index), Some(index.into()));
    }
    // Room for few, but slots up to 999.
    assert!(arena.try_grow(30) && arena.index.is_wide());
    arena.remove(999);
    find_all(&arena, 0..20);
    arena.shrink_to_fit();
    assert!(!arena.index.is_wide());
    find_all(&arena, 0..20);
}

/// The mean number of buckets that look-ups in vain see.
fn seen_in_vain(arena: &HashArena<u64>) -> f64 {
    let seen =
        (1 << 40..(1 << 40) + 4_000).map(|key| arena.index.seen_in_vain(Folded::new(spread(key))));
    seen.sum::<usize>() as f64 / 4_000.0
}

#[test]
fn a_flood_of_one_hash_slows_look_ups_only_while_it_is_there() {
    for others in [0, 1_000] {
        let mut arena = HashArena::new();
        assert!(arena.try_grow(6_000));
        for key in 0..others {
            arena.insert(spread(key), key);
        }
        let before = seen_in_vain(&arena);
        let flood: Vec<u32> = (others..6_000).map(|key| arena.insert(7, key)).collect();
        assert!(seen_in_vain(&arena) > 10.0);
        // Neither in the order in which they came nor in the opposite one.
        for step in 0..flood.len() {
            arena.remove(flood[step * 7 % flood.len()]);
        }
        arena.check();
        assert_eq!(arena.len() as u64, others);
        assert!(seen_in_vain(&arena) < before + 0.3);
    }
}

#[test]
fn a_flood_that_is_replaced_leaves_look_ups_as_fast_as_without_it() {
    let mut arena = HashArena::new();
    assert!(arena.try_grow(6_000));
    let places: Vec<u32> = (0..6_000).map(|key| arena.insert(7, key)).collect();
    for &index in &places {
        arena.replace(index, spread(index.into()), index.into());
    }
    arena.check();
    let after = seen_in_vain(&arena);
    let mut other = HashArena::new();
    assert!(other.try_grow(6_000));
    for key in 0..6_000 {
        other.insert(spread(key), key);
    }
    assert!(after < seen_in_vain(&other) + 0.3, "{after}");
}
