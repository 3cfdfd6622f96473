//! The values of the race: told by their keys, and not to be compressed.

/// The words of a value are steps of splitmix64 from its key on: no two values share any, and no compressor finds anything.
pub(super) fn value_of(key: u64, size: usize) -> Vec<u8> {
    let mut state = key.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    let mut value = vec![0; size];
    for part in value.chunks_mut(8) {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        part.copy_from_slice(&word.to_le_bytes()[..part.len()]);
    }
    value
}

/// The first `count` keys and their values.
pub(super) fn values(count: usize, size: usize) -> impl Iterator<Item = (u64, Vec<u8>)> {
    (0..count as u64).map(move |key| (key, value_of(key, size)))
}

/// Length, first and last bytes: what a look at a value costs next to nothing, and tells values apart.
pub(super) fn glance(value: &[u8]) -> u64 {
    let word = |part: Option<&[u8; 8]>| part.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    word(value.first_chunk()) ^ word(value.last_chunk()).rotate_left(1) ^ value.len() as u64
}

/// A digest of every byte.
pub(super) fn digest(value: &[u8]) -> u64 {
    let step = |digest: u64, part: &[u8]| {
        let mut word = [0; 8];
        word[..part.len()].copy_from_slice(part);
        (digest ^ u64::from_le_bytes(word))
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(29)
    };
    value.chunks(8).fold(value.len() as u64, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_every_byte() {
        let value = value_of(7, 203);
        for place in 0..value.len() {
            let mut other = value.clone();
            other[place] ^= 1;
            assert_ne!(digest(&other), digest(&value), "byte {place}");
        }
    }

    #[test]
    fn values_of_other_keys_and_sizes_are_told_apart_by_a_glance() {
        assert_ne!(glance(&value_of(0, 200)), glance(&value_of(1, 200)));
        assert_ne!(glance(&value_of(1, 200)), glance(&value_of(1, 208)));
    }
}
