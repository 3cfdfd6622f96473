//! The engine of duel: three lists, a ghost, and a mode.

use std::collections::HashMap;

use cache_policies::{DuelMode, FrequencySketch};

use super::super::tiny_lfu::admits;

/// What the sketch knows of a hash: 30 bits, above two that are 0.
pub(super) fn fold(hash: u64) -> u32 {
    let mixed = (spread(hash) >> 32) as u32;
    (mixed ^ (mixed >> 15)) & !3
}

pub(super) fn spread(hash: u64) -> u64 {
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A key that is resident, in a slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) hash: u64,
    pub(super) weight: u64,
    last: u64,
    pub(super) list: usize,
    pub(super) pinned: bool,
}

const W: usize = 0;
const P: usize = 1;
const T: usize = 2;

/// The engine of the page. The newest of a list is its last.
pub(super) struct Engine {
    pub(super) capacity: u64,
    pub(super) mode: DuelMode,
    pub(super) lists: [Vec<u32>; 3],
    pub(super) entries: HashMap<u32, Entry>,
    /// Sets of eight: who left, and when it was asked for last.
    ghost: Vec<Vec<(u32, u64)>>,
    now: u64,
    lots: u64,
    /// Where the key that has just missed will go.
    coming: usize,
}

impl Engine {
    pub(super) fn new(capacity: u64, mode: DuelMode, seed: u64) -> Self {
        Engine {
            capacity,
            mode,
            lists: Default::default(),
            entries: HashMap::new(),
            ghost: Vec::new(),
            now: 0,
            lots: seed,
            coming: W,
        }
    }

    fn wcap(&self) -> u64 {
        let share = match self.mode {
            DuelMode::Frequency | DuelMode::Recency => 0.01,
            DuelMode::Lru => 1.0,
            DuelMode::Mixed => 0.1,
            DuelMode::Half => 0.5,
        };
        let window = (share * self.capacity as f64).round() as u64;
        window.max(1).min(self.capacity)
    }

    fn mcap(&self) -> u64 {
        self.capacity - self.wcap()
    }

    fn pcap(&self) -> u64 {
        match self.mode {
            DuelMode::Recency => self.mcap(),
            _ => (4 * u128::from(self.mcap()) / 5) as u64,
        }
    }

    fn tests_frequency(&self) -> bool {
        matches!(
            self.mode,
            DuelMode::Frequency | DuelMode::Mixed | DuelMode::Half
        )
    }

    fn tests_recency(&self) -> bool {
        matches!(
            self.mode,
            DuelMode::Recency | DuelMode::Mixed | DuelMode::Half
        )
    }

    fn landing(&self) -> usize {
        if self.mode == DuelMode::Recency { T } else { P }
    }

    fn weight(&self, list: usize) -> u64 {
        self.lists[list]
            .iter()
            .map(|slot| self.entries[slot].weight)
            .sum()
    }

    fn main(&self) -> u64 {
        self.weight(P) + self.weight(T)
    }

    /// Of all that is resident.
    pub(super) fn total(&self) -> u64 {
        self.entries.values().map(|entry| entry.weight).sum()
    }

    fn victim(&self) -> Option<u32> {
        self.lists[P].first().or(self.lists[T].first()).copied()
    }

    fn fresher(&self, previous: u64) -> bool {
        let waits = |victim: u32| self.now - self.entries[&victim].last;
        let is_sooner = |victim: u32| self.now - previous < waits(victim);
        // There may always be some room left that is less than an entry.
        let mean = self.total() / self.entries.len().max(1) as u64;
        let has_room = self.main() < self.mcap() && self.main() + mean <= self.mcap();
        self.mcap() > 0 && (has_room || self.victim().is_some_and(is_sooner))
    }

    /// To the front of a list, from whichever it is in.
    fn put(&mut self, slot: u32, list: usize) {
        self.unlink(slot);
        self.lists[list].push(slot);
        self.entries.get_mut(&slot).unwrap().list = list;
    }

    pub(super) fn unlink(&mut self, slot: u32) {
        for list in &mut self.lists {
            list.retain(|other| *other != slot);
        }
    }

    fn shrink_protected(&mut self) -> bool {
        let is_over = self.weight(T) > self.pcap();
        let oldest = self.lists[T].first().copied().filter(|_| is_over);
        if let Some(oldest) = oldest {
            self.put(oldest, P);
        }
        oldest.is_some()
    }

    fn has_room(&self, main: u64, slot: u32) -> bool {
        main < self.mcap() && main + self.entries[&slot].weight <= self.mcap()
    }

    fn rebalance(&mut self) {
        for _ in 0..2 {
            if self.shrink_protected() {
                continue;
            }
            let is_over = self.weight(W) > self.wcap();
            let oldest = self.lists[W].first().copied().filter(|_| is_over);
            match oldest.filter(|oldest| self.has_room(self.main(), *oldest)) {
                Some(oldest) => self.put(oldest, self.landing()),
                None => return,
            }
        }
    }

    fn trim(&mut self) {
        while self.main() > self.mcap() {
            let Some(victim) = self.victim() else { return };
            self.put(victim, W);
        }
    }

    fn begin(&mut self) {
        self.now += 1;
        self.rebalance();
    }

    pub(super) fn hit(&mut self, slot: u32) {
        self.begin();
        self.coming = W;
        let now = self.now;
        let entry = self.entries.get_mut(&slot).unwrap();
        let previous = std::mem::replace(&mut entry.last, now);
        let Entry {
            weight,
            list,
            pinned,
            ..
        } = *entry;
        if pinned {
            return;
        }
        let fits = weight <= self.pcap();
        if list == W {
            if self.mode == DuelMode::Recency && fits && self.fresher(previous) {
                self.put(slot, T);
                self.trim();
            } else {
                self.put(slot, W);
            }
        } else if self.mcap() == 0 {
            self.put(slot, W);
        } else if list == P && fits {
            self.put(slot, T);
            let _ = self.shrink_protected() && self.shrink_protected();
        } else {
            self.put(slot, list);
        }
    }

    /// Whether the key comes back soon enough for the main region.
    pub(super) fn miss(&mut self, hash: u64) -> bool {
        self.begin();
        let previous = self.ghost_take(hash);
        let comes_back =
            self.tests_recency() && previous.is_some_and(|previous| self.fresher(previous));
        self.coming = match (comes_back, self.tests_frequency()) {
            (false, _) => W,
            (true, true) => P,
            (true, false) => T,
        };
        comes_back
    }

    pub(super) fn insert(&mut self, slot: u32, hash: u64, weight: u64, comes_back: bool) {
        self.coming = W;
        let entry = Entry {
            hash,
            weight,
            last: self.now,
            list: W,
            pinned: false,
        };
        self.entries.insert(slot, entry);
        let share = if self.tests_frequency() {
            self.mcap()
        } else {
            self.pcap()
        };
        if comes_back && weight <= share {
            self.put(slot, if self.tests_frequency() { P } else { T });
            if !self.tests_frequency() {
                self.trim();
            }
        } else {
            self.put(slot, W);
            if weight > self.wcap() {
                // The next candidate.
                self.lists[W].rotate_right(1);
            }
        }
    }

    pub(super) fn evict(&mut self, sketch: &FrequencySketch) -> Option<u32> {
        for _ in 0..16 {
            // The one that is to come counts already.
            let main = match self.coming {
                P => self.main() + 1,
                T if self.main() < self.mcap() => self.main() + 1,
                _ => self.main(),
            };
            let Some(candidate) = self.lists[W].first().copied() else {
                let victim = self.victim()?;
                self.drop(victim, false);
                return Some(victim);
            };
            let victim = self.victim();
            if main > self.mcap()
                && let Some(victim) = victim
            {
                self.drop(victim, false);
                return Some(victim);
            }
            if self.has_room(main, candidate) {
                self.put(candidate, self.landing());
                continue;
            }
            if let Some(victim) = victim.filter(|_| self.tests_frequency()) {
                let frequency = |slot: u32| sketch.estimate(self.entries[&slot].hash);
                let margin = u8::from(self.mode != DuelMode::Frequency);
                let (ours, theirs) = (frequency(candidate), frequency(victim) + margin);
                if admits(&mut self.lots, ours, theirs) {
                    self.put(candidate, P);
                    self.drop(victim, false);
                    return Some(victim);
                }
            }
            self.drop(candidate, true);
            return Some(candidate);
        }
        // Too many have to move.
        let oldest = self.lists[W].first().copied().or(self.victim())?;
        self.drop(oldest, true);
        Some(oldest)
    }

    pub(super) fn drop(&mut self, slot: u32, remember: bool) {
        self.unlink(slot);
        let entry = self.entries.remove(&slot).unwrap();
        if remember && entry.list == W {
            self.ghost_put(entry.hash, entry.last);
        }
    }

    fn set_of(&self, key: u32) -> usize {
        let spread = u64::from(key.wrapping_mul(0x9e37_79b1));
        ((spread * self.ghost.len() as u64) >> 32) as usize
    }

    fn ghost_put(&mut self, hash: u64, last: u64) {
        if self.ghost.is_empty() {
            return;
        }
        let at = self.set_of(fold(hash));
        if self.ghost[at].len() == 8 {
            let oldest = self.ghost[at].iter().map(|(_, last)| *last).min();
            self.ghost[at].retain(|(_, last)| Some(*last) != oldest);
        }
        self.ghost[at].push((fold(hash), last));
    }

    pub(super) fn ghost_take(&mut self, hash: u64) -> Option<u64> {
        if self.ghost.is_empty() {
            return None;
        }
        let at = self.set_of(fold(hash));
        let way = self.ghost[at]
            .iter()
            .position(|(key, _)| *key == fold(hash))?;
        Some(self.ghost[at].swap_remove(way).1)
    }

    /// The newest of each set stay.
    pub(super) fn ghost_resize(&mut self, keys: u64) {
        let sets = keys.div_ceil(8) as usize;
        if sets == self.ghost.len() {
            return;
        }
        let mut all: Vec<(u32, u64)> = self.ghost.drain(..).flatten().collect();
        all.sort_by_key(|(_, last)| std::cmp::Reverse(*last));
        self.ghost = vec![Vec::new(); sets];
        for (key, last) in all {
            if sets > 0 && self.ghost[self.set_of(key)].len() < 8 {
                let at = self.set_of(key);
                self.ghost[at].push((key, last));
            }
        }
    }
}
