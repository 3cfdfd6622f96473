//! The write-behind journal: what was acknowledged and is not applied yet, as opaque bytes.
//!
//! ```text
//!   append --> queue --> a leader: one write, one sync --> acknowledged --> settled, or dead
//!                              |                                               |
//!              segment, segment, ..., open segment      the oldest is given up, its file used again
//! ```
//!
//! The user appends records (a stamp, a key, a value or a removal), hears that they are durable,
//! applies them to its store, and settles them. What was not settled is given back at the next
//! opening, in order. `docs/journal-format.md` has the format, to the byte.
//!
//! # What is promised
//!
//! * An acknowledged record that is neither settled nor dead is given back at every opening: after
//!   `kill -9` with [`Durability::Process`](crate::Durability::Process), after a loss of power with
//!   `Power`. Records come in the order of their appends. At least once: what was settled just
//!   before a crash may come back, never an older record of a key without the newer ones that were
//!   settled too, if the user settles the older ones first.
//! * A refused append is not there after a restart. One whose outcome is unknown may be.
//! * A dead record stays, across restarts, until it is revived or settled.
//! * Files take no more bytes than the capacity, but for one segment for each crash in the midst of
//!   copying, until it is copied in turn, and two after failures to begin one. Queue, groups, reasons
//!   and dead letters have caps.
//! * No bytes make it panic, or allocate more than the files hold.
//!
//! Checksums find damage. They are no authentication: who may write the files may forge records.
//!
//! # Power fails under `Process`
//!
//! Records were written and not synced, so any of them may be missing. Each header names the run of
//! the machine that wrote it: if that was another one, the journal opens with what is left up to
//! the first gap, and reports the rest as lost. A gap under the same run is damage.
//!
//! # What a failed sync leaves
//!
//! Linux marks pages clean that it failed to write: the next sync succeeds, and says nothing of
//! them. So the group's appends are told "unknown", the segment is sealed where the group begins,
//! and the next segment's header makes void what lies behind. Nothing of the segments before has to
//! be copied: under `Power` each group has blocks of its own, so a failed write touches none that
//! holds acknowledged bytes, and those were synced with success. The file is never synced again by
//! this process. The next one, which reads the page cache and can not know what is behind it, writes
//! header, last group and end of the newest segment anew before it relies on them.
//!
//! # How others do it
//!
//! | question | others | here |
//! |---|---|---|
//! | stale bytes behind the tail | LevelDB and fjall never reuse a file; okaywal expects ids at least the file's; RocksDB stores the log's number in each record, PostgreSQL the page's address | files are used again (no allocation in the way of a sync), and the checksum is masked with journal, segment, use and offset |
//! | where a log ends | RocksDB: "a heuristic", it can not tell a torn tail from damage there; fjall drops an unfinished last batch | the next header says where a segment ends; in the last one, a frame of a later group behind the tail proves damage |
//! | damage | LevelDB skips to the next block; RocksDB has four modes, one of which drops all behind it | an error that names file and byte; `salvage` keeps what can be read, reports the rest and moves the file aside |
//! | a failed sync | PostgreSQL panics and replays; sled and fjall poison the database | unknown, sealed, and on with another file |
//! | group commit | LevelDB and RocksDB: the first writer leads; okaywal: whoever syncs does it for all before, and leaves the others waiting if it fails | the first one leads for one helping, and tells all how it ended |
//! | a slow consumer | RocksDB flushes the tables that pin the oldest log | stragglers are copied forward, as a log-structured file system cleans |
//!
//! # The files
//!
//! `frame` and `header` are the bytes; `survey` sorts the files, `scan` reads a segment,
//! `recovery` folds frames into records, `open` puts them together; `log` writes, `begin` begins and
//! gives up segments, `clean` makes room; `work` turns jobs into groups, `commit` and `seat` are
//! group commit; `ledger` knows what is unsettled.

mod begin;
mod clean;
mod commit;
mod error;
mod frame;
#[cfg(fuzzing)]
pub mod fuzzing;
mod header;
#[expect(
    clippy::module_inception,
    reason = "the handle, which the others stand under"
)]
mod journal;
mod ledger;
mod log;
mod mutant;
mod names;
mod open;
mod options;
mod recovery;
mod scan;
mod seat;
mod stats;
mod survey;
mod sync;
mod torn;
mod work;

pub(crate) use commit::Append;
pub(crate) use error::{AppendError, OpenError, ReadError};
#[cfg(all(test, not(cache_tiered_loom)))]
pub(crate) use journal::DeadLetter;
pub(crate) use journal::Journal;
pub(crate) use options::{JournalOptions, WhenFull};
pub(crate) use recovery::{Change, Record, Recovery};
#[cfg(all(test, not(cache_tiered_loom)))]
pub(crate) use recovery::{Loss, Torn};
pub(crate) use stats::JournalStats;

#[cfg(test)]
mod tests;
