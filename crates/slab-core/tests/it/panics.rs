//! The caller's code panics at the kth call, for every k: the structure stays whole.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use slab_core::{Arena, Counting, Global, SecondaryMap};

/// Counts drops, and panics at one of them.
struct Bomb {
    number: u32,
    dropped: Rc<Cell<u32>>,
    panics: bool,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.dropped.set(self.dropped.get() + 1);
        if self.panics {
            panic!("a bomb went off");
        }
    }
}

const COUNT: u32 = 20;

fn bombs(k: u32, dropped: &Rc<Cell<u32>>) -> impl Iterator<Item = Bomb> {
    let dropped = dropped.clone();
    (0..COUNT).map(move |number| Bomb {
        number,
        dropped: dropped.clone(),
        panics: number == k,
    })
}

/// Runs `step` on an arena whose kth value panics when dropped, for every k, and checks what is left.
fn with_bombs(step: impl Fn(&mut Arena<Bomb, &Counting<Global>>)) {
    for k in 0..COUNT {
        let memory = Counting::new(Global);
        let dropped = Rc::new(Cell::new(0));
        let mut arena = Arena::with_slots_per_slab_in(4, &memory);
        arena.extend(bombs(k, &dropped));
        let outcome = catch_unwind(AssertUnwindSafe(|| step(&mut arena)));
        assert!(outcome.is_err(), "the bomb went off");
        assert_eq!(
            arena.len() as u32 + dropped.get(),
            COUNT,
            "each value is there or was dropped"
        );
        assert!(arena.iter().all(|(_, bomb)| bomb.number != k));
        assert_eq!(arena.iter().count(), arena.len());
        arena.clear();
        assert_eq!(dropped.get(), COUNT, "each value was dropped once");
        arena.release_empty(0);
        assert_eq!(arena.stats().slabs, 0, "every slab can be released");
        let handle = arena.insert(Bomb {
            number: 99,
            dropped: dropped.clone(),
            panics: false,
        });
        assert_eq!(arena[handle].number, 99);
        drop(arena);
        assert_eq!(memory.live_bytes(), 0);
    }
}

#[test]
fn a_panicking_drop_in_clear_leaves_the_arena_whole() {
    with_bombs(|arena| arena.clear());
}

#[test]
fn a_panicking_drop_in_retain_leaves_the_arena_whole() {
    with_bombs(|arena| arena.retain(|_, _| false));
}

#[test]
fn a_panicking_drop_in_drain_leaves_the_arena_whole() {
    with_bombs(|arena| arena.drain().for_each(drop));
    with_bombs(|arena| drop(arena.drain()));
}

#[test]
fn a_panicking_drop_of_a_removed_value_leaves_the_arena_whole() {
    with_bombs(|arena| {
        let handles: Vec<_> = arena.iter().map(|(handle, _)| handle).collect();
        for handle in handles {
            drop(arena.remove(handle));
        }
    });
}

#[test]
fn a_panicking_drop_in_the_arenas_own_drop_leaks_nothing() {
    for k in 0..COUNT {
        let memory = Counting::new(Global);
        let dropped = Rc::new(Cell::new(0));
        let mut arena = Arena::with_slots_per_slab_in(4, &memory);
        arena.extend(bombs(k, &dropped));
        catch_unwind(AssertUnwindSafe(|| drop(arena))).expect_err("the bomb went off");
        assert_eq!(dropped.get(), COUNT);
        assert_eq!((memory.live_bytes(), memory.live_blocks()), (0, 0));
    }
}

#[test]
fn a_panicking_drop_in_into_iter_leaks_nothing() {
    for k in 0..COUNT {
        let memory = Counting::new(Global);
        let dropped = Rc::new(Cell::new(0));
        let mut arena = Arena::with_slots_per_slab_in(4, &memory);
        arena.extend(bombs(k, &dropped));
        catch_unwind(AssertUnwindSafe(|| drop(arena.into_iter().nth(3)))).expect_err("it went off");
        assert_eq!(dropped.get(), COUNT);
        assert_eq!(memory.live_bytes(), 0);
    }
}

#[test]
fn a_panic_while_making_a_value_changes_nothing() {
    let mut arena = Arena::new();
    let kept = arena.insert(String::from("kept"));
    let mut promised = None;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        arena.insert_with(|handle| {
            promised = Some(handle);
            panic!("no value")
        })
    }));
    assert!(outcome.is_err());
    assert_eq!(arena.len(), 1);
    assert!(!arena.contains(promised.expect("it was called")));
    assert_eq!(arena[kept], "kept");
    let next = arena.insert(String::from("next"));
    assert_eq!(Some(next), promised, "the slot was not lost");
}

#[test]
fn a_panic_in_the_closure_of_retain_keeps_the_rest() {
    for k in 0..10 {
        let mut arena: Arena<String> = (0..10).map(|value| value.to_string()).collect();
        let mut calls = 0;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            arena.retain(|_, _| {
                calls += 1;
                assert!(calls <= k, "the closure gives up");
                false
            });
        }));
        assert!(outcome.is_err());
        assert_eq!(arena.len(), 10 - k);
        assert_eq!(arena.iter().count(), 10 - k);
    }
}

#[test]
fn a_panicking_iterator_keeps_what_it_gave() {
    let mut arena = Arena::new();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        arena.extend((0..10).inspect(|&value| assert!(value < 7, "the source gives up")));
    }));
    assert!(outcome.is_err());
    assert_eq!(arena.len(), 7);
}

#[test]
fn a_panicking_drop_leaves_a_secondary_map_whole() {
    for k in 0..COUNT {
        let memory = Counting::new(Global);
        let dropped = Rc::new(Cell::new(0));
        let mut arena = Arena::new();
        let mut map = SecondaryMap::new_in(&memory);
        for bomb in bombs(k, &dropped) {
            map.insert(arena.insert(()), bomb);
        }
        catch_unwind(AssertUnwindSafe(|| map.clear())).expect_err("the bomb went off");
        assert_eq!(map.len() as u32 + dropped.get(), COUNT);
        drop(map);
        assert_eq!(dropped.get(), COUNT);
        assert_eq!(memory.live_bytes(), 0);
    }
}

#[test]
fn a_panicking_drop_in_the_maps_own_drop_leaks_nothing() {
    for k in 0..COUNT {
        let memory = Counting::new(Global);
        let dropped = Rc::new(Cell::new(0));
        let mut arena = Arena::new();
        let mut map = SecondaryMap::new_in(&memory);
        for bomb in bombs(k, &dropped) {
            map.insert(arena.insert(()), bomb);
        }
        catch_unwind(AssertUnwindSafe(|| drop(map))).expect_err("the bomb went off");
        assert_eq!(dropped.get(), COUNT);
        assert_eq!((memory.live_bytes(), memory.live_blocks()), (0, 0));
    }
}

#[test]
fn a_panic_in_the_closure_of_compact_step_leaves_the_arena_whole() {
    for k in 0..15 {
        let memory = Counting::new(Global);
        let mut arena = Arena::with_slots_per_slab_in(4, &memory);
        let handles: Vec<_> = (0..64).map(|number| arena.insert(number)).collect();
        let mut live: Vec<_> = handles
            .iter()
            .copied()
            .filter(|&handle| arena[handle] % 4 == 0 || arena.remove(handle).is_none())
            .collect();
        let mut moves = 0;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            arena.compact_step(usize::MAX, |old, new, _| {
                *live.iter_mut().find(|handle| **handle == old).unwrap() = new;
                moves += 1;
                assert!(moves <= k, "move {k}");
            })
        }));
        assert_eq!(
            outcome.is_err(),
            k < 12,
            "16 values of 16 slabs fit into 4: 12 moves"
        );
        let numbers: Vec<_> = live.iter().map(|&handle| arena[handle]).collect();
        assert!(numbers.iter().copied().eq((0..64).step_by(4)));
        let more = arena.compact_step(usize::MAX, |_, _, _| ());
        assert_eq!(moves.min(12) + more, 12);
        assert_eq!((arena.release_empty(0), arena.len()), (12, 16));
        arena.extend(100..200);
        assert_eq!(arena.len(), 116);
        drop(arena);
        assert_eq!(memory.live_blocks(), 0);
    }
}

/// Panics when cloned for the kth time.
struct Fuse<'a> {
    clones_left: &'a Cell<u32>,
    alive: &'a Cell<i32>,
}

impl Clone for Fuse<'_> {
    fn clone(&self) -> Self {
        assert!(self.clones_left.get() != 0, "the fuse has burnt down");
        self.clones_left.set(self.clones_left.get() - 1);
        self.alive.set(self.alive.get() + 1);
        Self { ..*self }
    }
}

impl Drop for Fuse<'_> {
    fn drop(&mut self) {
        self.alive.set(self.alive.get() - 1);
    }
}

#[test]
fn a_panicking_clone_leaves_the_original_alone_and_leaks_nothing() {
    for k in 0..=30 {
        let memory = Counting::new(Global);
        let (clones_left, alive) = (Cell::new(k), Cell::new(0));
        let mut arena = Arena::with_slots_per_slab_in(4, &memory);
        let mut map = SecondaryMap::new_in(&memory);
        for _ in 0..20 {
            alive.set(alive.get() + 2);
            let fuse = || Fuse {
                clones_left: &clones_left,
                alive: &alive,
            };
            let handle = arena.insert(fuse());
            map.insert(handle, fuse());
        }
        let holes: Vec<_> = arena.iter().map(|(handle, _)| handle).step_by(2).collect();
        for handle in holes {
            arena.remove(handle);
            map.remove(handle);
        }
        let held = memory.live_bytes();
        let copies = catch_unwind(AssertUnwindSafe(|| (arena.clone(), map.clone())));
        assert_eq!(copies.is_ok(), k >= 20, "10 values and 10 more");
        if let Ok((copy, map)) = copies {
            let (mut of_copy, mut of_arena) = (copy.iter(), arena.iter());
            assert!(
                of_copy
                    .by_ref()
                    .zip(of_arena.by_ref())
                    .all(|(a, b)| a.0 == b.0)
            );
            assert!(of_copy.next().is_none() && of_arena.next().is_none());
            assert_eq!((alive.get(), map.len()), (40, 10));
        }
        assert_eq!((alive.get(), memory.live_bytes()), (20, held));
    }
}
