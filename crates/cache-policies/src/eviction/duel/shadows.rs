//! The miniatures: one engine fixed in each mode, over a sample of the keys.

use alloc::vec::Vec;

use slab_core::HashArena;

use super::GHOSTS;
use super::accesses::Accesses;
use super::engine::Engine;
use super::mode::DuelMode;
use super::room::Room;
use crate::admission::gate::Gate;
use crate::ledger::grow;
use crate::marks::Marks;
use crate::mix::mix;
use crate::policy::Hint;
use crate::slot::Slot;

/// The share of the keys that miniatures take of many.
const RATE_MIN: f64 = 1.0 / 48.0;
/// Miniatures of this many entries tell modes apart well enough, where that takes no more than `RATE_SMALL` of the keys.
const ENTRIES_WANTED: f64 = 56.0;
/// The share of the keys that the miniatures of small caches take,
const RATE_SMALL: f64 = 1.0 / 6.0;
/// and more where they would have fewer entries than this, of which chance decides.
const ENTRIES_MIN: f64 = 32.0;

/// As many as there are hashes.
const HASHES: f64 = 18_446_744_073_709_551_616.0;

/// Caches of one size, in which a sample of the keys finds what it would have found in the whole (C. Waldspurger, T. Saemundsson,
/// I. Ahmad, N. Park, "Cache Modeling and Optimization using Miniature Simulations", USENIX ATC 2017). A key has one slot in all
/// of them, and what is known of it is kept once. They read the sketch of the whole.
#[derive(Clone, Debug)]
pub(super) struct Shadows {
    /// By the index of the mode.
    engines: [Engine<Marks>; DuelMode::ALL.len()],
    /// What the sketch knows of each key that a miniature has.
    keys: HashArena<u32>,
    /// Which miniatures have a slot, by the bits of the indices of their modes.
    having: Vec<u8>,
    accesses: Accesses,
    bound: u64,
    salt: u64,
    rate: f64,
    /// The entries that there is room for.
    entries: f64,
    room: Room,
}

/// How many of the keys are sampled for so many entries.
fn rate_for(entries: u64, rate_max: f64) -> f64 {
    let entries = entries.max(1) as f64;
    let small = (ENTRIES_MIN / entries).max(RATE_SMALL);
    (ENTRIES_WANTED / entries)
        .min(small)
        .max(RATE_MIN)
        .min(rate_max)
}

/// The hash by which keys are found.
fn spread(folded: u32) -> u64 {
    u64::from(folded).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Shadows {
    /// Takes no key until it is told how many entries there are.
    pub(super) fn new(seed: u64, salt: u64) -> Self {
        let engine = |mode: DuelMode| {
            let seed = seed.wrapping_add(1 + mode.index() as u64);
            Engine::new(0, mode, seed)
        };
        Shadows {
            engines: DuelMode::ALL.map(engine),
            keys: HashArena::new(),
            having: Vec::new(),
            accesses: Accesses::default(),
            bound: 0,
            salt,
            rate: 0.0,
            entries: 0.0,
            room: Room::new(0.0, 1.0),
        }
    }

    /// The entries that a miniature has room for.
    pub(super) fn entries(&self) -> f64 {
        self.entries
    }

    /// Keys are of the sample whose salted hash is below this.
    pub(super) fn bound(&self) -> u64 {
        self.bound
    }

    /// Has the size that belongs to a cache of this capacity, which so many entries will fill. `false` if as many keys as before
    /// would tell too little or cost too much: nothing has changed then, and there have to be new miniatures.
    pub(super) fn fit(&mut self, capacity: u64, entries: u64, rate_max: f64) -> bool {
        let rate = rate_for(entries, rate_max);
        if self.rate == 0.0 {
            self.rate = rate;
            self.bound = (rate * HASHES) as u64;
        } else if rate > 2.0 * self.rate || 2.0 * rate < self.rate {
            return false;
        }
        self.entries = libm::round(entries as f64 * self.rate).max(1.0);
        self.room = Room::new(capacity as f64 * self.rate, self.entries);
        self.resize();
        for mode in DuelMode::ALL {
            if mode.has_ghost() {
                let keys = GHOSTS * self.entries as u64;
                let ghost = &mut self.engines[mode.index()].ghost;
                ghost.resize(keys, self.accesses.now());
            }
        }
        true
    }

    /// Notes what the cache, which is full, holds of the sample.
    #[inline]
    pub(super) fn follow(&mut self, held: u64) {
        if self.room.follow(held) {
            self.resize();
        }
    }

    #[cold]
    fn resize(&mut self) {
        let capacity = self.room.capacity();
        for engine in &mut self.engines {
            engine.set_capacity(capacity);
        }
    }

    /// Whether a key is of the sample.
    #[inline]
    pub(super) fn takes(&self, folded: u32) -> bool {
        mix(u64::from(folded) ^ self.salt) < self.bound
    }

    #[inline(always)]
    fn find(&self, folded: u32) -> Option<Slot> {
        let is_it = |key: &u32| *key == folded;
        let (index, _) = self.keys.find(spread(folded), is_it)?;
        Some(Slot::new(index))
    }

    /// A request for a sampled key of this weight: which miniatures missed it, by the bits of the indices of their modes. `None`,
    /// and nothing has happened, if it is too heavy for them.
    #[inline(never)]
    pub(super) fn access(&mut self, folded: u32, weight: u32, gate: &Gate) -> Option<u8> {
        if u64::from(weight) > self.engines[0].segments.ledger.capacity() {
            return None;
        }
        self.accesses.tick();
        let (slot, previous) = match self.find(folded) {
            Some(slot) => (slot, self.accesses.touch(slot).0),
            None => (self.start(folded)?, self.accesses.now()),
        };
        let having = self.having[slot.index()];
        self.having[slot.index()] = DuelMode::EVERY;
        for index in 0..self.engines.len() {
            let engine = &mut self.engines[index];
            engine.rebalance();
            let is_there = having >> index & 1 != 0;
            let (hint, more) = if is_there {
                engine.hit(slot, previous, &self.accesses);
                if engine.segments.ledger.weight_of(slot) != weight {
                    engine.segments.reweigh(slot, weight);
                }
                // It may be larger than it was, and room less.
                (Hint::NONE, 0)
            } else {
                (engine.miss(folded, &self.accesses), weight)
            };
            self.make_room(index, more, slot, gate);
            if !is_there {
                self.engines[index].insert(slot, weight, hint);
            }
        }
        if self.having[slot.index()] == 0 {
            self.keys.remove(slot.get());
        }
        Some(!having & DuelMode::EVERY)
    }

    /// A slot for a key that has none; `None` if there is no memory for it.
    fn start(&mut self, folded: u32) -> Option<Slot> {
        if self.keys.len() == self.keys.room() {
            let room = self.keys.len() + self.keys.len() / 8 + 16;
            if !self.keys.try_grow(room) {
                return None;
            }
        }
        let slot = Slot::new(self.keys.insert(spread(folded), folded));
        self.accesses.start(slot, folded);
        if slot.index() >= self.having.len() {
            grow(&mut self.having, slot, || 0);
        }
        self.having[slot.index()] = 0;
        Some(slot)
    }

    /// Evicts from one miniature until it has room for this weight. Keys that no miniature has any more go, but for the one that is
    /// asked for.
    #[inline(always)]
    fn make_room(&mut self, index: usize, weight: u32, asked_for: Slot, gate: &Gate) {
        let engine = &mut self.engines[index];
        while !engine.segments.ledger.has_room_for(weight) {
            let Some((victim, _)) = engine.evict(&self.accesses, gate) else {
                return;
            };
            let having = &mut self.having[victim.index()];
            *having &= !(1 << index);
            if *having == 0 && victim != asked_for {
                self.keys.remove(victim.get());
            }
        }
    }

    /// A sampled key is no more, and nobody remembers it.
    pub(super) fn forget(&mut self, folded: u32) {
        for engine in &mut self.engines {
            engine.ghost.take(folded, self.accesses.now());
        }
        let Some(slot) = self.find(folded) else {
            return;
        };
        for engine in &mut self.engines {
            if engine.segments.is_resident(slot) {
                engine.remove(slot, false, &self.accesses);
            }
        }
        self.having[slot.index()] = 0;
        self.keys.remove(slot.get());
    }

    pub(super) fn check(&self) {
        self.keys.check();
        let mut residents = 0;
        for (index, folded) in self.keys.iter() {
            let has = |engine: &&Engine<Marks>| engine.segments.is_resident(Slot::new(index));
            let having = self.engines.iter().filter(has).count();
            assert_ne!(having, 0, "a key is kept that no miniature has");
            let noted = self.having[index as usize];
            for (mode, engine) in self.engines.iter().enumerate() {
                assert_eq!(
                    noted >> mode & 1 == 1,
                    has(&engine),
                    "who has a key is noted wrong"
                );
            }
            assert!(self.takes(*folded), "a key is not of the sample");
            residents += having;
        }
        let lens = self
            .engines
            .iter()
            .map(|engine| engine.segments.ledger.len());
        assert_eq!(
            residents,
            lens.sum::<usize>(),
            "the miniatures have other keys than there are"
        );
        self.engines.iter().for_each(Engine::check);
    }
}
