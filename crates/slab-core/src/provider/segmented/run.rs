//! A run of units: what a block takes of a segment, and where in a word of free units one can lie.

use core::alloc::Layout;

/// Units of a segment: one word tells which are free.
pub(super) const UNITS: usize = 64;

/// Units of the largest block that is carved, and its largest alignment. A segment, wherever it begins, has seven
/// places for such a block.
pub(super) const LARGEST: usize = 8;

/// Runs of 1, 2, 4 and 8 units, the sizes that segments are sorted by.
pub(super) const ORDERS: usize = LARGEST.ilog2() as usize + 1;

/// How many units a block takes, and what its first must be a multiple of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// 1 to `LARGEST`.
    units: u32,
    /// A power of two up to `LARGEST`.
    align: u32,
}

impl Run {
    /// The run of a block of `layout` in units of `unit` bytes, a power of two, or `None` if such a block is the
    /// parent's affair: an empty one, one that is too large, and one that whole units would waste more on than its
    /// alignment, which is the most that an allocator wastes that has to look for an aligned place.
    pub(super) const fn of(layout: Layout, unit: usize) -> Option<Self> {
        let (size, align) = (layout.size(), layout.align());
        if size == 0 || size > LARGEST * unit || align > LARGEST * unit {
            return None;
        }
        let units = size.div_ceil(unit);
        if units * unit - size > align {
            return None;
        }
        // Both are at most `LARGEST`, and the alignment is at least 1 unit because units lie aligned.
        Some(Self {
            units: units as u32,
            align: align.div_ceil(unit) as u32,
        })
    }

    /// The order of the smallest aligned run of a power of two that this one fits into.
    pub(super) const fn order(self) -> usize {
        let span = if self.units > self.align {
            self.units
        } else {
            self.align
        };
        span.next_power_of_two().ilog2() as usize
    }

    /// The run of `1 << order` units at a multiple of their number.
    pub(super) const fn whole(order: usize) -> Self {
        let units = 1 << order;
        Self {
            units,
            align: units,
        }
    }

    /// The units of the run as bits, if the first is unit `at`.
    pub(super) const fn at(self, at: u32) -> u64 {
        ((1 << self.units) - 1) << at
    }

    /// The first unit at which the run fits into the `free` ones, where unit 0 of the word is the unit `phase` in
    /// memory: alignment is one of addresses.
    pub(super) const fn place(self, free: u64, phase: u32) -> Option<u32> {
        // Bit i stays if it begins a row of `have` free units. Zeros come in from above, where no unit is.
        let mut starts = free;
        let mut have = 1;
        while have < self.units {
            let more = if have < self.units - have {
                have
            } else {
                self.units - have
            };
            starts &= starts >> more;
            have += more;
        }
        // Every `align`th bit from the first on whose unit in memory is a multiple of `align`.
        let every = u64::MAX / ((1 << self.align) - 1);
        starts &= every << (phase.wrapping_neg() & (self.align - 1));
        if starts == 0 {
            None
        } else {
            Some(starts.trailing_zeros())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: usize = 1024;

    fn run(size: usize, align: usize) -> Option<Run> {
        Run::of(Layout::from_size_align(size, align).unwrap(), UNIT)
    }

    #[test]
    fn a_run_has_the_units_that_its_block_needs() {
        let of = |units, align| Some(Run { units, align });
        assert_eq!(run(UNIT, UNIT), of(1, 1));
        assert_eq!(run(UNIT, 1), of(1, 1));
        assert_eq!(run(600, UNIT), of(1, 1));
        assert_eq!(run(UNIT + 1, 2 * UNIT), of(2, 2));
        assert_eq!(run(3 * UNIT, 4 * UNIT), of(3, 4));
        assert_eq!(run(8 * UNIT, 8 * UNIT), of(8, 8));
        assert_eq!(run(1, UNIT), of(1, 1));
    }

    #[test]
    fn the_parent_gets_what_units_would_waste_or_cannot_hold() {
        assert_eq!(run(0, UNIT), None);
        assert_eq!(run(8 * UNIT + 1, UNIT), None);
        assert_eq!(run(UNIT, 16 * UNIT), None);
        assert_eq!(run(isize::MAX as usize, 1), None);
        assert_eq!(run(600, 64), None, "424 bytes are more than 64");
        assert_eq!(run(UNIT + 600, 256), None);
        assert_eq!(run(1000, 64), Some(Run { units: 1, align: 1 }));
    }

    #[test]
    fn places_are_those_that_a_walk_over_the_units_finds() {
        let mut words = 0x1234_5678_9ABC_DEF1_u64;
        for round in 0..2000_u32 {
            words = words
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let free = words | words.rotate_left(23);
            let phase = round % 8;
            for (units, align) in (1..=8).flat_map(|units| [1, 2, 4, 8].map(|to| (units, to))) {
                let run = Run { units, align };
                let walked = (0..64).find(|&at| {
                    (at + phase) % align == 0
                        && (at..at + units).all(|unit| unit < 64 && free >> unit & 1 == 1)
                });
                assert_eq!(
                    run.place(free, phase),
                    walked,
                    "{run:?} in {free:x} at {phase}"
                );
                let whole = Run::whole(run.order()).place(free, phase);
                assert!(whole.is_none() || walked.is_some(), "{run:?} in {free:x}");
            }
        }
    }

    #[test]
    fn any_63_units_hold_seven_of_the_largest() {
        for phase in 0..8 {
            let mut free = u64::MAX >> 1;
            for _ in 0..7 {
                let largest = Run::whole(ORDERS - 1);
                free &= !largest.at(largest.place(free, phase).expect("seven places"));
            }
        }
    }
}
