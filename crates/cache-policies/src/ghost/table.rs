//! The table of a ghost: from hashes to numbers, two cache lines a look-up.

use alloc::vec;
use alloc::vec::Vec;

use hashbrown::HashTable;

use super::bucket::{Alive, Bucket, Vacant};
use super::layout::{AWAY_MAX, HASH_BITS, Layout};

/// Keys by their hashes; what is kept of each is a cell's worth of bits, of which the number is above the others.
///
/// A key stands in the bucket of its hash, its home, or in the one beside, where more cells are vacant; if none is, in one
/// of two others, and if none is there either, among the strays. Home has a filter of those that are in neither of the
/// first two.
#[derive(Clone, Debug)]
pub(super) struct Table {
    layout: Layout,
    /// The cells whose keys are remembered.
    pub(super) alive: Alive,
    buckets: Vec<Bucket>,
    /// The keys outside of the buckets: three in 1,000.
    strays: HashTable<Stray>,
}

/// A key outside of the buckets.
#[derive(Copy, Clone, Debug)]
struct Stray {
    hash: u64,
    cell: u32,
}

impl Stray {
    /// Where it goes in the table of strays: the bits that count are the upper ones of `hash`.
    fn spread(hash: u64) -> u64 {
        hash.rotate_left(HASH_BITS / 2)
    }
}

/// Where a key was found.
#[derive(Copy, Clone)]
enum Found {
    Cell(usize, usize),
    Stray,
}

impl Table {
    /// A table without memory, which takes no key.
    pub(super) fn new() -> Self {
        Table {
            layout: Layout::new(0),
            alive: Alive::new(1, 1),
            buckets: Vec::new(),
            strays: HashTable::new(),
        }
    }

    /// A table for so many keys; a few more make it slower.
    pub(super) fn with_room(room: usize) -> Self {
        let layout = Layout::new(room);
        let buckets = vec![Bucket::default(); layout.buckets()];
        Table {
            layout,
            buckets,
            ..Table::new()
        }
    }

    /// How many numbers there are, 0 among them, which no key has.
    pub(super) fn numbers(&self) -> usize {
        self.layout.numbers()
    }

    /// A number in its place in a cell, and the next one after 0.
    #[inline(always)]
    pub(super) fn shifted(&self, number: u32) -> u32 {
        number << self.layout.number_shift
    }

    /// The number in a cell.
    #[inline(always)]
    pub(super) fn number(&self, cell: u32) -> u32 {
        self.layout.number(cell)
    }

    /// Puts a key with this hash, `mixed`, there with this number, `shifted`.
    #[inline(always)]
    pub(super) fn put(&mut self, hash: u64, number: u32) {
        let place = self.layout.place(hash);
        let beside = self.layout.bucket_away(&place, 1);
        let home_vacant = self.buckets[place.home].vacant(self.alive);
        let beside_vacant = self.buckets[beside].vacant(self.alive);
        // Which one has more is as good as random, so no branch should guess it.
        let is_home = home_vacant >= beside_vacant;
        let at = core::hint::select_unpredictable(is_home, place.home, beside);
        let vacant = home_vacant.max(beside_vacant);
        if vacant == Vacant::NONE {
            return self.put_further(hash, number);
        }
        let cell = number | place.tag | u32::from(!is_home);
        self.buckets[at].fill(vacant.cell(), place.print, cell);
    }

    /// Puts a key further away than beside its home.
    #[cold]
    #[inline(never)]
    fn put_further(&mut self, hash: u64, number: u32) {
        let place = self.layout.place(hash);
        self.buckets[place.home].admit_further(place.print);
        for away in 2..=AWAY_MAX {
            let bucket = &mut self.buckets[self.layout.bucket_away(&place, away)];
            let vacant = bucket.vacant(self.alive);
            if vacant != Vacant::NONE {
                bucket.fill(vacant.cell(), place.print, number | place.tag | away);
                return;
            }
        }
        let alive = self.alive;
        if self.strays.len() == self.strays.capacity() {
            self.strays.retain(|stray| alive.has(stray.cell));
        }
        let stray = Stray { hash, cell: number };
        let spread = |stray: &Stray| Stray::spread(stray.hash);
        self.strays
            .insert_unique(Stray::spread(hash), stray, spread);
    }

    /// Takes a key out with this hash, `mixed`, and returns the cell that it had. Of several, the one that has the highest
    /// rank.
    #[inline(always)]
    pub(super) fn take(&mut self, hash: u64, rank: impl Fn(u32) -> u64) -> Option<u32> {
        if !self.may_have(hash) {
            return None;
        }
        self.take_found(hash, rank)
    }

    /// Whether there may be a key with this hash, `mixed`.
    #[inline(always)]
    pub(super) fn may_have(&self, hash: u64) -> bool {
        let place = self.layout.place(hash);
        let beside = self.layout.bucket_away(&place, 1);
        let (Some(home), Some(beside)) = (self.buckets.get(place.home), self.buckets.get(beside))
        else {
            return false;
        };
        home.has_print(place.print)
            | beside.has_print(place.print)
            | home.may_be_further(place.print)
    }

    /// Takes a key out if one with its print is there, or its home's filter has that.
    #[inline(never)]
    fn take_found(&mut self, hash: u64, rank: impl Fn(u32) -> u64) -> Option<u32> {
        let place = self.layout.place(hash);
        let further = self.buckets[place.home].may_be_further(place.print);
        let away_max = if further { AWAY_MAX } else { 1 };
        let mut first: Option<(u32, Found)> = None;
        let mut see = |cell: u32, found: Found| {
            if first.is_none_or(|(other, _)| rank(cell) > rank(other)) {
                first = Some((cell, found));
            }
        };
        for away in 0..=away_max {
            let at = self.layout.bucket_away(&place, away);
            let mask = self.layout.below_number();
            for (index, cell) in self.buckets[at].matches(place.print, mask, place.tag | away) {
                if self.alive.has(cell) {
                    see(cell, Found::Cell(at, index));
                }
            }
        }
        if further {
            let strays = self.strays.iter_hash(Stray::spread(hash));
            for stray in strays.filter(|stray| stray.hash == hash) {
                if self.alive.has(stray.cell) {
                    see(stray.cell, Found::Stray);
                }
            }
        }
        let (cell, found) = first?;
        match found {
            Found::Cell(at, index) => self.buckets[at].free(index),
            Found::Stray => {
                let is_it = |stray: &Stray| stray.hash == hash && stray.cell == cell;
                if let Ok(found) = self.strays.find_entry(Stray::spread(hash), is_it) {
                    found.remove();
                }
            }
        }
        Some(cell)
    }

    /// Gives cells new numbers, drops those whose keys are forgotten, and makes the filters anew. `alive` is for the new
    /// numbers.
    pub(super) fn renumber(&mut self, alive: Alive, new: impl Fn(u32) -> u32 + Copy) {
        let old = self.alive;
        self.alive = alive;
        for bucket in &mut self.buckets {
            bucket.renumber(old, new);
        }
        self.strays.retain(|stray| {
            let is_remembered = old.has(stray.cell);
            stray.cell = new(stray.cell);
            is_remembered
        });
        for at in 0..self.buckets.len() {
            if !self.buckets[at].has_strangers() {
                continue;
            }
            for (_, print, cell) in self.buckets[at].clone().filled() {
                let away = Layout::away(cell);
                if away > 1 {
                    let home = self.layout.home(at, print, away);
                    self.buckets[home].admit_further(print);
                }
            }
        }
        for stray in &self.strays {
            let place = self.layout.place(stray.hash);
            self.buckets[place.home].admit_further(place.print);
        }
    }

    /// The hashes, `mixed`, and cells of all keys that are remembered.
    pub(super) fn keys(&self) -> impl Iterator<Item = (u64, u32)> {
        let of_bucket = |(at, bucket): (usize, &'_ Bucket)| {
            let keys = bucket.filled();
            keys.map(move |(_, print, cell)| (at, print, cell))
                .collect::<Vec<_>>()
        };
        let buckets = self.buckets.iter().enumerate().flat_map(of_bucket);
        let keys = buckets.filter(|(_, _, cell)| self.alive.has(*cell));
        let keys = keys.map(|(at, print, cell)| (self.layout.hash(at, print, cell), cell));
        let strays = self.strays.iter().map(|stray| (stray.hash, stray.cell));
        keys.chain(strays.filter(|(_, cell)| self.alive.has(*cell)))
    }

    /// Asserts that no filter refuses a key.
    pub(super) fn check(&self) {
        for (at, bucket) in self.buckets.iter().enumerate() {
            for (_, print, cell) in bucket.filled() {
                let away = Layout::away(cell);
                let home = self.layout.home(at, print, away);
                assert!(
                    away < 2 || !self.alive.has(cell) || self.buckets[home].may_be_further(print),
                    "a filter refuses a key of its bucket"
                );
            }
        }
        for stray in &self.strays {
            let place = self.layout.place(stray.hash);
            assert!(
                self.buckets[place.home].may_be_further(place.print),
                "a filter refuses a stray"
            );
        }
    }

    #[cfg(test)]
    pub(super) fn strays(&self) -> usize {
        let alive = self.alive;
        let strays = self.strays.iter();
        strays.filter(|stray| alive.has(stray.cell)).count()
    }

    #[cfg(test)]
    pub(super) fn buckets(&self) -> usize {
        self.buckets.len()
    }

    #[cfg(test)]
    pub(super) fn allocated_bytes(&self) -> usize {
        size_of::<Bucket>() * self.buckets.capacity() + self.strays.allocation_size()
    }
}
