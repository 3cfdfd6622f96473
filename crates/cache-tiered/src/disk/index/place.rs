//! Where an entry lies on the disk, in one word.

use std::num::NonZeroU64;

/// Entries begin at multiples of it, and so many bytes are the unit of their sizes.
pub(in crate::disk) const GRAIN: u64 = 8;
/// Regions at most.
pub(in crate::disk) const REGIONS_MAX: u32 = 1 << REGION_BITS;
/// Bytes of a region at most.
pub(in crate::disk) const REGION_BYTES_MAX: u64 = GRAIN << OFFSET_BITS;
/// Bytes of an entry, its header included, at most.
pub(in crate::disk) const ENTRY_BYTES_MAX: u64 = GRAIN * ((1 << SIZE_BITS) - 1);
/// Hits are counted up to it.
pub(in crate::disk) const HITS_MAX: u64 = 3;

const REGION_BITS: u32 = 20;
const OFFSET_BITS: u32 = 22;
const SIZE_BITS: u32 = 20;
const HIT_BITS: u32 = 2;

const _: () = assert!(REGION_BITS + OFFSET_BITS + SIZE_BITS + HIT_BITS == u64::BITS);
const _: () = assert!(HITS_MAX == (1 << HIT_BITS) - 1);

/// Region, offset within it, size, and hits since the entry was written, counted to three.
///
/// Never zero, as no size is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::disk) struct Place(NonZeroU64);

impl Place {
    /// # Panics
    ///
    /// If a number has more than its bits, or `offset` or `bytes` is not a multiple of [`GRAIN`].
    pub(in crate::disk) fn new(region: u32, offset: u64, bytes: u64) -> Self {
        assert!(region < REGIONS_MAX && offset < REGION_BYTES_MAX && bytes <= ENTRY_BYTES_MAX);
        assert!(offset.is_multiple_of(GRAIN) && bytes.is_multiple_of(GRAIN));
        let word = u64::from(region) << (OFFSET_BITS + SIZE_BITS)
            | (offset / GRAIN) << SIZE_BITS
            | (bytes / GRAIN);
        Self(NonZeroU64::new(word << HIT_BITS).expect("an entry has bytes"))
    }

    pub(super) const fn from_word(word: u64) -> Option<Self> {
        match NonZeroU64::new(word) {
            Some(word) => Some(Self(word)),
            None => None,
        }
    }

    pub(super) const fn word(self) -> u64 {
        self.0.get()
    }

    pub(in crate::disk) const fn region(self) -> u32 {
        (self.word() >> (OFFSET_BITS + SIZE_BITS + HIT_BITS)) as u32
    }

    /// In bytes from the beginning of the region.
    pub(in crate::disk) const fn offset(self) -> u64 {
        (self.word() >> (SIZE_BITS + HIT_BITS)) % (1 << OFFSET_BITS) * GRAIN
    }

    /// Of the entry, its header and padding included.
    pub(in crate::disk) const fn bytes(self) -> u64 {
        (self.word() >> HIT_BITS) % (1 << SIZE_BITS) * GRAIN
    }

    pub(in crate::disk) const fn hits(self) -> u64 {
        self.word() & HITS_MAX
    }

    /// The same place after one more hit.
    pub(super) const fn touched(self) -> Self {
        if self.hits() == HITS_MAX {
            self
        } else {
            Self(self.0.saturating_add(1))
        }
    }

    /// Whether both are one place, whatever the hits.
    pub(in crate::disk) const fn is_at(self, other: Self) -> bool {
        self.word() | HITS_MAX == other.word() | HITS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_come_back() {
        let corners = [
            (0, 0, GRAIN),
            (REGIONS_MAX - 1, REGION_BYTES_MAX - GRAIN, ENTRY_BYTES_MAX),
            (5, 4096, 264),
        ];
        for (region, offset, bytes) in corners {
            let place = Place::new(region, offset, bytes);
            let parts = (place.region(), place.offset(), place.bytes(), place.hits());
            assert_eq!(parts, (region, offset, bytes, 0));
            assert_eq!(Place::from_word(place.word()), Some(place));
        }
        assert_eq!(Place::from_word(0), None);
    }

    #[test]
    fn hits_are_counted_to_three() {
        let mut place = Place::new(1, 64, 40);
        for expected in [1, 2, 3, 3] {
            place = place.touched();
            assert_eq!(place.hits(), expected);
            assert!(place.is_at(Place::new(1, 64, 40)));
        }
        assert!(!place.is_at(Place::new(1, 72, 40)) && !place.is_at(Place::new(1, 64, 48)));
    }
}
