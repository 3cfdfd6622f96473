//! A priority queue of slots in which each can be found: an indexed heap with four children a node.
//!
//! ```text
//!  nodes    [0]                 the least key, with its slot
//!           [1] [2] [3] [4]     the children of n are 4n + 1 to 4n + 4, and none is less than n
//!           [5] [6] [7] ...
//!  places   by slot: where its node is; for one without a node, why
//! ```
//! Four children rather than two: half as deep, and the children lie side by side. Keys lie in the nodes, so that moving
//! through the heap looks at nothing else; a node that moves writes the place of its slot.

use alloc::vec::Vec;

use crate::ledger::grow;
use crate::list::Unlinked;
use crate::slot::Slot;

const CHILDREN: usize = 4;

/// In place of a place: the slot is not resident.
const ABSENT: u32 = u32::MAX;
/// In place of a place: the slot is resident, and pinned.
const PINNED: u32 = u32::MAX - 1;

/// The order of the heap: by key, and of equal keys the lower slot first.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Node<K> {
    key: K,
    slot: Slot,
}

/// The heap. Calls take time logarithmic in its length, or less.
#[derive(Clone, Debug)]
pub(crate) struct Heap<K> {
    nodes: Vec<Node<K>>,
    places: Vec<u32>,
}

impl<K> Heap<K> {
    /// What a slot with a node takes.
    pub(crate) const SLOT_BYTES: usize = size_of::<Node<K>>() + size_of::<u32>();
}

impl<K: Copy + Ord> Heap<K> {
    pub(crate) fn new() -> Self {
        Heap {
            nodes: Vec::new(),
            places: Vec::new(),
        }
    }

    /// The slots that have a node.
    pub(crate) fn linked(&self) -> usize {
        self.nodes.len()
    }

    /// The least key, and its slot.
    #[inline]
    pub(crate) fn least(&self) -> Option<(K, Slot)> {
        self.nodes.first().map(|node| (node.key, node.slot))
    }

    /// The key of a slot; `None` if it has no node.
    #[inline]
    pub(crate) fn key(&self, slot: Slot) -> Option<K> {
        let place = *self.places.get(slot.index())?;
        self.nodes.get(place as usize).map(|node| node.key)
    }

    /// Why a slot has no node; `None` if it has one.
    #[inline]
    pub(crate) fn unlinked(&self, slot: Slot) -> Option<Unlinked> {
        match self.places.get(slot.index()).copied().unwrap_or(ABSENT) {
            ABSENT => Some(Unlinked::Absent),
            PINNED => Some(Unlinked::Pinned),
            _ => None,
        }
    }

    /// Makes room for the place of a slot.
    ///
    /// # Panics
    /// If the slot is above [`Slot::MAX`].
    #[inline]
    pub(crate) fn ensure(&mut self, slot: Slot) {
        if slot.index() >= self.places.len() {
            grow(&mut self.places, slot, || ABSENT);
        }
    }

    /// Gives a slot without a node one.
    #[inline]
    pub(crate) fn push(&mut self, slot: Slot, key: K) {
        let node = Node { key, slot };
        let at = self.nodes.len();
        self.nodes.push(node);
        self.rise(at, node);
    }

    /// Changes the key of a slot that has a node.
    #[inline]
    pub(crate) fn set_key(&mut self, slot: Slot, key: K) {
        self.settle(self.places[slot.index()] as usize, Node { key, slot });
    }

    /// Takes the node of a slot out, and returns its key.
    #[inline]
    pub(crate) fn unlink(&mut self, slot: Slot, reason: Unlinked) -> K {
        let at = self.places[slot.index()] as usize;
        let key = self.nodes[at].key;
        if let Some(last) = self.nodes.pop()
            && last.slot != slot
        {
            self.settle(at, last);
        }
        self.places[slot.index()] = match reason {
            Unlinked::Absent => ABSENT,
            Unlinked::Pinned => PINNED,
        };
        key
    }

    /// Marks a pinned slot as absent.
    pub(crate) fn forget(&mut self, slot: Slot) {
        self.places[slot.index()] = ABSENT;
    }

    /// Puts a node in the place of the one at `at`, or where it must be then.
    #[inline]
    fn settle(&mut self, at: usize, node: Node<K>) {
        if at > 0 && node < self.nodes[(at - 1) / CHILDREN] {
            self.rise(at, node);
        } else {
            self.sink(at, node);
        }
    }

    /// Puts a node at `at`, or as many levels up as it is less than what is there.
    #[inline]
    fn rise(&mut self, mut at: usize, node: Node<K>) {
        while at > 0 {
            let parent = (at - 1) / CHILDREN;
            if self.nodes[parent] < node {
                break;
            }
            self.put(at, self.nodes[parent]);
            at = parent;
        }
        self.put(at, node);
    }

    /// Puts a node at `at`, or as many levels down as something there is less.
    #[inline]
    fn sink(&mut self, mut at: usize, node: Node<K>) {
        loop {
            let first = at * CHILDREN + 1;
            let end = self.nodes.len().min(first + CHILDREN);
            let children = first..end.max(first);
            let Some(least) = children.min_by_key(|&child| self.nodes[child]) else {
                break;
            };
            if node < self.nodes[least] {
                break;
            }
            self.put(at, self.nodes[least]);
            at = least;
        }
        self.put(at, node);
    }

    #[inline]
    fn put(&mut self, at: usize, node: Node<K>) {
        self.nodes[at] = node;
        // There are fewer nodes than slots, and those are 32 bits.
        self.places[node.slot.index()] = at as u32;
    }

    /// The slots that have a node, in no order, then the pinned ones.
    pub(crate) fn residents(&self) -> impl Iterator<Item = Slot> {
        let pinned = (0..)
            .zip(&self.places)
            .filter(|(_, place)| **place == PINNED);
        let pinned = pinned.map(|(number, _)| Slot::new(number));
        self.nodes.iter().map(|node| node.slot).chain(pinned)
    }

    /// Asserts the order of the nodes, and that each slot knows its place.
    pub(crate) fn check(&self) {
        for (at, node) in self.nodes.iter().enumerate() {
            assert!(
                at == 0 || self.nodes[(at - 1) / CHILDREN] < *node,
                "a node is less than its parent"
            );
            assert_eq!(
                self.places[node.slot.index()] as usize,
                at,
                "a slot is not where its node is"
            );
        }
        let linked = self.places.iter().filter(|place| **place < PINNED);
        assert_eq!(linked.count(), self.nodes.len(), "a slot lost its node");
    }
}
