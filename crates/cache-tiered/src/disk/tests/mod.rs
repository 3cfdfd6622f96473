//! Random histories on a device that forgets: what is read is what was last written, or nothing.

mod damage;
mod golden;

use super::error::OpenError;
use super::open::Begun;
use super::{Disk, Entry, Found, Options, Surroundings, tags};
use crate::ManualClock;
use crate::compress::Method;
use crate::device::simulated::{Fault, Random, Simulated};
use crate::floors::Floors;
use crate::tag::Tag;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

const KEYS: u64 = 40;
const TAGS: u64 = 4;

fn options(durable: bool) -> Options {
    Options {
        capacity: 6 * (16 << 10),
        region_bytes: Some(16 << 10),
        codec: 1,
        durable,
        batch_bytes: 2 << 10,
        buffer_bytes: 12 << 10,
        fence_file_bytes: 704,
        ..Options::DEFAULT
    }
}

fn open_with(device: &Simulated, options: &Options) -> Result<(Disk, Begun), OpenError> {
    open_under(device, options, Arc::default())
}

/// A tier under floors that the test raises.
fn open_under(
    device: &Simulated,
    options: &Options,
    floors: Arc<Floors>,
) -> Result<(Disk, Begun), OpenError> {
    let surroundings = Surroundings {
        stamp: Arc::new(AtomicU64::new(0)),
        floors,
        clock: Arc::new(ManualClock::new()),
        wall: 1_000_000,
    };
    Disk::open(Box::new(device.clone()), options, surroundings)
}

fn key_of(key: u64) -> Vec<u8> {
    format!("key {key}").into_bytes()
}

/// The tag of a key.
fn tag_of(key: u64) -> Tag {
    Tag::new(format!("tag {}", key % TAGS))
}

/// A value that no other key, and no other change of this one, has.
fn value_of(key: u64, stamp: u64) -> Vec<u8> {
    let mut value = format!("{key} since {stamp} ").into_bytes();
    let bytes = value.len() as u64 + (key * 97 + stamp * 31) % 900;
    value.resize(bytes as usize, b'.');
    value
}

/// The value of a key.
fn find(disk: &Disk, key: u64) -> Option<Found<Vec<u8>>> {
    let bytes = key_of(key);
    disk.read(disk.hash(&bytes), &bytes, |_, parts| {
        Some(parts.value.to_vec())
    })
}

/// What a key is: the stamp of the change that gave it its value, or that removed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Truth {
    stamp: u64,
    present: bool,
}

/// A tier, and what its keys are.
struct History {
    device: Simulated,
    options: Options,
    disk: Disk,
    floors: Arc<Floors>,
    truths: BTreeMap<u64, Truth>,
    random: Random,
    hits: u64,
    reopened: u64,
    kept: u64,
}

impl History {
    fn new(seed: u64, durable: bool) -> Self {
        Self::over(Simulated::new(seed), seed, options(durable))
    }

    fn over(device: Simulated, seed: u64, options: Options) -> Self {
        let floors = Arc::default();
        let (disk, begun) = open_under(&device, &options, Arc::clone(&floors)).unwrap();
        assert_eq!(begun, Begun::New);
        Self {
            device,
            options,
            disk,
            floors,
            truths: BTreeMap::new(),
            random: Random(seed),
            hits: 0,
            reopened: 0,
            kept: 0,
        }
    }

    fn truth(&self, key: u64) -> Truth {
        self.truths.get(&key).copied().unwrap_or_default()
    }

    /// G1 and G2: what is read is the value of the last change, or nothing.
    fn read(&mut self, key: u64) {
        let Some(found) = find(&self.disk, key) else {
            return;
        };
        let truth = self.truth(key);
        assert!(truth.present, "key {key} was removed by {}", truth.stamp);
        assert_eq!(found.stamp, truth.stamp, "key {key}");
        assert!(found.taken == value_of(key, truth.stamp), "key {key}");
        self.hits += 1;
    }

    /// A change; it is not made if the tier can not tell a restart of it.
    fn change(&mut self, key: u64, present: bool) {
        let hash = self.disk.hash(&key_of(key));
        let stamp = self.disk.next_stamp();
        let begun = self.disk.begin_mutation(key, hash, stamp);
        if begun.is_ok() && !self.device.is_dead() {
            self.truths.insert(key, Truth { stamp, present });
        }
        self.disk.end_mutation(key);
    }

    /// Everything with a tag is invalidated, or everything. It is not known to be if the tier can not tell a restart of it.
    fn invalidate(&mut self, tag: Option<&Tag>) {
        let stamp = self.disk.next_stamp();
        let raised = match tag {
            Some(tag) => {
                self.floors.raise(tag, stamp);
                self.disk.raise_tag(tag, stamp)
            }
            None => {
                self.floors.raise_all(stamp);
                self.disk.raise_all(stamp)
            }
        };
        if raised.is_err() || self.device.is_dead() {
            return;
        }
        let of_it = |key: &u64| tag.is_none_or(|tag| tag_of(*key) == *tag);
        let truths = self.truths.iter_mut().filter(|(key, _)| of_it(key));
        truths.for_each(|(_, truth)| {
            *truth = Truth {
                stamp,
                present: false,
            }
        });
    }

    /// The value leaves memory. `meanwhile` happens before it comes to the disk.
    fn demote(&mut self, key: u64, meanwhile: impl FnOnce(&mut Self)) {
        let truth = self.truth(key);
        if !truth.present {
            return;
        }
        let (bytes, value) = (key_of(key), value_of(key, truth.stamp));
        let tags = tags::encode(&[tag_of(key)]).unwrap();
        let hash = self.disk.hash(&bytes);
        let mark = self.disk.mark(key);
        meanwhile(self);
        let entry = Entry {
            key: &bytes,
            tags: &tags,
            value: &value,
            method: Method::None,
            plain_bytes: value.len(),
            stamp: truth.stamp,
            expiry: 0,
        };
        self.disk.store(key, hash, &entry, mark);
    }

    /// Some steps, or fewer if the process ends.
    fn steps(&mut self, most: u64) {
        for _ in 0..self.random.below(most) {
            if self.device.is_dead() {
                return;
            }
            self.step();
        }
    }

    fn step(&mut self) {
        let key = self.random.below(KEYS);
        match self.random.below(100) {
            0..30 => self.read(key),
            30..55 => self.demote(key, |_| {}),
            55..60 => self.demote(key, |history| history.change(key, true)),
            60..63 => self.demote(key, |history| {
                history.change(key, true);
                history.demote(key, |_| {});
            }),
            63..74 => self.change(key, true),
            74..78 => self.change(key, false),
            78 if key < 8 => self.demote(key, |history| history.invalidate(Some(&tag_of(key)))),
            79 if key < 4 => self.invalidate(Some(&tag_of(key))),
            80 if key == 0 => self.invalidate(None),
            80..97 => drop(self.disk.work()),
            _ => self.disk.flush(),
        }
    }

    fn reopen(&mut self, next: Simulated) {
        let before = self.disk.index.len() as u64;
        self.device = next;
        // Opening may itself be cut short.
        if self.random.below(3) == 0 {
            self.device.fail(self.random.below(12), Fault::Crash);
            if let Ok((disk, _)) = open_with(&self.device, &self.options) {
                drop(disk);
            }
            self.device = self.device.killed();
        }
        self.floors = Arc::default();
        let floors = Arc::clone(&self.floors);
        let (disk, begun) = open_under(&self.device, &self.options, floors).unwrap();
        assert!(!matches!(begun, Begun::New));
        self.disk = disk;
        if before > 0 {
            self.reopened += 1;
            self.kept += u64::from(self.disk.index.len() > 0);
        }
        for key in 0..KEYS {
            self.read(key);
        }
    }
}

/// Histories of each kind.
const CASES: u64 = 300;

fn cases() -> u64 {
    let cases = std::env::var("STRATA_CASES").ok();
    cases.map_or(CASES, |cases| cases.parse().unwrap())
}

#[test]
fn g2_nothing_comes_back_after_kills() {
    let (mut hits, mut reopened, mut kept) = (0, 0, 0);
    for seed in 0..cases() {
        let mut history = History::new(seed, seed % 2 == 0);
        for _ in 0..6 {
            if history.random.below(2) == 0 {
                let call = history.random.below(80);
                history.device.fail(call, Fault::Crash);
            }
            history.steps(200);
            let next = history.device.killed();
            history.reopen(next);
        }
        hits += history.hits;
        reopened += history.reopened;
        kept += history.kept;
    }
    assert!(kept * 4 > reopened * 3, "{kept} of {reopened} opened warm");
    assert!(hits > cases() * 40, "{hits} hits");
}

#[test]
fn g2_nothing_comes_back_after_losses_of_power() {
    let mut hits = 0;
    for seed in 0..cases() {
        let mut history = History::new(seed, seed % 3 != 0);
        for _ in 0..6 {
            history.steps(200);
            let next = history.device.powered_off();
            history.reopen(next);
        }
        hits += history.hits;
    }
    assert!(hits > cases() * 20, "{hits} hits");
}

#[test]
fn g2_nothing_comes_back_after_errors_of_the_device() {
    for seed in 0..cases() {
        let mut history = History::new(seed, seed % 2 == 0);
        for _ in 0..6 {
            for _ in 0..history.random.below(4) {
                let call = history.random.below(150);
                let faults = [Fault::Broken, Fault::Full, Fault::Short];
                let fault = faults[history.random.below(3) as usize];
                history.device.fail(call, fault);
                let read = history.random.below(60);
                history.device.fail_read(read);
            }
            history.steps(200);
            let next = history.device.killed();
            history.reopen(next);
        }
    }
}

#[test]
fn a_closed_tier_opens_with_everything_and_after_a_loss_of_power_too() {
    for seed in 0..cases() / 10 {
        let mut history = History::new(seed, seed % 2 == 0);
        for _ in 0..300 {
            history.step();
        }
        // What was invalidated is dropped when it is met.
        let answers = (0..KEYS).filter(|&key| find(&history.disk, key).is_some());
        let entries = answers.count();
        assert_eq!(history.disk.index.len(), entries);
        history.disk.close().unwrap();
        assert!(entries > 0);
        let device = history.device.powered_off();
        let (disk, begun) = open_with(&device, &history.options).unwrap();
        assert_eq!((begun, disk.index.len()), (Begun::Warm, entries));
        history.disk = disk;
        let before = history.hits;
        for key in 0..KEYS {
            history.read(key);
        }
        assert_eq!(history.hits - before, entries as u64);
    }
}

#[test]
fn a_restart_goes_on_with_the_files_that_there_are() {
    for durable in [false, true] {
        let mut history = History::new(7, durable);
        for key in 0..4 {
            history.change(key, true);
            history.demote(key, |_| {});
        }
        history.disk.flush();
        let names = history.device.names();
        for _ in 0..20 {
            let device = history.device.killed();
            history.disk = open_with(&device, &history.options).unwrap().0;
            history.device = device;
            assert_eq!(history.device.names(), names);
        }
        // What is noted then, and the power is lost, is still behind what there was.
        history.change(1, false);
        history.disk.close().unwrap();
        let device = history.device.powered_off();
        history.disk = open_with(&device, &history.options).unwrap().0;
        (0..4).for_each(|key| history.read(key));
        assert_eq!(history.hits, 3);
    }
}
