//! What a journal must remember, kept beside the journal on a device that fails.

use crate::device::simulated::{Fault, Random, Simulated};
use crate::durability::Durability;
use crate::journal::{
    Append, AppendError, Change, Journal, JournalOptions, Record, Recovery, WhenFull,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const KEYS: u64 = 6;

pub(super) fn options(durability: Durability) -> JournalOptions {
    JournalOptions {
        segment_bytes: 16 << 10,
        capacity_bytes: 6 * (16 << 10),
        durability,
        when_full: WhenFull::Refuse,
        ..JournalOptions::default()
    }
}

/// What a record with this stamp says: stamps are never used twice.
fn content(stamp: u64) -> (Vec<u8>, Change) {
    let mut random = Random(stamp);
    let key = format!("key {}", random.below(KEYS)).into_bytes();
    let bytes = match random.below(8) {
        0 => return (key, Change::Remove),
        1 => random.below(6_000),
        _ => random.below(200),
    };
    let value = (0..bytes).map(|_| random.next() as u8).collect();
    (key, Change::Put(value))
}

fn key_of(stamp: u64) -> Vec<u8> {
    content(stamp).0
}

/// What must hold of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Acknowledged: given back at every opening.
    Alive,
    /// Acknowledged dead: listed.
    Dead,
    /// Whether it is dead was left unknown.
    AliveOrDead,
    /// Settled: may come back, with all later ones of its key that were settled.
    Settled,
    /// Its outcome was unknown.
    Unknown,
    /// Refused, or seen to be gone: never again.
    Gone,
}

/// Fates of records that the user still has to apply.
const UNSETTLED: [Fate; 3] = [Fate::Alive, Fate::Dead, Fate::AliveOrDead];

/// A journal, its device, and what is known of each record by its stamp.
pub(super) struct Model {
    device: Simulated,
    options: JournalOptions,
    journal: Option<Journal>,
    fates: BTreeMap<u64, Fate>,
    sequences: BTreeMap<u64, u64>,
    next_stamp: u64,
    /// How often the process was killed, and how often the power was lost.
    pub(super) kills: u64,
    pub(super) losses: u64,
}

impl Model {
    pub(super) fn new(seed: u64, options: JournalOptions) -> Self {
        let mut model = Self {
            device: Simulated::new(seed),
            options,
            journal: None,
            fates: BTreeMap::new(),
            sequences: BTreeMap::new(),
            next_stamp: 1,
            kills: 0,
            losses: 0,
        };
        model.open();
        model
    }

    pub(super) fn journal(&self) -> &Journal {
        self.journal.as_ref().expect("open")
    }

    pub(super) fn device(&self) -> &Simulated {
        &self.device
    }

    /// Appends records at once and takes what is told of each.
    pub(super) fn append(&mut self, count: u64) {
        let stamps: Vec<u64> = (self.next_stamp..self.next_stamp + count).collect();
        self.next_stamp += count;
        let handles: Vec<Append> = stamps
            .iter()
            .map(|&stamp| {
                let (key, change) = content(stamp);
                self.journal().append(stamp, key, change).unwrap()
            })
            .collect();
        for (stamp, handle) in stamps.into_iter().zip(handles) {
            let fate = match handle.wait() {
                Ok(sequence) => {
                    let last = self.sequences.values().max().copied();
                    assert!(
                        last < Some(sequence),
                        "order kept: {sequence} after {last:?}"
                    );
                    self.sequences.insert(stamp, sequence);
                    Fate::Alive
                }
                Err(AppendError::Unknown(_)) => Fate::Unknown,
                Err(error) => {
                    assert!(error.is_without_effect());
                    Fate::Gone
                }
            };
            self.fates.insert(stamp, fate);
        }
    }

    /// Settles everything, then appends some records, which must succeed.
    pub(super) fn takes_records(&mut self) {
        (0..400).for_each(|choice| self.settle(choice));
        let first = self.next_stamp;
        self.append(3);
        let new = self.fates.range(first..);
        assert_eq!(new.filter(|(_, fate)| **fate == Fate::Alive).count(), 3);
    }

    pub(super) fn failures(&self) -> u64 {
        self.journal().stats().failures
    }

    fn stamps(&self, fates: &[Fate]) -> Vec<u64> {
        let chosen = self.fates.iter().filter(|(_, fate)| fates.contains(fate));
        chosen.map(|(&stamp, _)| stamp).collect()
    }

    fn pick(&self, fates: &[Fate], choice: u64) -> Option<u64> {
        let stamps = self.stamps(fates);
        let index = choice.checked_rem(stamps.len() as u64)?;
        Some(stamps[index as usize])
    }

    /// Settles a record and the older ones of its key, as if the store had it.
    pub(super) fn settle(&mut self, choice: u64) {
        if let Some(newest) = self.pick(&UNSETTLED, choice) {
            self.settle_up_to(newest, &key_of(newest));
        }
    }

    /// Appends a record that supersedes the older ones of its key.
    pub(super) fn coalesce(&mut self) {
        let newest = self.next_stamp;
        self.append(1);
        if self.fates[&newest] == Fate::Alive {
            self.settle_up_to(newest - 1, &key_of(newest));
        }
    }

    fn settle_up_to(&mut self, newest: u64, key: &[u8]) {
        let mut stamps = self.stamps(&UNSETTLED);
        stamps.retain(|&stamp| stamp <= newest && key_of(stamp) == key);
        let sequences: Vec<u64> = stamps.iter().map(|stamp| self.sequences[stamp]).collect();
        self.journal().settle(&sequences);
        for stamp in stamps {
            self.fates.insert(stamp, Fate::Settled);
        }
    }

    pub(super) fn bury(&mut self, choice: u64) {
        let Some(stamp) = self.pick(&[Fate::Alive], choice) else {
            return;
        };
        let outcome = self
            .journal()
            .bury(self.sequences[&stamp], "it is refused")
            .wait();
        let fate = match outcome {
            Ok(_) => Fate::Dead,
            Err(AppendError::Unknown(_)) => Fate::AliveOrDead,
            Err(_) => Fate::Alive,
        };
        self.fates.insert(stamp, fate);
    }

    pub(super) fn revive(&mut self, choice: u64) {
        let Some(stamp) = self.pick(&[Fate::Dead], choice) else {
            return;
        };
        let fate = match self.journal().revive(self.sequences[&stamp]).wait() {
            Ok(_) => Fate::Alive,
            Err(AppendError::Unknown(_)) => Fate::AliveOrDead,
            Err(_) => Fate::Dead,
        };
        self.fates.insert(stamp, fate);
    }

    pub(super) fn close(&mut self) {
        // A device that fails may refuse even this: then it is as after a crash.
        let _closed = self.journal().close();
        self.journal = None;
    }

    pub(super) fn crash(&mut self, power: bool) {
        let device = if power {
            self.losses += 1;
            self.device.powered_off()
        } else {
            self.kills += 1;
            self.device.killed()
        };
        self.device = device;
        self.journal = None;
    }

    /// Opens the journal, which must succeed, and checks what it gives back.
    pub(super) fn open(&mut self) {
        let device = Arc::new(self.device.clone());
        let (journal, recovery) = Journal::open_on(device, self.options.clone()).unwrap();
        self.journal = Some(journal);
        self.check(&recovery);
    }

    /// Opens with a fault on the way; then without.
    pub(super) fn open_with(&mut self, after: u64, fault: Fault, power: bool) {
        self.device.fail(after, fault);
        let device = Arc::new(self.device.clone());
        let opened = Journal::open_on(device, self.options.clone());
        drop(opened);
        self.crash(power);
        self.open();
    }

    fn check(&mut self, recovery: &Recovery) {
        assert!(recovery.losses.is_empty(), "{:?}", recovery.losses);
        let letters = self.journal().dead_letters(0, usize::MAX).unwrap();
        let dead: BTreeSet<u64> = letters.iter().map(|letter| letter.record.stamp).collect();
        assert_eq!(recovery.dead, letters.len() as u64);
        assert!(
            letters
                .iter()
                .all(|letter| letter.reason == "it is refused")
        );
        let mut sequence = 0;
        let mut stamp = 0;
        for record in &recovery.records {
            assert!(
                record.sequence > sequence && record.stamp > stamp,
                "order kept"
            );
            (sequence, stamp) = (record.sequence, record.stamp);
            assert!(!dead.contains(&stamp), "alive and dead");
        }
        let alive: BTreeSet<u64> = recovery.records.iter().map(|record| record.stamp).collect();
        let all = recovery.records.iter();
        for record in all.chain(letters.iter().map(|letter| &letter.record)) {
            self.check_one(record);
        }
        for (&stamp, &fate) in &self.fates {
            let (lives, died) = (alive.contains(&stamp), dead.contains(&stamp));
            match fate {
                Fate::Alive => assert!(lives, "acknowledged unsettled record {stamp} is missing"),
                Fate::Dead => assert!(died, "dead letter {stamp} is missing"),
                Fate::AliveOrDead => assert!(lives || died, "record {stamp} is missing"),
                Fate::Settled if lives || died => self.check_later(stamp, &alive, &dead),
                Fate::Settled | Fate::Unknown => {}
                Fate::Gone => assert!(!lives && !died, "record {stamp} was invented"),
            }
        }
        let highest = recovery.records.iter().map(|record| record.sequence).max();
        assert!(Some(recovery.sequence_high) >= highest);
        assert!(
            self.sequences
                .values()
                .all(|&sequence| sequence <= recovery.sequence_high)
        );
        let acknowledged = self.sequences.keys().max();
        assert!(
            Some(&recovery.stamp_high) >= acknowledged,
            "the highest stamp is known"
        );
        for stamp in self.fates.keys().copied().collect::<Vec<_>>() {
            let fate = match (alive.contains(&stamp), dead.contains(&stamp)) {
                (true, _) => Fate::Alive,
                (_, true) => Fate::Dead,
                _ => Fate::Gone,
            };
            self.fates.insert(stamp, fate);
        }
    }

    /// A record is one that was appended, as it was appended.
    fn check_one(&mut self, record: &Record) {
        assert!(
            self.fates.contains_key(&record.stamp),
            "nothing invented: {record:?}"
        );
        let (key, change) = content(record.stamp);
        assert!(
            record.key == key && record.change == change,
            "as it was appended"
        );
        let told = self.sequences.insert(record.stamp, record.sequence);
        assert!(
            told.is_none_or(|told| told == record.sequence),
            "the sequence is kept"
        );
    }

    /// No settled record comes back without the later ones of its key.
    fn check_later(&self, stamp: u64, alive: &BTreeSet<u64>, dead: &BTreeSet<u64>) {
        let key = key_of(stamp);
        let settled = self.fates.range(stamp + 1..);
        for (later, _) in settled.filter(|(_, fate)| **fate == Fate::Settled) {
            assert!(
                key_of(*later) != key || alive.contains(later) || dead.contains(later),
                "{stamp} comes back over {later} of its key"
            );
        }
    }
}
