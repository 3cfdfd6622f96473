//! What must hold of each record that a process told of.

use super::worker::{content, key_of, options};
use crate::device::system::while_none_starts;
use crate::journal::{Journal, Record};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Asked for, and no more is known.
    Asked,
    /// Acknowledged, not settled: alive or dead it is there.
    There,
    /// May come back, with all later ones of its key that were settled.
    Settled,
    /// It is not there.
    Refused,
}

/// The fates of all records, by their stamps, and what else was told.
#[derive(Clone, Debug, Default)]
pub(super) struct Fates {
    stamps: BTreeMap<u64, Fate>,
    /// Acknowledgements taken down.
    pub(super) acknowledged: u64,
    /// What went wrong, in the words of the process.
    pub(super) failures: Vec<String>,
    /// The process came to its end.
    pub(super) done: bool,
}

impl Fates {
    /// Takes down a line; true if it tells of an acknowledged record.
    pub(super) fn hear(&mut self, line: &str) -> bool {
        let mut words = line.split_whitespace();
        let what = words.next().unwrap_or_default();
        if matches!(what, "refused" | "unopened" | "unclosed") {
            self.failures.push(line.to_owned());
        }
        let what = match what {
            "refused" if words.next() == Some("appended") => what,
            "append" | "appended" | "settle" => what,
            "done" => {
                self.done = true;
                return false;
            }
            // Dead or not, a record is there; and what the test harness says.
            _ => return false,
        };
        let fate = match what {
            "append" => Fate::Asked,
            "appended" => Fate::There,
            "settle" => Fate::Settled,
            _ => Fate::Refused,
        };
        for stamp in words.map_while(|word| word.parse().ok()) {
            self.stamps.insert(stamp, fate);
        }
        self.acknowledged += u64::from(fate == Fate::There);
        fate == Fate::There
    }

    /// Takes down a line that was heard when the device was gone, or may have been. The system may call a write synced that
    /// was under way then, and no acknowledgement of a process without power is ever heard: so none of these counts.
    pub(super) fn hear_late(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let what = words.next().unwrap_or_default();
        for stamp in words.map_while(|word| word.parse().ok()) {
            match (what, self.stamps.get(&stamp)) {
                ("append", _) => self.stamps.insert(stamp, Fate::Asked),
                ("settle", Some(Fate::There)) => self.stamps.insert(stamp, Fate::Settled),
                _ => continue,
            };
        }
    }

    /// Takes down all that a process wrote.
    pub(super) fn hear_all(&mut self, output: &[u8]) {
        for line in String::from_utf8_lossy(output).lines() {
            self.hear(line);
        }
    }

    /// Whether a record was acknowledged, and not settled so far.
    pub(super) fn is_taken(&self, stamp: u64) -> bool {
        let fate = self.stamps.get(&stamp);
        matches!(fate, Some(Fate::There | Fate::Settled))
    }

    /// Opens the journal, compares, and discards its dead letters. `context` is told with what does
    /// not hold.
    pub(super) fn judge(&mut self, path: &Path, context: &str) {
        let opened = while_none_starts(|| Journal::open(path, options(path)));
        let (journal, recovery) = opened.unwrap_or_else(|error| panic!("{context}: {error}"));
        assert!(
            recovery.losses.is_empty(),
            "{context}: {:?}",
            recovery.losses
        );
        let ordered =
            |pair: &[Record]| pair[0].sequence < pair[1].sequence && pair[0].stamp < pair[1].stamp;
        let in_order = recovery.records.windows(2).all(ordered);
        assert!(in_order, "{context}: records out of order");
        let letters = journal.dead_letters(0, usize::MAX).unwrap();
        let dead = letters.iter().map(|letter| &letter.record);
        let mut found = BTreeSet::new();
        for record in recovery.records.iter().chain(dead) {
            let said = (record.key.clone(), record.change.clone());
            assert!(
                said == content(record.stamp),
                "{context}: other bytes in {record:?}"
            );
            assert!(
                found.insert(record.stamp),
                "{context}: {} twice",
                record.stamp
            );
            assert!(
                recovery.stamp_high >= record.stamp,
                "{context}: highest stamp"
            );
        }
        self.compare(&found, context);
        let discarded: Vec<u64> = letters
            .iter()
            .map(|letter| letter.record.sequence)
            .collect();
        journal.settle(&discarded);
        journal.close().unwrap();
        for letter in letters {
            self.stamps.insert(letter.record.stamp, Fate::Refused);
        }
    }

    fn compare(&mut self, found: &BTreeSet<u64>, context: &str) {
        for &stamp in found {
            assert!(
                self.stamps.contains_key(&stamp),
                "{context}: {stamp} was invented"
            );
        }
        for (&stamp, &fate) in &self.stamps {
            let there = found.contains(&stamp);
            match fate {
                Fate::There => assert!(there, "{context}: acknowledged {stamp} is missing"),
                Fate::Refused => assert!(!there, "{context}: refused {stamp} is there"),
                Fate::Settled if there => self.compare_later(stamp, found, context),
                Fate::Settled | Fate::Asked => {}
            }
        }
        for (stamp, fate) in &mut self.stamps {
            // What was seen to be there stays, what was not stays away.
            *fate = if found.contains(stamp) {
                Fate::There
            } else {
                Fate::Refused
            };
        }
    }

    /// No settled record comes back without the later ones of its key that were settled.
    fn compare_later(&self, stamp: u64, found: &BTreeSet<u64>, context: &str) {
        let later = self.stamps.range(stamp + 1..);
        for (other, _) in later.filter(|(_, fate)| **fate == Fate::Settled) {
            assert!(
                key_of(*other) != key_of(stamp) || found.contains(other),
                "{context}: {stamp} comes back over {other} of its key"
            );
        }
    }
}
