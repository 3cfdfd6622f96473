//! Models that loom runs in every interleaving, each with mutants that must fail.
//!
//! `RUSTFLAGS="--cfg cache_tiered_loom" cargo test --release -p cache-tiered --lib loom -- --nocapture` runs
//! them and prints executions and seconds of each. What counts as caught is told in the crate `loom-harness`.
//! Buckets have 2 cells here, and batches one slot.

mod index;
mod owner;
mod reclaim;
mod threads;

use std::cell::Cell;
use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom_harness::{Bound, Mutants};

use super::mutant::{Mutant, choose};
use super::{Arena, WriteToken, pinned};

/// Runs `model` as it is, which must pass, then with each mutant, which must fail with one of the given messages.
fn prove(name: &str, bound: Bound, mutants: Mutants<'_, Mutant>, model: fn()) {
    loom_harness::prove(choose, name, bound, mutants, model);
}

/// What a value that was reclaimed too early shows: loom sees it dropped while it is read, or it is another one, or
/// it was dropped before.
const EARLY: &[&str] = &["Causality violation", "read after its drop", "read in part"];

/// What it shows that a reader misses a value.
const MISSED: &[&str] = &["is there all the time"];

thread_local! {
    // std's: loom runs all threads of a model on the thread that started it.
    /// Values made, and a bit for each that was dropped.
    static MADE: Cell<u32> = const { Cell::new(0) };
    static DROPPED: Cell<u64> = const { Cell::new(0) };
}

/// A value of the models: loom follows how it is read and dropped.
struct Body {
    key: u64,
    number: u32,
    check: u32,
    cell: UnsafeCell<()>,
}

// SAFETY: there is nothing in the cell; loom follows who uses it, to see whether that is ordered.
unsafe impl Sync for Body {}

impl Body {
    fn new(key: u64) -> Self {
        let number = MADE.get();
        MADE.set(number + 1);
        Self {
            key,
            number,
            check: !number,
            cell: UnsafeCell::new(()),
        }
    }

    /// Reads all of it, and returns its number.
    fn read(&self) -> u32 {
        assert_eq!(self.check, !self.number, "read in part");
        assert_eq!(DROPPED.get() >> self.number & 1, 0, "read after its drop");
        self.cell.with(|_| ());
        self.number
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.cell.with_mut(|_| ());
        assert_eq!(DROPPED.get() >> self.number & 1, 0, "dropped twice");
        DROPPED.set(DROPPED.get() | 1 << self.number);
    }
}

/// The arena of one execution.
struct Subject {
    arena: Arc<Arena<Body>>,
    token: WriteToken,
}

/// A hash with this tag whose home is the first bucket: 32 bits of it stay as they are.
fn hash(tag: u8) -> u64 {
    // The inverse of the odd number that a hash is multiplied with.
    const INVERSE: u64 = inverse(0x9e37_79b9_7f4a_7c15);
    (u64::from(tag) << 32).wrapping_mul(INVERSE)
}

/// The inverse of an odd number modulo 2^64.
const fn inverse(odd: u64) -> u64 {
    let mut inverse = odd;
    let mut round = 0;
    while round < 6 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
        round += 1;
    }
    inverse
}

/// The number of the value with this key. All keys of the models are their tags, or have 1 for one.
fn read(arena: &Arena<Body>, key: u64) -> Option<u32> {
    arena.read(hash_of(key), |body| body.key == key, Body::read)
}

/// Keys above 255 have the tag 1 in common.
fn hash_of(key: u64) -> u64 {
    hash(u8::try_from(key).unwrap_or(1))
}

impl Subject {
    /// An arena with room for so many values, and these in it.
    fn new(room: usize, keys: &[u64]) -> Self {
        MADE.set(0);
        DROPPED.set(0);
        let (arena, token) = Arena::new(room);
        let mut subject = Self {
            arena: Arc::new(arena),
            token,
        };
        for key in keys {
            subject.insert(*key);
        }
        subject
    }

    fn insert(&mut self, key: u64) -> u32 {
        self.arena
            .writer(&mut self.token)
            .insert(hash_of(key), Body::new(key))
    }

    fn replace(&mut self, slot: u32) -> u32 {
        let mut writer = self.arena.writer(&mut self.token);
        let key = writer.get(slot).key;
        pinned(|pin| {
            let (new, old) = writer.replace(pin, slot, Body::new(key));
            old.read();
            new
        })
    }

    fn unlink(&mut self, slot: u32) {
        let mut writer = self.arena.writer(&mut self.token);
        pinned(|pin| writer.unlink(pin, slot).read());
    }

    /// Drops what can be reclaimed.
    fn reclaim(&mut self) {
        let mut values = Vec::new();
        self.arena.writer(&mut self.token).reclaim_all(&mut values);
    }

    /// The end: nobody reads any more.
    fn end(mut self) {
        self.reclaim();
        let writer = self.arena.writer(&mut self.token);
        writer.check();
        assert_eq!(writer.retired(), 0, "nobody is pinned");
        drop(self);
        assert_eq!(DROPPED.get().count_ones(), MADE.get(), "a value is lost");
    }
}
