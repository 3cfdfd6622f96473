//! How large a journal may grow and what its acknowledgements are worth.

use super::error::OpenError;
use super::frame::FRAME_HEADER;
use super::header::{SEGMENT_BYTES_MAX, first_offset};
use crate::activity::Activity;
use crate::durability::Durability;
use crate::observe::Observer;

/// A block of the device: what one write may spoil around its own bytes.
const BLOCK: u64 = 4096;

/// Bytes of the reason of a dead letter that are kept.
pub(super) const REASON_MAX: usize = 512;

/// What an append meets when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenFull {
    /// It waits until records are settled. Appends keep their order. It is refused if none is left
    /// to be settled, as dead letters, or others on the device, have taken the room.
    Wait,
    /// It is refused at once.
    Refuse,
}

/// Settings of a journal.
#[derive(Clone, Debug)]
pub(crate) struct JournalOptions {
    /// Bytes of a segment file: 16 KiB to 1 GiB.
    pub(crate) segment_bytes: u64,
    /// Bytes of all segments, at least four of them. Records may fill all but two of these, and no
    /// more than three quarters of that with old ones among them; the two are for notes and copies.
    /// With `Power` each group takes whole blocks of 4 KiB. Each crash in the midst of copying may
    /// leave one segment more, until it is copied in turn.
    pub(crate) capacity_bytes: u64,
    /// What an acknowledged record survives. `Volatile` is taken for `Process`.
    pub(crate) durability: Durability,
    pub(crate) when_full: WhenFull,
    /// Bytes of records that wait for their group; an append beyond is refused even if it may wait.
    pub(crate) queue_bytes_max: usize,
    /// Bytes of records in one group, beyond which the rest goes to the next.
    pub(crate) group_bytes_max: u64,
    /// Dead letters at most.
    pub(crate) dead_letters_max: usize,
    /// Opens a damaged journal: what can be read is kept, what can not is reported, and the damaged
    /// files are moved aside.
    pub(crate) salvage: bool,
    /// Has what the journal's own thread does.
    pub(crate) activity: Activity,
    /// Hears of groups and syncs.
    pub(crate) observer: Observer,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 16 << 20,
            capacity_bytes: 512 << 20,
            durability: Durability::Process,
            when_full: WhenFull::Wait,
            queue_bytes_max: 64 << 20,
            group_bytes_max: 4 << 20,
            dead_letters_max: 10_000,
            salvage: false,
            activity: Activity::default(),
            observer: Observer::default(),
        }
    }
}

impl JournalOptions {
    pub(super) fn check(&self) -> Result<(), OpenError> {
        let refuse = |setting, value, range| {
            Err(OpenError::Setting {
                setting,
                value,
                range,
            })
        };
        if !(16 << 10..=SEGMENT_BYTES_MAX).contains(&self.segment_bytes)
            || !self.segment_bytes.is_multiple_of(BLOCK)
        {
            let range = "16 KiB to 1 GiB, in blocks of 4 KiB";
            return refuse("segment_bytes", self.segment_bytes, range);
        }
        if self.capacity_bytes / self.segment_bytes < 4 {
            return refuse(
                "capacity_bytes",
                self.capacity_bytes,
                "four segments or more",
            );
        }
        Ok(())
    }

    pub(super) const fn segments_max(&self) -> usize {
        (self.capacity_bytes / self.segment_bytes) as usize
    }

    pub(super) fn is_synced(&self) -> bool {
        self.durability == Durability::Power
    }

    /// Groups begin at multiples of it. Where groups are synced each has its own blocks, so that
    /// no later write, torn or failed, can spoil one that was acknowledged.
    pub(super) fn group_align(&self) -> u64 {
        if self.is_synced() { BLOCK } else { 8 }
    }

    /// Bytes of the frame of a record at most: with it goes the note that it is dead, if it is
    /// copied to another segment.
    pub(super) fn record_bytes_max(&self) -> u64 {
        self.usable_bytes() - (FRAME_HEADER + REASON_MAX) as u64
    }

    /// Bytes of a segment that frames may take.
    pub(super) fn usable_bytes(&self) -> u64 {
        self.segment_bytes - first_offset(self.group_align())
    }
}
