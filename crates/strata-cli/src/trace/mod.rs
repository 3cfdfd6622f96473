//! Request traces: readers of the known formats, streaming, with bounds that hostile files run into.
//!
//! [`open`] gives an iterator of [`Request`]s. The compression (none, gzip, zstd) is told by the file's first bytes, the
//! format by the file's name or content; [`OpenOptions`] overrules. Every error names the file and the byte.
//!
//! Bounds: a zstd window of at most 128 MiB, decompressed content of at most 200 times the file past its first 64 MiB
//! ([`OpenOptions::expansion_max`]), lines of at most 64 KiB, and in ARC traces at most 2^16 blocks a line.

mod arc;
mod decode;
mod error;
mod format;
pub mod generate;
mod lirs;
mod oracle_general;
mod reader;
mod request;
mod stream;

pub use decode::Compression;
pub use error::{Place, TraceError};
pub use format::Format;
pub use reader::{OpenOptions, Reader, open};
pub use request::Request;
