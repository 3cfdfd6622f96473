//! Random operations on an object cache, its parts and their boxes, against plain counts.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use slab_core::{LocalBox, LocalCache, SlabBox, SpinLock};

use crate::cache::{Small, Watched, small, watched};

type Local = LocalCache<Value, Watched, SpinLock, 512>;

/// A value that knows its number, and how many there are.
#[derive(Debug)]
struct Value {
    number: u64,
    live: std::rc::Rc<std::cell::Cell<usize>>,
}

impl Drop for Value {
    fn drop(&mut self) {
        self.live.set(self.live.get() - 1);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Alloc,
    AllocLocal(usize),
    /// Allocates and frees so many values without sharing them.
    Own(usize, usize),
    /// Allocates and frees so many values in an order of its own, without sharing them.
    Weave(usize, u64),
    Drop(usize),
    Free(usize, usize),
    TakeOut(usize),
    MakeLocal,
    DropLocal(usize),
    Clone,
    DropCache,
    Release(usize),
    ReleaseLocal(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let any = 0..usize::MAX;
    prop_oneof![
        8 => Just(Step::Alloc),
        12 => any.clone().prop_map(Step::AllocLocal),
        2 => (any.clone(), 1..40_usize).prop_map(|(at, count)| Step::Own(at, count)),
        2 => (any.clone(), 1..u64::MAX).prop_map(|(at, seed)| Step::Weave(at, seed)),
        9 => any.clone().prop_map(Step::Drop),
        9 => (any.clone(), any.clone()).prop_map(|(at, local)| Step::Free(at, local)),
        2 => any.clone().prop_map(Step::TakeOut),
        1 => Just(Step::MakeLocal),
        1 => any.clone().prop_map(Step::DropLocal),
        1 => Just(Step::Clone),
        1 => Just(Step::DropCache),
        1 => (0..3_usize).prop_map(Step::Release),
        1 => (any, 0..3_usize).prop_map(|(at, keep)| Step::ReleaseLocal(at, keep)),
    ]
}

struct World {
    memory: Watched,
    caches: Vec<Small<Value, Watched, 512>>,
    locals: Vec<Local>,
    boxes: Vec<(u64, SlabBox<Value, 512>)>,
    live: std::rc::Rc<std::cell::Cell<usize>>,
    made: u64,
    spare: usize,
}

impl World {
    fn new(spare: usize) -> Self {
        let memory = watched();
        Self {
            caches: vec![
                Small::with_spare_slabs_in(spare, memory.clone()).expect("there is memory"),
            ],
            memory,
            locals: Vec::new(),
            boxes: Vec::new(),
            live: Default::default(),
            made: 0,
            spare,
        }
    }

    fn value(&mut self) -> Value {
        self.made += 1;
        self.live.set(self.live.get() + 1);
        Value {
            number: self.made,
            live: self.live.clone(),
        }
    }

    /// The entry that `at` names, if there is any.
    fn pick<T>(list: &[T], at: usize) -> Option<usize> {
        at.checked_rem(list.len())
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Alloc => {
                let value = self.value();
                if let Some(cache) = self.caches.first() {
                    self.boxes.push((self.made, cache.alloc(value).unwrap()));
                }
            }
            Step::AllocLocal(at) => {
                let value = self.value();
                if let Some(at) = Self::pick(&self.locals, at) {
                    let stored = self.locals[at].alloc(value).unwrap();
                    self.boxes.push((self.made, stored.into_shared()));
                }
            }
            Step::Own(at, count) => {
                let values: Vec<_> = (0..count).map(|_| self.value()).collect();
                if let Some(at) = Self::pick(&self.locals, at) {
                    let local = &self.locals[at];
                    let stored: Vec<_> = values
                        .into_iter()
                        .map(|value| local.alloc(value).unwrap())
                        .collect();
                    let first = stored[0].number;
                    let numbers = stored.iter().map(|it| it.number);
                    assert!(numbers.eq(first..first + count as u64));
                }
            }
            Step::Weave(at, seed) => {
                if let Some(at) = Self::pick(&self.locals, at) {
                    self.weave(at, seed);
                }
            }
            Step::Drop(at) => {
                if let Some(at) = Self::pick(&self.boxes, at) {
                    let (number, stored) = self.boxes.swap_remove(at);
                    assert_eq!(stored.number, number);
                }
            }
            Step::Free(at, local) => {
                let local = Self::pick(&self.locals, local);
                if let (Some(at), Some(local)) = (Self::pick(&self.boxes, at), local) {
                    let (number, stored) = self.boxes.swap_remove(at);
                    assert_eq!(stored.number, number);
                    self.locals[local].free(stored);
                }
            }
            Step::TakeOut(at) => {
                if let Some(at) = Self::pick(&self.boxes, at) {
                    let (number, stored) = self.boxes.swap_remove(at);
                    assert_eq!(SlabBox::into_inner(stored).number, number);
                }
            }
            _ => self.apply_to_handles(step),
        }
    }

    /// Boxes of one local cache: some dropped in random order, some given back as shared ones, some emptied.
    fn weave(&mut self, at: usize, mut seed: u64) {
        let values: Vec<_> = (0..60).map(|_| self.value()).collect();
        let local = &self.locals[at];
        let mut own: Vec<(u64, LocalBox<'_, Value, 512>)> = Vec::new();
        for value in values {
            let number = value.number;
            own.push((number, local.alloc(value).unwrap()));
            while seed % 5 < 2 && !own.is_empty() {
                seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1);
                let (number, stored) = own.swap_remove((seed >> 33) as usize % own.len());
                assert_eq!(stored.number, number);
                match seed >> 30 & 3 {
                    0 => local.free(stored.into_shared()),
                    1 => assert_eq!(LocalBox::into_inner(stored).number, number),
                    _ => drop(stored),
                }
            }
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1);
        }
        let places: HashSet<_> = own.iter().map(|(_, it)| &raw const **it).collect();
        assert_eq!(places.len(), own.len(), "no slot was given out twice");
        assert!(own.iter().all(|(number, it)| it.number == *number));
    }

    fn apply_to_handles(&mut self, step: &Step) {
        match *step {
            Step::MakeLocal => {
                if let Some(cache) = self.caches.first() {
                    self.locals.push(cache.local().unwrap());
                }
            }
            Step::DropLocal(at) => {
                if let Some(at) = Self::pick(&self.locals, at) {
                    drop(self.locals.swap_remove(at));
                }
            }
            Step::Clone => self.caches.extend(self.caches.first().cloned()),
            Step::DropCache => drop(self.caches.pop()),
            Step::Release(keep) => {
                if let Some(cache) = self.caches.first() {
                    cache.release_empty(keep);
                }
            }
            Step::ReleaseLocal(at, keep) => {
                if let Some(at) = Self::pick(&self.locals, at) {
                    self.locals[at].release_empty(keep);
                }
            }
            _ => unreachable!("the others are no handle's"),
        }
    }

    fn check(&self) {
        assert_eq!(self.live.get(), self.boxes.len());
        let handle = self
            .caches
            .first()
            .or(self.locals.first().map(LocalCache::cache));
        let heaps = self.locals.len();
        match handle {
            Some(cache) => {
                let slabs = cache.stats().slabs;
                assert_eq!(self.memory.live_blocks(), 1 + heaps + slabs);
                assert!(slabs * cache.stats().slots_per_slab >= self.boxes.len());
            }
            None if self.boxes.is_empty() => assert_eq!(self.memory.live_blocks(), 0),
            None => {
                // No slab is kept that holds no value.
                let slabs = self.memory.live_blocks() - 1;
                assert!((1..=self.boxes.len()).contains(&slabs));
            }
        }
    }

    /// Takes everything apart, the handles first or the boxes.
    fn end(mut self, handles_first: bool) {
        for (number, stored) in &self.boxes {
            assert_eq!(stored.number, *number);
        }
        if handles_first {
            self.caches.clear();
            self.locals.clear();
            self.check();
        }
        while self.boxes.pop().is_some() {}
        if let Some(cache) = self.caches.first() {
            self.locals.clear();
            cache.release_empty(self.spare);
            assert!(cache.stats().slabs <= self.spare);
        }
        self.caches.clear();
        self.locals.clear();
        assert_eq!(self.memory.live_bytes(), 0);
        assert_eq!(self.live.get(), 0);
    }
}

#[test]
fn random_operations_agree_with_counts() {
    let config = ProptestConfig {
        cases: crate::cases(100_000),
        rng_seed: RngSeed::Fixed(0x5ab_cac4e),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let input = (vec(step(), 200), 0..4_usize, any::<bool>());
    proptest!(config, |((steps, spare, handles_first) in input)| {
        let mut world = World::new(spare);
        for step in &steps {
            world.apply(step);
            world.check();
        }
        world.end(handles_first);
    });
}

#[test]
fn a_thousand_slabs_freed_in_random_order() {
    let memory = watched();
    let cache = small::<u64>(4, &memory);
    let local = cache.local().unwrap();
    let slots = cache.stats().slots_per_slab as u64;
    let mut boxes: Vec<_> = (0..1000 * slots)
        .map(|n| (n, local.alloc(n).unwrap()))
        .collect();
    // A full period generator: each index once, in no order.
    let mut state = 1_u64;
    while !boxes.is_empty() {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let (number, stored) = boxes.swap_remove((state >> 33) as usize % boxes.len());
        assert_eq!(*stored, number);
    }
    // Spare ones, the current, and that of the slot freed last.
    assert!(cache.stats().slabs <= 6);
}
