//! Opens a trace and reads its requests one by one or in blocks.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Request;
use super::arc::{self, Run};
use super::csv::{self, CsvColumns, CsvOptions};
use super::decode::{Compression, Decoder};
use super::error::TraceError;
use super::format::{Columns, Format};
use super::stream::Stream;
use super::{keys, lirs, oracle_general};

/// Opens the trace `path`: format told by name or content, compression by content.
///
/// # Errors
///
/// See [`OpenOptions::open`].
pub fn open(path: impl AsRef<Path>) -> Result<Reader, TraceError> {
    OpenOptions::new().open(path)
}

/// How to open a trace.
///
/// ```no_run
/// use strata_cli::trace::{Format, OpenOptions};
///
/// let reader = OpenOptions::new().format(Format::Lirs).open("2_pools.trace.gz")?;
/// # Ok::<(), strata_cli::trace::TraceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions {
    format: Option<Format>,
    csv: CsvOptions,
    expansion_max: u64,
}

impl OpenOptions {
    /// The compressed bytes a trace may unfold to at most, as a multiple of the file's, unless told otherwise.
    pub const EXPANSION_MAX: u64 = 200;

    /// Format told by name or content, expansion at most [`EXPANSION_MAX`](Self::EXPANSION_MAX).
    #[must_use]
    pub fn new() -> Self {
        Self {
            format: None,
            csv: CsvOptions::default(),
            expansion_max: Self::EXPANSION_MAX,
        }
    }

    /// Reads the trace as `format`, whatever its name and content say.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// How the trace is laid out if it is CSV; which it is taken for if columns are named and its own name tells no format.
    #[must_use]
    pub fn csv(mut self, options: CsvOptions) -> Self {
        self.csv = options;
        self
    }

    /// How many times larger than the file its decompressed content may be, checked all along the way; the first 64 MiB are
    /// free.
    #[must_use]
    pub fn expansion_max(mut self, times: u64) -> Self {
        self.expansion_max = times;
        self
    }

    /// Opens the trace `path`.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened or read, is a directory, is compressed with something unknown, is cut off or corrupt at
    /// its very beginning, or its format is told neither here nor by name or content.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Reader, TraceError> {
        let path = path.as_ref();
        let failed = |source| TraceError::Open {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(TraceError::Directory {
                path: path.to_owned(),
            });
        }
        let size = metadata.is_file().then_some(metadata.len());
        self.open_source(path, Box::new(file), size)
    }

    /// Reads a trace from any source, such as standard input; `name` stands for it in errors, and tells the format as a
    /// file's name does.
    ///
    /// ```
    /// use strata_cli::trace::OpenOptions;
    ///
    /// let reader = OpenOptions::new().read("standard input", Box::new(&b"85\n560\n"[..]))?;
    /// assert_eq!(reader.count(), 2);
    /// # Ok::<(), strata_cli::trace::TraceError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn read(
        &self,
        name: impl AsRef<Path>,
        source: Box<dyn Read + Send>,
    ) -> Result<Reader, TraceError> {
        self.open_source(name.as_ref(), source, None)
    }

    fn open_source(
        &self,
        path: &Path,
        source: Box<dyn Read + Send>,
        file_size: Option<u64>,
    ) -> Result<Reader, TraceError> {
        let decoder = Decoder::new(source, self.expansion_max)
            .map_err(|source| TraceError::Open {
                path: path.to_owned(),
                source,
            })?
            .map_err(|compression| TraceError::UnknownCompression {
                path: path.to_owned(),
                compression,
            })?;
        let mut stream = Stream::new(path, decoder);
        let columns_are_named = self.csv.columns.is_some();
        let told = self
            .format
            .or_else(|| Format::of_name(path))
            .or(columns_are_named.then_some(Format::Csv));
        let format = match told {
            Some(format) => format,
            None => format_of_content(&mut stream)?,
        };
        let records = match format {
            Format::OracleGeneral => Records::OracleGeneral,
            Format::Arc => Records::Arc(Run::default()),
            Format::Lirs => Records::Lirs,
            Format::Csv => match csv::Records::new(&mut stream, &self.csv)? {
                Some(records) => Records::Csv(Box::new(records)),
                None => return Err(empty(&stream)),
            },
            Format::Keys => Records::Keys,
        };
        Ok(Reader {
            stream,
            records,
            format,
            file_size,
            requests: 0,
            ended: false,
        })
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// The bytes at the beginning of a trace that its format is told by.
const HEAD_SIZE: usize = 4096;

fn format_of_content(stream: &mut Stream) -> Result<Format, TraceError> {
    stream.window(HEAD_SIZE)?;
    let whole = stream.is_exhausted();
    let head = stream.window(0)?;
    let (is_empty, format) = (head.is_empty(), Format::of_content(head, whole));
    match format {
        Some(format) => Ok(format),
        None if is_empty => Err(empty(stream)),
        None => Err(TraceError::UnknownFormat {
            path: PathBuf::from(stream.path()),
        }),
    }
}

/// The error of a trace that ended here without a request.
fn empty(stream: &Stream) -> TraceError {
    TraceError::Empty {
        path: stream.path().to_owned(),
        at: stream.place(stream.offset()),
    }
}

/// The requests of a trace, in order: an iterator that ends after the first error. Memory does not grow with the trace.
///
/// ```
/// use std::io::Write;
/// use strata_cli::trace;
///
/// let mut file = tempfile::Builder::new().suffix(".lis").tempfile()?;
/// writeln!(file, "10 2 0 0\n7 1 0 1")?;
/// let keys: Result<Vec<u64>, _> = trace::open(file.path())?.map(|request| Ok(request?.key)).collect();
/// assert_eq!(keys.map_err(|error: trace::TraceError| error)?, [10, 11, 7]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Reader {
    stream: Stream,
    records: Records,
    format: Format,
    file_size: Option<u64>,
    requests: u64,
    ended: bool,
}

enum Records {
    OracleGeneral,
    Arc(Run),
    Lirs,
    Csv(Box<csv::Records>),
    Keys,
}

impl Reader {
    /// The file, as it was named.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.stream.path()
    }

    /// The format the trace is read as.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// What the requests hold beside their keys; what is not held is a time of 0, a size of 1, a next position of `None`.
    #[must_use]
    pub fn columns(&self) -> Columns {
        match &self.records {
            Records::Csv(records) => records.columns(),
            _ => self.format.columns(),
        }
    }

    /// Which columns of a CSV trace are read, by the names of its header or by numbers; `None` for other formats.
    #[must_use]
    pub fn csv_columns(&self) -> Option<&CsvColumns> {
        match &self.records {
            Records::Csv(records) => Some(records.named()),
            _ => None,
        }
    }

    /// How the file is compressed.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.stream.compression()
    }

    /// The bytes of the file; `None` for a pipe or a device.
    #[must_use]
    pub fn file_size(&self) -> Option<u64> {
        self.file_size
    }

    /// The bytes of the file that were taken so far, in units of blocks.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.stream.bytes_read()
    }

    /// The requests given out so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Appends the next requests to `block`, at most `count`; fewer, and at least one, are no sign of the end, which is 0.
    /// Cheaper than the iterator where requests are handed on in blocks.
    ///
    /// # Errors
    ///
    /// [`TraceError`] where the trace cannot be read on; the requests before it are in `block`. Every later call returns 0.
    pub fn read_block(
        &mut self,
        count: usize,
        block: &mut Vec<Request>,
    ) -> Result<usize, TraceError> {
        if self.ended || count == 0 {
            return Ok(0);
        }
        let before = block.len();
        let result = match &mut self.records {
            Records::OracleGeneral => oracle_general::append(&mut self.stream, count, block),
            Records::Arc(run) => append(count, block, || arc::next(&mut self.stream, run)),
            Records::Lirs => append(count, block, || lirs::next(&mut self.stream)),
            Records::Csv(records) => append(count, block, || records.next(&mut self.stream)),
            Records::Keys => append(count, block, || keys::next(&mut self.stream)),
        };
        let read = block.len() - before;
        self.requests += read as u64;
        match result {
            Ok(()) if read > 0 => Ok(read),
            Ok(()) => self.end().map(|()| 0),
            Err(error) => {
                self.ended = true;
                Err(error)
            }
        }
    }

    /// Ends the trace: an error if it held no request at all.
    fn end(&mut self) -> Result<(), TraceError> {
        self.ended = true;
        if self.requests > 0 {
            return Ok(());
        }
        Err(empty(&self.stream))
    }
}

fn append(
    count: usize,
    block: &mut Vec<Request>,
    mut next: impl FnMut() -> Result<Option<Request>, TraceError>,
) -> Result<(), TraceError> {
    for _ in 0..count {
        match next()? {
            Some(request) => block.push(request),
            None => break,
        }
    }
    Ok(())
}

impl Iterator for Reader {
    type Item = Result<Request, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let result = match &mut self.records {
            Records::OracleGeneral => oracle_general::next(&mut self.stream),
            Records::Arc(run) => arc::next(&mut self.stream, run),
            Records::Lirs => lirs::next(&mut self.stream),
            Records::Csv(records) => records.next(&mut self.stream),
            Records::Keys => keys::next(&mut self.stream),
        };
        match result {
            Ok(Some(request)) => {
                self.requests += 1;
                Some(Ok(request))
            }
            Ok(None) => self.end().err().map(Err),
            Err(error) => {
                self.ended = true;
                Some(Err(error))
            }
        }
    }
}

impl std::iter::FusedIterator for Reader {}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("path", &self.stream.path())
            .field("format", &self.format)
            .field("compression", &self.stream.compression())
            .field("requests", &self.requests)
            .finish_non_exhaustive()
    }
}
