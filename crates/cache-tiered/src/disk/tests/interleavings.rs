//! A mutation, values on their way from memory to the disk, and the worker, in every order of their steps: what is on the disk is
//! never older than what was acknowledged.
//!
//! Each step is one that a lock makes whole in the cache: the lock of a memory shard, or those of the index and the writer.

use super::{Disk, Entry, KEYS, find, key_of, open_with, options, stride, tags, value_of};
use crate::compress::Method;
use crate::device::simulated::Simulated;
use crate::disk::Mark;
use crate::figures::tell;

const KEY: u64 = KEYS;

/// The steps of each party: two changes of the key, one after the other; two that demote it; the worker.
const STEPS: [usize; 4] = [6, 2, 2, 1];

/// What may be done in another order than it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Sound,
    /// The mark is read when the value comes to the disk.
    MarkedLate,
    /// The mutation ends before memory shows it.
    EndedEarly,
}

/// A cache of one key.
struct Cache {
    device: Simulated,
    disk: Disk,
    protocol: Protocol,
    /// The stamp of the value in memory.
    memory: Option<u64>,
    /// Of the change under way, and of the last one that was acknowledged.
    begun: u64,
    acknowledged: u64,
    /// On the way of each party that demotes.
    demoted: [Option<(u64, Mark)>; 2],
}

impl Cache {
    /// With a value in memory.
    fn new(protocol: Protocol) -> Self {
        let device = Simulated::new(1);
        let (disk, _) = open_with(&device, &options(false)).unwrap();
        let stamp = disk.next_stamp();
        Self {
            device,
            disk,
            protocol,
            memory: Some(stamp),
            begun: 0,
            acknowledged: stamp,
            demoted: [None; 2],
        }
    }

    fn step(&mut self, party: usize, step: usize) {
        match (party, step % 3) {
            (0, 0) => {
                self.begun = self.disk.next_stamp();
                let hash = self.disk.hash(&key_of(KEY));
                let begun = self.disk.begin_mutation(KEY, hash, self.begun);
                begun.unwrap();
            }
            (0, 1) if self.protocol == Protocol::EndedEarly => self.disk.end_mutation(KEY),
            (0, 2) if self.protocol == Protocol::EndedEarly => self.show(step),
            (0, 1) => self.show(step),
            (0, _) => {
                self.disk.end_mutation(KEY);
                self.acknowledged = self.begun;
            }
            (1 | 2, 0) => {
                let mark = self.disk.mark(KEY);
                self.demoted[party - 1] = self.memory.take().map(|stamp| (stamp, mark));
            }
            (1 | 2, _) => {
                if let Some((stamp, mark)) = self.demoted[party - 1].take() {
                    let late = self.protocol == Protocol::MarkedLate;
                    let mark = if late { self.disk.mark(KEY) } else { mark };
                    self.store(stamp, mark);
                }
            }
            _ => self.disk.flush(),
        }
    }

    /// Memory shows the change: of the first the value, of the second that there is none.
    fn show(&mut self, step: usize) {
        self.memory = (step < 3).then_some(self.begun);
        if self.protocol == Protocol::EndedEarly {
            self.acknowledged = self.begun;
        }
    }

    fn store(&self, stamp: u64, mark: Mark) {
        let (key, value) = (key_of(KEY), value_of(KEY, stamp));
        let entry = Entry {
            key: &key,
            tags: &tags::encode(&[]).unwrap(),
            value: &value,
            method: Method::None,
            plain_bytes: value.len(),
            stamp,
            expiry: 0,
        };
        self.disk.store(KEY, self.disk.hash(&key), &entry, mark);
    }

    /// Whether what the disk answers is older than what was acknowledged; and whether it answers.
    fn look(&self, disk: &Disk) -> (bool, bool) {
        let found = find(disk, KEY);
        let old = found
            .as_ref()
            .is_some_and(|found| found.stamp < self.acknowledged);
        (old, found.is_some())
    }
}

/// What all orders came to.
#[derive(Debug, Default)]
struct Sums {
    orders: u64,
    /// Those that were tried: all, but fewer under sanitizers.
    tried: u64,
    /// In which something old was found.
    old: u64,
    /// In which something was found.
    hits: u64,
}

/// Tries all orders of the steps that are left, behind those of `taken`.
fn explore(protocol: Protocol, left: [usize; 4], taken: &mut Vec<usize>, sums: &mut Sums) {
    if left == [0; 4] {
        sums.orders += 1;
        if !sums.orders.is_multiple_of(stride() as u64) {
            return;
        }
        let (old, hit) = play(protocol, taken);
        sums.tried += 1;
        sums.old += u64::from(old);
        sums.hits += u64::from(hit);
    }
    for party in 0..left.len() {
        let mut rest = left;
        if let Some(fewer) = left[party].checked_sub(1) {
            rest[party] = fewer;
            taken.push(party);
            explore(protocol, rest, taken, sums);
            taken.pop();
        }
    }
}

/// Looks after each step of the parties in this order, and after a kill.
fn play(protocol: Protocol, order: &[usize]) -> (bool, bool) {
    let mut cache = Cache::new(protocol);
    let mut next = [0; STEPS.len()];
    let (mut old, mut hit) = (false, false);
    for &party in order {
        cache.step(party, next[party]);
        next[party] += 1;
        let seen = cache.look(&cache.disk);
        (old, hit) = (old | seen.0, hit | seen.1);
    }
    let (disk, _) = open_with(&cache.device.killed(), &options(false)).unwrap();
    let seen = cache.look(&disk);
    (old | seen.0, hit | seen.1)
}

fn explore_all(protocol: Protocol) -> Sums {
    let mut sums = Sums::default();
    explore(protocol, STEPS, &mut Vec::new(), &mut sums);
    tell(&format!("disk tier, {protocol:?}: {sums:?}"));
    // 11! / (6! 2! 2!)
    assert_eq!(sums.orders, 13_860);
    sums
}

#[test]
fn g1_what_is_on_its_way_to_the_disk_never_comes_behind_a_change_in_any_order() {
    let sums = explore_all(Protocol::Sound);
    assert_eq!(sums.old, 0, "{sums:?}");
    assert!(sums.hits > sums.tried / 20, "{sums:?}");
}

#[test]
fn a_mark_that_is_read_too_late_or_a_mutation_that_ends_too_early_is_found() {
    for protocol in [Protocol::MarkedLate, Protocol::EndedEarly] {
        let sums = explore_all(protocol);
        assert!(sums.old > sums.tried / 20, "{sums:?}");
    }
}
