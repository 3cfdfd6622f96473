//! zstd frames, without what the length in front of them and the checksums around them say already.

use super::room;
use std::cell::RefCell;
use std::io;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

thread_local! {
    /// A context and its level.
    static COMPRESSOR: RefCell<Option<(i32, Compressor<'static>)>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

fn compressor(level: i32) -> io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(level)?;
    compressor.set_parameter(CParameter::ContentSizeFlag(false))?;
    compressor.set_parameter(CParameter::ChecksumFlag(false))?;
    Ok(compressor)
}

/// Adds the frame of `value` to `out`; false if it does not pay.
pub(super) fn compress(value: &[u8], level: i32, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    out.resize(room(value.len()).max(start), 0);
    let written = COMPRESSOR.with_borrow_mut(|context| {
        if context.as_ref().is_none_or(|(now, _)| *now != level) {
            *context = Some((level, compressor(level).ok()?));
        }
        let (_, compressor) = context.as_mut()?;
        // It has no room for more than pays.
        compressor.compress_to_buffer(value, &mut out[start..]).ok()
    });
    out.truncate(start + written.unwrap_or(0));
    written.is_some()
}

/// Makes `out`, which is empty, the `length` bytes of this frame.
pub(super) fn decompress(frame: &[u8], length: usize, out: &mut Vec<u8>) -> bool {
    out.resize(length, 0);
    let written = DECOMPRESSOR.with_borrow_mut(|context| {
        if context.is_none() {
            *context = Some(Decompressor::new().ok()?);
        }
        let decompressor = context.as_mut()?;
        decompressor.decompress_to_buffer(frame, &mut out[..]).ok()
    });
    written == Some(length)
}
