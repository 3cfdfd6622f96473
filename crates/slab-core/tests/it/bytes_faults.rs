//! Memory is refused at every call: no string is lost, no counter wrong, nothing leaks.

use slab_core::{ByteHandle, ByteSlab, Classes, Counting, Failing, Global, InsertErrorKind};

use super::ops::Dice;

/// A byte slab and what must be in it.
struct Heap<'p> {
    slab: ByteSlab<&'p Failing<&'p Counting<Global>>>,
    live: Vec<(ByteHandle, Vec<u8>)>,
    dice: Dice,
}

impl<'p> Heap<'p> {
    fn new(memory: &'p Failing<&'p Counting<Global>>) -> Self {
        let sizes = Classes::new(&[16, 64, 256, 1024]).expect("ascending");
        Self {
            slab: ByteSlab::with_classes_in(sizes.slab_bytes(128), memory),
            live: Vec::new(),
            dice: Dice::new(17),
        }
    }

    fn bytes(&mut self) -> Vec<u8> {
        let bound = self.dice.of(&[20, 70, 300, 1200, 3000]);
        vec![self.dice.any() as u8; self.dice.below(bound)]
    }

    /// One operation; whether memory was refused to it.
    fn step(&mut self) -> bool {
        let at = self.dice.below(self.live.len() + 1);
        match self.dice.below(8) {
            0..3 => self.alloc(),
            3 => self.reserve(),
            4 if at < self.live.len() => self.resize(at),
            5 if at < self.live.len() => self.overwrite(at),
            6 if at < self.live.len() => {
                let (handle, _) = self.live.swap_remove(at);
                assert!(self.slab.free(handle));
                false
            }
            7 if self.dice.one_in(6) => {
                self.slab.release_empty(0);
                false
            }
            _ => false,
        }
    }

    fn alloc(&mut self) -> bool {
        let bytes = self.bytes();
        match self.slab.alloc(&bytes) {
            Ok(handle) => self.live.push((handle, bytes)),
            Err(refused) => return is_memory(refused),
        }
        false
    }

    fn reserve(&mut self) -> bool {
        let bytes = self.bytes();
        match self.slab.alloc_uninit(bytes.len()) {
            Ok(room) if bytes.len().is_multiple_of(3) => drop(room),
            Ok(room) => {
                let handle = room.write(&bytes).expect("the length is right");
                self.live.push((handle, bytes));
            }
            Err(refused) => return is_memory(refused),
        }
        false
    }

    fn resize(&mut self, at: usize) -> bool {
        let length = self.bytes().len();
        let (handle, bytes) = &mut self.live[at];
        match self.slab.resize(*handle, length) {
            Ok(moved) => {
                *handle = moved;
                bytes.resize(length, 0);
            }
            Err(refused) => {
                assert!(length > bytes.len(), "a shrink never fails");
                return is_memory(refused);
            }
        }
        false
    }

    fn overwrite(&mut self, at: usize) -> bool {
        let new = self.bytes();
        let (handle, bytes) = &mut self.live[at];
        match self.slab.overwrite(handle.compact(), &new) {
            Ok(moved) => {
                *handle = self.slab.handle(moved).expect("it is live");
                *bytes = new;
            }
            Err(refused) => {
                assert!(new.len() > bytes.len(), "a shorter string always fits");
                return is_memory(refused);
            }
        }
        false
    }

    fn check(&self, memory: &Counting<Global>) {
        let stats = self.slab.stats();
        assert_eq!(stats.strings, self.live.len());
        let payload: usize = self.live.iter().map(|(_, bytes)| bytes.len()).sum();
        assert_eq!(stats.payload_bytes, payload);
        assert_eq!(stats.held_bytes, memory.live_bytes());
        for (handle, bytes) in &self.live {
            assert_eq!(self.slab.get(*handle), Some(&bytes[..]));
        }
    }
}

fn is_memory(refused: InsertErrorKind) -> bool {
    assert!(matches!(refused, InsertErrorKind::Memory(_)), "{refused}");
    true
}

/// Runs the same operations over `failing`; how many were refused.
fn run(failing: &Failing<&Counting<Global>>, memory: &Counting<Global>) -> usize {
    let mut heap = Heap::new(failing);
    let mut refused = 0;
    for _ in 0..400 {
        refused += usize::from(heap.step());
        heap.check(memory);
    }
    drop(heap);
    assert_eq!((memory.live_bytes(), memory.live_blocks()), (0, 0));
    refused
}

#[test]
fn each_single_refusal_is_survived() {
    for nth in 0.. {
        let memory = Counting::new(Global);
        let failing = Failing::at(&memory, nth);
        let refused = run(&failing, &memory);
        assert!(refused <= 1);
        if nth >= failing.calls() {
            assert_eq!(refused, 0);
            assert!(nth > 100, "{nth} calls for slabs, directories and blocks");
            break;
        }
    }
}

#[test]
fn memory_that_ends_for_good_is_survived() {
    for nth in 0.. {
        let memory = Counting::new(Global);
        let failing = Failing::since(&memory, nth);
        let refused = run(&failing, &memory);
        if refused == 0 {
            assert!(nth > 100, "{nth} calls for slabs, directories and blocks");
            break;
        }
    }
}

#[test]
fn memory_that_is_refused_now_and_then_is_survived() {
    for period in 1..40 {
        let memory = Counting::new(Global);
        let failing = Failing::every(&memory, period);
        assert!(run(&failing, &memory) > 0);
    }
}

#[test]
fn a_refused_slab_is_asked_for_again() {
    let memory = Counting::new(Global);
    // The first call is for the directory, the second for a slab.
    let failing = Failing::at(&memory, 1);
    let mut slab = ByteSlab::new_in(&failing);
    assert!(is_memory(slab.alloc(b"refused").expect_err("no slab")));
    assert_eq!(slab.stats().strings, 0);
    let handle = slab.alloc(b"granted").expect("the second try");
    assert_eq!(handle.compact().to_bits(), 0, "no slot was lost");
    assert_eq!(slab.provider().calls(), 3);
}
