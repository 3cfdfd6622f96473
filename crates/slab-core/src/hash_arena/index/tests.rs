//! The index against a map.

use super::{Bucket, Folded, Index, NARROW, STUCK, VACANT, WIDE};
use std::cell::Cell;
use std::collections::HashMap;
use std::vec::Vec;

std::thread_local! {
    /// Whether this thread compares tags as machines without SSE2 do.
    pub(super) static IN_TURN: Cell<bool> = const { Cell::new(false) };
}

impl Index {
    pub(in crate::hash_arena) fn is_wide(&self) -> bool {
        !self.wide.is_empty()
    }

    /// The buckets that a look-up in vain sees.
    pub(in crate::hash_arena) fn seen_in_vain(&self, hash: Folded) -> usize {
        let path = (0..).map_while(|steps| self.further(hash, steps));
        let passed = |at: &usize| self.buckets()[*at].was_passed(hash, self.layout());
        1 + path.take_while(passed).count()
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn tags_compared_at_once_and_in_turn_agree() {
    let mut random = Random(1);
    for _ in 0..2_000 {
        let mut bucket: Bucket = VACANT;
        for byte in &mut bucket.bytes {
            *byte = random.below(4) as u8;
        }
        for (tag, layout) in [(0, NARROW), (1, NARROW), (3, WIDE), (9, WIDE)] {
            let matches = bucket.matches_at_once(tag, layout);
            assert_eq!(matches, bucket.matches_in_turn(tag, layout));
            assert!(matches >> layout.cells == 0);
        }
    }
}

/// Slots come and go as in a map; `hash_of` may crowd them.
fn against_map(wide: bool, room: usize, first: u32, hash_of: impl Fn(u64) -> u64) {
    let slots = first as usize + room;
    let mut index = Index::try_with_width(wide, room, slots).unwrap();
    let mut map: HashMap<u32, Folded> = HashMap::new();
    let mut random = Random(room as u64);
    let mut steps = 0;
    for step in 0..6_000 {
        let slot = first + random.below(room as u64) as u32;
        match map.remove(&slot) {
            Some(hash) => {
                let before = index.passed;
                let is_worn = index.remove(hash, slot);
                steps += before - index.passed;
                if is_worn {
                    let hashes: Vec<Folded> = (0..slots as u32)
                        .map(|slot| map.get(&slot).copied().unwrap_or(Folded::NONE))
                        .collect();
                    index.rebuild(&hashes);
                    // What the removals took, and what this did.
                    assert!(steps > index.slots + index.passed);
                    steps = 0;
                }
            }
            None => {
                let hash = Folded::new(hash_of(step));
                index.insert(hash, slot);
                map.insert(slot, hash);
            }
        }
        if step % 16 == 0 {
            index.check(map.iter().map(|(slot, hash)| (*hash, *slot)));
            let any = Folded::new(hash_of(step));
            let stranger = |slot| (!map.contains_key(&slot)).then_some(slot);
            assert_eq!(index.find_map(any, stranger), None);
        }
    }
    for (slot, hash) in map.drain() {
        // Not built anew, so that what is stuck is seen.
        let _ = index.remove(hash, slot);
    }
    index.check(std::iter::empty());
    for bucket in index.buckets() {
        let counts = (0..8).map(|kind| bucket.counts(index.layout()) >> (4 * kind) & STUCK);
        let left: Vec<u32> = counts.filter(|count| ![0, STUCK].contains(count)).collect();
        assert!(left.is_empty(), "counts are {left:?} and nothing is there");
    }
}

fn spread(key: u64) -> u64 {
    key.wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// A hash without the evenness that products of successive keys have.
fn scatter(key: u64) -> Folded {
    let mixed = spread(key);
    Folded::new((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9))
}

/// The mean number of buckets that a look-up in vain sees, and one that finds, in a full index of which each slot was taken
/// out and put in anew 20 times.
fn seen_when_full(wide: bool) -> (f64, f64) {
    const SLOTS: u64 = 20_000;
    let mut index = Index::try_with_width(wide, SLOTS as usize, SLOTS as usize).unwrap();
    let mut hashes: Vec<Folded> = (0..SLOTS).map(scatter).collect();
    index.rebuild(&hashes);
    let mut random = Random(5);
    for key in SLOTS..21 * SLOTS {
        let slot = random.below(SLOTS) as usize;
        let _ = index.remove(hashes[slot], slot as u32);
        hashes[slot] = scatter(key);
        index.insert(hashes[slot], slot as u32);
    }
    let strangers = (22 * SLOTS..23 * SLOTS).map(scatter);
    let in_vain: usize = strangers.map(|hash| index.seen_in_vain(hash)).sum();
    let passed = index.passed;
    (
        in_vain as f64 / SLOTS as f64,
        1.0 + passed as f64 / SLOTS as f64,
    )
}

#[test]
fn look_ups_see_few_buckets_when_it_is_full() {
    for (wide, in_vain_max, found_max) in [(false, 1.07, 1.06), (true, 1.13, 1.13)] {
        let (in_vain, found) = seen_when_full(wide);
        std::println!("wide: {wide}; buckets seen in vain {in_vain:.3}, to find {found:.3}");
        assert!(in_vain <= in_vain_max && found <= found_max);
    }
}

fn equals_maps() {
    for room in [1, 5, 10, 11, 40, 300] {
        against_map(false, room, 0, spread);
        against_map(false, room, (1 << 24) - 300, spread);
        against_map(true, room, (1 << 24) - 100, spread);
    }
    // All have one home, and counts are stuck.
    for room in [10, 40, 200] {
        against_map(false, room, 0, |key| key % 3);
        against_map(true, room, 0, |key| key % 3);
        against_map(true, room, 1 << 25, |_| 7);
    }
}

#[test]
fn equals_a_map() {
    equals_maps();
}

#[test]
fn equals_a_map_where_tags_are_compared_in_turn() {
    IN_TURN.set(true);
    equals_maps();
    IN_TURN.set(false);
}

#[test]
#[should_panic(expected = "slots of a narrow index have 3 bytes")]
#[cfg(debug_assertions)]
fn a_slot_is_not_cut() {
    let mut index = Index::try_with_width(false, 10, 10).unwrap();
    index.insert(Folded::new(1), 1 << 24);
}
