//! Numbers in files: little-endian.

/// The number in the four bytes at `at`, little-endian.
///
/// # Panics
///
/// If there are no four bytes.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// The number in the eight bytes at `at`, little-endian.
///
/// # Panics
///
/// If there are no eight bytes.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
