//! What must hold of each key, by what the processes told.

use super::child::{Cache, Child, Kind, is_put};
use super::kills::STARTING;
use super::sink::{Given, Telling, version};
use cache_tiered::Tier;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// What is known of one key.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The highest version that was acknowledged; 0 if none was.
    acknowledged: u64,
    /// All that were asked for from then on, but for those that were refused.
    asked: BTreeSet<u64>,
    /// What the sink was last given.
    given: Option<Given>,
}

impl Known {
    /// Whether the key may have the value of this version; 0 is none.
    fn allows(&self, found: u64) -> bool {
        let mut later = self.asked.range(self.acknowledged..);
        if found > 0 {
            return found >= self.acknowledged && self.asked.contains(&found) && is_put(found);
        }
        self.acknowledged == 0 || later.any(|&version| !is_put(version))
    }

    /// Of one key the stamps only grow, but for what is given again.
    fn give(&mut self, now: Given, context: &str) {
        if let Some(before) = self.given {
            let ordered = before.stamp < now.stamp || before == now;
            assert!(ordered, "{context}: the sink got {now:?} after {before:?}");
        }
        let asked = now.version == 0 || self.asked.contains(&now.version);
        let again = self.given == Some(now);
        assert!(
            asked || again,
            "{context}: nobody asked for {now:?}, {self:?}"
        );
        self.given = Some(now);
    }
}

/// What came about in all processes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) acknowledged: u64,
    pub(super) refused: u64,
    pub(super) unknown: u64,
    /// Openings that were refused by the system.
    pub(super) unopened: u64,
    /// Keys that were found as acknowledged and not given to the sink yet.
    pub(super) recovered: u64,
    /// Keys that had a value when a process was killed whose cache has a disk tier.
    pub(super) had: u64,
    /// Those of them that the disk tier answered when it was opened again.
    pub(super) on_disk: u64,
    /// Processes that came to their end, rather than being killed.
    pub(super) closed: u64,
}

/// All keys.
#[derive(Debug, Default)]
pub(super) struct Expected {
    keys: BTreeMap<u64, Known>,
    pub(super) seen: Seen,
}

impl Expected {
    fn known(&mut self, key: u64) -> &mut Known {
        self.keys.entry(key).or_default()
    }

    /// Takes down a line. `faulty` says that the system made calls fail.
    pub(super) fn hear(&mut self, line: &str, faulty: bool, context: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |index: usize| words[index].parse::<u64>().unwrap();
        match *words.as_slice() {
            ["asked", _, _] => {
                self.known(number(1)).asked.insert(number(2));
            }
            ["acknowledged", _, _] => {
                self.known(number(1)).acknowledged = number(2);
                self.seen.acknowledged += 1;
            }
            ["refused", _, _] if faulty => {
                self.known(number(1)).asked.remove(&number(2));
                self.seen.refused += 1;
            }
            ["unknown", _, _] if faulty => self.seen.unknown += 1,
            ["unopened", ..] if faulty => self.seen.unopened += 1,
            ["unclosed", ..] if faulty => self.seen.closed += 1,
            ["closed", left, dead] => {
                assert_eq!((left, dead), ("0", "0"), "{context}: {line}");
                self.seen.closed += 1;
            }
            ["applied", _, _, _] => {
                let (version, stamp) = (number(2), number(3));
                self.known(number(1))
                    .give(Given { version, stamp }, context);
            }
            [
                "refused" | "unknown" | "unopened" | "unclosed" | "failed",
                ..,
            ] => {
                panic!("{context}: {line}")
            }
            _ => {}
        }
    }

    /// Opens the cache, compares what it holds, brings all to the store and compares that.
    pub(super) fn compare(&mut self, child: &Child, context: &str) {
        let given = self.keys.iter();
        let given = given.filter_map(|(&key, known)| Some((key, known.given?)));
        let sink = Telling {
            given: Arc::new(Mutex::new(given.collect())),
            ..Telling::default()
        };
        let cache = {
            let _none_starts = STARTING.read().unwrap();
            child.open(sink.clone()).expect(context)
        };
        self.seen.recovered += cache.stats().behind.recovered;
        if child.kind.has_disk() {
            self.look_at_tiers(&cache, child.kind, context);
        }
        let mut found = BTreeMap::new();
        for key in 0..child.kind.keys() {
            let hit = cache.get(&key).wait().unwrap();
            let there = hit.map_or(0, |hit| version(key, &hit.value));
            let known = self.known(key);
            let allowed = known.allows(there);
            assert!(allowed, "{context}: key {key} has {there}, of {known:?}");
            found.insert(key, there);
        }
        let report = cache.flush().wait().unwrap();
        assert_eq!(report.dead, 0, "{context}");
        for key in 0..child.kind.keys() {
            let stored = cache.store().load(&key).wait().unwrap();
            let stored = stored.map_or(0, |bytes| version(key, &bytes));
            assert_eq!(stored, found[&key], "{context}: key {key} in the store");
        }
        let report = cache.close().wait().unwrap();
        assert_eq!((report.left, report.running), (0, 0), "{context}");
        drop(cache);
        let violations = sink.violations.lock().unwrap();
        assert!(violations.is_empty(), "{context}: {violations:?}");
        for (key, known) in &mut self.keys {
            let there = found[key];
            if let Some(&given) = sink.given.lock().unwrap().get(key) {
                known.give(given, context);
                let same = is_in_file(child.kind) || given.version == there;
                assert!(same, "{context}: key {key} has {there} after {given:?}");
            }
            // The first that was asked for and explains what is there.
            let versions = known.asked.range(known.acknowledged..);
            let explains = |version: &u64| (there == 0 && !is_put(*version)) || *version == there;
            known.acknowledged = versions.copied().find(explains).unwrap_or(0);
            known.asked = known.asked.split_off(&known.acknowledged);
        }
    }

    /// Whatever a tier has of a key after a restart is what the store has: the fence was written before the store was asked.
    fn look_at_tiers(&mut self, cache: &Cache, kind: Kind, context: &str) {
        for key in 0..kind.keys() {
            let given = self.known(key).given.map_or(0, |given| given.version);
            self.seen.had += u64::from(given > 0);
            let Some(hit) = cache.get_cached(&key).wait().unwrap() else {
                continue;
            };
            let there = version(key, &hit.value);
            assert_eq!(
                there, given,
                "{context}: key {key} in the {:?} tier",
                hit.tier
            );
            self.seen.on_disk += u64::from(hit.tier == Tier::Disk);
        }
    }
}

/// Whether the sink is a file, which may have taken what was not told any more.
fn is_in_file(kind: Kind) -> bool {
    match kind {
        #[cfg(feature = "redb")]
        Kind::Redb => true,
        _ => false,
    }
}
