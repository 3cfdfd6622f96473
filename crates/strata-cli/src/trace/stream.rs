//! The decompressed bytes of a trace, seen through a window that slides over a bounded buffer.

use std::path::{Path, PathBuf};

use super::decode::{Compression, Decoder, Fault};
use super::error::{Place, TraceError};

/// The bytes held at a time; a line and its end must fit.
const BUFFER_SIZE: usize = 128 << 10;

/// The longest line, its end not counted.
pub(super) const LINE_SIZE_MAX: usize = 64 << 10;

const _: () = assert!(LINE_SIZE_MAX < BUFFER_SIZE);

/// The decompressed bytes of a trace.
pub(super) struct Stream {
    path: PathBuf,
    decoder: Decoder,
    buffer: Box<[u8]>,
    /// What is read and not consumed lies in `buffer[start..end]`.
    start: usize,
    end: usize,
    /// The place of `buffer[start]` in the decompressed stream.
    offset: u64,
    /// The length of the line last found, its end included.
    line_size: usize,
    exhausted: bool,
}

impl Stream {
    pub(super) fn new(path: &Path, decoder: Decoder) -> Self {
        Self {
            path: path.to_owned(),
            decoder,
            buffer: vec![0; BUFFER_SIZE].into_boxed_slice(),
            start: 0,
            end: 0,
            offset: 0,
            line_size: 0,
            exhausted: false,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn compression(&self) -> Compression {
        self.decoder.compression()
    }

    /// The bytes of the file that were taken so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.decoder.consumed()
    }

    /// Where the window begins in the decompressed stream.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The bytes at hand, at least `size` of them unless the stream ends before; `size` is at most [`BUFFER_SIZE`].
    #[inline]
    pub(super) fn window(&mut self, size: usize) -> Result<&[u8], TraceError> {
        if self.end - self.start < size {
            self.fill(size)?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Whether the window holds all that the stream still has.
    pub(super) fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// Moves the window's beginning on.
    #[inline]
    pub(super) fn consume(&mut self, size: usize) {
        debug_assert!(
            size <= self.end - self.start,
            "only what the window shows is consumed"
        );
        self.start += size;
        self.offset += size as u64;
    }

    /// The line that the window begins with, without its end; `None` at the end of the stream. The last line needs no end.
    /// [`end_line`](Self::end_line) moves on to the next.
    pub(super) fn line(&mut self) -> Result<Option<&[u8]>, TraceError> {
        let mut searched = 0;
        let size = loop {
            let window = &self.buffer[self.start..self.end];
            if let Some(found) = window[searched..].iter().position(|&b| b == b'\n') {
                self.line_size = searched + found + 1;
                break searched + found;
            }
            searched = window.len();
            if searched > LINE_SIZE_MAX {
                break searched;
            }
            if self.exhausted {
                if searched == 0 {
                    return Ok(None);
                }
                self.line_size = searched;
                break searched;
            }
            self.fill(searched + 1)?;
        };
        if size > LINE_SIZE_MAX {
            let what = format!("the line is longer than {} KiB", LINE_SIZE_MAX >> 10);
            return Err(self.refused(self.offset, what));
        }
        Ok(Some(&self.buffer[self.start..self.start + size]))
    }

    /// Consumes the line last found.
    pub(super) fn end_line(&mut self) {
        self.consume(self.line_size);
        self.line_size = 0;
    }

    #[cold]
    fn fill(&mut self, size: usize) -> Result<(), TraceError> {
        debug_assert!(size <= self.buffer.len(), "the window fits the buffer");
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        while self.end < size && !self.exhausted {
            match self.decoder.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.exhausted = true,
                Ok(read) => self.end += read,
                Err(fault) => return Err(self.failed(fault)),
            }
        }
        Ok(())
    }

    /// The place `offset` bytes into the decompressed stream.
    pub(super) fn place(&self, offset: u64) -> Place {
        match self.decoder.compression() {
            Compression::None => Place::File(offset),
            _ => Place::Decompressed(offset),
        }
    }

    pub(super) fn truncated(&self, offset: u64, what: impl Into<String>) -> TraceError {
        TraceError::Truncated {
            path: self.path.clone(),
            at: self.place(offset),
            what: what.into(),
        }
    }

    pub(super) fn corrupt(&self, offset: u64, what: impl Into<String>) -> TraceError {
        TraceError::Corrupt {
            path: self.path.clone(),
            at: self.place(offset),
            what: what.into(),
        }
    }

    pub(super) fn refused(&self, offset: u64, what: impl Into<String>) -> TraceError {
        TraceError::Refused {
            path: self.path.clone(),
            at: self.place(offset),
            what: what.into(),
        }
    }

    fn failed(&self, fault: Fault) -> TraceError {
        let path = self.path.clone();
        let at = Place::File(self.decoder.consumed());
        let refused = |path, what: &str| TraceError::Refused {
            path,
            at,
            what: what.to_owned(),
        };
        match fault {
            Fault::Read(source) => TraceError::Read { path, at, source },
            Fault::Truncated(what) => TraceError::Truncated {
                path,
                at,
                what: format!("the {what} data ends early"),
            },
            Fault::Corrupt(what) => TraceError::Corrupt { path, at, what },
            Fault::Greedy(what) => refused(path, what),
            Fault::Ratio(times) => refused(
                path,
                &format!(
                    "it unfolds to more than {times} times its size: raise --expansion-max if you trust it"
                ),
            ),
        }
    }
}

/// The number that the decimal digits spell; `None` for anything else, and past `u64::MAX`.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let value = digit.wrapping_sub(b'0');
        if value > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(value))
    })
}
