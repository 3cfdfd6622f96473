//! The buckets of a ghost: a cache line of ten cells each, and what hashes become in them.

/// The cells of a bucket.
pub(super) const CELLS: usize = 10;

/// A key is in the bucket of its hash, or in the one that is as far from it as its `away` says here.
const DISTANCES: [usize; 8] = [0, 1, 3, 6, 10, 15, 21, 28];

/// The largest `away`.
pub(super) const AWAY_MAX: u32 = DISTANCES.len() as u32 - 1;

/// The bits of a hash.
const HASH_BITS: u32 = 40;

/// In `Bucket::state`: the bits of the turn, those of the furthest away, and the filter.
const TURN_BITS: u32 = 4;
const FURTHEST_BITS: u32 = 3;
const FILTER_BITS: u32 = u32::BITS - TURN_BITS - FURTHEST_BITS;

const TURN_MASK: u32 = (1 << TURN_BITS) - 1;
const FURTHEST_MASK: u32 = AWAY_MAX << TURN_BITS;

/// Keys to 5 buckets: 8.2 a bucket.
const KEYS_A_FEW: usize = 41;
const A_FEW: usize = 5;

#[derive(Clone, Debug, Default)]
#[repr(align(64))]
pub(super) struct Bucket {
    /// The upper bits of the remainder.
    prints: [u16; CELLS],
    /// The cell whose turn it is, and of the keys that are away the furthest and a filter of their prints.
    state: u32,
    /// The other bits of the remainder, `away`, and the number; 0 if free.
    cells: [u32; CELLS],
}

const _: () = assert!(size_of::<Bucket>() == 64);

impl Bucket {
    #[inline]
    pub(super) fn has_print(&self, print: u16) -> bool {
        // Without an early end, so that all are compared at once.
        let equal = |any, other: &u16| any | (*other == print);
        self.prints.iter().fold(false, equal)
    }

    #[inline]
    fn filter_bit(print: u16) -> u32 {
        1 << (TURN_BITS + FURTHEST_BITS + ((u32::from(print) * FILTER_BITS) >> 16))
    }

    #[inline]
    pub(super) fn may_be_away(&self, print: u16) -> bool {
        self.state & Bucket::filter_bit(print) != 0
    }

    /// How far away a key with this print is at most.
    #[inline]
    pub(super) fn away_max(&self, print: u16) -> u32 {
        if self.may_be_away(print) {
            (self.state & FURTHEST_MASK) >> TURN_BITS
        } else {
            0
        }
    }

    #[inline]
    pub(super) fn admit_away(&mut self, print: u16, away: u32) {
        let furthest = (self.state & FURTHEST_MASK).max(away << TURN_BITS);
        self.state = self.state & !FURTHEST_MASK | furthest | Bucket::filter_bit(print);
    }

    #[inline]
    fn turn(&self) -> usize {
        (self.state & TURN_MASK) as usize
    }

    /// The number in the cell whose turn it is: the oldest of the bucket.
    #[inline]
    pub(super) fn turn_number(&self, layout: &Layout) -> u32 {
        self.cells[self.turn() % CELLS] & layout.number_mask
    }

    /// Fills the cell whose turn it is.
    #[inline]
    pub(super) fn fill_turn(&mut self, print: u16, cell: u32) {
        let turn = self.turn() % CELLS;
        self.prints[turn] = print;
        self.cells[turn] = cell;
        let next = if turn == CELLS - 1 {
            0
        } else {
            turn as u32 + 1
        };
        self.state = self.state & !TURN_MASK | next;
    }

    /// The number in a cell if that has this print and tag; 0 otherwise.
    #[inline]
    pub(super) fn number(&self, layout: &Layout, cell: usize, print: u16, tag: u32) -> u32 {
        let is_it = self.prints[cell] == print && self.cells[cell] & !layout.number_mask == tag;
        if is_it {
            self.cells[cell] & layout.number_mask
        } else {
            0
        }
    }

    pub(super) fn print(&self, cell: usize) -> u16 {
        self.prints[cell]
    }

    /// Frees a cell: it is the next whose turn it is, and those between move on, in their order.
    pub(super) fn free(&mut self, mut cell: usize) {
        let turn = self.turn() % CELLS;
        while cell != turn {
            let older = if cell == 0 { CELLS - 1 } else { cell - 1 };
            self.prints[cell] = self.prints[older];
            self.cells[cell] = self.cells[older];
            cell = older;
        }
        self.cells[cell] = 0;
    }

    /// Subtracts from all numbers, and frees the cells with older ones than this; empties the filter.
    #[inline]
    pub(super) fn renumber(&mut self, layout: &Layout, oldest: u32, shift: u32) {
        for cell in &mut self.cells {
            let is_remembered = *cell & layout.number_mask >= oldest;
            *cell = if is_remembered { *cell - shift } else { 0 };
        }
        self.state &= TURN_MASK;
    }

    /// The cells that are filled with keys of other buckets, and how far away those are.
    #[inline]
    pub(super) fn guests(&self, layout: &Layout) -> impl Iterator<Item = (usize, u32)> + use<> {
        let (cells, shift) = (self.cells, layout.away_shift);
        let mut guests = 0_u32;
        for (cell, filled) in cells.iter().enumerate() {
            guests |= u32::from(filled >> shift & AWAY_MAX != 0) << cell;
        }
        core::iter::from_fn(move || {
            let cell = guests.trailing_zeros() as usize;
            guests &= guests.wrapping_sub(1);
            let filled = cells.get(cell)?;
            Some((cell, filled >> shift & AWAY_MAX))
        })
    }
}

/// What a hash becomes.
#[derive(Copy, Clone)]
pub(super) struct Place {
    pub(super) bucket: usize,
    pub(super) print: u16,
    /// The lower bits of the remainder, in the upper ones of a cell.
    pub(super) tag: u32,
}

/// How many buckets there are, and how a cell is parted: `[ tag | away | number ]`.
///
/// A number has 5 bits more than that of buckets, less the fraction: there are twice to four times as many as keys.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    buckets: u32,
    away_shift: u32,
    number_mask: u32,
    tag_mask: u32,
}

impl Layout {
    /// For this many keys.
    pub(super) fn new(room: usize) -> Self {
        let buckets = (room * A_FEW / KEYS_A_FEW + 4) as u32;
        let away_shift = buckets.ilog2() + 5;
        Layout {
            buckets,
            away_shift,
            number_mask: (1 << away_shift) - 1,
            tag_mask: u32::MAX << (away_shift + 3),
        }
    }

    pub(super) fn buckets(&self) -> usize {
        self.buckets as usize
    }

    /// How many numbers there are.
    pub(super) fn numbers(&self) -> usize {
        self.number_mask as usize + 1
    }

    #[inline]
    pub(super) fn place(&self, hash: u64) -> Place {
        let product = hash * u64::from(self.buckets);
        Place {
            bucket: (product >> HASH_BITS) as usize,
            print: (product >> (HASH_BITS - 16)) as u16,
            tag: (product as u32) << 8 & self.tag_mask,
        }
    }

    /// The number in a cell, and the hash that was put there.
    pub(super) fn hash(&self, at: usize, bucket: &Bucket, cell: usize) -> (u32, u64) {
        let filled = bucket.cells[cell];
        let home = self.home(at, filled >> self.away_shift & AWAY_MAX);
        let print = u64::from(bucket.prints[cell]) << (HASH_BITS - 16);
        let tag = u64::from((filled & self.tag_mask) >> 8);
        // What the tag lacks is less than the number of buckets: there is one multiple of that.
        let product = (home as u64) << HASH_BITS | print | tag;
        let hash = product.div_ceil(u64::from(self.buckets));
        (filled & self.number_mask, hash)
    }

    #[inline]
    pub(super) fn tag_away(&self, tag: u32, away: u32) -> u32 {
        tag | away << self.away_shift
    }

    /// The bucket that is so far away from this one.
    #[inline]
    pub(super) fn bucket_away(&self, home: usize, away: u32) -> usize {
        let mut at = home + DISTANCES[away as usize];
        // Seven times at most: there are 4 buckets.
        while at >= self.buckets() {
            at -= self.buckets();
        }
        at
    }

    /// The bucket from which this one is so far away.
    #[inline]
    pub(super) fn home(&self, at: usize, away: u32) -> usize {
        let mut home = at;
        let distance = DISTANCES[away as usize];
        while home < distance {
            home += self.buckets();
        }
        home - distance
    }
}
