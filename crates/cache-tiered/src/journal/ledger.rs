//! Which records are unsettled, where they lie, and how much of that each segment holds.

use std::collections::{BTreeMap, BTreeSet};

/// Where a frame lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The segment.
    pub(super) number: u64,
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

/// An unsettled record.
#[derive(Debug)]
struct Entry {
    place: Place,
    /// Why it is dead, if it is.
    reason: Option<Box<str>>,
}

/// What a segment holds of unsettled records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) records: u64,
    pub(super) bytes: u64,
}

/// All unsettled records by their sequences, dead ones included. A look-up costs O(log n).
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: BTreeMap<u64, Entry>,
    dead: BTreeSet<u64>,
    /// Of segments that hold any. Its sums are those of `entries`.
    loads: BTreeMap<u64, Load>,
    bytes: u64,
}

impl Ledger {
    /// Notes where a record lies now, whether it is new or was copied.
    pub(super) fn place(&mut self, subject: u64, place: Place) {
        if let Some(entry) = self.entries.get_mut(&subject) {
            let old = std::mem::replace(&mut entry.place, place);
            self.unload(old);
        } else {
            let reason = None;
            self.entries.insert(subject, Entry { place, reason });
        }
        let load = self.loads.entry(place.number).or_default();
        load.records += 1;
        load.bytes += place.bytes;
        self.bytes += place.bytes;
    }

    fn unload(&mut self, place: Place) {
        let load = self.loads.get_mut(&place.number).expect("loaded before");
        load.records -= 1;
        load.bytes -= place.bytes;
        self.bytes -= place.bytes;
        if load.records == 0 {
            self.loads.remove(&place.number);
        }
    }

    /// Forgets a record; false if it was not there.
    pub(super) fn settle(&mut self, subject: u64) -> bool {
        let Some(entry) = self.entries.remove(&subject) else {
            return false;
        };
        self.dead.remove(&subject);
        self.unload(entry.place);
        true
    }

    /// Notes that a record is dead; false if it is not there.
    pub(super) fn bury(&mut self, subject: u64, reason: &str) -> bool {
        let Some(entry) = self.entries.get_mut(&subject) else {
            return false;
        };
        entry.reason = Some(reason.into());
        self.dead.insert(subject);
        true
    }

    /// Notes that a record is dead no more; false if it was not.
    pub(super) fn revive(&mut self, subject: u64) -> bool {
        if let Some(entry) = self.entries.get_mut(&subject) {
            entry.reason = None;
        }
        self.dead.remove(&subject)
    }

    pub(super) fn contains(&self, subject: u64) -> bool {
        self.entries.contains_key(&subject)
    }

    pub(super) fn is_dead(&self, subject: u64) -> bool {
        self.dead.contains(&subject)
    }

    /// Where a record lies, and why it is dead if it is.
    pub(super) fn find(&self, subject: u64) -> Option<(Place, Option<&str>)> {
        let entry = self.entries.get(&subject)?;
        Some((entry.place, entry.reason.as_deref()))
    }

    /// Dead records beyond sequence `after`, in order.
    pub(super) fn dead_after(&self, after: u64) -> impl Iterator<Item = u64> + '_ {
        let beyond = after.checked_add(1);
        beyond
            .into_iter()
            .flat_map(|first| self.dead.range(first..))
            .copied()
    }

    /// The records of a segment, in order. Cost: O(n) of all.
    pub(super) fn in_segment(&self, number: u64) -> Vec<u64> {
        if !self.loads.contains_key(&number) {
            return Vec::new();
        }
        let within = self.entries.iter();
        let within = within.filter(|(_, entry)| entry.place.number == number);
        within.map(|(&subject, _)| subject).collect()
    }

    pub(super) fn load(&self, number: u64) -> Load {
        self.loads.get(&number).copied().unwrap_or_default()
    }

    /// Bytes of the largest frame of an unsettled record; 0 if there is none. Cost: O(n).
    pub(super) fn largest(&self) -> u64 {
        let bytes = self.entries.values().map(|entry| entry.place.bytes);
        bytes.max().unwrap_or(0)
    }

    /// Bytes of the frames of all unsettled records.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn dead_len(&self) -> usize {
        self.dead.len()
    }

    /// All sequences, in order.
    pub(super) fn subjects(&self) -> impl Iterator<Item = u64> + '_ {
        self.entries.keys().copied()
    }

    /// Ranges that cover those of `subjects`, which must be sorted, that are here, and no other
    /// record that is here.
    pub(super) fn ranges(&self, subjects: &[u64]) -> Vec<(u64, u64)> {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for &subject in subjects.iter().filter(|&&subject| self.contains(subject)) {
            match ranges.last_mut() {
                // What lies between is settled already, or never was a record.
                Some((_, last)) if self.entries.range(*last + 1..subject).next().is_none() => {
                    *last = subject;
                }
                _ => ranges.push((subject, subject)),
            }
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u64, offset: u64) -> Place {
        Place {
            number,
            offset,
            bytes: 10,
        }
    }

    #[test]
    fn loads_follow_records_from_segment_to_segment() {
        let mut ledger = Ledger::default();
        ledger.place(1, at(1, 0));
        ledger.place(2, at(1, 10));
        ledger.place(1, at(2, 0));
        let one = Load {
            records: 1,
            bytes: 10,
        };
        assert_eq!((ledger.load(1), ledger.load(2)), (one, one));
        assert_eq!(ledger.in_segment(2), [1]);
        assert!(ledger.settle(2) && !ledger.settle(2));
        assert_eq!((ledger.load(1), ledger.bytes()), (Load::default(), 10));
    }

    #[test]
    fn ranges_cover_no_record_that_is_not_settled() {
        let mut ledger = Ledger::default();
        for subject in [1, 2, 5, 7, 8] {
            ledger.place(subject, at(1, subject * 10));
        }
        assert_eq!(ledger.ranges(&[1, 2, 3, 5, 8]), [(1, 5), (8, 8)]);
    }
}
