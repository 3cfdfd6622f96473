//! Random operations on a byte slab against a hash map of vectors, and every handle that was ever given
//! out. Compiled a second time into the crate's own unit tests, where generations have 4 bits.

use std::collections::HashMap;
use std::vec::Vec;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use slab_core::{ByteHandle, ByteSlab, Classes, Counting, Global, HandleError, InsertErrorKind};

#[derive(Debug, Clone, Copy)]
enum Step {
    Alloc(u16),
    Reserve { length: u16, how: u8 },
    Free(u16),
    Write(u16),
    Resize { at: u16, length: u16 },
    Dead(u16),
    Release(u8),
    Clear,
}

/// Lengths around the classes' borders, and beyond the largest.
fn length() -> impl Strategy<Value = u16> {
    prop_oneof![
        4 => 0_u16..40,
        4 => 0_u16..300,
        1 => 0_u16..6000,
        2 => prop::sample::select(std::vec![15_u16, 16, 17, 48, 49, 64, 65, 80, 81, 199, 200, 201, 4096, 4097]),
    ]
}

fn steps(len: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        20 => length().prop_map(Step::Alloc),
        5 => (length(), 0_u8..5).prop_map(|(length, how)| Step::Reserve { length, how }),
        20 => any::<u16>().prop_map(Step::Free),
        5 => any::<u16>().prop_map(Step::Write),
        10 => (any::<u16>(), length()).prop_map(|(at, length)| Step::Resize { at, length }),
        5 => any::<u16>().prop_map(Step::Dead),
        2 => (0_u8..3).prop_map(Step::Release),
        1 => Just(Step::Clear),
    ];
    prop::collection::vec(step, len)
}

struct Model<'p> {
    slab: ByteSlab<&'p Counting<Global>>,
    live: HashMap<ByteHandle, Vec<u8>>,
    order: Vec<ByteHandle>,
    dead: Vec<ByteHandle>,
    next: u8,
}

impl Model<'_> {
    /// Bytes that differ from string to string and from place to place.
    fn bytes(&mut self, length: u16) -> Vec<u8> {
        self.next = self.next.wrapping_add(41);
        (0..length)
            .map(|at| self.next.wrapping_add(at as u8) | 1)
            .collect()
    }

    fn born(&mut self, handle: ByteHandle, bytes: Vec<u8>) {
        assert!(
            !self.dead.contains(&handle),
            "{handle:?} was given out twice"
        );
        assert!(
            self.live.insert(handle, bytes).is_none(),
            "{handle:?} is already live"
        );
        self.order.push(handle);
    }

    fn died(&mut self, handle: ByteHandle) -> Vec<u8> {
        self.order.retain(|&other| other != handle);
        self.dead.push(handle);
        self.live.remove(&handle).expect("only live strings die")
    }

    fn pick(&self, at: u16) -> Option<ByteHandle> {
        self.order
            .get(at as usize % self.order.len().max(1))
            .copied()
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Alloc(length) => {
                let bytes = self.bytes(length);
                let handle = self.slab.alloc(&bytes).expect("memory is there");
                self.born(handle, bytes);
            }
            Step::Reserve { length, how } => self.reserve(length, how),
            Step::Free(at) => {
                if let Some(handle) = self.pick(at) {
                    assert!(self.slab.free(handle));
                    assert!(!self.slab.free(handle), "a second free does nothing");
                    self.died(handle);
                }
            }
            Step::Write(at) => {
                if let Some(handle) = self.pick(at) {
                    let bytes = self.bytes(self.live[&handle].len() as u16);
                    self.slab
                        .get_mut(handle)
                        .expect("live")
                        .copy_from_slice(&bytes);
                    self.live.insert(handle, bytes);
                }
            }
            Step::Resize { at, length } => {
                if let Some(handle) = self.pick(at) {
                    self.resize(handle, length);
                }
            }
            Step::Dead(at) => self.dead(at),
            Step::Release(keep) => {
                self.slab.release_empty(keep as usize);
            }
            Step::Clear => {
                self.slab.clear();
                for handle in self.order.clone() {
                    self.died(handle);
                }
            }
        }
    }

    fn reserve(&mut self, length: u16, how: u8) {
        let bytes = self.bytes(length);
        let mut room = self
            .slab
            .alloc_uninit(length as usize)
            .expect("memory is there");
        assert_eq!(room.len(), length as usize);
        match how {
            0 => drop(room),
            1 => {
                let handle = room.zeroed();
                self.born(handle, std::vec![0; length as usize]);
            }
            2 => {
                let handle = room.write(&bytes).expect("the length is right");
                self.born(handle, bytes);
            }
            3 => {
                let longer = std::vec![0; length as usize + 1];
                let room = room.write(&longer).expect_err("the length is wrong");
                assert_eq!(room.len(), length as usize);
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

    fn resize(&mut self, handle: ByteHandle, length: u16) {
        let moved = self
            .slab
            .resize(handle, length as usize)
            .expect("memory is there");
        let mut bytes = if moved == handle {
            self.live[&handle].clone()
        } else {
            self.died(handle)
        };
        bytes.resize(length as usize, 0);
        if moved == handle {
            self.live.insert(handle, bytes);
        } else {
            assert_eq!(self.slab.check(handle), Err(HandleError::Stale));
            self.born(moved, bytes);
        }
    }

    fn dead(&mut self, at: u16) {
        if self.dead.is_empty() {
            return;
        }
        let handle = self.dead[at as usize % self.dead.len()];
        assert_eq!(self.slab.get(handle), None);
        assert_eq!(self.slab.get_mut(handle), None);
        assert!(!self.slab.free(handle));
        assert_eq!(self.slab.check(handle), Err(HandleError::Stale));
        assert_eq!(
            self.slab.resize(handle, 10),
            Err(InsertErrorKind::Handle(HandleError::Stale))
        );
    }

    fn check(&self) {
        let stats = self.slab.stats();
        assert_eq!(stats.strings, self.live.len());
        assert_eq!(
            stats.payload_bytes,
            self.live.values().map(Vec::len).sum::<usize>()
        );
        assert_eq!(stats.held_bytes, self.slab.provider().live_bytes());
        assert!(
            stats.payload_bytes <= stats.capacity_bytes && stats.capacity_bytes <= stats.held_bytes
        );
    }

    fn finish(self) {
        for (&handle, bytes) in &self.live {
            assert_eq!(self.slab.get(handle), Some(&bytes[..]));
        }
        for &handle in &self.dead {
            assert!(!self.slab.contains(handle), "{handle:?} rose from the dead");
        }
        let memory = *self.slab.provider();
        drop(self.slab);
        assert_eq!((memory.live_bytes(), memory.live_blocks()), (0, 0));
    }
}

#[test]
fn byte_slab_equals_a_map_and_no_handle_comes_twice() {
    let config = Config {
        cases: super::cases(5_000),
        rng_seed: RngSeed::Fixed(0xB17E5),
        failure_persistence: None,
        ..Config::default()
    };
    let odd = Classes::new(&[16, 48, 200])
        .expect("ascending")
        .slab_bytes(128);
    let tables = [odd, Classes::QUARTERS.slab_bytes(1024), Classes::DOUBLINGS];
    proptest!(config, |(table in 0_usize..3, steps in steps(200))| {
        let memory = Counting::new(Global);
        let mut model = Model {
            slab: ByteSlab::with_classes_in(tables[table], &memory),
            live: HashMap::new(),
            order: Vec::new(),
            dead: Vec::new(),
            next: 0,
        };
        for step in steps {
            model.step(step);
            model.check();
        }
        model.finish();
    });
}
