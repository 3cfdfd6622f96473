//! Any 64 bits as a handle: an arena and a byte slab that were in use give it the value that it names, or refuse it.
#![no_main]

use std::collections::HashMap;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use slab_core::{Arena, ByteHandle, ByteSlab, Handle, InsertErrorKind, SecondaryMap};

/// From here on a map is given no index, as its directory reaches up to it, but the last ones, which it refuses.
const INDEX_FAR: u32 = 1 << 22;
const INDEX_LAST: u32 = u32::MAX - 4095;

/// Above it a slot's generation is a mark, such as that of a detached value, and no handle has it.
const GENERATION_LAST: u32 = u32::MAX - 4;

/// On the heap, so that the sanitizer sees one that is dropped twice or never.
type Value = Box<u64>;

#[derive(Arbitrary, Debug)]
enum Past {
    Insert(u8),
    Remove(u8),
    Detach(u8),
    Compact(u8),
    Release,
    Alloc(u16),
    Free(u8),
    ReleaseBytes,
}

#[derive(Arbitrary, Debug)]
enum Bits {
    Any(u64),
    Fields {
        generation: u8,
        index: u16,
    },
    Class {
        generation: u8,
        class: u8,
        slot: u8,
    },
    /// A handle that was given out, with some bits turned.
    Near {
        which: u16,
        turned: u64,
    },
    Given {
        which: u16,
    },
}

#[derive(Arbitrary, Debug)]
enum Use {
    Look,
    Change,
    Take,
    TakeAt,
    Detach,
    Reattach,
    Abandon,
    Store,
    Resize(u16),
    Free,
}

#[derive(Arbitrary, Debug)]
struct Run {
    slots_per_slab: u8,
    past: Vec<Past>,
    probes: Vec<(Bits, Use)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Live(u64),
    Detached,
    Dead,
}

struct World {
    arena: Arena<Value>,
    slab: ByteSlab,
    map: SecondaryMap<Value, u8>,
    /// Every handle of the arena there ever was.
    values: HashMap<u64, State>,
    /// Every handle of the byte slab there ever was, with length and filling if it is live.
    strings: HashMap<u64, Option<(usize, u8)>>,
    /// Bits of all handles that were given out, to choose from.
    given: Vec<u64>,
    made: u64,
}

impl World {
    fn new(slots: u8) -> Self {
        Self {
            arena: Arena::with_slots_per_slab(u32::from(slots)),
            slab: ByteSlab::new(),
            map: SecondaryMap::new(),
            values: HashMap::new(),
            strings: HashMap::new(),
            given: Vec::new(),
            made: 0,
        }
    }

    /// The bits of a handle that was given out, of either kind.
    fn chosen(&self, which: u16) -> Option<u64> {
        let at = usize::from(which).checked_rem(self.given.len())?;
        Some(self.given[at])
    }

    fn born(&mut self, bits: u64, number: u64) {
        let before = self.values.insert(bits, State::Live(number));
        assert_eq!(before, None, "a handle came twice");
        self.given.push(bits);
    }

    fn allocated(&mut self, handle: ByteHandle, length: usize, byte: u8) {
        let bits = handle.to_bits();
        let before = self.strings.insert(bits, Some((length, byte)));
        assert_eq!(before, None, "a handle came twice");
        self.given.push(bits);
    }

    fn past(&mut self, step: &Past) {
        let chosen = |list: &[u64], which: u8| {
            let at = usize::from(which).checked_rem(list.len())?;
            Some(list[at])
        };
        match *step {
            Past::Insert(count) => {
                for _ in 0..count % 16 {
                    self.made += 1;
                    let handle = self.arena.insert(Box::new(self.made));
                    self.born(handle.to_bits(), self.made);
                }
            }
            Past::Remove(which) => {
                if let Some(bits) = chosen(&self.given, which) {
                    self.probe(bits, &Use::Take);
                }
            }
            Past::Detach(which) => {
                if let Some(bits) = chosen(&self.given, which) {
                    self.probe(bits, &Use::Detach);
                }
            }
            Past::Compact(moves) => {
                let mut pairs = Vec::new();
                self.arena
                    .compact_step(usize::from(moves), |old, new, value| {
                        pairs.push((old.to_bits(), new.to_bits(), **value));
                    });
                for (old, new, number) in pairs {
                    let before = self.values.insert(old, State::Dead);
                    assert_eq!(before, Some(State::Live(number)));
                    self.born(new, number);
                }
            }
            Past::Release => {
                self.arena.release_empty(0);
            }
            Past::Alloc(length) => {
                // Beyond the largest class as well.
                let (length, byte) = (usize::from(length) % 5000, length as u8);
                let handle = self.slab.alloc(&vec![byte; length]).expect("memory");
                self.allocated(handle, length, byte);
            }
            Past::Free(which) => {
                if let Some(bits) = chosen(&self.given, which) {
                    self.probe(bits, &Use::Free);
                }
            }
            Past::ReleaseBytes => {
                self.slab.release_empty(0);
            }
        }
    }

    fn probe(&mut self, bits: u64, how: &Use) {
        let handle = Handle::<Value>::from_bits(bits);
        let bytes = ByteHandle::from_bits(bits);
        assert_eq!(handle.map(Handle::to_bits), bytes.map(ByteHandle::to_bits));
        let (Some(handle), Some(bytes)) = (handle, bytes) else {
            let generation = (bits >> 32) as u32;
            assert!(generation & 1 == 0 || generation > GENERATION_LAST);
            return;
        };
        assert!(handle.to_bits() == bits && handle.generation() & 1 == 1);
        self.probe_arena(handle, how);
        self.probe_bytes(bytes, how);
    }

    fn probe_arena(&mut self, handle: Handle<Value>, how: &Use) {
        let bits = handle.to_bits();
        let state = self.values.get(&bits).copied();
        let number = match state {
            Some(State::Live(number)) => Some(number),
            _ => None,
        };
        assert_eq!(self.arena.get(handle).map(|value| **value), number);
        assert_eq!(self.arena.check(handle).is_ok(), number.is_some());
        match *how {
            Use::Change => {
                let value = self.arena.get_mut(handle);
                assert_eq!(value.map(|value| **value), number);
                let disjoint = self.arena.get_disjoint_mut([handle]);
                assert_eq!(disjoint.map(|[value]| **value).ok(), number);
            }
            Use::Take => {
                assert_eq!(self.arena.remove(handle).map(|value| *value), number);
                self.ends(bits, number.is_some(), State::Dead);
            }
            Use::TakeAt => {
                let there = self.arena.handle_at(handle.index()).map(Handle::to_bits);
                let found = self
                    .arena
                    .remove_at(handle.index())
                    .map(|value| State::Live(*value));
                assert_eq!(
                    found,
                    there.and_then(|bits| self.values.get(&bits).copied())
                );
                self.ends(there.unwrap_or(0), found.is_some(), State::Dead);
            }
            Use::Detach => {
                assert_eq!(self.arena.detach(handle).map(|value| *value), number);
                self.ends(bits, number.is_some(), State::Detached);
            }
            Use::Reattach => {
                self.made += 1;
                let attached = self.arena.reattach(handle, Box::new(self.made));
                assert_eq!(attached.is_ok(), state == Some(State::Detached));
                match attached {
                    Ok(()) => self.ends(bits, true, State::Live(self.made)),
                    Err(error) => assert_eq!(*error.into_value(), self.made),
                }
            }
            Use::Abandon => {
                let abandoned = self.arena.abandon(handle);
                assert_eq!(abandoned, state == Some(State::Detached));
                self.ends(bits, abandoned, State::Dead);
            }
            Use::Store => self.store(handle),
            Use::Look | Use::Resize(_) | Use::Free => {
                assert_eq!(self.map.get(handle).is_some(), self.map.contains(handle));
            }
        }
    }

    fn ends(&mut self, bits: u64, changed: bool, state: State) {
        if changed {
            self.values.insert(bits, state);
        }
    }

    /// Stores a value for a handle, even one that no arena gave out.
    fn store(&mut self, handle: Handle<Value>) {
        if (INDEX_FAR..INDEX_LAST).contains(&handle.index()) {
            return;
        }
        match self.map.try_insert(handle, 7) {
            Ok(_) => assert_eq!(self.map.get(handle), Some(&7)),
            Err(error) => {
                let full = error.kind() == InsertErrorKind::IndexSpace;
                assert_eq!(full, handle.index() >= INDEX_LAST);
                assert!(!self.map.contains(handle));
            }
        }
    }

    fn probe_bytes(&mut self, handle: ByteHandle, how: &Use) {
        let bits = handle.to_bits();
        let live = self.strings.get(&bits).copied().flatten();
        let found = self.slab.get(handle);
        assert_eq!(found.map(<[u8]>::len), live.map(|(length, _)| length));
        let filling = live.map_or(0, |(_, byte)| byte);
        assert!(found.is_none_or(|bytes| bytes.iter().all(|&byte| byte == filling)));
        assert_eq!(self.slab.contains(handle), live.is_some());
        assert_eq!(self.slab.check(handle).is_ok(), live.is_some());
        match *how {
            Use::Change => {
                let changed = self.slab.get_mut(handle).map(|bytes| bytes.fill(!filling));
                assert_eq!(changed.is_some(), live.is_some());
                if let Some((length, byte)) = live {
                    self.strings.insert(bits, Some((length, !byte)));
                }
            }
            Use::Free => {
                assert_eq!(self.slab.free(handle), live.is_some());
                if live.is_some() {
                    self.strings.insert(bits, None);
                }
            }
            Use::Resize(length) => self.resize(handle, usize::from(length) % 5000, live),
            _ => {}
        }
    }

    fn resize(&mut self, handle: ByteHandle, length: usize, live: Option<(usize, u8)>) {
        let resized = self.slab.resize(handle, length);
        assert_eq!(resized.is_ok(), live.is_some());
        let (Ok(after), Some((before, byte))) = (resized, live) else {
            return;
        };
        let bytes = self.slab.get_mut(after).expect("it was resized");
        assert_eq!(bytes.len(), length);
        let kept = before.min(length);
        assert!(bytes[..kept].iter().all(|&other| other == byte));
        assert!(bytes[kept..].iter().all(|&other| other == 0));
        bytes.fill(byte);
        if after == handle {
            self.strings.insert(handle.to_bits(), Some((length, byte)));
        } else {
            self.strings.insert(handle.to_bits(), None);
            self.allocated(after, length, byte);
        }
    }

    /// Every handle that was given out, as the model has it.
    fn check(&self) {
        let live = |state: &&State| matches!(state, State::Live(_));
        assert_eq!(self.arena.len(), self.values.values().filter(live).count());
        for (&bits, &state) in &self.values {
            let handle = Handle::from_bits(bits).expect("it was given out");
            let found = self.arena.get(handle).map(|value| State::Live(**value));
            assert_eq!(found.unwrap_or(state), state);
            assert_eq!(found.is_some(), matches!(state, State::Live(_)));
        }
        for (&bits, &string) in &self.strings {
            let handle = ByteHandle::from_bits(bits).expect("it was given out");
            let length = self.slab.get(handle).map(<[u8]>::len);
            assert_eq!(length, string.map(|(length, _)| length));
        }
    }
}

fuzz_target!(|run: Run| {
    let mut world = World::new(run.slots_per_slab);
    for step in &run.past {
        world.past(step);
    }
    for (bits, how) in &run.probes {
        let bits = match *bits {
            Bits::Any(bits) => bits,
            Bits::Fields { generation, index } => u64::from(generation) << 32 | u64::from(index),
            Bits::Class {
                generation,
                class,
                slot,
            } => u64::from(generation) << 32 | u64::from(class % 32) << 27 | u64::from(slot),
            Bits::Near { which, turned } => world.chosen(which).unwrap_or(0) ^ turned,
            Bits::Given { which } => world.chosen(which).unwrap_or(0),
        };
        world.probe(bits, how);
    }
    world.check();
});
