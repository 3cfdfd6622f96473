//! Decompression of a trace file, told by its first bytes, with bounds on what it may unfold to.

use std::fmt;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::mem;

use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;
use zstd::stream::read::Decoder as ZstdDecoder;

/// How a trace file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, one member or several.
    Gzip,
    /// zstd, one frame or several.
    Zstd,
    /// xz, one stream or several.
    Xz,
}

impl Compression {
    /// Its name: `none`, `gzip`, `zstd`, `xz`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
        }
    }

    /// The compression that the last part of a file's name promises: `gz`, `zst` or `zstd`, `xz`, in any case.
    pub(super) fn of_suffix(suffix: &str) -> Option<Self> {
        match suffix.to_ascii_lowercase().as_str() {
            "gz" => Some(Self::Gzip),
            "zst" | "zstd" => Some(Self::Zstd),
            "xz" => Some(Self::Xz),
            _ => None,
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The largest zstd window: 128 MiB, what `zstd --ultra -22` and `--long` ask for. A frame that wants more is refused, as
/// it would make the decoder allocate up to 4 GiB.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// The memory that an xz decoder may take, in KiB: a dictionary of 128 MiB, twice that of `xz -9`, and 1 MiB beside it.
/// The format allows for 4 GiB.
const XZ_MEMORY_KIB_MAX: u32 = (128 << 10) + (1 << 10);

/// The bytes of an xz block, on average, past the first [`XZ_BLOCKS_FREE`]. For each block the decoder clears a whole
/// dictionary: a megabyte of blocks of one byte each would keep it busy for minutes.
const XZ_BLOCK_SIZE_MIN: u64 = 4 << 10;

const XZ_BLOCKS_FREE: u64 = 256;

/// The bytes at the beginning of a file that tell its compression.
const HEAD_SIZE: usize = 8;

/// The bytes taken from the file at a time.
const FILE_BLOCK_SIZE: usize = 128 << 10;

/// What keeps decompression from going on.
pub(super) enum Fault {
    /// The system failed to read the file.
    Read(io::Error),
    /// The compressed data ends early.
    Truncated(Compression),
    /// The compressed data is bad.
    Corrupt(String),
    /// The data asks for more memory or work than it may; the text says how.
    Greedy(&'static str),
    /// The data unfolds to more than this many times its size.
    Ratio(u64),
}

/// The decompressed content of a file.
pub(super) struct Decoder {
    source: Source,
    compression: Compression,
    produced: u64,
    /// Reads that gave less than was asked for: in xz, the ends of blocks and chunks.
    short_reads: u64,
    ratio_max: u64,
}

enum Source {
    Plain(Counted),
    /// One member of the file, the others following in the same decoder.
    Gzip(Box<GzDecoder<Counted>>),
    Zstd(ZstdDecoder<'static, Counted>),
    Xz(Box<XzReader<Counted>>),
}

/// Output below this is never refused for its ratio: it costs nothing, and small repetitive traces pack very well.
const RATIO_FLOOR: u64 = 64 << 20;

impl Decoder {
    /// Looks at the file's first bytes. The inner error names a compression that is known but not read.
    pub(super) fn new(
        mut file: Box<dyn Read + Send>,
        ratio_max: u64,
    ) -> io::Result<Result<Self, &'static str>> {
        // Not left to the buffer's first filling: a pipe may give less than a magic number at a time.
        let mut head = Vec::with_capacity(HEAD_SIZE);
        file.by_ref()
            .take(HEAD_SIZE as u64)
            .read_to_end(&mut head)?;
        let compression = match head[..] {
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            // Method deflate, and the reserved flags clear, as the format wants them.
            [0x1f, 0x8b, 0x08, 0x00..=0x1f, ..] => Compression::Gzip,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
            [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', ..] => return Ok(Err("bzip2")),
            [b'P', b'K', 3, 4, ..] => return Ok(Err("zip")),
            _ => Compression::None,
        };
        let file = Counted {
            file: BufReader::with_capacity(FILE_BLOCK_SIZE, Cursor::new(head).chain(file)),
            consumed: 0,
            failed: false,
        };
        let source = match compression {
            Compression::None => Source::Plain(file),
            Compression::Gzip => Source::Gzip(Box::new(GzDecoder::new(file))),
            Compression::Zstd => {
                let mut decoder = ZstdDecoder::with_buffer(file)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Source::Zstd(decoder)
            }
            Compression::Xz => Source::Xz(Box::new(XzReader::new_mem_limit(
                file,
                true,
                XZ_MEMORY_KIB_MAX,
            ))),
        };
        Ok(Ok(Self {
            source,
            compression,
            produced: 0,
            short_reads: 0,
            ratio_max,
        }))
    }

    pub(super) fn compression(&self) -> Compression {
        self.compression
    }

    /// The bytes of the file that were taken so far.
    pub(super) fn consumed(&self) -> u64 {
        self.file().consumed
    }

    fn file(&self) -> &Counted {
        match &self.source {
            Source::Plain(file) => file,
            Source::Gzip(decoder) => decoder.get_ref(),
            Source::Zstd(decoder) => decoder.get_ref(),
            Source::Xz(decoder) => decoder.inner(),
        }
    }

    /// Reads some bytes; 0 at the end of the content, and only there.
    pub(super) fn read(&mut self, target: &mut [u8]) -> Result<usize, Fault> {
        let result = match &mut self.source {
            Source::Plain(file) => file.read(target),
            Source::Gzip(decoder) => read_members(decoder, target),
            Source::Zstd(decoder) => decoder.read(target),
            Source::Xz(decoder) => decoder.read(target),
        };
        let read = result.map_err(|error| self.fault(error))?;
        self.produced += read as u64;
        self.short_reads += u64::from(read > 0 && read < target.len());
        if self.compression == Compression::Xz
            && self.short_reads > XZ_BLOCKS_FREE + self.produced / XZ_BLOCK_SIZE_MIN
        {
            return Err(Fault::Greedy(
                "its xz blocks are of a few bytes: compress it again in larger ones",
            ));
        }
        let bound = RATIO_FLOOR.max(self.consumed().saturating_mul(self.ratio_max));
        if self.compression != Compression::None && self.produced > bound {
            return Err(Fault::Ratio(self.ratio_max));
        }
        Ok(read)
    }

    fn fault(&self, error: io::Error) -> Fault {
        if self.file().failed {
            return Fault::Read(error);
        }
        let truncated = error.kind() == io::ErrorKind::UnexpectedEof;
        let memory = match &self.source {
            Source::Zstd(_) if error.to_string().contains("too much memory") => {
                Some("the zstd frame wants a window of more than 128 MiB")
            }
            Source::Xz(_) if error.kind() == io::ErrorKind::OutOfMemory => {
                Some("the xz block wants a dictionary of more than 128 MiB")
            }
            _ => None,
        };
        match (self.compression, memory) {
            (_, Some(what)) => Fault::Greedy(what),
            (Compression::None, _) => Fault::Read(error),
            (Compression::Gzip, _) if error.get_ref().is_some_and(|e| e.is::<NoMember>()) => {
                Fault::Corrupt(error.to_string())
            }
            (compression, _) if truncated => Fault::Truncated(compression),
            (compression, _) => Fault::Corrupt(format!("bad {compression} data ({error})")),
        }
    }
}

/// What follows the end of a gzip member is neither the end of the file nor another member.
#[derive(Debug, thiserror::Error)]
#[error("bytes after the gzip data that are no further member")]
struct NoMember;

/// Reads some bytes of a member or, where it ends, of the one behind it; 0 at the end of the file.
fn read_members(decoder: &mut GzDecoder<Counted>, target: &mut [u8]) -> io::Result<usize> {
    loop {
        let read = decoder.read(target)?;
        if read > 0 || target.is_empty() {
            return Ok(read);
        }
        // The decoder itself would take bytes that are too few for a header for one that is cut off.
        match decoder.get_mut().fill_buf()? {
            [] => return Ok(0),
            [0x1f] | [0x1f, 0x8b, ..] => {}
            _ => return Err(io::Error::new(io::ErrorKind::InvalidData, NoMember)),
        }
        let file = mem::replace(decoder.get_mut(), Counted::empty());
        decoder.reset(file);
    }
}

/// The first bytes, which were looked at, and the others.
type Whole = Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>>;

/// The file, its bytes counted as they are taken, and its own failures told apart from the decoders'.
struct Counted {
    file: BufReader<Whole>,
    consumed: u64,
    failed: bool,
}

impl Counted {
    /// What stands in for a file while it changes its place.
    fn empty() -> Self {
        let nothing: Box<dyn Read + Send> = Box::new(io::empty());
        Self {
            file: BufReader::with_capacity(0, Cursor::new(Vec::new()).chain(nothing)),
            consumed: 0,
            failed: false,
        }
    }
}

impl Read for Counted {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(target)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // Interrupted reads are tried again here, so that no decoder has to go on from the middle of a block.
        loop {
            match self.file.fill_buf() {
                Ok(_) => return Ok(self.file.buffer()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = true;
                    return Err(error);
                }
            }
        }
    }

    fn consume(&mut self, amount: usize) {
        self.file.consume(amount);
        self.consumed += amount as u64;
    }
}
