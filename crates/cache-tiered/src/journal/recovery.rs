//! What the frames of all segments leave: the records that are unsettled, in order.

use super::frame::{Frame, Kind, parse_ranges};
use super::ledger::{Ledger, Place};
use std::collections::BTreeMap;

/// What is to be done to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Put(Vec<u8>),
    Remove,
}

/// A record that was not settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Its place in the order of all appends.
    pub(crate) sequence: u64,
    pub(crate) stamp: u64,
    pub(crate) key: Vec<u8>,
    pub(crate) change: Change,
}

/// The end of a group that a crash tore, or, at offset 0, a header. Nothing there was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Torn {
    pub(crate) file: String,
    pub(crate) offset: u64,
}

/// What can not be read: reported if it was skipped by `salvage`, or if power failed under records
/// that were to survive the process alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) file: String,
    /// Where it begins; it goes on to the end of the file.
    pub(crate) offset: u64,
    pub(crate) reason: String,
}

/// What a journal held when it was opened.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    /// Every acknowledged record that was not settled and is not dead, in sequence order. Some that
    /// were never acknowledged, and some that were settled just before a crash, may be among them.
    pub(crate) records: Vec<Record>,
    /// Dead letters, to be read with `dead_letters`.
    pub(crate) dead: u64,
    /// The highest sequence that was ever given out, and the highest stamp that was acknowledged;
    /// 0 if there is none.
    pub(crate) sequence_high: u64,
    pub(crate) stamp_high: u64,
    pub(crate) torn: Option<Torn>,
    pub(crate) losses: Vec<Loss>,
}

/// Folds frames, which come in the order of the log.
#[derive(Default)]
pub(super) struct Fold {
    pub(super) ledger: Ledger,
    bodies: BTreeMap<u64, Record>,
    /// Why records are dead whose copies are still to come: the originals are given up.
    reasons: BTreeMap<u64, String>,
    pub(super) stamp_high: u64,
    /// Frames whose content no journal writes, although their checksums match.
    pub(super) strange: u64,
}

impl Fold {
    pub(super) fn visit(&mut self, place: Place, frame: Frame<'_>) {
        self.stamp_high = self.stamp_high.max(frame.stamp);
        let subject = frame.subject;
        match frame.kind {
            Kind::Put | Kind::Remove => self.record(place, frame),
            Kind::Settled => match parse_ranges(frame.value) {
                Some(ranges) => ranges.for_each(|range| self.settle(range)),
                None => self.strange += 1,
            },
            Kind::Dead => match std::str::from_utf8(frame.value) {
                Ok(reason) => {
                    if !self.ledger.bury(subject, reason) {
                        self.reasons.insert(subject, reason.to_owned());
                    }
                }
                Err(_) => self.strange += 1,
            },
            Kind::Revived => {
                self.reasons.remove(&subject);
                self.ledger.revive(subject);
            }
        }
    }

    fn record(&mut self, place: Place, frame: Frame<'_>) {
        let own = frame.subject == frame.sequence;
        if own == frame.is_copy() || frame.subject > frame.sequence {
            self.strange += 1;
            return;
        }
        self.ledger.place(frame.subject, place);
        if let Some(reason) = self.reasons.remove(&frame.subject) {
            self.ledger.bury(frame.subject, &reason);
        }
        let change = match frame.kind {
            Kind::Put => Change::Put(frame.value.to_vec()),
            _ => Change::Remove,
        };
        // The copy of a dead record says the same as the record, and leaves it dead.
        self.bodies.insert(
            frame.subject,
            Record {
                sequence: frame.subject,
                stamp: frame.stamp,
                key: frame.key.to_vec(),
                change,
            },
        );
    }

    fn settle(&mut self, (first, last): (u64, u64)) {
        let settled: Vec<u64> = self
            .bodies
            .range(first..=last)
            .map(|(&subject, _)| subject)
            .collect();
        for subject in settled {
            self.bodies.remove(&subject);
            self.ledger.settle(subject);
        }
        while let Some((&subject, _)) = self.reasons.range(first..=last).next() {
            self.reasons.remove(&subject);
        }
    }

    /// The records that are neither settled nor dead, in order.
    pub(super) fn take_records(&mut self) -> Vec<Record> {
        let bodies = std::mem::take(&mut self.bodies);
        let ledger = &self.ledger;
        bodies
            .into_values()
            .filter(|record| !ledger.is_dead(record.sequence))
            .collect()
    }
}
