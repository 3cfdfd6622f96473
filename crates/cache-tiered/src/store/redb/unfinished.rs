//! Files whose making was cut short, by a full disk or by the death of the process.
//!
//! redb makes a file in this order: its length, a header without the magic number, the header with
//! it. It takes a file that is neither empty nor has the magic number for somebody else's, so one
//! that was cut short in between would be refused for ever.

use redb::StorageBackend;
use std::io;

/// redb's magic number is this long; all zero until the header is complete.
const MAGIC_LEN: usize = 9;
/// The bytes of redb's header. All that comes after it is zero in a file that was never complete.
const HEADER_LEN: usize = 320;
/// Where the header has the size of its pages, and what redb writes there.
const PAGE_SIZE_AT: usize = 12;
const PAGE_SIZE: u32 = 4096;
/// More than the length that redb gives a new file, which is between one and two MiB.
const LEN_MAX: u64 = 4 << 20;

/// True if nothing was ever stored in this file: it has a length, and at most redb's header without
/// the magic number. The caller holds the lock of the file.
pub(super) fn is_unfinished(backend: &dyn StorageBackend, len: u64) -> io::Result<bool> {
    if len < PAGE_SIZE.into() || len > LEN_MAX || !len.is_multiple_of(PAGE_SIZE.into()) {
        return Ok(false);
    }
    let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    let mut page = [0; PAGE_SIZE as usize];
    backend.read(0, &mut page)?;
    let (header, rest) = page.split_at(HEADER_LEN);
    let (magic, fields) = header.split_at(MAGIC_LEN);
    let own = header[PAGE_SIZE_AT..].starts_with(&PAGE_SIZE.to_le_bytes());
    if !is_zero(magic) || !is_zero(rest) || !(own || is_zero(fields)) {
        return Ok(false);
    }
    for offset in (PAGE_SIZE.into()..len).step_by(page.len()) {
        backend.read(offset, &mut page)?;
        if !is_zero(&page) {
            return Ok(false);
        }
    }
    Ok(true)
}
