//! Operations on a byte slab against a map of vectors, through full and compact handles; handles that
//! were freed stay dead, and any bits as a handle name a string of the slab or nothing.
#![no_main]

use std::collections::HashMap;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use slab_core::{ByteHandle, ByteSlab, Classes, CompactHandle};

#[derive(Arbitrary, Debug)]
enum Table {
    Quarters,
    Doublings,
    Small,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Alloc { len: u16, byte: u8 },
    Reserve { len: u16, drop: bool },
    Free(u8),
    FreeCompact(u8),
    Resize(u8, u16),
    ResizeCompact(u8, u16),
    Overwrite(u8, u16, u8),
    Write(u8, u8),
    FreeAgain(u8),
    Bits(u64),
    CompactBits(u32),
    NearBits { which: u8, flip: u8 },
    Retain(u64),
    ReleaseEmpty(u8),
    Clear,
}

struct Model {
    slab: ByteSlab,
    live: Vec<ByteHandle>,
    dead: Vec<ByteHandle>,
    strings: HashMap<ByteHandle, Vec<u8>>,
}

impl Model {
    fn new(table: &Table) -> Self {
        let sizes = match table {
            Table::Quarters => Classes::QUARTERS,
            Table::Doublings => Classes::DOUBLINGS.slab_bytes(4096),
            Table::Small => Classes::new(&[1, 5, 48]).expect("ascending").slab_bytes(64),
        };
        Self {
            slab: ByteSlab::with_classes(sizes),
            live: Vec::new(),
            dead: Vec::new(),
            strings: HashMap::new(),
        }
    }

    fn chosen(handles: &[ByteHandle], which: u8) -> Option<usize> {
        (!handles.is_empty()).then(|| usize::from(which) % handles.len())
    }

    fn born(&mut self, handle: ByteHandle, bytes: Vec<u8>) {
        assert!(!self.dead.contains(&handle), "a handle rose from the dead");
        let before = self.strings.insert(handle, bytes);
        assert!(before.is_none(), "a handle was given twice");
        self.live.push(handle);
    }

    fn moved(&mut self, at: usize, after: ByteHandle, bytes: Vec<u8>) {
        let before = self.live[at];
        self.strings.remove(&before);
        if after != before {
            self.dead.push(before);
            self.live.swap_remove(at);
            self.born(after, bytes);
        } else {
            self.strings.insert(after, bytes);
        }
    }

    /// Any handle names a string that is known, or nothing.
    fn name(&mut self, handle: ByteHandle) {
        let known = self.strings.get(&handle).map(Vec::as_slice);
        assert_eq!(self.slab.get(handle), known);
        if known.is_none() {
            assert!(!self.slab.free(handle) && self.slab.check(handle).is_err());
            assert!(self.slab.resize(handle, 9).is_err());
        }
        self.name_compact(handle.compact());
    }

    fn name_compact(&mut self, handle: CompactHandle) {
        let full = self.slab.handle(handle);
        let known = full.map(|full| self.strings[&full].as_slice());
        assert_eq!(self.slab.get(handle), known);
        if known.is_none() {
            assert!(!self.slab.free(handle) && self.slab.check(handle).is_err());
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Alloc { len, byte } => {
                let bytes = vec![byte; usize::from(len)];
                let handle = self.slab.alloc(&bytes).expect("memory");
                self.born(handle, bytes);
            }
            Step::Reserve { len, drop } => {
                let room = self.slab.alloc_uninit(usize::from(len)).expect("memory");
                if !drop {
                    let handle = room.zeroed();
                    self.born(handle, vec![0; usize::from(len)]);
                }
            }
            Step::Free(which) | Step::FreeCompact(which) => {
                let Some(at) = Self::chosen(&self.live, which) else {
                    return;
                };
                let handle = self.live.swap_remove(at);
                self.strings.remove(&handle);
                self.dead.push(handle);
                if matches!(step, Step::Free(_)) {
                    assert!(self.slab.free(handle) && !self.slab.free(handle));
                } else {
                    let handle = handle.compact();
                    assert!(self.slab.free(handle) && !self.slab.free(handle));
                }
            }
            Step::Resize(which, len) | Step::ResizeCompact(which, len) => {
                let Some(at) = Self::chosen(&self.live, which) else {
                    return;
                };
                let (before, len) = (self.live[at], usize::from(len));
                let mut bytes = self.strings[&before].clone();
                bytes.resize(len, 0);
                let after = if matches!(step, Step::Resize(..)) {
                    self.slab.resize(before, len).expect("memory")
                } else {
                    let after = self.slab.resize(before.compact(), len).expect("memory");
                    self.slab.handle(after).expect("a live handle")
                };
                self.moved(at, after, bytes);
            }
            Step::Overwrite(which, len, byte) => {
                let Some(at) = Self::chosen(&self.live, which) else {
                    return;
                };
                let bytes = vec![byte; usize::from(len)];
                let after = self.slab.overwrite(self.live[at], &bytes).expect("memory");
                self.moved(at, after, bytes);
            }
            Step::Write(which, byte) => {
                if let Some(at) = Self::chosen(&self.live, which) {
                    let handle = self.live[at];
                    self.slab.get_mut(handle).expect("a live handle").fill(byte);
                    let bytes = self.strings.get_mut(&handle);
                    bytes.expect("a live handle").fill(byte);
                }
            }
            Step::FreeAgain(which) => {
                if let Some(at) = Self::chosen(&self.dead, which) {
                    self.name(self.dead[at]);
                }
            }
            Step::Bits(bits) => {
                if let Some(handle) = ByteHandle::from_bits(bits) {
                    self.name(handle);
                }
            }
            Step::CompactBits(bits) => {
                if let Some(handle) = CompactHandle::from_bits(bits) {
                    self.name_compact(handle);
                }
            }
            Step::NearBits { which, flip } => {
                if let Some(at) = Self::chosen(&self.live, which) {
                    let bits = self.live[at].to_bits() ^ 1 << (flip % 64);
                    if let Some(handle) = ByteHandle::from_bits(bits) {
                        self.name(handle);
                    }
                }
            }
            Step::Retain(mask) => {
                let keep = |handle: ByteHandle| mask >> (handle.to_bits() % 64) & 1 == 1;
                self.slab.retain(|handle, _| keep(handle));
                self.strings.retain(|&handle, _| keep(handle));
                let (kept, gone) = self.live.iter().partition(|&&handle| keep(handle));
                self.live = kept;
                self.dead.extend::<Vec<_>>(gone);
            }
            Step::ReleaseEmpty(keep) => {
                self.slab.release_empty(usize::from(keep));
            }
            Step::Clear => {
                self.slab.clear();
                self.strings.clear();
                self.dead.append(&mut self.live);
            }
        }
    }

    fn check(&self) {
        let strings = self.slab.iter();
        assert_eq!(strings.len(), self.strings.len());
        for (handle, bytes) in strings {
            assert_eq!(self.strings[&handle], bytes);
        }
    }
}

fuzz_target!(|input: (Table, Vec<Step>)| {
    let (table, steps) = input;
    let mut model = Model::new(&table);
    for step in steps {
        model.step(step);
        model.check();
    }
});
