//! The bytes of the disk tier. All parsers take any bytes, never panic, and allocate no more than
//! the bytes warrant. `docs/disk-format.md` says the same to the byte.

mod entry;
mod fence;
mod footer;
mod region;
mod superblock;

pub(super) use entry::ENTRY_HEADER;
pub(crate) use entry::{EntryHeader, Parts};
pub(super) use fence::{FENCE_BYTES, FENCES_HEADER, Fence, FenceKind, FencesHeader};
pub(super) use footer::{FOOTER_RECORD, FOOTER_TRAILER, Footer, FooterRecord};
pub(super) use region::{REGION_HEADER, RegionHeader};
pub(super) use superblock::{SUPERBLOCK, Superblock};

/// The version of the format that this code writes, and the only one it reads.
pub(super) const VERSION: u32 = 1;

/// Batches of entries begin at multiples of it, within a region.
pub(super) const BATCH_ALIGN: u64 = 4096;

fn array_at<const BYTES: usize>(bytes: &[u8], at: usize) -> [u8; BYTES] {
    bytes[at..at + BYTES].try_into().expect("as many bytes")
}

/// Puts numbers one behind the other from `at` on.
fn put_numbers(bytes: &mut [u8], at: usize, numbers: &[u64]) {
    for (field, number) in bytes[at..].chunks_exact_mut(8).zip(numbers) {
        field.copy_from_slice(&number.to_le_bytes());
    }
}
