//! The keys of the HIR entries in S, resident or gone, by their hashes: each with its number.

use alloc::vec;
use alloc::vec::Vec;

use hashbrown::HashTable;

use super::bucket::{Bucket, HASH_BITS, Layout};

/// More keys than this are never there at once.
pub(super) const KEYS_MAX: usize = 1 << 27;

/// A key stands in the bucket of its hash, or is a stray where that is full. What is below the bottom is no longer in S: its
/// cell counts as free.
///
/// Numbers are put in as they ascend, as a rule, so that the cells of a bucket are filled in turn: the one whose turn it is
/// has the lowest number, or is free.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// The number of keys that the buckets are made for.
    room: usize,
    layout: Layout,
    buckets: Vec<Bucket>,
    strays: HashTable<Stray>,
}

/// A key outside of the buckets.
#[derive(Copy, Clone, Debug)]
struct Stray {
    hash: Mixed,
    number: u32,
}

/// As many bits of a hash as are kept, spread.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Mixed(u64);

impl Mixed {
    #[inline(always)]
    pub(super) fn new(hash: u64) -> Mixed {
        // An odd factor loses nothing, and spreads hashes that differ in their low bits only.
        Mixed(hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - HASH_BITS))
    }
}

/// What a table takes for the hash of a stray: one in the upper bits too.
fn spread(stray: &Stray) -> u64 {
    stray.hash.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Keys {
    /// No keys, and room for these many.
    pub(super) fn new(room: usize) -> Self {
        let layout = Layout::new(room);
        Keys {
            room,
            buckets: vec![Bucket::EMPTY; layout.buckets()],
            layout,
            strays: HashTable::new(),
        }
    }

    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// Numbers must be below this, a power of two: at least 3.2 times as many as there is room for.
    pub(super) fn numbers(&self) -> usize {
        self.layout.numbers()
    }

    /// Puts a key in. What is below the bottom makes room.
    #[inline(always)]
    pub(super) fn push(&mut self, hash: Mixed, number: u32, bottom: u32) {
        let place = self.layout.place(hash.0);
        let bucket = &mut self.buckets[place.bucket];
        if self.layout.number(bucket.turn_cell()) < bottom {
            bucket.fill_turn(place.print, place.tag | number);
        } else {
            self.push_stray(Stray { hash, number }, bottom);
        }
    }

    /// Puts a key beside the buckets, as its own is full.
    #[cold]
    #[inline(never)]
    fn push_stray(&mut self, stray: Stray, bottom: u32) {
        if self.strays.len() == self.strays.capacity() {
            self.strays.retain(|stray| stray.number >= bottom);
            self.strays.reserve(self.strays.len() + 8, spread);
            self.admit_strays();
        }
        let place = self.layout.place(stray.hash.0);
        self.buckets[place.bucket].admit_stray(place.print);
        self.strays.insert_unique(spread(&stray), stray, spread);
    }

    /// Makes the filters anew.
    fn admit_strays(&mut self) {
        self.buckets.iter_mut().for_each(Bucket::forget_strays);
        for stray in &self.strays {
            let place = self.layout.place(stray.hash.0);
            self.buckets[place.bucket].admit_stray(place.print);
        }
    }

    /// Takes out the key with the highest number of those with this hash whose numbers are `wanted`; returns that.
    #[inline(always)]
    pub(super) fn take(&mut self, hash: Mixed, wanted: impl Fn(u32) -> bool) -> Option<u32> {
        let place = self.layout.place(hash.0);
        let home = &self.buckets[place.bucket];
        if !home.has(place.print) && !home.may_stray(place.print) {
            return None;
        }
        self.take_likely(hash, wanted)
    }

    /// The same where the print of the key is in its bucket or in the filter there.
    #[inline(never)]
    fn take_likely(&mut self, hash: Mixed, wanted: impl Fn(u32) -> bool) -> Option<u32> {
        let place = self.layout.place(hash.0);
        let (mut highest, mut number) = (0, 0);
        let bucket = &mut self.buckets[place.bucket];
        let mut equal = bucket.cells(place.print);
        while equal != 0 {
            let index = equal.trailing_zeros() as usize;
            equal &= equal - 1;
            let cell = bucket.cell(index);
            let found = self.layout.number(cell);
            if cell - found == place.tag && found > number && wanted(found) {
                number = found;
                highest = index;
            }
        }
        if bucket.may_stray(place.print) {
            let stray = Stray { hash, number };
            if let Some(number) = self.take_stray(stray, wanted) {
                return Some(number);
            }
        }
        if number == 0 {
            return None;
        }
        self.buckets[place.bucket].free(highest);
        Some(number)
    }

    /// Takes out the stray with the highest number above that of this one, if there is any.
    #[inline(never)]
    fn take_stray(&mut self, stray: Stray, wanted: impl Fn(u32) -> bool) -> Option<u32> {
        let mut highest = stray.number;
        for other in self.strays.iter_hash(spread(&stray)) {
            if other.hash == stray.hash && other.number > highest && wanted(other.number) {
                highest = other.number;
            }
        }
        let is_it = |other: &Stray| other.number == highest && other.hash == stray.hash;
        let found = self.strays.find_entry(spread(&stray), is_it).ok()?;
        Some(found.remove().0.number)
    }

    /// Subtracts from all numbers, and drops what is below the bottom.
    pub(super) fn shift(&mut self, by: u32, bottom: u32) {
        for bucket in &mut self.buckets {
            for cell in bucket.cells_mut() {
                let is_filled = self.layout.number(*cell) >= bottom;
                *cell = if is_filled { *cell - by } else { 0 };
            }
        }
        self.strays.retain(|stray| {
            let is_filled = stray.number >= bottom;
            stray.number = stray.number.saturating_sub(by);
            is_filled
        });
        self.admit_strays();
    }

    /// All numbers at or above the bottom with the hashes of their keys, in no order.
    pub(super) fn iter(&self, bottom: u32) -> impl Iterator<Item = (u32, Mixed)> {
        // The number of a free cell is 0.
        let lowest = bottom.max(1);
        let buckets = self.buckets.iter().enumerate();
        let cells = buckets.flat_map(move |(at, bucket)| {
            bucket.iter().filter_map(move |(print, cell)| {
                let number = self.layout.number(cell);
                let hash = || self.layout.hash(at, print, cell);
                (number >= lowest).then(|| (number, Mixed(hash())))
            })
        });
        let strays = self.strays.iter().map(|stray| (stray.number, stray.hash));
        cells.chain(strays.filter(move |key| key.0 >= lowest))
    }

    /// Asserts that no filter refuses a stray.
    pub(super) fn check(&self) {
        for stray in &self.strays {
            let place = self.layout.place(stray.hash.0);
            assert!(
                self.buckets[place.bucket].may_stray(place.print),
                "a filter refuses a stray"
            );
        }
    }
}
