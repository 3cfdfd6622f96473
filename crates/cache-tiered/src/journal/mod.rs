//! The write-behind journal: what was acknowledged and is not applied yet, as opaque bytes.

mod checksum;
mod clean;
mod commit;
mod device;
#[cfg(unix)]
mod disk;
mod error;
mod frame;
mod header;
#[expect(
    clippy::module_inception,
    reason = "the handle, which the others stand under"
)]
mod journal;
mod ledger;
mod log;
mod names;
mod open;
mod options;
mod recovery;
mod scan;
mod seat;
mod stats;
mod work;

pub(crate) use commit::Append;
pub(crate) use device::{Device, DeviceFile};
pub(crate) use error::{AppendError, OpenError, ReadError};
pub(crate) use journal::{DeadLetter, Journal};
pub(crate) use options::{JournalOptions, WhenFull};
pub(crate) use recovery::{Change, Loss, Record, Recovery, Torn};
pub(crate) use stats::JournalStats;

#[cfg(test)]
mod tests;
