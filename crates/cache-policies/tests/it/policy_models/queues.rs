//! The naive model of FIFO, LRU, CLOCK, SIEVE and S3-FIFO, on plain deques.

use std::collections::VecDeque;

use super::Model;

/// What a model is of, with its parameters.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Fifo,
    Lru,
    Clock {
        count_max: u32,
    },
    Sieve,
    S3Fifo {
        small: f64,
        threshold: u32,
        ghost: f64,
        warm_up_in_main: bool,
    },
}

#[derive(Clone, Debug)]
struct Entry {
    slot: u32,
    hash: u64,
    weight: u64,
    count: u32,
    /// Of S3-FIFO: whether it belongs to the small queue.
    small: bool,
}

/// Queues with the oldest entry first.
pub(crate) struct QueueModel {
    kind: Kind,
    capacity: u64,
    /// The only queue, or the main one of S3-FIFO.
    main: VecDeque<Entry>,
    small: VecDeque<Entry>,
    pinned: Vec<Entry>,
    ghost: VecDeque<(u64, u64)>,
    /// Of SIEVE: the slot under the hand.
    hand: Option<u32>,
    has_evicted: bool,
}

fn weight_of(queue: &VecDeque<Entry>) -> u64 {
    queue.iter().map(|entry| entry.weight).sum()
}

impl QueueModel {
    pub(crate) fn new(kind: Kind, capacity: u64) -> Self {
        QueueModel {
            kind,
            capacity,
            main: VecDeque::new(),
            small: VecDeque::new(),
            pinned: Vec::new(),
            ghost: VecDeque::new(),
            hand: None,
            has_evicted: false,
        }
    }

    fn evict_sieve(&mut self) -> Option<Entry> {
        let under_hand = |hand: u32| self.main.iter().position(|entry| entry.slot == hand);
        let mut at = self.hand.and_then(under_hand).unwrap_or(0);
        while self.main[at].count > 0 {
            self.main[at].count = 0;
            at = (at + 1) % self.main.len();
        }
        self.hand = self.main.get(at + 1).map(|entry| entry.slot);
        self.main.remove(at)
    }

    fn evict_s3_fifo(&mut self, threshold: u32, ghost_capacity: u64) -> Option<Entry> {
        let main_capacity = self.capacity - self.small_capacity();
        if weight_of(&self.main) <= main_capacity {
            while let Some(mut oldest) = self.small.pop_front() {
                if oldest.count < threshold {
                    self.remember(&oldest, ghost_capacity);
                    return Some(oldest);
                }
                oldest.count = 0;
                oldest.small = false;
                self.main.push_back(oldest);
            }
        }
        loop {
            let mut oldest = self.main.pop_front()?;
            if oldest.count == 0 {
                return Some(oldest);
            }
            oldest.count = oldest.count.min(3) - 1;
            self.main.push_back(oldest);
        }
    }

    fn remember(&mut self, entry: &Entry, ghost_capacity: u64) {
        let weight = entry.weight.max(1);
        if weight > ghost_capacity {
            return;
        }
        self.ghost.push_back((entry.hash, weight));
        self.shrink_ghost(ghost_capacity);
    }

    fn shrink_ghost(&mut self, capacity: u64) {
        while self.ghost.iter().map(|key| key.1).sum::<u64>() > capacity {
            self.ghost.pop_front();
        }
    }

    fn small_capacity(&self) -> u64 {
        match self.kind {
            Kind::S3Fifo { small, .. } => (self.capacity as f64 * small) as u64,
            _ => 0,
        }
    }

    fn append(&mut self, entry: Entry) {
        let queue = if entry.small {
            &mut self.small
        } else {
            &mut self.main
        };
        queue.push_back(entry);
    }

    fn entry(&mut self, slot: u32) -> &mut Entry {
        let all = self
            .main
            .iter_mut()
            .chain(&mut self.small)
            .chain(&mut self.pinned);
        all.into_iter().find(|entry| entry.slot == slot).unwrap()
    }

    fn unlink(&mut self, slot: u32) -> Entry {
        if let Some(at) = self.small.iter().position(|entry| entry.slot == slot) {
            return self.small.remove(at).unwrap();
        }
        let at = self
            .main
            .iter()
            .position(|entry| entry.slot == slot)
            .unwrap();
        if self.hand == Some(slot) {
            self.hand = self.main.get(at + 1).map(|entry| entry.slot);
        }
        self.main.remove(at).unwrap()
    }
}

impl Model for QueueModel {
    fn miss(&mut self, hash: u64) -> bool {
        let at = self.ghost.iter().rposition(|key| key.0 == hash);
        at.and_then(|at| self.ghost.remove(at)).is_some()
    }

    fn insert(&mut self, slot: u32, hash: u64, weight: u32, remembered: bool) {
        let small = match self.kind {
            Kind::S3Fifo {
                warm_up_in_main, ..
            } => {
                let full = weight_of(&self.small) >= self.small_capacity();
                !(remembered || warm_up_in_main && !self.has_evicted && full)
            }
            _ => false,
        };
        let entry = Entry {
            slot,
            hash,
            weight: u64::from(weight),
            count: 0,
            small,
        };
        self.append(entry);
    }

    fn hit(&mut self, slot: u32) {
        if let Kind::Lru = self.kind {
            if let Some(at) = self.main.iter().position(|entry| entry.slot == slot) {
                let entry = self.main.remove(at).unwrap();
                self.main.push_back(entry);
            }
            return;
        }
        let count_max = match self.kind {
            Kind::Clock { count_max } => count_max,
            Kind::Sieve => 1,
            _ => u32::MAX,
        };
        let entry = self.entry(slot);
        entry.count = (entry.count + 1).min(count_max);
    }

    fn evict(&mut self) -> Option<u32> {
        if self.main.is_empty() && self.small.is_empty() {
            return None;
        }
        let victim = match self.kind {
            Kind::Fifo | Kind::Lru => self.main.pop_front(),
            Kind::Clock { .. } => loop {
                let mut oldest = self.main.pop_front()?;
                if oldest.count == 0 {
                    break Some(oldest);
                }
                oldest.count -= 1;
                self.main.push_back(oldest);
            },
            Kind::Sieve => self.evict_sieve(),
            Kind::S3Fifo {
                threshold, ghost, ..
            } => {
                self.has_evicted = true;
                self.evict_s3_fifo(threshold, (self.capacity as f64 * ghost) as u64)
            }
        };
        victim.map(|entry| entry.slot)
    }

    fn remove(&mut self, slot: u32, remember: bool) {
        let entry = match self.pinned.iter().position(|entry| entry.slot == slot) {
            Some(at) => self.pinned.remove(at),
            None => self.unlink(slot),
        };
        if let Kind::S3Fifo { ghost, .. } = self.kind
            && remember
            && entry.small
        {
            self.remember(&entry, (self.capacity as f64 * ghost) as u64);
        }
    }

    fn reweigh(&mut self, slot: u32, weight: u32) {
        self.entry(slot).weight = u64::from(weight);
    }

    fn pin(&mut self, slot: u32) {
        if self.pinned.iter().all(|entry| entry.slot != slot) {
            let entry = self.unlink(slot);
            self.pinned.push(entry);
        }
    }

    fn unpin(&mut self, slot: u32) {
        if let Some(at) = self.pinned.iter().position(|entry| entry.slot == slot) {
            let entry = self.pinned.remove(at);
            self.append(entry);
        }
    }

    fn set_capacity(&mut self, capacity: u64) {
        self.capacity = capacity;
        if let Kind::S3Fifo { ghost, .. } = self.kind {
            self.shrink_ghost((capacity as f64 * ghost) as u64);
        }
    }
}
