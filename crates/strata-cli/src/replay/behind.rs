//! What write-behind did in a replay, and how it is told.

use cache_tiered::{BehindStats, CloseReport};
use serde::Serialize;

use crate::table::grouped;
use crate::units;

/// What write-behind did while serving and closing.
///
/// `acknowledged_before + acknowledged_writes = coalesced + applied + left + dead letters`, the acknowledged writes being those of
/// the report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Behind {
    /// Writes of earlier runs that the journal still held when it was opened.
    pub acknowledged_before: u64,
    /// Writes that the store took.
    pub applied: u64,
    /// Writes that a later one of their key replaced before the store had them.
    pub coalesced: u64,
    /// Calls of the store that took these.
    pub batches: u64,
    /// Calls of the store that failed.
    pub failures: u64,
    /// The most keys that were acknowledged and not yet applied at a time.
    pub dirty_peak: u64,
    /// Writes that met no room, and waited.
    pub waited: u64,
    /// Keys left in the journal by closing: the store did not take them in time.
    pub left: u64,
    /// Writes that the store refused for good; they stay in the journal and readable.
    pub dead_letters: u64,
    /// Bytes written to the journal.
    pub journal_bytes: u64,
    /// Groups of records that were written to it.
    pub journal_commits: u64,
    /// Records in them.
    pub journal_records: u64,
    /// Syncs that it asked of the disk.
    pub journal_syncs: u64,
    /// Bytes of its files after closing.
    pub journal_file_bytes: u64,
}

impl Behind {
    /// Of a cache that was closed.
    pub(super) fn of(stats: &BehindStats, closed: CloseReport) -> Self {
        Self {
            acknowledged_before: stats.recovered,
            applied: stats.applied,
            coalesced: stats.coalesced,
            batches: stats.batches,
            failures: stats.failures,
            dirty_peak: stats.dirty_keys_peak,
            waited: stats.backpressure,
            left: closed.left as u64,
            dead_letters: closed.dead as u64,
            journal_bytes: stats.journal_bytes,
            journal_commits: stats.journal_commits,
            journal_records: stats.journal_records,
            journal_syncs: stats.journal_syncs,
            journal_file_bytes: stats.journal_file_bytes,
        }
    }

    /// Names, figures and notes, for the table and the page.
    pub(super) fn figures(&self, acknowledged: u64) -> Vec<(&'static str, String, String)> {
        let size = |count: u64| units::Bytes::new(count).to_string();
        let mut acknowledged = format!("of {} acknowledged ones", grouped(acknowledged));
        if self.acknowledged_before > 0 {
            let before = grouped(self.acknowledged_before);
            acknowledged += &format!(", and {before} that the journal held before");
        }
        let records = if self.journal_commits == 0 {
            String::new()
        } else {
            let each = self.journal_records as f64 / self.journal_commits as f64;
            format!(
                "{each:.1} records each, syncs: {}",
                grouped(self.journal_syncs)
            )
        };
        let mut dirty = "keys acknowledged and not yet applied, at most".to_owned();
        if self.waited > 0 {
            dirty += &format!("; {} writes waited for room", grouped(self.waited));
        }
        let mut batches = "calls of the store".to_owned();
        if self.batches > 0 {
            let each = self.applied as f64 / self.batches as f64;
            batches += &format!(", {each:.1} writes each");
        }
        if self.failures > 0 {
            batches += &format!("; {} more failed", grouped(self.failures));
        }
        vec![
            ("writes applied", grouped(self.applied), acknowledged),
            (
                "writes coalesced",
                grouped(self.coalesced),
                "replaced by a later one of their key before the store had them".to_owned(),
            ),
            ("store batches", grouped(self.batches), batches),
            ("dirty peak", grouped(self.dirty_peak), dirty),
            (
                "journal",
                size(self.journal_bytes),
                format!(
                    "written; files of {} after closing",
                    size(self.journal_file_bytes)
                ),
            ),
            ("journal commits", grouped(self.journal_commits), records),
            (
                "left in the journal",
                grouped(self.left),
                "keys that closing could not bring to the store".to_owned(),
            ),
            (
                "dead letters",
                grouped(self.dead_letters),
                "refused by the store for good, readable still".to_owned(),
            ),
        ]
    }

    /// The columns of the CSV form.
    pub(super) fn columns(this: Option<&Self>) -> Vec<(&'static str, String)> {
        let figure =
            |of: fn(&Self) -> u64| this.map(|this| of(this).to_string()).unwrap_or_default();
        vec![
            ("behind_applied", figure(|this| this.applied)),
            ("behind_coalesced", figure(|this| this.coalesced)),
            ("behind_batches", figure(|this| this.batches)),
            ("behind_dirty_peak", figure(|this| this.dirty_peak)),
            ("behind_left", figure(|this| this.left)),
            ("behind_dead_letters", figure(|this| this.dead_letters)),
            ("journal_bytes", figure(|this| this.journal_bytes)),
            ("journal_commits", figure(|this| this.journal_commits)),
            ("journal_syncs", figure(|this| this.journal_syncs)),
        ]
    }
}
