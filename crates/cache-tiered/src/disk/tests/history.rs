//! A tier, what its keys are, and what can happen to both.

use super::{Begun, Disk, Entry, Floors, ManualClock, Options, Simulated, Tag};
use super::{KEYS, WALL, find, key_of, open_at, open_under, tag_of, tags, value_of};
use crate::compress::Method;
use crate::device::simulated::{Fault, Random};
use crate::memory::Clock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Of so many keys one has values that do not live for ever; and milliseconds that they live at most.
const MORTAL: u64 = 5;
const LIFE: u64 = 4_000;

/// What a key is: the stamp of the change that gave it its value, or that removed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Truth {
    pub(super) stamp: u64,
    pub(super) present: bool,
    /// When its life ends by the system's time; 0 for never.
    pub(super) expiry: u64,
}

impl Truth {
    /// G1 and G2: what is read at this time of the system is the value of the last change, and not past its life, or
    /// nothing. True if it is the value.
    pub(super) fn judge(self, disk: &Disk, key: u64, wall: u64, context: &str) -> bool {
        let Some(found) = find(disk, key) else {
            return false;
        };
        let Self {
            stamp,
            present,
            expiry,
        } = self;
        assert!(present, "{context}: key {key} was removed by {stamp}");
        assert_eq!(found.stamp, stamp, "{context}: key {key}");
        assert!(found.taken == value_of(key, stamp), "{context}: key {key}");
        let left = (expiry != 0).then(|| expiry.saturating_sub(wall));
        assert_eq!(found.left, left, "{context}: the life of key {key}");
        assert!(left != Some(0), "{context}: key {key} has outlived itself");
        true
    }
}

/// What all keys are.
pub(super) type Truths = BTreeMap<u64, Truth>;

/// Looks at all keys of an open tier; how many answer.
pub(super) fn judge_all(disk: &Disk, truths: &Truths, wall: u64, context: &str) -> u64 {
    let answers = |key: &u64| {
        let truth = truths.get(key).copied().unwrap_or_default();
        truth.judge(disk, *key, wall, context)
    };
    (0..KEYS).filter(answers).count() as u64
}

/// A tier, and what its keys are.
pub(super) struct History {
    pub(super) device: Simulated,
    pub(super) options: Options,
    pub(super) disk: Disk,
    floors: Arc<Floors>,
    clock: ManualClock,
    /// The system's time when the tier was opened, and the clock's then.
    opened: (u64, u64),
    pub(super) truths: Truths,
    pub(super) random: Random,
    pub(super) hits: u64,
    pub(super) reopened: u64,
    pub(super) kept: u64,
    /// Entries that moved when their region was reclaimed, in the lives that have ended.
    pub(super) reinserted: u64,
    /// Changes and openings that ended with an error.
    pub(super) refused: u64,
    context: String,
}

impl History {
    pub(super) fn new(seed: u64, options: Options) -> Self {
        Self::over(Simulated::new(seed), seed, options)
    }

    /// Makes a tier on a device that may fail once.
    pub(super) fn over(device: Simulated, seed: u64, options: Options) -> Self {
        let (floors, clock) = (Arc::default(), ManualClock::new());
        let opened = open_under(&device, &options, Arc::clone(&floors), &clock, WALL);
        let refused = u64::from(opened.is_err());
        let (disk, begun) = opened
            .or_else(|_| open_under(&device, &options, Arc::clone(&floors), &clock, WALL))
            .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert!(begun == Begun::New || refused > 0, "{begun:?}");
        Self {
            device,
            options,
            disk,
            floors,
            opened: (WALL, clock.now()),
            clock,
            truths: BTreeMap::new(),
            random: Random(seed),
            hits: 0,
            reopened: 0,
            kept: 0,
            reinserted: 0,
            refused,
            context: format!("seed {seed}"),
        }
    }

    /// Says what is told with what does not hold.
    pub(super) fn called(self, context: String) -> Self {
        Self { context, ..self }
    }

    /// The system's time.
    pub(super) fn wall(&self) -> u64 {
        let (wall, then) = self.opened;
        wall.saturating_add(self.clock.now() - then)
    }

    pub(super) fn truth(&self, key: u64) -> Truth {
        self.truths.get(&key).copied().unwrap_or_default()
    }

    pub(super) fn read(&mut self, key: u64) {
        let found = self
            .truth(key)
            .judge(&self.disk, key, self.wall(), &self.context);
        self.hits += u64::from(found);
    }

    pub(super) fn read_all(&mut self) -> u64 {
        let hits = judge_all(&self.disk, &self.truths, self.wall(), &self.context);
        self.hits += hits;
        hits
    }

    /// A change; it is not made if the tier can not tell a restart of it.
    pub(super) fn change(&mut self, key: u64, present: bool) {
        let hash = self.disk.hash(&key_of(key));
        let stamp = self.disk.next_stamp();
        let begun = self.disk.begin_mutation(key, hash, stamp);
        self.refused += u64::from(begun.is_err());
        if begun.is_ok() && !self.device.is_dead() {
            let expiry = if key.is_multiple_of(MORTAL) {
                self.wall().saturating_add(1 + stamp * 37 % LIFE)
            } else {
                0
            };
            let truth = Truth {
                stamp,
                present,
                expiry,
            };
            self.truths.insert(key, truth);
        }
        self.disk.end_mutation(key);
    }

    /// Everything with a tag is invalidated, or everything. It is not known to be if the tier can not tell a restart of it.
    pub(super) fn invalidate(&mut self, tag: Option<&Tag>) {
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
        self.refused += u64::from(raised.is_err());
        if raised.is_err() || self.device.is_dead() {
            return;
        }
        let of_it = |key: &u64| tag.is_none_or(|tag| tag_of(*key) == *tag);
        let truths = self.truths.iter_mut().filter(|(key, _)| of_it(key));
        truths.for_each(|(_, truth)| {
            *truth = Truth {
                stamp,
                present: false,
                expiry: 0,
            }
        });
    }

    /// The value leaves memory. `meanwhile` happens before it comes to the disk.
    pub(super) fn demote(&mut self, key: u64, meanwhile: impl FnOnce(&mut Self)) {
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
            expiry: truth.expiry,
        };
        self.disk.store(key, hash, &entry, mark);
    }

    /// Time goes by.
    pub(super) fn pass(&mut self, milliseconds: u64) {
        self.clock.advance(Duration::from_millis(milliseconds));
    }

    /// Some steps, or fewer if the process ends.
    pub(super) fn steps(&mut self, most: u64) {
        for _ in 0..self.random.below(most) {
            if self.device.is_dead() {
                return;
            }
            self.step();
        }
    }

    pub(super) fn step(&mut self) {
        let key = self.random.below(KEYS);
        match self.random.below(100) {
            0..29 => self.read(key),
            29 => self.pass(key * 8),
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

    /// Opens what is there by now, and reads it. Opening may itself be cut short.
    pub(super) fn reopen(&mut self, next: Simulated) {
        self.reopen_at(next, self.wall());
    }

    /// The same at another time of the system.
    pub(super) fn reopen_at(&mut self, mut next: Simulated, wall: u64) {
        if self.random.below(3) == 0 {
            next.fail(self.random.below(12), Fault::Crash);
            drop(open_at(&next, &self.options, wall));
            next = next.killed();
        }
        self.restart(next, wall);
    }

    /// Opens what is there by now on a device that may fail once, and reads it.
    pub(super) fn restart(&mut self, next: Simulated, wall: u64) {
        let before = self.disk.index.len() as u64;
        self.device = next;
        self.floors = Arc::default();
        let opened = self.open(wall).or_else(|_| {
            self.refused += 1;
            self.device = self.device.restarted();
            self.open(wall)
        });
        let (disk, begun) = opened.unwrap_or_else(|error| panic!("{}: {error}", self.context));
        assert!(begun != Begun::New || self.refused > 0, "{}", self.context);
        self.reinserted += self.disk.counts.reinserted.get();
        self.disk = disk;
        self.opened = (wall, self.clock.now());
        if before > 0 {
            self.reopened += 1;
            self.kept += u64::from(self.disk.index.len() > 0);
        }
        self.read_all();
    }

    fn open(&self, wall: u64) -> Result<(Disk, Begun), super::OpenError> {
        let floors = Arc::clone(&self.floors);
        open_under(&self.device, &self.options, floors, &self.clock, wall)
    }
}
