//! The queue against a plain deque, and what it keeps and gives back.

use super::SmallQueue;
use crate::ghost::mixed;
use crate::random::Random;
use crate::slot::Slot;
use std::collections::VecDeque;
use std::vec::Vec;

/// What a slot's hash is in these tests.
fn hash_of(slot: u32) -> u64 {
    mixed(u64::from(slot).wrapping_mul(0xd6e8_feb8_6659_fd93))
}

fn push(queue: &mut SmallQueue, slot: u32) {
    let place = super::SmallPlace::new(Slot::new(slot), hash_of(slot));
    if !queue.push(place) {
        queue.grow(20);
        assert!(queue.push(place));
    }
}

fn pop(queue: &mut SmallQueue) -> Option<u32> {
    let (slot, mixed) = queue.front()?;
    queue.pop(slot);
    assert_eq!(mixed, hash_of(slot.get()));
    Some(slot.get())
}

/// An entry of the model.
#[derive(Copy, Clone)]
struct Entry {
    slot: u32,
    /// The weight that was inserted by then.
    stamp: u64,
    is_skipping: bool,
}

/// With a window that spans a weight of 20, and twice as much for a while.
#[test]
fn equals_a_plain_deque() {
    let mut queue = SmallQueue::new();
    let mut model: VecDeque<Entry> = VecDeque::new();
    let mut inserted = 0;
    let mut free: Vec<u32> = (0..200).collect();
    let mut random = Random::new(1);
    let (mut left_window, mut came_again) = (0, 0);
    for step in 0..40_000 {
        let choice = random.next() >> 33;
        let span = if step / 1_000 % 2 == 0 { 20 } else { 40 };
        queue.set_span(span);
        // The queue fills for a while, then empties from the middle, then from its head.
        let (pops, removals) = [(1, 3), (1, 8), (7, 8)][step / 300 % 3];
        match choice % 9 {
            kind if kind < pops => {
                let oldest = model.pop_front().map(|entry| entry.slot);
                assert_eq!(pop(&mut queue), oldest);
                free.extend(oldest);
            }
            kind if kind < removals && !model.is_empty() => {
                let at = (choice >> 4) as usize % model.len();
                let Entry {
                    slot, is_skipping, ..
                } = model.remove(at).unwrap();
                assert_eq!(queue.mixed_of(Slot::new(slot)), hash_of(slot));
                queue.leave(Slot::new(slot), is_skipping);
                free.push(slot);
            }
            _ => {
                if let Some(slot) = free.pop() {
                    let weight = (choice >> 8) as u32 % 4;
                    let is_skipping = !(choice >> 10).is_multiple_of(8);
                    inserted += u64::from(weight.max(1));
                    came_again += u32::from(!queue.line.stale_has_none(Slot::new(slot)));
                    push(&mut queue, slot);
                    queue.enter_window(weight, is_skipping);
                    model.push_back(Entry {
                        slot,
                        stamp: inserted,
                        is_skipping,
                    });
                }
            }
        }
        while let Some(slot) = queue.aged() {
            let mut entries = model.iter_mut();
            let entry = entries.find(|entry| entry.slot == slot.get()).unwrap();
            assert!(entry.is_skipping && inserted - entry.stamp >= span);
            entry.is_skipping = false;
            left_window += 1;
        }
        let is_late = |entry: &Entry| entry.is_skipping && inserted - entry.stamp >= span;
        assert!(!model.iter().any(is_late), "an entry stays in the window");
        queue.check();
        assert_eq!(queue.len(), model.len());
        let entries = queue.iter().map(|(_, slot)| slot.get());
        assert!(entries.eq(model.iter().map(|entry| entry.slot)));
    }
    assert!(left_window > 1_000, "hardly any left the window");
    assert!(came_again > 100, "hardly a slot came with stale places");
}

#[test]
fn one_slot_that_comes_and_goes_leaves_few_places_behind() {
    let mut queue = SmallQueue::new();
    push(&mut queue, 1);
    for _ in 0..10_000 {
        push(&mut queue, 2);
        push(&mut queue, 3);
        queue.leave(Slot::new(2), false);
        queue.leave(Slot::new(3), false);
        queue.check();
    }
    assert!(queue.line.places() < 20, "{} places", queue.line.places());
    assert_eq!((pop(&mut queue), pop(&mut queue)), (Some(1), None));
}

#[test]
fn stale_places_are_closed_up_before_they_are_many() {
    let mut queue = SmallQueue::new();
    for slot in 0..1_000 {
        push(&mut queue, slot);
    }
    for slot in 1..999 {
        queue.leave(Slot::new(slot), false);
        let stale = queue.line.places() - queue.len();
        assert!(4 * stale <= queue.len() + 32, "{stale} are stale");
    }
    assert_eq!((pop(&mut queue), pop(&mut queue)), (Some(0), Some(999)));
}

#[test]
fn a_queue_that_was_long_gives_its_memory_back() {
    let mut queue = SmallQueue::new();
    for slot in 0..100_000 {
        push(&mut queue, slot);
    }
    let room = queue.line.room();
    assert!(room < 103_200, "{room} places");
    while queue.len() > 10 {
        pop(&mut queue);
    }
    queue.check();
    let room = queue.line.room();
    assert!(room <= 256, "{room} places");
}
