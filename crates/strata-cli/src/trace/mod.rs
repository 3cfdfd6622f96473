//! Request traces: readers and writers of the known formats, streaming, with bounds that hostile files run into.
//!
//! [`open`] gives an iterator of [`Request`]s. The compression (none, gzip, zstd, xz) is told by the file's first bytes, the
//! format by the file's name or content; [`OpenOptions`] overrules. Every error names the file and the byte. [`Writer`] writes
//! any of the formats, [`Encoder`] compresses, [`fill_next`] works out when each object is wanted next; [`generate`] makes
//! requests up, [`summary`] says what a trace is like.
//!
//! Bounds: a zstd window or xz dictionary of at most 128 MiB, xz blocks of at least 4 KiB on average, decompressed content of at
//! most 200 times the file past its first 64 MiB ([`OpenOptions::expansion_max`]), lines and CSV records of at most 64 KiB, and in
//! ARC traces at most 2^16 blocks a line.

mod arc;
mod csv;
mod decode;
mod encode;
mod error;
mod format;
pub mod generate;
mod keys;
mod lirs;
mod next_access;
mod oracle_general;
mod reader;
mod request;
mod stream;
pub mod summary;
mod writer;

pub use csv::{
    CsvColumns, CsvColumnsError, CsvHeader, CsvOptions, Delimiter, DelimiterError, TimeUnit,
};
pub use decode::Compression;
pub use encode::Encoder;
pub(crate) use error::OneLine;
pub use error::{Place, TraceError};
pub use format::{Columns, Format};
pub use keys::key_of;
pub use next_access::fill_next;
pub use reader::{OpenOptions, Reader, open};
pub use request::Request;
pub use writer::Writer;
