//! The naive model of LIRS: a stack that is searched, as the paper draws it.

use super::Model;
use super::shelves::{Entry, Shelves};

/// `Entry::queue`: what an entry is. The order of the LIR queue means nothing: the stack has it.
const LIR: usize = 0;
const HIR: usize = 1;

/// An element of the stack.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Element {
    Resident { slot: u32 },
    Gone { hash: u64, weight: u64 },
}

pub(crate) struct LirsModel {
    hir: f64,
    stack_limit: f64,
    capacity: u64,
    entries: Shelves,
    /// The bottom first.
    stack: Vec<Element>,
}

impl LirsModel {
    pub(crate) fn new(hir: f64, stack_limit: f64, capacity: u64) -> Self {
        LirsModel {
            hir,
            stack_limit,
            capacity,
            entries: Shelves::new(2),
            stack: Vec::new(),
        }
    }

    fn hir_capacity(&self) -> u64 {
        ((self.capacity as f64 * self.hir) as u64)
            .max(1)
            .min(self.capacity)
    }

    fn lir_capacity(&self) -> u64 {
        self.capacity - self.hir_capacity()
    }

    fn leave_stack(&mut self, slot: u32) -> bool {
        let len = self.stack.len();
        self.stack
            .retain(|element| *element != Element::Resident { slot });
        self.stack.len() < len
    }

    fn enter_stack(&mut self, slot: u32) {
        self.leave_stack(slot);
        self.stack.push(Element::Resident { slot });
    }

    fn is_linked_lir(&mut self, element: Element) -> bool {
        match element {
            Element::Resident { slot } => {
                let entry = self.entries.entry(slot);
                entry.queue == LIR && !entry.pinned
            }
            Element::Gone { .. } => false,
        }
    }

    /// The bottommost LIR entry that is not pinned.
    fn bottom(&mut self) -> Option<usize> {
        (0..self.stack.len()).find(|at| self.is_linked_lir(self.stack[*at]))
    }

    fn prune(&mut self) {
        let Some(bottom) = self.bottom() else {
            return;
        };
        self.stack.drain(..bottom);
    }

    fn demote_for(&mut self, weight: u64) {
        while self.entries.weight(LIR) + weight > self.lir_capacity() {
            let Some(bottom) = self.bottom() else {
                break;
            };
            if let Element::Resident { slot } = self.stack.remove(bottom) {
                self.entries.lift(slot, HIR);
            }
        }
        self.prune();
    }

    fn limit(&mut self) {
        let limit = (self.capacity as f64 * self.stack_limit) as u64;
        while self.stack_weight() > limit {
            let is_gone = |element: &Element| matches!(element, Element::Gone { .. });
            let Some(lowest) = self.stack.iter().position(is_gone) else {
                break;
            };
            self.stack.remove(lowest);
        }
    }

    fn stack_weight(&mut self) -> u64 {
        let entries = &mut self.entries;
        let weights = self.stack.iter().map(|element| match *element {
            Element::Gone { weight, .. } => weight,
            Element::Resident { slot } if entries.entry(slot).pinned => 0,
            Element::Resident { slot } => entries.entry(slot).weight,
        });
        weights.sum()
    }

    fn depart(&mut self, entry: &Entry, remember: bool) {
        let element = Element::Resident { slot: entry.slot };
        let Some(at) = self.stack.iter().position(|other| *other == element) else {
            return;
        };
        if remember && entry.queue == HIR {
            self.stack[at] = Element::Gone {
                hash: entry.hash,
                weight: entry.weight.max(1),
            };
        } else {
            self.stack.remove(at);
        }
    }
}

impl Model for LirsModel {
    fn miss(&mut self, hash: u64) -> bool {
        let is_it = |element: &Element| matches!(element, Element::Gone { hash: gone, .. } if *gone == hash);
        let found = self.stack.iter().rposition(is_it);
        found.is_some_and(|at| {
            self.stack.remove(at);
            true
        })
    }

    fn insert(&mut self, slot: u32, hash: u64, weight: u32, remembered: bool) {
        let weight = u64::from(weight);
        let comes_back = remembered && weight <= self.lir_capacity();
        let has_room = self.entries.weight(LIR) + weight <= self.lir_capacity();
        self.entries.add(Entry {
            slot,
            hash,
            weight,
            queue: if comes_back || has_room { LIR } else { HIR },
            pinned: false,
        });
        self.enter_stack(slot);
        self.demote_for(0);
        self.limit();
    }

    fn hit(&mut self, slot: u32) {
        let Entry {
            queue,
            pinned,
            weight,
            ..
        } = *self.entries.entry(slot);
        let in_stack = self.stack.contains(&Element::Resident { slot });
        let fits = weight <= self.lir_capacity();
        match (queue, pinned) {
            (LIR, true) => {}
            (LIR, false) => self.enter_stack(slot),
            (_, true) if in_stack => {
                self.leave_stack(slot);
                self.entries.entry(slot).queue = LIR;
            }
            (_, true) => self.enter_stack(slot),
            (_, false) if in_stack && fits => {
                self.entries.lift(slot, LIR);
                self.enter_stack(slot);
                self.demote_for(0);
            }
            (_, false) => {
                self.leave_stack(slot);
                self.entries.lift(slot, HIR);
                if !in_stack && fits {
                    self.demote_for(weight);
                }
                self.enter_stack(slot);
            }
        }
        self.prune();
        self.limit();
    }

    fn evict(&mut self) -> Option<u32> {
        if let Some(entry) = self.entries.pop(HIR) {
            self.depart(&entry, true);
            self.limit();
            return Some(entry.slot);
        }
        let bottom = self.bottom()?;
        let Element::Resident { slot } = self.stack.remove(bottom) else {
            unreachable!("it is LIR");
        };
        self.entries.take(slot);
        self.prune();
        Some(slot)
    }

    fn overflow(&mut self) -> Option<u32> {
        if self.entries.weight(HIR) <= self.hir_capacity() {
            return None;
        }
        self.evict()
    }

    fn remove(&mut self, slot: u32, remember: bool) {
        let entry = self.entries.take(slot);
        self.depart(&entry, remember);
        self.prune();
        self.limit();
    }

    fn reweigh(&mut self, slot: u32, weight: u32) {
        self.entries.entry(slot).weight = u64::from(weight);
        self.demote_for(0);
        self.limit();
    }

    fn pin(&mut self, slot: u32) {
        self.entries.pin(slot);
        if self.entries.entry(slot).queue == LIR {
            self.leave_stack(slot);
        }
        self.prune();
    }

    fn unpin(&mut self, slot: u32) {
        if !self.entries.entry(slot).pinned {
            return;
        }
        self.entries.unpin(slot);
        let is_lir = self.entries.entry(slot).queue == LIR;
        if is_lir || self.stack.contains(&Element::Resident { slot }) {
            self.enter_stack(slot);
        }
        self.demote_for(0);
        self.limit();
    }

    fn set_capacity(&mut self, capacity: u64) {
        self.capacity = capacity;
        self.demote_for(0);
        self.limit();
    }
}
