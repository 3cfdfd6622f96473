//! What hashes become in a ghost's buckets, and how they come back.

/// The bits of a hash that count.
pub(crate) const HASH_BITS: u32 = 40;

/// A key is in the bucket of its hash or in one of so many others.
pub(super) const AWAY_MAX: u32 = 3;
/// The bits for that, the lowest of a cell.
const AWAY_BITS: u32 = 2;

/// The bits of a print.
const PRINT_BITS: u32 = u16::BITS;

/// Keys to 5 buckets: 8.4 a bucket of 10 cells.
const KEYS_A_FEW: usize = 42;
const A_FEW: usize = 5;

/// The most buckets from which one is chosen that is so far away.
const SPREAD_MAX: u32 = 32;

/// `HASH_BITS` of a hash, the uppermost ones of a word.
///
/// A product with an odd factor alone would keep the order that hashes may have, such as those of keys in a row that were
/// multiplied already.
#[inline(always)]
pub(crate) fn mixed(hash: u64) -> u64 {
    let product = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product & (u64::MAX << (u64::BITS - HASH_BITS))
}

/// What a hash becomes.
#[derive(Copy, Clone)]
pub(super) struct Place {
    /// The bucket of the hash.
    pub(super) home: usize,
    pub(super) print: u16,
    /// The remainder's bits after those of the print, where a cell has them.
    pub(super) tag: u32,
}

/// How many buckets there are, and how a cell is parted: `[ number | tag | away ]`.
///
/// A number has 5 bits more than that of buckets, less the fraction: there are twice to four times as many as keys.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    buckets: u32,
    /// How far the bits of a number are shifted.
    pub(super) number_shift: u32,
    tag_mask: u32,
    /// One less than a power of two: from so many buckets and one is chosen which one is next to home.
    spread: u32,
}

impl Layout {
    /// For this many keys.
    pub(super) fn new(room: usize) -> Self {
        let buckets = (room * A_FEW / KEYS_A_FEW + 8) as u32;
        let number_shift = u32::BITS - 5 - buckets.ilog2();
        let away_mask = (1 << AWAY_BITS) - 1;
        let choices = (buckets / (AWAY_MAX + 1)).min(SPREAD_MAX);
        Layout {
            buckets,
            number_shift,
            tag_mask: ((1 << number_shift) - 1) & !away_mask,
            spread: (1 << choices.ilog2()) - 1,
        }
    }

    pub(super) fn buckets(&self) -> usize {
        self.buckets as usize
    }

    /// How many numbers there are.
    pub(super) fn numbers(&self) -> usize {
        1 << (u32::BITS - self.number_shift)
    }

    /// Where a key goes with this hash, `mixed`.
    #[inline(always)]
    pub(super) fn place(&self, hash: u64) -> Place {
        let product = u128::from(hash) * u128::from(self.buckets);
        let remainder = product as u64;
        let behind = (remainder << PRINT_BITS >> u32::BITS) as u32;
        Place {
            home: (product >> u64::BITS) as usize,
            print: (remainder >> (u64::BITS - PRINT_BITS)) as u16,
            tag: behind >> (u32::BITS - self.number_shift) & self.tag_mask,
        }
    }

    /// How far from home a key with this print goes for its cell.
    #[inline(always)]
    fn distance(&self, print: u16, away: u32) -> u32 {
        if away == 0 {
            return 0;
        }
        let choice = u32::from(print) >> (4 * (away - 1)) & self.spread;
        (away - 1) * (self.spread + 1) + choice + 1
    }

    /// The bucket of a key that is so far away from home.
    #[inline(always)]
    pub(super) fn bucket_away(&self, place: &Place, away: u32) -> usize {
        let at = place.home + self.distance(place.print, away) as usize;
        // Less than twice the buckets: the distance is no more than three quarters of them.
        let wrapped = at.wrapping_sub(self.buckets());
        core::hint::select_unpredictable(at >= self.buckets(), wrapped, at)
    }

    /// The home of a key that is so far away from it in this bucket.
    pub(super) fn home(&self, at: usize, print: u16, away: u32) -> usize {
        let distance = self.distance(print, away) as usize;
        if at >= distance {
            at - distance
        } else {
            at + self.buckets() - distance
        }
    }

    /// How far away from home the key in a cell is.
    #[inline(always)]
    pub(super) fn away(cell: u32) -> u32 {
        cell & ((1 << AWAY_BITS) - 1)
    }

    /// The number in a cell.
    #[inline(always)]
    pub(super) fn number(&self, cell: u32) -> u32 {
        cell >> self.number_shift
    }

    /// The bits of a cell that tell keys with one print and home apart, and how far away they are.
    #[inline(always)]
    pub(super) fn below_number(&self) -> u32 {
        (1 << self.number_shift) - 1
    }

    /// The hash, `mixed`, of which this is left in a bucket.
    pub(super) fn hash(&self, at: usize, print: u16, cell: u32) -> u64 {
        let home = self.home(at, print, Layout::away(cell)) as u128;
        let tag = u64::from(cell & self.tag_mask) << (u32::BITS - self.number_shift);
        let print = u64::from(print) << (u64::BITS - PRINT_BITS);
        let remainder = print | tag << (u32::BITS - PRINT_BITS);
        // What the tag lacks is less than the number of buckets: there is one multiple of that.
        let unused = u64::BITS - HASH_BITS;
        let product = home << HASH_BITS | u128::from(remainder >> unused);
        (product.div_ceil(u128::from(self.buckets)) as u64) << unused
    }
}

#[cfg(test)]
mod tests {
    use super::{AWAY_MAX, HASH_BITS, Layout, mixed};

    #[test]
    fn a_hash_comes_back_from_its_place_at_every_size() {
        // So two keys are one to the ghost exactly where these bits of their hashes are equal, however many there are.
        let mut room = 0;
        while room < super::super::KEYS_MAX {
            room = (room + room / 3 + 1).min(super::super::KEYS_MAX);
            let layout = Layout::new(room);
            // Each of two queues may have 64 numbers before its oldest one.
            assert!(layout.numbers() > 2 * 64 + 1 + super::super::room::span_max(room));
            assert!(layout.buckets() * 10 > room);
            for key in 0..200_u64 {
                let hash = match key {
                    0 => u64::MAX << (u64::BITS - HASH_BITS),
                    _ => mixed(key.wrapping_mul(0xd6e8_feb8_6659_fd93)),
                };
                let place = layout.place(hash);
                assert!(place.home < layout.buckets());
                let mut buckets = std::vec::Vec::new();
                for away in 0..=AWAY_MAX {
                    let at = layout.bucket_away(&place, away);
                    assert!(at < layout.buckets());
                    assert_eq!(layout.home(at, place.print, away), place.home);
                    let cell = u32::MAX << layout.number_shift | place.tag | away;
                    assert_eq!(layout.hash(at, place.print, cell), hash);
                    assert_eq!(cell & layout.below_number(), place.tag | away);
                    buckets.push(at);
                }
                buckets.sort_unstable();
                buckets.dedup();
                assert_eq!(buckets.len(), AWAY_MAX as usize + 1);
            }
        }
    }
}
