//! Snapshots: the entries of a cache in a file, the hottest first, so that another process starts warm.
//!
//! ```text
//!   cache --eviction order, backwards--> blocks --> temporary file --sync--> rename --> sync of the folder
//!   file --> header, blocks, each checked --> as many entries as fit --> inserted, the coldest first  (`MemoryCache`)
//!                                         \-> all keys --> loaded anew, the hottest first           (`Tiered`)
//! ```
//!
//! `format` has the bytes (`docs/snapshot-format.md` says them in words), `writer` and `reader` the files. What an entry
//! is, beside its bytes and the rest of its life, is the caller's.

mod error;
mod format;
#[cfg(fuzzing)]
pub mod fuzzing;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use self::error::SnapshotError;
pub(crate) use self::format::{Entry, Kind, milliseconds_of};
pub(crate) use self::reader::SnapshotReader;
pub(crate) use self::writer::SnapshotWriter;
