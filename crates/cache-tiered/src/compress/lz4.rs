//! LZ4 blocks.

use lz4_flex::block::{
    CompressTable, compress_into_with_table, decompress_into, get_maximum_output_size,
};
use std::cell::RefCell;

thread_local! {
    /// The table of what was there before, of 8 or 16 KiB, kept from value to value.
    static TABLE: RefCell<Option<CompressTable>> = const { RefCell::new(None) };
}

/// Larger values need the larger table, which takes longer to clear.
const SMALL_TABLE_END: usize = u16::MAX as usize;

/// Adds the block of `value` to `out`.
pub(super) fn compress(value: &[u8], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    out.resize(start + get_maximum_output_size(value.len()), 0);
    let written = TABLE.with_borrow_mut(|table| {
        let large = value.len() >= SMALL_TABLE_END;
        let table = match table {
            Some(table) if matches!(table, CompressTable::Large(_)) == large => table,
            table if large => table.insert(CompressTable::large()),
            table => table.insert(CompressTable::small()),
        };
        compress_into_with_table(value, &mut out[start..], table)
    });
    out.truncate(start + written.as_ref().map_or(0, |bytes| *bytes));
    written.is_ok()
}

/// Makes `out`, which is empty, the `length` bytes of this block.
pub(super) fn decompress(block: &[u8], length: usize, out: &mut Vec<u8>) -> bool {
    out.resize(length, 0);
    decompress_into(block, out).is_ok_and(|written| written == length)
}
