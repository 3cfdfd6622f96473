//! Random operations on an arena against a hash map, and every handle that was ever given out.
//!
//! Compiled a second time into the crate's own unit tests, where generations have 4 bits, so that slots
//! retire all the time.

use std::collections::{HashMap, HashSet};
use std::vec::Vec;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, RngSeed};
use slab_core::{Arena, Counting, Global, Handle, HandleError, InsertErrorKind};

/// A value that counts how often it was dropped, through the model's ledger.
type Value = std::rc::Rc<u64>;

#[derive(Debug, Clone, Copy)]
enum Step {
    Insert,
    InsertWith,
    Entry { fill: bool },
    Remove(u16),
    RemoveAt(u16),
    Replace(u16),
    Probe(u16),
    Disjoint(u16, u16),
    Detach(u16),
    Reattach(u16),
    Abandon(u16),
    Retain(u64),
    Drain(u8),
    Clear,
    Release(u8),
    Compact(u8),
    Reserve(u8),
    Clone,
    Walk,
}

fn steps(len: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        30 => Just(Step::Insert),
        4 => Just(Step::InsertWith),
        2 => any::<bool>().prop_map(|fill| Step::Entry { fill }),
        30 => any::<u16>().prop_map(Step::Remove),
        4 => any::<u16>().prop_map(Step::RemoveAt),
        4 => any::<u16>().prop_map(Step::Replace),
        8 => any::<u16>().prop_map(Step::Probe),
        3 => any::<(u16, u16)>().prop_map(|(a, b)| Step::Disjoint(a, b)),
        3 => any::<u16>().prop_map(Step::Detach),
        3 => any::<u16>().prop_map(Step::Reattach),
        1 => any::<u16>().prop_map(Step::Abandon),
        1 => any::<u64>().prop_map(Step::Retain),
        1 => any::<u8>().prop_map(Step::Drain),
        1 => Just(Step::Clear),
        3 => (0_u8..3).prop_map(Step::Release),
        2 => any::<u8>().prop_map(Step::Compact),
        1 => any::<u8>().prop_map(|more| Step::Reserve(more % 20)),
        1 => Just(Step::Clone),
        2 => Just(Step::Walk),
    ];
    prop::collection::vec(step, len)
}

struct Model<'p> {
    arena: Arena<Value, &'p Counting<Global>>,
    /// What the arena must hold.
    live: HashMap<Handle<Value>, Value>,
    /// Live handles in an order to choose from.
    order: Vec<Handle<Value>>,
    detached: Vec<(Handle<Value>, Value)>,
    /// Every handle that is neither live nor detached any more, in an order to choose from.
    dead: Vec<Handle<Value>>,
    /// The same as a set.
    graves: HashSet<Handle<Value>>,
    next: u64,
}

impl<'p> Model<'p> {
    fn new(memory: &'p Counting<Global>, slots: u32) -> Self {
        Self {
            arena: Arena::with_slots_per_slab_in(slots, memory),
            live: HashMap::new(),
            order: Vec::new(),
            detached: Vec::new(),
            dead: Vec::new(),
            graves: HashSet::new(),
            next: 0,
        }
    }

    fn value(&mut self) -> Value {
        self.next += 1;
        Value::new(self.next)
    }

    fn born(&mut self, handle: Handle<Value>, value: Value) {
        assert!(
            !self.graves.contains(&handle),
            "{handle:?} was given out twice"
        );
        assert!(self.detached.iter().all(|(other, _)| *other != handle));
        assert!(
            self.live.insert(handle, value).is_none(),
            "{handle:?} is already live"
        );
        self.order.push(handle);
    }

    /// The model's side of a removal.
    fn died(&mut self, handle: Handle<Value>) -> Value {
        let value = self.left(handle);
        self.bury(handle);
        value
    }

    /// The model's side of what takes a value out: its handle may come back.
    fn left(&mut self, handle: Handle<Value>) -> Value {
        self.order.retain(|&other| other != handle);
        self.live.remove(&handle).expect("only live handles leave")
    }

    fn bury(&mut self, handle: Handle<Value>) {
        self.dead.push(handle);
        assert!(self.graves.insert(handle), "{handle:?} died twice");
    }

    fn pick(&self, at: u16) -> Option<Handle<Value>> {
        self.order
            .get(at as usize % self.order.len().max(1))
            .copied()
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Insert | Step::InsertWith | Step::Entry { .. } => self.insert(step),
            Step::Remove(at) | Step::RemoveAt(at) | Step::Replace(at) => {
                if let Some(handle) = self.pick(at) {
                    self.touch(step, handle);
                }
            }
            Step::Probe(at) => self.probe(at),
            Step::Disjoint(a, b) => self.disjoint(a, b),
            Step::Detach(_) | Step::Reattach(_) | Step::Abandon(_) => self.hold(step),
            Step::Retain(_) | Step::Drain(_) | Step::Clear => self.sweep(step),
            Step::Release(keep) => {
                let before = self.arena.stats();
                let released = self.arena.release_empty(keep as usize);
                let after = self.arena.stats();
                assert_eq!(before.slabs - after.slabs, released);
                assert_eq!(before.live, after.live);
                assert!(
                    !self.arena.is_empty()
                        || !self.detached.is_empty()
                        || after.slabs <= keep as usize
                );
            }
            Step::Compact(moves) => self.compact(moves as usize),
            Step::Reserve(more) => {
                self.arena
                    .try_reserve(more as usize)
                    .expect("memory is there");
                assert!(self.arena.free_slots() >= more as usize);
            }
            Step::Clone => {
                let copy = self.arena.clone();
                self.walk();
                // What follows finds every handle in the copy as it was in the arena.
                self.arena = copy;
            }
            Step::Walk => self.walk(),
        }
    }

    fn insert(&mut self, step: Step) {
        let value = self.value();
        match step {
            Step::Insert => {
                let handle = self.arena.insert(value.clone());
                self.born(handle, value);
            }
            Step::InsertWith => {
                let mut seen = None;
                let handle = self.arena.insert_with(|handle| {
                    seen = Some(handle);
                    value.clone()
                });
                assert_eq!(seen, Some(handle));
                self.born(handle, value);
            }
            Step::Entry { fill } => {
                let entry = self.arena.vacant_entry().expect("memory is there");
                let handle = entry.handle();
                if fill {
                    assert_eq!(entry.insert(value.clone()), handle);
                    self.born(handle, value);
                } else {
                    assert!(
                        !self.arena.contains(handle),
                        "an entry that was dropped holds nothing"
                    );
                }
            }
            _ => unreachable!("the caller sends insertions"),
        }
    }

    fn touch(&mut self, step: Step, handle: Handle<Value>) {
        match step {
            Step::Remove(_) => {
                let removed = self.arena.remove(handle);
                assert_eq!(removed, Some(self.died(handle)));
                assert_eq!(self.arena.check(handle), Err(HandleError::Stale));
                assert_eq!(self.arena.remove(handle), None);
            }
            Step::RemoveAt(_) => {
                assert_eq!(self.arena.handle_at(handle.index()), Some(handle));
                let removed = self.arena.remove_at(handle.index());
                assert_eq!(removed, Some(self.died(handle)));
                assert_eq!(self.arena.get_at(handle.index()), None);
                assert_eq!(self.arena.get_at_mut(handle.index()), None);
                assert_eq!(self.arena.remove_at(handle.index()), None);
            }
            Step::Replace(_) => {
                let value = self.value();
                *self.arena.get_mut(handle).expect("live") = value.clone();
                self.live.insert(handle, value);
            }
            _ => unreachable!("the caller sends what touches one handle"),
        }
    }

    fn probe(&mut self, at: u16) {
        if let Some(handle) = self.pick(at) {
            assert_eq!(self.arena.get(handle), self.live.get(&handle));
            assert_eq!(self.arena.get_at(handle.index()), self.live.get(&handle));
            assert_eq!(self.arena[handle], self.live[&handle]);
        }
        if !self.dead.is_empty() {
            let handle = self.dead[at as usize % self.dead.len()];
            assert_eq!(self.arena.get(handle), None);
            assert_eq!(self.arena.get_mut(handle), None);
            assert_eq!(self.arena.remove(handle), None);
            assert_eq!(self.arena.detach(handle), None);
            assert!(!self.arena.abandon(handle));
            assert_eq!(self.arena.check(handle), Err(HandleError::Stale));
            let refused = self
                .arena
                .reattach(handle, Value::new(0))
                .expect_err("it is stale");
            assert_eq!(refused.kind(), InsertErrorKind::Handle(HandleError::Stale));
        }
    }

    fn disjoint(&mut self, a: u16, b: u16) {
        let (Some(a), Some(b)) = (self.pick(a), self.pick(b)) else {
            return;
        };
        if a == b {
            assert_eq!(
                self.arena.get_disjoint_mut([a, b]),
                Err(HandleError::Repeated)
            );
            return;
        }
        let [x, y] = self.arena.get_disjoint_mut([a, b]).expect("both are live");
        std::mem::swap(x, y);
        let (x, y) = (self.live[&a].clone(), self.live[&b].clone());
        self.live.insert(a, y);
        self.live.insert(b, x);
    }

    fn hold(&mut self, step: Step) {
        match step {
            Step::Detach(at) => {
                let Some(handle) = self.pick(at) else { return };
                let value = self.left(handle);
                assert_eq!(self.arena.detach(handle).as_ref(), Some(&value));
                assert_eq!(self.arena.get(handle), None);
                assert_eq!(self.arena.remove(handle), None);
                assert_eq!(self.arena.check(handle), Err(HandleError::Vacant));
                assert_eq!(self.arena.handle_at(handle.index()), None);
                self.detached.push((handle, value));
            }
            Step::Reattach(at) if !self.detached.is_empty() => {
                let (handle, value) = self.detached.swap_remove(at as usize % self.detached.len());
                self.arena
                    .reattach(handle, value.clone())
                    .expect("it is detached");
                self.born(handle, value.clone());
                let refused = self.arena.reattach(handle, value).expect_err("it is live");
                assert_eq!(
                    refused.kind(),
                    InsertErrorKind::Handle(HandleError::Occupied)
                );
            }
            Step::Abandon(at) if !self.detached.is_empty() => {
                let (handle, _) = self.detached.swap_remove(at as usize % self.detached.len());
                assert!(self.arena.abandon(handle));
                assert!(!self.arena.abandon(handle));
                self.bury(handle);
            }
            _ => {}
        }
    }

    /// Moves at most `moves` values, or as many as it takes if that is more than 127.
    fn compact(&mut self, moves: usize) {
        let moves = if moves > 127 { usize::MAX } else { moves };
        let before = self.arena.stats();
        let values = self.values_by_slab();
        let mut pairs = Vec::new();
        let moved = self.arena.compact_step(moves, |old, new, value| {
            pairs.push((old, new, value.clone()));
        });
        assert_eq!(moved, pairs.len());
        for (old, new, value) in pairs {
            assert_eq!(self.died(old), value);
            self.born(new, value);
        }
        for (&handle, value) in &self.live {
            assert_eq!(self.arena.get(handle), Some(value));
        }
        let after = self.arena.stats();
        assert_eq!((before.slabs, before.live), (after.slabs, after.live));
        if moved < moves {
            let again = self.arena.compact_step(1, |_, _, _| ());
            assert_eq!(again, 0, "it said that nothing is left to move");
            if after.detached == 0 {
                let left = self.values_by_slab();
                let emptied = values.iter().filter(|(slab, _)| !left.contains_key(slab));
                let needed: usize = emptied.map(|(_, count)| count).sum();
                assert_eq!(moved, needed, "each move helped to empty a slab");
            }
            if after.detached == 0 && after.retired == 0 {
                self.arena.release_empty(0);
                let stats = self.arena.stats();
                let least = stats.live.div_ceil(stats.slots_per_slab);
                assert_eq!(stats.slabs, least, "no slab could be emptied any more");
            }
        }
    }

    /// How many values each slab has that has any.
    fn values_by_slab(&self) -> HashMap<u32, usize> {
        let slots = self.arena.stats().slots_per_slab as u32;
        let mut values = HashMap::new();
        for handle in self.live.keys() {
            *values.entry(handle.index() / slots).or_default() += 1;
        }
        values
    }

    fn sweep(&mut self, step: Step) {
        let mut gone = Vec::new();
        match step {
            Step::Retain(mask) => self.arena.retain(|handle, value| {
                let keep = mask >> (**value % 64) & 1 == 1;
                if !keep {
                    gone.push((handle, value.clone()));
                }
                keep
            }),
            Step::Drain(count) => {
                let drained: Vec<_> = self.arena.drain().take(count as usize).collect();
                for (handle, value) in drained {
                    assert_eq!(self.died(handle), value);
                }
                gone.extend(
                    self.live
                        .iter()
                        .map(|(&handle, value)| (handle, value.clone())),
                );
            }
            _ => {
                self.arena.clear();
                gone.extend(
                    self.live
                        .iter()
                        .map(|(&handle, value)| (handle, value.clone())),
                );
            }
        }
        for (handle, value) in gone {
            assert_eq!(self.died(handle), value);
        }
        assert_eq!(self.arena.len(), self.live.len());
    }

    fn walk(&mut self) {
        let mut seen: Vec<_> = self
            .arena
            .iter()
            .map(|(handle, value)| (handle, value.clone()))
            .collect();
        assert!(seen.is_sorted_by_key(|(handle, _)| handle.index()));
        assert_eq!(self.arena.iter().len(), seen.len());
        let mutable: Vec<_> = self
            .arena
            .iter_mut()
            .map(|(handle, value)| (handle, value.clone()))
            .collect();
        assert_eq!(seen, mutable);
        let mut expected: Vec<_> = self
            .live
            .iter()
            .map(|(&handle, value)| (handle, value.clone()))
            .collect();
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected);
    }

    /// Everything that must hold after any step.
    fn check(&self) {
        let stats = self.arena.stats();
        assert_eq!(stats.live, self.live.len());
        assert_eq!(stats.detached, self.detached.len());
        assert_eq!(
            stats.slots,
            stats.live + stats.free + stats.detached + stats.retired
        );
        assert_eq!(stats.slots, stats.slabs * stats.slots_per_slab);
        assert_eq!(stats.bytes, self.arena.provider().live_bytes());
    }

    /// Ends the arena and proves that nothing leaked.
    fn finish(mut self) {
        for &handle in &self.dead {
            assert!(
                !self.arena.contains(handle),
                "{handle:?} rose from the dead"
            );
        }
        self.walk();
        let memory = *self.arena.provider();
        drop(self.arena);
        assert_eq!(memory.live_bytes(), 0);
        assert_eq!(memory.live_blocks(), 0);
        for value in self
            .live
            .values()
            .chain(self.detached.iter().map(|(_, value)| value))
        {
            assert_eq!(Value::strong_count(value), 1, "the arena dropped its value");
        }
    }
}

#[test]
fn arena_equals_a_map_and_no_handle_comes_twice() {
    let config = Config {
        cases: super::cases(100_000),
        // A new generator is made for each step that is drawn: this one is made quickest.
        rng_algorithm: RngAlgorithm::XorShift,
        rng_seed: RngSeed::Fixed(0x5_1AB),
        failure_persistence: None,
        ..Config::default()
    };
    proptest!(config, |(slots in prop_oneof![Just(1_u32), Just(2), Just(8), Just(64), Just(128)], steps in steps(200))| {
        let memory = Counting::new(Global);
        let mut model = Model::new(&memory, slots);
        for step in steps {
            model.step(step);
            model.check();
        }
        model.finish();
    });
}
