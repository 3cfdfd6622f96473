//! The queue against a plain deque, and what it keeps and gives back.

use super::SmallQueue;
use crate::random::Random;
use crate::slot::Slot;
use std::collections::VecDeque;
use std::vec;
use std::vec::Vec;

/// A queue and its owner, who knows the place of each slot.
struct Owner {
    queue: SmallQueue,
    places: Vec<u32>,
    moves: u32,
}

impl Owner {
    fn new() -> Self {
        Owner {
            queue: SmallQueue::new(),
            places: vec![u32::MAX; 100_000],
            moves: 0,
        }
    }

    fn follow(&mut self) {
        self.moves += 1;
        for (slot, place) in self.queue.iter() {
            self.places[slot.index()] = place;
        }
    }

    fn push(&mut self, slot: u32, weight: u32) {
        let place = self.queue.push(Slot::new(slot)).unwrap_or_else(|| {
            self.queue.grow(20);
            self.follow();
            self.queue.push(Slot::new(slot)).unwrap()
        });
        self.places[slot as usize] = place;
        self.queue.enter_window(weight);
    }

    fn tidy(&mut self) {
        if self.queue.tidy() {
            self.follow();
        }
    }

    fn pop(&mut self) -> Option<u32> {
        let oldest = self.queue.front();
        if oldest > Slot::MAX {
            return None;
        }
        if self.queue.pop() {
            self.tidy();
        }
        Some(oldest.get())
    }

    fn remove(&mut self, slot: u32) {
        self.queue
            .remove(Slot::new(slot), self.places[slot as usize]);
        self.tidy();
    }

    fn check(&self) {
        self.queue.check();
        for (slot, place) in self.queue.iter() {
            assert_eq!(self.places[slot.index()], place);
        }
    }
}

/// With a window that spans a weight of 20, and twice as much for a while.
#[test]
fn equals_a_plain_deque() {
    let mut owner = Owner::new();
    // With what was inserted by then.
    let mut model: VecDeque<(u32, u64)> = VecDeque::new();
    let mut inserted = 0;
    let mut free: Vec<u32> = (0..200).collect();
    let mut random = Random::new(1);
    let mut left_window = 0;
    for step in 0..40_000 {
        let choice = random.next() >> 33;
        let span = if step / 1_000 % 2 == 0 { 20 } else { 40 };
        owner.queue.window.set_span(span);
        // The queue fills for a while, then empties from the middle, then from its head.
        let (pops, removals) = [(1, 3), (1, 8), (7, 8)][step / 300 % 3];
        match choice % 9 {
            kind if kind < pops => {
                let oldest = model.pop_front().map(|entry| entry.0);
                assert_eq!(owner.pop(), oldest);
                free.extend(oldest);
            }
            kind if kind < removals && !model.is_empty() => {
                let at = (choice >> 4) as usize % model.len();
                let (slot, _) = model.remove(at).unwrap();
                owner.remove(slot);
                free.push(slot);
            }
            _ => {
                if let Some(slot) = free.pop() {
                    let weight = (choice >> 8) as u32 % 4;
                    inserted += u64::from(weight.max(1));
                    owner.push(slot, weight);
                    model.push_back((slot, inserted));
                }
            }
        }
        while let Some(slot) = owner.queue.aged() {
            let entry = model.iter().find(|entry| entry.0 == slot.get());
            assert!(inserted - entry.unwrap().1 >= span);
            left_window += 1;
        }
        owner.check();
        assert_eq!(owner.queue.len(), model.len());
        let entries = owner.queue.iter().map(|(slot, _)| slot.get());
        assert!(entries.eq(model.iter().map(|entry| entry.0)));
        let outside = owner.queue.outside_window();
        let oldest = model.get(outside);
        assert!(oldest.is_none_or(|entry| inserted - entry.1 < span));
    }
    assert!(owner.moves > 100, "entries hardly ever moved");
    assert!(left_window > 1_000, "hardly any left the window");
}

#[test]
fn holes_behind_the_oldest_are_closed_up_when_those_go() {
    let mut owner = Owner::new();
    for slot in 0..100 {
        owner.push(slot, 1);
    }
    for slot in 50..99 {
        owner.remove(slot);
    }
    assert_eq!((owner.queue.len(), owner.queue.holes), (51, 49));
    for slot in 0..45 {
        assert_eq!(owner.pop(), Some(slot));
        owner.check();
    }
    assert_eq!((owner.queue.len(), owner.queue.holes), (6, 0));
    for slot in [45, 46, 47, 48, 49, 99] {
        assert_eq!(owner.pop(), Some(slot));
    }
    assert_eq!(owner.pop(), None);
}

#[test]
fn a_queue_that_was_long_gives_its_memory_back() {
    let mut owner = Owner::new();
    for slot in 0..100_000 {
        owner.push(slot, 1);
    }
    let room = owner.queue.ring.capacity();
    assert!(room < 112_600, "{room} places");
    while owner.queue.len() > 10 {
        owner.pop();
    }
    owner.check();
    let room = owner.queue.ring.capacity();
    assert!(room <= 256, "{room} places");
}
