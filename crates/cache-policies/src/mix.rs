//! Mixes the bits of a hash: what takes a few of them needs them to depend on all.

/// Folds the upper half of a hash into the lower one and multiplies (D. E. Knuth, "The Art of Computer Programming" 3,
/// 6.4: by 2^64 over the golden ratio): every bit of the hash is in the upper half of what is returned. Equal for equal
/// hashes only.
#[inline]
pub(crate) fn mix(hash: u64) -> u64 {
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::mix;

    #[test]
    fn every_bit_of_a_hash_changes_the_upper_half() {
        for hash in [0, 0x0123_4567_89ab_cdef_u64, u64::MAX] {
            for bit in 0..64 {
                let changed = mix(hash ^ (1 << bit));
                assert_ne!(changed >> 32, mix(hash) >> 32, "bit {bit} of {hash:#x}");
            }
        }
        // What is kept of it must stay what it is, or figures change.
        assert_eq!(mix(0x0123_4567_89ab_cdef), 0x1296fd1b44a51328);
    }
}
