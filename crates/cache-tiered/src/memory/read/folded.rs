//! What the index keeps of a hash.

/// 32 bits of a hash of which the lowest 8 are not all 0.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Folded(u32);

impl Folded {
    /// The upper half of the hash times an odd number, so that every bit of it counts, whichever
    /// of them have chosen a shard; 1 in 256 is not as it was.
    #[inline(always)]
    pub(super) const fn new(hash: u64) -> Self {
        let upper = (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32;
        Self(upper + (upper as u8 == 0) as u32)
    }

    /// One of these, as a number.
    pub(super) const fn from_bits(bits: u32) -> Self {
        debug_assert!(bits as u8 != 0, "a tag is never that of a vacant cell");
        Self(bits)
    }

    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    /// What stands for it in its cell: never 0.
    #[inline(always)]
    pub(super) const fn tag(self) -> u8 {
        self.0 as u8
    }

    /// Which of 8 counts of a bucket counts it.
    #[inline(always)]
    pub(super) const fn kind(self) -> u32 {
        self.0 % 8
    }

    /// Its home among so many buckets: a number below that.
    #[inline(always)]
    pub(super) const fn home(self, buckets: usize) -> usize {
        ((self.0 as u64 * buckets as u64) >> 32) as usize
    }
}
