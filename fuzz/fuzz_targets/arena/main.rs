//! Operations on an arena and a secondary map against maps, on memory that may be refused; handles that died stay dead.
#![no_main]

mod map;

use std::collections::{HashMap, HashSet};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use map::{Map, MapStep};
use slab_core::{Arena, Counting, Failing, Global, Handle, HandleError, InsertErrorKind};

/// On the heap, so that the sanitizer sees one that is dropped twice or never.
pub(crate) type Value = Box<u64>;
pub(crate) type Memory = Counting<Failing<Global>>;

/// From here on values are inserted one at a time: more of them only take more time.
const LIVE_MAX: usize = 1024;

#[derive(Arbitrary, Debug)]
enum Step {
    Insert,
    InsertMany(u8),
    InsertWith,
    Entry { fill: bool },
    Remove(u16),
    RemoveMany { first: u16, every: u8 },
    RemoveAt(u16),
    Replace(u16),
    Disjoint(u16, u16),
    Dead(u16),
    Detach(u16),
    Reattach(u16),
    Abandon(u16),
    Retain(u8),
    Drain(u8),
    Clear,
    Release(u8),
    Compact(u8),
    Reserve(u8),
    Map(MapStep),
    Walk,
}

#[derive(Arbitrary, Debug)]
struct Run {
    slots_per_slab: u8,
    /// The provider refuses each call of this number; never if 0.
    refuse_every: u8,
    steps: Vec<Step>,
}

struct World<'m> {
    arena: Arena<Value, &'m Memory>,
    live: HashMap<Handle<Value>, u64>,
    /// The live handles, to choose from.
    order: Vec<Handle<Value>>,
    detached: Vec<(Handle<Value>, Value)>,
    /// The handles that died, to choose from.
    dead: Vec<Handle<Value>>,
    graves: HashSet<Handle<Value>>,
    map: Map,
    made: u64,
}

fn chosen<T>(list: &[T], which: u16) -> Option<usize> {
    usize::from(which).checked_rem(list.len())
}

impl<'m> World<'m> {
    fn new(slots: u8, memory: &'m Memory) -> Self {
        Self {
            arena: Arena::with_slots_per_slab_in(u32::from(slots), memory),
            live: HashMap::new(),
            order: Vec::new(),
            detached: Vec::new(),
            dead: Vec::new(),
            graves: HashSet::new(),
            map: Map::new(),
            made: 0,
        }
    }

    fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    fn born(&mut self, handle: Handle<Value>, number: u64) {
        assert!(!self.graves.contains(&handle), "{handle:?} came twice");
        let before = self.live.insert(handle, number);
        assert!(before.is_none(), "{handle:?} is already live");
        self.order.push(handle);
    }

    /// Takes a handle out of the live ones; it may come back.
    fn left(&mut self, handle: Handle<Value>) -> u64 {
        self.order.retain(|&other| other != handle);
        self.live.remove(&handle).expect("only live handles leave")
    }

    fn died(&mut self, handle: Handle<Value>) -> u64 {
        let number = self.left(handle);
        self.bury(handle);
        number
    }

    /// As `died`, for many at once, each with the number that its value had.
    fn all_died(&mut self, gone: Vec<(Handle<Value>, u64)>) {
        for (handle, number) in gone {
            assert_eq!(self.live.remove(&handle), Some(number));
            self.bury(handle);
        }
        self.order.retain(|handle| self.live.contains_key(handle));
    }

    fn bury(&mut self, handle: Handle<Value>) {
        assert!(self.graves.insert(handle), "{handle:?} died twice");
        self.dead.push(handle);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Insert => self.insert(),
            Step::InsertMany(count) if self.live.len() < LIVE_MAX => {
                (0..count).for_each(|_| self.insert());
            }
            Step::InsertMany(_) => {}
            Step::InsertWith => self.insert_with(),
            Step::Entry { fill } => self.entry(fill),
            Step::Remove(which) => self.remove(which),
            Step::RemoveMany { first, every } => {
                let from = chosen(&self.order, first).unwrap_or(0);
                let picked = self.order[from..].iter().step_by(usize::from(every) + 1);
                let take = |&handle| (handle, *self.arena.remove(handle).expect("a live handle"));
                let gone = picked.map(take).collect();
                self.all_died(gone);
            }
            Step::RemoveAt(which) => {
                if let Some(at) = chosen(&self.order, which) {
                    let handle = self.order[at];
                    assert_eq!(self.arena.handle_at(handle.index()), Some(handle));
                    let value = self.arena.remove_at(handle.index()).expect("a live index");
                    assert_eq!(*value, self.died(handle));
                    assert!(self.arena.get_at(handle.index()).is_none());
                }
            }
            Step::Replace(which) => {
                if let Some(at) = chosen(&self.order, which) {
                    let (handle, number) = (self.order[at], self.number());
                    *self.arena.get_mut(handle).expect("a live handle") = Box::new(number);
                    self.live.insert(handle, number);
                }
            }
            Step::Disjoint(a, b) => self.disjoint(a, b),
            Step::Dead(which) => self.refuse(which),
            Step::Detach(which) => self.detach(which),
            Step::Reattach(which) => self.reattach(which),
            Step::Abandon(which) => {
                if let Some(at) = chosen(&self.detached, which) {
                    let (handle, _) = self.detached.swap_remove(at);
                    assert!(self.arena.abandon(handle) && !self.arena.abandon(handle));
                    self.bury(handle);
                }
            }
            Step::Retain(_) | Step::Drain(_) | Step::Clear => self.sweep(&step),
            Step::Release(_) | Step::Compact(_) | Step::Reserve(_) => self.reshape(&step),
            Step::Map(step) => {
                let handle = step.which().and_then(|which| self.any(which));
                self.map.step(&step, handle, &self.arena);
            }
            Step::Walk => self.walk(),
        }
    }

    fn insert(&mut self) {
        let number = self.number();
        match self.arena.try_insert(Box::new(number)) {
            Ok(handle) => self.born(handle, number),
            Err(error) => {
                assert!(matches!(error.kind(), InsertErrorKind::Memory(_)));
                assert_eq!(*error.into_value(), number);
            }
        }
    }

    fn insert_with(&mut self) {
        let number = self.number();
        let mut seen = None;
        let inserted = self.arena.try_insert_with(|handle| {
            seen = Some(handle);
            Box::new(number)
        });
        assert_eq!(inserted.ok(), seen);
        if let Some(handle) = seen {
            self.born(handle, number);
        }
    }

    fn entry(&mut self, fill: bool) {
        let number = self.number();
        let Ok(entry) = self.arena.vacant_entry() else {
            return;
        };
        let handle = entry.handle();
        if fill {
            assert_eq!(entry.insert(Box::new(number)), handle);
            self.born(handle, number);
        } else {
            assert!(!self.arena.contains(handle));
        }
    }

    fn remove(&mut self, which: u16) {
        if let Some(at) = chosen(&self.order, which) {
            let handle = self.order[at];
            assert_eq!(*self.arena[handle], self.live[&handle]);
            let value = self.arena.remove(handle).expect("a live handle");
            assert_eq!(*value, self.died(handle));
            assert!(self.arena.remove(handle).is_none());
        }
    }

    fn disjoint(&mut self, a: u16, b: u16) {
        let (Some(a), Some(b)) = (chosen(&self.order, a), chosen(&self.order, b)) else {
            return;
        };
        let (a, b) = (self.order[a], self.order[b]);
        match self.arena.get_disjoint_mut([a, b]) {
            Ok([x, y]) => {
                assert!(a != b);
                std::mem::swap(x, y);
                let (x, y) = (self.live[&a], self.live[&b]);
                self.live.extend([(a, y), (b, x)]);
            }
            Err(error) => assert!(a == b && error == HandleError::Repeated),
        }
    }

    /// Whatever is tried with a handle that died is refused.
    fn refuse(&mut self, which: u16) {
        let Some(at) = chosen(&self.dead, which) else {
            return;
        };
        let handle = self.dead[at];
        assert!(self.arena.get(handle).is_none() && self.arena.get_mut(handle).is_none());
        assert!(self.arena.remove(handle).is_none() && self.arena.detach(handle).is_none());
        assert!(!self.arena.abandon(handle));
        assert_eq!(self.arena.check(handle), Err(HandleError::Stale));
        let disjoint = self.arena.get_disjoint_mut([handle]);
        assert_eq!(disjoint, Err(HandleError::Stale));
        let refused = self.arena.reattach(handle, Box::new(7)).expect_err("dead");
        assert_eq!(refused.kind(), InsertErrorKind::Handle(HandleError::Stale));
        assert_eq!(*refused.into_value(), 7);
    }

    fn detach(&mut self, which: u16) {
        if let Some(at) = chosen(&self.order, which) {
            let handle = self.order[at];
            let value = self.arena.detach(handle).expect("a live handle");
            assert_eq!(*value, self.left(handle));
            assert_eq!(self.arena.check(handle), Err(HandleError::Vacant));
            assert!(self.arena.detach(handle).is_none() && self.arena.remove(handle).is_none());
            self.detached.push((handle, value));
        }
    }

    fn reattach(&mut self, which: u16) {
        if let Some(at) = chosen(&self.detached, which) {
            let (handle, value) = self.detached.swap_remove(at);
            let number = *value;
            self.arena.reattach(handle, value).expect("it is detached");
            self.born(handle, number);
            let refused = self.arena.reattach(handle, Box::new(7)).expect_err("live");
            let occupied = InsertErrorKind::Handle(HandleError::Occupied);
            assert_eq!(refused.kind(), occupied);
        }
    }

    fn sweep(&mut self, step: &Step) {
        let mut gone = Vec::new();
        match *step {
            Step::Retain(mask) => self.arena.retain(|handle, value| {
                let keep = mask >> (**value % 8) & 1 == 1;
                if !keep {
                    gone.push((handle, **value));
                }
                keep
            }),
            Step::Drain(count) => {
                let mut drain = self.arena.drain();
                for (handle, value) in drain.by_ref().take(usize::from(count)) {
                    gone.push((handle, *value));
                }
                drop(drain);
            }
            _ => self.arena.clear(),
        }
        self.all_died(gone);
        if !matches!(step, Step::Retain(_)) {
            assert!(self.arena.is_empty());
            let rest = self.live.iter().map(|(&handle, &number)| (handle, number));
            self.all_died(rest.collect());
        }
    }

    fn reshape(&mut self, step: &Step) {
        let before = self.arena.stats();
        match *step {
            Step::Release(keep) => {
                let released = self.arena.release_empty(usize::from(keep));
                assert_eq!(before.slabs - released, self.arena.stats().slabs);
            }
            Step::Reserve(more) => {
                if self.arena.try_reserve(usize::from(more)).is_ok() {
                    assert!(self.arena.free_slots() >= usize::from(more));
                }
            }
            Step::Compact(moves) => {
                // The largest stands for as many as it takes.
                let moves = if moves == u8::MAX {
                    usize::MAX
                } else {
                    usize::from(moves)
                };
                let mut pairs = Vec::new();
                let moved = self.arena.compact_step(moves, |old, new, value| {
                    pairs.push((old, new, **value));
                });
                assert!(moved == pairs.len() && moved <= moves);
                for &(old, new, number) in &pairs {
                    assert_eq!(self.live.remove(&old), Some(number));
                    self.bury(old);
                    self.born(new, number);
                }
                self.order.retain(|handle| self.live.contains_key(handle));
                assert_eq!(before.slabs, self.arena.stats().slabs);
                if moved < moves {
                    let again = self.arena.compact_step(1, |_, _, _| ());
                    assert_eq!(again, 0, "it said that nothing is left to move");
                }
            }
            _ => unreachable!("the caller sends what changes the slabs"),
        }
    }

    /// Any handle that there ever was.
    fn any(&self, which: u16) -> Option<Handle<Value>> {
        let detached = self.detached.iter().map(|(handle, _)| handle);
        let count = self.order.len() + self.detached.len() + self.dead.len();
        let at = usize::from(which).checked_rem(count)?;
        let mut all = self.order.iter().chain(detached).chain(&self.dead);
        all.nth(at).copied()
    }

    fn walk(&mut self) {
        let seen: Vec<_> = self
            .arena
            .iter()
            .map(|(handle, value)| (handle, **value))
            .collect();
        assert!(seen.is_sorted_by_key(|(handle, _)| handle.index()));
        let again = self
            .arena
            .iter_mut()
            .map(|(handle, value)| (handle, **value));
        assert!(again.eq(seen.iter().copied()));
        assert_eq!(HashMap::from_iter(seen), self.live);
    }

    fn check(&self) {
        let stats = self.arena.stats();
        assert_eq!(stats.live, self.live.len());
        assert_eq!(stats.detached, self.detached.len());
        let parts = stats.live + stats.free + stats.detached + stats.retired;
        assert_eq!(stats.slots, parts);
        assert_eq!(stats.slots, stats.slabs * stats.slots_per_slab);
        assert_eq!(stats.bytes, self.arena.provider().live_bytes());
    }

    fn finish(mut self) {
        self.walk();
        assert!(self.dead.iter().all(|&handle| !self.arena.contains(handle)));
        self.map.finish();
    }
}

fuzz_target!(|run: Run| {
    let memory = Counting::new(Failing::every(Global, usize::from(run.refuse_every)));
    let mut world = World::new(run.slots_per_slab, &memory);
    for step in run.steps {
        world.step(step);
        world.check();
    }
    world.finish();
    assert_eq!((memory.live_bytes(), memory.live_blocks()), (0, 0));
});
