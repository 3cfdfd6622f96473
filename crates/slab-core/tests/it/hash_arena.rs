//! `HashArena` against a plain vector of options.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use proptest::prelude::*;
use slab_core::HashArena;

type Entry = (u64, Rc<usize>);

#[derive(Clone, Debug)]
enum Op {
    Insert(u64),
    Remove(u32),
    Replace(u32, u64),
    Grow(usize),
    Shrink,
    Clone,
}

fn op() -> impl Strategy<Value = Op> {
    // Few hashes, so that many are alike.
    let hash = || (0..40_u64).prop_map(|key| key.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    prop_oneof![
        8 => hash().prop_map(Op::Insert),
        6 => (0..200_u32).prop_map(Op::Remove),
        6 => (0..200_u32, hash()).prop_map(|(index, hash)| Op::Replace(index, hash)),
        2 => (0..200_usize).prop_map(Op::Grow),
        1 => Just(Op::Shrink),
        1 => Just(Op::Clone),
    ]
}

/// Whether the arena has the model's values, each found by its hash and by its index.
fn compare(arena: &HashArena<Entry>, model: &[Option<Entry>]) -> Result<(), TestCaseError> {
    arena.check();
    prop_assert_eq!(arena.len(), model.iter().flatten().count());
    prop_assert_eq!(arena.is_empty(), model.iter().all(Option::is_none));
    let all: Vec<_> = arena.iter().collect();
    let expected = (0..).zip(model);
    let expected: Vec<_> = expected
        .filter_map(|(index, entry)| Some((index, entry.as_ref()?)))
        .collect();
    prop_assert_eq!(all, expected);
    for index in 0..model.len() as u32 + 70 {
        let expected = model.get(index as usize).and_then(Option::as_ref);
        prop_assert_eq!(arena.get(index), expected);
        if let Some((hash, value)) = expected {
            let found = arena.find(*hash, |entry| Rc::ptr_eq(&entry.1, value));
            prop_assert_eq!(found.map(|found| found.0), Some(index));
        }
    }
    prop_assert!(
        arena
            .find(12_345, |_| true)
            .is_none_or(|(index, _)| arena.get(index).is_some())
    );
    Ok(())
}

proptest! {
    #[test]
    fn answers_as_a_vector_of_options_does(ops in prop::collection::vec(op(), 1..300)) {
        let mut arena = HashArena::new();
        let mut model: Vec<Option<Entry>> = Vec::new();
        for (step, op) in ops.into_iter().enumerate() {
            match op {
                Op::Insert(_) if arena.len() == arena.room() => {
                    let room = arena.room() + 1 + step % 3;
                    prop_assert!(arena.try_grow(room));
                    prop_assert_eq!(arena.room(), room);
                }
                Op::Insert(hash) => {
                    let entry = (hash, Rc::new(step));
                    let index = arena.insert(hash, entry.clone()) as usize;
                    if index == model.len() {
                        model.push(None);
                    }
                    prop_assert!(model[index].replace(entry).is_none());
                }
                Op::Remove(index) => {
                    let expected = model.get_mut(index as usize).and_then(Option::take);
                    prop_assert_eq!(arena.remove(index), expected);
                }
                Op::Replace(index, hash) => {
                    let entry = (hash, Rc::new(step));
                    let expected = model.get_mut(index as usize).and_then(Option::as_mut);
                    let replaced = AssertUnwindSafe(|| arena.replace(index, hash, entry.clone()));
                    match expected {
                        Some(expected) => {
                            let former = std::mem::replace(expected, entry.clone());
                            prop_assert_eq!(replaced(), former);
                        }
                        None => prop_assert!(catch_unwind(replaced).is_err()),
                    }
                }
                Op::Grow(room) => {
                    prop_assert!(arena.try_grow(room));
                    prop_assert_eq!(arena.room(), room.max(arena.len()));
                }
                Op::Shrink => {
                    arena.shrink_to_fit();
                    model.truncate(model.iter().rposition(Option::is_some).map_or(0, |at| at + 1));
                    prop_assert_eq!(arena.slots() as usize, model.len());
                }
                Op::Clone => arena = arena.clone(),
            }
            compare(&arena, &model)?;
        }
        let values: Vec<Rc<usize>> = model.into_iter().flatten().map(|entry| entry.1).collect();
        prop_assert!(values.iter().all(|value| Rc::strong_count(value) == 2));
        drop(arena);
        prop_assert!(values.iter().all(|value| Rc::strong_count(value) == 1));
    }
}

#[test]
fn the_index_vacated_last_is_used_first() {
    let mut arena = HashArena::new();
    assert!(arena.try_grow(101));
    for number in 0..100 {
        assert_eq!(arena.insert(number.into(), number), number);
    }
    arena.remove(3);
    arena.remove(90);
    let next = [0, 1, 2].map(|hash| arena.insert(hash, 0));
    assert_eq!(next, [90, 3, 100]);
}

#[test]
fn without_room_an_insert_panics_and_changes_nothing() {
    let mut arena = HashArena::new();
    assert!(catch_unwind(AssertUnwindSafe(|| arena.insert(1, 1))).is_err());
    assert!(arena.try_grow(1));
    arena.insert(1, 1);
    assert!(catch_unwind(AssertUnwindSafe(|| arena.insert(2, 2))).is_err());
    arena.check();
    assert_eq!((arena.len(), arena.find(2, |_| true)), (1, None));
    assert!(!arena.try_grow(usize::MAX));
    arena.check();
}

#[test]
fn a_panicking_destructor_leaves_no_value_undropped() {
    struct Loud<'a>(&'a Cell<u32>, bool);
    impl Drop for Loud<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            assert!(!self.1, "this one panics");
        }
    }
    let dropped = Cell::new(0);
    let mut arena = HashArena::new();
    assert!(arena.try_grow(10));
    for number in 0..10 {
        arena.insert(number, Loud(&dropped, number == 4));
    }
    arena.remove(7);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(arena))).is_err());
    assert_eq!(dropped.get(), 10);
}

#[test]
fn values_without_size_have_places_too() {
    let mut arena = HashArena::new();
    assert!(arena.try_grow(70));
    let places: Vec<u32> = (0..70).map(|hash| arena.insert(hash, ())).collect();
    assert_eq!(places, (0..70).collect::<Vec<_>>());
    assert_eq!(arena.remove(69), Some(()));
    assert_eq!(arena.remove(69), None);
    assert_eq!((arena.len(), arena.slots()), (69, 70));
}
