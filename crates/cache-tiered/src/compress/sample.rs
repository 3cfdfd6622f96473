//! Which values are tried before they are compressed as a whole.

/// Smaller values are compressed at once: the trial would take as long.
const VALUE_BYTES_MIN: usize = 16 << 10;
/// Bytes of the part that is tried.
const PART_BYTES: usize = 4 << 10;
/// So many bytes, from all over the value, are counted.
const COUNTED: usize = 1 << 10;
/// The most that the squares of the counts add up to while all bytes are about as frequent: they do to
/// about `COUNTED + COUNTED * COUNTED / 256` if none is more likely than others.
const EVEN_MAX: u32 = 6 << 10;

/// A part of a large value whose bytes look as if nothing could be saved.
pub(super) fn doubtful(value: &[u8]) -> Option<&[u8]> {
    if value.len() < VALUE_BYTES_MIN {
        return None;
    }
    let mut counts = [0_u32; 256];
    // Not a power of two, for arrays of anything have a period.
    let step = (value.len() / COUNTED) | 1;
    for byte in value.iter().step_by(step).take(COUNTED) {
        counts[usize::from(*byte)] += 1;
    }
    let squares: u32 = counts.iter().map(|count| count * count).sum();
    let start = value.len() / 2;
    (squares <= EVEN_MAX).then(|| &value[start..start + PART_BYTES])
}
