//! Compression of a trace that is written.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use flate2::write::GzEncoder;
use lzma_rust2::{XzOptions, XzWriter};
use zstd::stream::write::Encoder as ZstdEncoder;

use super::Compression;

/// The levels of each compression: what its own command line takes by default; of xz half of that, as the default takes three
/// times as long for a tenth less.
const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 3;
const XZ_PRESET: u32 = 3;

impl Compression {
    /// The compression that a file's name promises: `.gz`, `.zst` (or `.zstd`), `.xz`, else none.
    ///
    /// ```
    /// use strata_cli::trace::Compression;
    ///
    /// assert_eq!(Compression::of_name("a.csv.zst".as_ref()), Compression::Zstd);
    /// assert_eq!(Compression::of_name("a.csv".as_ref()), Compression::None);
    /// ```
    #[must_use]
    pub fn of_name(path: &Path) -> Self {
        let suffix = path.extension().map(|suffix| suffix.to_string_lossy());
        suffix
            .and_then(|suffix| Self::of_suffix(&suffix))
            .unwrap_or(Self::None)
    }
}

/// Compresses what is written to it; [`finish`](Self::finish) ends the stream, which dropping does not.
///
/// ```
/// use std::io::Write;
/// use strata_cli::trace::{Compression, Encoder, OpenOptions};
///
/// let mut encoder = Encoder::new(Vec::new(), Compression::Xz)?;
/// encoder.write_all(b"85\n560\n85\n")?;
/// let file = encoder.finish()?;
/// let reader = OpenOptions::new().read("example", Box::new(std::io::Cursor::new(file)))?;
/// assert_eq!((reader.compression(), reader.count()), (Compression::Xz, 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Encoder<W: Write>(Target<W>);

enum Target<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Zstd(ZstdEncoder<'static, W>),
    Xz(Box<XzWriter<W>>),
}

impl<W: Write> Encoder<W> {
    /// Compresses into `target` at a middling level, with a checksum.
    ///
    /// # Errors
    ///
    /// When the encoder cannot be set up: out of memory.
    pub fn new(target: W, compression: Compression) -> io::Result<Self> {
        Ok(Self(match compression {
            Compression::None => Target::Plain(target),
            Compression::Gzip => {
                let level = flate2::Compression::new(GZIP_LEVEL);
                Target::Gzip(GzEncoder::new(target, level))
            }
            Compression::Zstd => {
                let mut encoder = ZstdEncoder::new(target, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                Target::Zstd(encoder)
            }
            Compression::Xz => {
                let writer = XzWriter::new(target, XzOptions::with_preset(XZ_PRESET))?;
                Target::Xz(Box::new(writer))
            }
        }))
    }

    /// Ends the compressed stream and gives its target back.
    ///
    /// # Errors
    ///
    /// Those of the target.
    pub fn finish(self) -> io::Result<W> {
        let mut target = match self.0 {
            Target::Plain(target) => target,
            Target::Gzip(encoder) => encoder.finish()?,
            Target::Zstd(encoder) => encoder.finish()?,
            Target::Xz(encoder) => encoder.finish()?,
        };
        target.flush()?;
        Ok(target)
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Target::Plain(target) => target.write(bytes),
            Target::Gzip(encoder) => encoder.write(bytes),
            Target::Zstd(encoder) => encoder.write(bytes),
            Target::Xz(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Target::Plain(target) => target.flush(),
            Target::Gzip(encoder) => encoder.flush(),
            Target::Zstd(encoder) => encoder.flush(),
            Target::Xz(encoder) => encoder.flush(),
        }
    }
}

impl<W: Write> fmt::Debug for Encoder<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Encoder")
            .field(&match &self.0 {
                Target::Plain(_) => Compression::None,
                Target::Gzip(_) => Compression::Gzip,
                Target::Zstd(_) => Compression::Zstd,
                Target::Xz(_) => Compression::Xz,
            })
            .finish()
    }
}
