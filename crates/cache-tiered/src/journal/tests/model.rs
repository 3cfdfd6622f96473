//! Random appends, settles, deaths, faults and crashes against what a journal must remember.

use super::simulated::{Fault, Random, Simulated};
use crate::durability::Durability;
use crate::journal::{
    Append, AppendError, Change, Journal, JournalOptions, Record, Recovery, WhenFull,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
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

pub(super) struct Model {
    device: Simulated,
    options: JournalOptions,
    journal: Option<Journal>,
    fates: BTreeMap<u64, Fate>,
    sequences: BTreeMap<u64, u64>,
    next_stamp: u64,
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
        };
        model.open();
        model
    }

    fn journal(&self) -> &Journal {
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

    /// Settles a record and the older ones of its key.
    pub(super) fn settle(&mut self, choice: u64) {
        let unsettled = [Fate::Alive, Fate::Dead, Fate::AliveOrDead];
        let Some(newest) = self.pick(&unsettled, choice) else {
            return;
        };
        let key = key_of(newest);
        let mut stamps = self.stamps(&unsettled);
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
            self.device.powered_off()
        } else {
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

#[derive(Clone, Debug)]
enum Step {
    Append(u64),
    Settle(u64),
    SettleMost,
    Bury(u64),
    Revive(u64),
    Flush,
    Fault(u64, Fault),
    Heal,
    Close,
    Crash(bool),
    CrashIn(u64, bool),
    Open(u64, Fault, bool),
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![Just(Fault::Broken), Just(Fault::Full), Just(Fault::Short)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (1..8_u64).prop_map(Step::Append),
        12 => any::<u64>().prop_map(Step::Settle),
        2 => Just(Step::SettleMost),
        3 => any::<u64>().prop_map(Step::Bury),
        2 => any::<u64>().prop_map(Step::Revive),
        1 => Just(Step::Flush),
        4 => (0..6_u64, fault()).prop_map(|(after, fault)| Step::Fault(after, fault)),
        1 => Just(Step::Heal),
        1 => Just(Step::Close),
        2 => any::<bool>().prop_map(Step::Crash),
        2 => (0..12_u64, any::<bool>()).prop_map(|(after, power)| Step::CrashIn(after, power)),
        1 => (0..8_u64, fault(), any::<bool>())
            .prop_map(|(after, fault, power)| Step::Open(after, fault, power)),
    ]
}

fn run(seed: u64, durability: Durability, steps: &[Step]) {
    let mut model = Model::new(seed, options(durability));
    // What is acknowledged under Process need not survive a loss of power.
    let powers = durability == Durability::Power;
    for step in steps {
        match *step {
            Step::Append(count) => model.append(count),
            Step::Settle(choice) => model.settle(choice),
            Step::SettleMost => (0..200).for_each(|choice| model.settle(choice)),
            Step::Bury(choice) => model.bury(choice),
            Step::Revive(choice) => model.revive(choice),
            Step::Flush => {
                let _told = model.journal().flush().wait();
            }
            Step::Fault(after, fault) => model.device().fail(after, fault),
            Step::Heal => model.device().heal(),
            Step::Close => {
                model.close();
                model.device().heal();
                model.open();
            }
            Step::Crash(power) => {
                model.crash(power && powers);
                model.open();
            }
            Step::CrashIn(after, power) => {
                model.device().fail(after, Fault::Crash);
                model.append(6);
                model.settle(after);
                model.append(2);
                model.crash(power && powers);
                model.open();
            }
            Step::Open(after, fault, power) => {
                model.close();
                model.device().heal();
                model.open_with(after, fault, power && powers);
            }
        }
    }
    model.crash(powers);
    model.open();
}

/// Cases that a model test runs: `STRATA_CASES`, or `default`.
fn cases(default: u32) -> u32 {
    std::env::var("STRATA_CASES").map_or(default, |text| {
        text.parse().expect("STRATA_CASES is a number of cases")
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(400),
        rng_seed: RngSeed::Fixed(0x10_9a11),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn g4_no_acknowledged_unsettled_record_is_missing_after_kills_and_faults(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        run(seed, Durability::Process, &steps);
    }

    #[test]
    fn g4_no_acknowledged_unsettled_record_is_missing_after_losses_of_power(
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        run(seed, Durability::Power, &steps);
    }
}
