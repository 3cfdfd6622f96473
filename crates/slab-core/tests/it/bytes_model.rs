//! Random operations on a byte slab against a list of vectors, and every handle that was ever given out.
//!
//! Compiled a second time into the crate's own unit tests, where generations have 4 bits, so that slots
//! retire all the time.

use std::collections::HashSet;
use std::vec::Vec;

use slab_core::{
    ByteHandle, ByteSlab, Classes, CompactHandle, Counting, Global, HandleError, InsertErrorKind,
};

use super::ops::{Dice, for_each_case};

const STEPS: usize = 200;

#[derive(Clone, Copy)]
enum Step {
    Alloc,
    Reserve,
    Free,
    Write,
    Resize,
    Overwrite,
    Probe,
    Dead,
    Forged,
    Release,
    Retain,
    Clear,
    Walk,
}

const STEP_WEIGHTS: [(usize, Step); 13] = [
    (24, Step::Alloc),
    (6, Step::Reserve),
    (20, Step::Free),
    (5, Step::Write),
    (9, Step::Resize),
    (6, Step::Overwrite),
    (8, Step::Probe),
    (6, Step::Dead),
    (8, Step::Forged),
    (3, Step::Release),
    (1, Step::Retain),
    (1, Step::Clear),
    (3, Step::Walk),
];

/// Lengths around the classes' borders.
const BORDERS: [usize; 16] = [
    0, 1, 15, 16, 17, 48, 49, 64, 65, 80, 81, 199, 200, 201, 4096, 4097,
];

fn length(dice: &mut Dice) -> usize {
    match dice.below(16) {
        0..7 => dice.below(40),
        7..13 => dice.below(300),
        13 => dice.below(1500),
        _ => dice.of(&BORDERS),
    }
}

struct Model<'p> {
    slab: ByteSlab<&'p Counting<Global>>,
    live: Vec<(ByteHandle, Vec<u8>)>,
    payload_bytes: usize,
    /// Every handle whose string is gone, in an order to choose from.
    dead: Vec<ByteHandle>,
    /// Every handle that was ever given out.
    given: HashSet<ByteHandle>,
    dice: &'p mut Dice,
}

impl Model<'_> {
    /// Bytes that differ from string to string and from place to place.
    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let first = self.dice.any() as u8;
        (0..length)
            .map(|at| first.wrapping_add(at as u8) | 1)
            .collect()
    }

    fn born(&mut self, handle: ByteHandle, bytes: Vec<u8>) {
        assert!(
            self.given.insert(handle),
            "{handle:?} was given out a second time"
        );
        self.payload_bytes += bytes.len();
        self.live.push((handle, bytes));
    }

    fn died(&mut self, at: usize) -> Vec<u8> {
        let (handle, bytes) = self.live.swap_remove(at);
        self.payload_bytes -= bytes.len();
        self.dead.push(handle);
        bytes
    }

    /// A string that is live, by its place in the list.
    fn pick(&mut self) -> Option<usize> {
        (!self.live.is_empty()).then(|| self.dice.below(self.live.len()))
    }

    fn step(&mut self) {
        match self.dice.weighted(&STEP_WEIGHTS) {
            Step::Alloc => {
                let length = length(self.dice);
                let bytes = self.bytes(length);
                let handle = self.slab.alloc(&bytes).expect("memory is there");
                self.born(handle, bytes);
            }
            Step::Reserve => self.reserve(),
            Step::Free => self.free(),
            Step::Write => self.write(),
            Step::Resize | Step::Overwrite if self.live.is_empty() => {}
            Step::Resize => self.change(false),
            Step::Overwrite => self.change(true),
            Step::Probe => self.probe(),
            Step::Dead => self.dead(),
            Step::Forged => self.forged(),
            Step::Release => {
                let keep = self.dice.below(3);
                let before = self.slab.stats();
                self.slab.release_empty(keep);
                let after = self.slab.stats();
                assert!(after.held_bytes <= before.held_bytes);
                if self.live.is_empty() && keep == 0 {
                    assert_eq!(after.capacity_bytes, 0, "all that is empty is given back");
                }
            }
            Step::Retain => self.retain(),
            Step::Clear => {
                self.slab.clear();
                while !self.live.is_empty() {
                    self.died(0);
                }
            }
            Step::Walk => self.walk(),
        }
    }

    fn reserve(&mut self) {
        let length = length(self.dice);
        let bytes = self.bytes(length);
        let how = self.dice.below(5);
        let mut room = self.slab.alloc_uninit(length).expect("memory is there");
        assert_eq!(room.len(), length);
        match how {
            0 => drop(room),
            1 => {
                let handle = room.zeroed();
                self.born(handle, std::vec![0; length]);
            }
            2 => {
                let handle = room.write(&bytes).expect("the length is right");
                self.born(handle, bytes);
            }
            3 => {
                let longer = std::vec![0; length + 1];
                let room = room.write(&longer).expect_err("the length is wrong");
                assert_eq!(room.len(), length);
            }
            _ => {
                for (place, &byte) in room.iter_mut().zip(&bytes) {
                    place.write(byte);
                }
                // SAFETY: every byte was written.
                let handle = unsafe { room.assume_init() };
                self.born(handle, bytes);
            }
        }
    }

    fn free(&mut self) {
        let Some(at) = self.pick() else { return };
        let handle = self.live[at].0;
        if self.dice.one_in(2) {
            assert!(self.slab.free(handle));
            assert!(!self.slab.free(handle), "a second free does nothing");
        } else {
            assert!(self.slab.free(handle.compact()));
            assert!(!self.slab.free(handle.compact()), "the slot is vacant");
        }
        self.died(at);
    }

    fn write(&mut self) {
        let Some(at) = self.pick() else { return };
        let bytes = self.bytes(self.live[at].1.len());
        let handle = self.live[at].0;
        let place = if self.dice.one_in(2) {
            self.slab.get_mut(handle)
        } else {
            self.slab.get_mut(handle.compact())
        };
        place.expect("live").copy_from_slice(&bytes);
        self.live[at].1 = bytes;
    }

    /// Resizes a string, or overwrites it.
    fn change(&mut self, overwrite: bool) {
        let Some(at) = self.pick() else { return };
        let handle = self.live[at].0;
        let length = length(self.dice);
        let mut bytes = self.live[at].1.clone();
        if overwrite {
            bytes = self.bytes(length);
        }
        bytes.resize(length, 0);
        let moved = if self.dice.one_in(2) {
            match overwrite {
                true => self.slab.overwrite(handle, &bytes),
                false => self.slab.resize(handle, length),
            }
            .expect("memory is there")
        } else {
            let handle = handle.compact();
            let moved = match overwrite {
                true => self.slab.overwrite(handle, &bytes),
                false => self.slab.resize(handle, length),
            };
            let moved = moved.expect("memory is there");
            self.slab.handle(moved).expect("it is live")
        };
        if moved == handle {
            self.payload_bytes = self.payload_bytes - self.live[at].1.len() + length;
            self.live[at].1 = bytes;
        } else {
            assert_eq!(self.slab.check(handle), Err(HandleError::Stale));
            self.died(at);
            self.born(moved, bytes);
        }
        assert_eq!(self.slab.len_of(moved), Some(length));
    }

    fn probe(&mut self) {
        let Some(at) = self.pick() else { return };
        let (handle, bytes) = &self.live[at];
        let compact = handle.compact();
        assert_eq!(self.slab.get(*handle), Some(&bytes[..]));
        assert_eq!(self.slab.get(compact), Some(&bytes[..]));
        assert_eq!(self.slab.handle(compact), Some(*handle));
        assert_eq!(self.slab.check(*handle), Ok(()));
        assert_eq!(ByteHandle::from_bits(handle.to_bits()), Some(*handle));
        assert_eq!(CompactHandle::from_bits(compact.to_bits()), Some(compact));
    }

    fn dead(&mut self) {
        if self.dead.is_empty() {
            return;
        }
        let handle = self.dice.of(&self.dead);
        let stale = Err(InsertErrorKind::Handle(HandleError::Stale));
        assert_eq!(self.slab.get(handle), None);
        assert_eq!(self.slab.get_mut(handle), None);
        assert!(!self.slab.free(handle));
        assert_eq!(self.slab.check(handle), Err(HandleError::Stale));
        assert_eq!(self.slab.resize(handle, 10), stale);
        assert_eq!(self.slab.overwrite(handle, b"risen"), stale);
        self.names_at_most_what_is_live(handle.compact());
    }

    /// Handles that nobody gave out, or that differ from one that was by a bit.
    fn forged(&mut self) {
        let mut bits = self.dice.any();
        if let Some(at) = self.pick()
            && self.dice.one_in(2)
        {
            bits = self.live[at].0.to_bits() ^ 1 << self.dice.below(64);
        }
        if let Some(compact) = CompactHandle::from_bits(bits as u32) {
            self.names_at_most_what_is_live(compact);
        }
        let Some(handle) = ByteHandle::from_bits(bits) else {
            return;
        };
        if let Some(bytes) = self.slab.get(handle) {
            let known = self.live.iter().find(|(other, _)| *other == handle);
            assert_eq!(known.map(|(_, bytes)| &bytes[..]), Some(bytes));
        } else {
            assert!(!self.slab.free(handle));
            assert!(self.slab.check(handle).is_err());
            assert!(self.slab.resize(handle, 1).is_err());
        }
    }

    fn names_at_most_what_is_live(&mut self, compact: CompactHandle) {
        if let Some(bytes) = self.slab.get(compact) {
            let known = self
                .live
                .iter()
                .find(|(other, _)| other.compact() == compact);
            assert_eq!(known.map(|(_, bytes)| &bytes[..]), Some(bytes));
        } else {
            assert!(!self.slab.free(compact));
            assert_eq!(self.slab.handle(compact), None);
            assert!(self.slab.check(compact).is_err());
            assert!(self.slab.overwrite(compact, b"nothing").is_err());
        }
    }

    fn retain(&mut self) {
        let mask = self.dice.any();
        let keep = |handle: ByteHandle| mask >> (handle.to_bits() % 61) & 1 == 1;
        let mut seen = 0;
        self.slab.retain(|handle, bytes| {
            seen += 1;
            for byte in bytes {
                *byte = !*byte;
            }
            keep(handle)
        });
        assert_eq!(seen, self.live.len());
        for at in (0..self.live.len()).rev() {
            if keep(self.live[at].0) {
                for byte in &mut self.live[at].1 {
                    *byte = !*byte;
                }
            } else {
                self.died(at);
            }
        }
    }

    fn walk(&mut self) {
        let strings = self.slab.iter();
        assert_eq!(strings.len(), self.live.len());
        let mut found: Vec<_> = strings.collect();
        let mut expected: Vec<_> = self
            .live
            .iter()
            .map(|(handle, bytes)| (*handle, &bytes[..]))
            .collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }

    /// Everything that must hold after any step.
    fn check(&self) {
        let stats = self.slab.stats();
        assert_eq!(stats.strings, self.live.len());
        assert_eq!(stats.payload_bytes, self.payload_bytes);
        assert_eq!(stats.held_bytes, self.slab.provider().live_bytes());
        assert!(stats.payload_bytes <= stats.capacity_bytes);
        assert!(stats.capacity_bytes <= stats.held_bytes);
    }

    /// Ends the slab and proves that nothing leaked.
    fn finish(mut self) {
        self.walk();
        for &handle in &self.dead {
            assert!(!self.slab.contains(handle), "{handle:?} rose from the dead");
        }
        let memory = *self.slab.provider();
        drop(self.slab);
        assert_eq!((memory.live_bytes(), memory.live_blocks()), (0, 0));
    }
}

#[test]
fn byte_slab_equals_a_list_and_no_handle_comes_twice() {
    let odd = Classes::new(&[16, 48, 200])
        .expect("ascending")
        .slab_bytes(128);
    let tables = [odd, Classes::QUARTERS.slab_bytes(1024), Classes::DOUBLINGS];
    for_each_case(100_000, |dice| {
        let table = dice.of(&tables);
        let memory = Counting::new(Global);
        let mut model = Model {
            slab: ByteSlab::with_classes_in(table, &memory),
            live: Vec::new(),
            payload_bytes: 0,
            dead: Vec::new(),
            given: HashSet::new(),
            dice,
        };
        for _ in 0..STEPS {
            model.step();
            model.check();
        }
        model.finish();
    });
}
