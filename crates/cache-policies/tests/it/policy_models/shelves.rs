//! Several queues of entries and the pinned ones: what the models with more than one queue are made of.

use std::collections::VecDeque;

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) slot: u32,
    pub(crate) hash: u64,
    pub(crate) weight: u64,
    /// The queue that it is in, or was in when it was pinned.
    pub(crate) queue: usize,
    pub(crate) pinned: bool,
}

/// Queues with the oldest entry first.
#[derive(Debug)]
pub(crate) struct Shelves {
    queues: Vec<VecDeque<Entry>>,
    pinned: Vec<Entry>,
}

impl Shelves {
    pub(crate) fn new(queues: usize) -> Self {
        Shelves {
            queues: vec![VecDeque::new(); queues],
            pinned: Vec::new(),
        }
    }

    pub(crate) fn queue(&self, queue: usize) -> &VecDeque<Entry> {
        &self.queues[queue]
    }

    pub(crate) fn weight(&self, queue: usize) -> u64 {
        self.queues[queue].iter().map(|entry| entry.weight).sum()
    }

    /// Adds an entry: as the newest of its queue, or to the pinned ones.
    pub(crate) fn add(&mut self, entry: Entry) {
        if entry.pinned {
            self.pinned.push(entry);
        } else {
            self.queues[entry.queue].push_back(entry);
        }
    }

    /// Takes an entry out, wherever it is.
    pub(crate) fn take(&mut self, slot: u32) -> Entry {
        if let Some(at) = self.pinned.iter().position(|entry| entry.slot == slot) {
            return self.pinned.remove(at);
        }
        let mut queues = self.queues.iter_mut();
        let found = queues.find_map(|queue| {
            let at = queue.iter().position(|entry| entry.slot == slot)?;
            queue.remove(at)
        });
        found.expect("the slot is resident")
    }

    pub(crate) fn pop(&mut self, queue: usize) -> Option<Entry> {
        self.queues[queue].pop_front()
    }

    /// Makes an entry the newest of a queue, which a pinned one will be later.
    pub(crate) fn lift(&mut self, slot: u32, queue: usize) {
        let entry = self.take(slot);
        self.add(Entry { queue, ..entry });
    }

    pub(crate) fn entry(&mut self, slot: u32) -> &mut Entry {
        let queued = self.queues.iter_mut().flatten();
        let mut all = queued.chain(&mut self.pinned);
        all.find(|entry| entry.slot == slot)
            .expect("the slot is resident")
    }

    pub(crate) fn pin(&mut self, slot: u32) {
        if !self.entry(slot).pinned {
            let entry = self.take(slot);
            self.add(Entry {
                pinned: true,
                ..entry
            });
        }
    }

    pub(crate) fn unpin(&mut self, slot: u32) {
        if self.entry(slot).pinned {
            let entry = self.take(slot);
            self.add(Entry {
                pinned: false,
                ..entry
            });
        }
    }
}
