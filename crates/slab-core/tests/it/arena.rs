//! What an arena promises, each promise by name.

use std::collections::HashSet;

use slab_core::{
    Arena, Counting, Failing, Global, Handle, HandleError, InsertErrorKind, SecondaryMap,
    StaticRegion,
};

#[test]
fn stale_handle_never_reads_another_value() {
    let mut arena = Arena::new();
    let old = arena.insert(String::from("old"));
    assert_eq!(arena.remove(old).as_deref(), Some("old"));
    let new = arena.insert(String::from("new"));
    assert_eq!(new.index(), old.index(), "the slot is used again");
    assert_eq!(arena.get(old), None);
    assert_eq!(arena.get_mut(old), None);
    assert_eq!(arena.remove(old), None);
    assert_eq!(arena.check(old), Err(HandleError::Stale));
    assert_eq!(arena[new], "new");
}

#[test]
fn handle_is_eight_bytes() {
    assert_eq!(size_of::<Handle<[u8; 100]>>(), 8);
    assert_eq!(size_of::<Option<Handle<[u8; 100]>>>(), 8);
}

#[test]
fn handle_is_copy_send_sync_for_any_type() {
    fn holds<T: Copy + Send + Sync + Eq + Ord + std::hash::Hash>() {}
    holds::<Handle<std::rc::Rc<*mut u8>>>();
}

#[test]
fn handle_bits_round_trip_and_others_are_refused() {
    let mut arena: Arena<u8> = (0..100).collect();
    let handles: Vec<_> = arena.iter().map(|(handle, _)| handle).collect();
    for &handle in &handles {
        assert_eq!(Handle::from_bits(handle.to_bits()), Some(handle));
    }
    assert_eq!(Handle::<u8>::from_bits(0), None);
    assert_eq!(Handle::<u8>::from_bits(7), None, "generation 0");
    assert_eq!(Handle::<u8>::from_bits(2 << 32), None, "an even generation");
    assert_eq!(
        Handle::<u8>::from_bits(u64::MAX),
        None,
        "beyond the last generation"
    );
    let forged = Handle::<u8>::from_bits(1 << 32 | 5_000_000).expect("some arena's");
    assert_eq!(arena.check(forged), Err(HandleError::OutOfRange));
    let early = Handle::<u8>::from_bits(9 << 32).expect("some arena's");
    assert_eq!(arena.check(early), Err(HandleError::Vacant));
    assert_eq!(arena.remove(early), None);
}

#[test]
fn two_providers_in_one_program() {
    static FIRST: StaticRegion<8192> = StaticRegion::new();
    let second = Counting::new(Global);
    let mut a = Arena::with_slots_per_slab_in(16, &FIRST);
    let mut b = Arena::with_slots_per_slab_in(16, &second);
    let (x, y) = (a.insert(1), b.insert(2));
    assert_eq!((a[x], b[y]), (1, 2));
    assert!(FIRST.free_bytes() < 8192 && second.live_bytes() > 0);
    drop((a, b));
    assert_eq!((FIRST.free_bytes(), second.live_bytes()), (8192, 0));
}

#[test]
fn an_arena_may_borrow_a_dyn_provider() {
    let memory = Counting::new(Global);
    let provider: &dyn slab_core::Provider = &memory;
    let mut arena = Arena::new_in(provider);
    let handle = arena.insert(5);
    assert_eq!(arena[handle], 5);
    drop(arena);
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn growth_moves_no_value() {
    let mut arena = Arena::with_slots_per_slab(4);
    let first = arena.insert(0_u64);
    let address = &raw const arena[first];
    for value in 1..1000 {
        arena.insert(value);
    }
    assert_eq!(&raw const arena[first], address);
}

#[test]
fn an_empty_arena_holds_no_memory() {
    let memory = Counting::new(Global);
    let arena = Arena::<u64, _>::new_in(&memory);
    assert_eq!((memory.allocations(), arena.stats().bytes), (0, 0));
    assert_eq!(arena.iter().next(), None);
}

#[test]
fn indices_are_dense() {
    for slots in [1, 2, 32, 64, 128, 4096, 9999] {
        let mut arena = Arena::with_slots_per_slab(slots);
        let indices: Vec<u32> = (0..10_000)
            .map(|value| arena.insert(value).index())
            .collect();
        let mut sorted = indices.clone();
        sorted.sort_unstable();
        assert!(sorted.iter().copied().eq(0..10_000), "{slots} slots a slab");
        assert!(arena.stats().slots < 10_000 + 4096);
    }
}

#[test]
fn slots_per_slab_is_a_power_of_two_within_bounds() {
    for (asked, given) in [
        (0, 1),
        (1, 1),
        (3, 4),
        (64, 64),
        (65, 128),
        (4096, 4096),
        (u32::MAX, 4096),
    ] {
        assert_eq!(
            Arena::<u8>::with_slots_per_slab(asked)
                .stats()
                .slots_per_slab,
            given
        );
    }
}

#[test]
fn released_slab_leaves_stale_handles_dead() {
    let mut arena = Arena::with_slots_per_slab(4);
    let mut dead = HashSet::new();
    for round in 0..50 {
        let handles: Vec<_> = (0..16).map(|value| arena.insert(value + round)).collect();
        for handle in handles {
            assert!(dead.insert(handle), "{handle:?} was given out twice");
            arena.remove(handle);
        }
        assert_eq!(arena.release_empty(0), 4);
        assert_eq!(arena.stats().slabs, 0);
        assert!(
            dead.iter()
                .all(|&handle| arena.check(handle) == Err(HandleError::Stale))
        );
    }
}

#[test]
fn release_keeps_live_values_and_what_was_asked_for() {
    let memory = Counting::new(Global);
    let mut arena = Arena::with_slots_per_slab_in(8, &memory);
    let handles: Vec<_> = (0..80_u32).map(|value| arena.insert(value)).collect();
    arena.retain(|_, value| *value == 33);
    assert_eq!(arena.release_empty(2), 7);
    assert_eq!(arena.stats().slabs, 3);
    assert_eq!(arena[handles[33]], 33);
    assert_eq!(arena.release_empty(0), 2);
    let again: Vec<_> = (0..79_u32).map(|value| arena.insert(value)).collect();
    assert!(
        again.iter().all(|handle| handle.index() < 80),
        "released slabs come back first"
    );
    drop(arena);
    assert_eq!(memory.live_bytes(), 0);
}

#[test]
fn a_reserved_arena_needs_no_memory() {
    let memory = Counting::new(Global);
    let mut arena = Arena::with_slots_per_slab_in(16, &memory);
    arena.try_reserve(100).expect("memory is there");
    let calls = memory.allocations();
    arena.extend(0..100);
    assert_eq!(memory.allocations(), calls);
}

#[test]
fn a_reservation_beyond_the_index_space_takes_no_memory() {
    let memory = Counting::new(Failing::since(Global, 100));
    let mut arena = Arena::<u64, _>::new_in(&memory);
    arena.insert(1);
    let calls = memory.allocations();
    for additional in [usize::MAX, u32::MAX as usize] {
        assert_eq!(
            arena.try_reserve(additional),
            Err(InsertErrorKind::IndexSpace)
        );
    }
    assert_eq!(memory.allocations(), calls);
}

#[test]
fn zero_sized_and_over_aligned_values() {
    #[derive(Debug, PartialEq)]
    #[repr(align(4096))]
    struct Page(u8);

    let mut units = Arena::new();
    let handles: Vec<_> = (0..5000).map(|_| units.insert(())).collect();
    assert_eq!(units.len(), 5000);
    assert_eq!(units.remove(handles[17]), Some(()));
    assert_eq!(units.remove(handles[17]), None);
    assert_eq!(units.iter().count(), 4999);

    let mut pages = Arena::new();
    let handles: Vec<_> = (0..40).map(|value| pages.insert(Page(value))).collect();
    for (value, &handle) in (0..).zip(&handles) {
        assert_eq!((&raw const pages[handle]).addr() % 4096, 0);
        assert_eq!(pages[handle], Page(value));
    }
    let mut huge = Arena::new();
    let handle = huge.insert([7_u8; 200_000]);
    assert_eq!(huge[handle][199_999], 7);
    assert_eq!(huge.stats().slots, 1);
}

#[test]
fn disjoint_access_gives_each_value_once() {
    let mut arena = Arena::with_slots_per_slab(2);
    let [a, b, c] = [1, 2, 3].map(|value| arena.insert(value));
    {
        let [x, y, z] = arena.get_disjoint_mut([c, a, b]).expect("all are live");
        (*x, *y, *z) = (30, 10, 20);
    }
    assert_eq!([arena[a], arena[b], arena[c]], [10, 20, 30]);
    assert_eq!(
        arena.get_disjoint_mut([a, b, a]),
        Err(HandleError::Repeated)
    );
    arena.remove(b);
    assert_eq!(arena.get_disjoint_mut([a, b]), Err(HandleError::Stale));
    assert_eq!(arena.get_disjoint_mut([]), Ok([]));
}

#[test]
fn all_values_borrowed_at_once_by_iter_mut() {
    let mut arena: Arena<u32> = (0..300).collect();
    let mut values: Vec<&mut u32> = arena.iter_mut().map(|(_, value)| value).collect();
    values.reverse();
    for (at, value) in values.into_iter().enumerate() {
        *value += at as u32;
    }
    assert!(arena.iter().all(|(_, &value)| value == 299));
}

#[test]
fn clear_keeps_slabs_and_kills_handles() {
    let mut arena: Arena<String> = (0..200).map(|value| value.to_string()).collect();
    let handles: Vec<_> = arena.iter().map(|(handle, _)| handle).collect();
    let slots = arena.stats().slots;
    arena.clear();
    assert!(arena.is_empty() && arena.stats().slots == slots);
    arena.extend(handles.iter().map(|_| String::from("again")));
    assert!(handles.iter().all(|&handle| !arena.contains(handle)));
}

#[test]
fn into_iter_gives_every_value_and_drops_the_rest() {
    let value = std::rc::Rc::new(());
    let mut arena = Arena::new();
    for _ in 0..100 {
        arena.insert(value.clone());
    }
    let mut values = arena.into_iter();
    assert_eq!(values.len(), 100);
    drop(values.by_ref().take(30).collect::<Vec<_>>());
    assert_eq!(std::rc::Rc::strong_count(&value), 71);
    drop(values);
    assert_eq!(std::rc::Rc::strong_count(&value), 1);
}

#[test]
fn a_forgotten_drain_loses_nothing() {
    let mut arena: Arena<String> = (0..10).map(|value| value.to_string()).collect();
    let mut drain = arena.drain();
    let (first, value) = drain.next().expect("ten values");
    std::mem::forget(drain);
    assert_eq!(value, "0");
    assert_eq!(arena.len(), 9);
    assert!(!arena.contains(first));
}

#[test]
fn types_are_send_and_sync_with_their_values() {
    fn both<T: Send + Sync>() {}
    both::<Arena<u8>>();
    both::<slab_core::Iter<'_, u8>>();
    both::<slab_core::IterMut<'_, u8>>();
    both::<slab_core::Drain<'_, u8>>();
    both::<slab_core::IntoIter<u8>>();
    both::<slab_core::SecondaryMap<*mut u8, u8>>();
    both::<slab_core::ByteSlab>();
    both::<slab_core::Reservation<'_>>();
}

#[test]
fn arenas_and_handles_are_covariant() {
    fn shorter<'a>(
        arena: Arena<&'static str>,
        handle: Handle<&'static str>,
        text: &'a str,
    ) -> &'a str {
        let mut arena: Arena<&'a str> = arena;
        let handle: Handle<&'a str> = handle;
        let other = arena.insert(text);
        assert_ne!(other, handle);
        arena[handle]
    }
    let mut arena = Arena::new();
    let handle = arena.insert("static");
    assert_eq!(shorter(arena, handle, &String::from("local")), "static");
}

#[test]
#[should_panic(expected = "the handle is stale")]
fn indexing_with_a_stale_handle_panics() {
    let mut arena = Arena::new();
    let handle = arena.insert(1);
    arena.remove(handle);
    let _ = arena[handle];
}

type Memory = Failing<Counting<Global>>;

/// Boxes, and their values by the same handles.
type Boxes<'a> = (
    Arena<Box<u32>, &'a Memory>,
    SecondaryMap<Box<u32>, u32, &'a Memory>,
);

fn arena_and_map(memory: &Memory) -> Boxes<'_> {
    let mut arena = Arena::with_slots_per_slab_in(2, memory);
    let mut map = SecondaryMap::new_in(memory);
    for value in 0..30 {
        let handle = arena.insert(Box::new(value));
        map.insert(handle, value);
    }
    (arena, map)
}

#[test]
fn a_clone_that_is_refused_memory_gives_everything_back() {
    let counting = Failing::at(Counting::new(Global), usize::MAX);
    let built = arena_and_map(&counting);
    let calls = counting.calls();
    drop(built);
    for nth in calls.. {
        let memory = Failing::at(Counting::new(Global), nth);
        let (arena, map) = arena_and_map(&memory);
        let held = memory.provider().live_bytes();
        let copies = arena
            .try_clone()
            .and_then(|copy| Ok((copy, map.try_clone()?)));
        if let Ok((copy, map)) = &copies {
            assert!(copy.iter().eq(arena.iter()));
            assert!(
                map.iter()
                    .eq(copy.iter().map(|(handle, value)| (handle, &**value)))
            );
        }
        let done = copies.is_ok();
        drop(copies);
        assert_eq!(memory.provider().live_bytes(), held);
        if done {
            assert!(
                nth > calls + 15,
                "a slab for two values each, and directories"
            );
            break;
        }
    }
}

#[test]
fn a_slab_that_was_refused_never_was() {
    let memory = Failing::at(Global, 1);
    let mut arena = Arena::<u8, _>::new_in(&memory);
    assert!(arena.try_insert(1).is_err(), "no memory for the first slab");
    let made_up = Handle::from_bits(1 << 32 | 2).unwrap();
    assert_eq!(arena.check(made_up), Err(HandleError::OutOfRange));
    let handle = arena.try_insert(2).expect("the second call is served");
    assert_eq!((handle.index(), arena.stats().slabs), (0, 1));
}

/// One value comes and one goes between two moves: what comes must not go where compaction has just been.
#[test]
fn compaction_gains_on_insertions_in_between() {
    let mut arena = Arena::with_slots_per_slab(64);
    let mut handles: Vec<_> = (0..6400).map(|value| arena.insert(value)).collect();
    let mut random = 1_u32;
    let mut draw = |below: usize| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) as usize % below
    };
    while handles.len() > 800 {
        let at = draw(handles.len());
        arena.remove(handles.swap_remove(at));
    }
    let mut moves = 0;
    loop {
        let moved = arena.compact_step(2, |old, new, _| {
            *handles.iter_mut().find(|handle| **handle == old).unwrap() = new;
        });
        moves += moved;
        if moved < 2 {
            break;
        }
        let at = draw(handles.len());
        arena.remove(handles.swap_remove(at));
        handles.push(arena.insert(0));
    }
    arena.release_empty(0);
    assert!(arena.stats().slabs <= 14, "800 values fit into 13 slabs");
    assert!(moves < 4000, "{moves} moves of 800 values");
}
