//! The buckets of a ghost: a cache line of ten cells each.

/// The cells of a bucket.
pub(super) const CELLS: usize = 10;

/// The 4-byte words that are compared at once.
const WORDS: usize = 12;
/// The word with the prints of the last two cells, and that with the filter.
const LAST_PRINTS: usize = CELLS;
const FILTER: usize = CELLS + 1;

/// The prints that have words of their own kind.
const FIRST_PRINTS: usize = 8;

/// Which cells have keys that are remembered: those whose numbers, the upper bits of cells, are in a range.
///
/// In the form in which many cells are compared at once: less the lower bound, the sign bit turned.
#[derive(Copy, Clone, Debug)]
pub(super) struct Alive {
    low: u32,
    /// How far the upper bound is above the lower one, the sign bit turned.
    range: i32,
}

const SIGN: u32 = 1 << 31;

impl Alive {
    /// Cells from `low` to `high`; 0 must not be among them.
    pub(super) fn new(low: u32, high: u32) -> Self {
        debug_assert!(0 < low && low <= high);
        Alive {
            low: low.wrapping_add(SIGN),
            range: ((high - low) ^ SIGN) as i32,
        }
    }

    #[inline(always)]
    pub(super) fn has(self, cell: u32) -> bool {
        cell.wrapping_sub(self.low) as i32 <= self.range
    }

    /// Moves the lower bound up.
    #[inline(always)]
    pub(super) fn raise_low(&mut self, by: u32) {
        self.low = self.low.wrapping_add(by);
        self.range = self.range.wrapping_sub_unsigned(by);
    }

    /// Moves the upper bound down.
    #[inline(always)]
    pub(super) fn lower_high(&mut self, by: u32) {
        self.range = self.range.wrapping_sub_unsigned(by);
    }
}

/// ```text
///  [ cell x 10 | prints of the last two | filter | print x 8 ]
/// ```
/// A cell has the number, the other bits of the remainder, and how far away the key's home is; 0 where a key was taken. A
/// print has the upper bits of the remainder. The filter is of the keys of this bucket that are neither here nor beside it:
/// a bit of their prints each.
#[derive(Clone, Debug, Default)]
#[repr(C, align(64))]
pub(super) struct Bucket {
    words: [u32; WORDS],
    prints: [u16; FIRST_PRINTS],
}

const _: () = assert!(size_of::<Bucket>() == 64);

/// The vacant cells of a bucket, as a number that is the greater the more there are; a bit for each is in it.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Vacant(pub(super) u32);

impl Vacant {
    pub(super) const NONE: Vacant = Vacant(0);

    /// One of the cells, of which there must be one.
    #[inline(always)]
    pub(super) fn cell(self) -> usize {
        self.0.trailing_zeros() as usize
    }
}

/// What each word adds to [`Vacant`] where it is a vacant cell.
const VACANT: [u32; WORDS] = {
    let mut vacant = [0; WORDS];
    let mut cell = 0;
    while cell < CELLS {
        vacant[cell] = 1 << CELLS | 1 << cell;
        cell += 1;
    }
    vacant
};

impl Bucket {
    #[inline(always)]
    pub(super) fn has_print(&self, print: u16) -> bool {
        // Without an early end, so that all are compared at once.
        let equal = |any, other: &u16| any | (*other == print);
        let first = self.prints.iter().fold(false, equal);
        let last = self.words[LAST_PRINTS];
        first | (last as u16 == print) | ((last >> 16) as u16 == print)
    }

    #[inline(always)]
    fn filter_bit(print: u16) -> u32 {
        1 << (print >> 11)
    }

    /// Whether a key with this print may be further away than beside.
    #[inline(always)]
    pub(super) fn may_be_further(&self, print: u16) -> bool {
        self.words[FILTER] & Bucket::filter_bit(print) != 0
    }

    pub(super) fn admit_further(&mut self, print: u16) {
        self.words[FILTER] |= Bucket::filter_bit(print);
    }

    #[inline(always)]
    pub(super) fn vacant(&self, alive: Alive) -> Vacant {
        let words = self.words.iter().zip(&VACANT);
        Vacant(words.fold(0, |vacant, (word, one)| {
            vacant + if alive.has(*word) { 0 } else { *one }
        }))
    }

    #[inline(always)]
    pub(super) fn fill(&mut self, index: usize, print: u16, cell: u32) {
        self.words[index % 16 % WORDS] = cell;
        if let Some(place) = self.prints.get_mut(index) {
            *place = print;
        } else {
            self.fill_last(index, print);
        }
    }

    #[inline(always)]
    fn fill_last(&mut self, index: usize, print: u16) {
        let shift = 16 * (index % 2);
        let others = self.words[LAST_PRINTS] & (0xffff_0000 >> shift);
        self.words[LAST_PRINTS] = others | u32::from(print) << shift;
    }

    pub(super) fn free(&mut self, index: usize) {
        self.words[index] = 0;
    }

    fn print(&self, index: usize) -> u16 {
        match self.prints.get(index) {
            Some(print) => *print,
            None => (self.words[LAST_PRINTS] >> (16 * (index % 2))) as u16,
        }
    }

    /// All prints and cells.
    #[inline]
    pub(super) fn filled(&self) -> impl Iterator<Item = (usize, u16, u32)> {
        (0..CELLS).map(|index| (index, self.print(index), self.words[index]))
    }

    /// The cells whose lower bits, under the mask, are these.
    #[inline]
    pub(super) fn matches(
        &self,
        print: u16,
        mask: u32,
        bits: u32,
    ) -> impl Iterator<Item = (usize, u32)> {
        let mut found = 0;
        for (index, word) in self.words.iter().enumerate() {
            found |= u32::from(word & mask == bits) << index;
        }
        let mut left = found & ((1 << CELLS) - 1);
        let cells = core::iter::from_fn(move || {
            let index = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            self.words[..CELLS].get(index).map(|cell| (index, *cell))
        });
        cells.filter(move |(index, _)| self.print(*index) == print)
    }

    /// Whether a key may be here whose home is further away than beside.
    #[inline(always)]
    pub(super) fn has_strangers(&self) -> bool {
        self.words[..CELLS].iter().fold(0, |any, cell| any | cell) & 2 != 0
    }

    /// Empties the filter and the cells whose keys are forgotten, and changes the others.
    #[inline(always)]
    pub(super) fn renumber(&mut self, alive: Alive, new: impl Fn(u32) -> u32) {
        for cell in &mut self.words[..CELLS] {
            *cell = if alive.has(*cell) { new(*cell) } else { 0 };
        }
        self.words[FILTER] = 0;
    }
}
