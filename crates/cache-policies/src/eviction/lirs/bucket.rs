//! The buckets of [`Keys`](super::keys::Keys), of thirty cells each, and what hashes become in them.

/// The cells of a bucket.
pub(super) const CELLS: usize = 30;

/// The bits of a hash.
pub(super) const HASH_BITS: u32 = 41;

/// In the state: the bits of the turn, then those of the filter.
const TURN_BITS: u32 = 5;
const FILTER_BITS: u32 = u32::BITS - TURN_BITS;

const TURN_MASK: u32 = (1 << TURN_BITS) - 1;

/// Keys to a bucket: so few that 1 in 50 finds it full.
const KEYS_A_BUCKET: usize = 20;

#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Bucket {
    /// The upper bits of the remainders, by cell; then, in halves, the state: the cell whose turn it is, and a filter of the
    /// prints of strays. A cache line, and all that a probe for an unknown key reads.
    halves: [u16; PLACES],
    /// The other bits of the remainders, and the numbers; 0 if free. The last two are never filled.
    cells: [u32; PLACES],
}

const _: () = assert!(size_of::<Bucket>() == 192);

/// Those of the cells and of the state: a power of two, so that an index within them needs no check.
const PLACES: usize = CELLS + 2;

impl Bucket {
    pub(super) const EMPTY: Bucket = Bucket {
        halves: [0; PLACES],
        cells: [0; PLACES],
    };

    /// Whether a cell has this print; seldom also if none has.
    #[inline(always)]
    pub(super) fn has(&self, print: u16) -> bool {
        // Without an early end and over the state too, so that all are compared at once.
        let equal = |any, other: &u16| any | (*other == print);
        self.halves.iter().fold(false, equal)
    }

    /// A bit for each cell that has this print.
    #[inline(always)]
    pub(super) fn cells(&self, print: u16) -> u32 {
        // As many bits at once as a print has, so that eight are made at a time.
        let bits = |halves: &[u16]| {
            let numbered = halves.iter().enumerate();
            numbered.fold(0, |bits, (cell, other)| {
                bits | u16::from(*other == print) << cell
            })
        };
        let (low, high) = self.halves.split_at(PLACES / 2);
        (u32::from(bits(low)) | u32::from(bits(high)) << 16) & ((1 << CELLS) - 1)
    }

    #[inline(always)]
    fn state(&self) -> u32 {
        u32::from(self.halves[CELLS]) | u32::from(self.halves[CELLS + 1]) << 16
    }

    fn set_state(&mut self, state: u32) {
        self.halves[CELLS] = state as u16;
        self.halves[CELLS + 1] = (state >> 16) as u16;
    }

    #[inline(always)]
    fn filter_bit(print: u16) -> u32 {
        1 << (TURN_BITS + ((u32::from(print) * FILTER_BITS) >> 16))
    }

    /// Whether a key with this print may be a stray.
    #[inline(always)]
    pub(super) fn may_stray(&self, print: u16) -> bool {
        self.state() & Bucket::filter_bit(print) != 0
    }

    pub(super) fn admit_stray(&mut self, print: u16) {
        self.set_state(self.state() | Bucket::filter_bit(print));
    }

    pub(super) fn forget_strays(&mut self) {
        self.set_state(self.state() & TURN_MASK);
    }

    /// The cell whose turn it is.
    #[inline(always)]
    fn turn(&self) -> usize {
        (u32::from(self.halves[CELLS]) & TURN_MASK) as usize
    }

    /// What is in the cell whose turn it is.
    #[inline(always)]
    pub(super) fn turn_cell(&self) -> u32 {
        self.cells[self.turn()]
    }

    /// Fills the cell whose turn it is.
    #[inline(always)]
    pub(super) fn fill_turn(&mut self, print: u16, cell: u32) {
        let turn = self.turn();
        self.cells[turn] = cell;
        self.halves[turn] = print;
        // The bits of the turn are the lowest.
        let next = if turn == CELLS - 1 {
            self.halves[CELLS] - (CELLS as u16 - 1)
        } else {
            self.halves[CELLS] + 1
        };
        self.halves[CELLS] = next;
    }

    #[inline(always)]
    pub(super) fn cell(&self, index: usize) -> u32 {
        self.cells[index % PLACES]
    }

    /// Frees a cell: it is the next whose turn it is.
    #[inline(always)]
    pub(super) fn free(&mut self, index: usize) {
        let turn = self.turn();
        self.halves[index % PLACES] = self.halves[turn];
        self.cells[index % PLACES] = self.cells[turn];
        self.cells[turn] = 0;
    }

    /// The cells with their prints.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u16, u32)> {
        let prints = self.halves[..CELLS].iter().copied();
        prints.zip(self.cells.iter().copied())
    }

    pub(super) fn cells_mut(&mut self) -> &mut [u32] {
        &mut self.cells
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

/// How many buckets there are, and how a cell is parted: `[ tag | number ]`.
///
/// A number has 7 bits more than that of buckets, less the fraction: there are 3.2 to 6.4 times as many as keys.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    buckets: u32,
    number_mask: u32,
}

impl Layout {
    /// For this many keys.
    pub(super) fn new(room: usize) -> Self {
        let buckets = (room / KEYS_A_BUCKET + 1) as u32;
        Layout {
            buckets,
            number_mask: (1 << (buckets.ilog2() + 7)) - 1,
        }
    }

    pub(super) fn buckets(&self) -> usize {
        self.buckets as usize
    }

    /// Numbers are below this, a power of two.
    pub(super) fn numbers(&self) -> usize {
        self.number_mask as usize + 1
    }

    #[inline(always)]
    pub(super) fn place(&self, hash: u64) -> Place {
        let product = hash * u64::from(self.buckets);
        Place {
            bucket: (product >> HASH_BITS) as usize,
            print: (product >> (HASH_BITS - 16)) as u16,
            tag: (product << (48 - HASH_BITS)) as u32 & !self.number_mask,
        }
    }

    #[inline(always)]
    pub(super) fn number(&self, cell: u32) -> u32 {
        cell & self.number_mask
    }

    /// The hash of the key in a cell of a bucket.
    pub(super) fn hash(&self, bucket: usize, print: u16, cell: u32) -> u64 {
        let print = u64::from(print) << (HASH_BITS - 16);
        let tag = u64::from(cell & !self.number_mask) >> (48 - HASH_BITS);
        // What the tag lacks is less than the number of buckets: there is one multiple of that.
        let product = (bucket as u64) << HASH_BITS | print | tag;
        product.div_ceil(u64::from(self.buckets))
    }
}
