//! The dullest partitions: lists of entries in the order of their last use, each limit looked up anew.

use cache_policies::{Quota, RejectReason};

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: u64,
    pub(super) weight: u64,
    pub(super) pinned: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) quota: Quota,
    pub(super) share: u64,
    /// From the least recently used on.
    pub(super) entries: Vec<Entry>,
}

impl Part {
    pub(super) fn weight(&self) -> u64 {
        self.entries.iter().map(|entry| entry.weight).sum()
    }

    pub(super) fn pinned(&self) -> u64 {
        let pinned = self.entries.iter().filter(|entry| entry.pinned);
        pinned.map(|entry| entry.weight).sum()
    }

    fn has_linked(&self) -> bool {
        self.entries.iter().any(|entry| !entry.pinned)
    }
}

pub(super) struct Model {
    pub(super) capacity: u64,
    pub(super) parts: Vec<Part>,
}

impl Model {
    pub(super) fn weight(&self) -> u64 {
        self.parts.iter().map(Part::weight).sum()
    }

    pub(super) fn find(&self, part: usize, key: u64) -> Option<usize> {
        let entries = &self.parts[part].entries;
        entries.iter().position(|entry| entry.key == key)
    }

    /// Moves an entry to the end, where it is not pinned; pinned ones have no order.
    pub(super) fn hit(&mut self, part: usize, key: u64) {
        let at = self.find(part, key).expect("it is there");
        let entries = &mut self.parts[part].entries;
        if !entries[at].pinned {
            let entry = entries.remove(at);
            entries.push(entry);
        }
    }

    pub(super) fn refusal(&self, part: usize, key: u64, weight: u64) -> Option<RejectReason> {
        let here = &self.parts[part];
        let most = here.quota.max.min(self.capacity);
        if weight > most {
            return Some(RejectReason::TooHeavy);
        }
        let others = || (0..).zip(&self.parts).filter(|(index, _)| *index != part);
        let kept: u64 = others()
            .map(|(_, part)| part.weight().min(part.share))
            .sum();
        if kept + weight > self.capacity {
            return Some(RejectReason::OverShare);
        }
        let stays: u64 = others()
            .map(|(_, part)| part.weight().min(part.share).max(part.pinned()))
            .sum();
        let beside = here
            .entries
            .iter()
            .filter(|entry| entry.pinned && entry.key != key);
        let beside: u64 = beside.map(|entry| entry.weight).sum();
        let full = beside + weight > most || stays + beside + weight > self.capacity;
        full.then_some(RejectReason::AllPinned)
    }

    /// Who goes for an entry of this weight; `None` if there is room. Whether what a lowered limit left fits as it was is not
    /// known here.
    pub(super) fn victim(&self, part: usize, key: u64, weight: u64) -> Option<(usize, u64)> {
        let own = self.parts[part]
            .entries
            .iter()
            .find(|entry| entry.key == key);
        let own = own.map_or(0, |entry| entry.weight);
        let with = self.parts[part].weight() - own + weight;
        if with > self.parts[part].quota.max {
            return Some((part, self.first(part)));
        }
        if self.weight() - own + weight <= self.capacity {
            return None;
        }
        let weights = (0..self.parts.len()).map(|index| match index == part {
            true => with,
            false => self.parts[index].weight(),
        });
        let victims = self.most_over(weights.collect(), false).unwrap_or(part);
        Some((victims, self.first(victims)))
    }

    /// The partition that is the most over its share, of those with something to evict; or just has the most of it, if those
    /// `within` their shares are counted as well.
    pub(super) fn most_over(&self, weights: Vec<u64>, within: bool) -> Option<usize> {
        let ratio = |index: usize| weights[index] as f64 / self.parts[index].share as f64;
        let over = (0..self.parts.len()).filter(|&index| {
            (within || weights[index] > self.parts[index].share) && self.parts[index].has_linked()
        });
        // The first of those that are equal; where there is no share, the one with more.
        over.reduce(|most, index| {
            let both_infinite = ratio(most).is_infinite() && ratio(index).is_infinite();
            match both_infinite {
                true if weights[index] > weights[most] => index,
                false if ratio(index) > ratio(most) => index,
                _ => most,
            }
        })
    }

    pub(super) fn first(&self, part: usize) -> u64 {
        let mut linked = self.parts[part]
            .entries
            .iter()
            .filter(|entry| !entry.pinned);
        linked.next().expect("something can be evicted").key
    }
}
